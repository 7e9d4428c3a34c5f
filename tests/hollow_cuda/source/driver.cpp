// libcuda.so.1, the driver: torch opens it by name and asks little of it.
#define EXPORTED extern "C" __attribute__((visibility("default")))
#define NOTHING(function) \
    EXPORTED int function(...) { return 0; }

NOTHING(cuInit)
NOTHING(cuCtxSetCurrent)
NOTHING(cuDeviceGet)
NOTHING(cuDeviceGetAttribute)
NOTHING(cuFuncGetAttribute)
NOTHING(cuFuncSetAttribute)
NOTHING(cuFuncSetCacheConfig)
NOTHING(cuGetErrorString)
NOTHING(cuLaunchCooperativeKernel)
NOTHING(cuLaunchKernel)
NOTHING(cuLinkAddData_v2)
NOTHING(cuLinkComplete)
NOTHING(cuLinkCreate_v2)
NOTHING(cuModuleGetFunction)
NOTHING(cuModuleLoad)
NOTHING(cuModuleLoadData)
NOTHING(cuModuleLoadDataEx)
NOTHING(cuModuleUnload)
NOTHING(cuOccupancyMaxActiveBlocksPerMultiprocessor)
NOTHING(cuPointerGetAttribute)
NOTHING(cuTensorMapEncodeTiled)

// The one context, which is always there.
static int context;

EXPORTED int cuCtxGetCurrent(void** current) {
    *current = &context;
    return 0;
}

EXPORTED int cuDevicePrimaryCtxRetain(void** primary, int) {
    *primary = &context;
    return 0;
}

EXPORTED int cuDevicePrimaryCtxGetState(int, unsigned* flags, int* is_active) {
    *flags = 0;
    *is_active = 1;
    return 0;
}

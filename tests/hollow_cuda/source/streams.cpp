// Streams, events and launches. Nothing is computed, so whatever is launched is done at once.
#include <chrono>
#include <unordered_map>

#include "hollow.hpp"

using namespace hollow;

// ---- Streams

EXPORTED cudaError_t cudaStreamCreateWithPriority(cudaStream_t* made, unsigned, int) {
    *made = reinterpret_cast<cudaStream_t>(new Stream);
    return cudaSuccess;
}

EXPORTED cudaError_t cudaStreamCreateWithFlags(cudaStream_t* made, unsigned flags) {
    return cudaStreamCreateWithPriority(made, flags, 0);
}

EXPORTED cudaError_t cudaStreamCreate(cudaStream_t* made) {
    return cudaStreamCreateWithPriority(made, 0, 0);
}

EXPORTED cudaError_t cudaStreamDestroy(cudaStream_t handle) {
    LOCKED;
    Stream* stream = stream_of(handle);
    device().capturing.erase(stream);
    delete stream;
    return cudaSuccess;
}

EXPORTED cudaError_t cudaStreamGetPriority(cudaStream_t, int* priority) {
    *priority = 0;
    return cudaSuccess;
}

// Nobody may wait for a stream that only records, nor ask whether it is done.
static cudaError_t waited_for(cudaStream_t handle, const char* call) {
    LOCKED;
    if (Capture* capture = stream_of(handle)->capture.get())
        return violation(cudaErrorStreamCaptureUnsupported,
                         std::string(call) + " of a capturing stream", capture);
    return unsafe(call);
}

EXPORTED cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
    return waited_for(handle, "cudaStreamSynchronize");
}

EXPORTED cudaError_t cudaStreamQuery(cudaStream_t handle) {
    return waited_for(handle, "cudaStreamQuery");
}

EXPORTED cudaError_t cudaDeviceSynchronize() {
    LOCKED;
    return unsafe("cudaDeviceSynchronize");
}

// A captured stream is apart from all others. (CUDA lets a second stream join a capture by an event
// that was recorded in it. This project never does, so it counts as a mistake here.)
EXPORTED cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t of, unsigned) {
    LOCKED;
    Event* event = reinterpret_cast<Event*>(of);
    Capture* capture = stream_of(handle)->capture.get();
    if (capture && event->is_recorded && !event->is_captured)
        return violation(cudaErrorStreamCaptureIsolation,
                         "a capturing stream waits for an event from outside", capture);
    if (!capture && event->is_captured)
        return violation(cudaErrorStreamCaptureIsolation,
                         "a stream waits for an event that was recorded in a capture");
    return cudaSuccess;
}

// ---- Events

EXPORTED cudaError_t cudaEventCreateWithFlags(cudaEvent_t* made, unsigned) {
    *made = reinterpret_cast<cudaEvent_t>(new Event);
    return cudaSuccess;
}

EXPORTED cudaError_t cudaEventCreate(cudaEvent_t* made) { return cudaEventCreateWithFlags(made, 0); }

EXPORTED cudaError_t cudaEventDestroy(cudaEvent_t handle) {
    LOCKED;
    delete reinterpret_cast<Event*>(handle);
    return cudaSuccess;
}

EXPORTED cudaError_t cudaEventRecordWithFlags(cudaEvent_t handle, cudaStream_t stream, unsigned) {
    LOCKED;
    auto now = std::chrono::steady_clock::now().time_since_epoch();
    *reinterpret_cast<Event*>(handle) = {true, stream_of(stream)->capture != nullptr,
                                         std::chrono::duration<double>(now).count()};
    return cudaSuccess;
}

EXPORTED cudaError_t cudaEventRecord(cudaEvent_t handle, cudaStream_t stream) {
    return cudaEventRecordWithFlags(handle, stream, 0);
}

// An event that was recorded in a capture happens in the graph's launches, not now.
static cudaError_t asked_for(cudaEvent_t handle, const char* call) {
    LOCKED;
    if (reinterpret_cast<Event*>(handle)->is_captured)
        return violation(cudaErrorCapturedEvent, std::string(call) + " of a captured event");
    return unsafe(call);
}

EXPORTED cudaError_t cudaEventQuery(cudaEvent_t handle) {
    return asked_for(handle, "cudaEventQuery");
}

EXPORTED cudaError_t cudaEventSynchronize(cudaEvent_t handle) {
    return asked_for(handle, "cudaEventSynchronize");
}

EXPORTED cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t first,
                                          cudaEvent_t last) {
    LOCKED;
    double seconds =
        reinterpret_cast<Event*>(last)->seconds - reinterpret_cast<Event*>(first)->seconds;
    *milliseconds = static_cast<float>(seconds * 1e3);
    return cudaSuccess;
}

// ---- Kernels. When torch's libraries are loaded they register each kernel's host function with
// its name; a launch names that function.

using Names = std::unordered_map<const void*, std::string>;
static Names& kernel_names() { static auto* names = new Names; return *names; }

EXPORTED void** __cudaRegisterFatBinary(void* binary) { return new void*(binary); }
EXPORTED void __cudaRegisterFatBinaryEnd(void**) {}
EXPORTED void __cudaUnregisterFatBinary(void**) {}
EXPORTED char __cudaInitModule(void**) { return 0; }
EXPORTED void __cudaRegisterVar(void**, char*, char*, const char*, int, size_t, int, int) {}

EXPORTED void __cudaRegisterFunction(void**, const char* host, char*, const char* name, int, void*,
                                     void*, void*, void*, int*) {
    LOCKED;
    kernel_names()[host] = name;
}

// `kernel<<<grid, block, shared, stream>>>` pushes its configuration and pops it in the callee.
struct Configuration {
    dim3 grid, block;
    size_t n_shared;
    void* stream;
};
static thread_local std::vector<Configuration> configurations;

EXPORTED unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t n_shared,
                                              void* stream) {
    configurations.push_back({grid, block, n_shared, stream});
    return 0;
}

EXPORTED cudaError_t __cudaPopCallConfiguration(dim3* grid, dim3* block, size_t* n_shared,
                                                void* stream) {
    Configuration popped = configurations.back();
    configurations.pop_back();
    *grid = popped.grid;
    *block = popped.block;
    *n_shared = popped.n_shared;
    *static_cast<void**>(stream) = popped.stream;
    return cudaSuccess;
}

static cudaError_t launched(const void* host, cudaStream_t stream) {
    LOCKED;
    auto found = kernel_names().find(host);
    operate(stream_of(stream), found == kernel_names().end() ? "kernel" : found->second);
    return cudaSuccess;
}

EXPORTED cudaError_t cudaLaunchKernel(const void* host, dim3, dim3, void**, size_t,
                                      cudaStream_t stream) {
    return launched(host, stream);
}

EXPORTED cudaError_t cudaLaunchCooperativeKernel(const void* host, dim3, dim3, void**, size_t,
                                                 cudaStream_t stream) {
    return launched(host, stream);
}

EXPORTED cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* configuration, const void* host,
                                         void**) {
    return launched(host, configuration->stream);
}

// Since CUDA 13 a launch goes by a handle, which is the host function here.
EXPORTED cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* host) {
    *kernel = reinterpret_cast<cudaKernel_t>(const_cast<void*>(host));
    return cudaSuccess;
}

EXPORTED cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3, dim3, void**, size_t,
                                        cudaStream_t stream) {
    return launched(kernel, stream);
}

// All before it is done, so the host's function is called at once; in a capture it is a node.
EXPORTED cudaError_t cudaLaunchHostFunc(cudaStream_t handle, cudaHostFn_t function, void* data) {
    {
        LOCKED;
        Stream* stream = stream_of(handle);
        operate(stream, "host function");
        if (stream->capture) return cudaSuccess;
    }
    function(data);
    return cudaSuccess;
}

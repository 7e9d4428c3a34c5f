// The card that the hollow CUDA claims to be: one device with an H200's numbers.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "hollow.hpp"

static const int THREADS_A_BLOCK = 1024, THREADS_A_MULTIPROCESSOR = 2048, MULTIPROCESSORS = 132;
static const int SHARED_A_BLOCK = 48 << 10, SHARED_OPT_IN = 227 << 10;
static const int SHARED_A_MULTIPROCESSOR = 228 << 10;
static const int REGISTERS = 65536, L2_BYTES = 60 << 20, GRID_X = 2147483647, GRID_YZ = 65535;

EXPORTED cudaError_t cudaGetDeviceCount(int* count) {
    *count = 1;
    return cudaSuccess;
}

EXPORTED cudaError_t cudaGetDevice(int* number) {
    *number = 0;
    return cudaSuccess;
}

EXPORTED cudaError_t cudaSetDevice(int) { return cudaSuccess; }

// The driver is as new as the headers, so torch finds it new enough.
EXPORTED cudaError_t cudaDriverGetVersion(int* version) {
    *version = CUDART_VERSION;
    return cudaSuccess;
}

EXPORTED cudaError_t cudaRuntimeGetVersion(int* version) {
    *version = CUDART_VERSION;
    return cudaSuccess;
}

EXPORTED cudaError_t cudaGetDeviceProperties(cudaDeviceProp* found, int) {
    std::memset(found, 0, sizeof *found);
    std::strcpy(found->name, "Hollow CUDA");
    size_t n_free;
    cudaMemGetInfo(&n_free, &found->totalGlobalMem);
    found->major = 9;
    found->minor = 0;
    found->warpSize = 32;
    found->multiProcessorCount = MULTIPROCESSORS;
    found->maxThreadsPerBlock = THREADS_A_BLOCK;
    found->maxThreadsPerMultiProcessor = THREADS_A_MULTIPROCESSOR;
    found->maxBlocksPerMultiProcessor = 32;
    found->maxThreadsDim[0] = found->maxThreadsDim[1] = THREADS_A_BLOCK;
    found->maxThreadsDim[2] = 64;
    found->maxGridSize[0] = GRID_X;
    found->maxGridSize[1] = found->maxGridSize[2] = GRID_YZ;
    found->sharedMemPerBlock = SHARED_A_BLOCK;
    found->sharedMemPerBlockOptin = SHARED_OPT_IN;
    found->sharedMemPerMultiprocessor = SHARED_A_MULTIPROCESSOR;
    found->regsPerBlock = found->regsPerMultiprocessor = REGISTERS;
    found->l2CacheSize = L2_BYTES;
    found->memoryBusWidth = 6144;
    found->textureAlignment = 512;
    found->concurrentKernels = found->unifiedAddressing = found->cooperativeLaunch = 1;
    return cudaSuccess;
}

EXPORTED cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
    switch (attribute) {
        case cudaDevAttrComputeCapabilityMajor: *value = 9; break;
        case cudaDevAttrComputeCapabilityMinor: *value = 0; break;
        case cudaDevAttrWarpSize: *value = 32; break;
        case cudaDevAttrMultiProcessorCount: *value = MULTIPROCESSORS; break;
        case cudaDevAttrMaxThreadsPerBlock:
        case cudaDevAttrMaxBlockDimX:
        case cudaDevAttrMaxBlockDimY: *value = THREADS_A_BLOCK; break;
        case cudaDevAttrMaxBlockDimZ: *value = 64; break;
        case cudaDevAttrMaxThreadsPerMultiProcessor: *value = THREADS_A_MULTIPROCESSOR; break;
        case cudaDevAttrMaxSharedMemoryPerBlock: *value = SHARED_A_BLOCK; break;
        case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = SHARED_OPT_IN; break;
        case cudaDevAttrMaxSharedMemoryPerMultiprocessor: *value = SHARED_A_MULTIPROCESSOR; break;
        case cudaDevAttrMaxGridDimX: *value = GRID_X; break;
        case cudaDevAttrMaxGridDimY:
        case cudaDevAttrMaxGridDimZ: *value = GRID_YZ; break;
        case cudaDevAttrL2CacheSize: *value = L2_BYTES; break;
        default: *value = 1;  // the others say whether the card can do something
    }
    return cudaSuccess;
}

EXPORTED cudaError_t cudaDeviceGetPCIBusId(char* text, int n_bytes, int) {
    std::snprintf(text, n_bytes, "0000:00:00.0");
    return cudaSuccess;
}

EXPORTED cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
    *least = 0;
    *greatest = -5;
    return cudaSuccess;
}

EXPORTED cudaError_t cudaDeviceCanAccessPeer(int* can, int, int) {
    *can = 0;
    return cudaSuccess;
}

EXPORTED cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* found, const void*) {
    std::memset(found, 0, sizeof *found);
    found->maxThreadsPerBlock = THREADS_A_BLOCK;
    found->numRegs = 32;
    found->binaryVersion = found->ptxVersion = 90;
    return cudaSuccess;
}

EXPORTED cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute, int) {
    return cudaSuccess;
}

EXPORTED cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* n_blocks, const void*,
                                                                   int n_threads, size_t) {
    *n_blocks = std::max(1, THREADS_A_MULTIPROCESSOR / std::max(n_threads, 64));
    return cudaSuccess;
}

EXPORTED cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(
    int* n_blocks, const void* kernel, int n_threads, size_t n_shared, unsigned) {
    return cudaOccupancyMaxActiveBlocksPerMultiprocessor(n_blocks, kernel, n_threads, n_shared);
}

// No function of the driver is there by name: torch asks for those that this project never needs.
#if CUDART_VERSION >= 13000
EXPORTED cudaError_t cudaGetDriverEntryPointByVersion(const char*, void** found, unsigned,
                                                      unsigned long long,
                                                      cudaDriverEntryPointQueryResult* how) {
#else
EXPORTED cudaError_t cudaGetDriverEntryPoint(const char*, void** found, unsigned long long,
                                             cudaDriverEntryPointQueryResult* how) {
#endif
    *found = nullptr;
    if (how) *how = cudaDriverEntryPointSymbolNotFound;
    return cudaSuccess;
}

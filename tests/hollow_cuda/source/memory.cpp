// Memory. A device's memory holds nothing: it is a reserved range of addresses that nobody can
// read or write, so that a program which touches it from the host crashes as on a GPU. Whatever is
// copied from it to the host is zero. So runs on the hollow CUDA always do the same.
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>

#include "hollow.hpp"

using namespace hollow;

using Blocks = std::map<const char*, size_t>;  // first address -> bytes
static Blocks& on_device() { static auto* blocks = new Blocks; return *blocks; }
static Blocks& pinned() { static auto* blocks = new Blocks; return *blocks; }
static size_t n_allocated = 0, peak = 0;

// The card's bytes; HOLLOW_CUDA_MEMORY sets another number.
static size_t capacity() {
    static const char* set = getenv("HOLLOW_CUDA_MEMORY");
    return set ? std::strtoull(set, nullptr, 10) : 139ull << 30;
}

static bool holds(const Blocks& blocks, const void* pointer) {
    const char* address = static_cast<const char*>(pointer);
    auto next = blocks.upper_bound(address);
    if (next == blocks.begin()) return false;
    auto [first, n_bytes] = *--next;
    return address < first + n_bytes;
}

bool hollow::is_device_memory(const void* pointer) { return holds(on_device(), pointer); }

void* hollow::reserved_device_memory(size_t n_bytes) {
    if (n_allocated + n_bytes > capacity()) return nullptr;
    void* made = mmap(nullptr, n_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                      -1, 0);
    if (made == MAP_FAILED) return nullptr;
    on_device()[static_cast<char*>(made)] = n_bytes;
    n_allocated += n_bytes;
    if (n_allocated > peak) tell("memory", std::to_string(peak = n_allocated));
    return made;
}

EXPORTED cudaError_t cudaMalloc(void** made, size_t n_bytes) {
    LOCKED;
    if (cudaError_t error = unsafe("cudaMalloc")) return error;
    *made = reserved_device_memory(std::max<size_t>(n_bytes, 1));
    return *made ? cudaSuccess : failed(cudaErrorMemoryAllocation);
}

EXPORTED cudaError_t cudaFree(void* pointer) {
    LOCKED;
    if (!pointer) return cudaSuccess;  // how a program opens its context
    if (cudaError_t error = unsafe("cudaFree")) return error;
    auto block = on_device().find(static_cast<char*>(pointer));
    if (block == on_device().end()) return failed(cudaErrorInvalidValue);
    munmap(pointer, block->second);
    n_allocated -= block->second;
    on_device().erase(block);
    return cudaSuccess;
}

EXPORTED cudaError_t cudaMemGetInfo(size_t* n_free, size_t* n_total) {
    LOCKED;
    *n_total = capacity();
    *n_free = capacity() - n_allocated;
    return cudaSuccess;
}

// ---- The host's memory that a device reads by itself: pinned, by being made so or registered.

EXPORTED cudaError_t cudaHostAlloc(void** made, size_t n_bytes, unsigned) {
    LOCKED;
    if (cudaError_t error = unsafe("cudaHostAlloc")) return error;
    *made = std::calloc(1, std::max<size_t>(n_bytes, 1));
    pinned()[static_cast<char*>(*made)] = n_bytes;
    return cudaSuccess;
}

EXPORTED cudaError_t cudaFreeHost(void* pointer) {
    LOCKED;
    if (cudaError_t error = unsafe("cudaFreeHost")) return error;
    pinned().erase(static_cast<char*>(pointer));
    std::free(pointer);
    return cudaSuccess;
}

EXPORTED cudaError_t cudaHostRegister(void* pointer, size_t n_bytes, unsigned) {
    LOCKED;
    if (cudaError_t error = unsafe("cudaHostRegister")) return error;
    pinned()[static_cast<char*>(pointer)] = n_bytes;
    return cudaSuccess;
}

EXPORTED cudaError_t cudaHostUnregister(void* pointer) {
    LOCKED;
    if (cudaError_t error = unsafe("cudaHostUnregister")) return error;
    if (!pinned().erase(static_cast<char*>(pointer)))
        return failed(cudaErrorHostMemoryNotRegistered);
    return cudaSuccess;
}

EXPORTED cudaError_t cudaHostGetDevicePointer(void** on_the_device, void* pointer, unsigned) {
    *on_the_device = pointer;
    return cudaSuccess;
}

EXPORTED cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* found, const void* pointer) {
    LOCKED;
    std::memset(found, 0, sizeof *found);
    found->type = is_device_memory(pointer)   ? cudaMemoryTypeDevice
                  : holds(pinned(), pointer) ? cudaMemoryTypeHost
                                             : cudaMemoryTypeUnregistered;
    return cudaSuccess;
}

// ---- Copies. In a capture, one from or to pageable memory is refused: CUDA would stage it through
// a buffer of its own now, or read an address later that may be gone by then.

static cudaError_t copy(void* to, const void* from, size_t n_bytes, Stream* stream) {
    bool from_device = is_device_memory(from), to_device = is_device_memory(to);
    bool is_pageable = (!from_device && !holds(pinned(), from)) ||
                       (!to_device && !holds(pinned(), to));
    std::string name = std::string("memcpy ") + (from_device ? "D" : "H") + "to" +
                       (to_device ? "D" : "H") + " " + std::to_string(n_bytes);
    if (stream->capture && is_pageable)
        return violation(cudaErrorStreamCaptureUnsupported, name + " of pageable memory, captured",
                         stream->capture.get());
    operate(stream, name);
    if (stream->capture || to_device) return cudaSuccess;
    if (from_device)
        std::memset(to, 0, n_bytes);
    else
        std::memcpy(to, from, n_bytes);
    return cudaSuccess;
}

EXPORTED cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t n_bytes, cudaMemcpyKind,
                                     cudaStream_t stream) {
    LOCKED;
    return copy(to, from, n_bytes, stream_of(stream));
}

EXPORTED cudaError_t cudaMemcpy(void* to, const void* from, size_t n_bytes, cudaMemcpyKind) {
    LOCKED;
    if (cudaError_t error = unsafe("cudaMemcpy")) return error;
    return copy(to, from, n_bytes, &device().default_stream);
}

EXPORTED cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from,
                                       size_t from_pitch, size_t width, size_t height,
                                       cudaMemcpyKind, cudaStream_t stream) {
    LOCKED;
    for (size_t row = 0; row < height; row++)
        if (cudaError_t error = copy(static_cast<char*>(to) + row * to_pitch,
                                     static_cast<const char*>(from) + row * from_pitch, width,
                                     stream_of(stream)))
            return error;
    return cudaSuccess;
}

EXPORTED cudaError_t cudaMemsetAsync(void*, int, size_t n_bytes, cudaStream_t stream) {
    LOCKED;
    operate(stream_of(stream), "memset " + std::to_string(n_bytes));
    return cudaSuccess;
}

EXPORTED cudaError_t cudaMemset(void* to, int value, size_t n_bytes) {
    LOCKED;
    if (cudaError_t error = unsafe("cudaMemset")) return error;
    return cudaMemsetAsync(to, value, n_bytes, nullptr);
}

EXPORTED cudaError_t cudaGetSymbolAddress(void** found, const void*) {
    LOCKED;
    *found = reserved_device_memory(4096);  // more than any variable of torch's
    return *found ? cudaSuccess : failed(cudaErrorMemoryAllocation);
}

EXPORTED cudaError_t cudaMemcpyToSymbol(const void*, const void*, size_t, size_t, cudaMemcpyKind) {
    LOCKED;
    return unsafe("cudaMemcpyToSymbol");
}

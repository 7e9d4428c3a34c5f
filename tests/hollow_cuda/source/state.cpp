// The state that the parts share, the errors, and what a test is told.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "hollow.hpp"

namespace hollow {

static thread_local cudaError_t last_error = cudaSuccess;

Device& device() {
    static Device* made = new Device;  // never destroyed: torch still calls when the process ends
    return *made;
}

Stream* stream_of(cudaStream_t handle) {
    bool is_default = !handle || handle == cudaStreamLegacy || handle == cudaStreamPerThread;
    return is_default ? &device().default_stream : reinterpret_cast<Stream*>(handle);
}

void operate(Stream* stream, const std::string& name) {
    if (stream->capture)
        stream->capture->nodes.push_back(name);
    else
        device().n_launched++;
}

cudaError_t failed(cudaError_t error) { return last_error = error; }

cudaError_t violation(cudaError_t error, const std::string& what, Capture* spoiled) {
    if (spoiled) spoiled->is_spoiled = true;
    device().violations.push_back(what);
    tell("violation", what);
    return failed(error);
}

void tell(const char* kind, const std::string& what) {
    const char* path = getenv("HOLLOW_CUDA_LOG");
    int file = path ? open(path, O_WRONLY | O_APPEND | O_CREAT, 0644) : -1;
    if (file < 0) return;
    // One write, so that no other process's line comes between.
    std::string line = std::to_string(getpid()) + "\t" + kind + "\t" + what + "\n";
    if (write(file, line.data(), line.size()) < 0) abort();
    close(file);
}

}  // namespace hollow

using namespace hollow;

EXPORTED cudaError_t cudaGetLastError() {
    cudaError_t error = last_error;
    last_error = cudaSuccess;
    return error;
}

EXPORTED cudaError_t cudaPeekAtLastError() { return last_error; }

static const char* text_of(cudaError_t error) {
    switch (error) {
        case cudaSuccess: return "no error";
        case cudaErrorNotReady: return "device not ready";
        case cudaErrorMemoryAllocation: return "out of memory";
        case cudaErrorStreamCaptureUnsupported:
            return "operation not permitted when stream is capturing";
        case cudaErrorStreamCaptureInvalidated:
            return "operation failed due to a previous error during capture";
        default: return "an error of the hollow CUDA";
    }
}

EXPORTED const char* cudaGetErrorName(cudaError_t error) { return text_of(error); }
EXPORTED const char* cudaGetErrorString(cudaError_t error) { return text_of(error); }

// ---- What a test asks, through ctypes. A text stays valid until the next call.

EXPORTED long hollow_n_violations() {
    LOCKED;
    return device().violations.size();
}

EXPORTED const char* hollow_violation(long number) {
    LOCKED;
    return device().violations.at(number).c_str();
}

EXPORTED long hollow_n_launched() {
    LOCKED;
    return device().n_launched;
}

EXPORTED const char* hollow_last_graph() {
    static std::string lines;
    LOCKED;
    lines.clear();
    for (const std::string& node : device().last_graph) lines += node + "\n";
    return lines.c_str();
}

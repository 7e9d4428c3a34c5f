// The hollow CUDA: answers each call that torch makes of a GPU, and computes nothing.
//
// What the parts share. libhollow.so is loaded before CUDA's own libraries (LD_PRELOAD), so its
// functions are found first. A call that it does not answer reaches the real library, which finds
// no driver and says so.
#pragma once
#include <cuda_runtime_api.h>

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#define EXPORTED extern "C" __attribute__((visibility("default")))

namespace hollow {

using Nodes = std::vector<std::string>;  // what a graph does, each told by its name

// What a stream records between cudaStreamBeginCapture and cudaStreamEndCapture.
struct Capture {
    unsigned long long id;
    cudaStreamCaptureMode mode;
    std::thread::id thread;  // that began it
    bool is_spoiled = false;
    Nodes nodes;
};

struct Stream {
    std::unique_ptr<Capture> capture;  // null: what is launched is done at once
};

struct Event {
    bool is_recorded = false;
    bool is_captured = false;  // recorded last inside a capture
    double seconds = 0;        // when
};

// All that the process's threads share; read and changed by who holds the lock.
struct Device {
    std::recursive_mutex lock;
    Stream default_stream;
    std::set<Stream*> capturing;
    std::vector<std::string> violations;
    long n_launched = 0;  // operations that were launched outside a capture, each by itself
    Nodes last_graph;     // of the graph that was launched last
};

Device& device();
Stream* stream_of(cudaStream_t handle);

// One operation on a stream: recorded as a node where the stream is capturing, counted elsewhere.
void operate(Stream* stream, const std::string& name);

// Notes a broken rule and answers with the error; spoils the capture, if there is one.
cudaError_t violation(cudaError_t error, const std::string& what, Capture* spoiled = nullptr);

// An error that breaks no rule, such as missing memory.
cudaError_t failed(cudaError_t error);

// The answer to a call that is not safe beside a capture: an error where the rules forbid it now.
cudaError_t unsafe(const char* call);

bool is_device_memory(const void* pointer);
void* reserved_device_memory(size_t n_bytes);  // null: no room

// Appends a line to the file that HOLLOW_CUDA_LOG names, which all processes of a test share.
void tell(const char* kind, const std::string& what);

}  // namespace hollow

// Every answer begins with this: one thread at a time.
#define LOCKED std::lock_guard<std::recursive_mutex> locked(hollow::device().lock)

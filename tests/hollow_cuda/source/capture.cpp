// Stream capture and graphs, by CUDA's rules:
// "CUDA C++ Programming Guide", section "Stream Capture", and the reference of
// cudaStreamBeginCapture and cudaThreadExchangeStreamCaptureMode.
#include <utility>

#include "hollow.hpp"

using namespace hollow;

static thread_local cudaStreamCaptureMode thread_mode = cudaStreamCaptureModeGlobal;

// Whether a capture forbids this thread the calls that are not safe, such as cudaMalloc.
static bool forbids(const Capture& capture) {
    if (capture.mode == cudaStreamCaptureModeRelaxed) return false;
    bool is_own = capture.thread == std::this_thread::get_id();
    switch (thread_mode) {
        case cudaStreamCaptureModeRelaxed: return false;
        case cudaStreamCaptureModeThreadLocal: return is_own;
        default: return is_own || capture.mode == cudaStreamCaptureModeGlobal;
    }
}

cudaError_t hollow::unsafe(const char* call) {
    for (Stream* stream : device().capturing)
        if (forbids(*stream->capture))
            return violation(cudaErrorStreamCaptureUnsupported,
                             std::string(call) + " during a capture", stream->capture.get());
    return cudaSuccess;
}

EXPORTED cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
    std::swap(*mode, thread_mode);
    return cudaSuccess;
}

EXPORTED cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode mode) {
    static unsigned long long n_captures = 0;
    LOCKED;
    Stream* stream = stream_of(handle);
    if (stream == &device().default_stream)
        return violation(cudaErrorStreamCaptureUnsupported, "capture of the default stream");
    if (stream->capture)
        return violation(cudaErrorIllegalState, "a second capture of a stream",
                         stream->capture.get());
    stream->capture.reset(new Capture{++n_captures, mode, std::this_thread::get_id(), false, {}});
    device().capturing.insert(stream);
    return cudaSuccess;
}

EXPORTED cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph) {
    LOCKED;
    Stream* stream = stream_of(handle);
    *graph = nullptr;
    if (!stream->capture)
        return violation(cudaErrorIllegalState, "the end of a capture that never began");
    Capture* capture = stream->capture.get();
    bool is_own = capture->thread == std::this_thread::get_id();
    if (!is_own && capture->mode != cudaStreamCaptureModeRelaxed)
        return violation(cudaErrorStreamCaptureWrongThread, "the end of another thread's capture",
                         capture);
    std::unique_ptr<Capture> ended = std::move(stream->capture);
    device().capturing.erase(stream);
    if (ended->is_spoiled) return failed(cudaErrorStreamCaptureInvalidated);
    *graph = reinterpret_cast<cudaGraph_t>(new Nodes(std::move(ended->nodes)));
    return cudaSuccess;
}

static cudaStreamCaptureStatus status_of(const Stream* stream) {
    if (!stream->capture) return cudaStreamCaptureStatusNone;
    return stream->capture->is_spoiled ? cudaStreamCaptureStatusInvalidated
                                       : cudaStreamCaptureStatusActive;
}

EXPORTED cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
    LOCKED;
    *status = status_of(stream_of(handle));
    return cudaSuccess;
}

// Since CUDA 13 there are the edges' data as well; CUDA 12 calls the form without them _v2.
EXPORTED cudaError_t cudaStreamGetCaptureInfo(cudaStream_t handle, cudaStreamCaptureStatus* status,
                                              unsigned long long* id, cudaGraph_t* graph,
                                              const cudaGraphNode_t** dependencies,
#if CUDART_VERSION >= 13000
                                              const cudaGraphEdgeData** edges,
#endif
                                              size_t* n_dependencies) {
    LOCKED;
    const Stream* stream = stream_of(handle);
    *status = status_of(stream);
    if (id && stream->capture) *id = stream->capture->id;
    if (graph) *graph = nullptr;
    if (dependencies) *dependencies = nullptr;
#if CUDART_VERSION >= 13000
    if (edges) *edges = nullptr;
#endif
    if (n_dependencies) *n_dependencies = 0;
    return cudaSuccess;
}

// ---- Graphs: a list of names, twice: as captured, and as made ready to launch.

static const Nodes* nodes_of(const void* handle) { return static_cast<const Nodes*>(handle); }

EXPORTED cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t*, size_t* n_nodes) {
    *n_nodes = nodes_of(graph)->size();
    return cudaSuccess;
}

#if CUDART_VERSION >= 13000
EXPORTED cudaError_t cudaGraphNodeGetDependencies(cudaGraphNode_t, cudaGraphNode_t*,
                                                  cudaGraphEdgeData*, size_t* n_dependencies) {
    *n_dependencies = 0;
    return cudaSuccess;
}
#endif

EXPORTED cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* ready, cudaGraph_t graph,
                                                   unsigned long long) {
    LOCKED;
    if (cudaError_t error = unsafe("cudaGraphInstantiate")) return error;
    *ready = reinterpret_cast<cudaGraphExec_t>(new Nodes(*nodes_of(graph)));
    return cudaSuccess;
}

EXPORTED cudaError_t cudaGraphInstantiate(cudaGraphExec_t* ready, cudaGraph_t graph,
                                          unsigned long long flags) {
    return cudaGraphInstantiateWithFlags(ready, graph, flags);
}

EXPORTED cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    delete nodes_of(graph);
    return cudaSuccess;
}

EXPORTED cudaError_t cudaGraphExecDestroy(cudaGraphExec_t ready) {
    LOCKED;
    if (cudaError_t error = unsafe("cudaGraphExecDestroy")) return error;
    delete nodes_of(ready);
    return cudaSuccess;
}

EXPORTED cudaError_t cudaGraphLaunch(cudaGraphExec_t ready, cudaStream_t handle) {
    LOCKED;
    if (Capture* capture = stream_of(handle)->capture.get())
        return violation(cudaErrorStreamCaptureUnsupported, "a graph's launch in a capture",
                         capture);
    device().last_graph = *nodes_of(ready);
    device().n_launched += device().last_graph.size();
    return cudaSuccess;
}

// cuBLAS, cuBLASLt and cuDNN (its calls of version 7: TORCH_CUDNN_V8_API_DISABLED=1). Handles and
// descriptors are given, work is noted as one operation by its name. How many kernels the real
// libraries launch for it is unknown here.
//
// Their headers are not read. A function whose arguments do not matter takes `...`, which a caller
// cannot tell from the real one: both pass them alike on Linux.
#include <cstdlib>
#include <cstring>
#include <unordered_map>

#include "hollow.hpp"

using namespace hollow;

enum { DONE = 0 };  // CUBLAS_STATUS_SUCCESS and CUDNN_STATUS_SUCCESS

// ---- Handles: each works on the stream that was set last.

static std::unordered_map<void*, void*>& streams() {
    static auto* by_handle = new std::unordered_map<void*, void*>;
    return *by_handle;
}

static int make(void** made) {
    *made = std::calloc(1, 4096);  // more than any handle or descriptor that a caller reads
    return DONE;
}

static int set_stream(void* handle, void* stream) {
    LOCKED;
    streams()[handle] = stream;
    return DONE;
}

static int get_stream(void* handle, void** stream) {
    LOCKED;
    *stream = streams()[handle];
    return DONE;
}

static int work(void* handle, const char* name) {
    LOCKED;
    operate(stream_of(static_cast<cudaStream_t>(streams()[handle])), name);
    return DONE;
}

EXPORTED int cublasCreate_v2(void** handle) { return make(handle); }
EXPORTED int cublasLtCreate(void** handle) { return make(handle); }
EXPORTED int cudnnCreate(void** handle) { return make(handle); }
EXPORTED int cublasSetStream_v2(void* handle, void* stream) { return set_stream(handle, stream); }
EXPORTED int cudnnSetStream(void* handle, void* stream) { return set_stream(handle, stream); }
EXPORTED int cublasGetStream_v2(void* handle, void** stream) { return get_stream(handle, stream); }
EXPORTED int cudnnGetStream(void* handle, void** stream) { return get_stream(handle, stream); }

// ---- What needs no answer but "done", and what only makes a descriptor.

#define NOTHING(function) \
    EXPORTED int function(...) { return DONE; }
#define MAKES(function) \
    EXPORTED int function(void** made, ...) { return make(made); }
#define WORKS(function) \
    EXPORTED int function(void* handle, ...) { return work(handle, #function); }

NOTHING(cublasDestroy_v2)
NOTHING(cublasSetWorkspace_v2)
NOTHING(cublasSetMathMode)
NOTHING(cublasSetPointerMode_v2)
NOTHING(cublasSetAtomicsMode)
NOTHING(cublasLtDestroy)
NOTHING(cublasLtMatmulDescSetAttribute)
NOTHING(cublasLtMatmulDescDestroy)
NOTHING(cublasLtMatrixLayoutSetAttribute)
NOTHING(cublasLtMatrixLayoutDestroy)
NOTHING(cublasLtMatmulPreferenceSetAttribute)
NOTHING(cublasLtMatmulPreferenceDestroy)
NOTHING(cudnnDestroy)
NOTHING(cudnnDestroyTensorDescriptor)
NOTHING(cudnnDestroyFilterDescriptor)
NOTHING(cudnnDestroyConvolutionDescriptor)
NOTHING(cudnnDestroyActivationDescriptor)
NOTHING(cudnnSetTensorNdDescriptor)
NOTHING(cudnnSetTensor4dDescriptor)
NOTHING(cudnnSetFilterNdDescriptor)
NOTHING(cudnnSetConvolutionNdDescriptor)
NOTHING(cudnnSetConvolutionMathType)
NOTHING(cudnnSetConvolutionGroupCount)
NOTHING(cudnnSetActivationDescriptor)
NOTHING(cudnnDeriveBNTensorDescriptor)

MAKES(cublasLtMatmulDescCreate)
MAKES(cublasLtMatrixLayoutCreate)
MAKES(cublasLtMatmulPreferenceCreate)
MAKES(cudnnCreateTensorDescriptor)
MAKES(cudnnCreateFilterDescriptor)
MAKES(cudnnCreateConvolutionDescriptor)
MAKES(cudnnCreateActivationDescriptor)
MAKES(cudnnCreatePoolingDescriptor)
MAKES(cudnnCreateDropoutDescriptor)

static int zero(int* value) {
    *value = 0;
    return DONE;
}

EXPORTED int cublasGetPointerMode_v2(void*, int* mode) { return zero(mode); }
EXPORTED int cublasGetMathMode(void*, int* mode) { return zero(mode); }

// ---- Products of matrices

WORKS(cublasSgemm_v2)
WORKS(cublasGemmEx)
WORKS(cublasSgemmStridedBatched)
WORKS(cublasGemmStridedBatchedEx)
WORKS(cublasSgemv_v2)

static const size_t HEURISTIC_BYTES = 96;  // sizeof(cublasLtMatmulHeuristicResult_t)

EXPORTED int cublasLtMatmulAlgoGetHeuristic(void*, void*, void*, void*, void*, void*, void*, int,
                                            void* results, int* n_results) {
    std::memset(results, 0, HEURISTIC_BYTES);
    *n_results = 1;
    return DONE;
}

EXPORTED int cublasLtMatmul(void*, void*, void*, void*, void*, void*, void*, void*, void*, void*,
                            void*, void*, void*, void*, size_t, cudaStream_t stream) {
    LOCKED;
    operate(stream_of(stream), "cublasLtMatmul");
    return DONE;
}

// ---- Convolutions and batch norms

WORKS(cudnnConvolutionForward)
WORKS(cudnnConvolutionBackwardData)
WORKS(cudnnConvolutionBackwardFilter)
WORKS(cudnnBatchNormalizationForwardTrainingEx)
WORKS(cudnnBatchNormalizationBackwardEx)
WORKS(cudnnBatchNormalizationForwardInference)

// cudnnConvolution...AlgoPerf_t, field by field.
struct Algorithm {
    int number, status;
    float milliseconds;
    size_t n_workspace;
    int is_deterministic, math, reserved[3];
};

static int one_algorithm(int* n_found, Algorithm* found) {
    *found = {};
    found->number = 1;
    found->is_deterministic = 1;
    found->math = 3;  // CUDNN_FMA_MATH
    *n_found = 1;
    return DONE;
}

static int workspace(size_t* n_bytes, size_t needed) {
    *n_bytes = needed;
    return DONE;
}

#define FINDS_AN_ALGORITHM(function)                                                           \
    EXPORTED int function(void*, void*, void*, void*, void*, int, int* n_found,                \
                          Algorithm* found) {                                                  \
        return one_algorithm(n_found, found);                                                  \
    }
#define CONVOLUTION_WORKSPACE(function)                                                        \
    EXPORTED int function(void*, void*, void*, void*, void*, int, size_t* n_bytes) {           \
        return workspace(n_bytes, 1 << 20);                                                    \
    }

FINDS_AN_ALGORITHM(cudnnGetConvolutionForwardAlgorithm_v7)
FINDS_AN_ALGORITHM(cudnnGetConvolutionBackwardDataAlgorithm_v7)
FINDS_AN_ALGORITHM(cudnnGetConvolutionBackwardFilterAlgorithm_v7)
CONVOLUTION_WORKSPACE(cudnnGetConvolutionForwardWorkspaceSize)
CONVOLUTION_WORKSPACE(cudnnGetConvolutionBackwardDataWorkspaceSize)
CONVOLUTION_WORKSPACE(cudnnGetConvolutionBackwardFilterWorkspaceSize)

EXPORTED int cudnnGetBatchNormalizationForwardTrainingExWorkspaceSize(void*, int, int, void*, void*,
                                                                      void*, void*, void*,
                                                                      size_t* n_bytes) {
    return workspace(n_bytes, 1024);
}

EXPORTED int cudnnGetBatchNormalizationBackwardExWorkspaceSize(void*, int, int, void*, void*, void*,
                                                               void*, void*, void*, void*,
                                                               size_t* n_bytes) {
    return workspace(n_bytes, 1024);
}

EXPORTED int cudnnGetBatchNormalizationTrainingExReserveSpaceSize(void*, int, int, void*, void*,
                                                                  size_t* n_bytes) {
    return workspace(n_bytes, 1024);
}

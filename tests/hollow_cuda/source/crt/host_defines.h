// Stands in for the header of the same name, which comes with nvcc and not with torch: what CUDA's
// headers ask of a compiler, answered for g++.
#pragma once
#define __host__
#define __device__
#define __align__(n) __attribute__((aligned(n)))
#define CUDARTAPI
#define CUDARTAPI_CDECL
#define __device_builtin__
#define __cudart_builtin__
#define __builtin_align__(n) __align__(n)

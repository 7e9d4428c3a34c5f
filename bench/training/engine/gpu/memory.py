"""What a device tells when it has no memory left."""

from __future__ import annotations


def is_out_of_memory(reason: str) -> bool:
    """Whether an error's type and text tell of missing memory.

    PyTorch's own allocator raises an OutOfMemoryError; CUDA, cuDNN and cuBLAS, which allocate
    beside it, surface as a RuntimeError with "out of memory" or "..._ALLOC_FAILED" in its text.
    """
    text = reason.lower()
    return any(sign in text for sign in ("outofmemory", "out of memory", "alloc_failed"))

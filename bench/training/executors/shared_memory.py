"""Memory that processes of this machine share, which a GPU can read at its own pace."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from contextlib import suppress
from weakref import finalize

import numpy as np
import torch
from numpy.typing import NDArray

PORTABLE = 1  # cudaHostRegisterPortable: pinned for every context


class SharedMemory:
    """Memory that other processes write into as a file of that path; it grows to what they write.

    It lies in no file system: a container's /dev/shm is often smaller than the maps of a few
    epochs.

    Args:
        is_pinned: Whether a GPU copies from it; then the pages stay where they are, so that the
            copy needs no processor.

    Raises:
        OSError: this system has no such memory; Linux has.
    """

    def __init__(self, *, is_pinned: bool) -> None:
        if not hasattr(os, "memfd_create"):
            raise OSError("no memory without a file on this system")
        self._file = os.memfd_create("maps")
        self.path = f"/proc/{os.getpid()}/fd/{self._file}"
        self._is_pinned = is_pinned
        self._mapped = np.empty(0, np.uint8)
        self._is_registered = False

    def content(self, n_bytes: int, given_back: Callable[[], object]) -> NDArray[np.uint8]:
        """Its first bytes, which are there already.

        Args:
            n_bytes: How many.
            given_back: Called when nothing holds the content any more.
        """
        if len(self._mapped) < n_bytes:
            self._unmap()
            self._mapped = np.frombuffer(mmap.mmap(self._file, n_bytes), np.uint8)
            self._is_registered = self._is_pinned and _pin(self._mapped)
        content = self._mapped[:n_bytes]
        finalize(content, given_back).atexit = False
        return content

    def close(self) -> None:
        """Gives it back to the system; nothing holds its content."""
        self._unmap()
        os.close(self._file)

    def _unmap(self) -> None:
        if self._is_registered:
            self._is_registered = False
            torch.cuda.cudart().cudaHostUnregister(self._mapped.ctypes.data)
        self._mapped = np.empty(0, np.uint8)


def _pin(memory: NDArray[np.uint8]) -> bool:
    """Whether the driver pinned it; if not, copies from the memory work too, but are waited for."""
    address, n_bytes = memory.ctypes.data, memory.nbytes
    if int(torch.cuda.cudart().cudaHostRegister(address, n_bytes, PORTABLE)) == 0:
        return True
    with suppress(RuntimeError):  # the next launch would tell of the error
        torch.zeros(1, device="cuda")
    return False

"""A data set as one file that is mapped, so that a machine holds its pixels once.

The file is in the safetensors format: the length of a JSON header, the header, the arrays.
"""

from __future__ import annotations

import errno
import json
import mmap
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import save_file

from bench.inputs.image_data import Dataset, Split
from bench.spec import DatasetInfo

PARTS = ("train", "validation", "test")
LENGTH = 8  # bytes of the header's length
TYPES = {"U8": np.uint8, "I64": np.int64}


def write(dataset: Dataset, path: Path) -> None:
    """Writes a data set as one file.

    Raises:
        OSError: it cannot be written, as on a full disk.
    """
    # safetensors writes an array's memory from its first element on, whatever its strides.
    arrays: dict[str, NDArray[Any]] = {
        f"{part}.{name}": np.ascontiguousarray(getattr(getattr(dataset, part), name))
        for part in PARTS
        for name in ("images", "labels")
    }
    try:
        save_file(arrays, path, metadata={"info": msgspec.json.encode(dataset.info).decode()})
    except SafetensorError as error:
        raise OSError(errno.EIO, str(error)) from error


def mapped(path: Path) -> Dataset:
    """The data set of that file; its pages are read when they are used, and not copied.

    Raises:
        OSError, ValueError: it is no such file, or not a whole one.
    """
    with path.open("rb") as file:
        # Copied where it is written to, so that torch takes it; nothing does.
        memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    start = LENGTH + int.from_bytes(memory[:LENGTH], "little")
    header = json.loads(memory[LENGTH:start])
    info = msgspec.json.decode(header["__metadata__"]["info"], type=DatasetInfo)

    def array(name: str) -> NDArray[Any]:
        told = header[name]
        values = np.frombuffer(
            memory,
            TYPES[told["dtype"]],
            count=int(np.prod(told["shape"])),
            offset=start + told["data_offsets"][0],
        )
        return values.reshape(told["shape"])

    train, validation, test = (Split(array(f"{p}.images"), array(f"{p}.labels")) for p in PARTS)
    return Dataset(info=info, train=train, validation=validation, test=test, file=path)

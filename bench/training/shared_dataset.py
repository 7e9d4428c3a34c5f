"""A data set as one file that several processes map, so that a machine holds its pixels once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file
from safetensors.torch import load_file

from bench.inputs.datasets import Dataset, Split
from bench.spec import DatasetInfo

PARTS = ("train", "validation", "test")


@contextmanager
def shared(dataset: Dataset) -> Iterator[Path]:
    """The file of a data set, as long as the context lasts."""
    # safetensors writes an array's memory from its first element on, whatever its strides.
    arrays: dict[str, NDArray[Any]] = {
        f"{part}.{name}": np.ascontiguousarray(getattr(getattr(dataset, part), name))
        for part in PARTS
        for name in ("images", "labels")
    }
    with tempfile.TemporaryDirectory(prefix="manyseeds-") as folder:
        path = Path(folder) / f"{dataset.info.name}.safetensors"
        save_file(arrays, path, metadata={"info": msgspec.json.encode(dataset.info).decode()})
        yield path


def mapped(path: Path) -> Dataset:
    """The data set of that file; its pages are read when they are used, and not copied."""
    with safe_open(path, framework="numpy") as file:
        info = msgspec.json.decode(file.metadata()["info"], type=DatasetInfo)
    tensors = load_file(path)  # torch's loader maps, numpy's copies
    splits = {
        part: Split(tensors[f"{part}.images"].numpy(), tensors[f"{part}.labels"].numpy())
        for part in PARTS
    }
    return Dataset(info=info, **splits)

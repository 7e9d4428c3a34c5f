"""An image data set in memory: its three parts, the facts that records keep, and its digest."""

from __future__ import annotations

import hashlib
import importlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from bench.errors import DataError
from bench.spec import DatasetInfo, Shape

APPLICATION = "manyseeds"
LOCAL = Path("data")  # searched before the cache
SPLIT_SEED = 42  # for the fixed split of every data set that is built in


class MissingDataError(DataError):
    """The data is not there and could not be fetched; damaged data is a `DataError`."""


@dataclass(frozen=True)
class Split:
    """One part of a data set."""

    images: NDArray[np.uint8]  # (n, height, width) grey, else (n, channels, height, width); 0..255
    labels: NDArray[np.int64]  # (n,), from 0 to below the number of classes

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """A data set with its fixed split."""

    info: DatasetInfo
    train: Split
    validation: Split  # may be empty
    test: Split
    file: Path | None = None  # that its arrays are mapped from, where they are


def stored_shape(shape: Shape) -> tuple[int, ...]:
    """The shape of one image in a `Split`: grey images have no dimension for their channel."""
    return shape[1:] if shape[0] == 1 else shape


def assembled(name: str, digest: str, train: Split, validation: Split, test: Split) -> Dataset:
    """The built-in data set of these parts, with the facts that records keep."""
    info = DatasetInfo(
        name=name,
        digest=digest,
        n_train=len(train),
        n_validation=len(validation),
        n_test=len(test),
        split_seed=SPLIT_SEED,
    )
    return Dataset(info=info, train=train, validation=validation, test=test)


def content_digest(*arrays: NDArray[np.uint8] | NDArray[np.int64]) -> str:
    """64 hex digits: sha256 over the arrays' values, one byte each, in row order."""
    running = hashlib.sha256()
    for array in arrays:
        running.update(np.ascontiguousarray(array, dtype=np.uint8).data)
    return running.hexdigest()


def cache() -> Path:
    """The folder that keeps downloads; in the working folder where the user has no home."""
    try:
        folder = Path(platformdirs.user_cache_dir(APPLICATION))
    except RuntimeError:
        return LOCAL
    return folder if folder.is_absolute() else LOCAL  # older platformdirs leaves a `~` as it is


def torchvision_class(name: str) -> Any:
    """Torchvision's data set of that name: it holds the addresses, digests and classes."""
    datasets = importlib.import_module("torchvision.datasets")  # takes a second: only if needed
    return getattr(datasets, name)


def named_root(data_dir: Path | None) -> tuple[Path, str] | None:
    """The folder that the user named, and where; None if the user named no folder."""
    if data_dir is not None:
        return Path(data_dir), "--data-dir"
    from_environment = os.environ.get("BENCH_DATA")
    return (Path(from_environment), "$BENCH_DATA") if from_environment else None

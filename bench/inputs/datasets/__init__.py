"""Image data sets: one file a plug-in, found by a scan of this folder.

A plug-in defines ``load(data_dir) -> Dataset``, ``locate(data_dir) -> Path | None`` (the data's
place now, without a download) and ``ensure(data_dir) -> Path`` (its place after a download, if one
is needed; it raises `MissingDataError` if that fails).

Plug-ins may import torch, so they are imported when they are used, never here.
"""

from __future__ import annotations

import hashlib
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError, UsageError, nearest
from bench.spec import DatasetInfo

AUTO = "auto"
PREFERRED = "mnist"
FALLBACK = "mnist5k"
SPLIT_SEED = 42  # for the fixed split of every data set


class MissingDataError(DataError):
    """The data is not there and could not be fetched; damaged data is a `DataError`."""


@dataclass(frozen=True)
class Split:
    """One part of a data set."""

    images: NDArray[np.uint8]  # (n, 28, 28), grey levels 0..255
    labels: NDArray[np.int64]  # (n,), 0..9

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Dataset:
    """A data set with its fixed split."""

    info: DatasetInfo
    train: Split
    validation: Split
    test: Split


class _Plugin(Protocol):
    def load(self, data_dir: Path | None) -> Dataset: ...
    def locate(self, data_dir: Path | None) -> Path | None: ...
    def ensure(self, data_dir: Path | None) -> Path: ...


def names() -> list[str]:
    """Names of the data sets, sorted."""
    files = Path(__file__).parent.glob("*.py")
    return sorted(file.stem for file in files if not file.stem.startswith("_"))


def load(name: str, data_dir: Path | None = None) -> Dataset:
    """The data set of this name.

    Args:
        name: One of `names`; ``auto`` must have gone through `resolve`.
        data_dir: The folder given by ``--data-dir``.

    Raises:
        UsageError: There is no such data set.
        MissingDataError: The data is not there and could not be fetched.
        DataError: A file is damaged or not what it claims to be.
    """
    return _plugin(name).load(data_dir)


def locate(name: str, data_dir: Path | None = None) -> Path | None:
    """The place that the data would be read from now; None if it would have to be fetched.

    It looks at file names only: it neither reads nor downloads.

    Raises:
        UsageError: There is no such data set.
        DataError: A folder given by ``--data-dir`` or ``$BENCH_DATA`` does not hold the data.
    """
    return _plugin(name).locate(data_dir)


def resolve(name: str, data_dir: Path | None = None) -> tuple[str, str | None]:
    """A data set's name, and a notice if ``auto`` could not use MNIST.

    ``auto`` is MNIST where a folder holds it or it can be fetched, else the embedded digits.

    Raises:
        UsageError: There is no such data set.
        DataError: A folder named by the user does not exist.
    """
    if name != AUTO:
        _plugin(name)
        return name, None
    try:
        _plugin(PREFERRED).ensure(data_dir)
    except MissingDataError as missing:
        return FALLBACK, (
            f"MNIST is not available: {missing.what} ({missing.where}). Using {FALLBACK}, 5,000 "
            "embedded digits, instead: published accuracies are then not comparable, claims "
            f"about structure still are. To use MNIST: {missing.remedy}"
        )
    return PREFERRED, None


def assembled(name: str, digest: str, train: Split, validation: Split, test: Split) -> Dataset:
    """The data set of these parts, with the facts that records keep."""
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
        running.update(np.ascontiguousarray(array, dtype=np.uint8).tobytes())
    return running.hexdigest()


def _plugin(name: str) -> _Plugin:
    if name not in names():
        raise UsageError(
            f"unknown data set {name!r}",
            where="--dataset",
            remedy=nearest(name, [AUTO, *names()]),
        )
    return cast(_Plugin, importlib.import_module(f"{__name__}.{name}"))

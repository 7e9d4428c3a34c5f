"""Image data sets: one file a plug-in, found by a scan of this folder; and the user's own.

A user declares one by `datasets/NAME.toml` or `datasets/NAME.py` in the working folder.

A plug-in defines ``load(data_dir) -> Dataset``, ``locate(data_dir) -> Path | None`` (the data's
place now, without a download) and ``ensure(data_dir) -> Path`` (its place after a download, if one
is needed; it raises `MissingDataError` if that fails).

Plug-ins may import torch, so they are imported when they are used, never here.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Protocol, cast

from bench.errors import DataError, UsageError, nearest
from bench.inputs.declared.loading import Declared, declared
from bench.inputs.image_data import Dataset, MissingDataError, Split
from bench.machine import folder_in_use

__all__ = ["Dataset", "MissingDataError", "Split", "load", "locate", "names", "resolve"]

FOLDER = "datasets"  # in the working folder
AUTO = "auto"
PREFERRED = "mnist"
FALLBACK = "mnist5k"


class _Plugin(Protocol):
    def load(self, data_dir: Path | None) -> Dataset: ...
    def locate(self, data_dir: Path | None) -> Path | None: ...
    def ensure(self, data_dir: Path | None) -> Path: ...


def names() -> list[str]:
    """Names of the data sets, built in and declared, sorted.

    Raises:
        DataError: two data sets of one name.
    """
    return sorted([*_built_in(), *_declared()])


def _built_in() -> list[str]:
    files = Path(__file__).parent.glob("*.py")
    return [file.stem for file in files if not file.stem.startswith("_")]


def _declared() -> dict[str, Declared]:
    found = declared(folder_in_use(FOLDER))
    for name in (AUTO, *_built_in()):
        if name in found:
            raise DataError(
                f"two data sets named '{name}'",
                where=f"{found[name].path} and the built-in one",
                remedy="rename the file",
            )
    return found


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


def _plugin(name: str) -> _Plugin:
    own = _declared()
    if name in own:
        return own[name]
    if name not in _built_in():
        raise UsageError(
            f"unknown data set {name!r}",
            where="--dataset",
            remedy=nearest(name, [AUTO, *names()]),
        )
    return cast(_Plugin, importlib.import_module(f"{__name__}.{name}"))

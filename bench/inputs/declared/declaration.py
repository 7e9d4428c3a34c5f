"""What every declaration has, and the images that every kind of it brings."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError
from bench.inputs.image_data import LOCAL, MissingDataError, cache, named_root
from bench.spec import Count, Frozen, Hex, Share

Part = Share | Count  # a share, or so many images


class Partition(Frozen, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How images are divided; a share or a count is of all the images that are divided."""

    validation: Part = 0.1  # 0: no image validates, so nothing is chosen
    test: Part | None = None  # only where the data has no test images of its own
    seed: Count = 42
    stratified: bool = True  # whether each class is divided in the same proportion


class Declaration(Frozen, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """The keys that every kind of declaration has."""

    classes: tuple[str, ...] = ()  # names in the order of the labels
    noun: str = "image"  # what an image shows
    split: Partition = Partition()
    sha256: Hex | None = None  # of the decoded content; else it is kept at first use

    def places(self, beside: Path, data_dir: Path | None) -> list[Path]:
        """The files or folders that it reads, as they lie on this machine now.

        Args:
            beside: The folder of the declaration.
            data_dir: The folder given by ``--data-dir``.

        Raises:
            MissingDataError: one is not there.
        """
        raise NotImplementedError

    def read(self, places: Sequence[Path]) -> Content:
        """The images that lie there.

        Raises:
            DataError: a file that cannot be used; names it.
        """
        raise NotImplementedError

    def fetch(self, beside: Path, data_dir: Path | None) -> None:
        """Downloads what it reads, where it can."""


@dataclass(frozen=True)
class Images:
    """Images of one size and their labels, as a file holds them."""

    images: NDArray[Any]  # (n, height, width), or with channels
    labels: NDArray[Any]  # (n,)

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Content:
    """What a declaration's files hold, decoded."""

    train: Images
    test: Images | None  # None: test images are taken from the others
    class_names: tuple[str, ...] = ()


def found(path: str, beside: Path, data_dir: Path | None) -> Path:
    """The place of that path: absolute, in a folder of data, or beside the declaration.

    Raises:
        MissingDataError: it is in none of them.
    """
    roots = search_roots(beside, data_dir)
    # os.path raises nothing for an unknown user or for a name that is too long.
    candidates = [root / os.path.expanduser(path) for root in roots]  # noqa: PTH111
    for candidate in candidates:
        if os.path.exists(candidate):  # noqa: PTH110
            return candidate
    raise MissingDataError(
        f"there is no '{path}'",
        where=" or ".join(dict.fromkeys(str(each) for each in candidates)),
        remedy="put the data there, mend the path in the declaration, or name the folder above "
        "it by --data-dir",
    )


def search_roots(beside: Path, data_dir: Path | None) -> list[Path]:
    """Where data is looked for: the named folder, beside the declaration or its folder `datasets`,
    ./data, the cache.
    """
    named = named_root(data_dir)
    return [*([named[0]] if named else []), beside, beside.parent, LOCAL, cache()]


def files_below(folder: Path) -> Iterator[Path]:
    """Every file at any depth, folder by folder and sorted; links to folders are followed.

    Raises:
        DataError: a link leads to a folder above itself, so that there is no end of files.
    """
    for top, folders, names in os.walk(folder, followlinks=True):
        folders.sort()
        for link in (Path(top, each) for each in folders if Path(top, each).is_symlink()):
            if Path(top).resolve().is_relative_to(link.resolve()):
                raise damaged("a link to a folder above it", link, "remove the link")
        yield from (Path(top, name) for name in sorted(names))


def both_or_neither(names: Sequence[str], there: Sequence[bool], where: Path | str) -> bool:
    """Whether images and labels of one part are both there.

    Raises:
        DataError: the ones are there without the others.
    """
    if any(there) and not all(there):
        present, absent = sorted(names, key=lambda name: not there[names.index(name)])
        raise damaged(f"'{present}' without '{absent}'", where, "give both, or neither")
    return all(there)


def damaged(what: str, path: Path | str, remedy: str = "restore the file") -> DataError:
    """The error of a file that cannot be used."""
    return DataError(what, where=str(path), remedy=remedy)


def whole_numbers(values: NDArray[Any], where: Path | str) -> NDArray[np.int64]:
    """Labels (n,) as int64.

    Raises:
        DataError: they are no whole numbers, or have other dimensions.
    """
    labels = np.asarray(values)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise damaged(
            f"labels of shape {labels.shape} and type {labels.dtype}",
            where,
            "give one whole number for each image, from 0 on",
        )
    return labels.astype(np.int64)

"""Data sets in MNIST's IDX format: where they lie, and how they are read and verified.

A file lies as ``<root>/<folder>/raw/<file>`` or ``<file>.gz``; one of the two is enough.
Format: Yann LeCun's IDX, big-endian: two zero bytes, the type (8 is uint8), the number of
dimensions, one uint32 a dimension, then the values in row order.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import numpy as np
import platformdirs
import torch
from numpy.typing import NDArray

from bench.datasets import Dataset, MissingDataError, Split, content_digest
from bench.errors import DataError
from bench.spec import DatasetInfo

Pixels = NDArray[np.uint8]

APPLICATION = "manyseeds"
SPLIT_SEED = 42
N_CLASSES = 10


@dataclass(frozen=True)
class IdxFile:
    """One file as published; a digest that is None is not checked."""

    name: str  # without .gz
    shape: tuple[int, ...]
    sha256: str | None = None  # of the uncompressed content
    archive_md5: str | None = None  # of the .gz


@dataclass(frozen=True)
class Source:
    """A data set in four IDX files."""

    name: str
    folder: str
    files: tuple[IdxFile, IdxFile, IdxFile, IdxFile]  # images and labels to train, then to test
    n_validation: int  # taken from the training images
    mirrors: tuple[str, ...] | None = None  # URLs ending in "/"; None: torchvision's of `folder`
    foreign: Mapping[str, str] = field(default_factory=dict)  # sha256 of content -> whose it is
    download_seconds: float = 10.0  # for all files and mirrors together


def cache() -> Path:
    """The folder that downloads are kept in."""
    return Path(platformdirs.user_cache_dir(APPLICATION))


def named_root(data_dir: Path | None) -> tuple[Path, str] | None:
    """The folder that the user named, and where it was named; None where none was."""
    if data_dir is not None:
        return Path(data_dir), "--data-dir"
    from_environment = os.environ.get("BENCH_DATA")
    return (Path(from_environment), "$BENCH_DATA") if from_environment else None


def locate(source: Source, data_dir: Path | None) -> Path | None:
    """The folder that holds all four files; None where they would have to be fetched.

    A folder that the user named is the only one that is looked at: a run on other data than
    the user pointed at would be worse than no run.

    Raises:
        MissingDataError: The folder that the user named does not hold the files.
        DataError: It does not exist.
    """
    named = named_root(data_dir)
    roots = [named[0]] if named else [Path("data"), cache()]
    for folder in _folders(source, roots):
        if not missing_files(source, folder):
            return folder
    if named is None:
        return None
    _refuse_named_root(source, *named)


def missing_files(source: Source, folder: Path) -> list[IdxFile]:
    """The files that lie in the folder neither compressed nor uncompressed."""
    return [file for file in source.files if _path_of(file, folder) is None]


def load(source: Source, folder: Path) -> Dataset:
    """Reads, verifies and splits the files of a folder that holds them all.

    The split is `torch.randperm(n, generator=torch.Generator().manual_seed(42))`: the first
    part trains, the last `n_validation` validate.

    Raises:
        DataError: A file is damaged or not what it claims to be.
    """
    arrays = [read(source, file, folder) for file in source.files]
    train_images, train_labels, test_images, test_labels = arrays
    n_train = len(train_labels) - source.n_validation
    order = torch.randperm(
        len(train_labels), generator=torch.Generator().manual_seed(SPLIT_SEED)
    ).numpy()
    info = DatasetInfo(
        name=source.name,
        digest=content_digest(*arrays),
        n_train=n_train,
        n_validation=source.n_validation,
        n_test=len(test_labels),
        split_seed=SPLIT_SEED,
    )
    return Dataset(
        info=info,
        train=_split(train_images, train_labels, order[:n_train]),
        validation=_split(train_images, train_labels, order[n_train:]),
        test=_split(test_images, test_labels, np.arange(len(test_labels))),
    )


def read(source: Source, file: IdxFile, folder: Path) -> Pixels:
    """One file's values in their published shape, verified.

    Raises:
        DataError: The file is damaged or not what it claims to be.
    """
    path = _path_of(file, folder)
    if path is None:
        raise MissingDataError(
            f"{file.name} is not there", where=str(folder), remedy=f"put {file.name}.gz there"
        )
    try:
        packed = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"cannot be read: {error.strerror}", where=str(path), remedy="make it readable"
        ) from error
    return verified(source, file, packed, where=str(path))


def verified(source: Source, file: IdxFile, packed: bytes, *, where: str) -> Pixels:
    """The values in a file's bytes, compressed where `where` ends in .gz.

    Raises:
        DataError: names `where`, what was seen and what was expected.
    """
    remedy = f"delete it and fetch {file.name}.gz of {source.folder} again"
    if where.endswith(".gz"):
        _check_archive(file, packed, where, remedy)
        content = _unpacked(packed, where, remedy)
    else:
        content = packed
    _check_content(source, file, content, where, remedy)
    header = _header(file)
    if not content.startswith(header) or len(content) != len(header) + math.prod(file.shape):
        raise DataError(
            f"not the IDX file {file.name}: {len(content):,} bytes starting with "
            f"{content[:4].hex() or 'nothing'}, expected "
            f"{len(header) + math.prod(file.shape):,} bytes starting with {header.hex()}",
            where=where,
            remedy=remedy,
        )
    values = np.frombuffer(content, np.uint8, offset=len(header)).reshape(file.shape)
    if values.ndim == 1 and values.size and values.max() >= N_CLASSES:
        raise DataError(f"holds a label {values.max()}, labels are 0-9", where=where, remedy=remedy)
    return values


def _check_archive(file: IdxFile, packed: bytes, where: str, remedy: str) -> None:
    if file.archive_md5 is None:
        return
    seen = hashlib.md5(packed, usedforsecurity=False).hexdigest()
    if seen != file.archive_md5:
        raise DataError(
            f"not the published archive: md5 {seen}, expected {file.archive_md5}",
            where=where,
            remedy=remedy,
        )


def _unpacked(packed: bytes, where: str, remedy: str) -> bytes:
    try:
        return gzip.decompress(packed)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"not a whole gzip file ({error}): {len(packed):,} bytes, "
            f"sha256 {hashlib.sha256(packed).hexdigest()}",
            where=where,
            remedy=remedy,
        ) from error


def _check_content(source: Source, file: IdxFile, content: bytes, where: str, remedy: str) -> None:
    seen = hashlib.sha256(content).hexdigest()
    if file.sha256 is not None and seen != file.sha256:
        raise DataError(
            f"not the published {file.name}: sha256 of the uncompressed content is {seen}, "
            f"expected {file.sha256}",
            where=where,
            remedy=remedy,
        )
    if seen in source.foreign:
        raise DataError(
            f"this is {source.foreign[seen]}, not {source.folder}", where=where, remedy=remedy
        )


def _header(file: IdxFile) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in file.shape)
    return bytes([0, 0, 8, len(file.shape)]) + sizes


def _folders(source: Source, roots: list[Path]) -> Iterator[Path]:
    """The folders under each root that may hold the files; the root itself is one."""
    for root in roots:
        yield from (root / source.folder / "raw", root / "raw", root)


def _path_of(file: IdxFile, folder: Path) -> Path | None:
    candidates = (folder / file.name, folder / f"{file.name}.gz")
    return next((path for path in candidates if path.is_file()), None)


def _split(images: Pixels, labels: Pixels, rows: NDArray[np.int64]) -> Split:
    return Split(images=images[rows], labels=labels[rows].astype(np.int64))


def _refuse_named_root(source: Source, root: Path, where: str) -> NoReturn:
    expected = root / source.folder / "raw"
    if not root.is_dir():
        raise DataError(
            f"there is no folder {root}",
            where=where,
            remedy=f"name the folder above {source.folder}/raw, or none to search and download",
        )
    absent = ", ".join(f"{file.name}.gz" for file in missing_files(source, expected))
    raise MissingDataError(
        f"the folder {root} does not hold {source.folder}: missing {absent} in {expected}",
        where=where,
        remedy=f"put the files there, or name no folder to search ./data, {shown(cache())} "
        "and the mirrors",
    )


def shown(path: Path) -> str:
    """The path as a message shows it, without the user's name."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)

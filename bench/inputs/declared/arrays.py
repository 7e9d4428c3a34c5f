"""Images that lie as arrays: in a NumPy file, or in the four files of MNIST's format."""

from __future__ import annotations

import gzip
import io
import math
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError, page
from bench.inputs.declared.checks import Layout
from bench.inputs.declared.declaration import (
    Content,
    Declaration,
    Images,
    both_or_neither,
    damaged,
    found,
)
from bench.machine import MOST_STATE_BYTES, plain, read_plain

IDX_UINT8 = 8  # the type byte of an IDX file
WORD = 4  # bytes
MOST_DIMENSIONS = 4  # images by channels
MOST_ARRAY_BYTES = 4 << 30  # of one array of images, unpacked
IDX_FILES = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}


class Npz(Declaration, frozen=True, kw_only=True, tag="npz"):
    """A NumPy file (`numpy.savez`) of uint8 images and their labels."""

    path: str
    train_images: str = "train_images"  # names of the arrays
    train_labels: str = "train_labels"
    test_images: str = "test_images"  # may be absent: then [split] gives test images
    test_labels: str = "test_labels"
    layout: Layout = "hwc"  # the order of an image's dimensions

    def places(self, beside: Path, data_dir: Path | None) -> list[Path]:
        """The one file."""
        return [found(self.path, beside, data_dir)]

    def read(self, places: Sequence[Path]) -> Content:
        """The arrays of the file; none with Python objects is loaded."""
        (path,) = places
        train = (self.train_images, self.train_labels)
        test = (self.test_images, self.test_labels)
        try:
            with plain(path) as stream:  # NumPy leaves a broken file open
                file = np.load(stream, allow_pickle=False)
                if isinstance(file, np.ndarray):
                    raise damaged("one array, no .npz file", path, "save it by numpy.savez")
                largest = max((each.file_size for each in file.zip.infolist()), default=0)
                if largest > MOST_ARRAY_BYTES:
                    what = f"an array of {largest:,} bytes, more than {MOST_ARRAY_BYTES:,}"
                    raise damaged(what, path)
                for name in train:
                    if name not in file:
                        known = ", ".join(file.files)
                        what = f"no array '{name}'; it has {known}"
                        remedy = 'give its name, such as train_images = "x_train"'
                        raise damaged(what, path, remedy)
                has_test = both_or_neither(test, [name in file for name in test], path)
                arrays = [file[name] for name in (*train, *(test if has_test else ()))]
        except BenchError:
            raise
        except Exception as error:  # NumPy and zipfile raise what they meet in a damaged file
            raise damaged(f"cannot be read: {error}", path) from error
        return content_of(arrays)


class Idx(Declaration, frozen=True, kw_only=True, tag="idx"):
    """Files in the IDX format, packed by gzip or not."""

    path: str = "."  # the folder
    train_images: str = IDX_FILES["train_images"]
    train_labels: str = IDX_FILES["train_labels"]
    test_images: str = IDX_FILES["test_images"]  # may be absent: then [split] gives test images
    test_labels: str = IDX_FILES["test_labels"]
    layout: Layout = "hwc"

    def places(self, beside: Path, data_dir: Path | None) -> list[Path]:
        """The two or four files."""
        folder = found(self.path, beside, data_dir)
        train = [_packed_or_not(folder, name) for name in (self.train_images, self.train_labels)]
        test = [_packed_or_not(folder, name) for name in (self.test_images, self.test_labels)]
        for path in train:
            if not path.is_file():
                raise damaged("there is no such file", path, "put it there, or name it in the TOML")
        names = [path.name for path in test]
        return train + (test if both_or_neither(names, [p.is_file() for p in test], folder) else [])

    def read(self, places: Sequence[Path]) -> Content:
        """The arrays of the files."""
        return idx_content(places)


def idx_content(places: Sequence[Path]) -> Content:
    """What `content_of` makes of the arrays of IDX files."""
    return content_of([idx_array(read_plain(path, MOST_STATE_BYTES), path) for path in places])


def content_of(arrays: Sequence[NDArray[Any]]) -> Content:
    """Training images and labels, then test images and labels where there are any."""
    train, *test = (Images(*arrays[i : i + 2]) for i in range(0, len(arrays), 2))
    return Content(train, test[0] if test else None)


def _packed_or_not(folder: Path, name: str) -> Path:
    plain, packed = folder / name, folder / f"{name}.gz"
    return packed if packed.is_file() and not plain.is_file() else plain


def idx_array(content: bytes, where: Path | str) -> NDArray[np.uint8]:
    """The array of an IDX file: a big-endian word, one word a dimension, then the values by rows.

    Raises:
        DataError: it is no such file of bytes, or not a whole one.
    """
    packed = content.startswith(b"\x1f\x8b")
    stream = io.BytesIO(content)
    try:
        return _array(gzip.GzipFile(fileobj=stream) if packed else stream, where)
    except (OSError, EOFError, zlib.error) as error:
        raise damaged(f"cannot be unpacked: {error}", where) from error


def _array(stream: gzip.GzipFile | io.BytesIO, where: Path | str) -> NDArray[np.uint8]:
    """Reads one byte more than the header says: unpacking a longer file costs no memory."""
    magic = stream.read(WORD)
    if len(magic) < WORD or magic[:2] != b"\0\0" or magic[2] != IDX_UINT8:
        raise damaged("no IDX file of unsigned bytes", where, f"see {page('data')} for the format")
    n_dimensions = magic[3]
    if n_dimensions > MOST_DIMENSIONS:
        raise damaged(f"an array of {n_dimensions} dimensions", where)
    head = stream.read(WORD * n_dimensions)
    words = np.frombuffer(head, ">u4", count=len(head) // WORD)
    shape = tuple(int(word) for word in words)
    n_bytes = math.prod(shape)
    if n_bytes > MOST_ARRAY_BYTES:
        raise damaged(f"an array of {n_bytes:,} bytes, more than {MOST_ARRAY_BYTES:,}", where)
    values = stream.read(n_bytes + 1)
    if len(shape) < n_dimensions or len(values) != n_bytes:
        n_there = len(magic) + len(head) + len(values)
        more = " or more" if len(values) > n_bytes else ""
        raise damaged(f"{n_there:,} bytes{more} do not hold an array of shape {shape}", where)
    return np.frombuffer(values, np.uint8).reshape(shape)

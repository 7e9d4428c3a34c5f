"""A folder of images, one sub-folder a class: `train/` and `test/`, or one folder with a split.

A folder may be a zip file instead, which is read where it lies: nothing is unpacked onto the disk.
"""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from bench.errors import DataError
from bench.inputs.declared.declaration import (
    Content,
    Declaration,
    Images,
    damaged,
    files_below,
    found,
)
from bench.machine import usable_cores
from bench.spec import PositiveInt

ENDINGS = (".jpg", ".jpeg", ".png")
OTHER_IMAGES = (".bmp", ".gif", ".tif", ".tiff", ".webp")
MOST_BYTES = 64 << 20  # of one image's file
MOST_SIDE = 4096  # pixels; the augmentation takes no larger ones
MODES = {1: "L", 3: "RGB"}  # channels -> Pillow's mode
PNG_SIGNATURE, PNG_DEPTH = b"\x89PNG\r\n\x1a\n", 24  # where the bits of a sample stand
AT_ONCE = 1024  # images that are read before they are decoded

Parts = tuple[str, ...]  # of a file's path, below the tree's top
Side = Annotated[int, msgspec.Meta(ge=1, le=MOST_SIDE)]


class ImageFolder(Declaration, frozen=True, kw_only=True, tag="image_folder"):
    """Images by class."""

    path: str
    train: str | None = None  # below the path; default: train, or train.zip, if it is there
    test: str | None = None
    # One side, or height and width; bilinear. As `tuple[Side, Side]` msgspec 0.23 crashes.
    resize: Side | tuple[Side, ...] | None = None
    channels: PositiveInt | None = None  # 1 or 3; default: as the images have

    def places(self, beside: Path, data_dir: Path | None) -> list[Path]:
        """The folder of the training images, and that of the test images where it has one."""
        top = found(self.path, beside, data_dir)
        train = _part(top, self.train, "train")
        test = _part(top, self.test, "test")
        if test is not None and train is None:
            what = "test images without training images"
            raise damaged(what, top, "name the training images by `train =`")
        return [top] if train is None else [train, *([test] if test else [])]

    def read(self, places: Sequence[Path]) -> Content:
        """The images that lie there, sorted by class, then by path."""
        size = (self.resize, self.resize) if isinstance(self.resize, int) else self.resize
        if size is not None and len(size) != 2:
            raise damaged(f"resize = {list(size)}", "the declaration", "give [height, width]")
        if self.channels not in (None, *MODES):
            raise damaged(f"channels = {self.channels}", "the declaration", "give 1 or 3")
        with ExitStack() as opened:
            trees = [_tree(place, opened) for place in places]
            names = self.classes or tuple(trees[0].classes())
            decoder = _Decoder(size, self.channels)
            train, *test = [_images(tree, names, decoder) for tree in trees]
        return Content(train, test[0] if test else None, names)


@dataclass(frozen=True)
class _Tree:
    """The files of a folder or of a zip file."""

    place: Path
    files: dict[Parts, str | zipfile.ZipInfo]
    open: Callable[[str | zipfile.ZipInfo], bytes]

    def classes(self) -> list[str]:
        """The names of the folders at the top that hold images, sorted.

        Raises:
            DataError: images lie at the top, or there is no image.
        """
        flat = [parts[0] for parts in self.files if len(parts) == 1]
        if flat:
            what = f"'{flat[0]}' is not in the folder of a class"
            raise damaged(what, self.place, "put the images of each class in a folder of its name")
        names = sorted({parts[0] for parts in self.files})
        if not names:
            what = "no folder of a class with images"
            raise damaged(what, self.place, f"give folders with {', '.join(ENDINGS)} files")
        return names


def _part(top: Path, declared: str | None, name: str) -> Path | None:
    """The folder or zip file of a part; None where nothing is declared and nothing is there."""
    names = [declared] if declared else [name, f"{name}.zip"]
    there = [top / each for each in names if (top / each).exists()]
    if declared and not there:
        raise damaged(f"there is no '{declared}'", top, "mend the declaration, or put it there")
    return there[0] if there else None


def _tree(place: Path, opened: ExitStack) -> _Tree:
    if place.is_dir():
        files = {each.relative_to(place).parts: str(each) for each in files_below(place)}
        return _Tree(place, _images_of(files, place), lambda path: _bytes(Path(str(path))))
    try:
        archive = opened.enter_context(zipfile.ZipFile(place))
    except Exception as error:  # zipfile raises what it meets, and so does Pillow
        raise damaged(f"no readable zip file: {error}", place) from error
    packed = [each for each in archive.infolist() if not each.filename.endswith("/")]
    members = {_parts(each, place): each for each in packed}
    tree = _images_of(_below_one_top(members), place)
    return _Tree(place, tree, lambda member: _member(archive, member, place))


def _bytes(path: Path) -> bytes:
    told = path.stat()
    if not stat.S_ISREG(told.st_mode):
        raise damaged("no plain file", path, "remove it")
    if told.st_size > MOST_BYTES:
        raise damaged(f"more than {MOST_BYTES:,} bytes", path, "remove it, or make it smaller")
    return path.read_bytes()


def _member(archive: zipfile.ZipFile, member: str | zipfile.ZipInfo, place: Path) -> bytes:
    assert isinstance(member, zipfile.ZipInfo)
    where = f"{place}/{member.filename}"
    if member.file_size > MOST_BYTES:
        raise damaged(f"more than {MOST_BYTES:,} bytes", where, "remove it, or make it smaller")
    try:
        return archive.read(member)
    except Exception as error:
        raise damaged(f"cannot be unpacked: {error}", where) from error


def _parts(member: zipfile.ZipInfo, place: Path) -> Parts:
    """A member's path.

    Raises:
        DataError: it is empty, or leads out of the archive.
    """
    path = PurePosixPath(member.filename.replace("\\", "/"))
    if not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        what = f"the member '{member.filename}' has no name, or leads out of the archive"
        raise damaged(what, place, "do not trust this file; pack the images again")
    return path.parts


def _below_one_top(members: dict[Parts, zipfile.ZipInfo]) -> dict[Parts, zipfile.ZipInfo]:
    """Without the one folder in which an archive holds all folders of classes, if it has one."""
    shown = {parts: each for parts, each in members.items() if not _is_hidden(parts)}
    tops = {parts[0] for parts in shown}
    if len(tops) == 1 and shown and all(len(parts) > 2 for parts in shown):
        return {parts[1:]: each for parts, each in shown.items()}
    return shown


def _is_hidden(parts: Parts) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in parts)


def _images_of(
    files: dict[Parts, str] | dict[Parts, zipfile.ZipInfo], place: Path
) -> dict[Parts, str | zipfile.ZipInfo]:
    """The files that are images, sorted; other files are left out.

    Raises:
        DataError: an image of a format that is not read.
    """
    kept: dict[Parts, str | zipfile.ZipInfo] = {}
    for parts in sorted(files):
        ending = PurePosixPath(parts[-1]).suffix.lower()
        if _is_hidden(parts):
            continue
        if ending in OTHER_IMAGES:
            what = "neither a JPEG nor a PNG file"
            raise damaged(what, "/".join((str(place), *parts)), "convert it, or remove it")
        if ending in ENDINGS:
            kept[parts] = files[parts]
    return kept


def _images(tree: _Tree, names: tuple[str, ...], decoder: _Decoder) -> Images:
    """Every image of the tree; the label is the place of its folder's name.

    Raises:
        DataError: a folder that is no class, or an image that cannot be used.
    """
    places = {name: label for label, name in enumerate(names)}
    for name in tree.classes():
        if name not in places:
            what = f"the folder '{name}' is no class of the data set"
            raise damaged(what, tree.place, "add the class to the training images, or remove it")
    files = list(tree.files.items())
    labels = np.array([places[parts[0]] for parts, _ in files], dtype=np.int64)
    images: NDArray[np.uint8] | None = None
    with ThreadPoolExecutor(usable_cores()) as threads:  # Pillow decodes without Python's lock
        for first in range(0, len(files), AT_ONCE):
            some = files[first : first + AT_ONCE]
            contents = [(f"{tree.place}/{'/'.join(p)}", tree.open(file)) for p, file in some]
            if images is None:
                images = np.empty((len(files), *decoder.expect(*contents[0])), dtype=np.uint8)
            decoded = threads.map(lambda each: decoder.decode(*each), contents)
            for place, array in enumerate(decoded, start=first):
                images[place] = array
    assert images is not None
    return Images(images, labels)


class _Decoder:
    """Decodes images of one size and one mode; the first one decides what is not declared."""

    def __init__(self, resize: tuple[int, ...] | None, channels: int | None) -> None:
        self._resize = resize
        self._is_declared = channels is not None
        self._mode = MODES[channels] if channels else None
        self._size = self._resize  # (height, width)
        self._first = ""

    def expect(self, where: str, content: bytes) -> tuple[int, ...]:
        """The shape of every image's array, by the first one."""
        with _opened(where, content) as image:
            if self._mode is None:
                _require_plain(image.mode, where)
                self._mode = image.mode
            if self._size is None:
                self._size, self._first = (image.height, image.width), where
        return self._size if self._mode == "L" else (*self._size, 3)

    def decode(self, where: str, content: bytes) -> NDArray[np.uint8]:
        """(height, width) or (height, width, 3).

        Raises:
            DataError: it is damaged, or of another size or mode.
        """
        with _opened(where, content) as image:
            if not self._is_declared and image.mode != self._mode:
                _require_plain(image.mode, where)
                what = f"{_words(image.mode)}, other images are {_words(str(self._mode))}"
                raise damaged(what, where, "say channels = 1 or channels = 3 in the declaration")
            try:
                plain = image.convert(self._mode)
            except Exception as error:
                raise _unreadable(where, error) from error
        assert self._size is not None
        height, width = self._size
        if self._resize is None and plain.size != (width, height):
            raise damaged(
                f"{plain.height} x {plain.width} pixels, '{self._first}' has {height} x {width}",
                where,
                f"say resize = [{height}, {width}] in the declaration",
            )
        if plain.size != (width, height):
            plain = plain.resize((width, height), Image.Resampling.BILINEAR)
        return np.asarray(plain)


def _opened(where: str, content: bytes) -> Image.Image:
    """The image, of which the header alone is read.

    Raises:
        DataError: no image, too large, or with samples of more than 8 bits.
    """
    depth = content[PNG_DEPTH : PNG_DEPTH + 1]
    if content.startswith(PNG_SIGNATURE) and depth == b"\x10":
        what = "a PNG with samples of 16 bits"
        raise damaged(what, where, "convert it to 8 bits: levels from 0 to 255")
    try:
        image = Image.open(io.BytesIO(content), formats=("JPEG", "PNG"))
    except Exception as error:
        raise _unreadable(where, error) from error
    if max(image.size) > MOST_SIDE:
        what = f"{image.height} x {image.width} pixels"
        raise damaged(what, where, f"use images of at most {MOST_SIDE} pixels a side")
    return image


def _unreadable(where: str, error: Exception) -> DataError:
    what = "no JPEG or PNG image" if isinstance(error, UnidentifiedImageError) else str(error)
    return damaged(f"cannot be decoded: {what}", where, "restore the file, or remove it")


def _require_plain(mode: str, where: str) -> None:
    if mode not in MODES.values():
        remedy = "say channels = 3 (or 1) in the declaration, so that it is converted"
        raise damaged(f"{_words(mode)}, not plain grey or RGB", where, remedy)


def _words(mode: str) -> str:
    known = {"L": "grey", "RGB": "RGB", "P": "an image with a palette", "RGBA": "RGB with alpha"}
    return known.get(mode, f"an image of mode {mode}")

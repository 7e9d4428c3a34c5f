"""From a declaration to the data set: read, checked, divided, pinned, and kept to be mapped.

The digest of the decoded content is written beside the declaration at first use and compared
later. What was decoded is kept in the user's cache as one file, by the declaration and by the size
and time of every file that it reads, so that the next command maps it at once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from bench.errors import DataError, StoreError, nearest, page, without_home
from bench.inputs import mapped
from bench.inputs.declared import checks, script, splitting
from bench.inputs.declared.arrays import Idx, Npz
from bench.inputs.declared.checks import Layout
from bench.inputs.declared.declaration import Content, Declaration, Partition, damaged, files_below
from bench.inputs.declared.hub import HuggingFace
from bench.inputs.declared.image_folder import ImageFolder
from bench.inputs.declared.published import Torchvision
from bench.inputs.image_data import Dataset, MissingDataError, Split, cache
from bench.machine import Lock, appearing_whole, toml_of, write_atomically
from bench.spec import NAME, DatasetInfo, canonical_json

KINDS: dict[str, type[Declaration]] = {
    "image_folder": ImageFolder,
    "npz": Npz,
    "idx": Idx,
    "torchvision": Torchvision,
    "huggingface": HuggingFace,
}
DECODER = 1  # raise it when the same files are decoded to other arrays
PIN_ENDING = ".sha256"  # beside the declaration
ENDING = ".safetensors"


@dataclass(frozen=True)
class Declared:
    """A data set of the user's folder; `load`, `locate` and `ensure` as of a built-in one."""

    path: Path  # of the declaration

    @property
    def name(self) -> str:
        return self.path.stem

    def load(self, data_dir: Path | None) -> Dataset:
        """The data set, mapped from the cache where it was decoded before.

        Raises:
            MissingDataError: the data is not there and could not be fetched.
            DataError: the declaration or the data cannot be used, or is not what was pinned.
        """
        _require_name(self.path)
        if self.path.suffix == ".py":
            declaration, read = script.declaration(self.path)
            return self._decoded(declaration, read(data_dir))[1]
        kind = parsed(self.path)
        kind.fetch(self.path.parent, data_dir)
        places = kind.places(self.path.parent, data_dir)
        if not places:
            return self._decoded(kind, _read(kind, places))[1]
        return self._kept(kind, places)

    def locate(self, data_dir: Path | None) -> Path | None:
        """Where it would be read from now; None where it would be fetched."""
        if self.path.suffix == ".py":
            return self.path
        kind = parsed(self.path)
        try:
            places = kind.places(self.path.parent, data_dir)
        except MissingDataError:
            if isinstance(kind, Torchvision):
                return None
            raise
        return places[0] if places else None

    def ensure(self, data_dir: Path | None) -> Path:
        """Its place, after a download where one is needed."""
        kind = parsed(self.path)
        kind.fetch(self.path.parent, data_dir)
        return next(iter(kind.places(self.path.parent, data_dir)), self.path)

    def _kept(self, kind: Declaration, places: list[Path]) -> Dataset:
        """Mapped from the cache, which is filled first where it has to be."""
        folder = cache() / "decoded"
        own = f"{self.name}-{_short(str(self.path.resolve()))}"
        state = f"{own}-{_short(_state(kind, places))}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with Lock(folder / f"{own}.lock"):
                for file in folder.glob(f"{state}-*{ENDING}"):
                    known = _mapped(file)
                    if known is not None:
                        # The name holds the digest of what was decoded.
                        self._require_pinned(kind, file.name.removesuffix(ENDING).split("-")[-1])
                        return known
                digest, dataset = self._decoded(kind, _read(kind, places))
                for old in folder.glob(f"{own}-*{ENDING}"):
                    old.unlink(missing_ok=True)  # who maps it keeps it
                return _written(dataset, folder / f"{state}-{digest}{ENDING}")
        except OSError as error:
            raise StoreError(
                f"cannot keep the decoded images: {error.strerror}",
                where=without_home(str(folder)),
                remedy="free some space, or set XDG_CACHE_HOME to a writable folder",
            ) from error

    def _decoded(self, kind: Declaration, content: Content) -> tuple[str, Dataset]:
        """The content's digest, and the data set: checked, divided and pinned."""
        where = str(self.path)
        checks.require_printable("noun", kind.noun, where)
        names = checks.class_names(content, kind.classes, where)
        layout: Layout = getattr(kind, "layout", "hwc")
        first, *last = (
            checks.stored(part, f"{title} images of {where}", layout)
            for title, part in (("training", content.train), ("test", content.test))
            if part is not None
        )
        if last:
            checks.require_alike(first, last[0], where)
        _require_split(kind, bool(last), where)
        rows = splitting.rows(first.labels, kind.split, where)
        parts = [_rows(first, each) for each in rows]
        if last:
            parts[2] = last[0]
        for title, part in zip(mapped.PARTS, parts, strict=True):
            checks.require_every_class(title, part, names, where)
        digest = _digest([first, *last], names)
        self._require_pinned(kind, digest)
        return digest, _assembled(self.name, kind, names, (digest, rows), parts)

    def _require_pinned(self, kind: Declaration, digest: str) -> None:
        """Compares the content with what was pinned; pins it at first use.

        Raises:
            DataError: it is another one.
            StoreError: the pin cannot be written.
        """
        pin = self.path.with_suffix(PIN_ENDING)
        expected = kind.sha256
        if expected is None:
            if not pin.is_file():
                _pin(pin, digest)
                return
            expected = pin.read_text(encoding="utf-8", errors="replace").strip()
        if expected != digest:
            at = str(self.path if kind.sha256 else pin)
            raise DataError(
                f"the data set '{self.name}' has changed since its first use: its decoded content "
                f"has sha256 {digest[:12]}, pinned is '{expected[:12]}'",
                where=at,
                remedy="restore the data (another version of Pillow may decode a JPEG "
                "differently), or remove "
                "the pin to use the present data",
            )


def _pin(pin: Path, digest: str) -> None:
    try:
        write_atomically(pin, f"{digest}\n".encode())
    except StoreError as error:
        remedy = f'make the folder writable, or say sha256 = "{digest}" in the declaration'
        raise StoreError(error.what, where=error.where, remedy=remedy) from error


def declared(folder: Path) -> dict[str, Declared]:
    """Name -> the data set of each declaration in the folder, sorted.

    Raises:
        DataError: two declarations of one name.
    """
    found: dict[str, Declared] = {}
    for path in sorted([*folder.glob("*.toml"), *folder.glob("*.py")]):
        if path.stem.startswith(("_", ".")):
            continue
        if path.stem in found:
            what = f"two data sets named '{path.stem}'"
            raise damaged(what, f"{found[path.stem].path} and {path}", "rename one of the files")
        found[path.stem] = Declared(path)
    return found


def parsed(path: Path) -> Declaration:
    """What a TOML file declares.

    Raises:
        DataError: it cannot be read, or a key is wrong.
    """
    try:
        content = toml_of(path)
    except (OSError, ValueError) as error:
        raise damaged(f"cannot be read: {error}", path, "make it a TOML file in UTF-8") from error
    kind = content.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        what = "no kind" if kind is None else f"unknown kind {kind!r}"
        raise damaged(what, path, f'say kind = "image_folder"; {nearest(str(kind), list(KINDS))}')
    try:
        found: Declaration = msgspec.convert(content, KINDS[kind])
    except msgspec.ValidationError as error:
        remedy = _remedy(KINDS[kind], str(error))
        raise damaged(f"bad declaration: {error}", path, remedy) from error
    return found


def _read(kind: Declaration, places: Sequence[Path]) -> Content:
    """Raises DataError where a file cannot be read."""
    try:
        return kind.read(places)
    except OSError as error:
        where = error.filename or ", ".join(str(place) for place in places)
        what = f"cannot be read: {error.strerror or error}"
        raise damaged(what, str(where), "make it readable") from error


def _remedy(kind: type[Declaration], words: str) -> str:
    unknown = re.search(r"unknown field `([^`]*)`", words)
    table = Partition if "`$.split" in words else kind
    known = [field.name for field in msgspec.structs.fields(table)]
    return nearest(unknown[1], known) if unknown else f"{page('data')} explains every key"


def _require_name(path: Path) -> None:
    if not re.fullmatch(NAME, path.stem):
        raise damaged(f"bad name '{path.stem}'", path, "use lower case letters, digits and _")


def _require_split(kind: Declaration, has_test: bool, where: str) -> None:
    if has_test and kind.split.test is not None:
        what = "[split] test, though the data has test images"
        raise damaged(what, where, "remove the key, or leave the test images out")
    if not has_test and not kind.split.test:
        what = "no test images"
        raise damaged(what, where, "name them, or say `test = 0.2` in [split]")


def _assembled(
    name: str,
    kind: Declaration,
    names: tuple[str, ...],
    content: tuple[str, tuple[splitting.Rows, ...]],
    parts: Sequence[Split],
) -> Dataset:
    """The data set of these parts, with the facts that records keep.

    Args:
        name: The data set's.
        kind: Its declaration.
        names: Of its classes.
        content: The digest of all images, and which of them are in which part.
        parts: Training, validation, test.
    """
    digest, rows = content
    train, validation, test = parts
    shape = train.images.shape[1:]
    height, width = shape[-2:]
    info = DatasetInfo(
        name=name,
        digest=_divided(digest, rows),
        n_train=len(train),
        n_validation=len(validation),
        n_test=len(test),
        split_seed=kind.split.seed,
        shape=(shape[0] if len(shape) == 3 else 1, height, width),
        n_classes=len(names),
        class_names=names,
        noun=kind.noun,
    )
    return Dataset(info=info, train=train, validation=validation, test=test)


def _rows(split: Split, rows: splitting.Rows) -> Split:
    return Split(split.images[rows], split.labels[rows])


def _digest(parts: list[Split], names: tuple[str, ...]) -> str:
    """64 hex digits over the shapes, the values and the classes' names."""
    running = hashlib.sha256(canonical_json(names))
    for part in parts:
        running.update(str(part.images.shape).encode())
        running.update(np.ascontiguousarray(part.images).data)
        running.update(part.labels.astype("<i8").tobytes())
    return running.hexdigest()


def _divided(digest: str, rows: Sequence[splitting.Rows]) -> str:
    """64 hex digits over the content and over which image is in which part."""
    running = hashlib.sha256(digest.encode())
    for each in rows:
        running.update(f"{len(each)} ".encode() + each.astype("<i8").tobytes())
    return running.hexdigest()


def _short(text: str) -> str:
    # A file's name may hold bytes that are no UTF-8.
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()[:12]


def _state(kind: Declaration, places: list[Path]) -> str:
    """What decides the decoded content: the declaration, and each file's size and time."""
    lines = [f"{DECODER} {msgspec.json.encode(kind).decode()}"]
    lines += [f"{path} {size} {time}" for place in places for path, size, time in _files(place)]
    return "\n".join(lines)


def _files(place: Path) -> Iterator[tuple[str, int, int]]:
    """Path, size and time of every file at or below the place, sorted."""
    if not place.is_dir():
        told = place.stat()
        yield str(place.resolve()), told.st_size, told.st_mtime_ns
        return
    for path in files_below(place):
        with suppress(OSError):  # a broken link: reading it tells
            told = path.stat()
            yield str(path), told.st_size, told.st_mtime_ns


def _mapped(file: Path) -> Dataset | None:
    try:
        return mapped.mapped(file) if file.is_file() else None
    except (OSError, ValueError, KeyError):
        return None  # not a whole one: it is decoded again


def _written(dataset: Dataset, file: Path) -> Dataset:
    """Writes the file, which appears whole, and maps it."""
    with appearing_whole(file) as temporary:
        mapped.write(dataset, temporary)
    return mapped.mapped(file)

"""Data sets that torchvision publishes: its addresses and digests, without unpacking on the disk.

An archive's md5 is checked before it is opened. CIFAR's files are pickles; what reads them makes
arrays alone, whatever they ask for.
"""

from __future__ import annotations

import hashlib
import http.client
import importlib
import io
import pickle
import tarfile
import time
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np

from bench.errors import page
from bench.inputs.declared.arrays import content_of, idx_array, idx_content
from bench.inputs.declared.declaration import (
    Content,
    Declaration,
    Images,
    damaged,
    search_roots,
)
from bench.inputs.image_data import MissingDataError, cache, torchvision_class
from bench.machine import appearing_whole, plain

Name = Literal["CIFAR10", "CIFAR100", "FashionMNIST", "KMNIST", "EMNIST", "SVHN"]
SECONDS = 30.0  # that a server may be silent
SECONDS_IN_ALL = 3600.0  # for one archive: a server that sends a byte now and then is not silent
CHUNK = 1 << 20
MOST_DOWNLOAD_BYTES = 4 << 30
LETTERS_FROM = 1  # EMNIST's letters are numbered from 1


def _latin1(text: str, encoding: str) -> bytes:
    """What Python 3 writes for bytes, in place of `_codecs.encode`."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it asks for the encoding {encoding}")
    return text.encode("latin1")


# The only names that a pickle of CIFAR needs.
ARRAYS_ALONE: dict[tuple[str, str], Any] = {
    (module, "_reconstruct"): np.empty(0).__reduce__()[0]
    for module in ("numpy.core.multiarray", "numpy._core.multiarray")
} | {("numpy", "ndarray"): np.ndarray, ("numpy", "dtype"): np.dtype, ("_codecs", "encode"): _latin1}


@dataclass(frozen=True)
class Archive:
    """A file as it is published."""

    name: str
    urls: tuple[str, ...]
    md5: str


class Torchvision(Declaration, frozen=True, kw_only=True, tag="torchvision"):
    """One of torchvision's data sets."""

    name: Name
    variant: str = "balanced"  # EMNIST's: byclass, bymerge, balanced, letters, digits or mnist

    def places(self, beside: Path, data_dir: Path | None) -> list[Path]:
        """The archives, each where it lies.

        Raises:
            MissingDataError: one is nowhere.
        """
        return [self._place(archive, beside, data_dir) for archive in archives(self.name)]

    def read(self, places: Sequence[Path]) -> Content:
        """The images of the archives, after their digests are checked."""
        for archive, path in zip(archives(self.name), places, strict=True):
            require_md5(path, archive.md5)
        return READERS[self.name](places, self.variant)

    def fetch(self, beside: Path, data_dir: Path | None) -> None:
        """Downloads the archives that are nowhere, into the cache."""
        for archive in archives(self.name):
            try:
                self._place(archive, beside, data_dir)
            except MissingDataError:
                download(archive, cache() / self.name / archive.name)

    def _place(self, archive: Archive, beside: Path, data_dir: Path | None) -> Path:
        roots = search_roots(beside, data_dir)
        folders = [root / below for root in roots for below in (self.name, f"{self.name}/raw", "")]
        for folder in folders:
            if (folder / archive.name).is_file():
                return folder / archive.name
        raise MissingDataError(
            f"there is no {archive.name}",
            where=" or ".join(str(root / self.name) for root in roots),
            remedy="put it there; it is published at " + " and ".join(archive.urls),
        )


def archives(name: Name) -> list[Archive]:
    """The archives of a data set, with the addresses and digests of torchvision's class."""
    theirs = torchvision_class(name)
    if name in ("CIFAR10", "CIFAR100"):
        return [Archive(theirs.filename, (theirs.url,), theirs.tgz_md5)]
    if name == "EMNIST":
        return [Archive(Path(theirs.url).name, (theirs.url,), theirs.md5)]
    if name == "SVHN":
        told = [theirs.split_list[part] for part in ("train", "test")]
        return [Archive(file, (url,), md5) for url, file, md5 in told]
    return [
        Archive(file, tuple(f"{mirror}{file}" for mirror in theirs.mirrors), md5)
        for file, md5 in theirs.resources
    ]


def require_md5(path: Path, md5: str) -> None:
    """Raises DataError where the file is not the one that was published."""
    with plain(path) as file:
        seen = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if seen != md5:
        what = f"not the published archive: md5 {seen}, expected {md5}"
        raise damaged(what, path, "delete it, so that it is fetched again")


def download(archive: Archive, path: Path) -> None:
    """Fetches an archive; the file appears whole and verified.

    Raises:
        MissingDataError: no address gives it in time.
    """
    reasons, ends = [], time.monotonic() + SECONDS_IN_ALL
    for url in archive.urls:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with appearing_whole(path) as temporary:
                with (
                    temporary.open("wb") as file,
                    urllib.request.urlopen(url, timeout=SECONDS) as answer,
                ):
                    _copy(answer, file, ends)
                require_md5(temporary, archive.md5)
            return
        except (OSError, ValueError, http.client.HTTPException) as error:
            reasons.append(f"{url}: {error}")
    raise MissingDataError(
        f"{archive.name} could not be downloaded: {'; '.join(reasons)}",
        where=str(path.parent),
        remedy=f"name its folder with --data-dir, fetch {archive.name} by hand into that folder, "
        "or try again",
    )


def _copy(answer: http.client.HTTPResponse, file: IO[bytes], ends: float) -> None:
    """Raises ValueError where the answer does not end, by that time of the monotonic clock."""
    n_bytes = 0
    while some := answer.read1(CHUNK):  # what has arrived: a slow server is noticed, too
        n_bytes += file.write(some)
        if n_bytes > MOST_DOWNLOAD_BYTES:
            raise ValueError(f"more than {MOST_DOWNLOAD_BYTES:,} bytes")
        if time.monotonic() > ends:
            raise ValueError(f"not done within {SECONDS_IN_ALL:g} seconds")


class _ArraysAlone(pickle.Unpickler):
    """Reads numbers, texts, lists, dictionaries and arrays; anything else is refused."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return ARRAYS_ALONE[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}") from None


def arrays_of_pickle(content: bytes, where: str) -> dict[str, Any]:
    """The dictionary of one of CIFAR's files; no code of the file is run.

    Raises:
        DataError: it is no such file.
    """
    try:
        found = _ArraysAlone(io.BytesIO(content), encoding="latin1").load()
    except Exception as error:  # a damaged pickle may raise anything
        raise damaged(f"cannot be read: {error}", where) from error
    if not isinstance(found, dict):
        raise damaged("no dictionary of arrays", where)
    return found


def _cifar(
    places: Sequence[Path], parts: tuple[list[str], str, str], keys: tuple[str, str]
) -> Content:
    """Reads the files of training, of test and of the classes' names.

    Args:
        places: The archive.
        parts: The files' names.
        keys: Those of the labels and of the classes' names.
    """
    (path,) = places
    (train, test, meta), (labels, names) = parts, keys
    files = _members(path)

    def unpickled(member: str) -> dict[str, Any]:
        return arrays_of_pickle(_named(files, member, path), f"{path}/{member}")

    def read(members: list[str]) -> Images:
        batches = [unpickled(each) for each in members]
        pixels = np.concatenate([batch["data"] for batch in batches]).reshape(-1, 3, 32, 32)
        every = np.concatenate([np.asarray(batch[labels]) for batch in batches])
        return Images(pixels.transpose(0, 2, 3, 1), every)

    return Content(read(train), read([test]), tuple(unpickled(meta)[names]))


def _members(path: Path) -> dict[str, bytes]:
    """The files of a packed archive by their last name; nothing is written."""
    try:
        with tarfile.open(path, "r:gz") as archive:
            found = {
                Path(member.name).name: file.read()
                for member in archive
                if member.isfile() and (file := archive.extractfile(member)) is not None
            }
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise damaged(f"cannot be unpacked: {error}", path) from error
    return found


def _named(files: dict[str, bytes], name: str, path: Path) -> bytes:
    if name not in files:
        raise damaged(f"it has no file '{name}'", path)
    return files[name]


def _cifar10(places: Sequence[Path], _: str) -> Content:
    batches = [f"data_batch_{number}" for number in range(1, 6)]
    return _cifar(places, (batches, "test_batch", "batches.meta"), ("labels", "label_names"))


def _cifar100(places: Sequence[Path], _: str) -> Content:
    return _cifar(places, (["train"], "test", "meta"), ("fine_labels", "fine_label_names"))


def _mnist_like(name: Name) -> Callable[[Sequence[Path], str], Content]:
    def read(places: Sequence[Path], _: str) -> Content:
        content = idx_content(places)
        return Content(content.train, content.test, tuple(torchvision_class(name).classes))

    return read


def _emnist(places: Sequence[Path], variant: str) -> Content:
    """The images lie as published, mirrored at their diagonal, as torchvision gives them."""
    (path,) = places
    names = [
        f"gzip/emnist-{variant}-{part}-{kind}.gz"
        for part in ("train", "test")
        for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")
    ]
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = [idx_array(archive.read(name), f"{path}/{name}") for name in names]
    except KeyError as error:
        what, remedy = f"no variant '{variant}': {error}", f"see `variant` in {page('data')}"
        raise damaged(what, path, remedy) from error
    except (OSError, zipfile.BadZipFile) as error:
        raise damaged(f"cannot be unpacked: {error}", path) from error
    classes = list(torchvision_class("EMNIST").classes_split_dict[variant])
    if variant == "letters":
        arrays[1::2] = [labels - LETTERS_FROM for labels in arrays[1::2]]
        classes = classes[LETTERS_FROM:]
    content = content_of(arrays)
    return Content(content.train, content.test, tuple(classes))


def _svhn(places: Sequence[Path], _: str) -> Content:
    """The digit 0 has the label 10 in the files."""
    from_matlab: Callable[..., dict[str, Any]] = importlib.import_module("scipy.io").loadmat
    parts = []
    for path in places:
        try:
            content = from_matlab(str(path))
            labels = content["y"].astype(np.int64).reshape(-1) % 10
            parts.append(Images(content["X"].transpose(3, 0, 1, 2), labels))
        except Exception as error:  # SciPy raises what it meets
            raise damaged(f"cannot be read: {error}", path) from error
    return Content(parts[0], parts[1])


READERS: dict[str, Callable[[Sequence[Path], str], Content]] = {
    "CIFAR10": _cifar10,
    "CIFAR100": _cifar100,
    "FashionMNIST": _mnist_like("FashionMNIST"),
    "KMNIST": _mnist_like("KMNIST"),
    "EMNIST": _emnist,
    "SVHN": _svhn,
}

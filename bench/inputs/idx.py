"""Data sets in MNIST's four IDX files: how they are found, fetched, read and verified.

A file may be compressed or not. It may lie in `<root>/<folder>/raw/` (torchvision's layout), in
`<root>/raw/` or in `<root>/`. Kaggle's `train-images.idx3-ubyte` is the same file as
`train-images-idx3-ubyte`.

Fetching uses the standard library. `torchvision.datasets.MNIST` has no time limit, and it writes
a file under its final name while it arrives; pooch has no mirrors and no limit over several files.
Both verify the archive, not the content.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import math
import threading
import urllib.request
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
import torch
from numpy.typing import NDArray

from bench.errors import BenchError, DataError, without_home
from bench.inputs.image_data import (
    LOCAL,
    SPLIT_SEED,
    Dataset,
    MissingDataError,
    Split,
    assembled,
    cache,
    content_digest,
    named_root,
    torchvision_class,
)
from bench.machine import write_atomically

Pixels = NDArray[np.uint8]

MOST_BYTES = 64 << 20  # read from an archive; the largest published archive has 26 MB
NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


@dataclass(frozen=True)
class IdxFile:
    """One file: a big-endian word of 4 bytes, one word a dimension, then the values by rows."""

    name: str  # without .gz
    shape: tuple[int, ...]
    sha256: str  # of the uncompressed content, so that it may be packed anew

    @property
    def n_bytes(self) -> int:
        return 4 + 4 * len(self.shape) + math.prod(self.shape)

    def path(self, folder: Path) -> Path:
        """The file in this folder in the form that exists; the archive's path if no form exists."""
        archive = folder / f"{self.name}.gz"
        dotted = self.name.replace("-idx", ".idx")
        forms = (folder / self.name, archive, folder / dotted, folder / f"{dotted}.gz")
        return next((form for form in forms if form.is_file()), archive)


@dataclass(frozen=True)
class Source:
    """A data set in four files; `load`, `locate` and `ensure` are the hooks of its plug-in."""

    name: str
    folder: str  # the name of torchvision's class, which lists the mirrors
    sha256: tuple[str, str, str, str]  # of the four files in the order of `NAMES`
    n_images: tuple[int, int] = (60_000, 10_000)  # in the training files, in the test files
    n_validation: int = 6_000  # taken from the training images
    mirrors: tuple[str, ...] | None = None  # URLs ending in "/"; None: torchvision's
    download_seconds: float = 10.0  # for all files and mirrors together

    @property
    def files(self) -> list[IdxFile]:
        train, test = self.n_images
        shapes = ((train, 28, 28), (train,), (test, 28, 28), (test,))
        return [IdxFile(*each) for each in zip(NAMES, shapes, self.sha256, strict=True)]

    def load(self, data_dir: Path | None) -> Dataset:
        """The data set; it is fetched where no folder holds it.

        The split is `torch.randperm(n, generator=torch.Generator().manual_seed(42))`: the first
        part trains, the last `n_validation` validate.

        Raises:
            MissingDataError: The files are not there and could not be fetched.
            DataError: A file is damaged or not what it claims to be.
        """
        folder = self.ensure(data_dir)
        arrays = [self._read(file, str(file.path(folder))) for file in self.files]
        train_images, train_labels, test_images, test_labels = arrays
        generator = torch.Generator().manual_seed(SPLIT_SEED)
        order = torch.randperm(len(train_labels), generator=generator).numpy()
        n_train = len(train_labels) - self.n_validation
        return assembled(
            self.name,
            content_digest(*arrays),
            _split(train_images, train_labels, order[:n_train]),
            _split(train_images, train_labels, order[n_train:]),
            _split(test_images, test_labels, np.arange(len(test_labels))),
        )

    def locate(self, data_dir: Path | None) -> Path | None:
        """The folder that holds all four files; None where they would have to be fetched.

        If the user named a folder, no other folder will do: a run on other data than the user
        pointed at would be worse than no run.

        Raises:
            MissingDataError: The folder that the user named does not hold the files.
            DataError: It does not exist.
        """
        named = named_root(data_dir)
        for root in [named[0]] if named else [LOCAL, cache()]:
            for folder in (root / self.folder / "raw", root / "raw", root):
                if not self._missing(folder):
                    return folder
        return self._refuse(*named) if named else None

    def ensure(self, data_dir: Path | None) -> Path:
        """The folder that holds the files; they are fetched into the cache if no folder does.

        Raises:
            MissingDataError: The files are not there and could not be fetched.
            DataError: The folder that the user named does not exist.
        """
        return self.locate(data_dir) or self._download(cache() / self.folder / "raw")

    def _missing(self, folder: Path) -> list[IdxFile]:
        return [file for file in self.files if not file.path(folder).is_file()]

    def _refuse(self, root: Path, where: str) -> NoReturn:
        expected = root / self.folder / "raw"
        if not root.is_dir():
            raise DataError(
                f"there is no folder {root}",
                where=where,
                remedy=f"name the folder above {self.folder}/raw, or leave it out to "
                "search and download",
            )
        absent = ", ".join(f"{file.name}.gz" for file in self._missing(expected))
        raise MissingDataError(
            f"the folder {root} does not hold {self.folder}: missing {absent} in {expected}",
            where=where,
            remedy="put the files there, or leave it out to search ./data, "
            f"{without_home(str(cache()))} and the mirrors",
        )

    def _download(self, folder: Path) -> Path:
        """Fetches the files that the folder lacks, on a thread of its own.

        Resolving a host's name has no time limit, so nobody waits for the thread after the limit.
        It ends by itself with the file that it is fetching.
        """
        reasons: list[str] = []
        over = threading.Event()
        mirrors = published_mirrors(self.folder) if self.mirrors is None else self.mirrors
        arguments = (folder, mirrors, reasons, over)
        worker = threading.Thread(target=self._fetch, args=arguments, daemon=True)
        worker.start()
        worker.join(self.download_seconds)
        over.set()
        late = [f"not done within {self.download_seconds:g} seconds"] if worker.is_alive() else []
        absent = ", ".join(f"{file.name}.gz" for file in self._missing(folder))
        if absent:
            raise MissingDataError(
                f"{self.folder} could not be downloaded: {'; '.join(reasons + late)}",
                where=without_home(str(folder)),
                remedy=f"name their folder with --data-dir, fetch {absent} by hand into that "
                "folder, or try again: files that arrived are kept",
            )
        return folder

    def _fetch(
        self, folder: Path, mirrors: tuple[str, ...], reasons: list[str], over: threading.Event
    ) -> None:
        """Asks each mirror in turn until the time is over; files appear whole and verified."""
        for mirror in mirrors:
            try:
                for file in self._missing(folder):
                    if over.is_set():
                        return
                    url = f"{mirror}{file.name}.gz"
                    with urllib.request.urlopen(url, timeout=self.download_seconds) as response:
                        packed = response.read(MOST_BYTES)
                    self._read(file, url, packed)
                    write_atomically(folder / f"{file.name}.gz", packed)
            except (OSError, ValueError, http.client.HTTPException, BenchError) as error:
                reasons.append(f"{mirror}: {error}")

    def _read(self, file: IdxFile, where: str, arrived: bytes | None = None) -> Pixels:
        """A file's values, verified; unpacked where `where` ends in .gz.

        Unpacking stops one byte after the right length: a longer file is refused at no cost.

        Args:
            file: Names the right shape and digest.
            where: The file's path, or the URL that the bytes arrived from.
            arrived: The bytes of a download; None reads the file.

        Raises:
            DataError: names `where`, the content found and the content expected.
        """
        remedy = f"make it readable, or delete it and fetch {file.name}.gz of {self.folder} again"
        try:
            with Path(where).open("rb") if arrived is None else io.BytesIO(arrived) as stream:
                opened = gzip.GzipFile(fileobj=stream) if where.endswith(".gz") else stream
                content = opened.read(file.n_bytes + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"cannot be read: {error}", where=where, remedy=remedy) from error
        seen = hashlib.sha256(content).hexdigest()
        if seen != file.sha256:
            long = f"more than {file.n_bytes:,} bytes"
            short = f"{len(content):,} bytes with sha256 {seen}"
            raise DataError(
                f"not the published {file.name} of {self.folder}: uncompressed it has "
                f"{long if len(content) > file.n_bytes else short}, expected "
                f"{file.n_bytes:,} bytes with sha256 {file.sha256}",
                where=where,
                remedy=remedy,
            )
        # The digest covers the header too.
        return np.frombuffer(content, np.uint8)[-math.prod(file.shape) :].reshape(file.shape)


def published_mirrors(class_name: str) -> tuple[str, ...]:
    """The mirrors in torchvision's class of this name."""
    return tuple(torchvision_class(class_name).mirrors)


def _split(images: Pixels, labels: Pixels, rows: NDArray[np.int64]) -> Split:
    return Split(images=images[rows], labels=labels[rows].astype(np.int64))

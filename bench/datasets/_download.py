"""Fetches IDX files from their mirrors into the user's cache, within a time limit."""

from __future__ import annotations

import http.client
import importlib
import threading
import time
import urllib.request
from pathlib import Path

from bench.datasets import MissingDataError
from bench.datasets._idx import IdxFile, Source, cache, locate, missing_files, shown, verified
from bench.errors import BenchError
from bench.store import write_atomically

CHUNK_BYTES = 1 << 16


def ensure(source: Source, data_dir: Path | None) -> Path:
    """The folder that holds the files, fetched into the cache where none does yet.

    Raises:
        MissingDataError: They are not there and could not be fetched.
        DataError: The folder that the user named does not exist.
    """
    return locate(source, data_dir) or download(source, cache() / source.folder / "raw")


def download(source: Source, folder: Path) -> Path:
    """Fetches the files that the folder lacks; files that arrived whole are kept.

    The work is done on a thread of its own, since resolving a host's name knows no time limit.

    Raises:
        MissingDataError: names the reason of every mirror.
    """
    attempt = _Attempt(source, folder, time.monotonic() + source.download_seconds)
    worker = threading.Thread(target=attempt.run, daemon=True)
    worker.start()
    worker.join(source.download_seconds)
    absent = missing_files(source, folder)
    if absent:
        reasons = list(attempt.reasons)
        if worker.is_alive():
            reasons.append(f"not done within {source.download_seconds:g} seconds")
        raise MissingDataError(
            f"{source.folder} could not be downloaded: {'; '.join(reasons)}",
            where=shown(folder),
            remedy=f"fetch {', '.join(f'{file.name}.gz' for file in absent)} by hand into that "
            "folder, or try again: files that arrived are kept",
        )
    return folder


class _Attempt:
    """One try at all mirrors; `reasons` tells why it was not enough."""

    def __init__(self, source: Source, folder: Path, deadline: float) -> None:
        self.source = source
        self.folder = folder
        self.deadline = deadline
        self.mirrors: tuple[str, ...] = source.mirrors or published_mirrors(source.folder)
        self.reasons: list[str] = []

    def run(self) -> None:
        for mirror in self.mirrors:
            try:
                for file in missing_files(self.source, self.folder):
                    self._fetch(mirror, file)
                return
            except (OSError, ValueError, http.client.HTTPException, BenchError) as error:
                self.reasons.append(f"{mirror}: {error}")

    def _fetch(self, mirror: str, file: IdxFile) -> None:
        url = f"{mirror}{file.name}.gz"
        packed = self._received(url)
        verified(self.source, file, packed, where=url)
        write_atomically(self.folder / f"{file.name}.gz", packed)

    def _received(self, url: str) -> bytes:
        pieces = []
        with urllib.request.urlopen(url, timeout=self._seconds_left()) as response:
            while piece := response.read1(CHUNK_BYTES):
                pieces.append(piece)
                self._seconds_left()
        return b"".join(pieces)

    def _seconds_left(self) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"more than {self.source.download_seconds:g} seconds")
        return left


def published_mirrors(class_name: str) -> tuple[str, ...]:
    """The mirrors that torchvision knows for its data set of this name."""
    datasets = importlib.import_module("torchvision.datasets")  # a second, for downloads alone
    return tuple(getattr(datasets, class_name).mirrors)

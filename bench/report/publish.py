"""Files that replace a folder's old ones together, or not at all."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.errors import StoreError
from bench.machine import uninterrupted, write_atomically

MANIFEST = "MANIFEST.sha256"  # `sha256sum --check MANIFEST.sha256` reads it
MOVING = ".report-files"  # while files are moved: whose they are, should the move be killed
OTHER_FOLDER = "choose another folder with --reports, or move the file away"
ENTRY = re.compile(r"[0-9a-f]{64}  (?P<name>.+)")


def publish(files: Mapping[str, str], reports: Path, *, last: str, made_with: str) -> list[Path]:
    """Moves the whole new report into place and takes away what the last one left over.

    Args:
        files: Names, relative to the folder, with their content.
        reports: The folder to fill; files in it that are not the report's own stay.
        last: The name of the file that is moved when all that it links to is there.
        made_with: What the content depends on beside the records, as the manifest's first line.

    Returns:
        Where the files lie, `last` first.

    Raises:
        StoreError: the folder cannot be written, or holds another's file of one of these names.
    """
    try:
        old = require_own(files, reports)
        with _staged(files, reports, made_with) as folder, uninterrupted():
            reports.mkdir(parents=True, exist_ok=True)
            write_atomically(reports / MOVING, "\n".join(sorted(old | files.keys())).encode())
            for name in [name for name in files if name != last] + [last, MANIFEST]:
                target = reports / name
                target.parent.mkdir(parents=True, exist_ok=True)
                (folder / name).replace(target)
            for name in (old - set(files)) | {MOVING}:
                (reports / name).unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"cannot write the report: {error.strerror or error}",
            where=str(reports),
            remedy="choose a writable folder with --reports",
        ) from error
    return [reports / name for name in (last, *(each for each in files if each != last))]


@contextmanager
def _staged(files: Mapping[str, str], reports: Path, made_with: str) -> Iterator[Path]:
    """A folder on the same disk that holds every new file; gone afterwards."""
    place = reports.resolve().parent
    place.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{reports.name}-", dir=place))
    try:
        for name, text in (*files.items(), (MANIFEST, manifest(files, made_with))):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def manifest(files: Mapping[str, str], made_with: str) -> str:
    """A line a file: the SHA-256 of its bytes and its name, as `sha256sum` writes them."""
    lines = [
        f"{hashlib.sha256(files[name].encode()).hexdigest()}  {name}" for name in sorted(files)
    ]
    return "\n".join([f"# {made_with}", *lines, ""])


def require_own(names: Iterable[str], reports: Path) -> set[str]:
    """The files that the last report wrote.

    Raises:
        StoreError: the folder holds a file of one of the names that no report wrote.
    """
    own = _own_files(reports)
    for name in names:
        if name not in own and (reports / name).exists():
            where = str(reports / name)
            raise StoreError("no report wrote this file", where=where, remedy=OTHER_FOLDER)
    return own


def _own_files(reports: Path) -> set[str]:
    """The files that the last report wrote; a name outside the folder is not the report's."""
    names = set(_lines(reports / MOVING))
    entries = map(ENTRY.fullmatch, _lines(reports / MANIFEST))
    names |= {entry["name"] for entry in entries if entry}
    return {name for name in names if (reports / name).resolve().is_relative_to(reports.resolve())}


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.is_file() else []

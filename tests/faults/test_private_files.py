"""Who may read what a command writes: the user's umask says it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from bench.machine import appearing_whole, write_atomically
from tests import support

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def bench(folder: Path, *words: str, umask: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", *words],
        cwd=folder,
        env=support.environment(TMPDIR=str(folder / "tmp"), XDG_CACHE_HOME=str(folder / "cache")),
        capture_output=True,
        text=True,
        check=False,
        umask=umask,
    )
    assert done.returncode == 0, done.stderr


def test_a_private_umask_makes_private_files(tmp_path: Path) -> None:
    place = tmp_path / "place"
    (place / "tmp").mkdir(parents=True)
    few = ("--dataset", "mnist5k", "--seeds", "2", "--epochs", "1", "--jobs", "1")
    support.write_architecture(place, "tiny")
    before = set(place.rglob("*"))
    for words in (
        ("all", *few, "--arch", "tiny"),
        ("seal", "local"),
        ("new", "mine"),
        ("example", "shapes"),
    ):
        bench(place, *words, umask=0o077)
    made = set(place.rglob("*")) - before
    names = {path.name for path in made}
    assert {"index.html", "protocol.json", "0001.sha256", "mine.py", "shapes.toml"} <= names
    assert [path for path in made if mode(path) & OTHERS] == []


@pytest.mark.parametrize(("umask", "expected"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_a_file_has_the_modes_of_the_umask(tmp_path: Path, umask: int, expected: int) -> None:
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "record", b"")
        with appearing_whole(tmp_path / "download"):
            pass
    finally:
        os.umask(before)
    assert (mode(tmp_path / "record"), mode(tmp_path / "download")) == (expected, expected)


def test_a_replaced_file_stays_as_private_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "notes.md"
    path.touch(0o600)
    write_atomically(path, b"new")
    assert (mode(path), path.read_bytes()) == (0o600, b"new")


def test_a_link_at_the_temporary_name_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda _: "guessed")
    (tmp_path / ".tmp-guessed").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError), appearing_whole(tmp_path / "record"):
        pass
    assert not (tmp_path / "elsewhere").exists()

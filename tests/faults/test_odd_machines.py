"""Machines on which something is missing that others have."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench import machine
from bench.errors import typed
from tests import support

BENCH = (sys.executable, "-m", "bench")
FEW = ("--dataset", "mnist5k", "--arch", "tiny", "--epochs", "1", "--jobs", "1", "--seeds", "1")
UNKNOWN = 4711  # no user has this number here
# Reads all files, as the interpreter may lie in root's home; writes only what it may.
AS_UNKNOWN = (
    *("setpriv", f"--reuid={UNKNOWN}", f"--regid={UNKNOWN}", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
    *("--bounding-set=-all,+dac_read_search",),
)
is_root = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None, reason="only root becomes another user"
)


def run(
    folder: Path, *words: str | bytes, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, check=False, timeout=300
    )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a network, which the unknown user owns."""
    support.write_architecture(tmp_path, "tiny")
    (tmp_path / "tmp").mkdir()
    (tmp_path / "home").mkdir(0o555)
    if os.geteuid() == 0:
        for path in (tmp_path, *tmp_path.rglob("*")):
            os.chown(path, UNKNOWN, UNKNOWN)
    return tmp_path


@is_root
@pytest.mark.parametrize("home", [{}, {"HOME": "home"}])
def test_nobody_without_a_home_trains_and_sees_a_report(place: Path, home: dict[str, str]) -> None:
    own = {name: str(place / path) for name, path in home.items()}
    own |= {"PATH": os.defpath, "PYTHONPATH": str(support.ROOT), "TMPDIR": str(place / "tmp")}
    for words in (("all", *FEW), ("verify", "local"), ("doctor",)):
        done = run(place, *AS_UNKNOWN, *BENCH, *words, **own)
        assert (done.returncode, done.stderr) == (0, b"")
    assert (place / "reports" / "index.html").exists()


@pytest.mark.parametrize(
    "encoding",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1", "COLUMNS": "40"},
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "COLUMNS": "40"},
    ],
)
@pytest.mark.parametrize("words", [("list",), ("inspect", "tiny"), ("train", "--arch", "größe")])
def test_a_terminal_prints_what_it_can(
    tmp_path: Path, encoding: dict[str, str], words: tuple[str, ...]
) -> None:
    path = support.write_architecture(tmp_path, "tiny")
    source = path.read_text(encoding="utf-8")
    path.write_text(source.replace("A network", "Größe → 5 ≥ 4: a network"), encoding="utf-8")
    kept = {k: v for k, v in support.environment().items() if not k.startswith(("LC_", "LANG"))}
    done = run(tmp_path, *BENCH, *words, **(kept | encoding))
    assert b"Traceback" not in done.stderr
    assert done.returncode == (2 if words[0] == "train" else 0)
    assert b"tiny" in done.stdout + done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_a_path_need_not_be_utf_8(tmp_path: Path) -> None:
    place = tmp_path / os.fsdecode(b"caf\xe9")
    place.mkdir()
    support.write_architecture(place, "tiny")
    results, reports = b"../r\xe9", b"../p\xe9"
    for words in (
        ("all", *FEW, "--results", results, "--reports", reports),
        ("report", "--results", results, "--reports", reports),
        ("verify", "local", "--results", results),
    ):
        done = run(place, *BENCH, *words, **support.environment())
        assert (done.returncode, done.stderr) == (0, b"")
    record = next((tmp_path / os.fsdecode(b"r\xe9")).glob("local/*/*/seed-*.json"))
    assert r"$'../r\\xe9'" in record.read_text(encoding="utf-8")


def test_a_shell_reads_the_typed_form_of_any_path(tmp_path: Path) -> None:
    words = [os.fsdecode(b"caf\xe9 it's \\n"), "it's", "é"]
    script = f"printf '%s\\0' {typed(words)}"
    done = run(tmp_path, "bash", "-c", script, PATH=os.environ["PATH"])
    assert [os.fsdecode(each) for each in done.stdout.split(b"\0")[:-1]] == words


# A file system without locks, such as some of those of a network.
WITHOUT_LOCKS = """
import fcntl, os, runpy, sys
def flock(*_):
    raise OSError({code}, os.strerror({code}))
fcntl.flock = flock
sys.argv = ["bench", *sys.argv[1:]]
runpy.run_module("bench", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, errno.EPERM, errno.EIO])
def test_a_file_system_that_refuses_locks_is_named(place: Path, code: int) -> None:
    script = WITHOUT_LOCKS.format(code=code)
    own = support.environment(TMPDIR=str(place / "tmp"))
    done = run(place, sys.executable, "-c", script, "train", *FEW, **own)
    assert done.returncode == 2
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith(f"error: cannot lock: {os.strerror(code)} (")
    assert line.endswith("choose a writable folder on a disk that has locks, such as a local one")


def test_a_file_takes_the_place_of_a_lock_that_no_system_call_gives(place: Path) -> None:
    script = WITHOUT_LOCKS.format(code=errno.ENOSYS)
    done = run(place, sys.executable, "-c", script, "train", *FEW, **support.environment())
    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    assert len(list(place.glob("results/local/*/*/seed-*.json"))) == 1


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, float("inf")),
        ("0::/\n", {}, float("inf")),
        ("0::/a/b\n", {"a/cpu.max": "50000 100000\n", "a/b/cpu.max": "max 100000\n"}, 0.5),
        ("0::/a/b\n", {"a/cpu.max": "200000 100000\n", "a/b/cpu.max": "100000 100000\n"}, 1.0),
        ("0::/gone\n", {"cpu.max": "300000 100000\n"}, 3.0),
        (
            "3:cpu,cpuacct:/a\n0::/\n",
            {"cpu/a/cpu.cfs_quota_us": "250000\n", "cpu/a/cpu.cfs_period_us": "100000\n"},
            2.5,
        ),
        (
            "3:cpu:/docker/a\n",
            {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"},
            float("inf"),
        ),
        ("damaged\n", {"cpu.max": "1\n"}, float("inf")),
    ],
)
def test_a_containers_quota_limits_the_cores(
    tmp_path: Path, own: str, files: dict[str, str], expected: float
) -> None:
    (tmp_path / "own").write_text(own)
    for name, text in files.items():
        path = tmp_path / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert machine._quota_cores(tmp_path / "groups", tmp_path / "own") == expected

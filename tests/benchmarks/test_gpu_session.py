"""The script for a machine with a GPU, as far as one without can run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from tests.support import ROOT, environment

SCRIPT = ROOT / "benchmarks" / "gpu_session"


def session(folder: Path, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
    kept = environment(**extra)
    kept.pop("OUT", None)
    return subprocess.run(
        [sys.executable, str(SCRIPT), *words],
        cwd=folder,
        env=kept | extra,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_dry_run_prints_the_plan_and_writes_nothing(tmp_path: Path) -> None:
    done = session(tmp_path, "--dry-run", "--data-dir", "digits", "--seeds", "0-9", "--jobs", "16")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    names = [line.split(" (at most ")[0] for line in lines]
    assert names == ["packages", "tests", "throughput", "sweep", "pack"]
    assert lines[0].endswith(f"nothing to install from {tmp_path / 'wheels'}")
    assert "pytest -m gpu" in lines[1]
    assert f"--data-dir {tmp_path / 'digits'}" in lines[2]
    assert re.search(r"-m bench train --suite reference-gpu --seeds 0-9 --dataset mnist", lines[3])
    assert "--device cuda --jobs 16" in lines[3]
    assert lines[4].endswith(
        f"{tmp_path / 'results' / 'reference-gpu'} -> {tmp_path / 'out' / 'records.tar.gz'}"
    )
    assert list(tmp_path.iterdir()) == []


def test_it_starts_as_a_command_of_its_own() -> None:
    assert os.access(SCRIPT, os.X_OK)
    assert SCRIPT.read_text(encoding="utf-8").startswith("#!/usr/bin/env python3\n")


def test_a_part_that_fails_does_not_stop_the_next(tmp_path: Path) -> None:
    """No such data set folder, so no sweep; and what is there is packed all the same."""
    record = tmp_path / "results" / "reference-gpu" / "mnist" / "tiny" / "seed-0000-abc.json"
    record.parent.mkdir(parents=True)
    record.write_text("{}", encoding="utf-8")
    words = ("--parts", "sweep", "pack", "--data-dir", "nowhere", "--seeds", "no")
    done = session(tmp_path, *words, OUT="there")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "failed: sweep"
    assert "bad seeds 'no'" in (tmp_path / "there" / "sweep.log").read_text(encoding="utf-8")
    with tarfile.open(tmp_path / "there" / "records.tar.gz") as packed:
        assert "reference-gpu/mnist/tiny/seed-0000-abc.json" in packed.getnames()


def test_a_package_that_is_missing_comes_from_its_wheel(tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "surely-not-installed")
    wheel(tmp_path / "wheels", "msgspec")  # installed, so it is left alone
    done = session(tmp_path, "--parts", "packages")
    assert done.returncode == 0, done.stdout
    assert [path.name for path in (tmp_path / "out" / ".site").glob("*.py")] == [
        "surely_not_installed.py"
    ]


def wheel(folder: Path, name: str) -> None:
    folder.mkdir(exist_ok=True)
    module = name.replace("-", "_")
    info = f"{module}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{module}-1.0-py3-none-any.whl", "w") as packed:
        packed.writestr(f"{module}.py", "")
        packed.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        packed.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        packed.writestr(f"{info}/RECORD", "")


def test_an_unknown_part_is_named(tmp_path: Path) -> None:
    done = session(tmp_path, "--parts", "test")
    assert done.returncode == 2
    assert "unknown parts ['test']; known: packages, tests" in done.stderr

"""The script for a machine with a GPU, as far as one without can run it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from benchmarks import gpu_prepare
from tests.support import ROOT, environment

SCRIPT = ROOT / "benchmarks" / "gpu_session"
# All that comes back, of the smoke test and the session.
FILES = {"session.log", "smoke.jsonl", "smoke-kernels.txt", "records.tar"}
FILES |= {"gpu_throughput.json", "gpu_throughput.md"}


def session(folder: Path, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
    kept = environment(**extra)
    kept.pop("OUT", None)
    words = ("--wheels", "wheels", "--site", "site", *words)
    return subprocess.run(
        [sys.executable, str(SCRIPT), *words],
        cwd=folder,
        env=kept | extra,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def log(folder: Path) -> str:
    return (folder / "session.log").read_text(encoding="utf-8")


def add_run(folder: Path, seed: int, n_correct: int) -> None:
    """A record of model_1, as far as the packing reads it, and its weights."""
    path = folder / "results" / "reference-gpu" / "mnist" / "model_1" / f"seed-{seed:04d}-abc.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    record = {"status": "completed", "epochs": [{"test_correct": n_correct}]}
    path.write_text(json.dumps(record), encoding="utf-8")
    path.with_suffix(".safetensors").write_bytes(b"weights")


def packed(folder: Path) -> list[str]:
    with tarfile.open(folder / "out" / "records.tar") as archive:
        return sorted(Path(name).name for name in archive.getnames())


def test_a_dry_run_prints_the_plan_and_writes_nothing(tmp_path: Path) -> None:
    done = session(tmp_path, "--dry-run", "--data-dir", "digits", "--seeds", "0-9", "--jobs", "16")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    names = [line.split(" (at most ")[0] for line in lines]
    assert names == ["packages", "tests", "throughput", "sweep", "pack"]
    assert lines[0].endswith(f"nothing to install from {tmp_path / 'wheels'}")
    assert "pytest -m gpu" in lines[1]
    assert lines[1].endswith("tests/training/engine/gpu/test_graphs_gpu.py")
    assert f"--data-dir {tmp_path / 'digits'}" in lines[2]
    assert re.search(r"-m bench train --suite reference-gpu --seeds 0-9 --dataset mnist", lines[3])
    assert "--device cuda --jobs 16" in lines[3]
    assert lines[4].endswith(
        f"{tmp_path / 'results' / 'reference-gpu'} -> {tmp_path / 'out' / 'records.tar'}"
    )
    assert list(tmp_path.iterdir()) == []


def test_it_starts_as_a_command_of_its_own() -> None:
    assert os.access(SCRIPT, os.X_OK)
    assert SCRIPT.read_text(encoding="utf-8").startswith("#!/usr/bin/env python3\n")


def test_without_a_gpu_every_part_ends_and_few_files_are_left(tmp_path: Path) -> None:
    """No GPU, so no throughput and no sweep; and what is there is packed all the same."""
    add_run(tmp_path, 0, 9_940)
    done = session(tmp_path, OUT="there")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "failed or skipped: throughput, sweep"
    told = log(tmp_path / "there")
    assert "no CUDA device" in told  # the tests, skipped
    assert told.count("no device 'cuda'; this machine has 0 CUDA devices") == 2
    left = {path.name for path in (tmp_path / "there").rglob("*")}
    assert left == {"session.log", "records.tar"}
    assert left < FILES
    assert len(FILES) <= gpu_prepare.MOST_FILES


def test_what_does_not_fit_is_skipped_and_told(tmp_path: Path) -> None:
    add_run(tmp_path, 0, 9_940)
    done = session(tmp_path, "--deadline", "20")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "failed or skipped: tests, throughput, sweep"
    skipped = re.findall(r"^skipped: \d+ s are left, it needs (\d+),", log(tmp_path / "out"), re.M)
    assert skipped == ["45", "60", "60"]
    assert packed(tmp_path) == ["seed-0000-abc.json", "seed-0000-abc.safetensors"]


def test_records_are_packed_as_they_come_and_once(tmp_path: Path) -> None:
    add_run(tmp_path, 0, 9_940)
    session(tmp_path, "--parts", "pack")
    for seed, n_correct in ((1, 9_960), (2, 9_950)):
        add_run(tmp_path, seed, n_correct)
    suite = tmp_path / "results" / "reference-gpu"
    (suite / "protocol.json").write_text("{}", encoding="utf-8")
    (suite / ".unfinished").mkdir()
    (suite / ".unfinished" / "state.json").write_text("{}", encoding="utf-8")
    done = session(tmp_path, "--parts", "pack")
    assert done.returncode == 0, done.stdout
    assert packed(tmp_path) == [
        "protocol.json",
        "seed-0000-abc.json",
        "seed-0000-abc.safetensors",  # the median's, as long as it was the only run
        "seed-0001-abc.json",
        "seed-0002-abc.json",
        "seed-0002-abc.safetensors",
    ]


def test_no_records_are_told(tmp_path: Path) -> None:
    done = session(tmp_path, "--parts", "pack")
    assert done.returncode == 1
    assert f"no records in {tmp_path / 'results' / 'reference-gpu'}\n" in log(tmp_path / "out")


def test_a_package_that_is_missing_comes_from_its_wheel(tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "surely-not-installed")
    wheel(tmp_path / "wheels", "msgspec")  # installed, so it is left alone
    done = session(tmp_path, "--parts", "packages")
    assert done.returncode == 0, done.stdout
    assert [path.name for path in (tmp_path / "site").glob("*.py")] == ["surely_not_installed.py"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["session.log"]
    again = session(tmp_path, "--parts", "packages")
    assert "nothing to install" in again.stdout


def test_the_smoke_test_finds_the_packages_where_the_session_puts_them(tmp_path: Path) -> None:
    wheel(tmp_path / ".whl", "surely-not-installed")
    words = [sys.executable, str(SCRIPT), "--dry-run", "--parts", "packages"]
    words += ["--wheels", str(tmp_path / ".whl")]
    plan = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert f"--target {gpu_prepare.SITE} " in plan


def wheel(folder: Path, name: str) -> None:
    folder.mkdir(exist_ok=True)
    module = name.replace("-", "_")
    info = f"{module}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{module}-1.0-py3-none-any.whl", "w") as packed_:
        packed_.writestr(f"{module}.py", "")
        packed_.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        packed_.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        packed_.writestr(f"{info}/RECORD", "")


def test_an_unknown_part_is_named(tmp_path: Path) -> None:
    done = session(tmp_path, "--parts", "test")
    assert done.returncode == 2
    assert "unknown parts ['test']; known: packages, tests" in done.stderr

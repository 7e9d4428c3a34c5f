"""A sealed suite: what changes later is told, and the standard tool reads the seal."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from bench.records import seals
from bench.records.observations import MissedDigit
from bench.records.store import Suite
from bench.spec import digest
from tests import factories

Bench = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """Three runs with weights and one missed digit."""
    suite = factories.suite(tmp_path / "results", architectures=["model_1"], seeds=range(3))
    suite.add_missed_digits("mnist", {247: MissedDigit(pixels="00" * 784, label=4)})
    suite.checkpoint(factories.run_spec("model_1", 9)).write(b"of a run that goes on")
    return suite


def names(suite: Suite, seed: int) -> list[str]:
    """The record and the weights of that seed."""
    path = suite.path_of(factories.record("model_1", seed)).relative_to(suite.folder)
    return [str(path), str(path.with_suffix(".safetensors"))]


def checked(suite: Suite, number: int = 1) -> subprocess.CompletedProcess[str]:
    """What the standard tool says of a seal."""
    command = ["sha256sum", "--check", "--strict", "--quiet", f"seals/{number:04d}.sha256"]
    return subprocess.run(command, cwd=suite.folder, capture_output=True, text=True, check=False)


def test_a_seal_is_what_sha256sum_reads(bench: Bench, suite: Suite) -> None:
    done = bench("seal", BENCH_COMMIT="a" * 40)
    assert (done.returncode, done.stderr) == (0, "")
    path = suite.folder / "seals" / "0001.sha256"
    assert done.stdout == (
        f"seal: results/local/seals/0001.sha256, SHA-256 {digest(path.read_bytes())}\n"
    )
    head, commit, *lines = path.read_text().splitlines()
    assert head.startswith("# manyseeds seal of local, 20")
    assert commit == f"# commit: {'a' * 40}"
    assert [line[66:] for line in lines] == sorted(
        [
            *(name for seed in range(3) for name in names(suite, seed)),
            "mnist/missed-digits.json",
            "portraits/model_1-" + factories.source_of("model_1")[:12] + ".json",
        ]
    )
    assert checked(suite).returncode == 0
    assert bench("verify").stdout.endswith("3 with weights; seal 0001; 0 faults\n")
    assert bench("seal").stdout == "nothing changed since seal 0001\n"


def test_what_changed_went_and_came_is_told_apart(bench: Bench, suite: Suite) -> None:
    assert bench("seal").returncode == 0
    changed, (record, weights) = names(suite, 0)[1], names(suite, 1)
    other = save({"layer.weight": np.ones((2, 3), dtype=np.float32)})
    (suite.folder / changed).write_bytes(other)
    for name in (record, weights):
        (suite.folder / name).unlink()
    (suite.folder / "notes.txt").write_text("mine")
    suite.add_run(factories.record("model_1", 3), factories.WEIGHTS)
    suite.add_missed_digits("mnist", {321: MissedDigit(pixels="07" * 784, label=2)})
    done = bench("verify")
    assert done.returncode == 1
    assert [line.partition(" -> ")[0] for line in done.stdout.splitlines()] == [
        f"BAD {changed}: weights that are not the record's: their digest is another one",
        *(f"BAD {name}: missing since seal 0001" for name in sorted((record, weights))),
        "BAD notes.txt: no file of a suite, not in seal 0001",
        *(f"added since seal 0001: {name}" for name in names(suite, 3)),
        "renewed with these runs: mnist/missed-digits.json",
        "results/local: 3 sound runs, 2 with weights; seal 0001; 4 faults",
    ]
    assert checked(suite).returncode == 1


def test_a_change_without_new_runs_is_a_fault(bench: Bench, suite: Suite) -> None:
    assert bench("seal").returncode == 0
    suite.add_missed_digits("mnist", {321: MissedDigit(pixels="07" * 784, label=2)})
    done = bench("verify")
    assert done.returncode == 1
    assert done.stdout.startswith(
        "BAD mnist/missed-digits.json: changed since seal 0001 -> restore"
    )


def test_the_next_seal_is_over_the_last_and_names_what_it_accepts(
    bench: Bench, suite: Suite
) -> None:
    assert bench("seal").returncode == 0
    record, weights = names(suite, 1)
    for name in (record, weights):
        (suite.folder / name).unlink()
    refused = bench("seal")
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1] == ("not sealed: 2 faults; --accept seals what changed")
    done = bench("seal", "--accept")
    assert done.returncode == 0, done.stderr
    text = (suite.folder / "seals" / "0002.sha256").read_text()
    assert f"# accepted as missing: {record}\n" in text
    first = suite.folder / "seals" / "0001.sha256"
    assert f"{digest(first.read_bytes())}  seals/0001.sha256\n" in text
    assert checked(suite, 2).returncode == 0
    assert bench("verify").returncode == 0
    first.write_text(first.read_text().replace("local", "other"))
    done = bench("verify")
    assert done.returncode == 1
    assert done.stdout.startswith("BAD seals/0001.sha256: changed since seal 0002 -> restore")


def test_a_suite_with_a_fault_is_not_sealed(bench: Bench, suite: Suite) -> None:
    (suite.folder / names(suite, 0)[0]).write_text("{")
    for words in (("seal",), ("seal", "--accept")):
        done = bench(*words)
        assert done.returncode == 1
        first, last = done.stderr.splitlines()
        assert first.startswith(f"BAD {names(suite, 0)[0]}: unreadable record: ")
        assert last == "not sealed: 1 fault"
    assert not (suite.folder / "seals").exists()


@pytest.mark.parametrize("content", ["", "no digest\n", "\xff", f"{'a' * 64}  a name without end"])
def test_a_damaged_seal_is_a_fault(bench: Bench, suite: Suite, content: str) -> None:
    path = suite.folder / "seals" / "0001.sha256"
    path.parent.mkdir()
    path.write_text(content)
    done = bench("verify")
    assert done.returncode == 1
    assert "BAD seals/0001.sha256: damaged seal: " in done.stdout


def test_what_is_no_plain_file_is_never_sealed(bench: Bench, suite: Suite, tmp_path: Path) -> None:
    (suite.folder / "linked").symlink_to(tmp_path)
    done = bench("seal")
    assert done.returncode == 2
    assert "no plain file with a plain name: it cannot be sealed" in done.stderr


def test_checkpoints_and_files_half_written_are_left_out(suite: Suite) -> None:
    (suite.folder / "mnist" / ".tmp-abc").write_bytes(b"half")
    assert not [name for name in seals.digests(suite.folder) if "/." in name or name[0] == "."]


def test_a_copied_suite_keeps_its_seal(bench: Bench, suite: Suite, tmp_path: Path) -> None:
    assert bench("seal").returncode == 0
    shutil.copytree(suite.folder, tmp_path / "results" / "copy")
    assert bench("verify", "copy").returncode == 0

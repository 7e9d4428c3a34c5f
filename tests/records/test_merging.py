"""Suites of several machines become one, by the real command."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from msgspec.structs import replace

from bench.records.store import Suite
from bench.spec import RunRecord
from tests import factories
from tests.support import bench

OTHER = replace(factories.LAPTOP, fingerprint="0f0e0d0c0b0a")
Change = Callable[[RunRecord], RunRecord]


def made(folder: Path, name: str, seeds: range, change: Change = lambda run: run) -> Suite:
    suite = Suite(folder / "results", name)
    suite.add_portrait(factories.portrait("model_1"))
    for seed in seeds:
        run = change(factories.record("model_1", seed))
        suite.add_run(run, factories.WEIGHTS if run.completed else None)
    return suite


def merged(folder: Path, *words: str) -> CompletedProcess[str]:
    return bench(folder, "merge", *words, "--into", "whole")


def files(suite: Suite) -> dict[str, bytes]:
    found = (path for path in suite.folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return {path.relative_to(suite.folder).as_posix(): path.read_bytes() for path in found}


def test_disjoint_seeds_are_one_suite(tmp_path: Path) -> None:
    made(tmp_path, "a", range(3))
    elsewhere = made(tmp_path / "elsewhere", "b", range(3, 5))
    done = merged(tmp_path, "a", str(elsewhere.folder))
    assert (done.returncode, done.stdout) == (0, "merged: results/whole, 5 runs of 2 suites\n")
    assert files(Suite(tmp_path / "results", "whole")) == files(made(tmp_path / "c", "c", range(5)))
    assert merged(tmp_path, "a", str(elsewhere.folder)).returncode == 0
    assert bench(tmp_path, "verify", "whole").returncode == 0


def test_an_interrupted_merge_is_finished(tmp_path: Path) -> None:
    made(tmp_path, "a", range(3))
    made(tmp_path, "b", range(3, 5))
    merged(tmp_path, "a", "b")
    whole = Suite(tmp_path / "results", "whole")
    before = files(whole)
    path = whole.run_paths()[2]
    path.unlink()
    assert merged(tmp_path, "a", "b").returncode == 0
    assert files(whole) == before


def test_a_run_of_both_counts_once(tmp_path: Path) -> None:
    made(tmp_path, "a", range(3))
    made(tmp_path, "b", range(2, 5))
    done = merged(tmp_path, "a", "b")
    told = "5 runs of 2 suites; 1 with the same bits in two of them"
    assert done.stdout == f"merged: results/whole, {told}\n"
    assert len(Suite(tmp_path / "results", "whole").runs()) == 5


def test_other_bits_are_listed_and_nothing_is_written(tmp_path: Path) -> None:
    made(tmp_path, "a", range(3))
    made(tmp_path, "b", range(2, 5), lambda run: replace(run, weights_sha256="e" * 64))
    for path in (tmp_path / "results" / "b").rglob("*.safetensors"):
        path.unlink()
    done = merged(tmp_path, "a", "b")
    assert done.returncode == 1
    assert "other bits: mnist/model_1/seed-0002-" in done.stderr
    assert done.stderr.endswith("not merged: 1 run with other bits\n")
    assert not (tmp_path / "results" / "whole").exists()


def test_two_environments_need_a_preferred_one(tmp_path: Path) -> None:
    made(tmp_path, "a", range(2))
    made(tmp_path, "b", range(1, 3), lambda run: replace(run, environment=OTHER))
    done = merged(tmp_path, "a", "b")
    assert done.returncode == 2
    assert "mnist/model_1, seed 1, was trained in two environments" in done.stderr
    assert not (tmp_path / "results" / "whole").exists()
    assert merged(tmp_path, "a", "b", "--prefer", "b").returncode == 0
    runs = Suite(tmp_path / "results", "whole").runs()
    assert [run.environment.fingerprint == OTHER.fingerprint for run in runs] == [False, True, True]
    assert merged(tmp_path, "a", "b", "--prefer", "c").returncode == 2


def test_a_completed_run_counts_before_a_failed_one_and_diverging_is_a_result(
    tmp_path: Path,
) -> None:
    """A full memory fails a run; a loss that is not finite is what the network does."""

    def failed(run: RunRecord) -> RunRecord:
        if run.seed == 2:
            return factories.failed("model_1", 2)
        return replace(factories.failed("model_1", run.seed), status="failed", reason="memory")

    made(tmp_path, "a", range(1, 3), failed)
    made(tmp_path, "b", range(1, 2))
    assert merged(tmp_path, "a", "b").returncode == 0
    whole = Suite(tmp_path / "results", "whole")
    assert [run.status for run in whole.runs()] == ["completed", "diverged"]
    assert whole.weights(whole.runs()[0]) == factories.WEIGHTS
    made(tmp_path, "d", range(2, 3))
    done = bench(tmp_path, "merge", "a", "d", "--into", "other")
    assert (done.returncode, "other bits" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"dataset": replace(factories.MNIST, digest="ab" * 32)}, "the images of 'mnist'"),
        ({"portrait": True}, "the measures of 'model_1'"),
    ],
)
def test_suites_of_other_things_are_refused_by_name(
    tmp_path: Path, change: dict[str, Any], what: str
) -> None:
    made(tmp_path, "a", range(2))
    if change.pop("portrait", False):
        portrait = factories.portrait("model_1")
        name, measure = next(iter(portrait.measures.items()))
        measures = portrait.measures | {name: replace(measure, notes=["other"])}
        Suite(tmp_path / "results", "b").add_portrait(replace(portrait, measures=measures))
    else:
        Suite(tmp_path / "results", "b").add_run(factories.record("model_1", 3, **change), None)
    done = merged(tmp_path, "a", "b")
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {what} differ between results/a and results/b")
    assert not (tmp_path / "results" / "whole").exists()


def test_declarations_of_disjoint_seeds_are_put_together(tmp_path: Path) -> None:
    """Of one kind they may be; the merged runs name theirs still."""
    train = ("train", "--arch", "model_1", "--dataset", "mnist5k", "--declare-only", "--builtin")
    for name, seeds in (("a", "0-1"), ("b", "2-3"), ("c", "1-2")):
        done = bench(tmp_path, *train, "--seeds", seeds, "--suite", name)
        assert done.returncode == 0, done.stderr
    assert merged(tmp_path, "a", "b").returncode == 0
    protocol = Suite(tmp_path / "results", "whole").protocol()
    assert protocol is not None
    assert [sweep.seeds for sweep in protocol.sweeps] == [((0, 1),), ((2, 3),)]
    done = bench(tmp_path, "merge", "a", "c", "--into", "other")
    assert done.returncode == 2
    assert "the declarations differ between results/a and results/c" in done.stderr


def test_runs_that_are_none_of_these_are_never_mixed_in(tmp_path: Path) -> None:
    for name, seeds in (("a", range(2)), ("b", range(2, 4)), ("whole", range(4, 5))):
        made(tmp_path, name, seeds)
    done = merged(tmp_path, "a", "b")
    assert (done.returncode, "holds other runs" in done.stderr) == (2, True)
    shutil.rmtree(tmp_path / "results" / "whole")
    assert merged(tmp_path, "a", "a").returncode == 2
    assert merged(tmp_path, "a", "nosuch").returncode == 2

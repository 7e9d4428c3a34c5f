"""Which record is meant, on synthetic suites."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bench.errors import BenchError
from bench.inputs import discover
from bench.records.store import Suite
from bench.training.reproduction import recorded
from tests import factories
from tests.support import write_architecture


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two suites; seed 0 of `local` has a second recipe, and `copy` holds a run of `local`."""
    suite = factories.suite(tmp_path / "results")
    suite.add_run(factories.record("model_1", 0, recipe=factories.recipe(epochs=3)), None)
    Suite(tmp_path / "results", "copy").add_run(factories.record("model_1", 4), None)
    return tmp_path / "results"


def key(seed: int, architecture: str = "model_2") -> str:
    return factories.run_spec(architecture, seed).key


@pytest.mark.parametrize(
    "run",
    [
        "local/mnist/model_2/seed-0003",
        "local/mnist/model_2/seed-3",
        f"local/mnist/model_2/seed-0003-{key(3)[:12]}",
        f"local/mnist/model_2/seed-0003-{key(3)[:7]}",
        f"local/mnist/model_2/seed-0003-{key(3)}",
        f"local/mnist/model_2/seed-0003-{key(3)[:12]}.json",
        key(3)[:6],
        key(3)[:20],
        key(3),
        key(3).upper(),
    ],
)
def test_a_run_is_found(results: Path, run: str) -> None:
    found = recorded.find(run, results)
    assert (found.record.architecture, found.record.seed) == ("model_2", 3)
    assert found.name == f"local/mnist/model_2/seed-0003-{key(3)[:12]}"
    assert found.suite is not None
    assert found.suite.path_of(found.record) == found.path.absolute()
    assert recorded.find(found.name, results).record == found.record


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ("nonsense", ["no run 'nonsense'", "RUN", "give a record's path"]),
        ("", ["no run ''", "give a record's path"]),
        ("local/mnist/model_2/seed-0003-zzz", ["no run", "give a record's path"]),
        ("../local/mnist/model_2/seed-0003", ["no run", "give a record's path"]),
        ("local/../local/mnist/seed-0003", ["no run", "give a record's path"]),
        ("a" * 5000 + "x", ["no run"]),
        ("a/b/c/missing.json", ["no run 'a/b/c/missing.json'"]),
        ("lokal/mnist/model_2/seed-0003", ["no 'lokal'", "did you mean 'local'?"]),
        ("local/mnits/model_2/seed-0003", ["no 'mnits'", "did you mean 'mnist'?"]),
        ("local/mnist/model_7/seed-0003", ["no 'model_7'", "did you mean 'model_"]),
        ("local/mnist/model_2/seed-0009", ["no run", "did you mean 'seed-000"]),
        (f"local/mnist/model_2/seed-0002-{key(3)[:12]}", ["no run", "did you mean 'seed-0003-"]),
        ("local/mnist/model_1/seed-0000", ["means 2 runs", "give one: local/mnist/model_1/seed-"]),
        (key(4, "model_1")[:8], ["means 2 runs", "copy/mnist/model_1", ", local/mnist/model_1"]),
        (key(3)[:5], ["too short", "give 6 digits or more"]),
        ("0" * 12, ["no run '000000000000'", "give a record's path"]),
        (key(3)[:20] + "0" * 44, ["no run"]),
    ],
)
def test_a_run_that_is_unknown_or_ambiguous_is_refused(
    results: Path, run: str, words: list[str]
) -> None:
    with pytest.raises(BenchError) as error:
        recorded.find(run, results)
    assert error.value.exit_code == 2
    for word in words:
        assert word in str(error.value)


def test_many_runs_of_one_name_are_not_all_listed(tmp_path: Path) -> None:
    suite = Suite(tmp_path, "local")
    for epochs in range(1, 8):
        suite.add_run(factories.record(recipe=factories.recipe(epochs)), None)
    with pytest.raises(BenchError, match=r"means 7 runs.* and 3 more"):
        recorded.find("local/mnist/model_1/seed-0000", tmp_path)


def test_of_two_keys_it_is_told_which_one_is_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_architecture(tmp_path, "mine")
    own = discover.load(discover.Found("mine", "", file))
    made = {"architecture_digest": own.digest, "recipe": own.recipe}
    runs = {
        " (another source)": factories.record("mine", 0, recipe=own.recipe),
        " (another recipe)": factories.record("mine", 0, **{**made, "recipe": factories.recipe()}),
        " (the source and the recipe in its file)": factories.record("mine", 0, **made),
    }
    suite = Suite(tmp_path / "results", "local")
    for run in runs.values():
        suite.add_run(run, None)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BenchError, match="means 3 runs") as error:
        recorded.find("local/mnist/mine/seed-0000", tmp_path / "results")
    for words, run in runs.items():
        assert f"seed-0000-{run.key[:12]}{words}" in str(error.value)
    first = runs[" (the source and the recipe in its file)"].key[:12]
    assert f"give one: local/mnist/mine/seed-0000-{first} (the" in str(error.value)


def test_no_results_folder_is_told(tmp_path: Path) -> None:
    for run in ("local/mnist/model_1/seed-0000", "abcdef"):
        with pytest.raises(BenchError, match=r"no results folder.*--results"):
            recorded.find(run, tmp_path / "nothing")


@pytest.mark.parametrize("content", [b"{}", b'{"schema": 1, ', b"\xff\xfe", b""])
def test_a_file_that_is_no_record_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.json"
    path.write_bytes(content)
    with pytest.raises(BenchError, match=r"unreadable record.*mine\.json"):
        recorded.find(str(path), tmp_path)


@given(st.text())
def test_any_text_is_refused_in_one_line(run: str) -> None:
    with pytest.raises(BenchError) as error:  # there is no such folder
        recorded.find(run, Path(os.devnull) / "results")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema": 2}, "its schema is 2, this version reads 1"),
        ({"engine_version": 99}, "made by engine version 99, this is .*check out commit 0123456"),
        ({"status": "failed", "reason": "no memory"}, "the recorded run failed: no memory"),
        ({"seed": 17}, "but its fields give.*edited"),
        ({"recipe": factories.recipe(3)}, "but its fields give.*edited"),
    ],
)
def test_a_record_that_cannot_be_trained_again(changes: dict[str, object], words: str) -> None:
    record = replace(factories.record(), **changes)
    with pytest.raises(BenchError, match=words) as error:
        recorded.require_reproducible(recorded.Recorded(record, Path("mine.json"), None))
    assert error.value.exit_code == 2


def test_the_family_differs_in_seeds_alone(results: Path) -> None:
    suite = Suite(results, "local")
    suite.add_run(factories.record("model_1", 7, environment=factories.WORKSTATION), None)
    suite.add_run(factories.failed("model_1", 8), None)
    suite.add_run(factories.record("model_1", 9, dataset=factories.MNIST5K), None)
    found = recorded.find(f"local/mnist/model_1/seed-0001-{key(1, 'model_1')[:12]}", results)
    assert [run.seed for run in recorded.family(found)] == [0, 1, 2, 3, 4, 7]
    alone = recorded.Recorded(found.record, Path("mail.json"), None)
    assert recorded.family(alone) == [found.record]

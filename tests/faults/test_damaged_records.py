"""Damaged and forged files in a suite: the real command names each, and goes on with the rest."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.records.store import Suite
from bench.spec import RunRecord, canonical_json
from tests import factories

Bench = Callable[..., subprocess.CompletedProcess[str]]
Change = Callable[[dict[str, Any]], object]
SET_ASIDE = 3  # exit code: the rest was done


def last_epoch(**fields: object) -> Change:
    return lambda run: run["epochs"][-1].update(fields)


def with_own_key(change: Change) -> Change:
    """A forger who knows how a key is made."""

    def changed(run: dict[str, Any]) -> None:
        change(run)
        run["key"] = msgspec.convert(run, RunRecord).spec.key

    return changed


# What a hostile hand changes in a record -> what the command says.
FORGED: dict[str, tuple[Change, str]] = {
    "a count": (
        last_epoch(test_correct=9_999),
        "missed images are listed, but by the counts 1 were missed",
    ),
    "5000 of 1000": (last_epoch(test_correct=50_000), "50,000 right answers of 10,000 test images"),
    "a negative count": (last_epoch(train_correct=-1), "-1 right answers of 54,000 train images"),
    "no count": (last_epoch(test_correct=None), "epoch 15 lacks figures"),
    "an index of 10**9": (
        lambda run: run["test_misses"].__setitem__(-1, [10**9, 3]),
        "no rising indices below 10,000",
    ),
    "an index twice": (
        lambda run: run["test_misses"].__setitem__(1, run["test_misses"][0]),
        "no rising indices below 10,000",
    ),
    "a label of no class": (
        lambda run: run["test_misses"].__setitem__(0, [run["test_misses"][0][0], 10]),
        "a label that is no class",
    ),
    "a selected epoch": (
        lambda run: run.update(selected_epoch=-1),
        "its selected epoch is -1, by its counts it is ",
    ),
    "no epochs": (lambda run: run.update(epochs=[]), "it completed with 0 of 15 epochs"),
    "an epoch less": (lambda run: run["epochs"].pop(), "it completed with 14 of 15 epochs"),
    "another epoch": (last_epoch(epoch=99), "not numbered from 1 without gaps"),
    "no test images": (
        with_own_key(lambda run: run["dataset"].update(n_test=0)),
        "its data set has no test images",
    ),
    "another learning rate": (
        lambda run: run["recipe"].update(peak_learning_rate=0.02),
        "its key is not the digest of its fields",
    ),
    "another seed": (lambda run: run.update(seed=7), "its key is not the digest of its fields"),
    "a large seed": (lambda run: run.update(seed=10**399), "its seed is about 10^399"),
    "many parameters": (
        lambda run: run.update(n_parameters=10**399),
        "its n_parameters is about 10^399",
    ),
    "a large batch": (
        with_own_key(lambda run: run["recipe"].update(batch_size=10**399)),
        "a number is too large: about 10^399",
    ),
    "a large epoch": (
        lambda run: run.update(selected_epoch=10**399),
        "its selected epoch is about 10^399, by its counts it is",
    ),
    "a large count": (
        last_epoch(test_correct=10**399),
        "epoch 15 has about 10^399 right answers of 10,000 test images",
    ),
    "a digest": (lambda run: run.update(weights_sha256="0"), "is no SHA-256"),
    "a failure": (lambda run: run.update(status="failed"), "what only a completed run has"),
    "no recipe": (lambda run: run.update(recipe=None), "it lacks its recipe"),
    "a later schema": (lambda run: run.update(schema=2), "its schema is 2, this version reads 1"),
    "a negative time": (last_epoch(train_seconds=-1.0), "took a negative time"),
    "an epoch without test": (
        lambda run: run["epochs"][2].update(test_loss=None),
        "epoch 3 lacks figures, or has some of a split it never saw",
    ),
}


def instead(make: Callable[[Path], object]) -> Callable[[Path], object]:
    """Puts something else in the place of a record."""

    def spoil(path: Path) -> None:
        path.unlink()
        make(path)

    return spoil


# What may lie in a record's place -> what the command says.
UNREADABLE: dict[str, tuple[Callable[[Path], object], str]] = {
    "torn": (lambda path: path.write_bytes(path.read_bytes()[:700]), "unreadable record: "),
    "empty": (lambda path: path.write_bytes(b""), "unreadable record: "),
    "brackets": (lambda path: path.write_text("[" * 100_000), "unreadable record: "),
    "brackets within": (
        lambda path: path.write_text('{"unknown": ' + "[" * 100_000),
        "unreadable record: ",
    ),
    "a number of 5,000 digits": (
        lambda path: path.write_text(path.read_text().replace('"seed": ', '"seed": ' + "9" * 5000)),
        "unreadable record: ",
    ),
    "binary": (lambda path: path.write_bytes(bytes(range(256))), "unreadable record: "),
    "a pipe": (instead(os.mkfifo), "it is no plain file"),
    "a folder": (instead(os.mkdir), "Is a directory"),
    "a device": (instead(partial(os.symlink, "/dev/zero")), "it is no plain file"),
    "a loop": (instead(lambda path: path.symlink_to(path)), "Too many levels of symbolic links"),
    "200 MB of zeros": (lambda path: os.truncate(path, 200_000_000), "it has 200,000,000 bytes"),
}


MOST_NOTICES = 10


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return factories.suite(tmp_path / "results", architectures=["model_1"], seeds=range(3))


def second(suite: Suite) -> Path:
    return suite.path_of(factories.record("model_1", 1))


def forge(path: Path, change: Change) -> None:
    record = json.loads(path.read_bytes())
    change(record)
    path.write_text(json.dumps(record))


def test_each_damaged_or_forged_record_is_one_line_and_the_rest_goes_on(
    bench: Bench, tmp_path: Path
) -> None:
    changes: list[tuple[Callable[[Path], object], str]] = [
        *((partial(forge, change=change), words) for change, words in FORGED.values()),
        *UNREADABLE.values(),
    ]
    seeds = range(len(changes) + 1)
    suite = factories.suite(tmp_path / "results", architectures=["model_1"], seeds=seeds)
    paths = [suite.path_of(factories.record("model_1", seed)) for seed in seeds]
    for path, (spoil, _) in zip(paths, changes, strict=False):
        spoil(path)
    done = bench("verify")
    assert (done.returncode, done.stderr) == (1, "")
    *lines, total = done.stdout.splitlines()
    for line, path, (_, words) in zip(lines, paths[:-1], changes, strict=True):
        assert line.startswith(f"BAD mnist/model_1/{path.name}: ")
        assert words in line
        assert line.endswith(" -> restore the file or move it out of the results folder")
    assert total == (f"results/local: 1 sound run, 1 with weights; no seal; {len(changes)} faults")
    shown = bench("export")
    assert shown.returncode == SET_ASIDE, shown.stderr
    *notices, rest = shown.stderr.splitlines()
    assert len(notices) == MOST_NOTICES
    for line, path in zip(notices, paths[:MOST_NOTICES], strict=True):
        assert line.startswith("set aside: ")
        assert f"({path.relative_to(tmp_path)}): restore" in line
    assert rest == (
        f"set aside: {len(changes) - MOST_NOTICES} more; every damaged file: "
        "python -m bench verify SUITE"
    )


def test_a_record_under_the_name_of_another_seed_is_no_run(bench: Bench, suite: Suite) -> None:
    path, other = second(suite), suite.path_of(factories.record("model_1", 2))
    for copy in (other, path.with_name(path.name.replace("0001", "0009"))):
        shutil.copy(path, copy)
    there = suite.folder / "mnist" / "model_2" / path.name  # and in the folder of another network
    there.parent.mkdir()
    shutil.copy(path, there)
    done = bench("verify", "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert {each["what"] for each in found["faults"]} == {
        f"bad record: it is the content of mnist/model_1/{path.name}"
    }
    assert [each["file"] for each in found["faults"]] == [
        f"mnist/model_1/{other.name}",
        f"mnist/model_1/{path.name.replace('0001', '0009')}",
        f"mnist/model_2/{path.name}",
    ]
    assert found["n_runs"] == 2


def test_the_report_shows_what_is_left_and_says_what_is_not(
    bench: Bench, suite: Suite, tmp_path: Path
) -> None:
    path = second(suite)
    path.write_text("{")
    done = bench("report")
    assert done.returncode == SET_ASIDE, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("set aside: unreadable record: ")
    assert f"({path.relative_to(tmp_path)}): restore the file" in line
    page = (tmp_path / "reports" / "report.md").read_text()
    assert f"1 damaged file is left out and counts as missing: mnist/model_1/{path.name}." in page


OTHERS: dict[str, Callable[[Suite], Path]] = {
    "a portrait": lambda suite: suite.add_portrait(factories.portrait()),
    "timings": lambda suite: suite.add_latency(factories.latency()),
    "a field": lambda suite: suite.add_field(factories.effective_field(suite.runs())),
    "scored weights": lambda suite: suite.add_scored(factories.scored()),
}


def test_other_files_under_another_name_are_set_aside(bench: Bench, suite: Suite) -> None:
    paths = [add(suite) for add in OTHERS.values()]
    assert bench("verify").returncode == 0
    copies = [path.with_name(f"{path.stem}0.json") for path in paths]
    for path, copy in zip(paths, copies, strict=True):
        shutil.copy(path, copy)
    done = bench("verify")
    assert done.returncode == 1
    *lines, _ = done.stdout.splitlines()
    assert [line.partition(": bad record: it is the content of ")[0] for line in lines] == [
        f"BAD {copy.relative_to(suite.folder)}" for copy in copies
    ]


def test_weights_are_held_to_the_digest_of_their_record(bench: Bench, suite: Suite) -> None:
    path = second(suite)
    record = json.loads(path.read_bytes())
    record["weights_sha256"] = "0" * 64
    path.write_bytes(canonical_json(record))
    other = suite.path_of(factories.record("model_1", 2)).with_suffix(".safetensors")
    other.write_bytes(other.read_bytes()[:-1])
    done = bench("verify", "local")
    assert done.returncode == 1
    first, last, total = done.stdout.splitlines()
    assert f"{path.stem}.safetensors: weights that are not the record's" in first
    assert f"{other.name}: unusable weights: " in last
    assert total == "results/local: 3 sound runs, 1 with weights; no seal; 2 faults"


def test_the_doctor_counts_the_faults_of_every_suite(bench: Bench, suite: Suite) -> None:
    second(suite).write_text("{")
    factories.suite(suite.folder.parent, "other", architectures=["model_1"], seeds=[0])
    done = bench("doctor", "--records")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-2:] == [
        "BAD records: local: 1 fault  -> python -m bench verify local",
        "ok  records: other: 0 faults",
    ]


def test_a_protocol_that_was_edited_stops_a_report_and_is_a_fault(
    bench: Bench, suite: Suite
) -> None:
    (suite.folder / "protocol.json").write_text("{}")
    for command, code in (("report", 2), ("verify", 1)):
        done = bench(command)
        assert done.returncode == code
        assert "protocol.json" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_a_damaged_record_is_in_the_way_of_its_run_alone(
    bench: Bench, tmp_path: Path, write_architecture: Callable[..., Path]
) -> None:
    write_architecture("tiny")
    words = ("train", "--dataset", "mnist5k", "--arch", "tiny", "--epochs", "1", "--jobs", "1")
    assert bench(*words, "--seeds", "1").returncode == 0
    (path,) = tmp_path.glob("results/local/mnist5k/tiny/seed-*.json")
    path.write_text("{")
    done = bench(*words, "--seeds", "2")
    assert done.returncode == SET_ASIDE, done.stderr
    assert "Traceback" not in done.stderr
    name = path.relative_to(tmp_path)
    assert f"not trained: {name} is damaged and in the way" in done.stderr
    assert done.stderr.count("set aside: ") == 1
    assert path.read_text() == "{"
    assert len(list(path.parent.glob("seed-0001-*.json"))) == 1
    path.unlink()  # moved away, the run is trained
    assert bench(*words, "--seeds", "2").returncode == 0
    assert path.exists()
    verified = bench("verify", "--deep")
    assert (verified.returncode, verified.stderr) == (0, "")
    assert verified.stdout == ("results/local: 2 sound runs, 2 with weights; no seal; 0 faults\n")
    forge(path, five_more)
    deep = bench("verify", "--deep")
    assert deep.returncode == 1
    assert "scored again, these weights have " in deep.stdout
    assert "answers differ -> restore" in deep.stdout
    assert bench("verify").returncode == 0  # nothing in the files contradicts it


def five_more(record: dict[str, Any]) -> None:
    """Five images more that the run has right, and all that shows it."""
    record["epochs"][-1]["test_correct"] += 5
    del record["test_misses"][:5]

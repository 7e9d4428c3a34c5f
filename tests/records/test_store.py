from __future__ import annotations

import os
import pickle
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bench.errors import SetAside, StoreError
from bench.machine import write_atomically
from bench.records import store
from bench.records.observations import Findings, MissedDigit
from bench.records.store import RunReader, Suite
from bench.records.verifying import verify
from bench.spec import canonical_json
from tests import factories
from tests.support import ROOT


def test_a_write_that_fails_leaves_the_old_file_and_no_temporary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "record.json"
    write_atomically(path, b"old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(StoreError, match=r"No space left on device \(.*record.json\)"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_missed_digits_are_kept_once_and_read_back(tmp_path: Path) -> None:
    suite = Suite(tmp_path, "local")
    first = MissedDigit(pixels=(bytes(range(256)) * 3 + bytes(16)).hex(), label=3)
    second = MissedDigit(pixels="07" * 784, label=0)
    suite.add_missed_digits("mnist", {5: first})
    suite.add_missed_digits("mnist", {5: first, 900: second})
    assert suite.missed_digits("mnist") == {5: first, 900: second}
    assert suite.missed_digits("mnist5k") == {}
    assert suite.findings() == Findings(missed_digits={"mnist": {5: first, 900: second}})


def test_digits_that_were_kept_without_labels_are_read_and_completed(tmp_path: Path) -> None:
    suite = Suite(tmp_path, "local")
    path = tmp_path / "local" / "mnist" / "missed-digits.json"
    write_atomically(path, canonical_json({"5": "00" * 784, "900": "07" * 784}))
    assert suite.missed_digits("mnist") == {
        5: MissedDigit(pixels="00" * 784),
        900: MissedDigit(pixels="07" * 784),
    }
    labelled = MissedDigit(pixels="00" * 784, label=8)
    suite.add_missed_digits("mnist", {5: labelled})
    assert suite.missed_digits("mnist") == {5: labelled, 900: MissedDigit(pixels="07" * 784)}


def test_beyond_the_bound_labels_alone_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MOST_PIXEL_BYTES", 3 * 4)
    suite = Suite(tmp_path, "local")
    digits = {index: MissedDigit(pixels="0" * 8, label=index % 2) for index in range(6)}
    suite.add_missed_digits("colours", digits)
    kept = suite.missed_digits("colours")
    assert {index: digit.label for index, digit in kept.items()} == {i: i % 2 for i in range(6)}
    drawn = {index for index, digit in kept.items() if digit.pixels}
    assert len(drawn) == 3
    suite.add_missed_digits("colours", {index + 3: digits[index + 3] for index in range(3)})
    suite.add_missed_digits("colours", {9: MissedDigit(pixels="1" * 8, label=3)})
    again = suite.missed_digits("colours")
    assert {index for index, digit in again.items() if digit.pixels} == drawn
    assert again[9] == MissedDigit(pixels="", label=3)


def test_a_digit_that_is_no_digit_is_one_line(tmp_path: Path) -> None:
    suite = Suite(tmp_path, "local")
    path = tmp_path / "local" / "mnist" / "missed-digits.json"
    write_atomically(path, canonical_json({"5": "0g"}))
    with pytest.warns(SetAside, match=r"unreadable record: .* \(.*missed-digits.json\)"):
        assert suite.findings() == Findings()
    before = path.read_bytes()
    suite.add_missed_digits("mnist", {7: MissedDigit(pixels="00" * 784, label=1)})
    assert path.read_bytes() == before  # nobody's file is replaced


def test_an_empty_suite_has_nothing(tmp_path: Path) -> None:
    suite = Suite(tmp_path, "local")
    assert suite.runs() == []
    assert suite.portraits() == []
    assert suite.findings() == Findings()


def test_names_of_files_hold_twelve_digits(tmp_path: Path) -> None:
    run, portrait = factories.record("model_1", 7), factories.portrait("model_1")
    digits = portrait.architecture_digest
    assert len(run.key) == len(digits) == 64
    suite = Suite(tmp_path, "local")
    assert store.portrait_file(portrait).as_posix() == f"portraits/model_1-{digits[:12]}.json"
    assert suite.path_of(run) == (
        tmp_path / "local" / "mnist" / "model_1" / f"seed-0007-{run.key[:12]}.json"
    )


def test_findings_lie_beside_the_runs_and_are_read_back(tmp_path: Path) -> None:
    suite = factories.suite(tmp_path, architectures=["model_1"], seeds=[0, 1])
    runs = suite.runs()
    here, there = (
        factories.latency("model_1", each) for each in (factories.LAPTOP, factories.WORKSTATION)
    )
    field = factories.effective_field(runs)
    for latency in (here, there):
        suite.add_latency(latency)
    path = suite.add_field(field)
    assert suite.findings() == Findings(latencies=(here, there), fields=(field,))
    assert suite.runs() == runs
    assert path.parent == suite.path_of(runs[0]).parent

    newer = replace(here, training_peak_bytes=5)  # the same machine: the newest stays
    suite.add_latency(newer)
    fewer = factories.effective_field(runs[:1])
    suite.add_field(fewer)
    assert suite.findings() == Findings(latencies=(newer, there), fields=(fewer,))


def test_weights_lie_beside_their_record(tmp_path: Path) -> None:
    suite = Suite(tmp_path, "local")
    run = factories.record()
    path = suite.add_run(run, factories.WEIGHTS)
    assert suite.weights(run) == factories.WEIGHTS
    path.with_suffix(".safetensors").unlink()
    assert suite.weights(run) is None


def test_an_unreadable_finding_is_one_line(tmp_path: Path) -> None:
    suite = Suite(tmp_path, "local")
    path = suite.add_latency(factories.latency())
    path.write_text("{")
    with pytest.warns(SetAside, match=r"unreadable record: .* \(.*latency.*json\): restore"):
        assert suite.findings() == Findings()


@given(st.dictionaries(st.text(), st.integers() | st.text(), max_size=5))
def test_committed_json_is_stable_text_with_a_final_newline(value: dict[str, object]) -> None:
    assert canonical_json(value) == canonical_json(dict(value))
    assert canonical_json(value).endswith(b"\n")


def test_an_outcome_of_given_weights_is_kept_once_beside_others(tmp_path: Path) -> None:
    suite = Suite(tmp_path, "local")
    first = factories.scored()
    path = suite.add_scored(first)
    names = (first.architecture_digest[:12], first.file_sha256[:12])
    assert path.parent == tmp_path / "local" / "mnist" / "model_1"
    assert path.name.startswith("scored-weights-{}-{}-".format(*names))
    kept = path.read_bytes()
    later = replace(first, file="copy.pt", scored_on=date(2026, 5, 1))
    assert suite.add_scored(later) == path
    assert path.read_bytes() == kept  # never renewed
    others = [
        replace(first, file_sha256="b" * 64),
        replace(first, architecture_digest="c" * 64),
        replace(
            first,
            split="validation",
            n_images=6000,
            correct=5948,
            misses=[(index, 4, 9) for index in range(5948, 6000)],
        ),
        replace(first, environment=factories.WORKSTATION),
        replace(first, dataset=replace(first.dataset, digest="d" * 64)),
        replace(first, numerics=replace(first.numerics, device_type="cuda")),
    ]
    assert len({suite.add_scored(each) for each in others} | {path}) == 7
    assert len(suite.findings().scored) == 7
    assert first in suite.scored_weights()
    other = replace(first, correct=9950, misses=first.misses[:-2])
    with pytest.raises(StoreError, match=r"other answers: 9,948 right, now 9,950 .*move the"):
        suite.add_scored(other)
    assert path.read_bytes() == kept
    assert suite.runs() == []


def test_a_damaged_record_is_left_out_until_somebody_restores_it(tmp_path: Path) -> None:
    suite = factories.suite(tmp_path, architectures=["model_1"], seeds=range(3))
    reader, whole = RunReader(suite), suite.runs()
    path = suite.path_of(whole[1])
    content = path.read_bytes()
    path.write_bytes(content[:-9])
    with pytest.warns(SetAside, match="unreadable record"):
        assert suite.runs() == [whole[0], whole[2]]
    assert suite.runs() == reader.runs() == [whole[0], whole[2]]  # told once
    assert list(suite.set_aside) == [path]
    path.write_bytes(content)
    assert reader.runs() == whole
    assert suite.set_aside == {}


def fail(path: Path) -> None:
    raise StoreError("unreadable record", where=str(path), remedy="restore it")


@pytest.mark.parametrize("part", ["portrait", "field"])
def test_a_damaged_file_is_not_written_over(tmp_path: Path, part: str) -> None:
    suite = factories.suite(tmp_path, architectures=["model_1"], seeds=[0])
    field = factories.effective_field(suite.runs())
    paths = {"portrait": suite.add_portrait(factories.portrait()), "field": suite.add_field(field)}
    paths[part].write_text("{")
    with pytest.warns(SetAside, match="unreadable record"):
        suite.kept([paths[part]], fail)
    suite.add_portrait(factories.portrait())
    suite.add_field(field)
    assert paths[part].read_text() == "{"


def test_the_committed_suites_are_sound() -> None:
    for name in ("reference", "search"):
        found = verify(Suite(ROOT / "results", name))
        assert found.faults == []
        assert found.runs
        assert len(found.runs) == len(Suite(ROOT / "results", name).run_paths())


def test_an_error_of_a_suite_goes_through_a_pipe_to_a_worker(tmp_path: Path) -> None:
    suite = factories.suite(tmp_path, architectures=["model_1"], seeds=[0])
    path = suite.run_paths()[0]
    path.write_text("{")
    with pytest.warns(SetAside):
        suite.runs()
    again = pickle.loads(pickle.dumps(suite))  # noqa: S301
    assert str(again.set_aside[path]) == str(suite.set_aside[path])

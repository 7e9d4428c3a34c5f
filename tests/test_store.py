from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bench.errors import StoreError
from bench.findings import Findings
from bench.spec import canonical_json
from bench.store import Suite, write_atomically
from tests import factories


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
    first, second = bytes(range(256)) * 3 + bytes(16), bytes([7]) * 784
    suite.add_missed_digits("mnist", {5: first})
    suite.add_missed_digits("mnist", {5: first, 900: second})
    assert suite.missed_digits("mnist") == {5: list(first), 900: list(second)}
    assert suite.missed_digits("mnist5k") == {}


def test_an_empty_suite_has_nothing(tmp_path: Path) -> None:
    suite = Suite(tmp_path, "local")
    assert suite.runs() == []
    assert suite.portraits() == []
    assert suite.findings() == Findings()


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
    path = suite.add_run(run, b"weights")
    assert suite.weights(run) == b"weights"
    path.with_suffix(".safetensors").unlink()
    assert suite.weights(run) is None


def test_an_unreadable_finding_is_one_line(tmp_path: Path) -> None:
    suite = Suite(tmp_path, "local")
    path = suite.add_latency(factories.latency())
    path.write_text("{")
    with pytest.raises(StoreError, match=r"unreadable record: .* \(.*latency.*json\): restore"):
        suite.findings()


@given(st.dictionaries(st.text(), st.integers() | st.text(), max_size=5))
def test_committed_json_is_stable_text_with_a_final_newline(value: dict[str, object]) -> None:
    assert canonical_json(value) == canonical_json(dict(value))
    assert canonical_json(value).endswith(b"\n")

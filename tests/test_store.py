from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import StoreError
from bench.spec import canonical_json
from bench.store import Suite, write_atomically


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


@given(st.dictionaries(st.text(), st.integers() | st.text(), max_size=5))
def test_committed_json_is_stable_text_with_a_final_newline(value: dict[str, object]) -> None:
    assert canonical_json(value) == canonical_json(dict(value))
    assert canonical_json(value).endswith(b"\n")

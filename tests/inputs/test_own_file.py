"""A user's Python file is run as it is written now."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bench.inputs.own_file import execute


def test_the_text_at_hand_runs_whatever_python_has_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both texts have one size and one time of change, as two edits within a second have."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = tmp_path / "mine.py"
    for value in (1, 2):
        path.write_text(f"VALUE = {value}\n", encoding="utf-8")
        os.utime(path, (1_700_000_000, 1_700_000_000))
        assert value == execute("mine", path).VALUE
        monkeypatch.delitem(sys.modules, "mine")


def test_a_file_imports_its_neighbours_and_one_that_fails_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_mine.py").write_text("VALUE = 3\n", encoding="utf-8")
    path = tmp_path / "mine.py"
    path.write_text("import neighbour_of_mine\n1 / 0\n", encoding="utf-8")
    before = list(sys.path)
    with pytest.raises(ZeroDivisionError):
        execute("mine", path)
    assert "mine" not in sys.modules
    assert sys.modules.pop("neighbour_of_mine").VALUE == 3
    assert sys.path == before

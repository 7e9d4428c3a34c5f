"""docs/import.md: its example works as it stands, and it tells every column and line."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.inputs.figures import FIGURES
from bench.inputs.imported import mapping, runs
from bench.inputs.imported.tables import READERS
from tests.support import fences, text_of

TEXT = text_of("docs/import.md")
Bench = Callable[..., subprocess.CompletedProcess[str]]


def listing(language: str) -> str:
    (found,) = fences("docs/import.md", language)
    return found


@pytest.mark.process
def test_the_example_goes_from_a_file_to_a_report(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_text(listing("csv"))
    for line in listing("sh").splitlines():
        done = bench(*line.split()[3:])
        assert (done.returncode, done.stderr) == (0, "")
    assert "small (imported)" in (tmp_path / "reports" / "report.md").read_text()


def test_the_mapping_reads_a_file_of_those_names(tmp_path: Path) -> None:
    written, file = tmp_path / "mapping.toml", tmp_path / "log.jsonl"
    written.write_text(listing("toml"))
    file.write_text('{"step": 0, "run": "seed-7", "eval/acc": 0.98, "lr": 0.1}\n')
    (run,) = runs.read(file, mapping.load(written, None, None))
    assert (run.architecture, run.seed, run.epochs[0].test_correct) == ("small", 7, 9800)
    assert run.foreign is not None
    assert run.foreign.settings == {"lr": "0.1"}


def test_every_column_line_and_kind_of_file_is_told() -> None:
    names = [*FIGURES, *mapping.OF_RUNS, *mapping.SHORT, *mapping.Mapping.__struct_fields__]
    assert [name for name in [*names, *READERS] if name not in TEXT] == []

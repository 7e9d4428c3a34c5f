"""`bench export` as a person types it."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.records.store import Suite
from bench.report.export import write
from bench.report.export.texts import FILES
from tests import factories
from tests.conftest import Bench
from tests.reports import render

KINDS = list(FILES)
NAMES = ["claims", "epochs", "layers", "measures", "parameters", "results", "runs"]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("exported") / "results"
    suite = factories.fill(Suite(results, "local"), ["model_1", "model_2"], seeds=range(3))
    suite.add_run(factories.failed("model_2", 3), None)
    factories.fill(suite, ["model_1"], seeds=[0], dataset=factories.MNIST5K)
    return results


def test_csv_holds_every_run_of_every_data_set(results: Path, bench: Bench, tmp_path: Path) -> None:
    done = bench("export", "--results", str(results), "--out", "out")
    assert (done.returncode, done.stderr) == (0, "")
    files = sorted((tmp_path / "out").iterdir())
    assert [path.stem for path in files] == NAMES
    assert sorted(done.stdout.split()) == [f"out/{path.name}" for path in files]
    with (tmp_path / "out" / "runs.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    recorded = {run.key: run for run in Suite(results, "local").runs()}
    assert {row["key"] for row in rows} == recorded.keys()
    for row in rows:
        run = recorded[row["key"]]
        assert (row["dataset"], row["seed"]) == (run.dataset.name, str(run.seed))
        right = run.epochs[-1].test_correct if run.completed else ""
        assert row["last_test_correct"] == str(right)


def test_json_and_latex(results: Path, bench: Bench, tmp_path: Path) -> None:
    assert (
        bench("export", "--results", str(results), "--format", "json", "--out", "o").returncode == 0
    )
    content = json.loads((tmp_path / "o" / "report.json").read_text())
    assert sorted(content["tables"]) == NAMES
    assert len(content["tables"]["runs"]) == 8
    assert (
        bench("export", "--results", str(results), "--format", "latex", "--out", "o").returncode
        == 0
    )
    names = sorted(path.name for path in (tmp_path / "o").glob("*.tex"))
    assert names == ["claims.tex", "parameters.tex", "results.tex"]


def test_the_same_records_give_the_same_bytes(results: Path, tmp_path: Path) -> None:
    suite = Suite(results, "local")
    for kind in KINDS:
        first, second = (write.write(suite, kind, tmp_path / name) for name in ("a", "b"))
        assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]


def test_the_reports_files_are_the_exported_ones(tmp_path: Path) -> None:
    """But for measures.csv, and for the epochs in report.json, which epochs.csv has."""
    suite = factories.suite(tmp_path / "results")
    render(suite, tmp_path / "reports", command="c")
    for kind in ("csv", "latex", "json"):
        for path in write.write(suite, kind, tmp_path / "out"):
            own = tmp_path / "reports" / "data" / path.name
            if path.name == "report.json":
                whole = json.loads(path.read_bytes())
                del whole["tables"]["epochs"]
                assert json.loads(own.read_bytes()) == whole
            elif path.name != "measures.csv":
                assert own.read_bytes() == path.read_bytes()


def test_without_pyarrow_no_parquet_is_written(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"pip install 'manyseeds\[parquet\]'"):
        write.write(Suite(results, "local"), "parquet", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_parquet_holds_every_run(results: Path, tmp_path: Path) -> None:
    import pandas

    write.write(Suite(results, "local"), "parquet", tmp_path / "out")
    runs = pandas.read_parquet(tmp_path / "out" / "runs.parquet")
    assert len(runs) == 8
    recorded = {run.key: run for run in Suite(results, "local").runs()}
    for row in runs.itertuples():
        run = recorded[row.key]
        assert row.seed == run.seed
        assert pandas.isna(row.last_test_correct) == (not run.completed)
        if run.completed:
            assert row.last_test_correct == run.epochs[-1].test_correct


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--format", "cvs"], "did you mean 'csv'"),
        (["--suite", "locl"], "did you mean 'local'"),
        (["--suite", "a/b"], "bad suite name"),
        (["--suite", "empty"], "holds no records"),
        (["--out", "file"], "cannot write"),
    ],
)
def test_bad_input_is_one_line(
    results: Path, bench: Bench, tmp_path: Path, words: list[str], said: str
) -> None:
    (results / "empty").mkdir(exist_ok=True)
    (tmp_path / "file").write_text("kept")
    done = bench("export", "--results", str(results), *words)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr
    assert (tmp_path / "file").read_text() == "kept"
    assert not (tmp_path / "export").exists()

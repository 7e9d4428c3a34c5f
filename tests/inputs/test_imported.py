"""Imported results: what becomes of a file's rows, and what is refused before anything is kept."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.evidence.claims import rules
from bench.evidence.claims.lookup import Readings
from bench.evidence.comparison.outcome import Request, compare
from bench.inputs.imported import mapping as mappings
from bench.inputs.imported import runs
from bench.records import until_decided
from bench.records.arms import arms
from bench.records.places import parse_place
from bench.records.protocol import Protocol
from bench.records.store import Suite
from bench.spec import Claim, Foreign, RunRecord, digest
from tests import factories

Bench = Callable[..., subprocess.CompletedProcess[str]]
TABLE = """network,seed,epoch,correct,test_loss
ResNet-18,0,1,9800,0.5
ResNet-18,0,2,9910,0.4
ResNet-18,1,1,9790,0.6
ResNet-18,1,2,9905,0.3
small,0,1,9000,
small,0,2,9100,
"""
MNIST = 'dataset = "mnist"\nn_test = 10000\n'


def read(
    tmp_path: Path, text: str, mapping: str = MNIST, name: str = "runs.csv"
) -> list[RunRecord]:
    file, written = tmp_path / name, tmp_path / "mapping.toml"
    file.write_text(text, encoding="utf-8")
    written.write_text(mapping, encoding="utf-8")
    return runs.read(file, mappings.load(written, None, None))


def counts(records: list[RunRecord]) -> dict[tuple[str, int], list[int | None]]:
    return {(run.architecture, run.seed): [e.test_correct for e in run.epochs] for run in records}


EXPECTED = {
    ("resnet_18", 0): [9800, 9910],
    ("resnet_18", 1): [9790, 9905],
    ("small", 0): [9000, 9100],
}


def test_rows_become_runs_that_say_where_they_come_from(tmp_path: Path) -> None:
    records = read(tmp_path, TABLE)
    assert counts(records) == EXPECTED
    first, *_, small = records
    assert first.foreign is not None
    assert (first.foreign.origin, first.foreign.settings) == ("import", {"network": "ResNet-18"})
    assert first.source is not None
    assert (first.source.file, first.source.sha256) == ("runs.csv", digest(TABLE.encode()))
    assert (first.recipe, first.n_parameters, first.environment.torch) == (None, None, "not known")
    assert [epoch.test_loss for epoch in first.epochs] == [0.5, 0.4]
    assert [epoch.test_loss for epoch in small.epochs] == [None, None]


@pytest.mark.parametrize(
    "change", [(",", ";"), (",", "\t"), ("\n", "\r\n"), ("network", "\ufeffnetwork")]
)
def test_forms_of_csv_are_the_same(tmp_path: Path, change: tuple[str, str]) -> None:
    assert counts(read(tmp_path, TABLE.replace(*change))) == EXPECTED


def objects(text: str = TABLE) -> list[dict[str, str]]:
    names, *lines = [line.split(",") for line in text.splitlines()]
    return [dict(zip(names, line, strict=True)) for line in lines]


def test_json_lines_are_the_same(tmp_path: Path) -> None:
    text = "\n".join(json.dumps(each) for each in objects())
    assert counts(read(tmp_path, text, name="runs.jsonl")) == EXPECTED


def test_parquet_is_the_same(tmp_path: Path) -> None:
    import pandas as pd

    frame = pd.DataFrame(objects()).astype({"seed": int, "epoch": int, "correct": int})
    frame["test_loss"] = pd.to_numeric(frame["test_loss"])
    frame.to_parquet(tmp_path / "runs.parquet")
    mapping = mappings.load(None, "mnist", 10_000)
    assert counts(runs.read(tmp_path / "runs.parquet", mapping)) == EXPECTED


@pytest.mark.parametrize(
    ("package", "extra", "name"),
    [("pyarrow", "parquet", "runs.parquet"), ("tensorboard", "tensorboard", "logs")],
)
def test_a_package_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, extra: str, name: str
) -> None:
    for module in [each for each in sys.modules if each.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, package, None)
    path = tmp_path / name
    if path.suffix:
        path.write_bytes(b"PAR1")
    else:
        path.mkdir()
        (path / "events.out.tfevents.1.host").write_bytes(b"")
    with pytest.raises(UsageError, match=rf"pip install 'manyseeds\[{extra}\]'"):
        runs.read(path, mappings.load(None, "mnist", 10_000))


def test_a_mapping_names_columns_and_what_the_file_does_not_hold(tmp_path: Path) -> None:
    mapping = MNIST + (
        'network = "vgg"\nepoch = 15\naccuracy = "percent"\nsettings = ["lr"]\n'
        '[columns]\nseed = "random_seed"\ntest_accuracy = "acc"\n'
    )
    text = "random_seed,lr,acc,accuracy\n3,0.1,99.1,x\n3,0.01,98.5,y\n"
    first, second = read(tmp_path, text, mapping)
    assert first.architecture == second.architecture == "vgg"
    assert {run.epochs[-1].test_correct for run in (first, second)} == {9910, 9850}
    assert len(first.epochs) == 15
    assert len(arms("s", [first, second], "test")) == 2


def test_a_status_tells_of_runs_that_failed(tmp_path: Path) -> None:
    text = "network,seed,epoch,correct,status\nnet,0,1,9000,finished\nnet,1,1,,crashed\n"
    first, second = read(tmp_path, text)
    assert (first.status, second.status, second.epochs) == ("completed", "failed", [])
    assert second.reason == "its file says 'failed'"


@pytest.mark.parametrize(
    ("text", "mapping", "words"),
    [
        ("", MNIST, "the file is empty"),
        ("a,a\n1,2\n", MNIST, "two columns are named 'a'"),
        (
            TABLE + "small,0,2,9100,\n",
            MNIST,
            "line 8, network 'small', seed 0: epoch 2 has test_correct twice",
        ),
        (TABLE.replace("9800", "10001"), MNIST, "10,001 right answers of 10,000 test images"),
        (
            TABLE.replace("9800", ""),
            MNIST.replace("10000", "9000"),
            "right answers of 9,000 test images",
        ),
        (TABLE.replace("9910", ""), MNIST, "no figure of the test split in its last epoch, 2,"),
        (TABLE.replace("correct", "right"), MNIST, "no figure of the test split in its last epoch"),
        (TABLE.replace("network", "net"), MNIST, "there is no column of networks"),
        (TABLE.replace("seed", "s"), MNIST, "there is no column of seeds"),
        (TABLE.replace("epoch", "e"), MNIST, "there is no column of epochs"),
        (TABLE.replace("-18,0,1", "-18,-1,1"), MNIST, "seed '-1' is no whole number"),
        (TABLE.replace("small", "resnet_18"), MNIST, "would both be named 'resnet_18'"),
        (TABLE.replace("small", "18"), MNIST, "network '18' makes no name"),
        (TABLE.replace("0.5\n", "0,5\n"), MNIST, "line 2 has 6 cells, and there are 5 columns"),
        ("a,b\n1,2\n", MNIST, "no row holds a figure of the test split"),
        (
            "network,seed,epoch,accuracy\nn,0,1,0.98\nn,0,2,98.5\n",
            MNIST,
            "fractions (0.98) and as percents (98.5)",
        ),
        ('network,seed,epoch,accuracy\nn,0,1,"98,5"\n', MNIST, "comma as decimal sign: write 98.5"),
        ("network;seed;epoch;accuracy\nn;0;1;98,5\n", MNIST, "comma as decimal sign: write 98.5"),
        (
            "network,seed,epoch,accuracy\nn,0,1,98.555\n",
            MNIST,
            "9,855.50 right answers, no whole number",
        ),
        (
            "network,seed,epoch,correct,status\nn,0,1,9,running\n",
            MNIST,
            "the run is not finished (running)",
        ),
        (
            "network,seed,epoch,correct,status\nn,0,1,9,failed\nn,0,2,9,done\n",
            MNIST,
            "the run is 'completed' here, and 'failed' before",
        ),
        (
            "network,seed,epoch,correct,test_correct\nn,0,1,98,97\n",
            MNIST,
            "line 2 has two columns of test_correct",
        ),
        (TABLE.replace("small", "s" * 101), MNIST, "has at most 100 letters"),
        ("network,seed,epoch,correct,status\nn,0,1,9,well\n", MNIST, "status 'well' is not"),
        (TABLE, "n_test = 0\ndataset = 'mnist'\n", ">= 1"),
        (TABLE, "dataset = 'mnist'\n", "the data set of the results is not known"),
        (TABLE, MNIST + "color = 1\n", "unknown field `color`"),
        (TABLE, MNIST + "columns = {colour = 'c'}\n", "there is no column 'colour'"),
        (TABLE, MNIST + "run = '('\n", "bad pattern '('"),
        (TABLE, MNIST + "run = 'x'\n", "bad pattern 'x'"),
    ],
)
def test_what_contradicts_itself_is_one_line(
    tmp_path: Path, text: str, mapping: str, words: str
) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text, mapping)
    assert words in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ('"seed": 0, "seed": 1', "'seed' appears twice in one object"),
        (f'"seed": {10**400}', "seed 1000"),
        ('"seed": 0, "correct": NaN', "test_correct 'NaN' is no whole number"),
        ('"seed": 0, "network": {"a": 1}', "network {'a': 1} is no text"),
        ('"seed": 0, "network": "\\ud800n"', "cannot be written as UTF-8"),
    ],
)
def test_json_that_no_record_can_hold_is_one_line(tmp_path: Path, cells: str, words: str) -> None:
    rest = ', "correct": 9' * ("correct" not in cells) + ', "network": "n"' * ("net" not in cells)
    with pytest.raises(UsageError) as caught:
        read(tmp_path, f'{{"epoch": 1, {cells}{rest}}}\n', name="runs.jsonl")
    assert words in str(caught.value)


def test_blanks_around_a_name_and_odd_line_separators_in_a_text_mean_nothing(
    tmp_path: Path,
) -> None:
    text = TABLE.replace("small", " small ", 1)
    assert counts(read(tmp_path, text)) == EXPECTED
    line = '{"network": "n", "seed": 0, "epoch": 1, "correct": 9, "note": "a\u2028b"}\n'
    assert len(read(tmp_path, line, name="runs.jsonl")) == 1


def test_a_chart_of_wandb_has_a_column_a_run(tmp_path: Path) -> None:
    text = (
        '"Step","net-s3 - test_acc","net-s3 - test_acc__MIN","net-s3 - test_acc__MAX",'
        '"net-s4 - test_acc","net-s4 - test_acc__MIN","net-s4 - test_acc__MAX"\n'
        '"0","0.9812","0.9812","0.9812","0.97","0.97","0.97"\n"1","0.99","0.99","0.99","","",""\n'
    )
    mapping = MNIST + (
        "first_epoch = 0\nrun = '^(?P<network>\\w+)-s(?P<seed>\\d+)$'\n"
        "[columns]\ntest_accuracy = 'test_acc'\n"
    )
    assert counts(read(tmp_path, text, mapping)) == {("net", 3): [9812, 9900], ("net", 4): [9700]}


def test_a_step_of_mlflow_that_is_no_number_is_named(tmp_path: Path) -> None:
    write_mlflow(tmp_path, "net", 3, {1: "0.98"}, 3)
    (tmp_path / "mlruns" / "0" / "net" / "metrics" / "test" / "acc").write_text("1 0.98 x\n")
    with pytest.raises(UsageError, match="step 'x' is no whole number"):
        runs.read(tmp_path / "mlruns", mappings.load(None, "mnist", 10_000))


def write_mlflow(folder: Path, run: str, status: int, steps: dict[int, str], seed: int) -> None:
    """A run as MLflow's file store lays it out."""
    place = folder / "mlruns" / "0" / run
    for name in ("metrics", "params", "tags"):
        (place / name).mkdir(parents=True)
    meta = (
        f"artifact_uri: x\nlifecycle_stage: active\nrun_name: {run}\nstatus: {status}\ntags: []\n"
    )
    (place / "meta.yaml").write_text(meta)
    (place / "params" / "seed").write_text(str(seed))
    lines = "".join(f"17000000{step} {value} {step}\n" for step, value in steps.items())
    (place / "metrics" / "test").mkdir()
    (place / "metrics" / "test" / "acc").write_text(lines)


MLFLOW = MNIST + "network = 'net'\n[columns]\ntest_accuracy = 'test/acc'\n"


def read_mlflow(tmp_path: Path) -> list[RunRecord]:
    written = tmp_path / "mapping.toml"
    written.write_text(MLFLOW)
    return runs.read(tmp_path / "mlruns", mappings.load(written, None, None))


def test_mlflow_has_a_file_a_metric(tmp_path: Path) -> None:
    write_mlflow(tmp_path, "calm-bird-1", 3, {1: "0.9812", 2: "0.99"}, 5)
    write_mlflow(tmp_path, "odd-fish-2", 4, {1: "0.97"}, 6)
    write_mlflow(tmp_path, "gone-3", 3, {1: "0.5"}, 7)
    gone = tmp_path / "mlruns" / "0" / "gone-3" / "meta.yaml"
    gone.write_text(gone.read_text().replace("active", "deleted"))
    first, second = read_mlflow(tmp_path)
    assert counts([first, second]) == {("net", 5): [9812, 9900], ("net", 6): [9700]}
    assert (first.status, second.status) == ("completed", "failed")


def test_a_metric_of_mlflow_without_steps_is_refused(tmp_path: Path) -> None:
    write_mlflow(tmp_path, "calm-bird-1", 3, {1: "0.98"}, 5)
    metric = next(tmp_path.rglob("acc"))
    metric.write_text("1700 0.98 0\n1701 0.99 0\n")
    with pytest.raises(UsageError, match="test/acc twice at step 0"):
        read_mlflow(tmp_path)


@pytest.mark.parametrize("as_tensor", [False, True])
def test_tensorboard_has_a_folder_a_run(tmp_path: Path, as_tensor: bool) -> None:
    """TensorFlow 2 writes scalars as tensors."""
    from torch.utils.tensorboard import SummaryWriter

    for seed in (1, 2):
        with SummaryWriter(str(tmp_path / "logs" / f"net-{seed}")) as writer:
            for epoch in (1, 2):
                value = 0.98 + epoch / 1000 + seed / 10_000
                writer.add_scalar("acc/test", value, epoch, new_style=as_tensor)
                writer.add_scalar("loss/batch", 1.0, 100 * epoch)
    written = tmp_path / "mapping.toml"
    written.write_text(
        MNIST + "run = '(?P<network>\\w+)-(?P<seed>\\d+)'\n[columns]\ntest_accuracy = 'acc/test'\n"
    )
    found = runs.read(tmp_path / "logs", mappings.load(written, None, None))
    assert counts(found) == {("net", 1): [9811, 9821], ("net", 2): [9812, 9822]}


def test_a_folder_of_no_tracker_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no results of MLflow or TensorBoard"):
        runs.read(tmp_path, mappings.load(None, "mnist", 10_000))


# --- into a suite ---------------------------------------------------------------------------------


def test_a_file_of_rounded_accuracies_is_refused(tmp_path: Path) -> None:
    """Its runs are judged together: each has one figure, to one decimal of a percent."""
    text = "network,seed,epoch,accuracy\n"
    text += "".join(f"net,{seed},15,{99 + seed / 10:.1f}\n" for seed in range(6))
    with pytest.raises(UsageError, match=r"6 different values .* multiples of 10 images"):
        read(tmp_path, text)


def test_one_run_of_rounded_accuracies_is_refused_among_exact_ones(tmp_path: Path) -> None:
    """Of all runs together some values are no whole tens, so this run is judged by itself, too."""
    text = "network,seed,epoch,accuracy\n"
    text += "".join(f"net,0,{epoch},{98 + epoch / 100 + 0.1:.2f}\n" for epoch in range(1, 7))
    text += "".join(f"net,1,{epoch},{98 + epoch / 10:.1f}\n" for epoch in range(1, 7))
    with pytest.raises(UsageError, match=r"seed 1: 6 different values .* multiples of 10 images"):
        read(tmp_path, text)


def test_the_same_file_again_changes_nothing_and_other_figures_are_refused(tmp_path: Path) -> None:
    suite = Suite(tmp_path / "results", "theirs")
    assert runs.keep(read(tmp_path, TABLE), suite) == 0
    before = {path: path.read_bytes() for path in suite.run_paths()}
    assert runs.keep(read(tmp_path, TABLE), suite) == 3
    with pytest.raises(UsageError, match=r"was imported with other figures, from runs\.csv"):
        runs.keep(
            read(tmp_path, TABLE.replace("9910", "9911").replace("small,0", "small,9")), suite
        )
    assert {path: path.read_bytes() for path in suite.run_paths()} == before


def test_runs_of_ours_and_imported_ones_share_no_suite(tmp_path: Path) -> None:
    suite = Suite(tmp_path / "results", "ours")
    suite.add_run(factories.record("model_1", 0, test_correct=9940), None)
    with pytest.raises(UsageError, match="imported runs are never mixed with them"):
        runs.keep(read(tmp_path, TABLE), suite)
    assert len(suite.run_paths()) == 1


def test_imported_runs_and_those_of_own_commands_share_no_suite(tmp_path: Path) -> None:
    suite = Suite(tmp_path / "results", "ours")
    command = Foreign(origin="command", epochs=1)
    suite.add_run(factories.not_ours(command, "mnist", 10_000, 9940), None)
    with pytest.raises(UsageError, match="imported runs are never mixed with them"):
        runs.keep(read(tmp_path, TABLE), suite)
    assert len(suite.run_paths()) == 1


def test_a_suite_that_declared_runs_takes_no_imported_ones(tmp_path: Path) -> None:
    suite = Suite(tmp_path / "results", "ours")
    until_decided.keep(suite, Protocol(rate=0.9, target=99.4, cap=200, alpha=0.05))
    with pytest.raises(UsageError, match="imported runs are never mixed with them"):
        runs.keep(read(tmp_path, TABLE), suite)
    assert suite.run_paths() == []


def test_imported_runs_are_compared_with_ours_on_as_many_images_of_that_name(
    tmp_path: Path,
) -> None:
    results = tmp_path / "results"
    runs.keep(read(tmp_path, TABLE), Suite(results, "theirs"))
    for seed in (0, 1):
        record = factories.record("model_1", seed, test_correct=9940)
        Suite(results, "ours").add_run(record, None)
    ours, theirs, fewer = (
        parse_place(word, results)
        for word in ("ours/mnist/model_1", "theirs/mnist/small", "fewer/mnist/small")
    )
    (row,) = compare(Request(ours, theirs, results)).rows
    assert (row.first.origin, row.second.origin) == ("engine", "imported")
    assert row.same_environment is None
    text = "network,seed,epoch,correct\nsmall,0,1,90\n"
    of_fewer = read(tmp_path, text, MNIST.replace("10000", "100"))
    runs.keep(of_fewer, Suite(results, "fewer"))
    with pytest.raises(UsageError, match="different images under the name 'mnist'"):
        compare(Request(ours, fewer, results))


def test_a_verdict_says_that_it_stands_on_imported_runs(tmp_path: Path) -> None:
    arm, _ = arms("theirs", read(tmp_path, TABLE), "test")
    claim = Claim(
        id="a", file="b", line=1, quote="c", metric="d", subject="resnet_18", published=99.0
    )
    counts = tuple(arm.test_counts)
    found = rules.mean(claim, Readings(arm, counts, Fraction(100), 0, 10_000))
    assert found.rule.startswith("imported runs; ")


@pytest.mark.process
def test_a_report_stands_on_runs_that_tell_little(bench: Bench, tmp_path: Path) -> None:
    """A network with a loss alone, and a run whose last epoch was not tested."""
    (tmp_path / "runs.csv").write_text(
        "network,seed,epoch,correct,train_loss,status\nlost,0,1,,0.5,failed\n"
        "cut,0,1,9800,0.5,failed\ncut,0,2,,0.4,failed\n"
    )
    words = ("--dataset", "mnist", "--test-images", "10000")
    assert bench("import", "runs.csv", "--as", "theirs", *words).returncode == 0
    done = bench("report", "--suite", "theirs")
    assert (done.returncode, done.stderr) == (0, "")
    page = (tmp_path / "reports" / "report.md").read_text()
    assert "augmented images" not in page
    assert "cross-entropy" not in page
    both = bench("compare", "theirs", "theirs")
    assert "one environment" not in both.stdout


@pytest.mark.process
def test_a_file_goes_to_a_report_and_is_compared(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_text(TABLE)
    words = ("--dataset", "mnist", "--test-images", "10000")
    done = bench("import", "runs.csv", "--as", "theirs", *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert "imported: 3 runs of 2 networks" in done.stdout
    assert bench("report", "--suite", "theirs").returncode == 0
    report = (tmp_path / "reports" / "report.md").read_text()
    assert "| resnet_18 (imported) | not known |" in report
    page = (tmp_path / "reports" / "provenance.html").read_text()
    assert "imported file runs.csv" in page.replace("<wbr>", "")
    rows = [line for line in report.splitlines() if "resnet_18" in line and line.startswith("|")]
    assert [line for line in rows if "resnet_18 (imported)" not in line] == []
    done = bench("compare", "theirs/mnist/resnet_18", "theirs/mnist/small")
    assert "(imported): n = 2" in done.stdout
    done = bench("reproduce", "theirs/mnist/small/seed-0000")
    assert (done.returncode, "it was imported" in done.stderr) == (2, True)
    done = bench("train", "--suite", "theirs", "--dataset", "mnist5k", "--builtin")
    assert (done.returncode, "the suite holds imported runs" in done.stderr) == (2, True)
    bad = bench("import", "gone.csv", "--as", "theirs", *words)
    assert (bad.returncode, "there is no such file" in bad.stderr) == (2, True)

"""Files for other programs, read back by other means: csv, json, a strict LaTeX reader, LaTeX."""

from __future__ import annotations

import csv
import io
import json
import re
import statistics
from fractions import Fraction
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bench.errors import printable
from bench.report import frames
from bench.report.export import latex
from bench.report.export.texts import as_csv, content
from bench.report.export.typeset import escaped
from bench.report.summary import Summary, summarise
from bench.spec import Portrait, RunRecord
from tests import factories
from tests.evidence.claims.evidences import claim
from tests.report.sections import latex_reader

COUNTS = [9939, 9940, 9945, 9931]
HOSTILE = '50% & $x_1^2$ {a} #~\\ "q" <b> |c| -- [d] *e* \N{SNOWMAN} é × \N{MINUS SIGN}'


def summary(runs: list[RunRecord], portraits: list[Portrait] | None = None) -> Summary:
    links = {run.key: "record.json" for run in runs}
    held = [factories.portrait("model_1")] if portraits is None else portraits
    said = [claim("n_parameters", 9850, id="right"), claim("n_parameters", 1, id="wrong")]
    return summarise("local", runs, held, factories.published(*said), links, "command")[0]


RUNS = [factories.record("model_1", seed, test_correct=n) for seed, n in enumerate(COUNTS)]
FAILED = factories.failed("model_1", 4)
WHOLE = summary([*RUNS, FAILED])


def read(frame: pd.DataFrame) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_csv(frame), newline="")))


def test_a_row_a_run_says_what_its_record_says() -> None:
    rows = read(frames.runs([WHOLE]))
    assert [row["key"] for row in rows] == [run.key for run in (*RUNS, FAILED)]
    for row, run, right in zip(rows, RUNS, COUNTS, strict=False):
        assert int(row["last_test_correct"]) == right
        assert float(row["last_test_accuracy_percent"]) == right / 100
        assert row["reached_target"] == ("true" if right >= 9940 else "false")
        assert float(row["train_seconds"]) == run.train_seconds
        assert int(row["best_validation_correct"]) == max(e.validation_correct for e in run.epochs)
        assert row["weights_sha256"] == run.weights_sha256
        assert row["command"] == run.environment.command
    failed = rows[-1]
    assert (failed["status"], failed["reached_target"]) == ("diverged", "false")
    assert failed["reason"] == FAILED.reason
    assert failed["last_test_correct"] == failed["weights_sha256"] == ""


def test_a_row_an_epoch_is_the_records_epoch() -> None:
    rows = read(frames.epochs([WHOLE]))
    every = [(run, epoch) for run in (*RUNS, FAILED) for epoch in run.epochs]
    assert len(rows) == len(every) == 4 * 15 + 2
    for row, (run, epoch) in zip(rows, every, strict=True):
        assert (row["key"], row["label"], row["dataset"]) == (run.key, "Model_1", "mnist")
        assert (int(row["seed"]), int(row["epoch"])) == (run.seed, epoch.epoch)
        assert float(row["train_loss"]) == epoch.train_loss
        assert float(row["learning_rate"]) == epoch.learning_rate
        assert int(row["validation_correct"]) == epoch.validation_correct
        assert float(row["train_percent"]) == float(Fraction(epoch.train_correct, 540))
        assert float(row["validation_percent"]) == float(Fraction(epoch.validation_correct, 60))
        assert float(row["test_percent"]) == epoch.test_correct / 100


def test_every_column_has_its_value() -> None:
    for name in ("runs", "epochs", "results"):
        frame = frames.FRAMES[name]([WHOLE])
        # Nothing was declared, and a refuted rate is not confirmed by more runs.
        may_miss = {"n_declared", "more_runs_to_confirm"} if name == "results" else set()
        assert set(frame.columns[frame.isna().all()]) == may_miss, name


def test_the_frames_can_be_reckoned_with() -> None:
    """Counts are integers, also beside missing ones, and measurements floats."""
    unseen = summary([factories.record(evaluate_test=False)])
    for of in (WHOLE, unseen, summary([FAILED])):
        epochs, runs = frames.epochs([of]), frames.runs([of])
        for frame, name in ((epochs, "epoch"), (epochs, "test_correct"), (runs, "seed")):
            assert pd.api.types.is_integer_dtype(frame[name])
        assert pd.api.types.is_integer_dtype(runs["last_test_correct"])
        assert pd.api.types.is_bool_dtype(runs["reached_target"])
        assert epochs["test_percent"].dtype == epochs["test_loss"].dtype == float
    assert list(frames.runs([WHOLE])["last_test_correct"].dropna()) == COUNTS
    last = frames.epochs([WHOLE]).groupby("key", sort=False)["test_percent"].last()
    assert list(last[:4]) == [99.39, 99.4, 99.45, 99.31]


def test_a_row_an_arm_agrees_with_the_standard_library() -> None:
    (row,) = read(frames.results([WHOLE]))
    percents = [count / 100 for count in COUNTS]
    mean = float(Fraction(sum(COUNTS), 4) / 100)
    assert float(row["mean_test_accuracy_percent"]) == mean
    assert float(row["sd_test_accuracy_points"]) == pytest.approx(statistics.stdev(percents))
    assert float(row["median_test_accuracy_percent"]) == statistics.median(COUNTS) / 100
    assert (row["n_runs"], row["n_completed"], row["n_reached"]) == ("5", "4", "2")
    assert (row["target_correct"], row["seeds"], row["verdict"]) == ("9940", "0-4", "refuted")


def test_a_run_that_never_looked_at_the_test_split_is_no_miss() -> None:
    (row,) = read(frames.runs([summary([factories.record(evaluate_test=False)])]))
    assert (row["reached_target"], row["last_test_correct"]) == ("", "")
    (row,) = read(frames.results([summary([factories.record(evaluate_test=False)])]))
    assert (row["n_reached"], row["verdict"], row["rate_lower_bound"]) == ("", "", "")


def test_parameters_add_up_and_layers_keep_their_order() -> None:
    rows = read(frames.parameters([WHOLE]))
    parts = {row["part"]: int(row["n_parameters"]) for row in rows if row["view"] == "by_component"}
    assert parts == factories.COMPONENTS["model_1"]
    layers = read(frames.layers([WHOLE]))
    assert [row["layer"] for row in layers] == [layer[0] for layer in factories.MODEL_1_LAYERS]
    assert layers[2]["output_shape"] == "12x14x14"


def test_json_says_all_tables_with_their_kinds() -> None:
    found = json.loads(content([WHOLE], "report.json"))
    assert (found["suite"], found["protocol"]) == ("local", None)
    assert list(found["tables"]) == list(frames.FRAMES)
    assert found["tables"]["runs"][0]["last_test_correct"] == 9939
    assert found["tables"]["runs"][4]["last_test_correct"] is None
    assert found["tables"]["epochs"][3]["train_loss"] == RUNS[0].epochs[3].train_loss
    assert found["tables"]["layers"][2]["output_shape"] == [12, 14, 14]
    verdicts = {row["id"]: row["verdict"] for row in found["tables"]["claims"]}
    assert verdicts == {"right": "confirmed", "wrong": "refuted"}


def test_an_empty_suite_is_headings_alone() -> None:
    empty = summarise("local", [], [], factories.published(), {}, "")
    for name, make in frames.FRAMES.items():
        heading = ",".join(make([WHOLE]).columns[:4])
        text = as_csv(make(empty))
        assert text.startswith(heading), name
        assert text.count("\n") == 1
    for table in latex.TABLES.values():
        assert len(latex_reader.rows(table(empty))) <= 2


BEGINS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=5))
def test_any_text_comes_back_from_csv_and_is_no_formula(words: list[str]) -> None:
    frame = pd.DataFrame([words], columns=[f"c{i}" for i in range(len(words))], dtype=object)
    _, found = csv.reader(io.StringIO(as_csv(frame), newline=""), strict=True)
    for cell, word in zip(found, words, strict=True):
        assert cell.replace("'", "") == printable(word).replace("'", "")
        assert not cell.startswith(("\t", "\n"))
        for part in re.split("[\n\t;]", cell):
            assert not part.lstrip().startswith(BEGINS)


ESC, RIGHT_TO_LEFT, MARK = "\x1b", "\N{RIGHT-TO-LEFT OVERRIDE}", "\N{LEFT-TO-RIGHT MARK}"


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("-2+3", "'-2+3"),
        ("\t1", "'\t1"),
        ("\r=1", "'\n'=1"),
        (" =1", "' =1"),
        ("a\n=1", "a\n'=1"),
        ("a;@b", "a;'@b"),
        ("\N{FULLWIDTH EQUALS SIGN}1", "'\N{FULLWIDTH EQUALS SIGN}1"),
        (f"{ESC}=1", "'=1"),
        (f"{RIGHT_TO_LEFT}=1", "'=1"),
        (f"a{MARK}{ESC}[31mb\0\ud800", "a[31mb"),
        ("1-2; a=b", "1-2; a=b"),
        (-2, "-2"),
        (-0.5, "-0.5"),
        (0.1 + 0.2, "0.30000000000000004"),
        (None, ""),
        (float("nan"), ""),
        (True, "true"),
        ([3, 5], "3x5"),
        (("a", "b"), "a b"),
        ("model_1", "model_1"),
    ],
)
def test_a_number_is_never_guarded_and_a_formula_always(value: Any, cell: str) -> None:
    frame = pd.DataFrame({"c": [value], "=d": [1]}, dtype=object)
    head, row = csv.reader(io.StringIO(as_csv(frame), newline=""))
    assert (head, row) == (["c", "'=d"], [cell, "1"])


def hostile() -> Summary:
    named = replace(factories.portrait("model_1"), display_name=HOSTILE)
    components = replace(named.measures["parameters"], components={HOSTILE: 9850})
    odd = replace(named, measures={"parameters": components})
    return summary(RUNS, [odd, factories.portrait("model_2")])


def tables(of: Summary) -> list[str]:
    return [
        latex.results_table([of]),
        latex.parameters_table([of]),
        latex.claims_table([of]),
    ]


@pytest.mark.parametrize("of", [WHOLE, hostile(), summary([FAILED])])
def test_latex_tables_are_sound(of: Summary) -> None:
    for text in tables(of):
        assert latex_reader.rows(text)


def test_latex_holds_the_numbers() -> None:
    row = latex_reader.rows(latex.results_table([WHOLE]))[1]
    assert row == [
        "mnist",
        r"Model\_1",
        "9,850",
        "5",
        "99.388",
        "0.058",
        "99.31",
        "99.45",
        "2 of 5",
    ]
    parts = latex_reader.rows(latex.parameters_table([WHOLE]))
    assert parts[1:] == [["Conv Layers", "9,710"], ["BatchNorm", "140"], ["Total", "9,850"]]
    ledger = latex_reader.rows(latex.claims_table([WHOLE]))
    assert [(row[0], row[-1]) for row in ledger[1:]] == [
        ("right", "confirmed"),
        ("wrong", "refuted"),
    ]


@pytest.mark.parametrize(
    ("counts", "mean"),
    [
        ([9939, 9940] * 4, "99.395"),
        ([9939] * 7 + [9936], "99.386"),  # 99.38625
        ([9939] * 11 + [9940] * 9, "99.395"),  # 99.3945, which a float lies below
        ([9938] * 11 + [9939] * 9, "99.385"),  # 99.3845, which a float lies above
        ([9939, 9940, 9940], "99.397"),
    ],
)
def test_a_mean_between_two_digits_is_rounded_up_once(counts: list[int], mean: str) -> None:
    runs = [factories.record("model_1", s, test_correct=n) for s, n in enumerate(counts)]
    assert latex_reader.rows(latex.results_table([summary(runs)]))[1][4] == mean


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_is_one_sound_cell(text: str) -> None:
    frame = pd.DataFrame([(text, text), (text, "")], columns=[text, "n"])
    for long in (False, True):
        assert len(latex_reader.rows(latex.typeset(frame, "tab:x", f"A {text}", "lr", long))) == 3


@pytest.mark.parametrize(
    ("text", "typeset"),
    [
        ("a_b & 5%", r"a\_b \& 5\%"),
        ("\N{MINUS SIGN}1", "$-$1"),
        ("--", "{-}{-}"),
        ("é", r"{\'{e}}"),
        ("\N{SNOWMAN}", "{[}U+2603{]}"),
        ("a\n\tb", "a b"),
        (r"\input{x}", r"\textbackslash{}input\{x\}"),
    ],
)
def test_escapes(text: str, typeset: str) -> None:
    assert escaped(text) == typeset

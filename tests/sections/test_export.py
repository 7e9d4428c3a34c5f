"""Files for other programs, read back by other means: csv, json, a strict LaTeX reader, LaTeX."""

from __future__ import annotations

import csv
import io
import json
import statistics
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bench.sections._export import frames, latex, texts
from bench.sections._export.frames import Frame
from bench.sections._export.typeset import escaped
from bench.sections._summary import Summary, summarise
from bench.spec import Portrait, RunRecord
from tests import factories
from tests.claims.evidences import claim
from tests.sections import latex_reader

COUNTS = [9939, 9940, 9945, 9931]
HOSTILE = '50% & $x_1^2$ {a} #~\\ "q" <b> |c| -- [d] *e* \N{SNOWMAN} é × \N{MINUS SIGN}'


def summary(runs: list[RunRecord], portraits: list[Portrait] | None = None) -> Summary:
    links = {run.key: "record.json" for run in runs}
    held = [factories.portrait("model_1")] if portraits is None else portraits
    said = [claim("n_parameters", 9850, id="right"), claim("n_parameters", 1, id="wrong")]
    return summarise("local", runs, held, said, links, "command")[0]


RUNS = [factories.record("model_1", seed, test_correct=n) for seed, n in enumerate(COUNTS)]
FAILED = factories.failed("model_1", 4)
WHOLE = summary([*RUNS, FAILED])


def read(frame: Frame) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(texts.as_csv(frame), newline="")))


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
        assert row["key"] == run.key
        assert float(row["train_loss"]) == epoch.train_loss
        assert float(row["learning_rate"]) == epoch.learning_rate
        assert int(row["validation_correct"]) == epoch.validation_correct


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
    every = frames.every([WHOLE], WHOLE.ledger)
    content = json.loads(texts.as_json("local", None, every))
    assert list(content["tables"]) == [frame.name for frame in every]
    assert content["tables"]["runs"][0]["last_test_correct"] == 9939
    assert content["tables"]["runs"][4]["last_test_correct"] is None
    assert content["tables"]["layers"][2]["output_shape"] == [12, 14, 14]
    verdicts = {row["id"]: row["verdict"] for row in content["tables"]["claims"]}
    assert verdicts == {"right": "confirmed", "wrong": "refuted"}


def test_an_empty_suite_is_headings_alone() -> None:
    empty = summarise("local", [], [], [], {}, "")
    for frame in frames.every(empty, []):
        assert texts.as_csv(frame) == ",".join(frame.columns) + "\n"
    for table in (latex.results_table(empty), latex.parameters_table(empty)):
        assert len(latex_reader.rows(table)) <= 2


@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=5))
def test_any_text_comes_back_from_csv_and_is_no_formula(words: list[str]) -> None:
    frame = Frame("any", "a row", tuple(f"c{i}" for i in range(len(words))), (tuple(words),))
    _, found = csv.reader(io.StringIO(texts.as_csv(frame), newline=""), strict=True)
    for cell, word in zip(found, words, strict=True):
        plain = word.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
        assert cell in (plain, f"'{plain}")
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("-2+3", "'-2+3"),
        (-2, "-2"),
        (-0.5, "-0.5"),
        (None, ""),
        (True, "true"),
        ([3, 5], "3x5"),
        (("a", "b"), "a b"),
        ("model_1", "model_1"),
    ],
)
def test_a_number_is_never_guarded_and_a_formula_always(value: Any, cell: str) -> None:
    frame = Frame("one", "a row", ("c", "d"), ((value, 1),))
    assert list(csv.reader(io.StringIO(texts.as_csv(frame))))[1] == [cell, "1"]


def hostile() -> Summary:
    named = replace(factories.portrait("model_1"), display_name=HOSTILE)
    components = replace(named.measures["parameters"], components={HOSTILE: 9850})
    odd = replace(named, measures={"parameters": components})
    return summary(RUNS, [odd, factories.portrait("model_2")])


def tables(of: Summary) -> list[str]:
    return [
        latex.results_table([of]),
        latex.parameters_table([of]),
        latex.claims_table(of.ledger),
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
    ledger = latex_reader.rows(latex.claims_table(WHOLE.ledger))
    assert [(row[0], row[-1]) for row in ledger[1:]] == [
        ("right", "confirmed"),
        ("wrong", "refuted"),
    ]


def test_a_mean_between_two_digits_is_rounded_up_once() -> None:
    runs = [factories.record("model_1", s, test_correct=n) for s, n in enumerate([9939, 9940] * 4)]
    other = [*runs[:7], factories.record("model_1", 7, test_correct=9936)]  # mean 9939.0 - 0.0625
    assert latex_reader.rows(latex.results_table([summary(runs)]))[1][4] == "99.395"
    assert latex_reader.rows(latex.results_table([summary(other)]))[1][4] == "99.390"


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_is_one_sound_cell(text: str) -> None:
    table = latex.Tabular(
        "tab:x", text, latex.Columns("lr", (text, "n")), [(text, text)], (text, "")
    )
    assert len(latex_reader.rows(latex.typeset(table))) == 3
    assert len(latex_reader.rows(latex.typeset(replace_long(table)))) == 3


def replace_long(table: latex.Tabular) -> latex.Tabular:
    return latex.Tabular(
        table.label, table.caption, table.columns, table.rows, table.total, long=True
    )


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

"""Sections on cost, on effective receptive fields and on layers."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from bench.records.observations import Findings
from bench.report.model import Section
from bench.report.sections import cost, effective_receptive_field, layers
from bench.report.summary import Summary, summarise
from bench.spec import Field, Measured, RunRecord
from tests import factories

RUNS = [factories.record("model_1", seed) for seed in range(3)]


def summary(findings: Findings, runs: list[RunRecord] = RUNS) -> Summary:
    links = {run.key: "record.json" for run in runs}
    portraits = [factories.portrait("model_1"), factories.portrait("model_2")]
    return summarise("local", runs, portraits, factories.published(), links, "command")[
        0
    ].with_findings(findings)


def rows(section: Section | None, number: int) -> list[list[str]]:
    assert section is not None
    return [[cell.text for cell in row] for row in section.tables[number].rows]


def test_timings_are_named_by_machine_and_by_how_often() -> None:
    slow = factories.latency("model_1", factories.WORKSTATION)
    section = cost.section(summary(Findings(latencies=(factories.latency("model_1"), slow))))
    timed = rows(section, 0)
    assert [row[6] for row in timed] == ["Another synthetic processor"] * 2 + [
        "Synthetic processor, 2 cores"
    ] * 2
    assert timed[0][:6] == ["Model_1", "1", "0.400", "0.360 to 0.480", "2,500", "20"]
    assert timed[1][:6] == ["Model_1", "1,000", "250", "225 to 300", "4,000", "20"]
    assert rows(section, 1)[0][:4] == [
        "Model_1",
        "31,046,280",
        "128",
        "tensors alive after each operator",
    ]


def test_machines_of_one_processor_are_told_apart_in_the_fewest_words() -> None:
    """By torch where that does, else by the fingerprint; no word more where none is needed."""
    newer = replace(factories.LAPTOP, fingerprint="1", torch="2.9.0")
    rebuilt = replace(factories.LAPTOP, fingerprint="2")
    others = (newer, rebuilt, factories.WORKSTATION)
    found = tuple(factories.latency("model_1", each) for each in (factories.LAPTOP, *others))
    section = cost.section(summary(Findings(latencies=found)))
    expected = [
        "Another synthetic processor",
        "Synthetic processor, 2 cores, 0a1b2c3d4e5f",
        "Synthetic processor, 2 cores, torch 2.9.0",
        "Synthetic processor, 2 cores, 2",
    ]
    assert [row[6] for row in rows(section, 0)[::2]] == expected
    assert [row[4] for row in rows(section, 1)] == expected


def test_timings_of_another_source_are_not_shown() -> None:
    old = replace(factories.latency("model_1"), architecture_digest="another")
    assert cost.section(summary(Findings(latencies=(old,)))) is None


def test_counted_bytes_stand_first() -> None:
    fields = (Field(name="fp32_bytes", title="File, float32", unit="bytes"),)
    found = Measured(fields=fields, values={"fp32_bytes": 40000}, notes=["a convention"])
    one = summary(Findings(latencies=(factories.latency("model_1"),)))
    portrait = one.portraits[0]
    told = replace(portrait, measures={**portrait.measures, "cost": found})
    section = cost.section(
        summarise("local", RUNS, [told], factories.published(), {run.key: "" for run in RUNS}, "")[
            0
        ]
    )
    assert rows(section, 0) == [["Model_1", "40,000"]]
    assert section is not None
    assert section.notes == ("a convention",)


def test_an_effective_field_is_told_over_runs() -> None:
    field = factories.effective_field(RUNS)
    section = effective_receptive_field.section(summary(Findings(fields=(field,))))
    assert rows(section, 0) == [
        ["Model_1", "3", "24 × 24", "91.0 ± 1.0", "7.00 ± 1.00", "20.0 ± 0.0"]
    ]
    assert section is not None
    (plot,) = section.plots
    assert "n = 3" in plot.caption
    assert plot.draw().axes
    (note,) = section.notes
    assert "8.08 pixels" in note  # (28 ** 2 - 1) / 12 is the variance of an even field
    assert "covers the whole image" not in note


def test_one_run_has_no_spread_and_no_rule_no_box() -> None:
    field = factories.effective_field(RUNS[:1])
    bare = replace(field, box=None, runs=[replace(field.runs[0], share_in_box=None)])
    section = effective_receptive_field.section(summary(Findings(fields=(bare,)), RUNS[:1]))
    assert rows(section, 0) == [["Model_1", "1", "n/a", "n/a", "6.00 ± n/a", "20.0 ± n/a"]]


def test_a_box_over_the_whole_image_says_so() -> None:
    field = replace(factories.effective_field(RUNS), box=(-2, -2, 29, 29))
    section = effective_receptive_field.section(summary(Findings(fields=(field,))))
    assert section is not None
    assert "covers the whole image" in section.notes[0]


def test_a_field_of_other_runs_is_not_shown() -> None:
    others = [factories.record("model_1", seed) for seed in (7, 8)]
    findings = Findings(fields=(factories.effective_field(others),))
    assert effective_receptive_field.section(summary(findings)) is None


def shown_columns(measured: dict[str, dict[str, Any]]) -> list[str]:
    one = factories.portrait()
    told = replace(one, measures={"parameters": Measured(fields=(), values={}, layers=measured)})
    section = layers.section(summarise("local", [], [told], factories.published(), {}, "")[0])
    assert section is not None
    return [column.title for column in section.tables[0].columns]


def test_columns_that_say_nothing_new_are_left_out() -> None:
    plain = {
        "operation": "Conv2d",
        "groups": 1,
        "receptive_field": 3,
        "receptive_field_with_gates": 3,
        "n_parameters": 20,
        "n_trainable": 20,
        "parameters_percent": 100.0,
    }
    assert shown_columns({"a": plain}) == [
        "Layer",
        "Operation",
        "Receptive field",
        "Parameters",
        "Share",
    ]
    news = {"groups": 2, "receptive_field_with_gates": 28, "n_trainable": 0, "odd_column": 1}
    assert shown_columns({"a": plain, "b": plain | news}) == [
        "Layer",
        "Operation",
        "Groups",
        "Receptive field",
        "With gates",
        "Parameters",
        "Share",
        "Trainable",
        "odd column",
    ]


def test_shares_are_percent_with_two_digits() -> None:
    one = factories.portrait()
    columns = {"a": {"parameters_percent": 19.3}, "b": {"parameters_percent": None}}
    found = Measured(fields=(), values={}, layers=columns)
    told = replace(one, measures={"parameters": found})
    section = layers.section(summarise("local", [], [told], factories.published(), {}, "")[0])
    assert [
        [row[0], row[1].replace("\N{NARROW NO-BREAK SPACE}", " ")] for row in rows(section, 0)
    ] == [
        ["a", "19.30 %"],
        ["b", "\N{EN DASH}"],
    ]

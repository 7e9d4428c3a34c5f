"""Who is on the front, by hand; and what the figure is asked to draw."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bench.report.figures.svg import svg
from bench.report.model import Cell, Section
from bench.report.parts.cells import measured, value
from bench.report.sections import pareto
from bench.report.summary import Summary, summarise
from bench.spec import Claim, RunRecord
from tests import factories


def summary_of(runs: Sequence[RunRecord], names: Sequence[str] = factories.NAMES) -> Summary:
    claim = Claim(
        id="m.a",
        file="f",
        line=1,
        quote="q",
        metric="last_test_accuracy_percent",
        subject="model_1",
        published=99.39,
    )
    portraits = [factories.portrait(name) for name in names]
    return summarise("local", list(runs), portraits, factories.published(claim), {}, "command")[0]


def runs_of(name: str, *counts: int) -> list[RunRecord]:
    return factories.runs(name, counts)


def three() -> list[RunRecord]:
    """9,850, 7,262 and 7,518 parameters; means 9,945, 9,940 and 9,938."""
    return (
        runs_of("model_1", 9943, 9947)
        + runs_of("model_2", 9939, 9941)
        + runs_of("model_3", 9936, 9940)
    )


def section_of(summary: Summary) -> Section:
    section = pareto.section(summary)
    assert section is not None
    return section


def test_the_text_names_the_front_and_who_beats_the_others() -> None:
    text = section_of(summary_of(three())).text
    assert text[0] == (
        "By parameters, Model_2 (7,262 parameters, 99.400\N{NARROW NO-BREAK SPACE}%) and Model_1 "
        "(9,850 parameters, 99.450\N{NARROW NO-BREAK SPACE}%) are on the Pareto front. Model_3 is "
        "not: Model_2 has 256 parameters fewer and a mean 0.020 points higher."
    )
    assert text[1].startswith("By multiply-adds, Model_2 (876,512 multiply-adds, ")


def test_a_cheaper_and_better_one_stands_alone() -> None:
    runs = runs_of("model_1", 9930, 9930) + runs_of("model_2", 9950, 9950)
    text = section_of(summary_of(runs)).text[0]
    assert "Model_2 (7,262 parameters, 99.500\N{NARROW NO-BREAK SPACE}%) is on the" in text


def test_two_of_the_same_cost_and_mean_are_both_on_the_front() -> None:
    other = factories.recipe(epochs=2)
    runs = [*runs_of("model_1", 9940), factories.record("model_1", test_correct=9940, recipe=other)]
    assert "Every network is on it." in section_of(summary_of(runs)).text[0]


def test_one_arm_has_no_trade_off() -> None:
    assert pareto.section(summary_of(runs_of("model_1", 9940))) is None
    assert pareto.section(summary_of([])) is None
    assert pareto.section(summary_of([factories.failed(name) for name in factories.NAMES])) is None


def test_without_portraits_parameters_come_from_the_records() -> None:
    section = section_of(summary_of(three(), names=()))
    assert len(section.text) == 2
    assert "multiply-adds" not in section.text[0]


def test_multiply_adds_of_another_source_are_not_taken() -> None:
    """A file that changed after its runs has a portrait that does not speak of them."""
    runs = [replace(run, architecture_digest="0" * 64) for run in runs_of("model_3", 9940)]
    section = section_of(summary_of([*three()[:4], *runs]))
    assert section.notes == (
        "Not shown by multiply-adds, because a measure is missing: model_3.",
    ) or section.notes == ("Not shown by multiply-adds, because a measure is missing: Model_3.",)


def test_a_lower_bound_of_multiply_adds_wins_no_column() -> None:
    """Model_3's zero is "at least 0": nobody knows whether it is the cheapest."""
    found = factories.portrait("model_3").measures["multiply_adds"]
    unknown = replace(found, values={**found.values, "multiply_adds": 0}, at_least=True)
    lowered = replace(
        factories.portrait("model_3"),
        measures={**factories.portrait("model_3").measures, "multiply_adds": unknown},
    )
    portraits = [factories.portrait("model_1"), factories.portrait("model_2"), lowered]
    summary = summarise("local", three(), portraits, factories.published(), {}, "command")[0]
    section = section_of(summary)
    assert "Model_3" not in section.text[1]
    assert "0 multiply-adds" not in section.text[1]
    (arm,) = (arm for arm in summary.arms if arm.architecture == "model_3")
    assert measured(summary, arm, "multiply_adds", "multiply_adds").sort is None
    assert value(unknown, "multiply_adds") == Cell("at least 0")


def test_of_many_arms_only_the_networks_are_drawn() -> None:
    """Three networks, and so many recipes of one that there are thirteen arms."""
    varied = [
        factories.record("model_1", recipe=replace(factories.recipe(), weight_decay=number / 100))
        for number in range(1, 11)
    ]
    section = section_of(summary_of([*three(), *varied[:9]]))
    assert "weight_decay" in section.plots[0].alt
    assert section.notes == ()
    section = section_of(summary_of([*three(), *varied]))
    assert "weight_decay" not in section.plots[0].alt
    assert section.notes == ("Only networks are shown and ranked here, not their 10 variations.",)


def test_one_network_stands_beside_its_variations_however_many() -> None:
    varied = [
        factories.record("model_1", recipe=replace(factories.recipe(), weight_decay=number / 100))
        for number in range(13)
    ]
    section = section_of(summary_of([*runs_of("model_1", 9940), *varied]))
    assert section.plots[0].alt.count("weight_decay") == 26  # in each of the two panels


def test_of_many_off_the_front_none_is_said_to_cost_more_where_it_does_not() -> None:
    """Six recipes of one network cost the same."""
    varied = [
        factories.record(
            "model_1", test_correct=9940 + n, recipe=replace(factories.recipe(), weight_decay=n / 9)
        )
        for n in range(6)
    ]
    text = section_of(summary_of(varied)).text[0]
    assert text.endswith(
        "The other 5 are not: another network costs no more and is no less accurate."
    )


def test_marks_say_what_the_records_hold() -> None:
    (plot,) = section_of(summary_of(three())).plots
    text = svg(plot.draw(), plot.name)
    tips = re.findall(r'data-series="(\w+)" data-tip="([^"]+)"', text)
    said = [tip for name, tip in tips if name == "model_1"]
    percent = "99.450\N{NARROW NO-BREAK SPACE}%"
    assert f"Model_1: mean {percent} of 2 runs, 9,850 parameters" in said
    assert f"Model_1: mean {percent} of 2 runs, 1,665,216 multiply-adds" in said
    assert said.count("Model_1: the README says 99.39") == 2
    assert "n = 2. Bar" in plot.caption


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(9930, 9936)), min_size=1, max_size=12))
def test_the_front_is_whom_nobody_beats(pairs: list[tuple[int, int]]) -> None:
    arms = summary_of(runs_of("model_1", 9940)).arms
    options = [pareto.Option(arms[0], Fraction(mean), cost) for cost, mean in pairs]
    beaten = [
        any(
            o.cost <= one.cost and o.mean >= one.mean and (o.cost, o.mean) != (one.cost, one.mean)
            for o in options
        )
        for one in options
    ]
    expected = sorted((o.cost, o.mean) for o, b in zip(options, beaten, strict=True) if not b)
    assert sorted((o.cost, o.mean) for o in pareto.front(options)) == expected

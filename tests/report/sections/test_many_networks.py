"""Of many networks a page says what holds for all; the rest stands on their own pages."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bench.evidence.claims.load import load_files
from bench.report.parts.cells import MOST_APART, OWN_NOTES, notes
from bench.report.sections import comparisons, noise, operations, parameters, target
from bench.report.summary import Summary, summarise
from bench.spec import Portrait
from tests import factories
from tests.support import ROOT

MANY = MOST_APART + 1


def networks(n: int, said: str = "all the same") -> list[Portrait]:
    """Of 9,850 parameters each; `said` may name its number."""
    like = factories.portrait("model_1")
    measured = like.measures["parameters"]
    return [
        replace(
            like,
            architecture=f"net_{k}",
            display_name=f"Net {k}",
            measures=like.measures
            | {"parameters": replace(measured, notes=["common", said.format(k)])},
        )
        for k in range(n)
    ]


def summary(portraits: list[Portrait]) -> Summary:
    return summarise("local", [], portraits, factories.published(), {}, "command")[0]


def test_notes_that_differ_are_left_to_the_pages_of_many_networks() -> None:
    assert notes(networks(MANY, "has {}"), "parameters") == ("common", OWN_NOTES)
    few = notes(networks(2, "has {}"), "parameters")
    assert few == ("common", "Net 0: has 0", "Net 1: has 1")
    same = networks(MANY - 1)
    odd = networks(MANY, "batch {}")[-1]
    assert notes([*same, odd], "parameters") == (
        "common",
        "Net 0, Net 1, Net 2, Net 3, Net 4 and Net 5: all the same",
        "Net 6: batch 6",
    )


def test_parameters_of_many_networks_have_a_row_a_network() -> None:
    section = parameters.section(summary(networks(MANY)))
    assert section is not None
    (table,) = section.tables
    assert table.columns[0].title == "Network"
    assert table.columns[-1].title == "Total"
    assert [row[0].text for row in table.rows] == [f"Net {k}" for k in range(MANY)]
    assert {row[-1].text for row in table.rows} == {"9,850"}
    assert {row[-1].sort for row in table.rows} == {9850}
    assert table.total == ()
    few = parameters.section(summary(networks(MOST_APART)))
    assert few is not None
    assert few.tables[0].columns[0].title == "Component"


def test_operations_of_many_networks_are_one_table() -> None:
    section = operations.section(summary(networks(MANY)))
    assert section is not None
    assert [table.caption for table in section.tables] == ["Operations of one forward pass"]


def test_variations_of_many_networks_are_folded() -> None:
    names = ["model_1", *(f"net_{k}" for k in range(1, 13))]
    own = [
        replace(factories.portrait("model_1"), architecture=name, display_name=name)
        for name in names
    ]
    ablation = replace(own[-1], group="ablations")
    runs = [
        replace(
            factories.record("model_1", seed),
            architecture=each.architecture,
            architecture_digest=each.architecture_digest,
            recipe=each.recipe,
        )
        for each in own
        for seed in range(2)
    ]
    links = {run.key: "record.json" for run in runs}
    claims = load_files([ROOT / "claims" / "session6.toml"])
    found = summarise("local", runs, [*own[:-1], ablation], claims, links, "command")[0]
    for section in (target.section(found), noise.section(found)):
        assert section is not None
        networks, variations = section.tables
        assert len(networks.rows) == 12
        assert [row[0].text for row in variations.rows] == ["net_12"]
        assert (networks.folded, variations.folded) == (False, True)


def test_pairs_with_the_best_are_labelled_by_the_other() -> None:
    runs = [
        replace(
            factories.record(f"model_{1 + k % 3}", seed, test_correct=9930 + k), architecture=name
        )
        for k, name in enumerate(f"net_{k:02}" for k in range(14))
        for seed in range(2)
    ]
    links = {run.key: "record.json" for run in runs}
    found = summarise("local", runs, [], factories.published(), links, "command")[0]
    section = comparisons.section(found)
    assert section is not None
    figure = section.plots[0].draw()
    labels = [text.get_text() for text in figure.axes[0].texts]
    assert labels == [f"\N{MINUS SIGN} net_{k:02}" for k in range(12, -1, -1)]  # the nearest first
    assert figure.get_figheight() == pytest.approx(13 * 0.185 + 0.06 + 0.2 + 0.5)

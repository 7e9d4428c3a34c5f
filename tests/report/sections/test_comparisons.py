"""Pairs worked by hand: differences, exact p, Holm, and what few seeds cannot show."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from scipy import stats as scipy_stats

from bench.records.protocol import Protocol
from bench.report.figures.svg import svg
from bench.report.model import Section
from bench.report.parts import pairs
from bench.report.sections import comparisons
from bench.report.summary import Summary, summarise
from bench.spec import RunRecord
from tests import factories

MINUS = "\N{MINUS SIGN}"


def summary_of(counts: Mapping[str, Sequence[int]], more: Sequence[RunRecord] = ()) -> Summary:
    runs = [run for each in counts.items() for run in factories.runs(*each)]
    return summarise("local", [*runs, *more], [], factories.published(), {}, "command")[0]


def section_of(summary: Summary) -> Section:
    section = comparisons.section(summary)
    assert section is not None
    return section


def details(section: Section) -> dict[str, tuple[str, ...]]:
    return {
        row[0].text: tuple(f"{c.text} [{c.note}]" if c.note else c.text for c in row[1:])
        for row in section.tables[-1].rows
    }


def test_two_models_of_six_seeds_by_hand() -> None:
    """5 images apart; b never varies, so the error and the degrees of freedom are those of a.

    Each of a's runs is above each of b's: two of 924 deals, p = 0.002.
    """
    ours, theirs = [9944, 9946, 9945, 9945, 9944, 9946], [9940] * 6
    section = section_of(summary_of({"a": ours, "b": theirs}))
    (table,) = section.tables
    assert not table.folded  # one pair needs no matrix
    (row,) = details(section).values()
    half = scipy_stats.t.ppf(0.975, 5) * np.std(ours, ddof=1) / 100 / 6**0.5
    assert row[0] == "+0.050"
    assert row[1] == f"{0.05 - half:.3f} to {0.05 + half:.3f}"
    assert row[2] == "6 and 6"
    assert row[3].startswith("1.00 [")
    assert row[4:6] == ("0.002", "0.002")
    assert "a is 0.050 points above b" in section.text[0]


# Means 9,945, 9,940.5 and 9,951.5.
FOUR_EACH = {
    "a": [9944, 9946, 9944, 9946],
    "b": [9940, 9941, 9940, 9941],
    "c": [9950, 9953, 9950, 9953],
}


def test_three_models_have_a_matrix_that_is_antisymmetric() -> None:
    summary = summary_of(FOUR_EACH)
    matrix, table = section_of(summary).tables
    cells = [[cell.sort for cell in row[1:]] for row in matrix.rows]
    expected = [[0.0, 0.045, -0.065], [-0.045, 0.0, -0.11], [0.065, 0.11, 0.0]]
    assert np.allclose(np.array(cells, dtype=float), expected)
    texts = [[cell.text for cell in row] for row in matrix.rows]
    assert texts[0] == ["a", "·", "+0.045", f"{MINUS}0.065"]
    low, high = matrix.rows[0][2].note.split(" to ")
    assert matrix.rows[1][1].note == " to ".join(_turned(end) for end in (high, low))
    assert [row[0].series for row in matrix.rows] == ["a", "b", "c"]
    assert table.folded


def _turned(number: str) -> str:
    return number.removeprefix(MINUS) if number.startswith(MINUS) else MINUS + number


def test_the_figure_has_the_pairs_of_the_table() -> None:
    summary = summary_of(FOUR_EACH)
    section = section_of(summary)
    (plot,) = section.plots
    tips = re.findall(r'data-tip="([^"]+)"', svg(plot.draw(), plot.name))
    table = details(section)
    for pair, row in table.items():
        said = f"{pair}: {row[0]} points, 95% interval {row[1]}, Holm p {row[5].split(' ')[0]}"
        assert tips.count(said) == 2  # the bar and the point
        assert said in plot.alt
    assert "n = 4 runs each" in plot.caption


def test_the_figure_of_many_models_sets_the_best_first() -> None:
    counts = {f"m{k}": [9900 + 3 * (k % 5), 9901 + k] for k in range(7)}
    (plot,) = section_of(summary_of(counts)).plots
    tips = set(re.findall(r'data-tip="(m[^"]+)"', svg(plot.draw(), plot.name)))
    assert len(tips) == 6
    assert all(tip.startswith(f"m4 {MINUS} ") and ": +" in tip for tip in tips)


def test_holm_multiplies_the_smallest_p_by_the_number_of_pairs() -> None:
    """Five runs each that do not overlap: two of 252 deals, p = 0.0079, for each of three pairs."""
    one, two, three = ([base + k % 3 for k in range(5)] for base in (9920, 9930, 9941))
    rows = details(section_of(summary_of({"a": one, "b": two, "c": three})))
    assert {row[4] for row in rows.values()} == {"0.008"}
    assert {row[5] for row in rows.values()} == {"0.024"}  # 3 x 0.00794


def test_three_runs_each_cannot_reach_alpha_and_say_so() -> None:
    section = section_of(summary_of({"a": [9950 + k for k in range(3)], "b": [9900] * 3}))
    text = " ".join(section.text)
    assert "No pair could have reached p < 0.05 with these runs" in text
    assert "the smallest p that they allow is 0.100" in text  # two of 20 deals
    assert "corrected by Holm for 1 comparison of this section" in text
    assert "The permutation test needs at least 4 runs of each model" in text
    assert "cannot reach 0.05" in next(iter(details(section).values()))[5]


def test_pairs_that_cannot_reach_alpha_are_counted_among_others() -> None:
    """Of two runs and seven, one of 36 deals is the most extreme: 2 x 0.028 by Holm."""
    low, high, few = [9900 + k for k in range(7)], [9930 + k for k in range(7)], [9960, 9962]
    text = " ".join(section_of(summary_of({"a": low, "b": high, "c": few})).text)
    assert "2 of the pairs could not have reached p < 0.05 with these runs" in text


@pytest.mark.parametrize("seeds", [range(10, 16), range(6), (3, 1, 5, 0, 4, 2)])
def test_models_are_two_samples_whatever_their_seeds(seeds: Sequence[int]) -> None:
    more = [factories.record("b", seed, test_correct=9930 + seed % 3) for seed in seeds]
    section = section_of(summary_of({"a": [9940, 9941, 9943, 9944]}, more))
    (row,) = details(section).values()
    welch = scipy_stats.ttest_ind(
        [9940, 9941, 9943, 9944], [run.epochs[-1].test_correct for run in more], equal_var=False
    ).confidence_interval(0.95)
    assert row[1] == f"{welch.low / 100:.3f} to {welch.high / 100:.3f}"
    assert row[2] == "4 and 6"
    assert section.text[-1].startswith("The runs of a pair are compared as two independent")


def test_pairs_across_environments_are_counted() -> None:
    elsewhere = [factories.record("c", seed, environment=factories.WORKSTATION) for seed in (0, 1)]
    same = {"a": [9940, 9941], "b": [9942, 9943]}
    said = "The runs of 2 of 3 pairs were made in different environments"
    for more, n in ((elsewhere, 1), ([], 0)):
        notes = section_of(summary_of(same, more)).notes
        assert sum(note.startswith(said) for note in notes) == n


def test_a_failed_run_leaves_the_means_and_loses() -> None:
    more = [factories.failed("b", 3)]
    section = section_of(summary_of({"a": [9941, 9942, 9944, 9943], "b": [9941, 9942, 9944]}, more))
    (row,) = details(section).values()
    assert row[0] == "+0.002"  # 9,942.5 less 9,942.33 images
    assert row[3].startswith("0.66 [")  # 9 wins, 4 of them over what failed, and 3 ties, of 16
    assert any("1 run without a count" in note for note in section.notes)


def test_too_many_models_are_compared_with_the_best_alone() -> None:
    counts = {f"m{k:02d}": [9900 + k, 9901 + k] for k in range(13)}
    section = section_of(summary_of(counts))
    assert len(section.tables) == 1
    assert len(section.tables[0].rows) == 12
    assert all(name.startswith("m12 ") for name in details(section))
    assert section.tables[0].caption.startswith("m12 against every other model in full")
    assert section.plots[0].caption.startswith("m12 against every other model on mnist")
    assert any("13 models make too many pairs" in note for note in section.notes)


def test_runs_that_went_on_until_decided_are_named() -> None:
    protocol = Protocol(target=99.4, rate=0.9, cap=30, alpha=0.05)
    summary = summary_of({"a": [9941, 9942], "b": [9941, 9940]}).judged_by(protocol)
    assert any(
        "extended or stopped because of their results" in note for note in section_of(summary).notes
    )


def test_fewer_than_two_models_say_nothing() -> None:
    assert comparisons.section(summary_of({})) is None
    assert comparisons.section(summary_of({"a": [9941, 9942]})) is None
    failed = [factories.failed(name, 0) for name in ("a", "b")]
    assert comparisons.section(summary_of({}, failed)) is None


def test_the_same_records_say_the_same() -> None:
    counts = {"a": list(range(9930, 9952)), "b": list(range(9935, 9957))}
    first = section_of(summary_of(counts))
    pairs.compared.cache_clear()
    again = section_of(summary_of(counts))
    assert (again.text, again.tables, again.notes) == (first.text, first.tables, first.notes)

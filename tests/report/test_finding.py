"""The headline of a report, for verdicts that are worked out by hand.

All of 29 runs or more confirm a rate of 0.9 at 95 %: 0.9 ** 29 is 0.047. Five of ten runs refute
it: ten runs with a rate of 0.9 have five or fewer hits once in 600 times.
"""

from __future__ import annotations

from datetime import date

import pytest
from msgspec.structs import replace

from bench.report.parts import finding
from bench.report.summary import Summary, summarise
from bench.spec import Claim, Document, RunRecord
from bench.stats.format import plain
from tests import factories
from tests.factories import DOCUMENT

GOOD, BAD = 9945, 9930  # right answers of 10,000; the target of 99.4 % is 9,940
NO_TARGET = replace(DOCUMENT, objective=None)


def runs(name: str, n_good: int, n_bad: int = 0) -> list[RunRecord]:
    counts = [GOOD + seed % 3 for seed in range(n_good)] + [BAD - seed for seed in range(n_bad)]
    return factories.runs(name, counts)


def accuracy(network: str, percent: float, metric: str = "last_test_accuracy_percent") -> Claim:
    return Claim(
        id=f"{network}.accuracy",
        file="session6",
        line=13,
        quote=f"{percent}",
        metric=metric,
        subject=network,
        published=percent,
        tolerance=0.005,
    )


def summary(
    records: list[RunRecord], *claims: Claim, document: Document | None = DOCUMENT
) -> Summary:
    published = factories.published(*claims, document=document)
    portraits = [factories.portrait(name) for name in factories.NAMES]
    links = {run.key: "record.json" for run in records}
    (found,) = summarise("local", records, portraits, published, links, "command")
    return found.judged_by(None)


def test_a_run_that_equals_the_target_misses_more_than_it() -> None:
    ties = factories.runs("model_1", [9940] * 30)
    above = replace(DOCUMENT, objective=replace(factories.OBJECTIVE, relation="above"))
    at_least = said(ties)
    assert "Model_1 reaches 99.40 % consistently" in at_least.headline
    strict = said(ties, document=above)
    assert "Model_1 does not reach more than 99.40 % consistently" in strict.headline
    assert any("more than 99.40 % with 9,941 of 10,000 test images" in line for line in strict.lead)


def headline(*args: object, **changes: object) -> str:
    return said(*args, **changes).headline


def said(*args: object, **changes: object) -> finding.Finding:
    """With plain blanks before percent signs."""
    found = finding.finding(summary(*args, **changes))  # type: ignore[arg-type]
    return finding.Finding(plain(found.headline), tuple(plain(line) for line in found.lead))


REACH = "reach 99.40 % consistently"
CASES = [
    ([("model_1", 29, 0)], "Model_1 reaches 99.40 % consistently."),
    ([("model_1", 5, 5)], "Model_1 does not reach 99.40 % consistently."),
    (
        [("model_1", 9, 1)],
        "Ten runs are too few to decide whether Model_1 reaches 99.40 % consistently.",
    ),
    (
        [("model_1", 9, 1), ("model_2", 7, 3), ("model_3", 5, 5)],
        f"Model_3 does not {REACH}; ten runs are too few to decide Model_1 and Model_2.",
    ),
    (
        [("model_1", 29, 0), ("model_2", 40, 0), ("model_3", 30, 0)],
        f"All three networks {REACH}.",
    ),
    (
        [("model_1", 4, 6), ("model_2", 3, 7), ("model_3", 5, 5)],
        "None of the three networks reaches 99.40 % consistently.",
    ),
    ([("model_1", 4, 6), ("model_3", 5, 5)], "Neither network reaches 99.40 % consistently."),
    (
        [("model_1", 29, 0), ("model_2", 3, 7), ("model_3", 9, 1)],
        (
            "Model_1 reaches 99.40 % consistently; Model_2 does not; "
            "ten runs are too few to decide Model_3."
        ),
    ),
    (
        [("model_1", 9, 1), ("model_2", 11, 1)],
        f"10 to 12 runs are too few to decide whether both networks {REACH}.",
    ),
    (
        [("model_1", 1, 0)],
        "One run of a network cannot show whether it reaches 99.40 % consistently.",
    ),
    (
        [("model_1", 2, 0), ("model_2", 0, 1)],
        "Two runs of a network cannot show whether it reaches 99.40 % consistently.",
    ),
]


@pytest.mark.parametrize(("networks", "expected"), CASES)
def test_a_headline_follows_from_the_verdicts(
    networks: list[tuple[str, int, int]], expected: str
) -> None:
    records = [run for network in networks for run in runs(*network)]
    assert headline(records) == expected


def test_the_documents_numbers_come_first() -> None:
    ours = runs("model_1", 29) + runs("model_2", 3, 7)
    good, bad = accuracy("model_1", 99.46), accuracy("model_1", 98.10)
    other = accuracy("model_2", 99.35)
    verdict = "Model_1 reaches 99.40 % consistently; Model_2 does not."
    assert headline(ours, good, other) == (
        f"The README's accuracies are reproducible, but {verdict}"
    )
    assert headline(ours, bad) == f"The README's accuracies are not reproducible, and {verdict}"
    assert headline(ours, bad, other) == (
        # One of two outside its interval: once in ten times by luck.
        f"One of the README's two accuracies is reproducible, but {verdict}"
    )
    assert headline(runs("model_1", 29), good) == (
        "The README's accuracies are reproducible, and Model_1 reaches 99.40 % consistently."
    )


def test_the_numbers_that_are_not_reproducible_are_named_below_the_headline() -> None:
    """Up to two of them; nothing where the headline says it of all numbers, or of none."""
    ours = [run for name in factories.NAMES for run in runs(name, 5)]
    good = accuracy("model_1", 99.46)
    bad = [replace(accuracy(name, 98.1), line=at) for at, name in enumerate(factories.NAMES, 20)]
    mean = replace(bad[0], id="mean", metric=finding.MEANS[0], line=30, relation="at_least")
    for claims, words in (
        ((good, bad[1]), "Not reproducible: 98.10 % of Model_2 (line 21)."),
        (
            (good, bad[1], bad[2]),
            "Not reproducible: 98.10 % of Model_2 (line 21) and 98.10 % of Model_3 (line 22).",
        ),
        (
            (good, *bad, replace(mean, published=99.8)),
            (
                "Not reproducible: 98.10 % of Model_1 (line 20), "
                "98.10 % of Model_2 (line 21) and 2 more."
            ),
        ),
        (
            (good, replace(mean, published=99.8, quote="99.8 %")),
            "Not reproducible: 99.80 % of Model_1 (line 30).",
        ),
        (
            (good, replace(mean, published=99.8, quote="at least 99.8 %")),
            "Not reproducible: at least 99.80 % of Model_1 (line 30).",
        ),
    ):
        assert said(ours, *claims).lead[0] == words
    for claims in ((good,), (bad[0],)):
        assert said(ours, *claims).lead[0].startswith("Mean test accuracy over 5 runs")


def test_a_number_on_other_data_or_of_no_run_of_ours_is_not_spoken_of() -> None:
    elsewhere = replace(accuracy("model_1", 98.1), dataset="cifar10")
    untrained = accuracy("model_2", 98.1)
    assert headline(runs("model_1", 29), elsewhere, untrained) == CASES[0][1]


def test_without_runs_nothing_is_said_of_accuracy() -> None:
    assert headline([]) == "No network of the README has been trained yet."
    assert headline([], document=None) == "No network has been trained yet."


def test_without_a_target_the_means_are_the_finding() -> None:
    ours = runs("model_1", 4) + runs("model_2", 2, 2)
    assert headline(ours, document=None) == (
        "Model_1 has the highest mean accuracy: 99.458 % over 4 runs."  # 9945 9946 9947 9945
    )
    assert headline(runs("model_2", 1), document=NO_TARGET) == (
        "Model_2 has 99.450 % of the test images right in its one run."
    )


def test_the_lead_gives_means_with_their_intervals_from_three_runs_on() -> None:
    # 9945, 9946, 9947: sd 1, t(0.975, 2) = 4.3027, so 9946 +- 2.484.
    assert said(runs("model_1", 3)).lead[0] == (
        "Mean test accuracy over 3 runs: Model_1 99.460 % (99.435 to 99.485)."
    )
    assert said(runs("model_1", 2)).lead[0] == (
        "Mean test accuracy over 2 runs: Model_1 99.455 %. Two runs are too few for an interval."
    )
    assert said(runs("model_1", 1)).lead[0] == (
        "Test accuracy: Model_1 99.450 %. One run is too few for an interval."
    )
    several = [("model_1", 1), ("model_2", 2), ("model_3", 2)]
    mixed = [run for name, n in several for run in runs(name, n)]
    assert said(mixed).lead[0].startswith("Mean test accuracy over 1 to 2 runs: Model_1 99.450 %")


def test_the_lead_says_the_rule_and_how_many_lines_hold() -> None:
    _, lines, rule = said(runs("model_1", 5, 5), accuracy("model_1", 98.1)).lead
    assert rule == (
        "A run reaches 99.40 % with 9,940 of 10,000 test images right after its last epoch; "
        "“consistently” asks for nine runs of ten, shown with 95 % confidence."
    )
    assert lines == "Of 1 line of the README that can be judged, 1 does not hold."


def test_a_line_that_nothing_can_judge_is_not_counted_and_an_undecided_one_is_named() -> None:
    right = replace(accuracy("model_1", 99.45), line=12)
    words = replace(right, id="words", line=14, metric="not_checkable")
    untrained = replace(accuracy("model_2", 99.4), line=15)
    other = replace(right, id="other", line=16, dataset="fashion_mnist")
    claims = (accuracy("model_3", 98.1), right, words, untrained, other)
    ours = [*runs("model_1", 5), *runs("model_3", 5)]
    assert said(ours, *claims).lead[2] == (
        "Of 3 lines of the README that can be judged, 1 does not hold and 1 is undecided."
    )
    assert not [line for line in said(ours, words, other).lead if "judged" in line]


def test_a_run_that_failed_is_a_miss() -> None:
    ours = [*runs("model_1", 5), *(factories.failed("model_1", seed) for seed in range(5, 10))]
    assert headline(ours) == CASES[1][1]
    assert said(ours).lead[0].startswith("Mean test accuracy over 5 runs")
    lost = [factories.failed("model_1", seed) for seed in range(5)]
    assert said(lost).lead[0] == "No run completed."


def test_the_line_above_says_what_was_checked_how_often_on_what_and_when() -> None:
    made = [*runs("model_1", 3), *runs("model_2", 3)]
    early, late = date(2026, 11, 9), date(2026, 12, 1)
    dated = [replace(run, finished_on=late if run.seed == 2 else early) for run in made]
    said = "README “Session-6: MNIST CNN Optimization” · 3 runs of each network on mnist"
    undated = [replace(run, finished_on=None) for run in made]
    assert finding.kicker(summary(undated)) == said
    assert finding.kicker(summary(dated)) == f"{said} · 1 Dec 2026"
    assert (
        finding.kicker(summary(dated[:1]))
        == "README “Session-6: MNIST CNN Optimization” · 1 run on mnist · 9 Nov 2026"
    )


def test_few_runs_say_nothing_of_single_numbers_and_means_count() -> None:
    single = accuracy("model_1", 99.46)
    mean = replace(
        accuracy("model_1", 99.6, "mean_test_accuracy_percent"), id="mean", relation="at_least"
    )
    assert "reproducible" not in headline(runs("model_1", 4), single)
    assert "README's accuracies are reproducible" in headline(runs("model_1", 5), single)
    both = headline(runs("model_1", 12), single, mean)
    assert both.startswith("One of the README's two accuracies is reproducible")

"""The answer first: one sentence an architecture."""

from __future__ import annotations

from bench.sections import PageKind, Point, Scope, Section
from bench.sections._format import (
    NOT_AVAILABLE,
    THIN,
    count,
    fixed,
    integer,
    listed,
    mean_percent,
    points,
)
from bench.sections._summary import Arm, Summary
from bench.stats import Verdict, spread

ORDER = 10
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("index", "architecture", "markdown")


def section(summary: Summary) -> Section:
    """A headline and a sentence for each arm, and what they add up to."""
    if not summary.arms:
        return Section(title="The answer", text=(_nothing(summary),))
    return Section(
        title="The answer",
        text=(_overall(summary),),
        points=tuple(_point(summary, arm) for arm in summary.arms),
    )


def _nothing(summary: Summary) -> str:
    return (
        f"The suite “{summary.suite}” holds no runs yet, so nothing can be said about accuracy. "
        "The command “python -m bench all” trains what is missing and renders this report again."
    )


def _overall(summary: Summary) -> str:
    tested = [arm for arm in summary.arms if arm.first.evaluate_test]
    if not tested:
        return "These runs were made without looking at the test split."
    n_runs = sum(len(arm.runs) for arm in tested)
    n_reached = sum(arm.n_reached for arm in tested)
    first = (
        f"{integer(n_reached)} of {count(n_runs, 'run')} reached 99.40{THIN}% of the test images "
        f"({integer(tested[0].target)} of {integer(tested[0].n_test)}) after the last epoch. "
    )
    if not summary.comparable:
        return f"{first}The README's target is one of full MNIST, so no verdict follows from this."
    verdicts: dict[Verdict, list[str]] = {}
    for arm in tested:
        verdicts.setdefault(arm.verdict.verdict, []).append(arm.label)
    order: tuple[Verdict, ...] = ("confirmed", "undecided", "refuted")
    said = [f"{word} for {listed(verdicts[word])}" for word in order if word in verdicts]
    return f"{first}“Consistently”, in at least nine runs of ten, is {listed(said)}."


def _point(summary: Summary, arm: Arm) -> Point:
    counts = arm.test_counts
    return Point(
        title=arm.label,
        href=summary.page_of(arm.architecture) if not summary.base else "",
        headline=mean_percent(counts, arm.n_test) if counts else NOT_AVAILABLE,
        sentence=_sentence(summary, arm),
    )


def _sentence(summary: Summary, arm: Arm) -> str:
    counts = arm.test_counts
    parts = [f"{arm.label} has {integer(arm.first.n_parameters)} parameters"]
    if not arm.first.evaluate_test:
        return f"{parts[0]}; {count(len(arm.runs), 'run')}, the test split not looked at."
    if counts:
        values = spread([100 * correct / arm.n_test for correct in counts])
        sd = points(values.sd if values else None)
        over = count(len(arm.runs), "run")
        if len(counts) < len(arm.runs):
            over = f"the {integer(len(counts))} completed of {over}"
        mean = mean_percent(counts, arm.n_test)
        parts[0] += f"; over {over} its mean test accuracy is {mean} (sd {sd})"
    else:
        parts[0] += f"; none of its {count(len(arm.runs), 'run')} completed"
    parts.append(
        f"{integer(arm.n_reached)} of {integer(len(arm.runs))} reached 99.40{THIN}% "
        f"({integer(arm.target)} of {integer(arm.n_test)})"
    )
    claim = summary.published(arm.architecture, "last_test_accuracy_percent")
    if claim:
        also = "" if summary.comparable else ", of full MNIST and so not comparable"
        parts.append(f"the README says {fixed(claim.published, 2)}{THIN}%{also}")
    return "; ".join(parts) + "."

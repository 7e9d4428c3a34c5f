"""The answer first: the finding and every run; on a network's own page the runs of each arm."""

from __future__ import annotations

from bench.records.arms import Arm
from bench.report.model import PageKind, Scope, Section
from bench.report.parts.finding import no_target
from bench.report.parts.first_screen import first_screen, of_arm
from bench.report.parts.verdicts import least_words, note, target_words, words
from bench.report.summary import Summary
from bench.stats.format import count, integer, mean_percent, percentage, points

ORDER = 10
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("index", "architecture", "arm", "markdown")


def section(summary: Summary) -> Section:
    """The finding with a lane for each network; on an architecture's page that of one arm."""
    if not summary.base:
        return first_screen(summary.of_document())
    if not summary.arms:
        return Section(title="The answer", text=(_nothing(summary),))
    arm = summary.arms[0]
    lanes, legend = of_arm(summary, arm)
    said = _beside_lane(arm) if lanes else (_sentence(summary, arm),)
    text = (*said, *_rule(summary, arm))
    return Section(title="The answer", text=text, lanes=lanes, legend=legend)


def _beside_lane(arm: Arm) -> tuple[str, ...]:
    """What the lane does not say: the spread, and how the runs stand to their declaration."""
    sd = arm.accuracy().sd_points
    found = count(len(arm.accuracy().counts), "run")
    parts = [] if sd is None else [f"standard deviation over {found}: {points(sd)} points"]
    parts += [f"consistently: {_verdict(arm)}"] if arm.is_decidable else []
    said = "; ".join(parts)
    return (f"{said[0].upper()}{said[1:]}.",) if said else ()


def _nothing(summary: Summary) -> str:
    return (
        f"The suite “{summary.suite}” holds no runs yet, so nothing can be said about accuracy. "
        "The command “python -m bench all” trains what is missing and renders this report again."
    )


def _rule(summary: Summary, arm: Arm) -> tuple[str, ...]:
    """What a run must reach, or why no run is judged."""
    if not arm.first.evaluate_test:
        return ()
    if not summary.aims(arm):
        return (no_target(summary),)
    said = (
        f"A run reaches the target when {least_words(arm.objective)} of the test images are right "
        f"after its last epoch ({integer(arm.target)} of {integer(arm.n_test)}, or more)."
    )
    if arm.is_decidable:
        return (said,)
    return (f"{said} No verdict follows: the runs were {arm.standing.goal_words}.",)


def _sentence(summary: Summary, arm: Arm) -> str:
    n = len(arm.runs)
    n_parameters = arm.first.n_parameters
    has = "an unknown number of" if n_parameters is None else integer(n_parameters)
    first = f"{arm.label} has {has} parameters"
    if not arm.first.evaluate_test:
        sd = points(arm.accuracy("validation").sd_points)
        return (
            f"{first}; over {count(n, 'run')} its mean validation accuracy after the last epoch is "
            f"{_validated(arm)} (sd {sd}); the test split was not looked at."
        )
    if not summary.aims(arm):
        return f"{first}; {_accuracy(summary, arm)}"
    reached = f"{integer(arm.n_reached)} of {count(n, 'run')} reach{'es' if n == 1 else ''}"
    return (
        f"{first}; {reached} {target_words(arm.objective)}; consistently: {_verdict(arm)}; "
        f"{_accuracy(summary, arm)}"
    )


def _validated(arm: Arm) -> str:
    return mean_percent(arm.accuracy("validation"))


def _verdict(arm: Arm) -> str:
    more = note(arm)
    return f"{words(arm)}, {more}" if more else words(arm)


def _accuracy(summary: Summary, arm: Arm) -> str:
    """The mean, and the number that the document gives for one run."""
    found, n = arm.accuracy(), len(arm.runs)
    if found.counts:
        over = count(n, "run")
        if len(found.counts) < n:
            over = f"the {integer(len(found.counts))} completed of {over}"
        mean, sd = mean_percent(found), points(found.sd_points)
        said = f"over {over} its mean test accuracy is {mean} (sd {sd})"
    else:
        said = f"none of its {count(n, 'run')} completed"
    claim = summary.published_of(arm, "last_test_accuracy_percent")
    if claim is None:
        return f"{said}."
    also = "" if summary.speaks_of(claim) else f", on {claim.dataset}, so not comparable"
    return f"{said}; the {summary.label} says {percentage(claim.published)}{also}."

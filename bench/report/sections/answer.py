"""The answer first: the finding and every run; on a network's own page a sentence for each arm."""

from __future__ import annotations

from bench.evidence.claims.ledger import tally, verdict_words
from bench.records.arms import Arm
from bench.report.model import PageKind, Point, Scope, Section
from bench.report.parts.first_screen import first_screen
from bench.report.parts.ranking import in_order
from bench.report.parts.verdicts import (
    HOW_TO_DECLARE,
    by_verdict,
    confirmed_alone,
    note,
    runs_words,
    target_words,
    words,
)
from bench.report.summary import Summary
from bench.stats.format import count, integer, listed, mean_percent, percentage, points

ORDER = 10
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("index", "architecture", "markdown")
LEDGER, RESULTS, SEARCH = "#claims", "#results", "#search"  # the sections of that name
FEW_ARMS = 8  # as many are all answered for; of more, those that are no variations of another


def section(summary: Summary) -> Section:
    """The finding with a lane for each network; on an architecture's page its arms' sentences."""
    if not summary.base:
        return first_screen(summary.of_document())
    arms = _answered(summary)
    text = _overall(summary, arms) if arms else _nothing(summary)
    told = _told(summary, arms)
    answers = [_point(summary, arm) for arm in told]
    if len(told) < len(summary.arms):
        answers.append(_others(summary, len(arms) - len(told), len(summary.arms) - len(arms)))
    return Section(title="The answer", text=(text,), points=(*answers, *_claims(summary)))


def _answered(summary: Summary) -> list[Arm]:
    """The arms that are answered for: the top of architectures/ first, variations last in a group.

    Beyond that by their means. Of many arms only the networks.
    """

    def place(arm: Arm) -> tuple[str, bool]:
        return summary.group_of(arm.architecture), _is_variation(summary, arm)

    arms = sorted((one.arm for one in in_order(summary.arms)), key=place)
    networks = [arm for arm in arms if not _is_variation(summary, arm)]
    return arms if len(arms) <= FEW_ARMS or not networks else networks


def _told(summary: Summary, arms: list[Arm]) -> list[Arm]:
    """Those that get a sentence: of many the decided ones, or the first where none is judged.

    Confirmed ones first, as the headline names them.
    """
    if len(arms) <= FEW_ARMS:
        return arms
    decided = [arm for arm in arms if _is_decided(summary, arm)]
    decided.sort(key=lambda arm: (arm.verdict.verdict != "confirmed", not confirmed_alone(arm)))
    return (decided or arms)[:FEW_ARMS]


def _is_variation(summary: Summary, arm: Arm) -> bool:
    """A search compares recipes as well as networks: each of its arms is a candidate."""
    return arm.first.evaluate_test and summary.is_variation(arm)


def _is_decided(summary: Summary, arm: Arm) -> bool:
    """Whether it has a verdict, be it that of an attempt taken alone."""
    if not arm.is_decidable:
        return False
    return {arm.verdict.verdict, arm.alone.verdict} != {"undecided"}


def _others(summary: Summary, n_networks: int, n_variations: int) -> Point:
    """Arms without a sentence of their own, and the table that holds them."""
    tested = any(arm.first.evaluate_test for arm in summary.arms)
    kinds = (
        (n_networks, "more network" if tested else "more candidate"),
        (n_variations, "variation"),
    )
    said = listed([count(n, kind) for n, kind in kinds if n])
    of_these = " of these, by part or by recipe," if n_variations else ""
    is_one = n_networks + n_variations == 1
    return Point(
        title="Others" if n_networks else "Variations",
        href=RESULTS if tested else SEARCH,
        headline=f"{integer(n_networks + n_variations)} more",
        sentence=f"{said}{of_these} {'is' if is_one else 'are'} in the table of all.",
    )


def _nothing(summary: Summary) -> str:
    return (
        f"The suite “{summary.suite}” holds no runs yet, so nothing can be said about accuracy. "
        "The command “python -m bench all” trains what is missing and renders this report again."
    )


def _overall(summary: Summary, arms: list[Arm]) -> str:
    tested = [arm for arm in arms if arm.first.evaluate_test]
    if not tested:
        return "These runs were made without looking at the test split."
    aimed = [arm for arm in tested if summary.aims(arm)]
    if not aimed:
        return _no_target(summary)
    objective = summary.objective
    first = (
        f"A run reaches the target when {target_words(objective)} of the test images "
        f"({integer(aimed[0].target)} of {integer(aimed[0].n_test)}) or more are right after its "
        "last epoch. "
    )
    decidable = [arm for arm in aimed if arm.is_decidable]
    if not decidable:
        return f"{first}No verdict follows: the runs were {aimed[0].standing.goal_words}."
    verdicts = by_verdict(decidable)
    said = f"{first}“Consistently”, in at least {runs_words(objective)}, is {verdicts}."
    alone = [arm.label for arm in decidable if confirmed_alone(arm)]
    return f"{said} Taken alone, it is confirmed for {listed(alone)} too." if alone else said


def _no_target(summary: Summary) -> str:
    """Why nothing is judged, and how it could be."""
    if summary.elsewhere and summary.objectives.asked():
        where = listed(summary.elsewhere)
        return f"The {summary.label}'s target is one of {where}, so nothing is judged by it here."
    return f"No target is declared, so the runs are judged by none. {HOW_TO_DECLARE}"


def _point(summary: Summary, arm: Arm) -> Point:
    return Point(
        title=arm.label,
        href=summary.page_of(arm.architecture) if not summary.base else "",
        headline=_headline(summary, arm),
        sentence=_sentence(summary, arm),
    )


def _headline(summary: Summary, arm: Arm) -> str:
    """How many runs reach the target; without one, the mean."""
    if summary.aims(arm):
        return f"{integer(arm.n_reached)} of {integer(len(arm.runs))}"
    return mean_percent(arm.accuracy()) if arm.first.evaluate_test else _validated(arm)


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
    also = "" if summary.speaks_of(claim) else f", of {claim.dataset} and so not comparable"
    return f"{said}; the {summary.label} says {percentage(claim.published)}{also}."


def _claims(summary: Summary) -> tuple[Point, ...]:
    """The ledger's tally, once; an architecture's own page has no ledger to lead to."""
    if summary.base or not summary.opens or not summary.ledger:
        return ()
    counts = tally(summary.ledger)
    if not counts:  # all claims are settings, which are no evidence
        return ()
    words = [f"{integer(n)} {verdict_words(verdict)}" for verdict, n in counts.items()]
    total = count(sum(counts.values()), "line")
    return (
        Point(
            title="Published claims",
            href=LEDGER,
            headline=total,
            sentence=f"{total} of the documents: {listed(words)}.",
        ),
    )

"""What a report says first: its finding, in words that follow from verdicts alone.

A headline speaks of the document's networks. It has two clauses: whether the document's numbers of
single runs could be runs of ours, and whether the networks reach its target as often as it says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.evidence.claims.ledger import FAILED, Entry, Sentence, sentences, tally
from bench.evidence.claims.rules import ClaimVerdict
from bench.records.arms import Arm
from bench.report.parts.cards import relation_words
from bench.report.parts.ranking import in_order
from bench.report.parts.verdicts import HOW_TO_DECLARE, reach, runs_words, target_words
from bench.report.summary import Summary
from bench.stats.declared import CONFIDENCE, FEWEST_RUNS, RATE_ALPHA, TEST_ALPHA
from bench.stats.format import (
    count,
    fixed,
    integer,
    listed,
    mean_percent,
    percentage,
    span,
    spelled,
)
from bench.stats.means import Accuracy
from bench.stats.rates import luck_of

MOST_NAMES = 4  # networks of one verdict that a headline names; more are counted
SINGLE = ("last_test_accuracy_percent", "selected_validation_accuracy_percent")
MEANS = ("mean_test_accuracy_percent", "mean_best_validation_accuracy_percent")
HOLDS: tuple[ClaimVerdict, ...] = ("consistent", "confirmed")
FEWEST_TOLD = 5  # runs: with fewer almost every number of a single run is consistent
UNJUDGED = ("not comparable", "not checkable")  # verdicts on lines that nothing here can judge
WORST = 2  # refuted statements that are quoted
MOST_FAILED = 2  # numbers that are named below the headline


@dataclass(frozen=True)
class Finding:
    """What stands at the top of a report.

    Attributes:
        headline: One sentence.
        lead: Some more: means with their intervals, the rule, what does not hold.
    """

    headline: str
    lead: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """A network of the finding, with the runs that judge it; None where it has none."""

    name: str  # to be read
    architecture: str
    arm: Arm | None


def finding(summary: Summary) -> Finding:
    """The finding of one document on one data set, or of a suite without a document."""
    rows = subjects(summary)
    arms = [row.arm for row in rows if row.arm]
    if not arms:
        return Finding(_untrained(summary), tuple(_statements(summary)))
    tested = [arm for arm in arms if arm.first.evaluate_test]
    if not tested:
        return Finding("These runs did not look at the test images.", ())
    aimed = [arm for arm in tested if summary.aims(arm)]
    clauses = [_on_numbers(summary, {arm.architecture for arm in tested}), _on_target(aimed)]
    rule = _rule(aimed) if aimed else no_target(summary)
    failed = _failed_numbers(summary, {arm.architecture for arm in tested})
    lead = [failed, _means(tested), *_statements(summary), rule]
    headline = _joined([each for each in clauses if each] or [_best(tested)])
    return Finding(headline, tuple(line for line in lead if line))


@dataclass(frozen=True)
class Clause:
    """A part of the headline, and whether it is good news for the document."""

    words: str
    is_good: bool = True


def subjects(summary: Summary) -> list[Row]:
    """The document's networks in its order; without a document every network, the best first."""
    ranked = [one.arm for one in in_order(arm for arm in summary.arms if summary.speaks_for(arm))]
    arms: dict[str, Arm] = {}
    for arm in sorted(ranked, key=lambda arm: -len(arm.runs)):
        arms.setdefault(arm.architecture, arm)
    document = summary.document
    names: Iterable[str] = dict.fromkeys(arm.architecture for arm in ranked)
    if document is not None and document.networks:
        names = [name for name in document.networks if name in arms or name in summary.portrait_of]
    return [Row(summary.display_name(name), name, arms.get(name)) for name in names]


def kicker(summary: Summary) -> str:
    """What was checked, on what and how often: the line above the headline."""
    document, dataset = summary.document, summary.dataset
    what = f"{summary.heading} “{document.title}”" if document else f"Suite “{summary.suite}”"
    if dataset is None:
        return what
    arms = [row.arm for row in subjects(summary) if row.arm]
    numbers = sorted({len(arm.runs) for arm in arms})
    if not numbers:
        return f"{what} · {dataset.name}"
    runs = count(numbers[0], "run") if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]} runs"
    whose = "" if len(arms) == 1 else " of each network"
    return " · ".join([what, f"{runs}{whose} on {dataset.name}", *_last_day(arms)])


def in_numbers(summary: Summary) -> str:
    """What the whole suite holds on a data set: 26 networks, 441 runs on mnist."""
    networks = count(len(summary.shown), "network")
    on = f" on {summary.dataset.name}" if summary.dataset else ""
    return f"Suite “{summary.suite}” · {networks}, {count(len(summary.runs), 'run')}{on}"


def _last_day(arms: Iterable[Arm]) -> list[str]:
    """The day on which the last run ended: 28 Feb 2026; nothing where records do not say it."""
    days = [run.finished_on for arm in arms for run in arm.runs if run.finished_on]
    return [f"{max(days).day} {max(days):%b %Y}"] if days else []


def _untrained(summary: Summary) -> str:
    if summary.document is None:
        return "No network has been trained yet."
    return f"No network of the {summary.label} has been trained yet."


# --- the target ----------------------------------------------------------------------------------


def _on_target(arms: Sequence[Arm]) -> Clause | None:
    """Whether the networks reach the target consistently; None where there is none."""
    if not arms:
        return None
    decidable = [arm for arm in arms if arm.is_decidable]
    target = target_words(arms[0].objective)
    if not decidable:
        words = f"the runs give no verdict on {target}: they were {arms[0].standing.goal_words}"
        return Clause(words, is_good=False)
    if max(len(arm.runs) for arm in decidable) < FEWEST_RUNS:
        n = max(len(arm.runs) for arm in decidable)
        runs = "one run" if n == 1 else f"{spelled(n)} runs"
        words = f"{runs} of a network cannot show whether it reaches {target} consistently"
        return Clause(words, is_good=False)
    confirmed, refuted, undecided = (
        [arm for arm in decidable if arm.verdict.verdict == verdict]
        for verdict in ("confirmed", "refuted", "undecided")
    )
    reaches, said = f"{target} consistently", list[str]()
    if confirmed:
        said.append(f"{_names(confirmed, decidable)} {reach(len(confirmed))} {reaches}")
    if refuted and said:
        said.append(f"{_names(refuted, decidable)} {_do(refuted)} not")
    elif refuted:
        said.append(f"{_denied(refuted, decidable)} {reaches}")
    if undecided:
        whether = (
            ""
            if said
            else f"whether {_names(undecided, decidable)} {reach(len(undecided))} {reaches}"
        )
        said.append(
            f"{_runs(undecided)} are too few to decide {whether or _names(undecided, decidable)}"
        )
    return Clause("; ".join(said), is_good=len(confirmed) == len(arms))


def _runs(arms: Sequence[Arm]) -> str:
    """ten runs, or 10 to 12 runs."""
    least, most = min(len(arm.runs) for arm in arms), max(len(arm.runs) for arm in arms)
    return f"{spelled(most) if least == most else f'{integer(least)} to {integer(most)}'} runs"


def _names(arms: Sequence[Arm], of: Sequence[Arm]) -> str:
    """Rose and Tulip; both networks; all three networks."""
    if len(arms) == len(of) > 1:
        return "both networks" if len(of) == 2 else f"all {spelled(len(of))} networks"
    if len(arms) <= MOST_NAMES:
        return listed([arm.label for arm in arms])
    return f"{spelled(len(arms))} of {spelled(len(of))} networks"


def _denied(arms: Sequence[Arm], of: Sequence[Arm]) -> str:
    """Rose does not reach; neither network reaches; none of the three networks reaches."""
    if len(arms) == len(of) > 1:
        none = "neither network" if len(of) == 2 else f"none of the {spelled(len(of))} networks"
        return f"{none} reaches"
    return f"{_names(arms, of)} {_do(arms)} not reach"


def _do(arms: Sequence[Arm]) -> str:
    return "does" if len(arms) == 1 else "do"


def _rule(aimed: Sequence[Arm]) -> str:
    """What “consistently” asks for."""
    if not any(arm.is_decidable for arm in aimed):
        return ""
    first = aimed[0]
    right = f"{integer(first.target)} of {integer(first.n_test)} test images"
    return (
        f"A run reaches {target_words(first.objective)} with {right} right after its last epoch; "
        f"“consistently” asks for {runs_words(first.objective)}, "
        f"shown with {percentage(100 * (1 - RATE_ALPHA), 0)} confidence."
    )


def no_target(summary: Summary) -> str:
    """Why nothing is judged, and how it could be."""
    if summary.elsewhere and summary.objectives.asked():
        where = listed(summary.elsewhere)
        return f"The {summary.label}'s target applies to {where}, so no run is judged by it here."
    return f"No target is declared, so no run is judged. {HOW_TO_DECLARE}"


# --- the document's numbers ----------------------------------------------------------------------


def _on_numbers(summary: Summary, trained: set[str]) -> Clause | None:
    """Whether the document's accuracies of single runs could be runs of ours; None without any."""
    known = _accuracies(summary, trained)
    n, whose = len(known), f"the {summary.label}'s"
    bad = sum(each.judged.verdict in FAILED for each in known)
    if not known:
        return None
    # One of twenty numbers lies outside its interval by luck.
    is_good = luck_of(bad, n, 1 - CONFIDENCE) > TEST_ALPHA
    if bad in (0, n):
        return Clause(f"{whose} accuracies are {'not ' if bad else ''}reproducible", not bad)
    verb = "is" if n - bad == 1 else "are"
    said = f"{spelled(n - bad)} of {whose} {spelled(n)} accuracies {verb} reproducible"
    return Clause(said, is_good)


def _accuracies(summary: Summary, trained: set[str]) -> list[Entry]:
    """The document's accuracies of these networks of which the runs say whether they hold."""
    own = (each for each in _own(summary) if each.claim.subject in trained and _is_told(each))
    return [
        each
        for each in own
        if summary.speaks_of(each.claim) and each.judged.verdict in (*HOLDS, *FAILED)
    ]


def _failed_numbers(summary: Summary, trained: set[str]) -> str:
    """Not reproducible: 99.33 % of Rose (line 14); nothing where the headline says it of all."""
    every = _accuracies(summary, trained)
    failed = [each for each in every if each.judged.verdict in FAILED]
    if not failed or len(failed) == len(every):
        return ""
    said = [
        f"{relation_words(claim)}{percentage(claim.published)} of "
        f"{summary.display_name(claim.subject)} (line {claim.line})"
        for claim in (each.claim for each in failed[:MOST_FAILED])
    ]
    more = len(failed) - MOST_FAILED
    return f"Not reproducible: {listed([*said, *([f'{integer(more)} more'] if more > 0 else [])])}."


def _is_told(entry: Entry) -> bool:
    """Whether it is an accuracy on which the runs say enough."""
    metric, n = entry.claim.metric, entry.judged.n or 0
    return metric in MEANS or (metric in SINGLE and n >= FEWEST_TOLD)


def _own(summary: Summary) -> list[Entry]:
    """The document's claims with their verdicts; of several documents alike, those of all."""
    document = summary.document
    return [each for each in summary.ledger if document is None or each.claim.file == document.name]


def judged_lines(summary: Summary) -> dict[ClaimVerdict, int]:
    """Verdict -> how many of the document's lines; a document is counted once, on one data set."""
    lines = tally(_own(summary)) if summary.opens else {}
    return {verdict: n for verdict, n in lines.items() if verdict not in UNJUDGED}


def _statements(summary: Summary) -> Iterable[str]:
    """How many of the document's lines that can be judged do not hold, or are undecided."""
    counts = judged_lines(summary)
    if not counts:
        return
    failed = sum(counts.get(verdict, 0) for verdict in FAILED)
    total = count(sum(counts.values()), "line")
    said = f"{integer(failed)} {'does' if failed == 1 else 'do'} not hold"
    if n := counts.get("undecided", 0):
        said += f" and {integer(n)} {'is' if n == 1 else 'are'} undecided"
    yield f"Of {total} of the {summary.label} that can be judged, {said}."


def refuted(summary: Summary) -> list[Sentence]:
    """The document's statements on runs that do not hold, the worst first."""
    own = [entry for entry in _own(summary) if entry.kind == "runs"]
    return [said for said in sentences(own) if said.verdict in FAILED][:WORST]


# --- means ---------------------------------------------------------------------------------------


def _best(arms: Sequence[Arm]) -> Clause:
    """Where nothing is asked for: the highest mean."""
    best = next(iter(in_order(arms))).arm
    n = len(best.runs)
    mean = mean_percent(best.accuracy())
    over = f"over {count(n, 'run')}" if n > 1 else "in its one run"
    if len(arms) == 1:
        return Clause(f"{best.label} has {mean} of the test images right {over}")
    return Clause(f"{best.label} has the highest mean accuracy: {mean} {over}")


def _means(arms: Sequence[Arm]) -> str:
    """Each network's mean on the test images, with its interval where there are enough runs."""
    found = [(arm, arm.accuracy()) for arm in arms if arm.accuracy().counts]
    if not found:
        return "No run completed."
    if len(found) > MOST_NAMES:
        means = [each.mean_percent or 0 for _, each in found]
        low, high = fixed(min(means), 3), fixed(max(means), 3)
        return f"The means of {integer(len(found))} networks lie between {low} and {high} %."
    few = all(len(each.counts) < FEWEST_RUNS for _, each in found)
    said = listed([f"{arm.label} {mean_words(each)}" for arm, each in found])
    runs = sorted({len(each.counts) for _, each in found})
    over = count(runs[0], "run") if len(runs) == 1 else f"{runs[0]} to {runs[-1]} runs"
    too_few = "One run is" if runs[-1] == 1 else f"{spelled(runs[-1]).capitalize()} runs are"
    more = f" {too_few} too few for an interval." if few else ""
    kind = "Test accuracy" if runs == [1] else f"Mean test accuracy over {over}"
    return f"{kind}: {said}.{more}"


def mean_words(found: Accuracy) -> str:
    """99.448 % (99.410 to 99.486); of few runs without the interval."""
    interval = found.interval if len(found.counts) >= FEWEST_RUNS else None
    return f"{mean_percent(found)} ({span(interval, 3)})" if interval else mean_percent(found)


# --- words ---------------------------------------------------------------------------------------


def _joined(clauses: Sequence[Clause]) -> str:
    """One sentence; good and bad news are joined by "but"."""
    agree = len({clause.is_good for clause in clauses}) == 1
    whole = f", {'and' if agree else 'but'} ".join(clause.words for clause in clauses)
    return f"{whole[0].upper()}{whole[1:]}."

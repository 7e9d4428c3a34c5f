"""What changed between two suites, a line a change: what a reviewer asks of a pull request.

Each suite is judged by the same files of claims, those in use.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.evidence.claims.ledger import VERDICTS, Entry, verdict_words
from bench.records.arms import Arm
from bench.report.parts.finding import subjects
from bench.report.parts.pairs import Pair, tested
from bench.report.parts.verdicts import words
from bench.report.summary import Summary
from bench.stats.format import corrected_by_holm, integer, mean_percent, p_value, signed, span

MOST_QUOTED = 60  # characters of a claim's quote


@dataclass(frozen=True)
class Both:
    """A network with the runs that judge it now, and those that judged it before."""

    name: str
    summary: Summary
    now: Arm | None
    before_summary: Summary | None
    before: Arm | None


def changes(now: Sequence[Summary], before: Sequence[Summary]) -> list[str]:
    """Verdicts that changed, means that moved beyond noise, claims, and runs, in this order."""
    both = [each for summary in now for each in _networks(summary, before)]
    return [*_verdicts(both), *_means(both), *_claims(now, before), *_runs(both)]


def _networks(summary: Summary, before: Sequence[Summary]) -> Iterator[Both]:
    other = next((each for each in before if _is_before(each, summary)), None)
    known = {row.architecture: row.arm for row in subjects(other)} if other else {}
    for row in subjects(summary):
        yield Both(row.name, summary, row.arm, other, known.get(row.architecture))


def _is_before(other: Summary, summary: Summary) -> bool:
    """Whether it is the same document's part on the same data set; without runs, on any."""
    names = {each.document.name if each.document else "" for each in (other, summary)}
    return len(names) == 1 and (summary.dataset is None or summary.prefix == other.prefix)


def _verdicts(both: Sequence[Both]) -> Iterator[str]:
    for each in both:
        now, before = _verdict(each.summary, each.now), _verdict(each.before_summary, each.before)
        if now != before:
            yield f"Verdict: {each.name} is {now}, was {before}."


def _verdict(summary: Summary | None, arm: Arm | None) -> str:
    if summary is None or arm is None:
        return "not trained"
    return words(arm) if summary.judges(arm) else "without a verdict"


def _means(both: Sequence[Both]) -> Iterator[str]:
    """As `compare` judges them: p of all networks, corrected together."""
    pairs: list[tuple[Arm, Arm]] = []
    for each in both:
        if each.now is None or each.before is None:
            continue
        if not each.now.dataset.has_images_of(each.before.dataset):
            yield f"Mean: {each.name} cannot be compared: the two suites have different images."
            continue
        pairs.append((each.now, each.before))
    compared = tested([pair for pair in pairs if _counts(pair[0]) != _counts(pair[1])])
    for pair in compared:
        if pair.is_told_apart:
            yield _moved(pair, corrected_by_holm(len(compared), "the two suites"))


def _counts(arm: Arm) -> list[int]:
    return sorted(arm.counts("test"))


def _moved(pair: Pair, together: str) -> str:
    found = pair.result
    interval = f" ({span(found.interval)})" if found.interval else ""
    before, now = (mean_percent(arm.accuracy()) for arm in (pair.second, pair.first))
    return (
        f"Mean: {pair.first.label} moved by {signed(found.difference_points)} points{interval}, "
        f"from {before} to {now} (p {p_value(found.holm_p)}, {together})."
    )


def _claims(now: Sequence[Summary], before: Sequence[Summary]) -> list[str]:
    """The worst first; a claim that only one of the suites can judge did not change."""
    known, found = _ledger(before), list[tuple[int, str]]()
    for id, entry in _ledger(now).items():
        verdict = entry.judged.verdict
        if id in known and known[id].judged.verdict != verdict:
            was = verdict_words(known[id].judged.verdict)
            line = f"Claim: {_quote(entry)} is {verdict_words(verdict)}, was {was}."
            found.append((VERDICTS.index(verdict), line))
    return list(dict.fromkeys(line for _, line in sorted(found, key=lambda each: each[0])))


def _ledger(summaries: Sequence[Summary]) -> dict[tuple[str, str], Entry]:
    return {
        (entry.claim.file, entry.claim.id): entry
        for summary in summaries
        if summary.opens
        for entry in summary.ledger
    }


def _quote(entry: Entry) -> str:
    claim = entry.claim
    quote = claim.quote if len(claim.quote) <= MOST_QUOTED else f"{claim.quote[:MOST_QUOTED]}…"
    return f"{claim.file}:{claim.line} “{quote}”"


def _runs(both: Sequence[Both]) -> Iterator[str]:
    for each in both:
        now, before = _keys(each.now), _keys(each.before)
        added, gone = len(now - before), len(before - now)
        if added or gone:
            lost = f", {integer(gone)} of the earlier runs are missing" if gone else ""
            yield f"Runs: {each.name} has {integer(len(now))}, {integer(added)} of them new{lost}."


def _keys(arm: Arm | None) -> set[str]:
    return {run.key for run in arm.runs} if arm else set()

"""The answer as a pull request's comment: headline, table of networks, what changed.

Whatever the records hold, it has fewer than 60 lines; what does not fit is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.records.arms import Arm
from bench.report import pages
from bench.report.changes import changes
from bench.report.parts.finding import Row, finding, mean_words, subjects
from bench.report.parts.verdicts import target_words, words
from bench.report.summary import Summary
from bench.stats.format import NOT_AVAILABLE, count, integer, percentage

MOST_PARTS = 2  # documents and data sets with a headline and a table
MOST_ROWS = 10  # networks of a table
MOST_CHANGES = 10
PUBLISHED = (  # what a document may give, the first that it gives
    ("last_test_accuracy_percent", ""),
    ("selected_validation_accuracy_percent", " (validation)"),
)


@dataclass(frozen=True)
class Part:
    """What is said of one document on one data set."""

    title: str
    headline: str
    lead: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    n_more: int  # networks without a row


def comment(summaries: Sequence[Summary], base: Sequence[Summary] | None = None) -> str:
    """The comment as GitHub's Markdown.

    Args:
        summaries: The suite, as `bench.report.reading.read` arranges it.
        base: The suite from before the change; None where nothing is compared.
    """
    found = changes(summaries, base) if base else []
    return pages.rendered(
        "comment.md.j2",
        parts=[_part(summary, len(summaries)) for summary in summaries[:MOST_PARTS]],
        n_more_parts=max(len(summaries) - MOST_PARTS, 0),
        base=base[0].suite if base else "",
        changes=found[:MOST_CHANGES],
        n_more_changes=max(len(found) - MOST_CHANGES, 0),
    )


def _part(summary: Summary, n_parts: int) -> Part:
    said, rows = finding(summary), subjects(summary)
    shown = rows[:MOST_ROWS]
    published = [_published(summary, row) for row in shown]
    target = any(row.arm and summary.aims(row.arm) for row in rows)
    columns = ["Network", "Parameters", "Test accuracy"]
    columns += [f"Reached {target_words(summary.objective)}", "Verdict"] if target else []
    columns += ["Published"] if any(published) else []
    return Part(
        title=summary.title if n_parts > 1 else "",
        headline=said.headline,
        lead=" ".join(said.lead),
        columns=tuple(columns),
        rows=tuple(
            (
                row.name,
                _parameters(summary, row),
                mean_words(row.arm.accuracy()) if row.arm else NOT_AVAILABLE,
                *(_of_target(summary, row.arm) if target else ()),
                *([text or NOT_AVAILABLE] if any(published) else ()),
            )
            for row, text in zip(shown, published, strict=True)
        ),
        n_more=len(rows) - len(shown),
    )


def _parameters(summary: Summary, row: Row) -> str:
    if row.arm:
        return integer(row.arm.first.n_parameters)
    measured = summary.portrait_of[row.architecture].measures.get("parameters")
    n = measured.values.get("n_parameters") if measured else None
    return integer(n) if isinstance(n, int) else NOT_AVAILABLE


def _of_target(summary: Summary, arm: Arm | None) -> tuple[str, str]:
    """How many of the runs reached it, and the verdict."""
    if arm is None:
        return NOT_AVAILABLE, "not trained"
    if not summary.aims(arm):
        return NOT_AVAILABLE, NOT_AVAILABLE
    return f"{integer(arm.n_reached)} of {count(len(arm.runs), 'run')}", words(arm)


def _published(summary: Summary, row: Row) -> str:
    for metric, of_split in PUBLISHED:
        claim = summary.published(row.architecture, metric)
        if claim and summary.speaks_of(claim):
            return f"{percentage(claim.published)}{of_split}"
    return ""

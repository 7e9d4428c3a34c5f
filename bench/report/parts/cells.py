"""Cells of tables whose rows are architectures: what they are sorted and hidden by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from bench.records.arms import Arm
from bench.report.model import Cell, Column, Table, words
from bench.report.parts.verdicts import bounds
from bench.report.summary import Summary
from bench.spec import Claim, Measured, Portrait, RunRecord
from bench.stats.format import (
    NOT_AVAILABLE,
    NOT_KNOWN,
    count,
    duration,
    fixed,
    integer,
    listed_or_counted,
    measured_value,
    place_words,
    span,
)
from bench.stats.means import placement
from bench.stats.rates import published_count

MARKS = {True: "✓", False: "✗"}
ON_GPU = "on a GPU"
MOST_APART = 6  # networks of which each is spoken of; of more, what holds for all
OWN_NOTES = "What was counted in a single network stands on its page."
SHARED = (
    "Training time on a GPU is measured on the GPU. If runs share the GPU, the time of each run "
    "includes the work of the other runs."
)


def model(summary: Summary, portrait: Portrait) -> Cell:
    """A row's first cell: the architecture, with a link to its page where that is another one."""
    href = "" if summary.base else summary.page_of(portrait.architecture)
    return Cell(portrait.display_name, href=href, series=portrait.architecture)


def of_pages(summary: Summary, portraits: Sequence[Portrait]) -> str:
    """What a figure of these networks is named by: the index and each network's page have one."""
    name = portraits[0].architecture if summary.base else summary.place
    versions = "-".join(p.architecture_digest[:6] for p in portraits)
    return f"{name}-{versions}" if summary.base and len(portraits) > 1 else name


def network(summary: Summary, arm: Arm) -> Cell:
    """An arm; below its name, whether its runs have more epochs than its document allows."""
    href = summary.page_of(arm.architecture)
    return Cell(arm.label, _too_long(arm), href=href, series=arm.architecture)


def _too_long(arm: Arm) -> str:
    n, objective = arm.first.n_epochs, arm.objective
    if objective.allows_epochs(n):
        return ""
    return f"{MARKS[False]} {count(n, 'epoch')}, at most {integer(objective.epochs_at_most or 0)}"


def value(measured: Measured, name: str) -> Cell:
    """A measured figure; of a measure that could count parts alone it is a lower bound.

    A lower bound has no place in the order of a column: it is sorted as what is not known.
    """
    if name not in measured.values:
        return Cell(NOT_AVAILABLE)
    found = measured.values[name]
    number = isinstance(found, int | float) and not isinstance(found, bool)
    text = f"{'at least ' if measured.at_least else ''}{measured_value(found)}"
    return Cell(text, sort=found if number and not measured.at_least else None)


def whole(number: int) -> Cell:
    """A count."""
    return Cell(integer(number), sort=number)


def measured(summary: Summary, arm: Arm, measure: str, field: str) -> Cell:
    """A measured figure of the very source that the arm's runs have trained."""
    portrait = summary.portrait_of_arm(arm)
    found = portrait.measures.get(measure) if portrait else None
    figure = found.values.get(field) if found else None
    if found is None or figure is None:
        return Cell(NOT_KNOWN if arm.first.foreign else NOT_AVAILABLE)
    known = isinstance(figure, int | float) and not found.at_least
    sort = float(figure) if known else None
    return Cell(f"{'≥ ' if found.at_least else ''}{measured_value(figure)}", sort=sort)


def time_a_run(arm: Arm) -> Cell:
    """Over completed runs; several machines are named, for their times differ."""
    if not arm.completed:
        return Cell(NOT_AVAILABLE)
    seconds = [run.train_seconds for run in arm.completed if run.train_seconds is not None]
    if not seconds:
        return Cell(NOT_KNOWN)
    n_machines = len({run.environment.fingerprint for run in arm.completed})
    machines = count(n_machines, "environment") if n_machines > 1 else ""
    return time(median(seconds), arm.first.device_type, machines)


def time(seconds: float | None, device_type: str | None, note: str = "") -> Cell:
    """Training time; one of a GPU says so, for it may hold the work of other runs."""
    if seconds is None:
        return Cell(NOT_KNOWN)
    on_gpu = ON_GPU if device_type == "cuda" else ""
    return Cell(duration(seconds), ", ".join(filter(None, (on_gpu, note))), sort=seconds)


def time_notes(runs: Iterable[RunRecord]) -> tuple[str, ...]:
    """What the training times of these runs hold; nothing where all ran on a CPU."""
    return (SHARED,) if any(run.device_type == "cuda" for run in runs) else ()


def having(summary: Summary, measure: str) -> list[Portrait]:
    """The portraits that the measure was taken of."""
    return [portrait for portrait in summary.portraits if measure in portrait.measures]


def figures_of(
    summary: Summary, portraits: Sequence[Portrait], measure: str, caption: str
) -> Table:
    """A row an architecture, a column a figure of the measure.

    Args:
        summary: Whose page this is.
        portraits: Each holds the measure.
        measure: Its name.
        caption: The table's.
    """
    found = [(portrait, portrait.measures[measure]) for portrait in portraits]
    fields = dict.fromkeys(field for _, measured in found for field in measured.fields)
    return Table(
        caption=caption,
        columns=(*words("Model"), *(Column(field.title, note=field.unit) for field in fields)),
        rows=tuple(
            (model(summary, portrait), *(value(measured, field.name) for field in fields))
            for portrait, measured in found
        ),
    )


def counts_by_part(
    caption: str, head: str, counts: Sequence[tuple[str, Mapping[str, int]]], parts: Iterable[str]
) -> Table:
    """A row a part, a column an architecture, whose parts add up to a total.

    Args:
        caption: The table's.
        head: The first column's title.
        counts: An architecture's displayed name, and part -> count; empty where none is known.
        parts: In their order.
    """

    def row(name: str, numbers: Iterable[int]) -> tuple[Cell, ...]:
        found = zip(counts, numbers, strict=True)
        known = (whole(number) if own else Cell(NOT_AVAILABLE) for (_, own), number in found)
        return (Cell(name), *known)

    return Table(
        caption=caption,
        columns=(*words(head), *(Column(name) for name, _ in counts)),
        rows=tuple(row(part, (own.get(part, 0) for _, own in counts)) for part in parts),
        total=(row("Total", (sum(own.values()) for _, own in counts)),),
    )


def at_least(measured: Measured, number: int) -> str:
    """A count of a measure: a lower bound where it could count parts alone."""
    if measured.error:
        return NOT_AVAILABLE
    return f"{'at least ' if measured.at_least else ''}{integer(number)}"


def epochs_to_target(arm: Arm) -> Cell:
    """A median that was not reached lies beyond the last epoch."""
    found, last = arm.outcomes.epochs_to_target, arm.first.n_epochs
    misses = found.n - found.n_reached
    note = f"{integer(misses)} of {integer(found.n)} never" if misses else ""
    if found.median is None:
        return Cell(f"> {last}", note, sort=last + 1.0)
    return Cell(str(found.median), note, sort=float(found.median))


def reached(arm: Arm) -> Cell:
    """How many runs reach the target, with the bounds of their rate."""
    n = len(arm.runs)
    return Cell(f"{integer(arm.n_reached)} of {integer(n)}", bounds(arm), sort=arm.n_reached / n)


def published(
    summary: Summary, arm: Arm, claim: Claim | None, counts: Sequence[int], noun: str = "run"
) -> Cell:
    """What was published of one run, its place among ours, and where one more run will lie."""
    if claim is None:
        return Cell("")
    text = fixed(claim.published, 2)
    if not summary.speaks_of(claim):
        return Cell(text, "not comparable", sort=claim.published)
    number = published_count(claim.published, arm.n_test)
    place = placement(number, counts, arm.n_test)
    note = place_words(place, noun)
    if place.prediction is not None:
        note += f"; one more {noun}: {span(place.prediction.times(100 / arm.n_test), 2)}"
    return Cell(text, note, sort=claim.published)


def notes(portraits: list[Portrait], measure: str) -> tuple[str, ...]:
    """Conventions and what was not counted; a measure that did not apply says why.

    Of many networks only what holds for all: the rest stands on their pages.

    Args:
        portraits: Each holds the measure.
        measure: Its name.
    """
    told = {p.display_name: _told(p, measure) for p in portraits}
    first = next(iter(told.values()), [])
    common = [note for note in first if all(note in own for own in told.values())]
    if len(told) < 2:
        return tuple(common)
    rest: defaultdict[str, list[str]] = defaultdict(list)
    for name, own in told.items():
        rest["; ".join(note for note in own if note not in common)].append(name)
    rest.pop("", None)
    if len(rest) > MOST_APART:
        return (*common, OWN_NOTES)
    return (
        *common,
        *(f"{listed_or_counted(names, 'network')}: {note}" for note, names in rest.items()),
    )


def _told(portrait: Portrait, measure: str) -> list[str]:
    found = portrait.measures[measure]
    return [*found.notes, *([f"not measured: {found.error}"] if found.error else [])]

"""Summaries -> frames: named columns and rows of plain values, one frame a question."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from bench.claims.ledger import Entry, Row, as_json
from bench.layers import merged
from bench.sections._export.rows import (
    EpochRow,
    MeasureRow,
    ParameterRow,
    ResultRow,
    RunRow,
    epoch_row,
    name_of,
    result_row,
    run_row,
)
from bench.sections._summary import Summary
from bench.spec import Portrait

T = TypeVar("T", bound=msgspec.Struct)
PARAMETERS = "parameters"
BY_COMPONENT = "by_component"


@dataclass(frozen=True)
class Frame:
    """A table of plain values: text, numbers, yes or no, None, and lists of integers."""

    name: str
    says: str  # what one row is
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def records(self) -> list[dict[str, Any]]:
        """A mapping a row."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def results(summaries: Sequence[Summary]) -> Frame:
    """A row an arm."""
    rows = [result_row(summary, arm) for summary in summaries for arm in summary.arms]
    return _frame("results", "an arm: runs that differ in the seed alone", ResultRow, rows)


def runs(summaries: Sequence[Summary]) -> Frame:
    """A row a run."""
    rows = [
        run_row(summary, arm, name, run)
        for summary in summaries
        for arm in summary.arms
        for name in (name_of(arm),)
        for run in arm.runs
    ]
    return _frame("runs", "a run", RunRow, rows)


def epochs(summaries: Sequence[Summary]) -> Frame:
    """A row an epoch of a run."""
    rows = [
        epoch_row(run, name, epoch)
        for summary in summaries
        for arm in summary.arms
        for name in (name_of(arm),)
        for run in arm.runs
        for epoch in run.epochs
    ]
    return _frame("epochs", "an epoch of a run", EpochRow, rows)


def parameters(summaries: Sequence[Summary]) -> Frame:
    """A row a part of an architecture's trainable parameters, in every view."""
    rows = [
        row
        for portrait in _portraits(summaries)
        if PARAMETERS in portrait.measures
        for row in _parts(portrait)
    ]
    return _frame("parameters", "a part of the parameters in one view", ParameterRow, rows)


def _parts(portrait: Portrait) -> Iterable[ParameterRow]:
    found = portrait.measures[PARAMETERS]
    for view, parts in ({BY_COMPONENT: found.components} | found.views).items():
        for part, n_parameters in parts.items():
            yield ParameterRow(
                architecture=portrait.architecture,
                display_name=portrait.display_name,
                architecture_digest=portrait.architecture_digest,
                view=view,
                part=part,
                n_parameters=n_parameters,
                at_least=found.at_least,
            )


def layers(summaries: Sequence[Summary]) -> Frame:
    """A row a layer, in the order of a forward pass; columns are what the measures found."""
    found = [(portrait, merged(portrait)) for portrait in _portraits(summaries)]
    measured = dict.fromkeys(n for _, table in found for row in table.values() for n in row)
    columns = ("architecture", "architecture_digest", "position", "layer", *measured)
    rows = tuple(
        (
            *(portrait.architecture, portrait.architecture_digest, position, layer),
            *(row.get(name) for name in measured),
        )
        for portrait, table in found
        for position, (layer, row) in enumerate(table.items(), start=1)
    )
    return Frame("layers", "a layer", columns, rows)


def measures(summaries: Sequence[Summary]) -> Frame:
    """A row a measured figure of an architecture."""
    rows = [row for portrait in _portraits(summaries) for row in _figures(portrait)]
    return _frame("measures", "a measured figure", MeasureRow, rows)


def _figures(portrait: Portrait) -> Iterable[MeasureRow]:
    for name, found in portrait.measures.items():
        for field in found.fields:
            yield MeasureRow(
                architecture=portrait.architecture,
                architecture_digest=portrait.architecture_digest,
                measure=name,
                figure=field.name,
                title=field.title,
                unit=field.unit,
                value=found.values.get(field.name),
                at_least=found.at_least,
                error=found.error,
            )


def claims(entries: Sequence[Entry]) -> Frame:
    """A row a claim with its verdict, as `bench claims --json` gives it."""
    rows = msgspec.json.decode(as_json(entries), type=list[Row])
    return _frame("claims", "a published claim", Row, rows)


# What is made of the summaries alone; the ledger of claims is judged elsewhere.
OF_SUMMARIES: tuple[Callable[[Sequence[Summary]], Frame], ...] = (
    results,
    runs,
    epochs,
    parameters,
    layers,
    measures,
)


def every(summaries: Sequence[Summary], entries: Sequence[Entry]) -> tuple[Frame, ...]:
    """All frames, in the order in which they are told."""
    return (*(make(summaries) for make in OF_SUMMARIES), claims(entries))


def _portraits(summaries: Sequence[Summary]) -> tuple[Portrait, ...]:
    """They are the suite's, whatever the data set."""
    return summaries[0].portraits if summaries else ()


def _frame(name: str, says: str, kind: type[T], rows: Iterable[T]) -> Frame:
    return Frame(
        name, says, kind.__struct_fields__, tuple(msgspec.structs.astuple(row) for row in rows)
    )

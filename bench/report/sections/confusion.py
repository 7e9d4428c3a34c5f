"""Which classes are taken for which, a run."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.report.figures.matrix import matrix
from bench.report.model import Cell, Column, PageKind, Plot, Scope, Section, Table
from bench.report.parts.misses import Misses, misses, owner, stem, whose
from bench.report.summary import Summary
from bench.stats.format import count, fixed, integer, listed

ORDER = 59
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("architecture",)
N_NAMED = 3
MOST_DRAWN = 20  # classes; of more, the commonest errors are listed
N_LISTED = 40
PAIR_COLUMNS = (
    Column("Label", numeric=False),
    Column("Label given", numeric=False),
    Column("Wrong answers"),
    Column("A run", note="mean"),
)
GIVEN_COLUMNS = (
    Column("Label given wrongly", numeric=False),
    Column("Wrong answers"),
    Column("A run", note="mean"),
)


def section(summary: Summary) -> Section | None:
    """None where no run missed an image; without true labels, the labels given alone."""
    found = misses(summary)
    if found is None or not len(found.indices):
        return None
    confusion = found.confusion()
    if not confusion.any():
        return _given_alone(summary, found)
    return Section(
        title=f"Which {found.noun} is taken for which",
        nav="Confusions",
        text=(_text(found, confusion),),
        plots=(_plot(summary, found, confusion),) if len(confusion) <= MOST_DRAWN else (),
        tables=() if len(confusion) <= MOST_DRAWN else (_pairs(summary, found, confusion),),
        notes=_notes(found, confusion),
    )


def _text(found: Misses, confusion: NDArray[np.int64]) -> str:
    n = len(found.runs)
    said = [
        f"{found.name(true)} taken for {found.name(given)} ({_a_run(times, n)} a run)"
        for times, true, given in _largest(confusion)
    ]
    return f"The commonest {'error is' if len(said) == 1 else 'errors are'} {listed(said)}."


def _largest(confusion: NDArray[np.int64], n: int = N_NAMED) -> list[tuple[int, int, int]]:
    """Times, true label, label given; equal ones by their labels."""
    entries = [(int(confusion[t, g]), int(t), int(g)) for t, g in np.argwhere(confusion)]
    return sorted(entries, key=lambda e: (-e[0], e[1:]))[:n]


def _a_run(times: int, n_runs: int) -> str:
    return fixed(times / n_runs, 2)


def _plot(summary: Summary, found: Misses, confusion: NDArray[np.int64]) -> Plot:
    n = len(found.runs)
    own = owner(summary)
    alt = [
        f"{found.name(true)} as {found.name(given)}: {_a_run(times, n)}"
        for times, true, given in _largest(confusion)
    ]
    return Plot(
        name=f"{stem(summary)}-confusion",
        alt=(
            f"Wrong answers{whose(summary)} on the test split of {summary.prefix} by true label "
            f"and label given, mean of {count(n, 'run')}; the largest are {listed(alt)}."
        ),
        caption=(
            f"Wrong answers{whose(summary)} a run on {summary.prefix}, mean of n = {integer(n)}. "
            "A stronger colour means more answers. An empty cell means no answer."
        ),
        draw=partial(matrix, _cells(found, confusion), own),
    )


def _pairs(summary: Summary, found: Misses, confusion: NDArray[np.int64]) -> Table:
    """The commonest errors, where the classes are too many to draw."""
    n = len(found.runs)
    return Table(
        caption=f"The commonest wrong answers{whose(summary)} on {summary.prefix}",
        columns=PAIR_COLUMNS,
        rows=tuple(
            (
                Cell(found.name(true)),
                Cell(found.name(given)),
                Cell(integer(times), sort=times),
                Cell(_a_run(times, n), sort=times / n),
            )
            for times, true, given in _largest(confusion, N_LISTED)
        ),
    )


def _cells(found: Misses, confusion: NDArray[np.int64]) -> pd.DataFrame:
    """A row a cell, as `bench.report.figures.matrix` takes them, and the sums."""
    largest, n_labels, n_runs = int(confusion.max()), len(confusion), len(found.runs)
    below = np.vstack([confusion, confusion.sum(axis=0)])
    whole = np.column_stack([below, below.sum(axis=1)])
    names = [*map(found.name, range(n_labels)), "all"]
    rows = []
    for (true, given), times in np.ndenumerate(whole):
        answer = bool(times) and n_labels not in (true, given)
        rows.append(
            {
                "true label": names[true],
                "label given": names[given],
                "share": times / largest if answer else 0.0,
                "text": _brief(int(times), n_runs) if answer or n_labels in (true, given) else "",
                "says": _says(int(times), names[true], names[given], n_runs) if answer else "",
            }
        )
    cells = pd.DataFrame(rows)
    for column in cells.columns[:2]:
        cells[column] = pd.Categorical(cells[column], categories=names, ordered=True)
    return cells


def _says(times: int, true: str, given: str, n_runs: int) -> str:
    return (
        f"{true} taken for {given}: {_a_run(times, n_runs)} a run, "
        f"{count(times, 'time')} in {count(n_runs, 'run')}"
    )


def _brief(times: int, n_runs: int) -> str:
    """One decimal; what would be rounded to nothing says that it is little."""
    if 0 < 20 * times < n_runs:
        return "<0.1"
    return fixed(times / n_runs, 1)


def _notes(found: Misses, confusion: NDArray[np.int64]) -> tuple[str, ...]:
    without = int(found.given.sum() - confusion.sum())
    if not without:
        return ()
    text = (
        f"{integer(without)} of {integer(int(found.given.sum()))} wrong answers are left out: the "
        f"suite keeps no true label of these {found.noun}s."
    )
    return (text,)


def _given_alone(summary: Summary, found: Misses) -> Section:
    """What the records say by themselves."""
    totals, n = found.given.sum(axis=0), len(found.runs)
    table = Table(
        caption=f"Labels given wrongly on {summary.prefix}, {count(n, 'completed run')}",
        columns=GIVEN_COLUMNS,
        rows=tuple(
            (
                Cell(found.name(label)),
                Cell(integer(int(times))),
                Cell(_a_run(int(times), n), sort=int(times) / n),
            )
            for label, times in enumerate(totals)
        ),
    )
    text = (
        f"The suite keeps no true labels of missed {found.noun}s, so only the wrong answers are "
        "counted."
    )
    return Section(title="Labels given wrongly", nav="Confusions", text=(text,), tables=(table,))

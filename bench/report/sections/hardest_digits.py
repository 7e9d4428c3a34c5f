"""The test images that most runs miss, and what they are taken for."""

from __future__ import annotations

from functools import partial

import pandas as pd

from bench.report.export.texts import as_csv
from bench.report.figures.digits import Digit, digits
from bench.report.model import Cell, Column, Download, PageKind, Plot, Scope, Section, Table
from bench.report.parts.misses import Misses, misses, stem, whose
from bench.report.summary import Summary
from bench.stats.format import NOT_AVAILABLE, TIMES, count, integer, listed, percent

ORDER = 58
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("architecture",)
N_SHOWN, N_LISTED = 24, 60
NAME_CHARACTERS, BRIEF_CHARACTERS = 12, 6  # of a class's name: alone on a line, and with runs
LINE_CHARACTERS = 16  # of the small type under an image
COLUMNS = (
    Column("Test index"),
    Column("Label", filter=True),
    Column("Missed by", note="runs"),
    Column("Share", note="of the runs"),
    Column("Labels given", numeric=False, note="runs each"),
)


def section(summary: Summary) -> Section | None:
    """None where no run looked at the test split, or none missed a digit."""
    found = misses(summary)
    if found is None or not len(found.indices):
        return None
    plot = _plot(summary, found)
    download = Download(
        file=f"data/{stem(summary)}-missed-{found.in_a_name}.csv",
        title=f"Every {found.noun} of {summary.prefix} that runs{whose(summary)} missed (CSV)",
        content=partial(_csv, found),
    )
    return Section(
        title=f"The hardest test {found.noun}s",
        nav=f"Hardest {found.noun}s",
        text=(_text(found),),
        plots=(plot,) if plot else (),
        tables=(_table(summary, found),),
        notes=_notes(found),
        downloads=(download,),
    )


def _text(found: Misses) -> str:
    n = len(found.runs)
    total = len(found.indices)
    text = (
        f"{count(total, found.noun)} of {integer(found.n_test)} in the test split "
        f"{'was' if total == 1 else 'were'} missed by at least one of {count(n, 'completed run')}, "
        "each judged by its last epoch."
    )
    if n == 1:
        return text
    everyone = int((found.n_missed == n).sum())
    most = int((2 * found.n_missed > n).sum())
    once = int((found.n_missed == 1).sum())
    part = int(found.n_missed[:most].sum())
    shared = f"No {found.noun} was" if not everyone else f"{integer(everyone)} of them were"
    shared = "1 of them was" if everyone == 1 else shared
    text += f" {shared} missed by every run, {integer(once)} by a single run."
    if not most:
        return text
    those = f"The {found.noun}" if most == 1 else f"The {integer(most)} {found.noun}s"
    return (
        f"{text} {those} that more than half of the runs missed "
        f"{'makes' if most == 1 else 'make'} up {percent(part, int(found.n_missed.sum()), 0)} of "
        "all wrong answers."
    )


def _plot(summary: Summary, found: Misses) -> Plot | None:
    """None where the suite keeps no pixels."""
    drawn = [place for place in range(len(found.indices)) if found.pixels(place)][:N_SHOWN]
    tiles = [_tile(found, place) for place in drawn]
    if not tiles:
        return None
    n = len(found.runs)
    noun = found.noun
    shown = f"The {len(tiles)} test {noun}s" if len(tiles) > 1 else f"The test {noun}"
    which = "" if drawn[-1] < N_SHOWN else "; the suite keeps only their pixels"
    labelled = bool((found.labels[drawn] >= 0).all())
    has_names = bool(found.info.class_names)
    above = "the label and the place" if labelled and not has_names else "the place"
    below = "the label, " if labelled and has_names else ""
    return Plot(
        name=f"{stem(summary)}-hardest-{found.in_a_name}",
        alt=f"{shown} of {summary.prefix} that most of {count(n, 'run')} miss: {_first(found)}.",
        caption=(
            f"{shown} of {summary.prefix} that most runs miss{which}, "
            f"n = {integer(n)}. Above each: {above} in the test split; below: {below}how many runs "
            "missed it, and as what."
        ),
        draw=partial(digits, tiles),
    )


def _tile(found: Misses, place: int) -> Digit:
    index, label = int(found.indices[place]), int(found.labels[place])
    missed = f"{integer(int(found.n_missed[place]))} of {integer(len(found.runs))}"
    has_names = bool(found.info.class_names)  # too long for the line above
    named = (_brief(found.name(label), NAME_CHARACTERS),) if has_names and label >= 0 else ()
    return Digit(
        pixels=found.pixels(place),
        title=str(label) if label >= 0 and not has_names else "",
        aside=f"#{index}",
        lines=(*named, missed, _short(found, place)),
        says=(
            f"Test {found.noun} {index}{found.told(label)}: missed by {missed} runs; "
            f"labels given: {_given(found, place)}"
        ),
        shape=found.info.known_shape,
    )


def _brief(name: str, most: int) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _short(found: Misses, place: int) -> str:
    """As many of the labels as a line holds."""
    line, answers = "", found.answers(place)
    for number, (label, n) in enumerate(answers):
        name = _brief(found.name(label), BRIEF_CHARACTERS)
        longer = f"{line}, {name} ({integer(n)})" if line else f"as {name} ({integer(n)})"
        rest = "" if number == len(answers) - 1 else " …"
        if line and len(longer + rest) > LINE_CHARACTERS:
            return f"{line} …"
        line = longer
    return line


def _given(found: Misses, place: int) -> str:
    answers = found.answers(place)
    return ", ".join(f"{found.name(label)} ({integer(n)}{TIMES})" for label, n in answers)


def _first(found: Misses) -> str:
    said = [
        f"number {int(found.indices[place])} by {int(found.n_missed[place])}"
        for place in range(min(5, len(found.indices)))
    ]
    return f"{listed(said)} runs"


def _table(summary: Summary, found: Misses) -> Table:
    n = min(N_LISTED, len(found.indices))
    all_of_them = n == len(found.indices)
    noun = found.noun
    which = f"Every missed test {noun}" if all_of_them else f"The {n} hardest test {noun}s"
    return Table(
        caption=f"{which} of {summary.prefix}, runs{whose(summary)}",
        columns=COLUMNS,
        rows=tuple(_row(found, place) for place in range(n)),
        folded=True,
    )


def _row(found: Misses, place: int) -> tuple[Cell, ...]:
    index, label = int(found.indices[place]), int(found.labels[place])
    missed, n = int(found.n_missed[place]), len(found.runs)
    return (
        Cell(str(index), sort=index),
        Cell(found.name(label) if label >= 0 else NOT_AVAILABLE),
        Cell(f"{integer(missed)} of {integer(n)}", sort=missed),
        Cell(percent(missed, n, 0), sort=missed / n),
        Cell(_given(found, place)),
    )


def _notes(found: Misses) -> tuple[str, ...]:
    unlabelled, n = int((found.labels < 0).sum()), len(found.indices)
    if not unlabelled:
        return ()
    which = (
        f"its missed {found.noun}s" if unlabelled == n else f"{integer(unlabelled)} of {integer(n)}"
    )
    return (f"The suite keeps no true labels of {which}: for these, only the answers are known.",)


def _csv(found: Misses) -> str:
    """A row an image; `given_k` counts the runs that took it for k."""
    labels = pd.Series(found.labels, dtype="Int64")
    columns = {"test_index": found.indices, "label": labels.mask(labels < 0)}
    counts = {"n_missed": found.n_missed, "n_runs": len(found.runs)}
    names = found.info.class_names
    if names:
        known = [found.name(label) if label >= 0 else None for label in found.labels.tolist()]
        columns["class"] = pd.Series(known, dtype="object")
    given = {f"given_{k}": found.given[:, k] for k in range(found.info.n_classes or 0)}
    return as_csv(pd.DataFrame({**columns, **counts, **given}))

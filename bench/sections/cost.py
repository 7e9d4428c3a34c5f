"""What a network costs: bytes in memory and on disk, and time on the machines that were tried."""

from __future__ import annotations

from bench.findings import Latency, Timing
from bench.sections import Cell, Column, PageKind, Scope, Section, Table
from bench.sections._cells import model, value, whole
from bench.sections._notes import notes
from bench.sections._summary import Summary

ORDER = 63
SCOPE: Scope = "suite"
PAGES: tuple[PageKind, ...] = ("index", "architecture", "markdown")
MEASURE = "cost"
TIMED = (
    "timed: inference in float32, evaluation mode, warm, on one CPU thread or one GPU; of that "
    "machine alone, other work on it shows in the quartiles"
)
PEAKS = {
    "tensors": "tensors alive after each operator",
    "allocator": "the device's allocator",
}


def section(summary: Summary) -> Section | None:
    """None where nothing was measured."""
    tables = [*_bytes(summary), *_timings(summary), *_peaks(summary)]
    if not tables:
        return None
    portraits = [p for p in summary.portraits if MEASURE in p.measures]
    said = notes(portraits, MEASURE) if portraits else ()
    timed = (TIMED,) if _latencies(summary) else ()
    return Section(title="Cost", tables=tuple(tables), notes=(*said, *timed))


def _bytes(summary: Summary) -> list[Table]:
    found = [(p, p.measures[MEASURE]) for p in summary.portraits if MEASURE in p.measures]
    if not found:
        return []
    fields = list(dict.fromkeys(field for _, measured in found for field in measured.fields))
    table = Table(
        caption="Memory and size, counted",
        columns=(
            Column("Model", numeric=False),
            *(Column(field.title, note=field.unit) for field in fields),
        ),
        rows=tuple(
            (model(summary, portrait), *(value(measured, field.name) for field in fields))
            for portrait, measured in found
        ),
    )
    return [table]


def _latencies(summary: Summary) -> list[Latency]:
    """Those of the sources that the portraits show, by machine and then by architecture."""
    known = {(p.architecture, p.architecture_digest) for p in summary.portraits}
    current = (
        t for t in summary.findings.latencies if (t.architecture, t.architecture_digest) in known
    )
    return sorted(current, key=lambda t: (_machine(t), t.environment.fingerprint, t.architecture))


def _machine(latency: Latency) -> str:
    return latency.environment.processor


def _timings(summary: Summary) -> list[Table]:
    rows = [(latency, timing) for latency in _latencies(summary) for timing in latency.timings]
    if not rows:
        return []
    table = Table(
        caption="Inference, timed",
        columns=(
            Column("Model", numeric=False),
            Column("Images", note="a call"),
            Column("Latency", note="ms, median"),
            Column("Quartiles", note="ms"),
            Column("Throughput", note="images a second"),
            Column("n", note="calls"),
            Column("Machine", numeric=False, filter=True),
            Column("torch", numeric=False),
        ),
        rows=tuple(_timing_row(summary, *row) for row in rows),
    )
    return [table]


def _timing_row(summary: Summary, latency: Latency, timing: Timing) -> tuple[Cell, ...]:
    quartiles = (timing.lower_quartile_seconds, timing.upper_quartile_seconds)
    return (
        _name(summary, latency),
        whole(timing.batch_size),
        Cell(_milliseconds(timing.median_seconds), sort=timing.median_seconds),
        Cell(
            " to ".join(_milliseconds(seconds) for seconds in quartiles),
            sort=timing.lower_quartile_seconds,
        ),
        whole(round(timing.images_per_second)),
        whole(timing.n_repetitions),
        Cell(_machine(latency)),
        Cell(latency.environment.torch),
    )


def _name(summary: Summary, latency: Latency) -> Cell:
    return Cell(summary.display_name(latency.architecture), series=latency.architecture)


def _milliseconds(seconds: float) -> str:
    """Three significant digits, no exponent."""
    value = 1000 * seconds
    digits = 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:,.{digits}f}"


def _peaks(summary: Summary) -> list[Table]:
    rows = _latencies(summary)
    if not rows:
        return []
    table = Table(
        caption="Peak memory of one training step, measured",
        columns=(
            Column("Model", numeric=False),
            Column("Peak", note="bytes"),
            Column("Images", note="a batch"),
            Column("Account", numeric=False),
            Column("Machine", numeric=False),
        ),
        rows=tuple(
            (
                _name(summary, latency),
                whole(latency.training_peak_bytes),
                whole(latency.training_batch_size),
                Cell(PEAKS[latency.training_peak_of]),
                Cell(_machine(latency)),
            )
            for latency in rows
        ),
    )
    return [table]

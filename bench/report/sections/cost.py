"""What a network costs: bytes in memory and on disk, and time on the machines that were tried."""

from __future__ import annotations

from collections.abc import Sequence

from bench.records.observations import Latency, Timing
from bench.report.model import Cell, Column, PageKind, Scope, Section, Table, words
from bench.report.parts.cells import figures_of, having, notes, whole
from bench.report.summary import Summary
from bench.spec import Environment
from bench.stats.format import milliseconds

ORDER = 63
SCOPE: Scope = "document"
PAGES: tuple[PageKind, ...] = ("leaderboard", "architecture", "fragment")
MEASURE = "cost"
TIMED = (
    "timed: inference in float32, evaluation mode, warm, on one CPU thread or one GPU; valid only "
    "for that machine; other work on the machine widens the quartiles"
)
PEAKS = {
    "tensors": "tensors alive after each operator",
    "allocator": "the device's allocator",
}


def section(summary: Summary) -> Section | None:
    """None where nothing was measured."""
    portraits, latencies = having(summary, MEASURE), _latencies(summary)
    tables = []
    if portraits:
        tables.append(figures_of(summary, portraits, MEASURE, "Memory and size, counted"))
    if any(latency.timings for latency in latencies):
        tables.append(_timings(summary, latencies))
    if latencies:
        tables.append(_peaks(summary, latencies))
    if not tables:
        return None
    said = notes(portraits, MEASURE) if portraits else ()
    timed = (TIMED,) if latencies else ()
    return Section(title="Cost", tables=tuple(tables), notes=(*said, *timed))


def _latencies(summary: Summary) -> list[Latency]:
    """Those of the sources that the portraits show, by machine and then by architecture."""
    known = {(p.architecture, p.architecture_digest) for p in summary.portraits}
    current = (
        t for t in summary.findings.latencies if (t.architecture, t.architecture_digest) in known
    )
    return sorted(current, key=_by_machine)


def _by_machine(latency: Latency) -> tuple[str, ...]:
    environment = latency.environment
    return environment.processor, environment.fingerprint, latency.architecture


def _machines(latencies: Sequence[Latency]) -> dict[str, str]:
    """Fingerprint -> the machine in words."""
    environments = {each.environment.fingerprint: each.environment for each in latencies}
    found = list(environments.values())
    return {each.fingerprint: _machine(each, found) for each in found}


def _machine(environment: Environment, among: Sequence[Environment]) -> str:
    """The processor; where another environment has the same, what tells this one apart, too."""
    processor, torch = environment.processor, environment.torch
    versions = [each.torch for each in among if each.processor == processor]
    if len(versions) == 1:
        return processor
    apart = f"torch {torch}" if versions.count(torch) == 1 else environment.fingerprint
    return f"{processor}, {apart}"


def _timings(summary: Summary, latencies: list[Latency]) -> Table:
    machines = _machines(latencies)
    return Table(
        caption="Inference, timed",
        columns=(
            *words("Model"),
            Column("Images", note="a call"),
            Column("Latency", note="ms, median"),
            Column("Quartiles", note="ms"),
            Column("Throughput", note="images a second"),
            Column("n", note="calls"),
            Column("Machine", numeric=False, filter=True),
            Column("torch", numeric=False),
        ),
        rows=tuple(
            _timing_row(summary, latency, timing, machines[latency.environment.fingerprint])
            for latency in latencies
            for timing in latency.timings
        ),
    )


def _timing_row(
    summary: Summary, latency: Latency, timing: Timing, machine: str
) -> tuple[Cell, ...]:
    quartiles = (timing.lower_quartile_seconds, timing.upper_quartile_seconds)
    return (
        _name(summary, latency),
        whole(timing.batch_size),
        Cell(milliseconds(timing.median_seconds), sort=timing.median_seconds),
        Cell(
            " to ".join(milliseconds(seconds) for seconds in quartiles),
            sort=timing.lower_quartile_seconds,
        ),
        whole(round(timing.images_per_second)),
        whole(timing.n_repetitions),
        Cell(machine),
        Cell(latency.environment.torch),
    )


def _name(summary: Summary, latency: Latency) -> Cell:
    return Cell(summary.display_name(latency.architecture), series=latency.architecture)


def _peaks(summary: Summary, latencies: list[Latency]) -> Table:
    machines = _machines(latencies)
    return Table(
        caption="Peak memory of one training step, measured",
        columns=(
            *words("Model"),
            Column("Peak", note="bytes"),
            Column("Images", note="a batch"),
            *words("Account", "Machine"),
        ),
        rows=tuple(
            (
                _name(summary, latency),
                whole(latency.training_peak_bytes),
                whole(latency.training_batch_size),
                Cell(PEAKS[latency.training_peak_of]),
                Cell(machines[latency.environment.fingerprint]),
            )
            for latency in latencies
        ),
    )

"""What a reader of a first try should run next: the command, where the runs at hand say little."""

from __future__ import annotations

from bench.errors import typed
from bench.records.arms import Arm
from bench.report.model import Listing
from bench.report.parts.banners import shortened
from bench.report.parts.commands import BENCH, data_folder, results_folder
from bench.report.parts.finding import subjects
from bench.report.summary import Summary
from bench.stats.declared import FEWEST_RUNS
from bench.stats.format import integer

SEEDS = 10  # runs of each network that a first sweep should have


def next_runs(summary: Summary) -> tuple[Listing, ...]:
    """The command that trains enough runs of enough epochs; nothing where these are enough."""
    arms = [row.arm for row in subjects(summary) if row.arm]
    if summary.dataset is None or not arms or any(arm.first.foreign for arm in arms):
        return ()
    reasons = [each for each in (_few(arms), _short(summary, arms)) if each]
    if not reasons:
        return ()
    words = [*BENCH, "all", "--dataset", summary.prefix, "--seeds", str(SEEDS)]
    words += [] if summary.suite == "local" else ["--suite", summary.suite]
    command = typed([*words, *results_folder(summary), *data_folder(arms[0].first)])
    return (Listing(f"What to run next: {' and '.join(reasons)}", command),)


def _few(arms: list[Arm]) -> str:
    n = min(len(arm.runs) for arm in arms)
    return f"more seeds ({integer(n)} of {integer(SEEDS)})" if n < FEWEST_RUNS else ""


def _short(summary: Summary, arms: list[Arm]) -> str:
    """Whether some trained for fewer epochs than the network's file gives."""
    lengths = sorted({shortened(summary, arm) for arm in arms} - {""})
    return f"every epoch ({', '.join(lengths)})" if lengths else ""

"""How to have the same numbers again: the commands, in their order."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date

from bench import __version__
from bench.errors import UsageError
from bench.inputs.seeds import parse_seeds
from bench.machine import is_own
from bench.records.protocol import arm_key
from bench.report.model import Listing, PageKind, Scope, Section
from bench.report.parts.cells import time_notes
from bench.report.parts.commands import can_train_again, reproduce
from bench.report.summary import Summary
from bench.spec import ENGINE_VERSION, RunRecord
from bench.stats.format import count, integer, rough_duration

ORDER = 82
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("provenance", "markdown")
FEW_COMMITS = 3
USUAL_SEEDS = "5"  # of a command without --seeds
NO_RUNS = ("--jobs", "--reports")  # options that decide nothing of a run
UNCOMMITTED = ", made with changes that were not committed"
NO_CODE = "# the records name no commit: use the version of manyseeds that made them"
TEXT = (
    "In the environment of its record, a run that is trained again has the same weights, bit for "
    "bit. Elsewhere its test count must be inside the 99.9% prediction interval of one more run. "
    "The last command trains one run in a temporary folder and compares it with its record. The "
    "page of each architecture has such a command for every run."
)
OF_COMMANDS = (
    "The bits of runs by your own command are not known. If such a run is trained again, its test "
    "count must be inside {interval}."
)
INTERVAL = "the 99.9% prediction interval of one more run"
IMPORTED = "Imported runs cannot be trained again from here."


def section(summary: Summary) -> Section:
    """A suite without runs has only the report's own command."""
    text: tuple[str, ...] = ()
    listing = Listing("This report", summary.command)
    if summary.dataset is not None:
        text = (_said(summary), *time_notes(summary.runs), *_again(summary.runs))
        listing = Listing("Commands, in this order", _steps(summary))
    return Section(title="How to rebuild it", nav="Rebuild", text=text, listings=(listing,))


def _again(runs: Sequence[RunRecord]) -> Iterator[str]:
    """What a run that is trained again must equal, of each kind of run that is there."""
    origins = {run.foreign.origin if run.foreign else "ours" for run in runs}
    if "ours" in origins:
        yield TEXT
    of_others = []
    if "command" in origins:
        interval = "that interval" if "ours" in origins else INTERVAL
        of_others.append(OF_COMMANDS.format(interval=interval))
    if "import" in origins:
        of_others.append(IMPORTED)
    if of_others:
        yield " ".join(of_others)


def _said(summary: Summary) -> str:
    runs = summary.runs
    environments = {run.environment.fingerprint for run in runs}
    known = [run.train_seconds for run in runs if run.train_seconds is not None]
    spent = rough_duration(sum(known))
    total = f"{spent} of training in all" if known else "training time not known"
    return (
        f"{count(len(runs), 'run')} of {count(len({r.architecture for r in runs}), 'architecture')}"
        f" in {count(len(environments), 'environment')}, {total}, "
        "evaluation not counted."
    )


def _steps(summary: Summary) -> str:
    """Code, runs, report, one run: what is typed, with a comment before each step."""
    example = next(
        (run for run in summary.runs if run.status != "failed" and can_train_again(run)), None
    )
    again = reproduce(summary, example) if example else "# no run can be trained again"
    n = integer(len(summary.runs))
    own = is_own("architectures") or is_own("runners")
    clone, here = (
        (", in a clone of manyseeds", ", in the folder of your own files") if own else ("",) * 2
    )
    if not any(run.environment.commit for run in summary.runs):
        clone = ""  # the program was installed
    steps = (
        (f"the code that made the runs{clone}", _checkouts(summary)),
        (f"the runs{here} ({n}; existing runs are kept)", _typed(summary)),
        ("this report", [summary.command]),
        ("one run again, compared with its record", [again]),
    )
    return "\n\n".join(
        "\n".join([f"# {number}. {words}", *lines])
        for number, (words, lines) in enumerate(steps, start=1)
    )


def _checkouts(summary: Summary) -> list[str]:
    """A line a commit, that of most runs first, of many that one alone; then what both need."""
    commits = Counter((r.environment.commit, bool(r.environment.dirty)) for r in summary.runs)
    known = [(commit, dirty, n) for (commit, dirty), n in commits.items() if commit is not None]
    known.sort(key=lambda each: (-each[2], each[0], each[1]))
    few = known if len(known) <= FEW_COMMITS else known[:1]
    lines = [
        f"git checkout {commit}  # {count(n, 'run')}{UNCOMMITTED if dirty else ''}"
        for commit, dirty, n in few
    ]
    if others := known[len(few) :]:
        n = count(sum(n for *_, n in others), "more run")
        lines.append(
            f"# {n}, of {count(len(others), 'other commit')}: a run's record names its own"
        )
    if lines:
        return [*lines, "pip install -e ."]
    engines = {run.engine_version for run in summary.runs} - {None}
    return [f"pip install manyseeds=={__version__}"] if engines <= {ENGINE_VERSION} else [NO_CODE]


def _typed(summary: Summary) -> list[str]:
    """What the records say was typed, the first first; without what another command repeats.

    The order matters: seeds that were added later are judged by another rule than declared seeds.
    """
    sweeps = summary.protocol.sweeps if summary.protocol else ()
    declared = {(each.arm, seed): at for at, each in enumerate(sweeps) for seed in each.each_seed}
    first: dict[str, tuple[date, int]] = {}
    for run in summary.runs:
        begun = (run.finished_on or date.min, declared.get((arm_key(run), run.seed), -1))
        command = run.environment.command
        first[command] = min(first.get(command, begun), begun)
    commands = sorted(first, key=lambda command: (first[command], command))
    return [line for command in _needed(commands) for line in command.splitlines()]


def _needed(commands: Sequence[str]) -> Iterator[str]:
    """The commands without those whose runs an earlier one makes, such as another --jobs."""
    known: list[tuple[tuple[str, ...], set[int]]] = []
    for command in commands:
        words, seeds = _meaning(command)
        if not any(words == other and seeds <= made for other, made in known):
            known.append((words, seeds))
            yield command


def _meaning(command: str) -> tuple[tuple[str, ...], set[int]]:
    """The options that decide the runs, in one order, and the seeds; the command where unclear."""
    try:
        before, *options = [" ".join(map(shlex.quote, each)) for each in _groups(command)]
        found = [each for each in options if each.split()[0] == "--seeds"]
        seeds = parse_seeds(found[0].split(maxsplit=1)[1] if found else USUAL_SEEDS)
    except (ValueError, IndexError, UsageError):
        return (command,), set()
    rest = (each for each in options if each.split()[0] not in NO_RUNS and each not in found)
    return (before, *sorted(rest)), set(seeds)


def _groups(command: str) -> list[list[str]]:
    """The words before the first option, then each option with its values."""
    groups: list[list[str]] = [[]]
    for word in shlex.split(command):
        if word.startswith("--"):
            groups.append([])
        groups[-1].append(word)
    return groups

"""The commands that a reader types to have the same again."""

from __future__ import annotations

import shlex

from bench.errors import typed
from bench.report.summary import Summary
from bench.spec import RunRecord

BENCH = ("python", "-m", "bench")


def reproduce(summary: Summary, run: RunRecord) -> str:
    """Trains one run again; its key is named where the seed alone means several."""
    name = f"{summary.suite}/{run.dataset.name}/{run.architecture}/seed-{run.seed:04d}"
    same = [r for r in summary.runs if (r.architecture, r.seed) == (run.architecture, run.seed)]
    if len(same) > 1:
        name += f"-{run.key[:12]}"
    return typed([*BENCH, "reproduce", name, *results_folder(summary), *data_folder(run)])


def can_train_again(run: RunRecord) -> bool:
    """Whether somebody knows how the run was made."""
    return not (run.foreign and run.foreign.origin == "import")


def export(summary: Summary, kind: str) -> str:
    """Writes the tables as files."""
    words = [*BENCH, "export", "--suite", summary.suite, "--format", kind, "--out", "DIR"]
    return typed([*words, *results_folder(summary)])


def results_folder(summary: Summary) -> list[str]:
    """The results folder, where the report's own command names one."""
    return _option("--results", summary.command)


def data_folder(run: RunRecord) -> list[str]:
    """The folder of data, where the command that trained the run names one."""
    return _option("--data-dir", run.environment.command)


def _option(name: str, command: str) -> list[str]:
    """The option as a command line has it last, `--name VALUE` or `--name=VALUE`; else nothing."""
    try:
        words = shlex.split(command)
    except ValueError:  # no command line
        return []
    values = []
    for word, following in zip(words, [*words[1:], ""], strict=True):
        option, equals, value = word.partition("=")
        if option == name:
            values.append(value if equals else following)
    return [name, values[-1]] if values and values[-1] else []

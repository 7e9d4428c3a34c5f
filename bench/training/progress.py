"""How far the runs are: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from bench.stats.format import rough_duration
from bench.training.executors import AnyJob, Event

SECONDS_BETWEEN_LINES = 30.0


class TrainingProgress:
    """Shows events as they come.

    Args:
        console: Where to show them.
        jobs: The planned runs.
    """

    def __init__(self, console: Console, jobs: Sequence[AnyJob]) -> None:
        self.console = console
        self.epochs_left = {job.spec.key: job.spec.n_epochs for job in jobs}
        self.n_epochs, self.n_runs = sum(self.epochs_left.values()), len(jobs)
        self.epochs_trained = self.runs_done = 0
        self.started = time.monotonic()
        self.last_line = self.started
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("epochs, {task.fields[left]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self.task = self.bar.add_task("training", total=self.n_epochs, left="")

    def __enter__(self) -> TrainingProgress:
        self.bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def show(self, event: Event) -> None:
        """Shows one event."""
        if event.kind == "epoch":
            self._epoch(event)
        elif event.kind != "started":
            self._finished(event)

    def _epoch(self, event: Event) -> None:
        assert event.epoch is not None
        self.epochs_trained += 1
        spec = event.job.spec
        self.epochs_left[spec.key] = spec.n_epochs - event.epoch.epoch  # a resumed run skips
        self.bar.update(self.task, completed=self.n_epochs_done, left=self.time_left())
        now = time.monotonic()
        if not self.console.is_terminal and now - self.last_line >= SECONDS_BETWEEN_LINES:
            self.last_line = now
            self.say(
                f"{_name(event)} epoch {event.epoch.epoch} of {spec.n_epochs}: "
                f"{self.n_epochs_done} of {self.n_epochs} epochs in all, {self.time_left()}"
            )

    def _finished(self, event: Event) -> None:
        self.runs_done += 1
        self.epochs_left.pop(event.job.spec.key, None)
        self.bar.update(self.task, completed=self.n_epochs_done, left=self.time_left())
        self.last_line = time.monotonic()
        reason = f": {event.reason}" if event.reason else ""
        self.say(
            f"{_name(event)} {event.kind}{reason} "
            f"({self.runs_done} of {self.n_runs} runs, {self.time_left()})"
        )

    @property
    def n_epochs_done(self) -> int:
        """Epochs that need no more work, those of earlier commands included."""
        return self.n_epochs - sum(self.epochs_left.values())

    def time_left(self) -> str:
        """How long the rest takes at the pace so far."""
        if not self.epochs_left:
            return "all done"
        if not self.epochs_trained:
            return "no estimate yet"
        seconds_per_epoch = (time.monotonic() - self.started) / self.epochs_trained
        return f"about {rough_duration(seconds_per_epoch * sum(self.epochs_left.values()))} left"

    def say(self, text: str) -> None:
        """Shows a line."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


def _name(event: Event) -> str:
    return f"{event.job.spec.architecture} seed {event.job.spec.seed}"

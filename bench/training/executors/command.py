"""Runs that commands of the user's train: each command under a process that watches it.

That process ends the command's whole group at its limit, and when this process ends, however it
ends. It imports no torch.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait

from bench.machine import GONE, begin_process
from bench.training.executors import Child, CommandJob, Event
from bench.training.executors.command_worker import GRACE_SECONDS, serve

SECONDS_TO_END = 2 * GRACE_SECONDS


@dataclass
class Watcher(Child):
    """A process that watches one run's command."""

    job: CommandJob
    group: int | None = None  # of the command's processes, once it has begun

    def close(self) -> None:
        """Asks it to end the command and itself: its pipe has ended."""
        self.pipe.close()

    def end(self) -> None:
        """Waits until it has; a process that does not end in order is killed, and its group."""
        self.process.join(SECONDS_TO_END)
        if self.process.exitcode != 0 and self.group is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.group, signal.SIGKILL)
        super().end()


class CommandExecutor:
    """Works through jobs, side by side as far as each runner's file allows."""

    def work(self, jobs: list[CommandJob]) -> Generator[Event, None, None]:
        """Yields what happens; closing the iterator ends every command."""
        waiting, watchers = deque(jobs), list[Watcher]()
        try:
            while waiting or watchers:
                while waiting and _has_room(watchers, waiting[0]):
                    watchers.append(_begin(waiting.popleft()))
                    yield Event(watchers[-1].job, "started")
                by_pipe = {watcher.pipe: watcher for watcher in watchers}
                for pipe in wait(list(by_pipe)):
                    watcher = by_pipe[pipe]  # type: ignore[index]
                    event = _receive(watcher)
                    if event is None:
                        continue
                    if event.kind != "epoch":
                        watchers.remove(watcher)
                        watcher.close()
                        watcher.end()
                    yield event
        finally:
            for watcher in watchers:
                watcher.close()
            for watcher in watchers:
                watcher.end()


def _has_room(watchers: list[Watcher], job: CommandJob) -> bool:
    """Runs of several runners share the machine as the strictest of them allows."""
    return len(watchers) < min([job.at_once, *(watcher.job.at_once for watcher in watchers)])


def _begin(job: CommandJob) -> Watcher:
    watcher = Watcher(*begin_process(serve), job)
    with suppress(*GONE):  # the next receive says so
        watcher.pipe.send(job)
    return watcher


def _receive(watcher: Watcher) -> Event | None:
    """What the process says; None where it is nothing to show."""
    job = watcher.job
    try:
        kind, content = watcher.pipe.recv()
    except GONE:
        watcher.process.join()
        reason = f"the process that watches it ended with exit code {watcher.process.exitcode}"
        return Event(job, "error", reason=reason)
    if kind == "group":
        watcher.group = content
        return None
    if kind == "epoch":
        return Event(job, "epoch", epoch=content)
    return Event(job, kind, reason=content)

"""The task that a Dask worker does: a parcel's runs, in a process of their own.

A task of Dask runs in a thread, and torch's global generator is shared by all threads; so the runs
have a process. This module imports no torch.
"""

from __future__ import annotations

import multiprocessing
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.machine import GONE
from bench.training.executors import Child
from bench.training.executors.parcels import difference

SECONDS_BETWEEN_LOOKS = 0.2
BUSY = ("executing", "long-running")  # states of a task that somebody waits for
Answer = tuple[str, Any]


def train(parcel: bytes, wanted: dict[str, object], topic: str) -> Answer:
    """Trains the parcel's runs.

    Args:
        parcel: From `parcels.packed`.
        wanted: The command's `Versions`.
        topic: Where Dask's events for the command go: (the task's key, kind, content).

    Returns:
        ("trained", the encoded outcomes), ("refused", why this worker trains nothing), ("error",
        why nothing came of the runs), ("died", the process's exit code) or ("given up", None).
    """
    problem = difference(wanted)
    if problem is not None:
        return "refused", f"{problem}: install the same version"
    if multiprocessing.current_process().daemon:
        return "refused", (
            "its process may begin no others: start the worker with "
            "DASK_DISTRIBUTED__WORKER__DAEMON=false set"
        )
    worker = import_module("distributed").get_worker()
    shelf = Path(worker.local_directory).parent  # of all workers of this host
    with TemporaryDirectory(prefix="manyseeds-", dir=worker.local_directory) as folder:
        child = Child.begin(_serve, daemon=False)  # on a GPU it begins processes of its own
        try:
            child.pipe.send((parcel, folder, str(shelf)))
            return _answer(child, worker, topic)
        except GONE:
            child.process.join()
            return "died", child.process.exitcode
        finally:
            child.end()


def _answer(child: Child, worker: Any, topic: str) -> Answer:
    """Waits for it, and passes on what comes before."""
    key = worker.get_current_task()
    while True:
        if child.pipe.poll(SECONDS_BETWEEN_LOOKS):
            kind, content = child.pipe.recv()
            if kind not in ("started", "epoch"):
                return kind, content
            worker.log_event(topic, [key, kind, content])
        elif not _is_wanted(worker, key):
            return "given up", None


def _is_wanted(worker: Any, key: str) -> bool:
    """Whether the command still waits; Dask itself never interrupts a task."""
    task = worker.state.tasks.get(key)
    closes = worker.status.name in ("closing", "closed", "failed")
    return task is not None and task.state in BUSY and not closes


def _serve(pipe: Connection) -> None:
    from bench.training.executors.parcel_worker import serve  # torch is imported here

    serve(pipe)

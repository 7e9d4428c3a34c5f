"""Trials of networks on a device, in processes of their own; what they find is kept.

A trial leaves this process without a context on the device and without memory there.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import msgspec
import torch

from bench.errors import StoreError, TrainingError, in_one_line
from bench.inputs import image_data
from bench.inputs.discover import Found
from bench.machine import GONE, PACKAGE, begin_process, write_atomically
from bench.spec import Architecture, canonical_json
from bench.training.engine.gpu.capturing import Trial, Undecided, attempt
from bench.training.engine.settings import make_current
from bench.training.engine.untouched import load
from bench.training.provenance import fingerprint

ENGINE = PACKAGE / "training" / "engine"

_known: dict[Path, Trial] = {}  # in this process, by the file that keeps it


def trials(architectures: Sequence[Architecture], device: torch.device) -> list[Trial]:
    """What the trial of each finds on the device; one that was tried before is not tried again.

    Args:
        architectures: With the recipes of their files.
        device: Where they will be trained.

    Raises:
        TrainingError: a trial found the device full, busy or broken, or was killed. The answer
            decides the runs' key, so none is given.
    """
    trier = _Trier(device)
    try:
        return [_trial(each, trier) for each in architectures]
    finally:
        trier.end()


def _trial(architecture: Architecture, trier: _Trier) -> Trial:
    file = _file(architecture, trier.device)
    if trial := _known.get(file) or _read(file):
        return trial
    trial = _known[file] = trier.tried(architecture)
    # Any other error may be the device's, however it is told: the next command asks again.
    if trial.succeeded or trial.nondeterministic or "captur" in (trial.refusal or ""):
        with suppress(StoreError):  # a cache that cannot be written costs the next command time
            write_atomically(file, canonical_json(trial))
    return trial


class _Trier:
    """A process that tries network after network; after one that went wrong a new process follows.

    Args:
        device: Where they are tried.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._child: tuple[BaseProcess, Connection] | None = None

    def tried(self, architecture: Architecture) -> Trial:
        """What the architecture's trial found.

        Raises:
            TrainingError: it found nothing of the architecture.
        """
        self._child = self._child or begin_process(_try, str(self.device))
        process, pipe = self._child
        half = ""
        try:
            pipe.send(Found(architecture.name, architecture.group, architecture.path))
            while isinstance(told := pipe.recv(), str):
                half = told
        except GONE:
            process.join()
            told = _of_a_death(process.exitcode or 0, half)
        if isinstance(told, Trial) and told.succeeded:
            return told
        self.end()
        if isinstance(told, Trial):
            return told
        raise TrainingError(
            f"cannot tell whether '{architecture.name}' can be captured on {self.device}: {told}",
            where=str(architecture.path),
            remedy="run the command again when the device is free; if it stays, use --device cpu",
        )

    def end(self) -> None:
        """Ends the process, if there is one."""
        if self._child:
            process, pipe = self._child
            process.terminate()
            process.join()
            pipe.close()
        self._child = None


def _of_a_death(exit_code: int, half: str) -> Trial | Undecided:
    """What it means that the process ended in that half."""
    reason = f"its trial ended with exit code {exit_code}"
    if exit_code < 0 or not half:  # killed, or it did not come as far as the network
        return Undecided(reason)
    return Trial(refusal=reason) if half == "captured" else Trial(plain_error=reason)


def _try(pipe: Connection, device_name: str) -> None:
    """The process's life: a file in, the halves that begin and what was found out."""
    device = torch.device(device_name)
    with suppress(*GONE):
        while True:
            found = pipe.recv()
            try:
                _require_answer(device)
                told: Trial | Undecided = attempt(load(found), device, pipe.send)
            except Undecided as error:
                told = error
            except Exception as error:
                told = Undecided(in_one_line(error))
            pipe.send(told)


def _require_answer(device: torch.device) -> None:
    """Asks the device for a number; whatever goes wrong is the device's fault.

    Memory that earlier trials left is given back.
    """
    make_current(device)
    if device.type == "cuda":
        gc.collect()
        torch.cuda.empty_cache()
    torch.ones(8, device=device).sum().item()


def _file(architecture: Architecture, device: torch.device) -> Path:
    """Where the trial is kept: by the network, the engine, torch, the GPU and its driver."""
    parts = [architecture.digest, fingerprint(device), device.type, _engine_digest()]
    name = hashlib.sha256(" ".join(parts).encode()).hexdigest()
    return image_data.cache() / "trials" / f"{name}.json"


@cache
def _engine_digest() -> str:
    """Of the engine's source: an engine that learnt to capture a network tries it again."""
    digest = hashlib.sha256()
    for path in sorted(ENGINE.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _read(file: Path) -> Trial | None:
    """The trial that the file keeps; None where there is none, or nothing that can be read."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Trial)
    except (OSError, msgspec.DecodeError):
        return None

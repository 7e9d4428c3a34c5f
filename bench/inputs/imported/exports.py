"""Folders that experiment trackers write: MLflow's `mlruns` and TensorBoard's event files."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.inputs.imported.tables import Row, bad
from bench.machine import MOST_TEXT_BYTES, read_plain

META = "meta.yaml"
EVENTS = "events.out.tfevents.*"
# MLflow's statuses, by number in its files and by word.
MLFLOW_STATUS = {"1": "RUNNING", "2": "SCHEDULED", "3": "FINISHED", "4": "FAILED", "5": "KILLED"}


def read_folder(path: Path) -> list[Row]:
    """The rows of a tracker's folder.

    Raises:
        UsageError: it is of no tracker that is known, or the tracker's package is not installed.
    """
    if any(path.rglob(EVENTS)):
        return list(_tensorboard(path))
    runs = sorted(each.parent for each in path.rglob(META) if (each.parent / "metrics").is_dir())
    if runs:
        kept = (run for run in runs if not _is_deleted(path, run))
        return [row for run in kept for row in _mlflow(run)]
    remedy = "give MLflow's folder mlruns, a folder with TensorBoard's event files, or a file"
    raise bad(path, "there are no results of MLflow or TensorBoard in the folder", remedy)


def _mlflow(run: Path) -> Iterator[Row]:
    """A row a step: the run's parameters, and what was logged at that step.

    Source: mlflow/store/tracking/file_store.py: a metric's file has a line `timestamp value step`
    a call, a parameter's file is its value.
    """
    meta = _meta(run / META)
    status = meta.get("status", "")
    common: dict[str, Any] = dict(_files(run / "params"))
    common |= {"run": meta.get("run_name", run.name)}
    common |= {"status": MLFLOW_STATUS.get(status, status)}
    steps: dict[str, dict[str, Any]] = {}
    for name, text in _files(run / "metrics"):
        for line in text.splitlines():
            words = line.split()
            if len(words) < 2:
                raise bad(run / "metrics" / name, f"'{line}' is no value", "log it again")
            step = words[2] if len(words) > 2 else "0"
            if not step.isdecimal():
                raise bad(
                    run / "metrics" / name, f"step '{step}' is no whole number", "log it again"
                )
            row = steps.setdefault(step, {})
            if name in row:
                what = f"run '{common['run']}' has {name} twice at step {step}"
                raise bad(run / "metrics" / name, what, "log it once an epoch, with step=epoch")
            row[name] = words[1]
    if not steps:
        yield Row(f"run {common['run']}", common)
    for step in sorted(steps, key=int):
        yield Row(f"run {common['run']}, step {step}", {"epoch": step, **common, **steps[step]})


def _is_deleted(path: Path, run: Path) -> bool:
    """Whether the run, or its experiment, was deleted in MLflow."""
    if ".trash" in run.relative_to(path).parts:
        return True
    return _meta(run / META).get("lifecycle_stage") == "deleted"


def _meta(path: Path) -> dict[str, str]:
    """The plain values of MLflow's YAML, which has a line each."""
    found = {}
    for line in _text(path).splitlines():
        name, sign, value = line.partition(":")
        if sign and not line.startswith((" ", "-")):
            found[name.strip()] = value.strip().strip("'\"")
    return found


def _text(path: Path) -> str:
    try:
        return read_plain(path, MOST_TEXT_BYTES).decode("utf-8", errors="replace")
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
        raise bad(path, what, "make it readable, or take it out") from error


def _files(folder: Path) -> Iterator[tuple[str, str]]:
    """Path below the folder -> text; a metric named `test/acc` lies in a folder `test`."""
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if path.is_file() and not path.name.startswith("."):
            name = path.relative_to(folder).as_posix()
            yield name, _text(path).strip()


def _tensorboard(path: Path) -> Iterator[Row]:
    """A row a step of each folder that holds event files; the folder is the run's name."""
    try:
        accumulator: Any = importlib.import_module(
            "tensorboard.backend.event_processing.event_accumulator"
        )
        tensors: Any = importlib.import_module("tensorboard.util.tensor_util")
    except ImportError as error:
        remedy = "pip install 'manyseeds[tensorboard]'; or download its scalars as CSV"
        raise bad(path, "event files need the package tensorboard", remedy) from error
    for folder in sorted({each.parent for each in path.rglob(EVENTS)}):
        run = path.name if folder == path else folder.relative_to(path).as_posix()
        kinds = {accumulator.SCALARS: 0, accumulator.TENSORS: 0}  # 0: keep every event
        events = accumulator.EventAccumulator(str(folder), size_guidance=kinds)
        events.Reload()
        steps: dict[int, dict[str, Any]] = {}
        found = [
            (tag, e.step, e.value) for tag in events.Tags()["scalars"] for e in events.Scalars(tag)
        ]
        for tag in events.Tags()["tensors"]:
            arrays = ((e.step, tensors.make_ndarray(e.tensor_proto)) for e in events.Tensors(tag))
            found += [(tag, step, array.item()) for step, array in arrays if array.size == 1]
        for tag, step, value in found:
            row = steps.setdefault(step, {})
            if tag in row:
                what = f"run '{run}' has {tag} twice at step {step}"
                raise bad(folder, what, "give only the folder of a run's first log")
            row[tag] = value
        for step, row in sorted(steps.items()):
            yield Row(f"run {run}, step {step}", {"run": run, "epoch": step, **row})

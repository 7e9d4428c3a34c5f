"""Stages that fill a suite's findings: timings on this hardware, and effective receptive fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from bench.errors import DataError, MeasureError, StoreError, UsageError
from bench.inputs import datasets
from bench.inputs.datasets import Dataset
from bench.measuring import effective_field, latency
from bench.records import arms
from bench.records.arms import Arm
from bench.records.observations import EffectiveField, Latency
from bench.records.store import Suite
from bench.spec import Architecture, DatasetInfo, Environment
from bench.training.selection import Selection


def time_all(
    selection: Selection, environment: Environment, suite: Suite
) -> tuple[list[Latency], list[str]]:
    """Times every usable architecture on the environment's device and keeps the timings.

    Returns:
        The timings; and a line for each architecture that could not run there.
    """
    timings: list[Latency] = []
    failed: list[str] = []
    for _, architecture in selection.usable:
        try:
            timings.append(latency.measure(architecture, environment))
        except Exception as error:  # an architecture may raise anything; the others are timed
            text = " ".join(str(error).split())[:200]
            failed.append(f"'{architecture.name}' was not timed: {type(error).__name__}: {text}")
    for each in timings:
        suite.add_latency(each)
    return timings, failed


def see(selection: Selection, dataset: Dataset, suite: Suite) -> list[str]:
    """Measures and keeps the effective receptive field of every arm on the data set.

    The kept field of an arm stays where the weights at hand add no run to it: a second call costs
    nothing, and a checkout with the weights of one run keeps the mean of all runs.

    Returns:
        A line with the reason for each arm whose field could not be measured.
    """
    fields = suite.findings().fields
    reasons = []
    for arm, architecture in _arms(selection, dataset.info, suite):
        try:
            weights = _weights(arm, suite)
            before = _field_of(arm, fields)
            kept = {run.key for run in before.runs} if before else set()
            if len(weights) < len(kept) or weights.keys() <= kept:
                continue
            here = Arm(arm.suite, tuple(run for run in arm.runs if run.key in weights))
            contents = [weights[run.key] for run in here.runs]
            found = effective_field.measure(architecture, here, contents, dataset)
            suite.add_field(replace(found, arm=before.arm) if before else found)
        except (MeasureError, StoreError) as error:
            reasons.append(f"no effective receptive field of '{arm.architecture}': {error}")
    return reasons


def _field_of(arm: Arm, fields: Sequence[EffectiveField]) -> EffectiveField | None:
    """The kept field with runs of the arm, the largest first; None where there is no such field.

    Runs are compared, not `arm.identity`, which older files have over other fields. A new field
    keeps the old digest, and so replaces the old file.
    """
    keys = {run.key for run in arm.runs}
    own = [field for field in fields if any(run.key in keys for run in field.runs)]
    return max(own, key=lambda field: len(field.runs), default=None)


def _arms(selection: Selection, info: DatasetInfo, suite: Suite) -> list[tuple[Arm, Architecture]]:
    """The arms of completed runs on the data set, each with its architecture at hand."""
    at_hand = {(each.name, each.digest): each for _, each in selection.usable}
    runs = [
        run
        for run in suite.runs()
        if run.completed
        and run.dataset == info
        and (run.architecture, run.architecture_digest) in at_hand
    ]
    return [
        (arm, at_hand[arm.architecture, arm.runs[0].architecture_digest])
        for arm in arms.arms(suite.name, runs, "validation")
    ]


def _weights(arm: Arm, suite: Suite) -> Mapping[str, bytes]:
    """Key -> safetensors, for the arm's runs with weights."""
    found = {run.key: suite.weights(run) for run in arm.runs}
    return {key: weights for key, weights in found.items() if weights is not None}


def datasets_at_hand(suite: Suite, data_dir: Path | None) -> tuple[list[Dataset], list[str]]:
    """The data sets of the suite's runs that are on this machine; and the names of the others."""
    loaded: list[Dataset] = []
    missing: list[str] = []
    for name in sorted({run.dataset.name for run in suite.runs()}):
        try:
            there = datasets.locate(name, data_dir) is not None
            loaded += [datasets.load(name, data_dir)] if there else []
            missing += [] if there else [name]
        except (DataError, UsageError):  # damaged, or a data set that this version does not know
            missing.append(name)
    return loaded, missing

"""Stages that fill a suite's findings: timings on this hardware, and what trained weights see."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.errors import DataError, MeasureError, StoreError, UsageError
from bench.inputs import datasets
from bench.inputs.datasets import Dataset
from bench.measuring import effective_field, latency
from bench.records import arms
from bench.records.arms import Arm
from bench.records.observations import Latency
from bench.records.store import Suite
from bench.spec import Architecture, DatasetInfo, Environment
from bench.training.selection import Selection


def time_all(
    selection: Selection, environment: Environment, suite: Suite
) -> tuple[list[Latency], list[str]]:
    """Times every usable architecture on the environment's device and keeps the results.

    Returns:
        The timings; and a line for each architecture that could not be run there.
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
    """Keeps the effective receptive field of every arm of runs on the data set.

    An arm whose runs with weights are all in what is kept stays as it is: a second call costs
    nothing, and a checkout that holds one run's weights keeps the mean of all.

    Returns:
        A line for each arm that has none, with the reason.
    """
    kept = {(each.dataset, each.arm): len(each.runs) for each in suite.findings().fields}
    covered = {run.key for each in suite.findings().fields for run in each.runs}
    reasons = []
    for arm, architecture in _arms(selection, dataset.info, suite):
        try:
            weights = _weights(arm, suite)
            fewer = len(weights) < kept.get((arm.dataset.name, arm.identity), 0)
            if fewer or weights.keys() <= covered:
                continue
            here = Arm(arm.suite, tuple(run for run in arm.runs if run.key in weights))
            contents = [weights[run.key] for run in here.runs]
            suite.add_field(effective_field.measure(architecture, here, contents, dataset))
        except (MeasureError, StoreError) as error:
            reasons.append(f"no effective receptive field of '{arm.architecture}': {error}")
    return reasons


def _arms(selection: Selection, info: DatasetInfo, suite: Suite) -> list[tuple[Arm, Architecture]]:
    """Arms of completed runs on the data set whose architecture is the one at hand."""
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
    """Key -> safetensors of the arm's runs that have them."""
    found = {run.key: suite.weights(run) for run in arm.runs}
    return {key: weights for key, weights in found.items() if weights is not None}


def datasets_at_hand(suite: Suite, data_dir: Path | None) -> tuple[list[Dataset], list[str]]:
    """The data sets of the suite's runs that lie here; and the names of the others."""
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

"""Captures networks on the hollow CUDA, and tells what each asks of a GPU, a JSON line a network.

    python -m tests.hollow_cuda.networks NAME ...

It ends after the first network that is refused: a capture that failed may have left torch unusable.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import numpy as np
import torch
from msgspec.structs import replace

from bench.inputs import discover
from bench.inputs.datasets import Dataset, Split
from bench.spec import Architecture, DatasetInfo
from bench.training import provenance
from bench.training.engine.data import prepare
from bench.training.engine.gpu.capturing import attempt
from bench.training.engine.gpu.turns import STEPS_A_TURN, train_in_turns
from bench.training.engine.settings import numerics_of
from bench.training.engine.train import start
from bench.training.plan import Matrix, run_spec
from tests.hollow_cuda import inside
from tests.support import ROOT

GPU = torch.device("cuda")
N_LEFT_OVER = 3  # images in an epoch's last, short step
N_SCORED = 300  # images of each split that is evaluated, fewer than fit in a batch


def noise(n_train: int) -> Dataset:
    """Images and labels that say nothing."""
    draw = np.random.default_rng(0)
    sizes = {"n_train": n_train, "n_validation": N_SCORED, "n_test": N_SCORED}
    images = [draw.integers(256, size=(n, 28, 28), dtype=np.uint8) for n in sizes.values()]
    splits = [Split(each, draw.integers(10, size=len(each))) for each in images]
    return Dataset(DatasetInfo(name="noise", digest="", **sizes, split_seed=0), *splits)


def told_of(architecture: Architecture) -> dict[str, Any]:
    """What a network's capture came to.

    Returns:
        `refused`, a reason; or `step` and `evaluation`, the operations that one full training step
        and one evaluation of both splits ask of the device. And `violations`, the broken rules.
    """
    told: dict[str, Any] = {"name": architecture.name}
    before = len(inside.violations())
    trial = attempt(architecture, GPU)
    if trial.succeeded:
        told |= operations(architecture)
    else:
        told["refused"] = trial.refusal or trial.nondeterministic or trial.plain_error
    return told | {"violations": inside.violations()[before:]}


def operations(architecture: Architecture) -> dict[str, int]:
    """Trains an epoch and counts."""
    # Two turns of full steps; in the first the epoch's images are laid out as well.
    dataset = noise(2 * STEPS_A_TURN * architecture.recipe.batch_size + N_LEFT_OVER)
    environment = provenance.environment(GPU, "tests")
    paths = {architecture.name: "graph"}
    spec = run_spec(architecture, 0, Matrix([], [], dataset.info, environment, paths=paths))
    spec = replace(spec, recipe=spec.recipe.with_epochs(1))
    with numerics_of(spec.numerics, GPU):
        data = prepare(dataset, spec, GPU)
        turns = train_in_turns(start(architecture, spec, GPU), data, spec)
        assert next(turns) == "trained"
        before = inside.n_launched()
        assert next(turns) == "trained"
        step, rest = divmod(inside.n_launched() - before, STEPS_A_TURN)
        assert rest == 0, "the steps of one turn differ"
        for _ in turns:
            pass
    return {"step": step, "evaluation": len(inside.last_graph())}


def main(names: list[str]) -> None:
    """Tells of each network, until one is refused."""
    for found in discover.select(discover.scan_all(ROOT / "architectures"), names):
        told = told_of(discover.load(found))
        print(json.dumps(told), flush=True)
        if "refused" in told:
            os._exit(0)  # to end in order would ask torch


if __name__ == "__main__":
    main(sys.argv[1:])

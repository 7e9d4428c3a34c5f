"""How long an epoch of a run will take here, from a few measured steps."""

from __future__ import annotations

import torch
from msgspec.structs import replace

from bench.inputs.datasets import Dataset, Split
from bench.spec import Architecture, RunSpec
from bench.training.engine.data import prepare
from bench.training.engine.gpu import trials
from bench.training.engine.settings import numerics_of
from bench.training.engine.train import epochs_left, run_epoch, start, steps_per_epoch

N_STEPS = 6


def seconds_per_epoch(
    architecture: Architecture, spec: RunSpec, dataset: Dataset, device: torch.device
) -> float:
    """Seconds that one training epoch will take alone on this machine, from a few steps.

    On a GPU they are those of the architecture's trial, so this process opens no context there.

    Returns:
        0 where the network cannot train: its first run ends with the same error and records it.
    """
    if device.type == "cuda":
        (trial,) = trials([architecture], device)
        return trial.seconds_per_step * steps_per_epoch(spec.recipe, spec.n_train)
    n_images = min(N_STEPS * spec.recipe.batch_size, spec.n_train)
    few = Split(dataset.train.images[:n_images], dataset.train.labels[:n_images])
    short = replace(
        spec,
        recipe=replace(spec.recipe.with_epochs(2), unaugmented_epochs=0),
        dataset=replace(spec.dataset, n_train=n_images),
        evaluate_test=False,
    )
    tiny = Dataset(info=short.dataset, train=few, validation=few, test=few)
    try:
        with numerics_of(spec.numerics, device):
            state, data = start(architecture, short, device), prepare(tiny, short, device)
            for epoch in epochs_left(state, short):
                state.epochs.append(run_epoch(state, data, short, epoch))
    except Exception:  # whatever the network raises
        return 0.0
    # The first epoch warms up; the second is the measurement.
    seconds = state.epochs[-1].train_seconds or 0.0
    seconds_per_step = seconds / steps_per_epoch(short.recipe, n_images)
    return seconds_per_step * steps_per_epoch(spec.recipe, spec.n_train)

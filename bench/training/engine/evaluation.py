"""Scores of one split: mean loss and the exact count of correct answers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.spec import Numerics
from bench.training.engine.data import DeviceSplit, network_input

# Images a batch; it decides no bits of the weights. Few fit a processor's cache; many save a GPU
# launches. Every evaluation on one kind of device takes the same, so that its counts agree.
BATCH = {"cpu": 250, "cuda": 2000}


@dataclass(frozen=True)
class Evaluation:
    """How well a network did on one split."""

    loss: float  # mean over images
    correct: int


@dataclass(frozen=True)
class Scores:
    """The same, still on the device, with every answer."""

    loss: Tensor  # ()
    correct: Tensor  # () int64
    labels_given: Tensor  # (n,) int64


def evaluate(
    network: nn.Module, split: DeviceSplit, grey_levels: Tensor, numerics: Numerics
) -> Evaluation:
    """Scores a split with the network in evaluation mode, without augmentation."""
    scores = score(network, split, grey_levels, numerics)
    return Evaluation(float(scores.loss), int(scores.correct))


@torch.no_grad()  # not inference_mode: what a network keeps of an evaluation may be trained with
def score(
    network: nn.Module, split: DeviceSplit, grey_levels: Tensor, numerics: Numerics
) -> Scores:
    """What `evaluate` reads, without waiting for the device.

    The loss is the plain cross-entropy, so recipes that smooth their labels compare with others.
    """
    network.eval()
    outputs = torch.cat(
        [
            network(network_input(images, grey_levels, numerics))
            for images in split.images.split(BATCH[numerics.device_type])
        ]
    )  # (n, classes)
    given = outputs.argmax(dim=1)
    loss = functional.cross_entropy(outputs, split.labels)
    return Scores(loss, (given == split.labels).sum(), given)

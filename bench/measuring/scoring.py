"""Given weights scored on a split: which images the network answers rightly, and which not."""

from __future__ import annotations

import math

import torch
from torch import nn

from bench.errors import ArchitectureError, BenchError, UsageError, WeightsError, in_one_line
from bench.inputs.datasets import Dataset, Split
from bench.machine import today
from bench.measuring import given_weights
from bench.measuring.given_weights import GivenWeights
from bench.records.arms import Split as SplitName
from bench.records.observations import ScoredWeights
from bench.spec import Architecture, Environment, Numerics
from bench.training.engine.data import NORMALISATION, grey_levels, of_channels, on_device
from bench.training.engine.evaluation import Scores, score
from bench.training.engine.host_indices import Indexed
from bench.training.engine.network import initialised, weights_sha256
from bench.training.engine.settings import make_current, numerics_of


def scored(
    architecture: Architecture,
    weights: GivenWeights,
    dataset: Dataset,
    split: SplitName,
    environment: Environment,
) -> ScoredWeights:
    """How the weights do: the network as it is written, in evaluation mode, float32.

    Args:
        architecture: It takes the data set's images; its recipe normalises them.
        weights: Of this architecture.
        dataset: The data set.
        split: The part of it that is scored.
        environment: Of the device that scores.

    Raises:
        WeightsError: the weights do not fit, or their answers are no numbers.
        UsageError: the data set has no such images.
        TrainingError: the recipe normalises another number of channels.
    """
    images: Split = getattr(dataset, split)
    if not len(images):
        what, remedy = f"'{dataset.info.name}' has no {split} images", "give the other --split"
        raise UsageError(what, where="--split", remedy=remedy)
    device = torch.device(environment.device)
    numerics = _numerics(device)
    make_current(device)
    with numerics_of(numerics, device):
        network = initialised(architecture, 0)
        given_weights.put_into(network, weights)
        sha256 = weights_sha256(network)
        answers = _answers(architecture, network.to(device), images, numerics)
        given = answers.labels_given.tolist()
    if math.isnan(float(answers.loss)):
        what = "with these weights the network's answers are no numbers"
        raise WeightsError(what, where=str(weights.path), remedy="give weights that are finite")
    misses = _misses(images.labels.tolist(), given)
    mean, std = (
        of_channels(architecture.recipe, field, architecture.input_shape[0])
        for field in NORMALISATION
    )
    return ScoredWeights(
        architecture=architecture.name,
        architecture_digest=architecture.digest,
        dataset=dataset.info,
        split=split,
        file=weights.path.name,
        file_sha256=weights.sha256,
        weights_sha256=sha256,
        pixel_mean=mean,
        pixel_std=std,
        numerics=numerics,
        environment=environment,
        n_images=len(images),
        correct=len(images) - len(misses),
        misses=misses,
        scored_on=today(),
    )


def _numerics(device: torch.device) -> Numerics:
    """Contiguous, for torch's BatchNorm is then nearest to exact arithmetic on a CPU."""
    on_gpu = device.type == "cuda"
    return Numerics(memory_format="contiguous_format", device_type="cuda" if on_gpu else "cpu")


def _answers(
    architecture: Architecture,
    network: nn.Module,
    split: Split,
    numerics: Numerics,
) -> Scores:
    """The network's answers to the images of the split, on the device that it lies on.

    Raises:
        ArchitectureError: the network raises an error.
    """
    device = torch.device(numerics.device_type)
    levels = grey_levels(architecture.recipe, architecture.input_shape[0]).to(device)
    computing = Indexed(network, device) if device.type == "cuda" else network
    try:
        return score(computing, on_device(split, device), levels, numerics)
    except BenchError:
        raise
    except Exception as error:  # the network may raise anything
        what = f"'{architecture.name}' cannot answer the images: {in_one_line(error)}"
        where = str(architecture.path)
        raise ArchitectureError(what, where=where, remedy="mend its forward") from error


def _misses(labels: list[int], given: list[int]) -> list[tuple[int, int, int]]:
    """(index, label, label given) of the wrong answers, by index."""
    answers = enumerate(zip(labels, given, strict=True))
    return [(index, label, answer) for index, (label, answer) in answers if label != answer]

"""Effective receptive field: how strongly the centre of the last map reacts to each pixel.

Convention: for each image the gradient, with respect to the input's pixels, of the sum over
channels of one unit: the centre of the last convolution's own map (before a norm or activation
that follows, before global pooling). Its magnitude, averaged over images and scaled to add up to
1, is one run's map; the runs of an arm are averaged with equal weight. Evaluation mode, float64,
so that six digits are the same on other processors. The analytic box holds the pixels that the
unit can see along the local path, by the receptive-field measure; gates may carry mass beyond it.
Source: Luo, Li, Urtasun, Zemel, "Understanding the Effective Receptive Field in Deep Convolutional
Neural Networks", 2016, arXiv 1701.04128, equation (1) and section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from bench.errors import MeasureError, StoreError
from bench.inputs.datasets import Dataset, Split
from bench.measuring import subject
from bench.measuring.measures import receptive_field
from bench.records.arms import Arm
from bench.records.observations import THRESHOLD, EffectiveField, FieldOfRun
from bench.spec import Architecture, RunRecord, Shape
from bench.training.engine.data import NORMALISATION, of_channels
from bench.training.engine.network import initialised, named_tensors, weights_sha256
from bench.training.engine.settings import generators_kept

N_IMAGES = 256
BATCH = 64  # images at once: float64 maps are large
Map = NDArray[np.float64]  # (height, width) of the image
Box = tuple[int, int, int, int]  # top, left, bottom, right, inclusive


@dataclass(frozen=True)
class Unit:
    """The unit whose gradients are taken."""

    layer: str  # dotted name
    call: int  # which call of the layer, from 1
    map_shape: tuple[int, int]
    box: Box | None

    @property
    def position(self) -> tuple[int, int]:
        """The centre; of an even side the right or lower of the two in the middle."""
        height, width = self.map_shape
        return height // 2, width // 2


def measure(
    architecture: Architecture, arm: Arm, weights: Sequence[bytes], dataset: Dataset
) -> EffectiveField:
    """The average field of the arm's runs, and the extent of each run's field.

    Args:
        architecture: The one that the runs have trained.
        arm: Completed runs, each with weights.
        weights: The safetensors of each run, in the arm's order.
        dataset: The runs' data set; the first `N_IMAGES` validation images are used, or training
            images where it has none for validation.

    Raises:
        MeasureError: the network has no convolution whose map has a centre.
        StoreError: the weights are not those of the record.
    """
    unit = central_unit(_built(architecture), architecture.input_shape)
    looked_at = dataset.validation if len(dataset.validation) else dataset.train
    maps = [
        _map(architecture, run, content, unit, looked_at)
        for run, content in zip(arm.runs, weights, strict=True)
    ]
    mean = np.mean(maps, axis=0)
    return EffectiveField(
        architecture=architecture.name,
        architecture_digest=architecture.digest,
        dataset=arm.dataset.name,
        arm=arm.identity,
        layer=unit.layer,
        map_shape=unit.map_shape,
        position=unit.position,
        box=unit.box,
        n_images=min(N_IMAGES, len(looked_at)),
        runs=[_extent(run, each, unit) for run, each in zip(arm.runs, maps, strict=True)],
        gradient=[[_rounded(value) for value in row] for row in mean],
    )


def _built(architecture: Architecture) -> nn.Module:
    with generators_kept(torch.device("cpu")):
        return initialised(architecture, seed=0)


def central_unit(network: nn.Module, input_shape: Shape) -> Unit:
    """The centre of the last convolution's map, and the analytic box that it sees.

    Args:
        network: It takes images of that shape.
        input_shape: (channels, height, width).

    Raises:
        MeasureError: no convolution gives a map of more than one position.
    """
    image = torch.zeros(1, *input_shape)
    modules = dict(network.named_modules(remove_duplicate=False))
    maps = [
        call
        for call in subject.calls(network, image)
        if isinstance(modules[call.layer], nn.Conv2d | nn.ConvTranspose2d)
        and call.output_shape is not None
        and max(call.output_shape[-2:]) > 1
    ]
    if not maps:
        raise MeasureError(
            "no convolution has a map of more than one position",
            where=type(network).__name__,
            remedy="an effective receptive field needs a map with a centre",
        )
    last = maps[-1]
    assert last.output_shape is not None
    height, width = last.output_shape[-2:]
    unit = Unit(last.layer, sum(c.layer == last.layer for c in maps), (height, width), None)
    return replace(unit, box=_box(network, image, last.name, unit.position))


def _box(network: nn.Module, image: Tensor, row: str, position: tuple[int, int]) -> Box | None:
    """The pixels that the unit can see along the local path; None where the rules do not say."""
    try:
        axes = receptive_field.walked(network, image).views.get(row, ())
    except MeasureError:
        return None
    places = [axis.dim for axis in axes]
    sides = [None if place is None else at - len(axes) for at, place in enumerate(places)]
    if places != sides or not any(places):
        return None  # all is seen already, or rows and columns do not lie along the map's sides
    down, across = (axis.phase(at) for axis, at in zip(axes, position, strict=True))
    return None if down is None or across is None else (down[0], across[0], down[1], across[1])


def _map(
    architecture: Architecture, run: RunRecord, weights: bytes, unit: Unit, split: Split
) -> Map:
    """One run's magnitudes, (height, width), adding up to 1."""
    network = with_weights(_built(architecture), weights, run)
    levels = torch.from_numpy(split.images[:N_IMAGES]).double()
    pixels = (levels if levels.dim() == 4 else levels.unsqueeze(1)) / 255
    assert run.recipe is not None  # the run has weights, so it is ours
    mean, std = (
        torch.tensor(of_channels(run.recipe, field, pixels.shape[1]), dtype=torch.float64)
        for field in NORMALISATION
    )
    images = (pixels - mean[:, None, None]) / std[:, None, None]  # (n, channels, height, width)
    return magnitudes(network, images, unit)


def with_weights(network: nn.Module, weights: bytes, run: RunRecord) -> nn.Module:
    """The network with the run's recorded weights.

    Raises:
        StoreError: the weights cannot be read, or are not those of the record.
    """
    where = f"{run.architecture}, seed {run.seed}, {run.key[:12]}"
    remedy = "restore the .safetensors beside the record, or train the run again elsewhere"
    try:
        values = load(weights)
        with torch.no_grad():
            for name, tensor in named_tensors(network):
                tensor.copy_(values[name])
    except (SafetensorError, KeyError, RuntimeError) as error:
        raise StoreError(f"unusable weights: {error}", where=where, remedy=remedy) from error
    if weights_sha256(network) != run.weights_sha256:
        raise StoreError("weights that are not the record's", where=where, remedy=remedy)
    return network


def magnitudes(network: nn.Module, images: Tensor, unit: Unit) -> Map:
    """Mean over images of |d unit / d pixel|, scaled to add up to 1.

    Args:
        network: It stays in float64 afterwards; its training flags come back.
        images: (n, channels, height, width) float64.
        unit: A unit of the network.

    Raises:
        MeasureError: the unit reacts to no pixel.
    """
    network = network.double()
    total = torch.zeros(images.shape[-2:], dtype=torch.float64)
    caught: list[Tensor] = []
    layer = network.get_submodule(unit.layer)
    # The copy keeps its value where an activation in place follows.
    hook: Any = layer.register_forward_hook(lambda _module, _in, out: caught.append(out.clone()))
    with hook, subject.at_rest(network, images), torch.enable_grad():
        for batch in images.split(BATCH):
            total += _summed(network, batch, unit, caught)
    mass = float(total.sum())
    if not mass > 0:
        raise MeasureError(
            "the gradient is 0 everywhere", where=f"layer '{unit.layer}'", remedy="train it longer"
        )
    return np.asarray(total / mass, dtype=np.float64)


def _summed(network: nn.Module, batch: Tensor, unit: Unit, caught: list[Tensor]) -> Tensor:
    """The magnitudes of a batch (n, channels, height, width), summed to (height, width)."""
    caught.clear()
    inputs = batch.clone().requires_grad_()
    network(inputs)
    row, column = unit.position
    signal = caught[unit.call - 1][:, :, row, column].sum()
    (gradient,) = torch.autograd.grad(signal, inputs)
    return gradient.abs().sum(dim=(0, 1))


def _extent(run: RunRecord, mass: Map, unit: Unit) -> FieldOfRun:
    return FieldOfRun(
        seed=run.seed,
        key=run.key,
        share_in_box=None if unit.box is None else _rounded(share_in(mass, unit.box)),
        sd_pixels=_rounded(sd_of(mass)),
        size_pixels=_rounded(float(np.sqrt((mass > THRESHOLD * mass.max()).sum()))),
    )


def share_in(mass: Map, box: Box) -> float:
    """The part of the mass (height, width) that lies inside the box."""
    top, left, bottom, right = box
    inside = mass[max(top, 0) : bottom + 1, max(left, 0) : right + 1]
    return float(inside.sum() / mass.sum())


def sd_of(mass: Map) -> float:
    """Root of the mean variance along the two axes, in pixels; mass (height, width)."""
    variances = []
    for axis in (0, 1):
        along = mass.sum(axis=1 - axis) / mass.sum()
        places = np.arange(len(along))
        centre = (along * places).sum()
        variances.append((along * (places - centre) ** 2).sum())
    return float(np.sqrt(np.mean(variances)))


def _rounded(value: float) -> float:
    """To six significant digits."""
    return float(f"{value:.6g}")

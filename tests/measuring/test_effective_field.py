"""Effective receptive fields by hand, by finite differences, and of the reference's weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from torch import Tensor, nn

from bench.errors import MeasureError, StoreError
from bench.inputs import discover
from bench.inputs.datasets import Dataset
from bench.inputs.discover import Found
from bench.measuring import effective_field
from bench.measuring.effective_field import Unit
from bench.records import arms
from bench.records.arms import Arm, identity
from bench.records.store import Suite
from bench.spec import Architecture, canonical_json, digest
from bench.training.engine.network import initialised, weights_bytes, weights_sha256
from tests.support import ROOT

REFERENCE = Suite(ROOT / "results", "reference")


def architecture(name: str) -> Architecture:
    (found,) = [f for f in discover.scan_all(ROOT / "architectures") if f.name == name]
    return discover.load(found)


def median_like_arm(name: str) -> Arm:
    """The reference's runs of the architecture whose weights are here, as one arm."""
    runs = [run for run in REFERENCE.runs() if run.architecture == name]
    with_weights = [run for run in runs if REFERENCE.weights(run) is not None]
    (arm,) = arms.arms("reference", with_weights, "validation")
    return arm


@pytest.mark.parametrize("name", ["reference", "search"])
def test_the_arms_of_kept_fields_are_those_of_their_runs(name: str) -> None:
    """The digest in a committed file is found again.

    It is what `identity` gives; in older files it is over the records of its runs as written.
    """
    suite = Suite(ROOT / "results", name)
    run_of = {run.key: run for run in suite.runs()}
    fields = suite.findings().fields
    assert fields
    for field in fields:
        runs = [run_of[each.key] for each in field.runs]
        assert len({identity(run) for run in runs}) == 1
        written = json.loads(suite.path_of(runs[0]).read_text(encoding="utf-8"))
        names = ("architecture_digest", "recipe", "dataset", "numerics", "engine_version")
        older = digest(canonical_json([written[name] for name in names]))
        assert field.arm in (identity(runs[0]), older)


def test_one_convolution_reacts_by_its_weights() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(inplace=True)).double()
    weights = torch.arange(-9.0, 9.0).reshape(2, 1, 3, 3)
    network[0].weight.data = weights.double()  # channel 0: -9 ... -1, channel 1: 0 ... 8
    mass = effective_field.magnitudes(
        network, torch.zeros(5, 1, 7, 7, dtype=torch.float64), Unit("0", 1, (7, 7), None)
    )
    summed = np.abs([[-9, -7, -5], [-3, -1, 1], [3, 5, 7]])  # over the channels, before the ReLU
    expected = np.zeros((7, 7))
    expected[2:5, 2:5] = summed / summed.sum()
    assert mass == pytest.approx(expected)


class Branching(nn.Module):
    """Two uses of one convolution, a gate and an activation."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=1)
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Sigmoid())
        self.head = nn.AdaptiveAvgPool2d(1)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.conv(x))
        x = self.conv(x * self.gate(x))
        pooled: Tensor = self.head(x).flatten(1)
        return pooled


def test_gradients_are_finite_differences() -> None:
    torch.manual_seed(3)
    network = Branching().double()
    image = torch.randn(1, 1, 5, 5, dtype=torch.float64)

    def centre(pixels: Tensor) -> float:
        first = torch.tanh(network.conv(pixels))
        return float(network.conv(first * network.gate(first))[0, 0, 2, 2])

    expected = np.zeros((5, 5))
    with torch.no_grad():
        for row in range(5):
            for column in range(5):
                step = torch.zeros_like(image)
                step[0, 0, row, column] = 1e-5
                expected[row, column] = abs(centre(image + step) - centre(image - step))
    mass = effective_field.magnitudes(network, image, Unit("conv", 2, (5, 5), None))
    assert mass == pytest.approx(expected / expected.sum(), rel=1e-5)
    assert not list(network.conv._forward_hooks)


def test_images_in_batches_are_the_same_mean() -> None:
    network = Branching()
    images = torch.randn(effective_field.BATCH + 7, 1, 6, 6, dtype=torch.float64)
    unit = Unit("conv", 2, (6, 6), None)
    whole = effective_field.magnitudes(network, images, unit)
    parts = [effective_field.magnitudes(network, one, unit) for one in images.split(1)]
    assert whole.shape == parts[0].shape
    assert whole.sum() == pytest.approx(1)
    assert np.mean(parts, axis=0) != pytest.approx(whole)  # images weigh by their gradients


@pytest.mark.parametrize("name", ["model_1", "model_2", "model_3"])
def test_the_published_networks_centre_sees_the_whole_image(name: str) -> None:
    unit = effective_field.central_unit(architecture(name).build(), (1, 28, 28))
    # 7 x 7 positions at a jump of 4; the field of 32 starts at -14, so at -14 + 3 * 4 = -2.
    assert (unit.layer, unit.map_shape, unit.position) == ("block3.1", (7, 7), (3, 3))
    assert unit.box == (-2, -2, 29, 29)


def test_a_small_box_is_centred_on_its_unit() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, (5, 3), stride=2), nn.AdaptiveAvgPool2d(1))
    unit = effective_field.central_unit(network, (1, 28, 28))  # 12 x 13 positions
    assert unit.map_shape == (12, 13)
    assert unit.box == (12, 12, 16, 14)  # positions 6 and 6, two pixels each


def test_a_gates_convolution_is_no_map() -> None:
    network = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Conv2d(2, 10, 1), nn.Flatten()
    )
    assert effective_field.central_unit(network, (1, 28, 28)).layer == "0"


def test_a_network_without_a_map_is_one_line() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    with pytest.raises(MeasureError, match=r"no convolution has a map .* \(Sequential\): an"):
        effective_field.central_unit(network, (1, 28, 28))


def test_a_dead_unit_is_one_line() -> None:
    network = nn.Sequential(nn.Conv2d(1, 1, 3))
    network[0].weight.data.zero_()
    images = torch.zeros(1, 1, 5, 5, dtype=torch.float64)
    with pytest.raises(MeasureError, match=r"the gradient is 0 everywhere \(layer '0'\)"):
        effective_field.magnitudes(network, images, Unit("0", 1, (3, 3), None))


def test_the_reference_weights_give_a_field_that_adds_up(small_data: Dataset) -> None:
    arm = median_like_arm("model_2")
    weights = [content for run in arm.runs if (content := REFERENCE.weights(run))]
    found = effective_field.measure(architecture("model_2"), arm, weights, small_data)
    again = effective_field.measure(architecture("model_2"), arm, weights, small_data)
    assert found == again
    gradient = np.asarray(found.gradient)
    assert gradient.shape == (28, 28)
    assert gradient.sum() == pytest.approx(1, abs=1e-5)
    assert found.n_images == 100  # all of the small split
    assert [run.key for run in found.runs] == [run.key for run in arm.runs]
    for run in found.runs:
        assert run.share_in_box == 1  # the box is wider than the image
        assert 0 < run.sd_pixels < 8.08  # of an even field over 28 pixels
    assert gradient[9:19, 9:19].sum() > (10 / 28) ** 2  # more in the middle than evenly


def test_weights_that_are_not_the_records_are_refused(small_data: Dataset) -> None:
    arm = median_like_arm("model_1")
    run, content = arm.runs[0], REFERENCE.weights(arm.runs[0])
    assert content is not None
    changed = content[:-1] + bytes([content[-1] ^ 1])
    for damaged, what in (
        (changed, "weights that are not the record's"),
        (content[:100], "unusable weights: "),
        (REFERENCE.weights(median_like_arm("model_2").runs[0]), "unusable weights: "),
    ):
        assert damaged is not None
        one = Arm(arm.suite, (run,))
        with pytest.raises(StoreError) as caught:
            effective_field.measure(architecture("model_1"), one, [damaged], small_data)
        assert what in str(caught.value)
        assert f"model_1, seed {run.seed}, {run.key[:12]}" in str(caught.value)
        assert "\n" not in str(caught.value)


NETWORK = """
import torch
from torch import nn
from bench.spec import Recipe
RECIPE = Recipe(peak_learning_rate=0.01, warmup_fraction=0.3)

class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("grid", torch.ones(1).expand(26, 26))
        self.conv = nn.LazyConv2d(2, 3)
        self.fc = nn.LazyLinear(10)

    def forward(self, x):
        return self.fc((self.conv(x) * self.grid).mean((2, 3)))
"""


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature:UserWarning")
def test_lazy_layers_and_an_expanded_buffer_take_the_records_weights(
    write_architecture: Callable[..., Path], small_data: Dataset
) -> None:
    own = discover.load(Found("mine", "", write_architecture("mine", NETWORK)))
    network = initialised(own, 3)
    arm = median_like_arm("model_1")
    run = replace(arm.runs[0], weights_sha256=weights_sha256(network))
    found = effective_field.measure(
        own, Arm(arm.suite, (run,)), [weights_bytes(network)], small_data
    )
    weights = network.get_submodule("conv").get_parameter("weight").detach().double()
    expected = np.zeros((28, 28))
    expected[13:16, 13:16] = np.abs(weights.sum(0)[0].numpy())  # around the map's centre, (13, 13)
    assert np.asarray(found.gradient) == pytest.approx(expected / expected.sum(), abs=1e-5)


def test_the_recipes_normalisation_is_used(small_data: Dataset) -> None:
    arm = median_like_arm("model_1")
    run, content = arm.runs[0], REFERENCE.weights(arm.runs[0])
    assert content is not None
    other = replace(run, recipe=replace(run.recipe, pixel_mean=0.9))
    fields = [
        effective_field.measure(
            architecture("model_1"), Arm(arm.suite, (each,)), [content], small_data
        ).gradient
        for each in (run, other)
    ]
    assert fields[0] != fields[1]


def test_the_extent_of_an_even_field_by_hand() -> None:
    mass = np.full((28, 28), 1 / 784)
    assert effective_field.sd_of(mass) == pytest.approx(((28**2 - 1) / 12) ** 0.5)
    assert effective_field.share_in(mass, (-2, 0, 13, 40)) == pytest.approx(0.5)
    assert effective_field.share_in(mass, (0, 0, 0, 0)) == pytest.approx(1 / 784)


@given(st.integers(0, 9), st.integers(0, 9), st.floats(0.1, 3))
def test_a_normal_field_has_its_sd_wherever_it_lies(row: int, column: int, sd: float) -> None:
    places = np.arange(60)
    rows, columns = (np.exp(-((places - 25 - at) ** 2) / (2 * sd**2)) for at in (row, column))
    exact = np.sqrt(
        np.mean([np.cov(places, aweights=w, ddof=0) for w in (rows, columns)])
    )  # numpy's own weighted variance
    assert effective_field.sd_of(np.outer(rows, columns)) == pytest.approx(float(exact))

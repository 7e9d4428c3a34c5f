"""Receptive fields of whole networks against gradients: every plug-in, and random graphs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from bench.inputs import discover
from bench.inputs.discover import Found
from bench.measuring.measures import receptive_field
from bench.measuring.receptive.walk import LiveWalk
from tests.measuring.drawn import networks
from tests.measuring.gradients import disagreements, followed, image_of, positive, support
from tests.support import ROOT

FOUND = discover.scan_all(ROOT / "architectures")


def built(found: Found) -> nn.Module:
    model = discover.load(found).build()
    assert isinstance(model, nn.Module)
    with torch.no_grad():
        return positive(model)


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found.name)
def test_every_plug_in_sees_what_its_gradients_say_gates_attached(found: Found) -> None:
    assert disagreements(built(found), image_of(1, 28, 28), gates=True) == []


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found.name)
def test_every_plug_in_sees_what_its_gradients_say_gates_detached(found: Found) -> None:
    assert disagreements(built(found), image_of(1, 28, 28), gates=False) == []


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found.name)
def test_every_plug_in_is_measured_alike_without_a_graph(found: Found) -> None:
    model, image = built(found), image_of(1, 28, 28)
    followed_path = receptive_field.walked(model, image)
    with torch.no_grad():
        lived = LiveWalk(model, image).go()
    assert lived.final == followed_path.final
    assert lived.rows == followed_path.rows


class Gated(nn.Module):
    """Convolution, squeeze-and-excitation, convolution."""

    def __init__(self, *, attached: bool) -> None:
        super().__init__()
        self.before, self.after = nn.Conv2d(1, 2, 3), nn.Conv2d(2, 1, 3)
        self.mix = nn.Linear(2, 2)
        self.attached = attached

    def forward(self, x: Tensor) -> Tensor:
        x = self.before(x)
        factors = torch.sigmoid(self.mix(x.mean((2, 3))))
        factors = factors if self.attached else factors.detach()
        after: Tensor = self.after(x * factors[:, :, None, None])
        return after


@pytest.mark.parametrize(("attached", "expected"), [(False, (8, 12)), (True, (0, 19))])
def test_a_gate_lets_every_later_unit_see_the_whole_image(
    attached: bool, expected: tuple[int, int]
) -> None:
    with torch.no_grad():
        model = positive(Gated(attached=attached))
    image = image_of(1, 20, 20).requires_grad_()
    assert support(model(image), {-2: 8, -1: 8}, image) == [expected, expected]
    axis = receptive_field.walked(model, image).final[0]
    assert (axis.seen_with_gates if attached else axis.seen)[8] == expected
    assert (axis.size, axis.with_gates) == (5, 20)


# --- random graphs -------------------------------------------------------------------------------

SIDE = 24
kernels = st.tuples(st.integers(1, 4), st.integers(1, 4))
small = st.tuples(st.integers(1, 2), st.integers(1, 2))


def span(kernel: tuple[int, int], dilation: tuple[int, int]) -> tuple[int, int]:
    first, second = (d * (k - 1) for k, d in zip(kernel, dilation, strict=True))
    return first, second


@st.composite
def convolutions(draw: st.DrawFn) -> nn.Module:
    kernel, dilation = draw(kernels), draw(small)
    limits = span(kernel, dilation)
    padding = (draw(st.integers(0, min(2, limits[0]))), draw(st.integers(0, min(2, limits[1]))))
    mode = draw(st.sampled_from(["zeros", "replicate", "reflect"]))
    groups = draw(st.sampled_from([1, 2]))
    return nn.Conv2d(2, 2, kernel, draw(small), padding, dilation, groups, padding_mode=mode)


@st.composite
def poolings(draw: st.DrawFn) -> nn.Module:
    kernel = draw(kernels)
    padding = (draw(st.integers(0, kernel[0] // 2)), draw(st.integers(0, kernel[1] // 2)))
    kind = draw(st.sampled_from([nn.MaxPool2d, nn.AvgPool2d]))
    return kind(kernel, draw(small), padding, ceil_mode=draw(st.booleans()))


@st.composite
def upsamplings(draw: st.DrawFn) -> nn.Module:
    factor = draw(st.integers(2, 3))
    made: list[nn.Module] = [
        nn.Upsample(scale_factor=factor),
        nn.Upsample(scale_factor=factor, mode="bilinear"),
        # A kernel of at least the stride: no position is left without a tap.
        nn.ConvTranspose2d(2, 2, factor + draw(st.integers(0, 2)), factor, draw(st.integers(0, 1))),
    ]
    return draw(st.sampled_from(made))


windows = st.one_of(
    convolutions(),
    poolings(),
    upsamplings(),
    st.builds(nn.AdaptiveAvgPool2d, st.tuples(st.integers(2, 9), st.integers(2, 9))),
    st.sampled_from([nn.ReLU(), nn.Sigmoid(), nn.BatchNorm2d(2)]),
)
same_size = st.builds(
    lambda half, dilation: nn.Conv2d(
        2, 2, 2 * half + 1, padding=half * dilation, dilation=dilation
    ),
    st.integers(0, 2),
    st.integers(1, 2),
)
chains = st.lists(same_size, max_size=3).map(lambda layers: nn.Sequential(*layers))


class Branches(nn.Module):
    """Two chains of unequal depth that meet by addition or side by side."""

    def __init__(self, left: nn.Module, right: nn.Module, *, by_cat: bool) -> None:
        super().__init__()
        self.left, self.right, self.by_cat = left, right, by_cat
        self.mix = nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Any:
        left, right = self.left(x), self.right(x)
        return self.mix(torch.cat([left, right], 1)) if self.by_cat else left + right


class Down(nn.Module):
    """Pooled by a factor, worked on, brought back by the same factor, and joined with itself."""

    def __init__(self, factor: int, inner: nn.Module, up: nn.Module) -> None:
        super().__init__()
        self.fit = nn.AdaptiveAvgPool2d(4 * factor)  # so that the factor divides
        self.down, self.inner, self.up = nn.AvgPool2d(factor), inner, up
        self.mix = nn.Conv2d(4, 2, 1)

    def forward(self, x: Tensor) -> Any:
        x = self.fit(x)
        return self.mix(torch.cat([self.up(self.inner(self.down(x))), x], 1))


class Squeezed(nn.Module):
    """A gate over all positions."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Any:
        return x * torch.sigmoid(self.mix(x.mean((2, 3))))[:, :, None, None]


@st.composite
def u_shapes(draw: st.DrawFn) -> nn.Module:
    factor = draw(st.integers(2, 3))
    ups: list[nn.Module] = [
        nn.Upsample(scale_factor=factor),
        nn.Upsample(scale_factor=factor, mode="bilinear"),
        nn.ConvTranspose2d(2, 2, factor, factor),
    ]
    return Down(factor, draw(chains), draw(st.sampled_from(ups)))


stages = st.one_of(
    windows,
    st.builds(Branches, chains, chains, by_cat=st.booleans()),
    u_shapes(),
    st.builds(Squeezed),
)


def fitting(layers: list[nn.Module]) -> nn.Sequential:
    """The longest beginning that the image is large enough for, and small enough to follow."""
    kept, x = [nn.Conv2d(1, 2, 1)], torch.ones(1, 2, SIDE, SIDE)
    for layer in layers:
        try:
            x = layer.eval()(x)
        except RuntimeError:  # a kernel larger than the map, padding wider than the map
            break
        if not 1 <= min(x.shape[2:]) <= max(x.shape[2:]) <= 80:
            break
        kept.append(layer)
    return nn.Sequential(*kept)


@settings(max_examples=60)
@given(st.lists(stages, min_size=1, max_size=4), st.integers(0, 9), st.booleans())
def test_random_graphs_see_what_their_gradients_say(
    layers: list[nn.Module], seed: int, gates: bool
) -> None:
    with torch.no_grad():
        model = positive(fitting(layers), seed)
    assert disagreements(model, image_of(1, SIDE, SIDE, seed=seed), gates=gates) == []


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@settings(max_examples=60, deadline=None)
@given(networks(), st.integers(0, 9))
def test_every_position_sees_what_its_gradient_says(
    drawn: tuple[nn.Module, tuple[int, ...]], seed: int
) -> None:
    """Gates attached: the statistics of a norm cannot be cut off its map."""
    network, sides = drawn
    image = image_of(1, *sides, seed=seed)
    with torch.no_grad():
        model = positive(network, seed)
    assume(_runs(model, image))
    assert disagreements(model, image, gates=True, every=True) == []


def _runs(model: nn.Module, image: Tensor) -> bool:
    """False where a map in a row is too small for its next window."""
    try:
        model(image)
    except (RuntimeError, ValueError):
        return False
    return True


@settings(max_examples=40)
@given(st.lists(st.one_of(convolutions(), upsamplings()), min_size=1, max_size=3))
def test_the_size_is_the_largest_over_the_phases_far_from_the_border(
    layers: list[nn.Module],
) -> None:
    with torch.no_grad():
        model = positive(nn.Sequential(nn.Conv2d(1, 2, 1), *layers))
    walk = followed(model, image_of(1, 72, 72), cut_gates=False)
    result = next(reversed(walk.results.values()))
    rows, columns = walk.path.final
    middle = (result.shape[2] // 2, result.shape[3] // 2)
    for axis, across in ((rows, 0), (columns, 1)):
        seen = []
        for phase in range(len(axis.phases)):
            place = {i - 2: at + phase * (i == across) for i, at in enumerate(middle)}
            box = support(result, place, walk.image)[across]
            assert box == axis.phase(place[across - 2])
            assert box is not None
            seen.append(box[1] - box[0] + 1)
        assert axis.size == max(seen)

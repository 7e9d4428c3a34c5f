"""Every line of the tables about operators: met in a real trace, and missed when it is gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.errors import MeasureError
from bench.measuring.counting import fvcore, recorder, witnesses
from bench.measuring.measures import multiply_adds

IMAGE = 0.1 + torch.arange(64, dtype=torch.float32).reshape(1, 1, 8, 8) / 64


class Step(nn.Module):
    """A forward of one function."""

    def __init__(self, body: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Any:
        return self.body(x)


def torch_call(name: str, n_arguments: int = 1) -> Callable[[Tensor], Any]:
    return lambda x: getattr(torch, name)(*[x] * n_arguments)


def functional_call(name: str, *args: Any) -> Callable[[Tensor], Any]:
    return lambda x: getattr(functional, name)(x, *args)


def resized(mode: str, n_axes: int) -> Callable[[Tensor], Any]:
    shape = {1: (1, 8, 8), 2: (1, 1, 8, 8), 3: (1, 1, 1, 8, 8)}[n_axes]
    return lambda x: functional.interpolate(x.reshape(shape), scale_factor=2, mode=mode)


UNARY = (
    *("neg", "abs", "sqrt", "rsqrt", "reciprocal", "exp", "log", "log1p", "erf", "square"),
    *("sign", "sigmoid", "tanh", "round", "mean", "sum", "min", "var", "std", "var_mean"),
    *("prod", "argmax", "clone"),
)
BINARY = ("add", "sub", "mul", "div", "maximum", "minimum", "lt", "le", "ne")
ACTIVATIONS = (
    *("silu", "gelu", "elu", "selu", "celu", "mish", "softplus", "leaky_relu", "relu6"),
    *("hardtanh", "hardswish", "hardsigmoid"),
)
FREE: dict[str, Callable[[Tensor], Any]] = {
    **{name: torch_call(name) for name in UNARY},
    **{name: torch_call(name, 2) for name in BINARY},
    **{name: functional_call(name) for name in ACTIVATIONS},
    "rsub": lambda x: 1 - x,
    "pow": lambda x: x**2,
    "log_sigmoid": functional_call("logsigmoid"),
    "prelu": lambda x: functional.prelu(x, torch.ones(1)),
    "where": lambda x: torch.where(x > 1, x, x),
    "threshold": functional_call("threshold", 0.0, 0.0),
    "clamp_min": lambda x: x.clamp_min(0),
    "clamp_max": lambda x: x.clamp_max(0),
    "max_pool1d": lambda x: functional.max_pool1d(x[0], 2),
    "max_pool2d": functional_call("max_pool2d", 2),
    "max_pool3d": functional_call("max_pool3d", (1, 2, 2)),
    "avg_pool1d": lambda x: functional.avg_pool1d(x[0], 2),
    "avg_pool2d": functional_call("avg_pool2d", 2),
    "avg_pool3d": functional_call("avg_pool3d", (1, 2, 2)),
    "adaptive_avg_pool1d": lambda x: functional.adaptive_avg_pool1d(x[0], 2),
    "adaptive_avg_pool3d": functional_call("adaptive_avg_pool3d", 2),
    "adaptive_max_pool1d": lambda x: functional.adaptive_max_pool1d(x[0], 2),
    "adaptive_max_pool2d": functional_call("adaptive_max_pool2d", 2),
    "adaptive_max_pool3d": functional_call("adaptive_max_pool3d", 2),
    "max_pool2d_with_indices": lambda x: functional.max_pool2d(x, 2, return_indices=True)[0],
    "amax": lambda x: x.amax(1),
    "amin": lambda x: x.amin(1),
    "logsumexp": lambda x: x.logsumexp(1),
    "softmax": lambda x: x.softmax(1),
    "log_softmax": lambda x: x.log_softmax(1),
    "linalg_vector_norm": lambda x: torch.linalg.vector_norm(x),
    "cumsum": lambda x: x.cumsum(1),
    "repeat": lambda x: x.repeat(1, 2, 1, 1),
    "repeat_interleave": lambda x: x.repeat_interleave(2, 1),
    "tile": lambda x: x.tile(2),
    "flip": lambda x: x.flip(1),
    "alias": lambda x: torch.ops.aten.alias(x),
    "pad": functional_call("pad", (1, 1)),
    "pixel_shuffle": lambda x: functional.pixel_shuffle(x.repeat(1, 4, 1, 1), 2),
    "pixel_unshuffle": functional_call("pixel_unshuffle", 2),
    "channel_shuffle": lambda x: functional.channel_shuffle(x.repeat(1, 4, 1, 1), 2),
    "native_channel_shuffle": lambda x: torch.native_channel_shuffle(x.repeat(1, 4, 1, 1), 2),
    "unflatten": lambda x: x.unflatten(1, (1, 1)),
    "movedim": lambda x: x.movedim(1, 2),
    "expand_as": lambda x: x.expand_as(x),
    "view_as": lambda x: x.view_as(x),
    "reshape_as": lambda x: x.reshape_as(x),
    "broadcast_to": lambda x: x.broadcast_to(1, 1, 8, 8),
    "im2col": functional_call("unfold", 2),
    "tensor_split": lambda x: x.tensor_split(2, 2)[0],
    "ones_like": lambda x: x + torch.ones_like(x),
    "feature_dropout": lambda x: functional.dropout2d(x, training=False),
    "alpha_dropout": lambda x: functional.alpha_dropout(x),
    "feature_alpha_dropout": lambda x: functional.feature_alpha_dropout(x),
    "upsample_nearest1d": resized("nearest", 1),
    "upsample_nearest3d": resized("nearest", 3),
    "upsample_linear1d": resized("linear", 1),
    "upsample_trilinear3d": resized("trilinear", 3),
    "upsample_bicubic2d": resized("bicubic", 2),
    "_upsample_nearest_exact1d": resized("nearest-exact", 1),
    "_upsample_nearest_exact2d": resized("nearest-exact", 2),
    "_upsample_nearest_exact3d": resized("nearest-exact", 3),
}


def test_every_free_operator_has_its_example() -> None:
    assert FREE.keys() == fvcore.WHY_FREE.keys()


@pytest.mark.parametrize("name", FREE)
def test_a_free_operator_leaves_the_headline_whole(name: str) -> None:
    count = fvcore.count(Step(FREE[name]), IMAGE)
    assert name in count.free
    assert count.unknown == {}
    assert witnesses.called(Step(FREE[name]), IMAGE).opaque == []


# Operators that hold products which no formula counts.
OPAQUE: dict[str, Callable[[Tensor], Any]] = {
    "cdist_forward": lambda x: torch.cdist(x[0], x[0]),
    "linalg_matrix_exp": lambda x: torch.linalg.matrix_exp(x),
    "trilinear": lambda x: functional.bilinear(x, x, torch.ones(2, 8, 8)),
    "fft_r2c": lambda x: torch.fft.rfft(x).abs(),
}


@pytest.mark.parametrize("name", OPAQUE)
def test_an_operator_that_nobody_can_count_makes_the_headline_a_lower_bound(name: str) -> None:
    measured = multiply_adds.measure(Step(OPAQUE[name]), IMAGE, {})
    assert measured.at_least
    assert f"at least: the multiply-adds inside of {name} are missing" in measured.notes


# What fvcore counts on an 8 x 8 map of 2 channels, worked out from what the table says of it.
NO_PRODUCTS: dict[str, tuple[nn.Module, int]] = {
    "batch_norm": (nn.BatchNorm2d(2), 2 * 128),
    "group_norm": (nn.GroupNorm(1, 2), 5 * 128),
    "layer_norm": (nn.LayerNorm([8, 8]), 5 * 128),
    "instance_norm": (nn.InstanceNorm2d(2, affine=True), 5 * 128),
    "adaptive_avg_pool2d": (nn.AdaptiveAvgPool2d(1), 128),
    "upsample_nearest2d": (nn.Upsample(scale_factor=2), 4 * 128),
    "upsample_bilinear2d": (nn.Upsample(scale_factor=2, mode="bilinear"), 4 * 4 * 128),
    "grid_sampler": (
        Step(lambda x: functional.grid_sample(x, torch.zeros(1, 8, 8, 2), align_corners=False)),
        4 * 128,
    ),
}


def test_every_term_that_is_no_product_has_its_example() -> None:
    assert NO_PRODUCTS.keys() == fvcore.NO_PRODUCTS.keys()


@pytest.mark.parametrize("name", NO_PRODUCTS)
def test_a_term_that_is_no_product_is_not_in_the_headline(name: str) -> None:
    model, expected = NO_PRODUCTS[name]
    measured = multiply_adds.measure(model, IMAGE.expand(1, 2, 8, 8), {})
    assert measured.values["fvcore_total"] == expected
    assert measured.values["multiply_adds"] == 0
    (row,) = (row for row in measured.tables["reconciliation"] if row["part"] == name)
    assert (row["fvcore"], row["torch_flops"], row["closed_form"]) == (expected, 0, 0)
    assert row["why"] == fvcore.NO_PRODUCTS[name]


@pytest.mark.parametrize("name", NO_PRODUCTS)
def test_out_of_the_table_the_term_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(fvcore.NO_PRODUCTS, name)
    with pytest.raises(MeasureError, match=f"fvcore counts '{name}', which is in no table"):
        multiply_adds.measure(NO_PRODUCTS[name][0], IMAGE.expand(1, 2, 8, 8), {})


# Operators that hold products, and the multiply-adds of one call, by hand.
PRODUCTS: dict[str, tuple[Callable[[Tensor], Any], int]] = {
    "convolution": (lambda x: functional.conv2d(x, torch.ones(1, 1, 3, 3)), 36 * 9),
    "same": (lambda x: functional.conv2d(x, torch.ones(1, 1, 4, 4), padding="same"), 64 * 16),
    "mm": (lambda x: torch.mm(x[0, 0], x[0, 0]), 512),
    "addmm": (lambda x: torch.addmm(x[0, 0], x[0, 0], x[0, 0]), 512),
    "bmm": (lambda x: torch.bmm(x[0], x[0]), 512),
    "matmul, broadcast": (lambda x: torch.matmul(x[0, 0], x.expand(1, 3, 8, 8)), 3 * 512),
    "mv": (lambda x: x[0, 0] @ x[0, 0, 0], 64),
    "dot": (lambda x: x[0, 0, 0] @ x[0, 0, 1], 8),
    "einsum": (lambda x: torch.einsum("ij,jk,kl->il", x[0, 0], x[0, 0], x[0, 0]), 2 * 512),
    "outer product": (lambda x: torch.einsum("i,j->ij", x[0, 0, 0], x[0, 0, 1]), 0),
    "tensordot": (lambda x: torch.tensordot(x[0, 0], x[0, 0], 1), 512),
    "multiply and sum": (lambda x: (x * torch.arange(8.0)).sum(-1), 64),
    "multiply and mean": (lambda x: (x * torch.ones(8, 1)).mean((2, 3)), 64),
    "through views": (
        lambda x: (x[0, 0, None] * torch.ones(3, 8, 8)).permute(2, 0, 1).sum(-1),
        192,
    ),
    "gate and mean": (lambda x: (x * torch.ones(1, 1, 1, 1)).mean((2, 3)), 0),
    "activation and mean": (lambda x: (x * torch.sigmoid(x)).mean((2, 3)), 0),
    "square and mean": (lambda x: (x * x).mean((2, 3)), 0),
    "activated product": (lambda x: (x * torch.ones(8)).relu_().sum(-1), 0),
    "attention": (lambda x: functional.scaled_dot_product_attention(x, x, x), 1024),
}


UNKNOWN_ZERO = ("gate and mean", "activated product")  # weights, multiplied one by one only


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("name", PRODUCTS)
def test_a_product_is_counted_however_it_is_written(name: str) -> None:
    body, expected = PRODUCTS[name]
    measured = multiply_adds.measure(Step(body), IMAGE, {})
    assert measured.values["multiply_adds"] == expected
    assert measured.at_least == (name in UNKNOWN_ZERO)
    total = measured.tables["reconciliation"][-1]
    assert (total["multiply_adds"], total["torch_flops"]) == (expected, 2 * expected)


def test_without_torchs_formula_the_counts_disagree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(recorder.flop_registry, torch.ops.aten.mm)
    with pytest.raises(MeasureError, match=r"the counts of .* disagree: fvcore"):
        multiply_adds.measure(Step(PRODUCTS["mm"][0]), IMAGE, {})


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (nn.Conv2d(1, 4, 3, stride=2), 4 * 3 * 3 * 9),
        (nn.ConvTranspose2d(1, 4, 3, stride=2, padding=1), 64 * 4 * 9),
        (nn.Linear(8, 5), 8 * 8 * 5),
    ],
    ids=["Conv2d", "ConvTranspose2d", "Linear"],
)
def test_the_closed_form_by_hand(layer: nn.Module, expected: int) -> None:
    measured = multiply_adds.measure(layer, IMAGE, {})
    total = measured.tables["reconciliation"][-1]
    assert (total["multiply_adds"], total["closed_form"], total["torch_flops"]) == (
        expected,
        expected,
        2 * expected,
    )

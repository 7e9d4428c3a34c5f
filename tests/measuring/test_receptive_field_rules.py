"""Every operation in the table of rules: against gradients, on both walks, and missed when gone."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.errors import MeasureError
from bench.measuring.measures import receptive_field
from bench.measuring.receptive import path
from bench.measuring.receptive.operations import RULES
from bench.measuring.receptive.path import Path
from bench.measuring.receptive.walk import GraphWalk, LiveWalk, traced
from tests.measuring.gradients import disagreements, image_of, positive

SIDES = {1: (20,), 2: (12, 10), 3: (6, 6, 6)}
CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


class Step(nn.Module):
    """A convolution, the operation under test, and another convolution where a map is left."""

    def __init__(self, body: Callable[..., Any], n_axes: int, layer: nn.Module | None) -> None:
        super().__init__()
        self.before = CONVOLUTIONS[n_axes](2, 2, 3, padding=1)
        self.layer = layer
        self.body = body
        self.weight = nn.Parameter(torch.ones(2, 2, *[2] * n_axes))
        self.columns, self.rows = nn.Parameter(torch.ones(10, 3)), nn.Parameter(torch.ones(3, 12))

    def forward(self, x: Tensor) -> Any:
        return self.body(self, self.before(x), x)


def layer(made: nn.Module) -> tuple[nn.Module, Callable[..., Any]]:
    return made, lambda self, x, _: self.layer(x)


def call(operation: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[None, Any]:
    return None, lambda _self, x, _: operation(x, *args, **kwargs)


def with_weight(operation: Callable[..., Any], *args: Any) -> tuple[None, Any]:
    return None, lambda self, x, _: operation(x, self.weight, *args)


def with_matrix(operation: Callable[..., Any]) -> tuple[None, Any]:
    return None, lambda self, x, _: operation(x, self.columns)


def spectrum(operation: Callable[..., Any]) -> tuple[None, Any]:
    return None, lambda _self, x, _: operation(x).abs()


def method(name: str, *args: Any, **kwargs: Any) -> tuple[None, Any]:
    return None, lambda _self, x, _: getattr(x, name)(*args, **kwargs)


def both(operation: Callable[..., Any]) -> tuple[None, Any]:
    """The operation on two branches of unequal depth."""
    return None, lambda _self, x, image: operation(x, image)


ELEMENTWISE_LAYERS = (
    *(nn.ReLU, nn.LeakyReLU, nn.PReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish),
    *(nn.Hardswish, nn.Hardsigmoid, nn.Sigmoid, nn.Tanh, nn.Softplus, nn.Softsign),
    *(nn.LogSigmoid, nn.Identity, nn.Softmax2d),
)
ELEMENTWISE_FUNCTIONS = (
    *(functional.relu, functional.relu6, functional.leaky_relu, functional.elu, functional.selu),
    *(functional.celu, functional.gelu, functional.silu, functional.mish, functional.hardswish),
    *(functional.hardsigmoid, functional.softplus, functional.softsign, functional.logsigmoid),
    *(torch.relu, torch.sigmoid, torch.tanh, torch.abs, torch.exp, torch.log, torch.sqrt),
    *(torch.rsqrt, torch.square, torch.neg, operator.neg),
)
ELEMENTWISE_METHODS = (
    *("relu", "relu_", "sigmoid", "tanh", "abs", "exp", "log", "sqrt", "rsqrt", "square", "neg"),
    *("contiguous", "clone", "detach", "float"),
)
DROPOUTS = (functional.dropout, functional.dropout2d, functional.dropout3d)
MEETINGS = (
    *(operator.add, operator.sub, operator.mul, operator.truediv, operator.pow),
    *(operator.gt, operator.lt, operator.ge, operator.le),
    *(torch.add, torch.sub, torch.mul, torch.div, torch.pow, torch.maximum, torch.minimum),
)
MEETING_METHODS = (
    *("add", "add_", "sub", "sub_", "mul", "mul_", "div", "div_", "pow", "maximum", "minimum"),
)
REDUCTIONS = (torch.mean, torch.sum, torch.amax, torch.amin, torch.std, torch.var)

NAMED: dict[Any, tuple[nn.Module | None, Callable[..., Any]]] = {
    nn.Conv1d: layer(nn.Conv1d(2, 2, 4, stride=2, padding=1, dilation=2)),
    nn.Conv2d: layer(nn.Conv2d(2, 4, (3, 2), stride=(2, 1), padding=1, dilation=2, groups=2)),
    nn.Conv3d: layer(nn.Conv3d(2, 2, (1, 2, 3), padding=(0, 1, 1))),
    torch.conv1d: with_weight(torch.conv1d, None, 2, 1),
    torch.conv2d: with_weight(torch.conv2d, None, (1, 2), 1, (3, 2)),
    torch.conv3d: with_weight(torch.conv3d),
    nn.ConvTranspose1d: layer(nn.ConvTranspose1d(2, 2, 4, stride=2, padding=1)),
    nn.ConvTranspose2d: layer(
        nn.ConvTranspose2d(2, 2, (3, 4), 2, (1, 0), output_padding=1, dilation=(2, 1))
    ),
    nn.ConvTranspose3d: layer(nn.ConvTranspose3d(2, 2, 3, stride=2)),
    torch.conv_transpose1d: with_weight(torch.conv_transpose1d, None, 2),
    torch.conv_transpose2d: with_weight(torch.conv_transpose2d, None, 2, 1, 1, 1, 3),
    torch.conv_transpose3d: with_weight(torch.conv_transpose3d, None, 2),
    nn.MaxPool1d: layer(nn.MaxPool1d(3, 2, 1)),
    nn.MaxPool2d: layer(nn.MaxPool2d((2, 3), 2, ceil_mode=True)),
    nn.MaxPool3d: layer(nn.MaxPool3d(2)),
    nn.AvgPool1d: layer(nn.AvgPool1d(3, 2, 1)),
    nn.AvgPool2d: layer(nn.AvgPool2d((2, 3), 2, (1, 1))),
    nn.AvgPool3d: layer(nn.AvgPool3d(2)),
    functional.max_pool1d: call(functional.max_pool1d, 3, 2),
    functional.max_pool2d: call(functional.max_pool2d, 2, stride=1),
    functional.max_pool3d: call(functional.max_pool3d, 2),
    torch.max_pool1d: call(torch.max_pool1d, 3, 2),
    torch.max_pool2d: call(torch.max_pool2d, 2, stride=1),
    torch.max_pool3d: call(torch.max_pool3d, 2),
    functional.avg_pool1d: call(functional.avg_pool1d, 3, 2),
    functional.avg_pool2d: call(functional.avg_pool2d, (3, 2), 2, 1),
    functional.avg_pool3d: call(functional.avg_pool3d, 2),
    nn.AdaptiveAvgPool1d: layer(nn.AdaptiveAvgPool1d(7)),
    nn.AdaptiveAvgPool2d: layer(nn.AdaptiveAvgPool2d((5, 1))),
    nn.AdaptiveAvgPool3d: layer(nn.AdaptiveAvgPool3d((4, 3, 1))),
    nn.AdaptiveMaxPool1d: layer(nn.AdaptiveMaxPool1d(5)),
    nn.AdaptiveMaxPool2d: layer(nn.AdaptiveMaxPool2d((6, 3))),
    nn.AdaptiveMaxPool3d: layer(nn.AdaptiveMaxPool3d(2)),
    functional.adaptive_avg_pool1d: call(functional.adaptive_avg_pool1d, 6),
    functional.adaptive_avg_pool2d: call(functional.adaptive_avg_pool2d, (7, 4)),
    functional.adaptive_avg_pool3d: call(functional.adaptive_avg_pool3d, 4),
    functional.adaptive_max_pool1d: call(functional.adaptive_max_pool1d, 6),
    functional.adaptive_max_pool2d: call(functional.adaptive_max_pool2d, (7, 4)),
    functional.adaptive_max_pool3d: call(functional.adaptive_max_pool3d, 4),
    nn.ConstantPad1d: layer(nn.ConstantPad1d((1, 2), 0.5)),
    nn.ConstantPad2d: layer(nn.ConstantPad2d((1, -2, 0, 3), 0.5)),
    nn.ConstantPad3d: layer(nn.ConstantPad3d(1, 0.5)),
    nn.ReflectionPad1d: layer(nn.ReflectionPad1d((3, 1))),
    nn.ReflectionPad2d: layer(nn.ReflectionPad2d((3, 1, 0, 2))),
    nn.ReplicationPad1d: layer(nn.ReplicationPad1d(2)),
    nn.ReplicationPad2d: layer(nn.ReplicationPad2d((3, 1, 0, 2))),
    functional.pad: call(functional.pad, (2, 1, 0, 3), "reflect"),
    nn.Upsample: layer(nn.Upsample(scale_factor=3, mode="bilinear")),
    functional.interpolate: call(functional.interpolate, scale_factor=(2.0, 3.0)),
    nn.PixelShuffle: (
        nn.Sequential(nn.Conv2d(2, 4, 1), nn.PixelShuffle(2)),
        lambda self, x, _: self.layer(x),
    ),
    functional.pixel_shuffle: (
        nn.Conv2d(2, 8, 1),
        lambda self, x, _: functional.pixel_shuffle(self.layer(x), 2),
    ),
    nn.PixelUnshuffle: layer(nn.PixelUnshuffle(2)),
    functional.pixel_unshuffle: call(functional.pixel_unshuffle, 2),
    nn.modules.batchnorm._BatchNorm: layer(nn.BatchNorm2d(2)),
    functional.batch_norm: (
        nn.BatchNorm2d(2),
        lambda self, x, _: functional.batch_norm(
            x, self.layer.running_mean, self.layer.running_var
        ),
    ),
    nn.GroupNorm: layer(nn.GroupNorm(1, 2)),
    nn.RMSNorm: layer(nn.RMSNorm([12, 10])),
    functional.rms_norm: call(functional.rms_norm, [10]),
    nn.MultiheadAttention: (
        nn.MultiheadAttention(10, 1, batch_first=True),
        lambda self, x, _: self.layer(x[:, 0], x[:, 0], value=x[:, 0])[0],
    ),
    functional.scaled_dot_product_attention: (
        None,
        lambda _self, x, _: functional.scaled_dot_product_attention(x, x, value=x),
    ),
    **{
        getattr(torch.fft, name): spectrum(getattr(torch.fft, name))
        for name in ("fft", "ifft", "rfft", "irfft", "fft2", "ifft2", "rfft2", "irfft2")
    },
    torch.matmul: with_matrix(torch.matmul),
    operator.matmul: with_matrix(operator.matmul),
    torch.bmm: (None, lambda self, x, _: torch.bmm(self.rows.expand(2, 3, 12), x[0])),
    "matmul": (None, lambda self, x, _: self.rows.matmul(x)),
    "bmm": (None, lambda self, x, _: x[0].bmm(self.columns.expand(2, 10, 3))),
    nn.GLU: layer(nn.GLU(1)),
    functional.glu: call(functional.glu, 1),
    nn.LayerNorm: layer(nn.LayerNorm([12, 10])),
    nn.modules.instancenorm._InstanceNorm: layer(nn.InstanceNorm2d(2)),
    functional.group_norm: call(functional.group_norm, 1),
    functional.layer_norm: call(functional.layer_norm, [12, 10]),
    functional.instance_norm: call(functional.instance_norm),
    nn.Softmax: layer(nn.Softmax(1)),
    nn.LogSoftmax: layer(nn.LogSoftmax(1)),
    functional.softmax: call(functional.softmax, 1),
    functional.log_softmax: call(functional.log_softmax, dim=1),
    torch.softmax: call(torch.softmax, 1),
    torch.log_softmax: call(torch.log_softmax, 1),
    "softmax": method("softmax", 1),
    "log_softmax": method("log_softmax", dim=1),
    nn.Hardtanh: layer(nn.Hardtanh(-9.0, 9.0)),
    functional.hardtanh: call(functional.hardtanh, -9.0, 9.0),
    nn.Threshold: layer(nn.Threshold(-1.0, 0.0)),
    nn.LocalResponseNorm: layer(nn.LocalResponseNorm(2)),
    nn.ChannelShuffle: layer(nn.ChannelShuffle(2)),
    nn.modules.dropout._DropoutNd: layer(nn.Dropout2d(0.5)),
    functional.prelu: (nn.PReLU(), lambda self, x, _: functional.prelu(x, self.layer.weight)),
    functional.alpha_dropout: call(functional.alpha_dropout, training=False),
    functional.channel_shuffle: call(functional.channel_shuffle, 2),
    torch.clamp: call(torch.clamp, min=-9.0),
    torch.dropout: call(torch.dropout, 0.5, False),
    "clamp": method("clamp", -9.0, 9.0),
    "to": method("to", torch.float64),
    "type_as": (None, lambda _self, x, image: x.type_as(image)),
    torch.where: (None, lambda _self, x, image: torch.where(x > image, x, image)),
    torch.lerp: (None, lambda _self, x, image: torch.lerp(x, image, 0.5)),
    "expand": (None, lambda _self, x, _: x[:, :1].expand(1, 2, 12, 10)),
    "expand_as": (None, lambda _self, x, _: x[:, :1].expand_as(x)),
    torch.cat: (None, lambda _self, x, image: torch.cat([x, image], 1)),
    torch.concat: (None, lambda _self, x, image: torch.concat([x, image], dim=1)),
    torch.chunk: (None, lambda _self, x, _: torch.chunk(x, 2, 1)[0]),
    torch.split: (None, lambda _self, x, _: torch.split(x, 1, 1)[1]),
    "chunk": (None, lambda _self, x, _: x.chunk(2, dim=1)[0]),
    "split": (None, lambda _self, x, _: x.split(1, dim=1)[0]),
    torch.max: both(torch.max),
    torch.min: both(torch.min),
    "max": (None, lambda _self, x, image: x.max(image)),
    "min": (None, lambda _self, x, image: x.min(image)),
    nn.Flatten: layer(nn.Flatten()),
    nn.Unflatten: layer(nn.Unflatten(1, (1, 2))),
    torch.flatten: call(torch.flatten, 1),
    torch.reshape: call(torch.reshape, (1, -1)),
    torch.squeeze: (None, lambda _self, x, _: torch.squeeze(x[:, :1], 1)),
    torch.unsqueeze: call(torch.unsqueeze, 1),
    "flatten": method("flatten", 1),
    "unflatten": method("unflatten", 1, (1, 2)),
    "view": (None, lambda _self, x, _: x.contiguous().view(1, -1)),
    "reshape": method("reshape", 1, 2, -1),
    "squeeze": (None, lambda _self, x, _: x[:, :1].squeeze(1)),
    "unsqueeze": method("unsqueeze", 1),
    torch.permute: call(torch.permute, (1, 0, 2, 3)),
    torch.transpose: call(torch.transpose, 0, 1),
    "permute": method("permute", 1, 0, 2, 3),
    "transpose": method("transpose", 0, 1),
    operator.getitem: (None, lambda _self, x, _: x[:, :, 1::2, 2:-1]),
    nn.Linear: layer(nn.Linear(10, 3)),
    functional.linear: (
        nn.Linear(10, 3),
        lambda self, x, _: functional.linear(x, self.layer.weight),
    ),
}
EXAMPLES: dict[Any, tuple[nn.Module | None, Callable[..., Any]]] = {
    **NAMED,
    **{kind: layer(kind()) for kind in ELEMENTWISE_LAYERS},
    **{function: call(function) for function in ELEMENTWISE_FUNCTIONS},
    **{name: method(name) for name in ELEMENTWISE_METHODS},
    **{function: call(function, 0.5, False) for function in DROPOUTS},
    **{function: both(function) for function in MEETINGS},
    **{
        name: (None, lambda _self, x, image, name=name: getattr(x, name)(image))
        for name in MEETING_METHODS
    },
    **{function: call(function, (2, 3)) for function in REDUCTIONS},
    **{name: method(name, (2, 3)) for name in ("mean", "sum", "amax", "amin", "std", "var")},
}
# torch's tags tell that these are pointwise: they need no line.
TAGGED = {
    *(operation for operation in EXAMPLES if operation in {*ELEMENTWISE_FUNCTIONS, *MEETINGS}),
    *(operation for operation in EXAMPLES if operation in {*ELEMENTWISE_METHODS, *MEETING_METHODS}),
    *(functional.hardtanh, torch.clamp, "clamp", torch.where, torch.lerp),
} - RULES.keys()
# The gradient tells nothing of these: it is none, or it does not lie where the value comes from.
NO_GRADIENT = {operator.gt, operator.lt, operator.ge, operator.le, "detach", "float"}
NO_GRADIENT |= {torch.maximum, torch.minimum, torch.max, torch.min, torch.where}
NO_GRADIENT |= {"maximum", "minimum", "max", "min"}


def name_of(operation: Any) -> str:
    if isinstance(operation, str):
        return f"method {operation}"
    module = getattr(operation, "__module__", None) or "torch"
    return f"{module.replace('torch.nn.modules', 'nn')}.{operation.__name__}"


def axes_of(operation: Any) -> int:
    name = operation if isinstance(operation, str) else operation.__name__
    return next((n for n in SIDES if name.endswith(f"{n}d")), 2)


def model_of(operation: Any) -> tuple[nn.Module, Tensor]:
    made, body = EXAMPLES[operation]
    n_axes = 2 if operation in DROPOUTS else axes_of(operation)
    return Step(body, n_axes, made).double().eval(), image_of(2, *SIDES[n_axes])


def live(model: nn.Module, image: Tensor) -> Path:
    with torch.no_grad():
        return LiveWalk(model, image).go()


def graph(model: nn.Module, image: Tensor) -> Path:
    with torch.no_grad():
        return GraphWalk(traced(model), image).go()


def test_every_rule_has_its_example() -> None:
    assert EXAMPLES.keys() == RULES.keys() | TAGGED


@pytest.mark.parametrize("operation", EXAMPLES, ids=name_of)
def test_the_rule_is_what_the_gradient_says(operation: Any) -> None:
    model, image = model_of(operation)
    with torch.no_grad():
        model = positive(model)
    found = disagreements(model, image, gates=True)
    assert found == [] or operation in NO_GRADIENT


@pytest.mark.parametrize("operation", EXAMPLES, ids=name_of)
def test_the_rule_is_the_same_without_a_graph(operation: Any) -> None:
    model, image = model_of(operation)
    followed, lived = graph(model, image), live(model, image)
    assert lived.final == followed.final
    assert list(lived.rows.values()) == list(followed.rows.values())


@pytest.mark.parametrize("operation", sorted(RULES, key=name_of), ids=name_of)
def test_without_its_rule_the_operation_is_refused_by_name(
    operation: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, image = model_of(operation)
    assert receptive_field.measure(model, image, {}).error is None
    monkeypatch.delitem(RULES, operation)
    monkeypatch.setattr(path, "of_tag", lambda keys: None)
    with pytest.raises(MeasureError, match=r"no receptive-field rule for .*TABLE in"):
        graph(model, image)

"""Arithmetic of one forward pass: fvcore's counts, and what fvcore did not count.

Convention: one multiply-add = 1, for one image. The headline counts convolutions and matrix
products (linear layers) without their bias additions. `fvcore_total` also holds what fvcore counts
for BatchNorm (2 an element) and global pooling (1 an input element).
Source: https://github.com/facebookresearch/fvcore/blob/main/docs/flop_count.md
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from bench.errors import MeasureError
from bench.measures import _subject
from bench.spec import Field, Measured


@contextmanager
def _without_known_warnings() -> Iterator[None]:
    """Silences the one kind of warning that fvcore cannot help: torch's farewell to TorchScript."""
    with warnings.catch_warnings():
        for category in (FutureWarning, DeprecationWarning):
            warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated", category)
            warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is not supported", category)
        yield


with _without_known_warnings():  # fvcore scripts its loss functions when it is imported
    from fvcore.nn import FlopCountAnalysis

FIELDS = (
    Field(
        name="multiply_adds", title="Multiply-adds", unit="multiply-adds an image", better="lower"
    ),
    Field(
        name="convolution_multiply_adds",
        title="Multiply-adds in convolutions",
        unit="multiply-adds an image",
    ),
    Field(
        name="linear_multiply_adds",
        title="Multiply-adds in linear layers",
        unit="multiply-adds an image",
    ),
    Field(name="fvcore_total", title="fvcore's total", unit="fvcore flops an image"),
)

# fvcore's operator names (one a line of its table of handles) that are matrix products.
CONVOLUTION = frozenset({"conv"})
LINEAR = frozenset({"linear", "addmm", "matmul", "mm", "bmm", "einsum"})

# Operators that fvcore leaves out and that hold no convolution or matrix product, so that leaving
# them out of the headline is right. An operator that is in no table raises: it never counts as 0.
_ELEMENTWISE = "elementwise arithmetic: no product of matrices"
_POOLING = "additions or comparisons in windows"
_REDUCTION = "additions, comparisons or normalisation along an axis"
_MOVES = "moves or makes numbers, computes none"
FREE: dict[str, tuple[str, ...]] = {
    _ELEMENTWISE: (
        *("add", "sub", "rsub", "mul", "div", "neg", "abs", "pow", "sqrt", "rsqrt", "reciprocal"),
        *("exp", "log", "log1p", "erf", "square", "sign", "maximum", "minimum", "floor_divide"),
        *("sigmoid", "tanh", "silu", "gelu", "elu", "selu", "celu", "mish", "softplus", "prelu"),
        *("leaky_relu", "relu6", "hardtanh", "hardswish", "hardsigmoid", "log_sigmoid", "where"),
        *("softsign", "threshold", "clamp_min", "clamp_max", "gt", "lt", "le", "ne", "round"),
    ),
    _POOLING: (
        *("max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d"),
        *("adaptive_avg_pool1d", "adaptive_avg_pool3d", "adaptive_max_pool1d"),
        *("adaptive_max_pool2d", "adaptive_max_pool3d", "max_pool2d_with_indices"),
    ),
    _REDUCTION: (
        *("mean", "sum", "amax", "amin", "min", "var", "std", "var_mean", "prod", "logsumexp"),
        *("softmax", "log_softmax", "norm", "linalg_vector_norm", "argmax", "cumsum"),
    ),
    _MOVES: (
        *("clone", "repeat", "repeat_interleave", "tile", "flip", "alias", "lift_fresh"),
        *("pad", "reflection_pad1d", "reflection_pad2d", "replication_pad1d", "replication_pad2d"),
        *("pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "native_channel_shuffle"),
        *("unflatten", "movedim", "swapaxes", "expand_as", "view_as", "reshape_as", "broadcast_to"),
        *("im2col", "tensor_split", "ones_like", "scalar_tensor", "dropout", "feature_dropout"),
        *("alpha_dropout", "feature_alpha_dropout"),
    ),
}
WHY_FREE = {name: why for why, names in FREE.items() for name in names}


def measure(model: nn.Module, example: Tensor, components: Mapping[str, str]) -> Measured:
    """Multiply-adds of one image's forward pass in eval mode; components add up to the headline.

    Args:
        model: A module that torch can trace.
        example: (n, channels, height, width); its first image is used.
        components: Prefix of a module's dotted name -> component's name.

    Raises:
        MeasureError: the model cannot be run, or holds an operator that no table knows.
    """
    with _subject.at_rest(model, example):
        calls = _subject.calls(model, example)
        analysis = _analyse(model, example[:1])
    uncounted: Counter[str] = analysis.unsupported_ops()
    _require_known(uncounted, type(model).__name__)
    own = _own_counts(analysis.by_module_and_operator())
    products = {name: _sum(counts, CONVOLUTION | LINEAR) for name, counts in own.items()}
    total: Counter[str] = analysis.by_operator()
    values = {
        "multiply_adds": _sum(total, CONVOLUTION | LINEAR),
        "convolution_multiply_adds": _sum(total, CONVOLUTION),
        "linear_multiply_adds": _sum(total, LINEAR),
        "fvcore_total": int(analysis.total()),
    }
    return Measured(
        fields=FIELDS,
        values=values,
        layers=_rows(calls, own, products),
        components=_subject.grouped(model, products, components),
        notes=_notes(total, uncounted, _uncalled(model, analysis)),
    )


def _analyse(model: nn.Module, image: Tensor) -> Any:
    """fvcore's analysis, done; its loggers are off because the notes keep what they would say."""
    analysis = FlopCountAnalysis(model, image)
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    with _without_known_warnings():
        analysis.total()
    return analysis


def _require_known(uncounted: Counter[str], where: str) -> None:
    unknown = sorted(op for op in uncounted if _plain(op) not in WHY_FREE)
    if unknown:
        raise MeasureError(
            f"operator '{unknown[0]}' is counted by no rule",
            where=where,
            remedy="if it holds no product of matrices, add it to FREE in "
            "bench/measures/multiply_adds.py; else use operators that fvcore counts",
        )


def _plain(operator: str) -> str:
    """'aten::relu_' -> 'relu': an in-place operator costs what the other one costs."""
    return operator.rpartition("::")[2].rstrip("_")


def _own_counts(by_module: Mapping[str, Counter[str]]) -> dict[str, Counter[str]]:
    """Module's dotted name -> what it computes itself, its children's work taken away."""
    own = {name: Counter(counts) for name, counts in by_module.items()}
    for name, counts in by_module.items():
        if name:
            own[_parent(name, by_module)].subtract(counts)
    return own


def _parent(name: str, known: Mapping[str, Any]) -> str:
    """The nearest enclosing name that fvcore counted (a shared module has one name only)."""
    while name:
        name = name.rpartition(".")[0]
        if name in known:
            return name
    return ""


def _sum(counts: Mapping[str, float], operators: frozenset[str]) -> int:
    return int(sum(counts.get(operator, 0) for operator in operators))


def _rows(
    calls: list[_subject.Call], own: Mapping[str, Counter[str]], products: Mapping[str, int]
) -> dict[str, dict[str, Any]]:
    """A row for each layer in call order, all its calls together, then work outside of layers."""
    order = list(dict.fromkeys(call.layer for call in calls))
    outside = [name for name in own if name not in order and any(own[name].values())]
    return {
        _subject.display_name(name): {
            "multiply_adds": products.get(name, 0),
            "fvcore_count": int(sum(own.get(name, Counter()).values())),
        }
        for name in order + outside
    }


def _uncalled(model: nn.Module, analysis: Any) -> list[str]:
    """Modules that have work of their own and that the trace never entered."""
    layers = _subject.layers(model)
    idle: set[str] = analysis.uncalled_modules()
    return sorted(n for n in idle if n in layers and not isinstance(layers[n], nn.Identity))


def _notes(total: Counter[str], uncounted: Counter[str], uncalled: list[str]) -> list[str]:
    notes = [
        "one multiply-add = 1, one image, bias additions not counted",
        "multiply_adds = convolutions + matrix products (linear layers)",
        "fvcore by operator: " + _listing(total),
    ]
    if uncounted:
        plain: Counter[str] = Counter()
        for operator, times in uncounted.items():
            plain[operator.rpartition("::")[2]] += times
        notes.append("not counted by fvcore (operator: times): " + _listing(plain))
    if uncalled:
        notes.append("never called, so not counted: " + ", ".join(uncalled))
    return notes


def _listing(counts: Mapping[str, float]) -> str:
    return ", ".join(f"{name}: {int(counts[name]):,}" for name in sorted(counts)) or "nothing"

"""fvcore's count of one forward pass by layer and operator, and the operators it leaves out.

fvcore's convention: one fused multiply-add is one flop. It also counts other work.
Source: https://github.com/facebookresearch/fvcore/blob/main/docs/flop_count.md
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from bench.errors import MeasureError
from bench.measuring import subject


@contextmanager
def _without_known_warnings() -> Iterator[None]:
    """Silences torch's warnings that TorchScript is deprecated: fvcore uses it."""
    with warnings.catch_warnings():
        for category in (FutureWarning, DeprecationWarning):
            warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated", category)
            warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is not supported", category)
        yield


with _without_known_warnings():  # fvcore scripts its loss functions when it is imported
    from fvcore.nn import FlopCountAnalysis
    from fvcore.nn.jit_handles import get_shape

# fvcore's operator names (one a line of its table of handles) that are matrix products.
# The last name of each is no operator of fvcore's: what torch's counter holds beyond it.
COMPLETED = {
    "convolution": "convolution by torch's counter",
    "matrix product": "matrix product by torch's counter",
}
CONVOLUTION = frozenset({"conv", COMPLETED["convolution"]})
LINEAR = frozenset({"linear", "addmm", "matmul", "mm", "bmm", "einsum", *COMPLETED.values()}) - {
    COMPLETED["convolution"]
}
PRODUCTS = CONVOLUTION | LINEAR

# The other operators that fvcore counts, and what it counts there: the headline leaves them out.
NO_PRODUCTS: dict[str, str] = {
    "batch_norm": "no multiply-adds of a layer: fvcore adds 2 an element (1 without factors)",
    "group_norm": "no multiply-adds of a layer: fvcore adds 5 an element (4 without factors)",
    "layer_norm": "no multiply-adds of a layer: fvcore adds 5 an element (4 without factors)",
    "instance_norm": "no multiply-adds of a layer: fvcore adds 5 an element (4 without factors)",
    "adaptive_avg_pool2d": "additions: fvcore adds 1 an input element",
    "upsample_nearest2d": "copies: fvcore adds 1 an output element",
    "upsample_bilinear2d": "interpolation: fvcore adds 4 an output element",
    "grid_sampler": "interpolation: fvcore adds 4 an output element",
}

# Operators that fvcore leaves out, rightly: they hold no convolution and no matrix product. An
# operator that is in no table makes the headline a lower bound.
_ELEMENTWISE = "elementwise arithmetic: no product of matrices"
_POOLING = "additions or comparisons in windows"
_REDUCTION = "additions, comparisons or normalisation along an axis"
_INTERPOLATION = "copies or weighs neighbours"
_MOVES = "moves or makes numbers, computes none"
FREE: dict[str, tuple[str, ...]] = {
    _ELEMENTWISE: (
        *("add", "sub", "rsub", "mul", "div", "neg", "abs", "pow", "sqrt", "rsqrt", "reciprocal"),
        *("exp", "log", "log1p", "erf", "square", "sign", "maximum", "minimum"),
        *("sigmoid", "tanh", "silu", "gelu", "elu", "selu", "celu", "mish", "softplus", "prelu"),
        *("leaky_relu", "relu6", "hardtanh", "hardswish", "hardsigmoid", "log_sigmoid", "where"),
        *("threshold", "clamp_min", "clamp_max", "lt", "le", "ne", "round"),
    ),
    _POOLING: (
        *("max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d"),
        *("adaptive_avg_pool1d", "adaptive_avg_pool3d", "adaptive_max_pool1d"),
        *("adaptive_max_pool2d", "adaptive_max_pool3d", "max_pool2d_with_indices"),
    ),
    _REDUCTION: (
        *("mean", "sum", "amax", "amin", "min", "var", "std", "var_mean", "prod", "logsumexp"),
        *("softmax", "log_softmax", "linalg_vector_norm", "argmax", "cumsum"),
    ),
    _MOVES: (
        *("clone", "repeat", "repeat_interleave", "tile", "flip", "alias", "pad"),
        *("pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "native_channel_shuffle"),
        *("unflatten", "movedim", "expand_as", "view_as", "reshape_as", "broadcast_to"),
        *("im2col", "tensor_split", "ones_like", "feature_dropout"),
        *("alpha_dropout", "feature_alpha_dropout"),
    ),
    _INTERPOLATION: (
        *("upsample_nearest1d", "upsample_nearest3d", "upsample_linear1d", "upsample_trilinear3d"),
        *("_upsample_nearest_exact1d", "_upsample_nearest_exact2d", "_upsample_nearest_exact3d"),
        *("upsample_bicubic2d",),
    ),
}
WHY_FREE = {name: why for why, names in FREE.items() for name in names}


@dataclass(frozen=True)
class Count:
    """The result of fvcore's analysis.

    Attributes:
        own: Module's dotted name -> operator -> count without the module's children; '' is the
            model.
        by_operator: Operator -> count in the whole model.
        free: Operator that fvcore leaves out and that holds no product -> times.
        unknown: Operator that is in no table -> times; fvcore misses what it multiplies.
        inexact: Module's dotted name -> operators of its own whose products fvcore may miss.
        uncalled: Layers that the trace never entered.
        failed: Why fvcore could not follow forward; None where it could.
    """

    own: Mapping[str, Counter[str]]
    by_operator: Mapping[str, int]
    free: Mapping[str, int]
    unknown: Mapping[str, int]
    inexact: Mapping[str, Collection[str]]
    uncalled: list[str]
    failed: str | None = None


def count(model: nn.Module, image: Tensor) -> Count:
    """fvcore's count for one image; empty, with the reason, where fvcore cannot follow forward.

    Raises:
        MeasureError: forward returns no tensor, or fvcore counts an operator that no table knows.
    """
    _require_tensors(model(image), type(model).__name__)
    try:
        analysis = _traced(model, image)
    except Exception as error:  # tracing runs the architecture's own code and torch's tracer
        text = next(iter(str(error).splitlines()), "")
        why = f"{type(error).__name__}{': ' if text else ''}{text}"
        own: dict[str, Counter[str]] = {name: Counter() for name, _ in model.named_modules()}
        return Count(own, {}, {}, {}, dict.fromkeys(own, ("forward",)), [], failed=why)
    by_operator = {name: int(n) for name, n in analysis.by_operator().items()}
    _require_known(by_operator, type(model).__name__)
    uncounted = _plain(analysis.unsupported_ops())
    return Count(
        own=_own_counts(analysis.by_module_and_operator()),
        by_operator=by_operator,
        free={name: n for name, n in uncounted.items() if name in WHY_FREE},
        unknown={name: n for name, n in uncounted.items() if name not in WHY_FREE},
        inexact=_inexact(analysis),
        uncalled=_uncalled(model, analysis),
    )


def _inexact(analysis: Any) -> dict[str, list[str]]:
    """Module -> its own operators that no table knows, and `einsum`, which fvcore rounds."""
    counted = analysis.by_module_and_operator()
    missed = _own_counts({name: _plain(analysis.unsupported_ops(name)) for name in counted})
    own = _own_counts(counted)
    return {
        name: sorted({n for n in +missed[name] if n not in WHY_FREE} | {"einsum"} & set(own[name]))
        for name in counted
    }


def by_call(model: nn.Module, image: Tensor, layer: str, whole: Counter[str]) -> list[Counter[str]]:
    """Operator -> count of each call of the layer alone, in order, without the layer's children.

    Args:
        model: At rest.
        image: (1, channels, *sides).
        layer: Dotted name of a layer that is called more than once.
        whole: All calls together, as `count` found them.

    Returns:
        One count a call; nothing where a call cannot be traced by itself or the calls do not add
        up to the whole.
    """
    module = model.get_submodule(layer)
    inputs: list[tuple[Any, ...]] = []

    def keep(_module: nn.Module, args: Any, kwargs: Any) -> None:
        inputs.append(inspect.signature(module.forward).bind(*args, **kwargs).args)

    with module.register_forward_pre_hook(keep, with_kwargs=True):
        model(image)
    try:
        calls = [_own_counts(_traced(module, args).by_module_and_operator())[""] for args in inputs]
    except Exception:  # arguments by keyword alone, numbers, or what else the tracer refuses
        return []
    return calls if sum(calls, Counter()) == +whole else []


def _traced(module: nn.Module, inputs: Any) -> Any:
    """fvcore's analysis of one call; its loggers are off because `Count` holds their messages."""
    analysis = FlopCountAnalysis(module, inputs)
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    analysis.set_op_handle("aten::matmul", _matmul)
    with _without_known_warnings():
        analysis.total()
    return analysis


def _matmul(inputs: list[Any], outputs: list[Any]) -> Counter[str]:
    """Every number of the result is a sum over the first operand's last axis.

    fvcore's own formula leaves out the batches over which the smaller operand is broadcast.
    """
    summed = get_shape(inputs[0])[-1]
    return Counter({"matmul": math.prod(get_shape(outputs[0])) * summed})


def _require_tensors(output: Any, where: str) -> None:
    """fvcore's tracer takes tensors, and tuples, lists and dicts of them."""
    parts = output.values() if isinstance(output, dict) else output
    several = isinstance(output, tuple | list | dict) and all(isinstance(p, Tensor) for p in parts)
    if not several and not isinstance(output, Tensor):
        raise MeasureError(
            f"forward returns {type(output).__name__}, not a tensor",
            where=where,
            remedy="return the class scores alone",
        )


def _require_known(by_operator: Mapping[str, int], where: str) -> None:
    unknown = sorted(by_operator.keys() - PRODUCTS - NO_PRODUCTS.keys())
    if unknown:
        raise MeasureError(
            f"fvcore counts '{unknown[0]}', which is in no table",
            where=where,
            remedy="add it to LINEAR or NO_PRODUCTS in bench.measuring.counting.fvcore",
        )


def _plain(operators: Mapping[str, int]) -> Counter[str]:
    """'aten::relu_' -> 'relu': an operator in place costs as much as the other form."""
    plain: Counter[str] = Counter()
    for operator, times in operators.items():
        plain[operator.rpartition("::")[2].rstrip("_")] += times
    return plain


def total(counts: Mapping[str, float], operators: frozenset[str]) -> int:
    """Sum over these operators."""
    return int(sum(counts.get(operator, 0) for operator in operators))


def without_completion(counts: Mapping[str, float]) -> int:
    """fvcore's count alone."""
    return int(sum(n for operator, n in counts.items() if operator not in COMPLETED.values()))


def _uncalled(model: nn.Module, analysis: Any) -> list[str]:
    layers = subject.layers(model)
    idle: set[str] = analysis.uncalled_modules()
    return sorted(n for n in idle if n in layers and not isinstance(layers[n], nn.Identity))


def _own_counts(by_module: Mapping[str, Counter[str]]) -> dict[str, Counter[str]]:
    """Module's dotted name -> operator -> count without the module's children."""
    own = {name: Counter(counts) for name, counts in by_module.items()}
    for name, counts in by_module.items():
        if name:
            own[_parent(name, by_module)].subtract(counts)
    return own


def _parent(name: str, known: Mapping[str, Any]) -> str:
    """The nearest outer module that fvcore counted (it counts a shared module under one name)."""
    while name:
        name = name.rpartition(".")[0]
        if name in known:
            return name
    return ""

"""Receptive fields read off gradients: independent of every rule.

A pixel belongs to what an output sees exactly where the output's gradient with respect to it is
not zero. Weights are made positive, so that no path cancels another, and of the size of one over
the fan-in, so that nothing saturates; max-pooling, which picks, stands in as average-pooling.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from bench.measuring.receptive.intervals import Axis, Box
from bench.measuring.receptive.walk import GraphWalk, traced

torch.set_num_threads(1)  # tensors are tiny

SMOOTH_LAYERS: dict[type[nn.Module], type[nn.Module]] = {
    nn.MaxPool1d: nn.AvgPool1d,
    nn.MaxPool2d: nn.AvgPool2d,
    nn.MaxPool3d: nn.AvgPool3d,
    nn.AdaptiveMaxPool1d: nn.AdaptiveAvgPool1d,
    nn.AdaptiveMaxPool2d: nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool3d: nn.AdaptiveAvgPool3d,
}
SMOOTH_FUNCTIONS: dict[str, Any] = {
    "max_pool1d": functional.avg_pool1d,
    "max_pool2d": functional.avg_pool2d,
    "max_pool3d": functional.avg_pool3d,
    "adaptive_max_pool1d": functional.adaptive_avg_pool1d,
    "adaptive_max_pool2d": functional.adaptive_avg_pool2d,
    "adaptive_max_pool3d": functional.adaptive_avg_pool3d,
    "amax": torch.mean,
    "amin": torch.mean,
}


MAXIMA_ALONE = ("return_indices", "dilation")  # arguments that an average has not


def positive(model: nn.Module, seed: int = 0) -> nn.Module:
    """The same model in double precision and at rest, with positive weights and no maxima."""
    stream = torch.Generator().manual_seed(seed)
    model = model.double().eval().requires_grad_(requires_grad=False)
    for parameter in model.parameters():
        fan_in = max(parameter[0].numel(), 1) if parameter.dim() > 1 else 1
        drawn = torch.rand(parameter.shape, generator=stream, dtype=torch.double)
        parameter.copy_((drawn + 0.5) / fan_in)
    for name, layer in list(model.named_modules()):
        if type(layer) in SMOOTH_LAYERS and name:
            model.set_submodule(name, _smooth(layer))
    return model


def _smooth(layer: Any) -> nn.Module:
    kind = SMOOTH_LAYERS[type(layer)]
    if hasattr(layer, "output_size"):
        return kind(layer.output_size)
    return kind(layer.kernel_size, layer.stride, layer.padding, ceil_mode=layer.ceil_mode)


def image_of(*shape: int, seed: int = 0) -> Tensor:
    """Pixels between 0.2 and 0.9: no activation saturates and no logarithm sees a zero."""
    stream = torch.Generator().manual_seed(seed)
    return 0.2 + 0.7 * torch.rand(1, *shape, generator=stream, dtype=torch.double)


class Followed(GraphWalk):
    """A walk whose results stay at hand, with their gradients; gates may be cut off them."""

    def __init__(self, model: nn.Module, image: Tensor, *, cut_gates: bool) -> None:
        super().__init__(traced(model), image.clone().requires_grad_())
        self.cut_gates = cut_gates
        self.results: dict[fx.Node, Any] = {}

    def run_node(self, n: fx.Node) -> Any:
        self.results[n] = super().run_node(n)
        return self.results[n]

    def fetch_args_kwargs_from_env(self, n: fx.Node) -> Any:
        args, kwargs = super().fetch_args_kwargs_from_env(n)
        whole = [id(self.env[node]) for node in n.all_input_nodes if self._sees_all(node)]
        local = any(node in self.views and not self._sees_all(node) for node in n.all_input_nodes)
        if self.cut_gates and local:
            args = tuple(arg.detach() if id(arg) in whole else arg for arg in args)
        return args, kwargs

    def _sees_all(self, node: fx.Node) -> bool:
        return node in self.views and all(axis.dim is None for axis in self.views[node])

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        smooth = SMOOTH_FUNCTIONS.get(getattr(target, "__name__", ""))
        if smooth is None:
            return super().call_function(target, args, kwargs)
        return smooth(*args, **{k: v for k, v in kwargs.items() if k not in MAXIMA_ALONE})

    def call_method(self, target: str, args: Any, kwargs: Any) -> Any:
        return super().call_method("mean" if target in ("amax", "amin") else target, args, kwargs)


def followed(model: nn.Module, image: Tensor, *, cut_gates: bool) -> Followed:
    walk = Followed(model, image, cut_gates=cut_gates)
    walk.go()
    return walk


def support(result: Tensor, place: Mapping[int, int], image: Tensor) -> list[Box | None]:
    """First and last pixel along each axis on which the result depends at a place.

    Args:
        result: Any tensor of the walk, of one image.
        place: Dim -> position; all numbers along the other dims together.
        image: (1, channels, *sides); it requires a gradient.
    """
    index = [slice(None)] * result.dim()
    for dim, position in place.items():
        index[dim] = slice(position, position + 1)
    part = result[tuple(index)]
    part = (torch.view_as_real(part.resolve_conj()) if part.is_complex() else part).flatten()
    total = (part * (1 + torch.arange(len(part), dtype=torch.double))).sum()
    (gradient,) = torch.autograd.grad(total, image, retain_graph=True, allow_unused=True)
    touched = torch.zeros(0) if gradient is None else gradient[0].abs().sum(0).nonzero()
    if not len(touched):
        return [None] * (image.dim() - 2)
    firsts, lasts = touched.amin(0).tolist(), touched.amax(0).tolist()
    return list(zip(firsts, lasts, strict=True))


def claimed(axes: tuple[Axis, ...], place: Mapping[int, int], *, gates: bool) -> list[Box | None]:
    """The same as the rules have it; a position that is blind along one axis sees nothing."""
    boxes = [
        (axis.seen_with_gates if gates else axis.seen)[0 if axis.dim is None else place[axis.dim]]
        for axis in axes
    ]
    return [None] * len(boxes) if None in boxes else boxes


def places(shape: tuple[int, ...], dims: set[int], *, every: bool) -> list[dict[int, int]]:
    """Every position along these dims; or the centre and two opposite corners, where borders clip.

    Args:
        shape: The result's.
        dims: Along which positions lie.
        every: Whether all of them are wanted.
    """
    sides = {dim: shape[dim] for dim in sorted(dims)}
    if every:
        return [dict(zip(sides, at, strict=True)) for at in product(*map(range, sides.values()))]
    return [
        {dim: side // 2 for dim, side in sides.items()},
        dict.fromkeys(sides, 0),
        {dim: side - 1 for dim, side in sides.items()},
    ]


def disagreements(
    model: nn.Module, image: Tensor, *, gates: bool, every: bool = False
) -> list[str]:
    """Every step and position at which the rules and the gradients differ."""
    walk = followed(model, image, cut_gates=not gates)
    found = []
    for node, axes in walk.views.items():
        result = walk.results[node]
        if not isinstance(result, Tensor) or not result.requires_grad:
            continue
        dims = {axis.dim for axis in axes if axis.dim is not None}
        for place in places(tuple(result.shape), dims, every=every):
            real = support(result, place, walk.image)
            said = claimed(axes, place, gates=gates)
            if real != said:
                found.append(f"{node.name} at {place}: rules {said}, gradient {real}")
    return found

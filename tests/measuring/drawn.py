"""Networks drawn from every layer that the table of receptive fields knows, in every form of call.

A layer is called as a module or as the function of the same name, with its arguments by position or
by keyword. Behind layers of two dims a network may go on in another layout: rows as channels,
pixels in a row, tokens, or a third dim.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

SIDES = {1: (13,), 2: (8, 7), 3: (5, 4, 4)}
KEYWORD, FUNCTION = "keyword", "function"
FORMS = ((), (KEYWORD,), (FUNCTION,), (FUNCTION, KEYWORD))
CONVOLUTION = ("weight", "bias", "stride", "padding", "dilation", "groups")
TRANSPOSED = ("weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")
POOLING = ("kernel_size", "stride", "padding")

# A layer's class -> the function's name and the names of its arguments, in their order.
FUNCTIONS: dict[type[nn.Module], tuple[Callable[..., Any], Sequence[str]]] = {
    **{getattr(nn, f"Conv{n}d"): (getattr(functional, f"conv{n}d"), CONVOLUTION) for n in SIDES},
    **{
        getattr(nn, f"ConvTranspose{n}d"): (getattr(functional, f"conv_transpose{n}d"), TRANSPOSED)
        for n in SIDES
    },
    **{
        getattr(nn, f"{kind}Pool{n}d"): (getattr(functional, f"{kind.lower()}_pool{n}d"), POOLING)
        for kind in ("Max", "Avg")
        for n in SIDES
    },
    **{
        getattr(nn, f"Adaptive{kind}Pool{n}d"): (
            getattr(functional, f"adaptive_{kind.lower()}_pool{n}d"),
            ("output_size",),
        )
        for kind in ("Max", "Avg")
        for n in SIDES
    },
    nn.GroupNorm: (functional.group_norm, ("num_groups", "weight", "bias")),
    nn.LayerNorm: (functional.layer_norm, ("normalized_shape", "weight", "bias")),
    nn.RMSNorm: (functional.rms_norm, ("normalized_shape", "weight")),
    nn.Softmax: (functional.softmax, ("dim",)),
    nn.LogSoftmax: (functional.log_softmax, ("dim",)),
    nn.GLU: (functional.glu, ("dim",)),
    nn.ReLU: (functional.relu, ()),
    nn.GELU: (functional.gelu, ()),
    nn.Softplus: (functional.softplus, ("beta", "threshold")),
    nn.Sigmoid: (torch.sigmoid, ()),
    nn.Linear: (functional.linear, ("weight", "bias")),
    nn.PixelShuffle: (functional.pixel_shuffle, ("upscale_factor",)),
    nn.PixelUnshuffle: (functional.pixel_unshuffle, ("downscale_factor",)),
}


class Called(nn.Module):
    """A layer in one of `FORMS`."""

    def __init__(self, layer: nn.Module, form: tuple[str, ...]) -> None:
        super().__init__()
        self.layer, self.form = layer, form
        self.kind = type(layer)

    def forward(self, x: Tensor) -> Any:
        if FUNCTION not in self.form or self.kind not in FUNCTIONS:
            first = next(iter(signature(self.layer.forward).parameters))
            return self.layer(**{first: x}) if KEYWORD in self.form else self.layer(x)
        function, names = FUNCTIONS[self.kind]
        given = {name: getattr(self.layer, name) for name in names}
        if KEYWORD in self.form:
            return function(input=x, **given)
        return function(x, *given.values())


def _small(n: int, most: int) -> st.SearchStrategy[tuple[int, ...]]:
    return st.tuples(*[st.integers(1, most)] * n)


@st.composite
def convolutions(draw: st.DrawFn, n: int) -> nn.Module:
    """Some tap of every position lies on the map, even on one with a single position."""
    kind = getattr(nn, f"Conv{n}d")
    dilation = draw(_small(n, 2))
    kernel = tuple(draw(st.sampled_from([1, 3] if d > 1 else [1, 2, 3])) for d in dilation)
    if draw(st.booleans()):
        groups = draw(st.sampled_from([1, 2]))
        return kind(2, 2, kernel, padding="same", dilation=dilation, groups=groups)
    pairs = zip(kernel, dilation, strict=True)
    padding = tuple(
        draw(st.sampled_from([0, k - 1])) if d > 1 else draw(st.integers(0, k - 1))
        for k, d in pairs
    )
    return kind(2, 2, kernel, draw(_small(n, 2)), padding, dilation)


@st.composite
def poolings(draw: st.DrawFn, n: int) -> nn.Module:
    kernel = draw(_small(n, 3))
    most = 0 if n == 3 else 1  # the average that stands in wants the kernel to fit in such maps
    padding = tuple(draw(st.integers(0, k // 2 * most)) for k in kernel)
    kind = getattr(nn, f"{draw(st.sampled_from(['Max', 'Avg']))}Pool{n}d")
    return kind(kernel, draw(_small(n, 2)), padding)


@st.composite
def adaptive(draw: st.DrawFn, n: int) -> nn.Module:
    kind = getattr(nn, f"Adaptive{draw(st.sampled_from(['Max', 'Avg']))}Pool{n}d")
    return kind(draw(_small(n, 5)))


@st.composite
def transposed(draw: st.DrawFn, n: int) -> nn.Module:
    stride = draw(st.integers(1, 2))  # of at least the kernel: every position has a tap
    kernel = stride + draw(st.integers(0, 1))
    return getattr(nn, f"ConvTranspose{n}d")(2, 2, kernel, stride, draw(st.integers(0, 1)))


def paddings(n: int) -> list[nn.Module]:
    kinds = ["ReplicationPad", "ConstantPad", *(["ReflectionPad"] if n < 3 else [])]
    made = [getattr(nn, f"{kind}{n}d") for kind in kinds]
    return [kind(1, 0.5) if "Constant" in kind.__name__ else kind(1) for kind in made]


def others(n: int) -> list[nn.Module]:
    """Layers without a window, and those that change the number of positions."""
    norms = [getattr(nn, f"BatchNorm{n}d")(2), nn.GroupNorm(1, 2)]
    plain = [nn.ReLU(), nn.GELU(), nn.Softplus(), nn.Sigmoid(), nn.Dropout(), nn.Softmax(1)]
    modes = {1: ("nearest", "linear"), 2: ("nearest", "bilinear"), 3: ("nearest", "trilinear")}
    ups = [nn.Upsample(scale_factor=2, mode=mode) for mode in modes[n]]
    conv = getattr(nn, f"Conv{n}d")
    halves = [nn.Sequential(conv(2, 4, 1), nn.GLU(1))]
    shuffles = [
        nn.Sequential(nn.Conv2d(2, 8, 1), nn.PixelShuffle(2)),
        nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(8, 2, 1)),
    ]
    return [*norms, *plain, *ups, *halves, *paddings(n), *(shuffles if n == 2 else [])]


def stages(n: int) -> st.SearchStrategy[nn.Module]:
    """A layer for maps of n dims with two channels, in any form of call."""
    drawn = st.one_of(
        *(convolutions(n), poolings(n), adaptive(n), transposed(n)),
        # Made anew each time: a test changes what it is given.
        st.integers(0, len(others(n)) - 1).map(lambda at: others(n)[at]),
    )
    return st.builds(_called, drawn, st.sampled_from(FORMS))


def _called(layer: nn.Module, form: tuple[str, ...]) -> nn.Module:
    if isinstance(layer, nn.Sequential):
        return nn.Sequential(*(_called(each, form) for each in layer))
    return Called(layer, form)


# --- other layouts behind layers of two dims -----------------------------------------------------


class Rows(nn.Module):
    """Rows become the channels of one dim, or stay apart where the convolution is depthwise."""

    def __init__(self, n_rows: int, inner: nn.Module) -> None:
        super().__init__()
        self.one = nn.Conv2d(2, 1, 1)
        self.depthwise = nn.Conv1d(n_rows, n_rows, 3, padding=1, groups=n_rows)
        self.mix, self.inner = nn.Conv1d(n_rows, 2, 1), inner

    def forward(self, x: Tensor) -> Any:
        return self.inner(self.mix(self.depthwise(self.one(x).squeeze(1))))


class Columns(nn.Module):
    """The other way round: columns become channels, by a transposition."""

    def __init__(self, n_columns: int, inner: nn.Module) -> None:
        super().__init__()
        self.mix, self.inner = nn.Conv1d(n_columns, 2, 1), inner

    def forward(self, x: Tensor) -> Any:
        return self.inner(self.mix(x[:, 0].transpose(1, 2)))


class InARow(nn.Module):
    """The positions of a map lie one after another."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Any:
        return self.inner(x.flatten(2))


class Tokens(nn.Module):
    """Positions by features; each token by itself, then back to a map."""

    def __init__(self, sides: tuple[int, int], form: tuple[str, ...]) -> None:
        super().__init__()
        self.mix, self.norm = Called(nn.Linear(2, 2), form), Called(nn.LayerNorm(2), form)
        self.sides, self.after = sides, nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Any:
        x = self.norm(self.mix(x.flatten(2).transpose(1, 2)))  # (n, positions, 2)
        x = x.permute(0, 2, 1) * torch.ones(1, 2, 1)
        return self.after(x.reshape(-1, 2, *self.sides))


class Deep(nn.Module):
    """Channels become a third dim."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv3d(1, 2, (2, 3, 3), padding=(0, 1, 1))

    def forward(self, x: Tensor) -> Any:
        return self.conv(x.unsqueeze(1)).squeeze(2)


class Last(nn.Module):
    """Channels come last, and a norm over them."""

    def __init__(self, form: tuple[str, ...]) -> None:
        super().__init__()
        self.norm = Called(nn.RMSNorm(2), form)

    def forward(self, x: Tensor) -> Any:
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


@st.composite
def layouts(draw: st.DrawFn, sides: tuple[int, int]) -> nn.Module:
    """What follows a map (n, 2, *sides)."""
    inner = fitting(draw(st.lists(stages(1), max_size=2)), None, 2)
    form = draw(st.sampled_from(FORMS))
    kinds: list[Callable[[], nn.Module]] = [
        lambda: Rows(sides[0], inner),
        lambda: Columns(sides[1], inner),
        lambda: InARow(inner),
        lambda: Last(form),
        Deep,
    ]
    # Of a map one pixel high torch's BatchNorm2d in eval mode (2.7 to 2.15) misplaces a gradient
    # that comes in another order.
    kinds += [lambda: Tokens(sides, form)] if min(sides) > 1 else []
    return draw(st.sampled_from(kinds))()


def fitting(layers: Sequence[nn.Module], x: Tensor | None, most: int) -> nn.Sequential:
    """The longest beginning that the map is large enough for, and small enough to follow.

    Args:
        layers: In their order.
        x: What the first one gets; None: they are tried where they are used.
        most: Times the sides may grow.
    """
    kept: list[nn.Module] = []
    for layer in layers if x is not None else []:
        assert x is not None
        try:
            after = layer.eval()(x)
        except (RuntimeError, ValueError):  # a kernel or a padding larger than the map
            break
        if not 0 < after[0, 0].numel() <= most * x[0, 0].numel():
            break
        kept.append(layer)
        x = after
    return nn.Sequential(*(kept if x is not None else layers))


@st.composite
def networks(draw: st.DrawFn) -> tuple[nn.Module, tuple[int, ...]]:
    """A network of maps with one, two or three dims, and its images' sides."""
    n = draw(st.sampled_from(sorted(SIDES)))
    image = torch.ones(1, 2, *SIDES[n])
    body = fitting(draw(st.lists(stages(n), min_size=1, max_size=3)), image, 2)
    before = getattr(nn, f"Conv{n}d")(1, 2, 1) if draw(st.booleans()) else Squared()
    if n == 2 and draw(st.booleans()):
        sides = tuple(body(image).shape[2:])
        body.append(draw(layouts((sides[0], sides[1]))))
    return nn.Sequential(before, body), SIDES[n]


class Squared(nn.Module):
    """The image as two channels, each pixel by itself."""

    def forward(self, x: Tensor) -> Any:
        return torch.cat(tensors=[x, x * x], dim=1)

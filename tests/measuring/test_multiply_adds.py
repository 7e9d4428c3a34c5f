"""Multiply-adds on nets small enough to count by hand."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torchinfo
from torch import Tensor, nn
from torch.nn import functional

from bench.errors import MeasureError
from bench.measuring.measures import multiply_adds, parameters, receptive_field
from bench.spec import Measured

NO_COMPONENTS: dict[str, str] = {}


def headline(model: nn.Module, example: Tensor) -> int:
    """The measure's first figure."""
    value = multiply_adds.measure(model, example, NO_COMPONENTS).values["multiply_adds"]
    assert isinstance(value, int)
    return value


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (nn.Conv2d(4, 6, 3), 6 * 6 * 6 * 4 * 9),  # 6 maps of 6 x 6, each of 4 x 9 products
        (nn.Conv2d(4, 6, 3, bias=False), 6 * 6 * 6 * 4 * 9),  # bias additions do not count
        (nn.Conv2d(4, 4, 3, padding=1, groups=4), 4 * 8 * 8 * 9),  # depthwise
        (nn.Conv2d(4, 6, 3, stride=2, padding=1), 6 * 4 * 4 * 4 * 9),
        (nn.Conv2d(4, 6, 3, dilation=2), 6 * 4 * 4 * 4 * 9),  # holes cost nothing
        (nn.Sequential(nn.Flatten(), nn.Linear(256, 10)), 2560),
        (nn.Sequential(nn.BatchNorm2d(4), nn.ReLU(), nn.AvgPool2d(2)), 0),
    ],
)
def test_one_image_by_hand(layer: nn.Module, expected: int) -> None:
    assert headline(layer, torch.zeros(1, 4, 8, 8)) == expected
    assert headline(layer, torch.zeros(3, 4, 8, 8)) == expected  # one image, whatever the batch


class Loose(nn.Module):
    """A convolution as a function, a layer called twice, and one that is never called."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2, 1, 3, 3))
        self.mix = nn.Conv2d(2, 2, 1)
        self.spare = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.conv2d(x, self.weight)  # (n, 2, 6, 6)
        return torch.sigmoid(self.mix(self.mix(x))).mean((2, 3))


def test_functions_and_repeated_calls_are_counted_and_the_rest_is_told() -> None:
    measured = multiply_adds.measure(Loose(), torch.zeros(1, 1, 8, 8), {"mix": "Mixing"})
    counts = {name: row["multiply_adds"] for name, row in measured.layers.items()}
    assert counts == {"mix": 144, "mix (call 2)": 144, "(model)": 648, "spare": 0}
    assert measured.values["multiply_adds"] == 648 + 288
    assert sum(measured.components.values()) == 648 + 288
    assert measured.components["Mixing"] == 288
    assert "not counted by fvcore (operator: times): mean: 1, sigmoid: 1" in measured.notes
    assert "never called, so not counted: spare" in measured.notes


class Thrice(nn.Module):
    """A convolution called on three sizes, a shared norm, and a module of two functions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=1)
        self.norm = nn.BatchNorm2d(1)
        self.own = Kernels()

    def forward(self, x: Tensor) -> Tensor:  # (n, 1, 8, 8)
        x = self.norm(self.conv(x))
        x = self.norm(self.conv(functional.max_pool2d(x, 2)))
        x = self.conv(functional.max_pool2d(x, 2))
        return self.own(self.own(x))


class Kernels(nn.Module):
    """Two convolutions as functions: 1 and 9 multiply-adds a position."""

    def __init__(self) -> None:
        super().__init__()
        self.point = nn.Parameter(torch.ones(1, 1, 1, 1))
        self.square = nn.Parameter(torch.ones(1, 1, 3, 3))

    def forward(self, x: Tensor) -> Tensor:
        x = functional.conv2d(functional.conv2d(x, self.point), self.square, padding=1)
        return functional.conv2d(x, self.point, stride=2)


def test_each_call_of_a_shared_module_stands_in_its_own_row() -> None:
    """By hand: 9 products at each of 64, 16 and 4 positions; 4 + 36 + 1 and 1 + 9 + 1."""
    image = torch.zeros(1, 1, 8, 8)
    rows = multiply_adds.measure(Thrice(), image, {}).layers
    assert {name: row["multiply_adds"] for name, row in rows.items()} == {
        "conv": 576,
        "norm": 0,
        "conv (call 2)": 144,
        "norm (call 2)": 0,
        "conv (call 3)": 36,
        "own": 41,
        "own (call 2)": 11,
    }
    assert (rows["norm"]["fvcore_count"], rows["norm (call 2)"]["fvcore_count"]) == (128, 32)
    told = parameters.measure(Thrice(), image, {}).layers
    assert {name: (row["n_parameters"], row["output_shape"]) for name, row in told.items()} == {
        "conv": (10, [1, 8, 8]),
        "norm": (2, [1, 8, 8]),
        "conv (call 2)": (0, [1, 4, 4]),
        "norm (call 2)": (0, [1, 4, 4]),
        "conv (call 3)": (0, [1, 2, 2]),
        "own": (10, [1, 1, 1]),
        "own (call 2)": (0, [1, 1, 1]),
    }
    seen = receptive_field.measure(Thrice(), image, {}).layers
    assert [name for name in seen if not name.startswith("max_pool2d")] == [
        *("conv", "norm", "conv (call 2)", "norm (call 2)", "conv (call 3)"),
        *("own", "own.conv2d_1", "own.conv2d_2"),
        *("own (call 2)", "own (call 2).conv2d_4", "own (call 2).conv2d_5"),
    ]


class ByKeyword(nn.Module):
    """A layer called twice with a keyword: fvcore cannot count such a call by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.scaled = Scaled()

    def forward(self, x: Tensor) -> Tensor:
        return self.scaled(self.scaled(x, times=1), times=2)


class Scaled(nn.Module):
    """Takes a number by keyword."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, 1, 3, 3))

    def forward(self, x: Tensor, *, times: int) -> Tensor:
        return functional.conv2d(x, self.weight, padding=1) * times


def test_calls_that_cannot_be_counted_alone_stay_together_in_the_first_row() -> None:
    rows = multiply_adds.measure(ByKeyword(), torch.zeros(1, 1, 4, 4), {}).layers
    assert {name: row["multiply_adds"] for name, row in rows.items()} == {"scaled": 288}


class Attention(nn.Module):
    """An operator that fvcore does not know, beside a layer that it does."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(8, 8, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.mix(x)
        return functional.scaled_dot_product_attention(x, x, x)


class Recurrent(nn.Module):
    """A layer whose products fvcore does not see."""

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.cells = kind(8, 3, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        states: Tensor = self.cells(x[:, 0])[0]
        return states


def parts(measured: Measured) -> dict[str, dict[str, Any]]:
    return {row["part"]: row for row in measured.tables["reconciliation"]}


def test_torchs_counter_completes_fvcores() -> None:
    """By hand: 8 rows of 8 features; queries by keys, weights by values."""
    measured = multiply_adds.measure(Attention(), torch.zeros(1, 1, 8, 8), NO_COMPONENTS)
    assert (measured.values["multiply_adds"], measured.at_least) == (512 + 2 * 512, False)
    assert measured.values["fvcore_total"] == 512
    row = parts(measured)["matrix product"]
    assert (row["multiply_adds"], row["fvcore"], row["torch_flops"]) == (1536, 512, 2 * 1536)
    assert "fvcore does not know 1,024 of them" in row["why"]
    assert measured.layers["(model)"]["multiply_adds"] == 1024


@pytest.mark.parametrize(
    ("kind", "gates"), [(nn.GRU, 3), (nn.LSTM, 4), (nn.RNN, 1)], ids=lambda each: str(each)
)
def test_products_inside_of_a_recurrent_layer_are_counted(kind: Any, gates: int) -> None:
    measured = multiply_adds.measure(Recurrent(kind), torch.zeros(1, 1, 8, 8), NO_COMPONENTS)
    # 8 steps of 3 cells, from 8 inputs and 3 states
    assert (measured.values["multiply_adds"], measured.at_least) == (8 * gates * 3 * 11, False)
    assert measured.layers["cells"]["multiply_adds"] == measured.values["multiply_adds"]


def test_work_that_the_output_does_not_need_is_left_out_and_told() -> None:
    class Spare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.idle = nn.Conv2d(1, 1, 3), nn.Conv2d(1, 2, 3)

        def forward(self, x: Tensor) -> Tensor:
            self.idle(x).add_(1)
            torch.mm(x[0, 0], x[0, 0])
            y: Tensor = self.used(x)
            return y

    measured = multiply_adds.measure(Spare(), torch.zeros(1, 1, 8, 8), NO_COMPONENTS)
    assert measured.values["multiply_adds"] == 9 * 36
    idle = "not counted, since the output does not depend on it: (model): 512, idle: 648"
    assert idle in measured.notes


class Weighed(nn.Module):
    """Weights that are multiplied position by position."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(8, 8))

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.weight).amax((2, 3))


def test_a_zero_that_is_not_known_is_at_least_zero() -> None:
    measured = multiply_adds.measure(Weighed(), torch.zeros(1, 1, 8, 8), NO_COMPONENTS)
    assert (measured.values["multiply_adds"], measured.at_least) == (0, True)
    assert any("weights are multiplied element by element only" in n for n in measured.notes)
    plain = multiply_adds.measure(nn.MaxPool2d(2), torch.zeros(1, 1, 8, 8), NO_COMPONENTS)
    assert (plain.values["multiply_adds"], plain.at_least) == (0, False)


def test_complex_products_say_their_convention() -> None:
    class Complex(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(8, 3, dtype=torch.cfloat))

        def forward(self, x: Tensor) -> Tensor:
            return (x[:, 0].to(torch.cfloat) @ self.weight).abs()

    measured = multiply_adds.measure(Complex(), torch.zeros(1, 1, 8, 8), NO_COMPONENTS)
    assert (measured.values["multiply_adds"], measured.at_least) == (8 * 8 * 3, False)
    convention = "a multiply-add of complex numbers counts as one; it is four of real numbers"
    assert convention in measured.notes
    counted = parameters.measure(Complex(), torch.zeros(1, 1, 8, 8), NO_COMPONENTS)
    assert counted.values["n_parameters"] == 24
    real = "a complex parameter counts as one: 24 of them, so 48 real numbers in all"
    assert real in counted.notes


def test_a_layer_that_fvcore_sees_otherwise_than_the_closed_form_fails_the_measure() -> None:
    class Halved(nn.Module):  # the layer says 4 channels of input, its weight has 2
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(4, 2, 3, groups=2)
            self.conv.in_channels = 8

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.conv(x.expand(1, 4, 8, 8))
            return y

    with pytest.raises(MeasureError, match=r"fvcore 1,296 .* closed form 2,592 \(layer 'conv'\)"):
        multiply_adds.measure(Halved(), torch.zeros(1, 1, 8, 8), NO_COMPONENTS)


def test_a_layer_whose_forward_was_replaced_is_counted_as_what_it_does() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 3))
    inner = model[0]
    model[0].forward = lambda x: functional.conv2d(functional.conv2d(x, inner.weight), inner.weight)
    measured = multiply_adds.measure(model, torch.zeros(1, 1, 8, 8), NO_COMPONENTS)
    assert measured.values["multiply_adds"] == 9 * (36 + 16)
    row = parts(measured)["convolution"]
    assert (row["closed_form"], row["torch_flops"]) == (0, 2 * 9 * 52)
    assert row["why"].endswith("the closed form leaves out functions in 0")


def test_the_three_counts_are_reconciled_to_the_last_one() -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3),
        nn.BatchNorm2d(4),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 2),
    )
    measured = multiply_adds.measure(model, torch.zeros(1, 1, 8, 8), NO_COMPONENTS)
    columns = ("multiply_adds", "fvcore", "torch_flops", "closed_form")
    found = {part: tuple(row[c] for c in columns) for part, row in parts(measured).items()}
    conv, linear, norm, pool = 36 * 4 * 9, 8, 2 * 4 * 36, 4 * 36
    assert found == {
        "convolution": (conv, conv, 2 * conv, conv),
        "matrix product": (linear, linear, 2 * linear, linear),
        "batch_norm": (0, norm, 0, 0),
        "adaptive_avg_pool2d": (0, pool, 0, 0),
        "total": (
            conv + linear,
            conv + linear + norm + pool,
            2 * (conv + linear),
            conv + linear,
        ),
    }
    assert measured.values["fvcore_total"] == found["total"][1]
    split = measured.tables["fvcore_by_layer_and_operator"]
    assert [(row["layer"], row["operator"], row["fvcore_count"]) for row in split] == [
        ("0", "conv", conv),
        ("1", "batch_norm", norm),
        ("2", "adaptive_avg_pool2d", pool),
        ("4", "linear", linear),
    ]


def test_torchinfo_counts_the_same_where_its_convention_is_the_same() -> None:
    model = nn.Sequential(  # without biases and norms, which torchinfo counts
        nn.Conv2d(1, 6, 3, stride=2, bias=False),
        nn.ReLU(),
        nn.Conv2d(6, 6, 3, groups=3, padding=1, bias=False),
        nn.Flatten(),
        nn.Linear(6 * 13 * 13, 10, bias=False),
    )
    example = torch.zeros(1, 1, 28, 28)
    oracle = torchinfo.summary(model, input_data=example, verbose=0)
    assert headline(model, example) == oracle.total_mult_adds

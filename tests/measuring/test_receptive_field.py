"""Receptive fields by hand and against the support of input gradients."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import inf
from typing import Any

import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from bench.errors import MeasureError
from bench.measuring.measures import receptive_field
from bench.records.receptive_fields import headline, shown
from bench.spec import Measured

IMAGE = torch.zeros(1, 1, 28, 28)


class Function(nn.Module):
    """A forward written as a function of the image and of some layers."""

    def __init__(self, body: Callable[..., Any], *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.body = body

    def forward(self, x: Tensor) -> Any:
        return self.body(x, *self.layers)


def conv(kernel: Any = 3, channels_in: int = 1, channels_out: int = 1, **options: Any) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, kernel, **options)


def measured(model: nn.Module, image: Tensor = IMAGE) -> Measured:
    return receptive_field.measure(model, image, {})


def pixels(model: nn.Module) -> int:
    value = measured(model).values["receptive_field_pixels"]
    assert isinstance(value, int)
    return value


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (nn.Sequential(conv(), conv()), 5),
        (nn.Sequential(conv(stride=2), conv()), 7),  # 3 + 2 * 2
        (nn.Sequential(conv(dilation=2), conv(dilation=3)), 11),  # 1 + 4 + 6
        (nn.Sequential(conv(), nn.MaxPool2d(2), conv()), 8),  # 3, 4 at jump 2, 4 + 2 * 2
        (nn.Sequential(conv(7, stride=2, padding=3), nn.MaxPool2d(3, 2, 1)), 11),  # ResNet's stem
        (nn.Sequential(nn.AdaptiveAvgPool2d(14), conv()), 6),  # as pooling by 2: 2 + 2 * 2
        (nn.Sequential(nn.ReflectionPad2d(1), conv(), nn.Hardswish()), 3),
        (nn.Sequential(conv(1), nn.AdaptiveAvgPool2d(1)), 1),
        (nn.Sequential(nn.AdaptiveAvgPool2d(20)), 3),  # 28 dealt to 20: 2 or 3 pixels each
        (nn.Sequential(nn.MaxPool2d(2), nn.Upsample(scale_factor=2), conv()), 4),  # 2 pairs
        (nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear")), 2),
        (nn.Sequential(nn.ConvTranspose2d(1, 1, 4, stride=2)), 2),  # 4 taps, every second one
        (nn.Sequential(conv(2, stride=2), nn.ConvTranspose2d(1, 1, 2, stride=2), conv()), 4),
        (nn.Sequential(conv(5), nn.Flatten(), nn.Linear(576, 10)), 5),  # the map before the head
        (nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), 28),  # no map: all of it at once
    ],
)
def test_by_hand(model: nn.Module, expected: int) -> None:
    assert pixels(model) == expected


def vgg16() -> nn.Module:
    """Simonyan and Zisserman 2014, configuration D, one channel wide."""
    blocks = [[conv(padding=1) for _ in range(n)] + [nn.MaxPool2d(2)] for n in (2, 2, 3, 3, 3)]
    return nn.Sequential(*[layer for block in blocks for layer in block])


def alexnet() -> nn.Module:
    """Krizhevsky 2014 (arXiv 1404.5997), one channel wide."""
    return nn.Sequential(
        *(conv(11, stride=4, padding=2), nn.MaxPool2d(3, 2)),
        *(conv(5, padding=2), nn.MaxPool2d(3, 2)),
        *(conv(padding=1), conv(padding=1), conv(padding=1), nn.MaxPool2d(3, 2)),
    )


@pytest.mark.parametrize(("model", "expected"), [(alexnet(), 195), (vgg16(), 212)])
def test_published_receptive_fields(model: nn.Module, expected: int) -> None:
    """The table of Araujo et al., Distill 2019: alexnet_v2 and vgg_16."""
    found = measured(model, torch.zeros(1, 1, 224, 224))
    assert found.values["receptive_field_pixels"] == expected


@pytest.mark.parametrize(
    "head",
    [
        lambda x: functional.adaptive_avg_pool2d(x, 1).flatten(1),
        lambda x: functional.avg_pool2d(x, 24).view(-1, 1),
        lambda x: functional.max_pool2d(x, kernel_size=24)[:, :, 0, 0],
        lambda x: x.mean((2, 3)),
        lambda x: x.mean([-2, -1], keepdim=True).squeeze(-1).squeeze(-1),
        lambda x: torch.amax(x, dim=(2, 3)),
        lambda x: x.mean(3, keepdim=True).mean(2, keepdim=True).flatten(1),
        lambda x: x.flatten(2).mean(-1),
        lambda x: x.view(x.size(0), x.shape[1], -1).mean(2),
    ],
)
def test_global_pooling_however_it_is_written(head: Callable[[Tensor], Tensor]) -> None:
    found = measured(Function(lambda x, a, b: torch.log_softmax(head(b(a(x))), 1), conv(), conv()))
    assert found.values["receptive_field_pixels"] == 5
    tail = measured(Function(lambda x, a, b: b(head(a(x))), conv(5), nn.Linear(1, 10)))
    assert tail.layers["layers.1"]["receptive_field"] == 28
    assert tail.layers["layers.1"]["jump"] is None


def test_branches_meet_in_the_interval_from_first_to_last() -> None:
    def body(x: Tensor, wide: nn.Module, narrow: nn.Module, after: nn.Module) -> Any:
        return after(torch.cat([wide(x), narrow(x)], dim=1))

    model = Function(body, conv(5, padding=2), conv(1), conv(channels_in=2))
    assert pixels(model) == 7
    # A branch that looks one way only widens to that side: rows 0..2 and 0..0 shifted by the pad.
    shifted = Function(lambda x, c: c(functional.pad(x, (2, 0, 2, 0))) + x, conv())
    assert pixels(shifted) == 3
    apart = Function(lambda x, c: c(functional.pad(x, (4, -2, 4, -2))) + x, conv())
    assert pixels(apart) == 5  # -4 ... -2 and 0


def test_a_slice_strides() -> None:
    assert pixels(Function(lambda x, c: c(x[:, :, ::2, 1::2]), conv())) == 5
    assert pixels(Function(lambda x, c: c(x[..., 1:]), conv())) == 3


def test_the_halves_of_a_map_see_what_the_map_sees() -> None:
    def body(x: Tensor, a: nn.Module, b: nn.Module) -> Any:
        left, right = a(x).chunk(2, 1)
        return b(left) + functional.pad(right, (-1, -1, -1, -1))

    assert pixels(Function(body, conv(channels_out=2), conv())) == 5


def test_a_gate_leaves_the_local_path() -> None:
    def body(x: Tensor, a: nn.Module, squeeze: nn.Module, b: nn.Module) -> Any:
        x = a(x)
        return b(x * torch.sigmoid(squeeze(x.mean((2, 3))))[:, :, None, None])

    found = measured(Function(body, conv(), nn.Linear(1, 1), conv()))
    last = found.layers["layers.2"]
    assert (last["receptive_field"], last["receptive_field_with_gates"]) == (5, 28)
    assert found.values["receptive_field_pixels"] == 5
    assert found.values["receptive_field_with_gates_pixels"] == 28
    assert any("gates, which see everything: step 'mul' of (model)" in note for note in found.notes)


@pytest.mark.parametrize(
    "norm",
    [nn.GroupNorm(1, 2), nn.InstanceNorm2d(2), nn.BatchNorm2d(2, track_running_stats=False)],
)
def test_a_norm_over_positions_is_a_gate(norm: nn.Module) -> None:
    found = measured(nn.Sequential(conv(channels_out=2), norm)).values
    assert found["receptive_field_pixels"] == 3
    assert found["receptive_field_with_gates_pixels"] == 26 + 2


def test_rows_follow_the_data_and_tell_the_window() -> None:
    model = Function(lambda x, first, second: first(second(x)), conv(3), conv((5, 1), stride=2))
    found = measured(model)
    assert list(found.layers) == ["layers.1", "layers.0"]
    assert found.layers["layers.1"] == {
        "operation": "Conv2d",
        "kernel": "5x1",
        "stride": 2,
        "groups": 1,
        "receptive_field": "5x1",
        "receptive_field_with_gates": "5x1",
        "jump": 2,
        "start": 0,
        "output_shape": [1, 12, 14],
    }
    assert found.layers["layers.0"]["receptive_field"] == "9x5"
    assert found.values["receptive_field_pixels"] == 9
    assert "the headline is the longer side of 9 x 5" in found.notes


def test_a_function_joins_the_row_of_the_module_that_holds_its_weight() -> None:
    class Own(nn.Conv2d):
        """A subclass, so its forward is stepped into."""

    model = nn.Sequential(Own(1, 1, 3), nn.ReLU())
    assert list(measured(model).layers) == ["0", "1"]
    assert list(measured(Own(1, 1, 3)).layers) == ["(model)"]


def test_functions_have_rows_too() -> None:
    weight = torch.ones(1, 1, 3, 3)
    model = Function(lambda x: functional.max_pool2d(torch.conv2d(x, weight, stride=2), 3, 1, 1))
    rows = measured(model).layers
    assert [(r["kernel"], r["receptive_field"], r["jump"]) for r in rows.values()] == [
        (3, 3, 2),
        (3, 7, 2),
    ]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            nn.Sequential(conv(), nn.FractionalMaxPool2d(2, 13)),
            r"no receptive-field rule for 'FractionalMaxPool2d' \(layer '1'\): add it to a line of",
        ),
        (
            Function(lambda x: torch.renorm(x, 2, 1, 1.0)),
            r"no receptive-field rule for 'renorm' \(step 'renorm' of \(model\)\)",
        ),
        (Function(lambda x: x.cumsum(2)), "no receptive-field rule for 'cumsum'"),
        (Function(lambda x: x.flip(1).cumsum(3)), "no receptive-field rule for 'flip'"),
        (Function(lambda x: x.view(1, 4, 14, 14)), "view: reshapes"),
        (
            Function(lambda x, c: c(x) + x[:, :, 7:21, 7:21], conv(2, stride=2)),
            r"add: branches of uneven jumps \[1, 2\] .*give both branches the same strides",
        ),
        (
            nn.Upsample(scale_factor=1.5),
            r"interpolate: resizes \(28, 28\) to \(42, 42\) .*upsample by whole factors",
        ),
        (
            nn.Upsample(scale_factor=2, mode="bicubic"),
            "mode 'bicubic' has no rule .*INTERPOLATIONS",
        ),
        (
            Function(
                lambda x: functional.interpolate(x, (56, 56), mode="bilinear", antialias=True)
            ),
            "mode 'bilinear' with antialias has no rule",
        ),
        (conv(padding=1, padding_mode="circular"), "circular padding"),
        (Function(lambda x: torch.conv2d(x, x[:, :, :3, :3])), "several arguments depend on"),
        (Function(lambda x: (x, x)), "forward does not return one tensor"),
        (conv(channels_in=3), "forward raised RuntimeError: .*make forward accept"),
    ],
)
def test_what_no_rule_covers_raises(model: nn.Module, message: str) -> None:
    with pytest.raises(MeasureError, match=message) as caught:
        measured(model)
    assert "\n" not in str(caught.value)


def test_the_jump_falls_below_a_pixel_and_comes_back() -> None:
    up = nn.Upsample(scale_factor=2)
    rows = measured(nn.Sequential(up, up, conv(), nn.AvgPool2d(4))).layers.values()
    assert [row["jump"] for row in rows] == ["1/2", "1/4", "1/4", 1]


def test_the_start_is_told_for_each_axis() -> None:
    row = measured(conv(5, padding=(2, 0), stride=2)).layers["(model)"]
    assert (row["start"], row["receptive_field"], row["jump"]) == ("-2x0", 5, 2)


def dilated() -> nn.Module:
    """Yu and Koltun 2016 (arXiv 1511.07122), table 1 without the last two layers."""
    return nn.Sequential(*(conv(dilation=d, padding=d) for d in (1, 1, 2, 4, 8, 16)))


class UShaped(nn.Module):
    """Ronneberger et al. 2015 (arXiv 1505.04597), two levels, one channel wide."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(conv(padding=1), conv(padding=1))
        self.bottom = nn.Sequential(nn.MaxPool2d(2), conv(padding=1), conv(padding=1))
        self.up = nn.ConvTranspose2d(1, 1, 2, stride=2)
        self.merge = conv(padding=1, channels_in=2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.down(x)  # 5
        return self.merge(torch.cat([self.up(self.bottom(x)), x], dim=1))


def two_branches() -> nn.Module:
    """One convolution beside three."""
    deep = nn.Sequential(*(conv(padding=1) for _ in range(3)))
    return Function(lambda x, a, b: torch.cat([a(x), b(x)], 1), deep, conv(padding=1))


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (dilated(), 65),  # 1 + 2 * (1 + 1 + 2 + 4 + 8 + 16)
        # 5; pooled 6 at jump 2; 6 + 4 + 4 = 14; each up-position one of those; merged: 2 of them
        (UShaped(), 16),
        (two_branches(), 7),
    ],
)
def test_nets_of_the_literature_by_hand(model: nn.Module, expected: int) -> None:
    assert measured(model, torch.zeros(1, 1, 64, 64)).values["receptive_field_pixels"] == expected


class Deciding(nn.Module):
    """Which way it goes depends on the image, so there is no graph."""

    def __init__(self) -> None:
        super().__init__()
        self.small, self.large = conv(padding=1), conv(5, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.large(x) if x.mean() > 0.5 else self.small(x)
        x += 1 - x  # an in-place operator, and a number minus a tensor
        return x.flatten(1)


@pytest.mark.parametrize(("shade", "expected"), [(0.0, 3), (1.0, 5)])
def test_without_a_graph_this_inputs_way_is_followed_and_marked(
    shade: float, expected: int
) -> None:
    found = measured(Deciding(), torch.full((1, 1, 28, 28), shade))
    assert found.values["receptive_field_pixels"] == expected
    assert any(note.startswith("traced on this input, another may") for note in found.notes)


def test_shapes_may_decide_too() -> None:
    def body(x: Tensor, c: nn.Module) -> Any:
        return c(x) if x.shape[2] > 10 else x

    found = measured(Function(body, conv()))
    assert found.values["receptive_field_pixels"] == 3
    assert any("traced on this input" in note for note in found.notes)


def test_an_unknown_operation_is_named_without_a_graph_too() -> None:
    def body(x: Tensor) -> Any:
        return x.cumsum(2) if x.sum() >= 0 else x

    with pytest.raises(MeasureError, match="no receptive-field rule for 'cumsum'"):
        measured(Function(body))


WINDOWS = st.sampled_from(
    [
        lambda: nn.Conv2d(1, 1, 3, padding=1),
        lambda: nn.Conv2d(1, 1, 3),
        lambda: nn.Conv2d(1, 1, 7, dilation=3, padding=9),
        lambda: nn.Conv2d(1, 1, (1, 3), padding=(0, 1)),
        lambda: nn.Conv2d(1, 1, 1, stride=2),
        lambda: nn.MaxPool2d(2, ceil_mode=True),
        lambda: nn.Upsample(scale_factor=2),
        nn.ReLU,
    ]
)
ENDS: tuple[Callable[[], list[nn.Module]], ...] = (
    lambda: [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.ReLU()],
    lambda: [nn.AdaptiveMaxPool2d((1, 2)), nn.ReLU()],
    lambda: [nn.Flatten(), nn.ReLU()],
    lambda: [nn.AdaptiveAvgPool2d(1), nn.Conv2d(1, 10, 1)],
)


def in_order(text: Any) -> list[float]:
    """What is read on each axis; the whole image, or all that is seen of it, is the most."""
    sides = [inf if "whole" in part or "of" in part else float(part) for part in read(text)]
    return sides * (2 if len(sides) == 1 else 1)


def read(text: Any) -> list[str]:
    return str(text).replace(" x ", "x").split("x")


def _runs(chain: nn.Module) -> bool:
    """False where a map grew too small for its next window."""
    try:
        chain.eval()(IMAGE)
    except RuntimeError:
        return False
    return True


@given(st.lists(WINDOWS, max_size=6), st.sampled_from(ENDS))
@example([lambda: nn.Conv2d(1, 1, 7, dilation=3, padding=9)] * 2, ENDS[0])  # 39 pixels, then all
@settings(max_examples=60, deadline=None)
def test_along_a_chain_the_field_that_people_read_never_falls(
    windows: list[Callable[[], nn.Module]], end: Callable[[], list[nn.Module]]
) -> None:
    chain = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), *(make() for make in windows), *end())
    assume(_runs(chain))
    found = measured(chain)
    fields = [in_order(shown(row)) for row in found.layers.values()]
    for before, after in pairwise(fields):
        assert all(a <= b for a, b in zip(before, after, strict=True)), found.layers
    told = headline(found)
    assert told is not None
    maps = [row for row in found.layers.values() if row["jump"] is not None]
    columns = [(read(row["receptive_field"]), read(row["jump"])) for row in maps]
    assert told.last_map == max(
        int(size)
        for sizes, jumps in columns
        for size, jump in zip(sizes * 2, jumps * 2, strict=False)
        if jump != "0"  # this axis is pooled already
    )

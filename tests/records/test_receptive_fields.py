"""The headline's two fields and the column of a table, by hand."""

from __future__ import annotations

from typing import Any

import pytest

from bench.records.receptive_fields import headline, lines, shown
from bench.spec import Measured


def row(field: Any, jump: Any, shape: list[int], kernel: Any = 3, start: Any = 0) -> dict[str, Any]:
    return {
        "receptive_field": field,
        "jump": jump,
        "output_shape": shape,
        "kernel": kernel,
        "start": start,
    }


def measured(last_map: int, **layers: dict[str, Any]) -> Measured:
    values = {"receptive_field_pixels": last_map, "receptive_field_with_gates_pixels": last_map}
    return Measured(fields=(), values=values, layers=layers)


@pytest.mark.parametrize(
    ("field", "jump", "expected"),
    [
        (32, 4, 32),
        (28, None, "whole image"),
        (27, None, "27 of 28"),
        ("3x1", 1, "3x1"),
        ("28x14", "0x2", "whole x 14"),
        ("28x26", None, "whole x 26 of 28"),
        (28, "0x2", "whole x 28"),
        (5, "1/2", 5),
        ([3, 5], [1, 1], [3, 5]),
        (None, None, None),
        ("<b>", None, "<b>"),
        ("1/0", None, "1/0"),
    ],
)
def test_a_rows_field(field: Any, jump: Any, expected: Any) -> None:
    assert shown({"receptive_field": field, "jump": jump}) == expected
    assert shown({"receptive_field_with_gates": 28, "jump": None}) is None


def test_the_last_feature_map_is_named_with_its_layer() -> None:
    net = measured(
        32,
        conv=row(32, 4, [10, 7, 7]),
        pool=row(28, None, [10, 1, 1], kernel=None),
    )
    found = headline(net)
    assert found is not None
    assert (found.last_map, found.layer, found.output) == (32, "conv", "whole image")
    assert lines(net) == [
        ("Receptive field of the last feature map before everything is pooled (conv): 32 pixels"),
        "Receptive field of the output: whole image",
    ]


def test_of_two_branches_that_meet_the_one_that_sees_most_is_named() -> None:
    """A skip connection is called last, and sees less than the layers beside it."""
    net = measured(
        5, conv=row(5, 1, [4, 9, 9]), skip=row(3, 1, [4, 9, 9]), pool=row(28, None, [4, 1, 1])
    )
    assert [found.layer for found in (headline(net),) if found] == ["conv"]


def test_where_a_function_pools_the_output_sees_what_the_maps_positions_see() -> None:
    """Nine positions of a kernel of 1, 3 apart, see pixels 0 to 24; a branch beside it 1 to 25."""
    one = measured(1, conv=row(1, 3, [4, 9, 9]))
    assert [found.output for found in (headline(one),) if found] == ["25 of 28"]
    both = measured(1, a=row(1, 3, [4, 9, 9]), b=row(1, 3, [4, 9, 9], start=1))
    assert [found.output for found in (headline(both),) if found] == ["26 of 28"]
    padded = measured(3, conv=row(3, 1, [4, 28, 28], start=-1))
    assert [found.output for found in (headline(padded),) if found] == ["whole image"]


def test_without_a_map_the_first_layer_sees_the_whole_image() -> None:
    found = headline(measured(28, linear=row(28, None, [10], kernel=None)))
    assert found is not None
    assert (found.last_map, found.layer, found.output) == (28, None, "whole image")
    assert headline(measured(28)) is not None


def test_a_failed_measure_and_rows_of_another_kind_tell_nothing() -> None:
    failed = Measured(fields=(), values={}, error="no rule")
    assert (headline(failed), lines(failed)) == (None, [])
    odd = headline(measured(3, conv={"jump": 1, "output_shape": [1, 5, 5]}))
    assert odd is not None
    assert odd.output is None

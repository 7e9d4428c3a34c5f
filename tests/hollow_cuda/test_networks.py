"""Every network that ships, captured on the hollow CUDA.

It computes nothing, so nothing here tests a number. Numbers are tested on a CPU and, in the tests
that are marked `gpu`, on a device.
"""

from __future__ import annotations

import pytest

from tests.hollow_cuda import golden
from tests.hollow_cuda.build import HollowCuda
from tests.hollow_cuda.golden import Captured, capture_all, changes


@pytest.fixture(scope="module")
def captured(hollow: HollowCuda) -> Captured:
    return capture_all(hollow)


def test_every_network_is_captured_or_refused_for_its_known_reason(captured: Captured) -> None:
    known = golden.read()["refused"]
    assert captured.refused.keys() == known.keys()
    for name, reason in known.items():
        assert reason in captured.refused[name]
    assert {*captured.operations, *captured.refused} == set(golden.names())


def test_no_captured_network_breaks_a_rule_of_cuda(captured: Captured) -> None:
    """So no capture copies from or to pageable memory, either."""
    assert captured.violations == {}


def test_no_step_or_evaluation_asks_for_more_than_was_accepted(captured: Captured) -> None:
    accepted = golden.read()["operations"].get(golden.minor_version())
    if accepted is not None:  # of other versions the captures alone are tested
        assert not (told := changes(accepted, captured.operations)), "\n".join(told)


def test_nothing_that_torch_will_remove_is_called(captured: Captured) -> None:
    assert "deprecated" not in captured.stderr


def test_the_oldest_and_the_newest_torch_are_in_the_file() -> None:
    found = golden.read()["operations"]
    assert {"2.7", "2.15"} <= found.keys()
    for each in found.values():
        assert {*each, *golden.read()["refused"]} == set(golden.names())


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ([113, 76], []),
        ([114, 76], ["net: its step asks a GPU for 114 operations, more than the 113"]),
        ([113, 70], ["net: its evaluation asks a GPU for 70 operations, fewer than 76"]),
    ],
)
def test_a_rise_and_a_fall_are_told(now: list[int], said: list[str]) -> None:
    told = changes({"net": [113, 76]}, {"net": now})
    assert [line.startswith(part) for line, part in zip(told, said, strict=True)] == [True] * len(
        said
    )
    assert all(golden.COMMAND in line for line in told)


def test_a_new_and_a_missing_network_are_told() -> None:
    old, new = changes({"a_old": [1, 1]}, {"b_new": [1, 1]})
    assert old.startswith("a_old is no longer captured")
    assert new.startswith("b_new is new")

"""Slots, with what a CPU shows of them: who has which. Memory and captures need CUDA."""

from __future__ import annotations

from typing import Any

import pytest

from bench.inputs.datasets import Dataset
from bench.training.engine.data import prepare
from bench.training.engine.gpu.slots import Slots, recording
from bench.training.engine.gpu.turns import train_in_turns
from bench.training.engine.settings import numerics_of
from bench.training.engine.train import start
from tests.training.engine.stepping import CPU, load, spec_of


def test_no_two_have_one_slot_and_the_next_has_that_of_the_last() -> None:
    slots = Slots(CPU)
    with slots.lent() as first, slots.lent() as second:
        assert first is not second
    with slots.lent() as third, slots.lent() as fourth:
        assert {third, fourth} == {first, second}


def test_a_slot_is_handed_on_after_an_error_too() -> None:
    slots = Slots(CPU)
    with pytest.raises(MemoryError), slots.lent() as first:
        raise MemoryError
    with slots.lent() as second:
        assert second is first


@pytest.mark.parametrize("is_left", [False, True])
def test_a_run_gives_its_slot_back_at_its_end_and_when_it_is_left(
    small_data: Dataset, is_left: bool
) -> None:
    architecture = load("model_1")
    spec = spec_of(architecture, small_data, "graph")
    slots = Slots(CPU)
    with slots.lent() as only:
        pass
    with numerics_of(spec.numerics, CPU):
        data = prepare(small_data, spec, CPU)
        run = train_in_turns(start(architecture, spec, CPU), data, spec, slots=slots)
        next(run)
        with slots.lent() as other:
            assert other is not only
        if is_left:
            run.close()  # type: ignore[attr-defined]
        else:
            list(run)
    with slots.lent() as first, slots.lent() as second:
        assert {first, second} == {only, other}


class SpoiledGraph:
    """A graph whose capture cannot be ended, as after an error in it on a GPU."""

    def capture_begin(self, **_: object) -> None: ...

    def capture_end(self) -> None:
        raise RuntimeError("capture was invalidated")


def test_what_spoiled_a_capture_is_told() -> None:
    graph: Any = SpoiledGraph()
    with pytest.raises(MemoryError, match="first"), recording(graph, None):
        raise MemoryError("first")
    with pytest.raises(RuntimeError, match="invalidated"), recording(graph, None):
        pass

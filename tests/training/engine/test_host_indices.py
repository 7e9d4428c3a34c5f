"""Indices on the host, replaced by copies on a device; here the device is a CPU, or none at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.training.engine.host_indices import MOST_COPIES, DeviceIndices
from bench.training.engine.train import start
from tests.training.engine.stepping import CPU, load, spec_of

VALUES = torch.arange(24.0).reshape(4, 6)
READ = torch.tensor([[3, 0], [-1, 2]])


@pytest.mark.parametrize(
    "read",
    [
        lambda x: x[READ],
        lambda x: x[:, READ],
        lambda x: x[READ.int()],
        lambda x: x[..., READ, None],
        lambda x: x[READ, READ.flip(0)],
        lambda x: x[[2, 0, -1]],
        lambda x: x[:, [1, 3]],
        lambda x: x.index_put((READ,), torch.tensor(7.0)),
        lambda x: _written(x, READ),
        lambda x: _written(x, (slice(None), [1, 3])),
    ],
)
def test_what_is_read_and_written_is_the_same_and_the_index_is_copied_once(
    read: Callable[[Tensor], Tensor],
) -> None:
    indices = DeviceIndices(CPU)
    with indices:
        first, second = read(VALUES), read(VALUES)
    assert torch.equal(first, read(VALUES))
    assert torch.equal(second, read(VALUES))
    assert 1 <= len(indices.copies) <= 2


def _written(x: Tensor, index: Any) -> Tensor:
    x = x.clone()
    x[index] = -1.0
    return x


def test_the_copy_lies_on_the_device() -> None:
    meta = torch.device("meta")
    indices = DeviceIndices(meta)
    with indices:
        assert VALUES.to(meta)[READ].shape == (2, 2, 6)
        assert torch.equal(VALUES[READ], VALUES[READ.clone()])  # a tensor on the host: left alone
    assert [copy.device for copy in indices.copies.values()] == [meta]


def test_an_index_that_was_changed_is_never_served_stale() -> None:
    """By torch, or by NumPy, which torch does not see; in inference mode, too."""
    numbers = np.array([0, 1])
    index = torch.from_numpy(numbers)
    with DeviceIndices(CPU):
        for change in (lambda: None, lambda: index.add_(1), lambda: numbers.fill(3)):
            change()
            assert torch.equal(VALUES[index], VALUES.index_select(0, index))
        with torch.inference_mode():
            own = torch.tensor([2, 1])
            assert torch.equal(VALUES[own], VALUES.flip(0)[1:3])
            own.zero_()
            assert torch.equal(VALUES[own], VALUES[:1].expand(2, -1))


@pytest.mark.parametrize(
    "index",
    [2, slice(1, 3), None, torch.tensor(2), VALUES[:, 0] > 3, [True, False, True, False], []],
)
def test_what_is_no_index_of_numbers_is_left_to_torch(index: Any) -> None:
    indices = DeviceIndices(CPU)
    with indices:
        assert torch.equal(VALUES[index], VALUES.clone()[index])
    assert indices.copies == {}


def test_indices_that_change_at_every_call_do_not_add_up() -> None:
    indices = DeviceIndices(CPU)
    with indices:
        for first in range(2 * MOST_COPIES):
            index = torch.tensor([first, 0])
            assert torch.arange(200)[index].tolist() == [first, 0]
    assert len(indices.copies) == MOST_COPIES


def test_a_network_on_a_cpu_is_called_as_it_is(small_data: Any) -> None:
    architecture = load("model_1")
    state = start(architecture, spec_of(architecture, small_data, "eager"), CPU)
    assert state.trained is state.network
    assert state.scored is state.evaluated

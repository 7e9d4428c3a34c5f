"""The trial of a capture, with what a CPU can show of it: agreement, errors, a dead process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.errors import TrainingError
from bench.inputs import discover
from bench.spec import Architecture
from bench.training.engine.gpu.capturing import NotCapturable, refusal, require_capturable
from bench.training.engine.gpu.graphs import _recording

CPU = torch.device("cpu")
Write = Callable[..., Path]


def load(tmp_path: Path, name: str) -> Architecture:
    (found,) = discover.select(discover.scan(tmp_path / "architectures"), [name])
    return discover.load(found)


def test_a_network_that_computes_the_same_twice_is_not_refused(
    tmp_path: Path, write_architecture: Write
) -> None:
    write_architecture("tiny")
    torch.manual_seed(3)
    before = torch.get_rng_state()
    assert refusal(load(tmp_path, "tiny"), CPU) is None
    require_capturable(load(tmp_path, "tiny"), CPU)
    assert torch.equal(before, torch.get_rng_state())


def test_a_network_whose_steps_differ_is_refused(tmp_path: Path, write_architecture: Write) -> None:
    """As a captured step differs that drew a number from Python or counted its calls."""
    changes = "type(self).calls = getattr(type(self), 'calls', 0) + 1"
    output = "self.head(self.pool(self.features(images)).flatten(1)) * type(self).calls"
    write_architecture("counting", before=changes, output=output)
    with pytest.raises(NotCapturable, match="computes another loss"):
        require_capturable(load(tmp_path, "counting"), CPU)


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ("raise ValueError('no captures\\nplease')", "ValueError: no captures"),
        ("os._exit(9)", "its trial ended with exit code 9"),
    ],
)
def test_the_reason_is_one_line(
    tmp_path: Path, write_architecture: Write, before: str, reason: str
) -> None:
    write_architecture("bad", before=before)
    assert refusal(load(tmp_path, "bad"), CPU) == reason


@pytest.mark.parametrize(
    ("before", "told"),
    [
        ("raise RuntimeError('CUDA error: out of memory')", "CUDA error: out of memory"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "exit code -9"),
    ],
)
def test_a_trial_that_tells_of_the_device_alone_decides_nothing(
    tmp_path: Path, write_architecture: Write, before: str, told: str
) -> None:
    write_architecture("unlucky", before=before)
    with pytest.raises(TrainingError, match=f"cannot tell whether 'unlucky' .* {told}"):
        refusal(load(tmp_path, "unlucky"), CPU)


class SpoiledGraph:
    """A graph whose capture cannot be ended, as after an error in it on a GPU."""

    def capture_begin(self, **_: object) -> None: ...

    def capture_end(self) -> None:
        raise RuntimeError("capture was invalidated")


def test_what_spoiled_a_capture_is_told() -> None:
    graph: Any = SpoiledGraph()
    with pytest.raises(MemoryError, match="first"), _recording(graph, None):
        raise MemoryError("first")
    with pytest.raises(RuntimeError, match="invalidated"), _recording(graph, None):
        pass

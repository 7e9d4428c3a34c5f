"""A damaged checkpoint is never restored: its run starts afresh, with the bits of any other."""

from __future__ import annotations

import io
import os
import random
from pathlib import Path

import pytest
import torch

from bench.inputs.datasets import Dataset
from bench.records.store import Checkpoint, Suite
from bench.training import provenance
from bench.training.engine import checkpoint
from bench.training.engine.run import resumed
from bench.training.engine.train import State, start
from tests.training.engine.stepping import CPU, Kept, load, spec_of, trained

N_FLIPS = 400
ENVIRONMENT = provenance.environment(CPU, "tests")


@pytest.fixture(scope="module")
def content(small_data: Dataset) -> bytes:
    """The state of a run of two epochs after its first one."""
    architecture, kept = load("model_2"), Kept()
    trained(architecture, spec_of(architecture, small_data, "eager"), small_data, kept)
    return kept.written[0]


def gone_on(content: bytes, small_data: Dataset, kept: Checkpoint) -> State:
    """The state that a run begins with which finds that content on the disk."""
    architecture = load("model_2")
    kept.write(content)
    return resumed(architecture, spec_of(architecture, small_data, "eager"), ENVIRONMENT, kept)


def values(state: State) -> list[bytes]:
    return [bytes(each.detach().numpy()) for each in state.network.state_dict().values()]


@pytest.fixture
def kept(tmp_path: Path, small_data: Dataset) -> Checkpoint:
    return Suite(tmp_path, "local").checkpoint(spec_of(load("model_2"), small_data, "eager"))


def test_of_400_flipped_bits_400_are_found(
    content: bytes, small_data: Dataset, kept: Checkpoint
) -> None:
    architecture = load("model_2")
    fresh = values(start(architecture, spec_of(architecture, small_data, "eager"), CPU))
    assert values(gone_on(content, small_data, kept)) != fresh  # whole, it is gone on with
    stream = random.Random(28)
    for _ in range(N_FLIPS):
        damaged = bytearray(content)
        bit = stream.randrange(8 * len(content))
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.warns(UserWarning, match="checkpoint set aside as .*: it (is damaged|has no)"):
            state = gone_on(bytes(damaged), small_data, kept)
        assert state.epochs == []
        assert values(state) == fresh
        assert not kept.path.exists()
        assert kept.path.with_suffix(".unusable").read_bytes() == damaged


def test_a_checkpoint_of_an_older_version_has_no_digest(
    content: bytes, small_data: Dataset, kept: Checkpoint
) -> None:
    older = content[checkpoint.BEGIN :]
    assert "epochs" in torch.load(io.BytesIO(older), weights_only=True)
    with pytest.warns(UserWarning, match="an older version wrote it"):
        assert gone_on(older, small_data, kept).epochs == []


def test_a_pipe_in_the_place_of_a_checkpoint_is_not_read(
    content: bytes, small_data: Dataset, kept: Checkpoint
) -> None:
    kept.write(content)
    kept.path.unlink()
    os.mkfifo(kept.path)
    architecture = load("model_2")
    with pytest.warns(UserWarning, match="checkpoint set aside"):
        state = resumed(architecture, spec_of(architecture, small_data, "eager"), ENVIRONMENT, kept)
    assert state.epochs == []

"""What a run keeps, and what it must not: networks that are odd in one way each."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from torch import Tensor, nn

from bench.errors import StoreError
from bench.inputs.datasets import Dataset
from bench.records.store import Suite, digest_of_weights
from bench.spec import Architecture, EnginePath, Numerics, Recipe, RunSpec
from bench.training import provenance
from bench.training.engine import checkpoint
from bench.training.engine.network import weights_bytes, weights_sha256
from bench.training.engine.run import Result, run
from bench.training.engine.train import start
from bench.training.reproduction.outcome import STEP
from tests.training.engine.stepping import Kept, in_turns_alone

CPU = torch.device("cpu")
ENVIRONMENT = provenance.environment(CPU, "tests")


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Conv2d(1, 4, 3, stride=3)
        self.head = nn.Linear(4, 10)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images).mean(dim=(2, 3)))  # type: ignore[no-any-return]


class Broken(Plain):
    """Trains well and evaluates to nothing."""

    def forward(self, images: Tensor) -> Tensor:
        out = super().forward(images)
        return out if self.training else out * torch.nan


class Paced(Plain):
    """Its answers grow with every step, by a buffer that `state_dict` leaves out."""

    pace: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("pace", torch.ones(()), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        if self.training:
            with torch.no_grad():
                self.pace.mul_(1.1)
        return super().forward(images) * self.pace


class ByPython(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.gain = random.uniform(1, 2)

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images) * (self.gain + random.random())


class ByNumpy(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.gain = np.random.uniform(1, 2)  # noqa: NPY002

    def forward(self, images: Tensor) -> Tensor:
        return super().forward(images) * (self.gain + np.random.rand())  # noqa: NPY002


def architecture(build: Callable[[], nn.Module]) -> Architecture:
    return Architecture(
        name="odd",
        display_name="Odd",
        group="",
        path=Path("odd.py"),
        docstring="",
        source="",
        digest="odd",
        recipe=Recipe(peak_learning_rate=0.01, warmup_fraction=0.2, epochs=3, batch_size=128),
        components={},
        memory_format="channels_last",
        build=build,
    )


def spec_of(data: Dataset, path: EnginePath = "eager", **fields: float) -> RunSpec:
    return RunSpec(
        architecture="odd",
        architecture_digest="0dd",
        recipe=replace(architecture(Plain).recipe, **fields),
        seed=0,
        dataset=data.info,
        numerics=Numerics(memory_format="channels_last", path=path),
    )


def done(
    build: Callable[[], nn.Module], spec: RunSpec, data: Dataset, kept: Kept | None = None
) -> Result:
    alone = in_turns_alone if spec.numerics.path == "graph" else run
    return alone(architecture(build), spec, data, ENVIRONMENT, kept or Kept())


@pytest.mark.parametrize("path", ["eager", "graph"])
def test_scores_that_are_no_numbers_are_a_diverged_record_that_reads_back(
    path: EnginePath, tmp_path: Path, small_data: Dataset
) -> None:
    record = done(Broken, spec_of(small_data, path), small_data).record
    assert record.status == "diverged"
    # 600 images by 128
    assert record.reason == "loss is not finite in the evaluation after epoch 1, step 5"
    assert STEP.search(record.reason)
    suite = Suite(tmp_path, "local")
    suite.add_run(record, None)
    assert suite.runs() == [record]


@pytest.mark.parametrize("error", [StoreError("full", where="disk", remedy="."), OSError(28, "no")])
def test_trouble_of_the_machine_is_no_record(error: Exception, small_data: Dataset) -> None:
    class Full(Kept):
        def write(self, content: bytes) -> None:
            raise error

    with pytest.raises(type(error)):
        done(Plain, spec_of(small_data), small_data, Full())


@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_buffers_that_no_state_dict_holds_are_resumed(
    ema_decay: float, small_data: Dataset
) -> None:
    spec, kept = spec_of(small_data, ema_decay=ema_decay), Kept()
    whole = done(Paced, spec, small_data, kept)
    assert whole.record.status == "completed"
    for content in kept.written:
        left = Kept(content)
        resumed = done(Paced, spec, small_data, left)
        assert left.reasons == []
        assert resumed.record.weights_sha256 == whole.record.weights_sha256
        assert resumed.weights == whole.weights


@pytest.mark.parametrize("part", ["network", "average", "optimizer"])
@pytest.mark.parametrize("other", [{}, [], None, {"state": [], "head.bias": 0}])
def test_a_checkpoint_of_another_shape_leaves_the_state_as_it_was(
    part: str, other: object, tmp_path: Path, small_data: Dataset
) -> None:
    spec, kept = spec_of(small_data, ema_decay=0.9), Kept()
    done(Plain, spec, small_data, kept)
    (tmp_path / "kept").write_bytes(kept.written[0][checkpoint.BEGIN :])
    content = torch.load(tmp_path / "kept", weights_only=True)
    torch.save({**content, part: other}, tmp_path / "spoiled")
    state = start(architecture(Plain), spec, CPU)
    before = [each.clone() for each in state.network.parameters()]
    spoiled = checkpoint.with_digest((tmp_path / "spoiled").read_bytes())
    with pytest.raises(checkpoint.Unusable, match="does not fit"):
        checkpoint.restore(state, spoiled, spec.key, ENVIRONMENT.fingerprint)
    assert all(map(torch.equal, before, state.network.parameters()))
    assert state.epochs == []
    assert not state.optimizer.state


@pytest.mark.parametrize("build", [ByPython, ByNumpy])
def test_what_python_and_numpy_draw_is_the_runs_own(
    build: Callable[[], nn.Module], small_data: Dataset
) -> None:
    spec = spec_of(small_data)
    first = done(build, spec, small_data)
    random.seed(77)
    np.random.seed(77)  # noqa: NPY002
    states = random.getstate(), str(np.random.get_state())  # noqa: NPY002
    again = done(build, spec, small_data)
    assert (random.getstate(), str(np.random.get_state())) == states  # noqa: NPY002
    assert first.record.status == "completed"
    assert again.record.weights_sha256 == first.record.weights_sha256


class Mixed(Plain):
    """Ties, a layout of channels last, and a buffer that `state_dict` leaves out."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.again = self.head
        self.features.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.register_buffer("odd", torch.ones(2, 3).to(dtype), persistent=False)
        self.register_buffer("one", torch.ones((), dtype=dtype))


@pytest.mark.parametrize(
    "dtype",
    [
        *(torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64),
        *(torch.int8, torch.int16, torch.int32, torch.int64, torch.uint8, torch.bool),
        *(torch.float8_e4m3fn, torch.float8_e5m2),
    ],
)
def test_weights_in_a_file_have_the_digest_that_the_record_has(dtype: torch.dtype) -> None:
    """Without torch the digest is worked out of the file; else `verify` would call it damaged."""
    network = Mixed(dtype)
    assert digest_of_weights(weights_bytes(network)) == weights_sha256(network)

"""What the tests of the captured path share, on a CPU and on a GPU."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from msgspec.structs import replace

from bench.inputs import discover
from bench.inputs.datasets import Dataset
from bench.spec import Architecture, EnginePath, Environment, RunSpec
from bench.training import provenance
from bench.training.engine import checkpoint
from bench.training.engine.data import prepare
from bench.training.engine.gpu.graphs import Steps
from bench.training.engine.gpu.turns import TrainingContext, run_in_turns, train_in_turns
from bench.training.engine.network import weights_sha256
from bench.training.engine.run import CheckpointFile, Result, run
from bench.training.engine.settings import numerics_of
from bench.training.engine.train import State, maps_of, start
from bench.training.plan import Matrix, run_spec
from tests.support import ROOT

CPU = torch.device("cpu")
NAMES = ("model_1", "model_2", "model_3")
SIZE = (28, 28)
BATCH, EPOCHS = 64, 4  # of 600 images: 9 full steps and one of 24, so 40 steps


def load(name: str) -> Architecture:
    (found,) = discover.select(discover.scan(ROOT / "architectures"), [name])
    return discover.load(found)


def spec_of(
    architecture: Architecture,
    data: Dataset,
    path: EnginePath,
    device: torch.device = CPU,
    seed: int = 3,
) -> RunSpec:
    """The README's augmentation and schedule, with an average, smoothing and a short batch."""
    environment = provenance.environment(device, "tests")
    spec = run_spec(architecture, seed, Matrix([], [], data.info, environment))
    recipe = replace(
        spec.recipe.with_epochs(EPOCHS),
        batch_size=BATCH,
        ema_decay=0.9,
        label_smoothing=0.1,
        unaugmented_epochs=1,
    )
    return replace(spec, recipe=recipe, numerics=replace(spec.numerics, path=path))


def gently(spec: RunSpec) -> RunSpec:
    """At a learning rate under which differences in the last bit stay small."""
    return replace(spec, recipe=replace(spec.recipe, peak_learning_rate=1e-3))


class Kept:
    """A checkpoint file in memory that remembers every state."""

    def __init__(self, content: bytes | None = None) -> None:
        self.content, self.written, self.reasons = content, list[bytes](), list[str]()

    def read(self) -> bytes | None:
        return self.content

    def write(self, content: bytes) -> None:
        self.written.append(content)

    def set_aside(self, reason: str) -> None:
        self.reasons.append(reason)

    def clear(self) -> None:
        self.content = None


def trained(
    architecture: Architecture,
    spec: RunSpec,
    data: Dataset,
    kept: Kept | None = None,
    device: torch.device = CPU,
) -> Result:
    """The run to its end, as a worker of its path trains it."""
    environment = provenance.environment(device, "tests")
    alone = in_turns_alone if spec.numerics.path == "graph" else run
    result = alone(architecture, spec, data, environment, kept or Kept())
    assert result.record.status == "completed", result.record.reason
    return result


def in_turns_alone(
    architecture: Architecture,
    spec: RunSpec,
    data: Dataset,
    environment: Environment,
    kept: CheckpointFile,
) -> Result:
    """A run that takes turns and has no neighbour."""
    device = torch.device(environment.device)
    with numerics_of(spec.numerics, device):
        turns = run_in_turns(
            architecture,
            spec,
            lambda: prepare(data, spec, device),
            environment,
            kept,
            TrainingContext(),
        )
        while True:
            try:
                next(turns)
            except StopIteration as end:
                result: Result = end.value
                return result


def by_steps(
    architecture: Architecture,
    spec: RunSpec,
    data: Dataset,
    content: bytes | None = None,
    chunk: int = 7,
) -> State:
    """The run by uncaptured `Steps`, from a checkpoint where there is one."""
    with torch.random.fork_rng(devices=[]):
        state = start(architecture, spec, CPU)
    if content is not None:
        checkpoint.restore(state, content, spec.key, provenance.environment(CPU, "").fingerprint)
    steps = Steps(state, prepare(data, spec, CPU), spec, capture=False)
    for epoch in range(len(state.epochs) + 1, spec.recipe.epochs + 1):
        steps.begin(epoch, maps_of(spec, spec.dataset.shape[1:], epoch))
        while steps.advance(chunk):
            pass
        steps.evaluate()
        steps.finish()
    return state


def turns(
    architecture: Architecture, spec: RunSpec, data: Dataset, device: torch.device = CPU
) -> tuple[State, Iterator[str]]:
    """A run that waits for its turns, and its state."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        state = start(architecture, spec, device)
    return state, train_in_turns(state, prepare(data, spec, device), spec)


def digest(state: State) -> str:
    return weights_sha256(state.evaluated)


def measured(state_or_epochs: list[object]) -> list[object]:
    """Epochs without their times."""
    return [replace(each, train_seconds=0.0) for each in state_or_epochs]  # type: ignore[type-var]

"""Synthetic suites, written through `bench.records.store.Suite` as real runs are.

The numbers are made up but shaped like MNIST's; the three networks' parameters and components are
the true ones, so a table made of them can be checked against hand-worked sums.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from safetensors.numpy import save

from bench.evidence.claims import Published
from bench.inputs.digest import source_digest
from bench.inputs.discover import scan_all
from bench.machine import folder
from bench.records.foreign import NOWHERE, dataset_info, record_of
from bench.records.observations import (
    EffectiveField,
    FieldOfRun,
    Latency,
    ScoredWeights,
    Timing,
)
from bench.records.store import Suite, digest_of_weights
from bench.spec import (
    Augmentation,
    Claim,
    DatasetInfo,
    Document,
    Environment,
    Epoch,
    Field,
    Foreign,
    ForeignSpec,
    Measured,
    Numerics,
    Objective,
    Portrait,
    Recipe,
    RunRecord,
    RunSpec,
    digest,
)

MNIST = DatasetInfo(
    name="mnist",
    digest=digest(b"mnist"),
    n_train=54000,
    n_validation=6000,
    n_test=10000,
    split_seed=42,
)
MNIST5K = DatasetInfo(
    name="mnist5k",
    digest=digest(b"mnist5k"),
    n_train=3500,
    n_validation=500,
    n_test=1000,
    split_seed=42,
)
LAPTOP = Environment(
    fingerprint="0a1b2c3d4e5f",
    device="cpu",
    processor="Synthetic processor, 2 cores",
    torch="2.7.1",
    python="3.11.9",
    packages={"numpy": "2.4.6", "torchvision": "0.22.1"},
    commit="0123456789abcdef0123456789abcdef01234567",
    dirty=False,
    command="python -m bench all --seeds 5",
)
WORKSTATION = msgspec.structs.replace(
    LAPTOP, fingerprint="f5e4d3c2b1a0", processor="Another synthetic processor", torch="2.8.0"
)
NAMES = ("model_1", "model_2", "model_3")
# What the course's README asks of them.
OBJECTIVE = Objective(target=99.4, rate=0.9, parameters_below=8000, epochs_at_most=15)
DOCUMENT = Document(
    title="Session-6: MNIST CNN Optimization",
    label="README",
    networks=NAMES,
    sections=("results", "parameters"),
    components=("Conv Layers", "BatchNorm", "SE Attention", "Skip Connections", "Final Linear"),
    name="session6",
    objective=OBJECTIVE,
)
DISPLAY_NAMES = {"model_1": "Model_1", "model_2": "Model_2", "model_3": "Model_3"}
COMPONENTS = {
    "model_1": {"Conv Layers": 9710, "BatchNorm": 140},
    "model_2": {"Conv Layers": 6858, "BatchNorm": 144, "Skip Connections": 260},
    "model_3": {
        "Conv Layers": 6858,
        "BatchNorm": 144,
        "SE Attention": 256,
        "Skip Connections": 260,
    },
}
MULTIPLY_ADDS = {"model_1": 1665216, "model_2": 876512, "model_3": 876768}
# name, operation, output shape, parameters, multiply-adds, receptive field and jump in pixels
MODEL_1_LAYERS = (
    ("conv1", "Conv2d", [6, 28, 28], 60, 42336, 3, 1),
    ("conv2", "Conv2d", [12, 28, 28], 660, 508032, 5, 1),
    ("pool1", "MaxPool2d", [12, 14, 14], 0, 0, 6, 2),
    ("conv3", "Conv2d", [16, 14, 14], 1744, 338688, 10, 2),
    ("conv4", "Conv2d", [20, 14, 14], 2900, 564480, 14, 2),
    ("pool2", "MaxPool2d", [20, 7, 7], 0, 0, 16, 4),
    ("conv5", "Conv2d", [16, 7, 7], 2896, 141120, 24, 4),
    ("conv6", "Conv2d", [10, 7, 7], 1450, 70560, 32, 4),
)
LAYER_COLUMNS = {
    "parameters": ("operation", "output_shape", "n_parameters"),
    "multiply_adds": ("operation", "output_shape", "multiply_adds"),
    "receptive_field": ("receptive_field", "jump"),
}
ALL_COLUMNS = (
    "operation",
    "output_shape",
    "n_parameters",
    "multiply_adds",
    "receptive_field",
    "jump",
)


def recipe(epochs: int = 15) -> Recipe:
    """The README's recipe for Model_1."""
    return Recipe(
        peak_learning_rate=0.01,
        warmup_fraction=0.2,
        weight_decay=1e-4,
        epochs=epochs,
        augmentation=Augmentation(
            rotation_degrees=6.0,
            translate=0.08,
            scale_min=0.94,
            scale_max=1.06,
            shear_degrees=2.0,
        ),
    )


@cache
def source_of(architecture: str) -> str:
    """Digest of the shipped file, which a report in this checkout finds; else a made-up one."""
    found = (each for each in scan_all(folder("architectures")) if each.name == architecture)
    path = next((each.path for each in found), None)
    if path is None:
        return digest(architecture.encode())
    return source_digest(path, path.read_text(encoding="utf-8"))


def run_spec(architecture: str, seed: int, **changes: Any) -> RunSpec:
    """A run's spec; `changes` replace its fields."""
    spec = RunSpec(
        architecture=architecture,
        architecture_digest=source_of(architecture),
        recipe=recipe(),
        seed=seed,
        dataset=MNIST,
        numerics=Numerics(memory_format="channels_last"),
    )
    return msgspec.structs.replace(spec, **changes)


FINISHED = date(2026, 1, 31)


def record(
    architecture: str = "model_1",
    seed: int = 0,
    *,
    test_correct: int | None = None,
    environment: Environment = LAPTOP,
    **changes: Any,
) -> RunRecord:
    """A completed run whose last epoch has `test_correct` right answers.

    `changes` replace fields of the spec (`dataset`, `recipe`, `evaluate_test` ...).
    """
    spec = run_spec(architecture, seed, **changes)
    curve = _epochs(spec, test_correct)
    counts = [epoch.validation_correct for epoch in curve]
    known = RunRecord(
        engine_version=spec.engine_version,
        key=spec.key,
        status="completed",
        reason=None,
        architecture=architecture,
        architecture_digest=spec.architecture_digest,
        n_parameters=sum(COMPONENTS.get(architecture, {"all": 1234}).values()),
        recipe=spec.recipe,
        seed=seed,
        evaluate_test=spec.evaluate_test,
        dataset=spec.dataset,
        numerics=spec.numerics,
        environment=environment,
        epochs=curve,
        selected_epoch=counts.index(max(counts)) + 1,
        test_misses=[(247, 6), (321, 7)] if spec.evaluate_test else None,
        weights_sha256=digest_of_weights(WEIGHTS),
        train_seconds=sum(epoch.train_seconds for epoch in curve),
        finished_on=FINISHED,
    )
    return sound(known)


WEIGHTS = save({"layer.weight": np.zeros((2, 3), dtype=np.float32)})  # of every run


def sound(run: RunRecord) -> RunRecord:
    """The run after a change of its fields: its key, selected epoch and misses are made to fit.

    The misses that it lists stay as far as there are so many; others, of its own, join them.
    """
    counts = [epoch.validation_correct for epoch in run.epochs]
    known = [count for count in counts if count is not None]
    chosen = counts.index(max(known)) + 1 if known and run.completed else None
    run = msgspec.structs.replace(run, key=run.spec.key, selected_epoch=chosen)
    if run.test_misses is None:
        return run
    n_wrong = run.dataset.n_test - (run.epochs[-1].test_correct or 0)
    listed = {index: label for index, label in run.test_misses if index < run.dataset.n_test}
    stream = random.Random(f"{run.architecture}-{run.seed}-misses")
    drawn = stream.sample(range(run.dataset.n_test), min(n_wrong + 5, run.dataset.n_test))
    others = [index for index in drawn if index not in {247, 321, *listed}]
    others += [index for index in (247, 321) if index in drawn and index not in listed]
    rest = dict.fromkeys(others[: max(0, n_wrong - len(listed))], 1)
    misses = dict([*listed.items()][:n_wrong]) | rest
    return msgspec.structs.replace(run, test_misses=sorted(misses.items()))


def scored(architecture: str = "model_1", correct: int = 9948, **changes: Any) -> ScoredWeights:
    """An outcome of a file of weights whose last test images are missed; `changes` replace."""
    own = ScoredWeights(
        architecture=architecture,
        architecture_digest=source_of(architecture),
        dataset=MNIST,
        split="test",
        file="model.pt",
        file_sha256="a" * 64,
        weights_sha256="e" * 64,
        pixel_mean=(0.1307,),
        pixel_std=(0.3081,),
        numerics=Numerics(memory_format="contiguous_format"),
        environment=LAPTOP,
        n_images=MNIST.n_test,
        correct=correct,
        misses=[(index, 4, 9) for index in range(correct, MNIST.n_test)],
        scored_on=FINISHED,
    )
    return msgspec.structs.replace(own, **changes)


def failed(architecture: str = "model_1", seed: int = 0, **changes: Any) -> RunRecord:
    """A run that diverged in its third epoch."""
    whole = record(architecture, seed, **changes)
    return msgspec.structs.replace(
        whole,
        status="diverged",
        reason="the loss was not finite in epoch 3, step 17",
        epochs=whole.epochs[:2],
        selected_epoch=None,
        test_misses=None,
        weights_sha256=None,
    )


def runs(architecture: str, counts: Sequence[int | None], **changes: Any) -> list[RunRecord]:
    """One run a count of right answers, from seed 0 on; None for a run that diverged."""
    return [
        failed(architecture, seed, **changes)
        if count is None
        else record(architecture, seed, test_correct=count, **changes)
        for seed, count in enumerate(counts)
    ]


def not_ours(foreign: Foreign, dataset: str, n_test: int, test_correct: int) -> RunRecord:
    """A run of "wild", whose network nobody knows: imported, or of an own command."""
    spec = ForeignSpec(
        architecture="wild",
        architecture_digest=digest(b"wild"),
        seed=0,
        dataset=dataset_info(dataset, n_test),
        foreign=foreign,
    )
    epochs = [Epoch(epoch=1, test_correct=test_correct)]
    return record_of(spec, NOWHERE, "completed", None, epochs=epochs)


def portrait(architecture: str = "model_1", environment: Environment = LAPTOP) -> Portrait:
    """Measures, docstring and source of one of the three networks."""
    n_parameters = sum(COMPONENTS[architecture].values())
    return Portrait(
        architecture=architecture,
        architecture_digest=source_of(architecture),
        display_name=DISPLAY_NAMES[architecture],
        group="",
        docstring=f"{DISPLAY_NAMES[architecture]}: made up.\n\nFor tests <only> & no more.",
        source='"""A synthetic source."""\n\n\nclass Network:\n    pass  # 1 < 2 & "quoted"\n',
        recipe=recipe(),
        measures={
            "parameters": Measured(
                fields=(Field(name="n_parameters", title="Parameters", unit=""),),
                values={"n_parameters": n_parameters},
                layers=_layers("parameters"),
                components=COMPONENTS[architecture],
                notes=["Every trainable element counts once; buffers do not."],
            ),
            "multiply_adds": Measured(
                fields=(
                    Field(name="multiply_adds", title="Multiply-adds", unit=""),
                    Field(name="fvcore_total", title="fvcore's total", unit=""),
                ),
                values={
                    "multiply_adds": MULTIPLY_ADDS[architecture],
                    "fvcore_total": MULTIPLY_ADDS[architecture] + 90000,
                },
                layers=_layers("multiply_adds"),
                notes=[
                    "One multiply-add counts 1; one image, forward.",
                    "Not counted: aten::max_pool2d, aten::relu_.",
                ],
            ),
            "receptive_field": Measured(
                fields=(
                    Field(name="receptive_field_pixels", title="Receptive field", unit="pixels"),
                ),
                values={"receptive_field_pixels": 32},
                layers=_layers("receptive_field"),
                notes=["Side of the square of input pixels that one output can see."],
            ),
        },
        environment=environment,
    )


def latency(architecture: str = "model_1", environment: Environment = LAPTOP) -> Latency:
    """Made-up timings: 0.4 ms for one image, 250 ms for 1,000."""
    timings = [
        Timing(
            batch_size=n,
            n_repetitions=20,
            median_seconds=seconds,
            lower_quartile_seconds=0.9 * seconds,
            upper_quartile_seconds=1.2 * seconds,
            minimum_seconds=0.8 * seconds,
        )
        for n, seconds in ((1, 0.0004), (1000, 0.25))
    ]
    return Latency(
        architecture=architecture,
        architecture_digest=source_of(architecture),
        environment=environment,
        n_threads=1,
        timings=timings,
        training_batch_size=128,
        training_peak_bytes=31_046_280,
        training_peak_of="tensors",
    )


def effective_field(runs: Sequence[RunRecord]) -> EffectiveField:
    """An even field over the image for completed runs of one architecture; the box is 24 wide."""
    first = runs[0]
    return EffectiveField(
        architecture=first.architecture,
        architecture_digest=first.architecture_digest,
        dataset=first.dataset.name,
        arm=digest(first.architecture.encode()),
        layer="conv5",
        map_shape=(7, 7),
        position=(3, 3),
        box=(2, 2, 25, 25),
        n_images=256,
        runs=[
            FieldOfRun(
                seed=run.seed,
                key=run.key,
                share_in_box=0.9 + 0.01 * number,
                sd_pixels=6.0 + number,
                size_pixels=20.0,
            )
            for number, run in enumerate(runs)
        ],
        gradient=[[1 / 784] * 28 for _ in range(28)],
    )


def fill(
    suite: Suite,
    architectures: Sequence[str] = NAMES,
    seeds: Sequence[int] = range(5),
    **changes: Any,
) -> Suite:
    """Portraits and one completed run for each architecture and seed."""
    for name in architectures:
        suite.add_portrait(portrait(name))
        for seed in seeds:
            suite.add_run(record(name, seed, **changes), WEIGHTS)
    return suite


def suite(results: Path, name: str = "local", **changes: Any) -> Suite:
    """A whole suite of three architectures and five seeds."""
    return fill(Suite(results, name), **changes)


def _layers(measure: str) -> dict[str, dict[str, Any]]:
    rows = {name: dict(zip(ALL_COLUMNS, values, strict=True)) for name, *values in MODEL_1_LAYERS}
    wanted = LAYER_COLUMNS[measure]
    return {name: {column: row[column] for column in wanted} for name, row in rows.items()}


def _epochs(spec: RunSpec, test_correct: int | None) -> list[Epoch]:
    """Errors that fall to about 0.6 %, from a stream named by architecture and seed."""
    stream = random.Random(f"{spec.architecture}-{spec.seed}")
    shift = stream.gauss(0, 0.0004)
    rows = []
    n_epochs = spec.recipe.epochs
    for number in range(1, n_epochs + 1):
        part = number / n_epochs
        error = 0.0063 + shift + 0.06 * (1 - part) ** 3 + abs(stream.gauss(0, 0.0025 * (1 - part)))
        last = number == n_epochs
        test = _right(spec.dataset.n_test, error - 0.0003)
        rows.append(
            Epoch(
                epoch=number,
                learning_rate=0.01 * (1 - part) + 4e-8,
                train_loss=5 * error,
                train_correct=_right(spec.dataset.n_train, 2.5 * error + 0.003),
                validation_loss=3 * error,
                validation_correct=_right(spec.dataset.n_validation, error + 0.0002),
                test_loss=3 * error if spec.evaluate_test else None,
                test_correct=(test_correct if last and test_correct is not None else test)
                if spec.evaluate_test
                else None,
                train_seconds=41.5,
            )
        )
    return rows


def _right(n: int, error: float) -> int:
    return n - round(n * error)


def published(*claims: Claim, document: Document | None = DOCUMENT) -> Published:
    """The document, and what it says; None: there is none."""
    return Published(list(claims), [] if document is None else [document])

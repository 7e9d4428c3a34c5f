"""The engine against plain PyTorch, and the bits of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from PIL import Image
from torch.nn import functional
from torchvision.transforms import functional as vision

from bench.inputs.datasets import Dataset
from bench.spec import Architecture, Augmentation, DatasetInfo, Numerics, Recipe, RunSpec
from bench.training import augment, provenance
from bench.training.engine import checkpoint
from bench.training.engine.run import run
from bench.training.engine.streams import generator, stream_seed
from bench.training.engine.train import start
from bench.training.plan import Matrix, run_spec
from tests.training.engine.stepping import CPU, NAMES, Kept, load, trained


def spec_of(architecture: Architecture, data: Dataset, seed: int = 0, epochs: int = 2) -> RunSpec:
    environment = provenance.environment(CPU, "tests")
    short = replace(architecture, recipe=architecture.recipe.with_epochs(epochs))
    return run_spec(short, seed, Matrix([], [], data.info, environment))


@pytest.mark.parametrize("name", NAMES)
def test_a_resumed_run_ends_with_the_bits_of_an_undisturbed_one(
    name: str, small_data: Dataset
) -> None:
    architecture = load(name)
    spec = spec_of(architecture, small_data, seed=1, epochs=3)
    kept = Kept()
    whole = trained(architecture, spec, small_data, kept)
    assert len(kept.written) == 2
    for content in kept.written:
        resumed = trained(architecture, spec, small_data, Kept(content))
        assert resumed.record.weights_sha256 == whole.record.weights_sha256
        assert [e.train_loss for e in resumed.record.epochs] == [
            e.train_loss for e in whole.record.epochs
        ]


def test_another_seed_gives_other_bits_and_the_global_generator_stays(small_data: Dataset) -> None:
    architecture = load("model_2")
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, second, again = (
        trained(architecture, spec_of(architecture, small_data, seed, 1), small_data)
        for seed in (0, 1, 0)
    )
    assert torch.equal(before, torch.get_rng_state())
    assert first.record.weights_sha256 == again.record.weights_sha256
    assert first.record.weights_sha256 != second.record.weights_sha256


def foreign(content: bytes, small_data: Dataset) -> bytes:
    architecture = load("model_1")
    kept = Kept()
    trained(architecture, spec_of(architecture, small_data, seed=9), small_data, kept)
    return kept.written[0]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda content, data: content[: len(content) // 2], "it is damaged"),
        (lambda content, data: b"", "it has no digest"),
        (foreign, "its key is"),
    ],
)
def test_a_torn_or_foreign_checkpoint_is_set_aside_and_the_run_starts_afresh(
    spoil: object, reason: str, small_data: Dataset
) -> None:
    architecture = load("model_2")
    spec = spec_of(architecture, small_data)
    kept = Kept()
    whole = trained(architecture, spec, small_data, kept)
    spoiled = Kept(spoil(kept.written[0], small_data))  # type: ignore[operator]
    again = trained(architecture, spec, small_data, spoiled)
    assert reason in spoiled.reasons[0]
    assert again.record.weights_sha256 == whole.record.weights_sha256


def test_a_checkpoint_with_a_pickled_call_is_never_executed(
    tmp_path: Path, small_data: Dataset
) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "executed",)

    torch.save({"key": Evil()}, tmp_path / "evil")
    architecture = load("model_1")
    kept = Kept(checkpoint.with_digest((tmp_path / "evil").read_bytes()))
    trained(architecture, spec_of(architecture, small_data), small_data, kept)
    assert "cannot be read" in kept.reasons[0]
    assert not (tmp_path / "executed").exists()


def test_checkpoints_of_another_environment_are_refused(small_data: Dataset) -> None:
    architecture = load("model_1")
    spec = spec_of(architecture, small_data)
    kept = Kept()
    trained(architecture, spec, small_data, kept)
    with pytest.raises(checkpoint.Unusable, match="its environment is"):
        checkpoint.restore(start(architecture, spec, CPU), kept.written[0], spec.key, "elsewhere")


def plain_pytorch(architecture: Architecture, spec: RunSpec, data: Dataset) -> list[float]:
    """Mean training loss by epoch of a plain loop: PIL transforms, plain Adam, torch's schedule."""
    recipe = spec.recipe
    torch.manual_seed(stream_seed(spec.seed, "init"))
    network = architecture.build().train()
    optimizer = torch.optim.Adam(
        network.parameters(), lr=recipe.peak_learning_rate, weight_decay=recipe.weight_decay
    )
    steps = -(-len(data.train.labels) // recipe.batch_size)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=recipe.peak_learning_rate,
        epochs=recipe.epochs,
        steps_per_epoch=steps,
        pct_start=recipe.warmup_fraction,
    )
    means = []
    for epoch in range(1, recipe.epochs + 1):
        order = torch.randperm(
            len(data.train.labels), generator=generator(spec.seed, "order", epoch)
        )
        images = pil_augmented(recipe.augmentation, data, generator(spec.seed, "augment", epoch))
        torch.manual_seed(stream_seed(spec.seed, "dropout", epoch))
        total = 0.0
        for chosen in order.split(recipe.batch_size):
            labels = torch.from_numpy(data.train.labels)[chosen]
            loss = functional.nll_loss(network(images[chosen]), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item() * len(chosen)
        means.append(total / len(order))
    return means


def pil_augmented(
    augmentation: Augmentation, data: Dataset, stream: torch.Generator
) -> torch.Tensor:
    drawn = augment.draw(augmentation, len(data.train.images), (28, 28), stream)
    rows = []
    for i, image in enumerate(data.train.images):
        turned = vision.rotate(Image.fromarray(image), float(drawn.angle[i]), fill=0)
        moved = vision.affine(
            turned,
            0.0,
            [int(drawn.translate_x[i]), int(drawn.translate_y[i])],
            float(drawn.scale[i]),
            [float(drawn.shear[i]), 0.0],
            fill=0,
        )
        rows.append(vision.normalize(vision.to_tensor(moved), [0.1307], [0.3081]))
    return torch.stack(rows)


@pytest.mark.parametrize("name", NAMES)
def test_training_follows_plain_pytorch(name: str, small_data: Dataset) -> None:
    architecture = load(name)
    network_spec = spec_of(architecture, small_data, epochs=3)
    # Dropout masks depend on the memory format, so the plain loop's format is the run's here.
    plain = replace(
        network_spec, numerics=replace(network_spec.numerics, memory_format="contiguous_format")
    )
    ours = [e.train_loss for e in trained(architecture, plain, small_data).record.epochs]
    assert ours == pytest.approx(plain_pytorch(architecture, plain, small_data), rel=2e-3)


def test_the_schedule_is_one_cycle_and_ends_near_zero(small_data: Dataset) -> None:
    architecture = load("model_1")
    epochs = trained(architecture, spec_of(architecture, small_data, epochs=4), small_data)
    rates = [epoch.learning_rate for epoch in epochs.record.epochs]
    # torch's final learning rate: peak / div_factor 25 / final_div_factor 1e4.
    assert rates[-1] == pytest.approx(0.01 / 25 / 1e4)
    assert max(rates) <= 0.01


def test_counts_are_exact_and_misses_agree_with_the_last_epoch(small_data: Dataset) -> None:
    architecture = load("model_2")
    record = trained(architecture, spec_of(architecture, small_data), small_data).record
    assert record.test_misses is not None
    assert record.epochs[-1].test_correct == 100 - len(record.test_misses)
    labels = small_data.test.labels
    assert all(labels[index] != given for index, given in record.test_misses)
    counts = [epoch.validation_correct for epoch in record.epochs]
    assert record.selected_epoch == int(np.argmax(counts)) + 1


def test_a_run_without_the_test_split_has_no_test_fields(small_data: Dataset) -> None:
    architecture = load("model_2")
    spec = replace(spec_of(architecture, small_data), evaluate_test=False)
    record = trained(architecture, spec, small_data).record
    assert record.test_misses is None
    assert all(e.test_correct is None and e.test_loss is None for e in record.epochs)
    looked = trained(architecture, replace(spec, evaluate_test=True), small_data).record
    assert record.weights_sha256 == looked.weights_sha256
    assert record.key != looked.key


def test_a_loss_that_is_not_finite_is_a_diverged_record_with_its_step(small_data: Dataset) -> None:
    architecture = load("model_1")
    spec = spec_of(architecture, small_data)
    wild = replace(spec, recipe=replace(spec.recipe, peak_learning_rate=1e30))
    record = run(
        architecture, wild, small_data, provenance.environment(CPU, "tests"), Kept()
    ).record
    assert record.status == "diverged"
    assert record.reason is not None
    assert "epoch 1, step" in record.reason
    assert record.weights_sha256 is None


def test_an_error_in_training_is_a_failed_record(small_data: Dataset) -> None:
    architecture = load("model_1")
    spec = spec_of(architecture, small_data)
    broken = replace(architecture, build=lambda: torch.nn.Linear(3, 3))
    record = run(broken, spec, small_data, provenance.environment(CPU, "tests"), Kept()).record
    assert record.status == "failed"
    assert record.reason is not None
    assert record.reason.startswith("RuntimeError")


def test_the_key_holds_what_decides_the_bits_and_nothing_that_only_has_a_default() -> None:
    base = Recipe(peak_learning_rate=0.01, warmup_fraction=0.2)
    small = {"name": "x", "digest": "d", "n_train": 1, "n_validation": 1, "n_test": 1}
    spec = RunSpec(
        architecture="a",
        architecture_digest="d",
        recipe=base,
        seed=0,
        dataset=DatasetInfo(**small, split_seed=42),  # type: ignore[arg-type]
        numerics=Numerics(memory_format="channels_last"),
    )
    others = [
        replace(spec, seed=1),
        replace(spec, architecture_digest="e"),
        replace(spec, recipe=replace(base, epochs=14)),
        replace(spec, recipe=replace(base, augmentation=Augmentation(rotation_degrees=6.0))),
        replace(spec, numerics=Numerics(memory_format="contiguous_format")),
        replace(spec, numerics=Numerics(memory_format="channels_last", device_type="cuda")),
        replace(spec, engine_version=2),
    ]
    assert len({each.key for each in [spec, *others]}) == len(others) + 1
    # Keys are for ever: this one was computed once, and a field that joins must not change it.
    assert spec.key[:12] == "075d4b34a9df"

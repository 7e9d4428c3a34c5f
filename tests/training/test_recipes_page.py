"""docs/recipes.md: each line of a PyTorch script is run and compared with the fields beside it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torchvision.transforms as of_torchvision
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import lr_scheduler

from bench.spec import Augmentation, Epoch, Recipe
from bench.training import augment
from bench.training.engine import optimizer as optimizers
from bench.training.engine import schedule
from bench.training.engine.train import forward
from tests.support import text_of
from tests.training.augment.oracle import from_pil, pil, stream

EPOCHS, STEPS, RATE = 30, 10, 0.1
DIGIT = (28, 28)
TEXT = text_of("docs/recipes.md")


def rows(title: str) -> list[tuple[str, ...]]:
    """The cells of the table below that heading, without the marks of code."""
    section = re.split(rf"^## {title}$", TEXT, flags=re.MULTILINE)[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")][1:]
    return [tuple(cell.strip().strip("`") for cell in line[1:-1].split("|")) for line in lines]


def fields(text: str) -> dict[str, Any]:
    """`schedule="step", step_size_epochs=10` -> its names and values."""
    found: dict[str, Any] = eval(f"dict({text})", {"__builtins__": {"dict": dict}})
    return found


def words(*modules: Any) -> dict[str, Any]:
    return {name: value for module in modules for name, value in vars(module).items()}


def recipe(text: str) -> Recipe:
    base = {"peak_learning_rate": RATE, "warmup_fraction": 0.0, "epochs": EPOCHS}
    return Recipe(**{**base, **fields(text)})


def test_the_common_lines_of_scripts_are_all_there() -> None:
    titles = ("Optimiser", "Learning rate", "Images", "Loss")
    lines = [row[0] for title in titles for row in rows(title)]
    assert {line.partition("(")[0] for line in lines} >= {
        *("SGD", "Adam", "AdamW", "RMSprop", "no scheduler", "StepLR", "MultiStepLR", "LambdaLR"),
        *("CosineAnnealingLR", "CosineAnnealingWarmRestarts", "ReduceLROnPlateau", "OneCycleLR"),
        *("RandomCrop", "RandomHorizontalFlip", "RandomRotation", "RandomAffine", "ColorJitter"),
        *("RandomErasing", "RandomApply", "cross_entropy", "nll_loss"),
    }
    every = "\n".join(lines)
    assert "nesterov=True" in every
    assert 'padding_mode="reflect"' in every
    assert "`cutout_pixels=" in TEXT


# --- optimisers ---------------------------------------------------------------------------------


def weights_after(make: Callable[[nn.Module], torch.optim.Optimizer]) -> Tensor:
    """Of one layer after five steps with gradients of its own."""
    draws = torch.Generator().manual_seed(1)
    layer = nn.Linear(3, 2, bias=False).double()
    with torch.no_grad():
        layer.weight.copy_(torch.randn(2, 3, generator=draws))
    made = make(layer)
    for _ in range(5):
        layer.weight.grad = torch.randn(2, 3, generator=draws, dtype=torch.float64)
        made.step()
    return layer.weight.detach()


@pytest.mark.parametrize(("line", "ours"), rows("Optimiser"))
def test_an_optimiser_moves_weights_as_in_the_script(line: str, ours: str) -> None:
    how = recipe(f'schedule="constant", {ours}')
    expected = weights_after(
        lambda layer: eval(line, words(torch.optim), {"params": layer.parameters()})
    )
    found = weights_after(lambda layer: optimizers.build(how, layer))
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


# --- learning rates -----------------------------------------------------------------------------

# What a run might have measured: progress, then none.
MEASURED = [
    Epoch(
        epoch=number,
        learning_rate=0.0,
        train_loss=0.0,
        train_correct=0,
        validation_loss=max(1 / number, 0.11),
        validation_correct=min(9000 + 100 * number, 9800),
    )
    for number in range(1, EPOCHS + 1)
]


def rates_of_script(line: str, after: str) -> list[float]:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=RATE, momentum=0.9)
    scheduler = eval(line, words(lr_scheduler), {"optimizer": optimizer}) if after else None
    found = []
    for epoch in MEASURED:
        for _ in range(STEPS):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if after == "step" and len(found) < EPOCHS * STEPS:
                scheduler.step()
        if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau):
            is_loss = scheduler.mode == "min"
            scheduler.step(epoch.validation_loss if is_loss else epoch.validation_correct / 100)
        elif after == "epoch":
            scheduler.step()
    return found


@pytest.mark.parametrize(("line", "after", "ours"), rows("Learning rate"))
def test_a_learning_rate_is_the_script_s_at_every_step(line: str, after: str, ours: str) -> None:
    found = schedule.learning_rates(recipe(ours), EPOCHS * STEPS, MEASURED)
    expected = rates_of_script(line, after)
    assert found == pytest.approx(np.array(expected), rel=1e-9, abs=1e-12)
    assert len(set(expected)) > 1 or not after


# --- images -------------------------------------------------------------------------------------

N_IMAGES = 1_500


def images() -> Tensor:
    """Blobs whose left and right, and above and below, differ."""
    bright = torch.linspace(60, 250, 28)
    return (bright[:, None] * bright / 250).byte().expand(N_IMAGES, 28, 28)


def by_torchvision(line: str) -> Tensor:
    change = eval(line, words(of_torchvision))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        if line.startswith("RandomErasing"):  # it knows tensors alone
            return torch.stack([change(image[None])[0] for image in images()])
        return torch.stack([from_pil(change(pil(image))) for image in images()])


@pytest.mark.parametrize(("line", "ours"), rows("Images"))
def test_images_are_changed_as_often_and_as_far_as_in_the_script(line: str, ours: str) -> None:
    """Draws are others; each pixel's mean and spread over the images are those of torchvision.

    That every single image is the same under the same draws is tested in tests/training/augment.
    """
    maps = augment.drawn(Augmentation(**fields(ours)), N_IMAGES, DIGIT, stream(2))
    found, expected = augment.apply(images(), maps).double(), by_torchvision(line).double()
    error = expected.std(dim=0) * (2 / N_IMAGES) ** 0.5
    gap = (found.mean(dim=0) - expected.mean(dim=0)).abs()
    assert (gap < 5 * error + 0.5).all()
    spreads = [each.std(dim=0).mean() for each in (found, expected)]
    assert spreads[0] == pytest.approx(float(spreads[1]), rel=0.08)
    same = [(each == images()).double().mean() for each in (found, expected)]
    assert same[0] == pytest.approx(float(same[1]), abs=0.05)


# --- the loss -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("line", "returned", "ours"), rows("Loss"))
def test_the_loss_is_the_script_s(line: str, returned: str, ours: str) -> None:
    logits, labels = torch.randn(9, 10, generator=stream(3)), torch.arange(9)
    outputs = eval(returned, words(functional), {"logits": logits})
    expected = eval(line, words(functional), {"outputs": outputs, "labels": labels})
    found, _ = forward(nn.Identity(), outputs, labels, recipe(ours).label_smoothing)
    torch.testing.assert_close(found, expected)

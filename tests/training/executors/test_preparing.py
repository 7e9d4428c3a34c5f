"""Maps from other processes: their bytes, the memory that they come in, and what may go wrong."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import torch
from msgspec.structs import replace

from bench.errors import TrainingError
from bench.spec import Augmentation, RunSpec
from bench.training.augment import Coefficients
from bench.training.engine.train import maps_of
from bench.training.executors import preparing
from bench.training.executors.preparing import Preparers
from tests.training.augment.oracle import EVERY_PART
from tests.training.executors.test_device import jobs

Write = Callable[..., Path]
SIZE = (28, 28)
AUGMENTATIONS = (
    Augmentation(),
    Augmentation(rotation_degrees=20.0, scale_min=0.9, shear_degrees=3.0),
    Augmentation(rotation_degrees=20.0, interpolation="bilinear"),
    EVERY_PART,
)


@pytest.fixture
def spec(tmp_path: Path, write_architecture: Write) -> RunSpec:
    write_architecture("tiny")
    (job,) = jobs(tmp_path, "r", [5], "tiny")
    return job.spec


@pytest.fixture
def preparers() -> Iterator[Preparers]:
    with closing(Preparers(1)) as made:
        yield made


def augmented(spec: RunSpec, augmentation: Augmentation) -> RunSpec:
    return replace(spec, recipe=replace(spec.recipe, augmentation=augmentation))


def require_same(there: Coefficients, here: Coefficients) -> None:
    assert type(there) is type(here)
    for name, part in vars(here).items():
        other = getattr(there, name)
        if isinstance(part, torch.Tensor):
            assert (other.dtype, other.shape) == (part.dtype, part.shape)
            assert torch.equal(other, part), name
        elif name == "parts":
            for found, expected in zip(other, part, strict=True):
                require_same(found, expected)
        else:
            assert other == part, name


def memories() -> int:
    """Pieces of shared memory that this process has."""
    links = [each for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    return len({link.stat().st_ino for link in links if "memfd:maps" in str(link.readlink())})


@pytest.mark.parametrize("is_shared", [True, False])
def test_maps_from_another_process_are_those_made_here(
    spec: RunSpec, monkeypatch: pytest.MonkeyPatch, is_shared: bool
) -> None:
    """Through shared memory, and through a pipe where the system has no such memory."""
    if not is_shared:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    specs = [augmented(spec, each) for each in AUGMENTATIONS]
    asked = [(each, epoch) for each in specs for epoch in (1, 2)]
    with closing(Preparers(1)) as preparers, warnings.catch_warnings():
        warnings.simplefilter("error")
        answers = [preparers.ahead(each, SIZE, epoch) for each, epoch in asked]
        for (each, epoch), answer in zip(asked, answers, strict=True):
            require_same(answer.result(timeout=60), maps_of(each, SIZE, epoch))
            if sys.platform == "linux":
                assert bool(memories()) == is_shared


def test_an_error_is_told_as_it_is_raised_here(spec: RunSpec, preparers: Preparers) -> None:
    for each in AUGMENTATIONS:
        wrong = augmented(spec, replace(each, scale_min=2.0))
        with pytest.raises(TrainingError, match="scale_min 2 is above"):
            preparers.ahead(wrong, SIZE, 1).result(timeout=60)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_used_again_when_nothing_holds_the_maps(
    spec: RunSpec, preparers: Preparers
) -> None:
    """And never before: maps that are held keep their numbers."""
    specs = [augmented(spec, each) for each in AUGMENTATIONS[1:]]
    for epoch in range(1, 6):
        for each in specs:  # maps of two sizes
            preparers.ahead(each, SIZE, epoch).result(timeout=60)
    assert memories() <= 2  # a thread may still hold what it has just answered
    held = [preparers.ahead(specs[0], SIZE, epoch).result(timeout=60) for epoch in (1, 2, 3)]
    part = held[0].rotation[3:5]  # type: ignore[attr-defined]
    held[0] = held[0].to("cpu")
    expected = [maps_of(specs[0], SIZE, epoch) for epoch in (1, 2, 3)]
    preparers.ahead(specs[1], SIZE, 4).result(timeout=60)
    for there, here in zip(held, expected, strict=True):
        require_same(there, here)
    held.clear()
    preparers.ahead(specs[1], SIZE, 4).result(timeout=60)
    assert torch.equal(part, expected[0].rotation[3:5])  # type: ignore[attr-defined]
    assert memories() <= 5


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_closing_gives_all_memory_back(spec: RunSpec) -> None:
    preparers = Preparers(2)
    one = augmented(spec, AUGMENTATIONS[1])
    held = preparers.ahead(one, SIZE, 1).result(timeout=60)
    preparers.ahead(one, SIZE, 2).result(timeout=60)
    preparers.close()
    assert multiprocessing.active_children() == []
    require_same(held, maps_of(one, SIZE, 1))
    del held
    gc.collect()
    assert memories() == 0


def test_the_pipe_carries_words_alone(spec: RunSpec, tmp_path: Path) -> None:
    for each in AUGMENTATIONS:
        memory = tmp_path / "memory"
        memory.touch()
        answer = preparing._packed(maps_of(augmented(spec, each), SIZE, 1), str(memory))
        assert len(answer.words) < 2000
        assert answer.arrays == []
        assert memory.stat().st_size >= sum(answer.sizes) > 3500 * 90


def test_memory_that_cannot_be_written_costs_no_maps(spec: RunSpec, tmp_path: Path) -> None:
    one = maps_of(augmented(spec, AUGMENTATIONS[1]), SIZE, 1)
    answer = preparing._packed(one, str(tmp_path / "missing" / "memory"))
    require_same(preparing._unpacked(answer.words, answer.arrays), one)


def test_a_preparer_that_died_is_replaced_and_poisons_no_run(
    spec: RunSpec, preparers: Preparers
) -> None:
    one = augmented(spec, AUGMENTATIONS[2])
    (first,) = multiprocessing.active_children()
    first.kill()
    first.join()
    for epoch in (1, 2):
        there = preparers.ahead(one, SIZE, epoch).result(timeout=60)
        require_same(there, maps_of(one, SIZE, epoch))
    (second,) = multiprocessing.active_children()
    assert second.pid != first.pid


@pytest.mark.skipif(sys.platform != "linux", reason="stops a process")
def test_closing_ends_a_preparer_that_hangs(spec: RunSpec) -> None:
    import signal

    preparers = Preparers(1)
    (only,) = multiprocessing.active_children()
    assert only.pid
    os.kill(only.pid, signal.SIGSTOP)
    answer = preparers.ahead(spec, SIZE, 1)
    preparers.close()
    assert not only.is_alive()
    assert answer.done()

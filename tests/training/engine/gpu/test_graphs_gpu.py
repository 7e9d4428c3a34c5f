"""The captured path on a GPU: pytest -m gpu. Each is skipped where there is none."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
import torch
from msgspec.structs import replace

from bench.inputs import datasets, discover, image_data
from bench.inputs.datasets import Dataset
from bench.inputs.recipes import Changes
from bench.machine import begin_process
from bench.records.store import Suite
from bench.spec import Augmentation, RunSpec
from bench.training import augment, provenance
from bench.training.engine.data import prepare
from bench.training.engine.gpu.graphs import PARTS, Steps
from bench.training.engine.gpu.own_generator import OwnGenerator
from bench.training.engine.gpu.slots import Slots, recording
from bench.training.engine.gpu.totals import Clock, Totals
from bench.training.engine.gpu.trial_processes import trials
from bench.training.engine.gpu.turns import train_in_turns
from bench.training.engine.settings import make_current, numerics_of
from bench.training.engine.streams import generator
from bench.training.engine.train import State, maps_of, start
from bench.training.executors.device import DeviceExecutor
from bench.training.executors.preparing import Preparers
from bench.training.plan import Matrix, make_plan
from bench.training.selection import changed
from tests.support import ROOT
from tests.training.engine.stepping import (
    NAMES,
    SIZE,
    Kept,
    digest,
    gently,
    load,
    measured,
    spec_of,
    trained,
    turns,
)

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No trial is known."""
    monkeypatch.setattr(image_data, "cache", lambda: tmp_path / "cache")


GPU = torch.device("cuda")
TWO_EPOCHS = Changes(epochs=2)
Write = Callable[..., Path]


@pytest.mark.parametrize("name", NAMES)
def test_the_captured_path_follows_the_plain_one(name: str, small_data: Dataset) -> None:
    """Dropout included: both draw the same masks from a seed."""
    architecture = load(name)
    plain, captured = (
        trained(
            architecture,
            gently(spec_of(architecture, small_data, path, GPU)),
            small_data,
            device=GPU,
        )
        for path in ("eager", "graph")
    )
    for field in ("train_loss", "validation_loss", "test_loss"):
        expected = [getattr(epoch, field) for epoch in plain.record.epochs]
        found = [getattr(epoch, field) for epoch in captured.record.epochs]
        assert found == pytest.approx(expected, rel=5e-3), field


@pytest.mark.parametrize("name", NAMES)
def test_a_resumed_run_ends_with_the_bits_of_an_undisturbed_one(
    name: str, small_data: Dataset
) -> None:
    architecture = load(name)
    spec = spec_of(architecture, small_data, "graph", GPU)
    kept = Kept()
    whole = trained(architecture, spec, small_data, kept, GPU).record
    for content in kept.written:
        resumed = trained(architecture, spec, small_data, Kept(content), GPU).record
        assert resumed.weights_sha256 == whole.weights_sha256
        assert measured(resumed.epochs) == measured(whole.epochs)


def test_captured_steps_have_the_bits_of_the_same_steps_launched_one_by_one(
    small_data: Dataset,
) -> None:
    architecture = load("model_3")
    spec = spec_of(architecture, small_data, "graph", GPU)
    found = []
    with numerics_of(spec.numerics, GPU):
        data = prepare(small_data, spec, GPU)
        for capture in (False, True):
            with torch.cuda.stream(torch.cuda.Stream()):
                state = start(architecture, spec, GPU)
                steps = Steps(state, data, spec, capture)
                for epoch in (1, 2):
                    epoch_by(steps, spec, epoch)
            found.append(digest(state))
    assert found[0] == found[1]


def epoch_by(steps: Steps, spec: RunSpec, epoch: int) -> None:
    steps.begin(epoch, maps_of(spec, SIZE, epoch))
    while steps.advance(4):
        pass
    steps.evaluate()
    torch.cuda.synchronize()
    assert steps.is_done()
    steps.finish()


@contextmanager
def waiting_is_an_error() -> Iterator[None]:
    """Whatever waits for the device raises a RuntimeError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the mode is told to be a prototype
        torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_no_step_waits_for_the_device(small_data: Dataset) -> None:
    architecture = load("model_2")
    spec = spec_of(architecture, small_data, "graph", GPU)
    with numerics_of(spec.numerics, GPU), torch.cuda.stream(torch.cuda.Stream()):
        state = start(architecture, spec, GPU)
        steps = Steps(state, prepare(small_data, spec, GPU), spec, capture=True)
        assert set(steps._graphs) == set(PARTS)
        with closing(Preparers(1, GPU)) as preparers:
            maps = preparers.ahead(spec, SIZE, 1).result(timeout=60)
        with waiting_is_an_error():
            steps.begin(1, maps)
            while steps.advance(4):
                pass
            steps.evaluate()
        torch.cuda.synchronize()
        steps.finish()
        assert state.epochs[0].train_seconds > 0


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_maps_of_another_process_lie_in_pinned_memory_and_arrive_whole(
    small_data: Dataset, interpolation: str
) -> None:
    spec = augmenting(small_data, interpolation)
    with closing(Preparers(2, GPU)) as preparers:
        answers = [preparers.ahead(spec, SIZE, epoch) for epoch in (1, 2, 3)]
        for epoch, answer in enumerate(answers, start=1):
            maps = vars(answer.result(timeout=60))
            for name, here in vars(maps_of(spec, SIZE, epoch)).items():
                if isinstance(here, torch.Tensor):
                    assert maps[name].is_pinned()
                    assert torch.equal(maps[name].to(GPU, non_blocking=True).cpu(), here)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_an_epoch_s_images_are_those_of_the_cpu(small_data: Dataset, interpolation: str) -> None:
    """Epoch after epoch through the same memory."""
    spec = augmenting(small_data, interpolation)
    data = prepare(small_data, spec, GPU)
    steps = Steps(start(load("model_1"), spec, GPU), data, spec, capture=False)
    images = torch.from_numpy(small_data.train.images)
    with closing(Preparers(1, GPU)) as preparers:
        for epoch in (1, 2, 3, 4):
            steps.begin(epoch, preparers.ahead(spec, SIZE, epoch).result(timeout=60))
            order = torch.randperm(600, generator=generator(spec.seed, "order", epoch))
            expected = augment.apply(images[order], maps_of(spec, SIZE, epoch)[order])
            assert torch.equal(steps._images.cpu(), expected)
            steps.advance(1)


def augmenting(data: Dataset, interpolation: str) -> RunSpec:
    spec = spec_of(load("model_1"), data, "graph", GPU)
    augmentation = Augmentation(rotation_degrees=20.0, interpolation=interpolation)  # type: ignore[arg-type]
    return replace(spec, recipe=replace(spec.recipe, augmentation=augmentation))


def test_memory_does_not_grow_with_the_number_of_runs(small_data: Dataset) -> None:
    """Of captured and of uncaptured runs, three side by side."""
    architecture = load("model_1")
    slots = Slots(GPU)
    reserved = []
    for path in ("graph", "eager"):
        spec = spec_of(architecture, small_data, path, GPU)
        spec = replace(spec, recipe=spec.recipe.with_epochs(2))
        with numerics_of(spec.numerics, GPU):
            data = prepare(small_data, spec, GPU)
            for attempt in range(8):
                states = [start(architecture, spec, GPU) for _ in range(3)]
                runs = [train_in_turns(state, data, spec, slots=slots) for state in states]
                for _ in zip(*runs, strict=True):
                    pass
                del states, runs
                gc.collect()
                if attempt:
                    reserved.append((path, torch.cuda.memory_reserved(GPU)))
    assert len(set(reserved)) == 2, reserved


def test_a_slot_takes_another_run_after_one_whose_capture_failed(small_data: Dataset) -> None:
    architecture = load("model_1")
    spec = spec_of(architecture, small_data, "graph", GPU)
    expected = trained(architecture, spec, small_data, device=GPU).record.weights_sha256
    slots = Slots(GPU)
    with numerics_of(spec.numerics, GPU):
        data = prepare(small_data, spec, GPU)
        asks = replace_forward(start(architecture, spec, GPU), lambda x: x * float(x.mean() > -9))
        with pytest.raises(RuntimeError):
            list(train_in_turns(asks, data, spec, slots=slots))
        full = replace_forward(start(architecture, spec, GPU), lambda x: x + big(x))
        with pytest.raises(torch.OutOfMemoryError):
            list(train_in_turns(full, data, spec, slots=slots))
        state = start(architecture, spec, GPU)
        list(train_in_turns(state, data, spec, slots=slots))
    assert digest(state) == expected


def test_captures_that_fail_leave_no_memory_behind() -> None:
    slots = Slots(GPU)
    reserved = []
    gc.collect()
    torch.cuda.empty_cache()
    for fails in (False, True, True, False, True, False):
        graph = torch.cuda.CUDAGraph()
        with suppress(RuntimeError), slots.lent() as slot, slot.current():
            numbers = torch.zeros(2**24, device=GPU)
            with recording(graph, slot.pool()):
                made = numbers + 1
                if fails:
                    made[0].item()
            graph.replay()
        del graph, numbers, made
        reserved.append(torch.cuda.memory_reserved(GPU))
    assert len(set(reserved)) == 1, reserved


def replace_forward(state: State, change: Callable[[torch.Tensor], torch.Tensor]) -> State:
    """A state whose network changes its images first."""
    state.trained.register_forward_pre_hook(lambda _, inputs: (change(inputs[0]),))
    return state


def big(images: torch.Tensor) -> torch.Tensor:
    """A number that lies in more memory than this process may have."""
    n_bytes = torch.cuda.get_device_properties(images.device).total_memory
    torch.cuda.set_per_process_memory_fraction(0.5, images.device)
    try:
        return torch.empty(3 * n_bytes // 4, dtype=torch.uint8, device=images.device)[0]
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, images.device)


def test_a_host_index_is_captured_and_reads_the_right_numbers(
    tmp_path: Path, write_architecture: Write, small_data: Dataset
) -> None:
    write_architecture(
        "indexing",
        before="import torch; images = images[:, :, torch.tensor([5, 1, 9]).repeat(9)]"
        " + images[:, :, :27, [3, 2, 1] * 9].mean()",
    )
    found = discover.scan(tmp_path / "architectures")
    indexing = discover.load(discover.select(found, ["indexing"])[0])
    assert trials([indexing], GPU)[0].succeeded
    spec = gently(spec_of(indexing, small_data, "graph", GPU))
    captured = trained(indexing, spec, small_data, device=GPU).record
    plain = gently(spec_of(indexing, small_data, "eager", GPU))
    expected = trained(indexing, plain, small_data, device=GPU).record
    losses = [epoch.train_loss for epoch in expected.epochs]
    assert [epoch.train_loss for epoch in captured.epochs] == pytest.approx(losses, rel=5e-3)


@pytest.mark.parametrize("name", ["p4m_2576", "try_1908_factored"])
def test_networks_that_index_by_a_constant_on_the_host_wait_for_nothing(
    small_data: Dataset, name: str
) -> None:
    (found,) = discover.select(discover.scan_all(ROOT / "architectures"), [name])
    architecture = discover.load(found)
    assert trials([architecture], GPU)[0].succeeded
    state = start(architecture, spec_of(architecture, small_data, "eager", GPU), GPU)
    images = torch.zeros(2, 1, 28, 28, device=GPU)
    expected = state.trained(images)  # the index is copied here, once
    with waiting_is_an_error():
        outputs = state.trained(images)
    assert torch.equal(outputs, expected)
    assert torch.allclose(outputs.cpu(), state.network.cpu()(images.cpu()), atol=1e-4)


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="one CUDA device")
def test_a_second_gpu_opens_no_context_on_the_first() -> None:
    process, pipe = begin_process(_uses_the_second)
    assert pipe.recv() == [False, True]
    process.join()
    pipe.close()


def _uses_the_second(pipe: Connection) -> None:
    device = torch.device("cuda:1")
    make_current(device)
    with closing(Preparers(1, device)):
        Totals.empty(3, pin_memory=True)
        Clock(device).start()
        with Slots(device).lent() as slot:
            slot.pool()
    pipe.send([torch._C._cuda_hasPrimaryContext(index) for index in (0, 1)])


def test_runs_that_take_turns_have_the_bits_that_each_has_alone(small_data: Dataset) -> None:
    architecture = load("model_3")
    specs = [spec_of(architecture, small_data, "graph", GPU, seed=seed) for seed in range(4)]
    alone = [
        trained(architecture, spec, small_data, device=GPU).record.weights_sha256 for spec in specs
    ]
    assert len(set(alone)) == 4
    for order in (range(4), (2, 0, 3)):
        with numerics_of(specs[0].numerics, GPU):
            runs = {i: turns(architecture, specs[i], small_data, GPU) for i in order}
            running = list(runs)
            while running:
                torch.rand(3, device=GPU)  # whatever else draws between two turns
                running = [i for i in running if next(runs[i][1], None)]
            torch.cuda.synchronize()
        for i in order:
            assert digest(runs[i][0]) == alone[i]


def bits(folder: Path, results: str) -> dict[tuple[str, int], str | None]:
    runs = Suite(folder / results, "local").runs()
    return {(run.architecture, run.seed): run.weights_sha256 for run in runs}


def test_the_executor_s_bits_depend_on_neither_jobs_nor_order(tmp_path: Path) -> None:
    """The real command's way on mnist5k, the README's recipes, two epochs."""
    found = discover.select(discover.scan(ROOT / "architectures"), list(NAMES))

    def work(results: str, seeds: list[int], n_side_by_side: int, backwards: bool) -> None:
        matrix = Matrix(
            architectures=changed([(each, discover.load(each)) for each in found], TWO_EPOCHS),
            seeds=seeds,
            dataset=datasets.load("mnist5k").info,
            environment=provenance.environment(GPU, "tests"),
            paths=dict.fromkeys(NAMES, "graph"),
        )
        jobs = make_plan(matrix, Suite(tmp_path / results, "local"), []).jobs
        with closing(
            DeviceExecutor(n_side_by_side).work(jobs[::-1] if backwards else jobs)
        ) as all_:
            assert {event.kind for event in all_} == {"started", "epoch", "completed"}

    work("many", [0, 1, 2, 3], 12, backwards=False)
    work("alone", [0, 1], 1, backwards=False)
    work("back", [3, 2, 1], 4, backwards=True)
    many = bits(tmp_path, "many")
    assert len(set(many.values())) == 12
    assert bits(tmp_path, "alone").items() <= many.items()
    assert bits(tmp_path, "back").items() <= many.items()


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_augmented_images_are_those_of_the_cpu(small_data: Dataset, interpolation: str) -> None:
    augmentation = Augmentation(
        rotation_degrees=20.0,
        translate=0.1,
        scale_min=0.8,
        scale_max=1.2,
        shear_degrees=5.0,
        interpolation=interpolation,  # type: ignore[arg-type]
    )
    images = torch.from_numpy(small_data.train.images)
    draws = augment.draw(augmentation, len(images), SIZE, torch.Generator().manual_seed(1))
    maps = augment.coefficients(draws, SIZE)
    assert torch.equal(
        augment.apply(images.to(GPU), maps.to(GPU)).cpu(), augment.apply(images, maps)
    )


def test_an_own_generator_draws_what_the_default_one_would_and_leaves_it_alone() -> None:
    ones = torch.ones(4096, device=GPU)

    def drop() -> torch.Tensor:
        return torch.nn.functional.dropout(ones, 0.5)

    torch.manual_seed(7)
    expected = [drop() for _ in range(3)]
    torch.manual_seed(1)
    outer = torch.cuda.get_rng_state()
    own = OwnGenerator(GPU)
    own.reseed(7)
    for each in expected:
        with own.standing_in():
            assert torch.equal(drop(), each)
        assert torch.equal(outer, torch.cuda.get_rng_state())


def test_tf32_is_off_unless_asked_for(small_data: Dataset) -> None:
    if torch.cuda.get_device_capability()[0] < 8:
        pytest.skip("this GPU has no TF32")
    draw = torch.Generator().manual_seed(0)
    left, right = (torch.randn(512, 512, generator=draw, dtype=torch.float64) for _ in range(2))
    exact = left @ right
    architecture = load("model_1")
    numerics = spec_of(architecture, small_data, "graph", GPU).numerics
    assert not numerics.tf32
    errors = []
    for tf32 in (False, True):
        with numerics_of(replace(numerics, tf32=tf32), GPU):
            product = left.float().to(GPU) @ right.float().to(GPU)
        errors.append(float((product.double().cpu() - exact).norm() / exact.norm()))
    assert errors[0] < 1e-6 < 1e-5 < errors[1] < 1e-2


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_s_networks_can_be_captured(name: str) -> None:
    assert trials([load(name)], GPU)[0].succeeded


@pytest.mark.parametrize(
    "before",
    [
        "images = images * float(images.mean() > -1)",  # asks the device
        "images = images + torch.zeros(images.shape).to(images.device)",  # copies from the host
        "self.n = getattr(self, 'n', 0) + 1; images = images + images[:, :, [self.n % 28]]",
        "type(self).n = getattr(type(self), 'n', 0) + 1; images = images * (type(self).n % 7)",
    ],
)
def test_a_network_that_a_graph_cannot_hold_is_refused(
    tmp_path: Path, write_architecture: Write, before: str
) -> None:
    write_architecture("bad", before=f"import torch; {before}")
    (found,) = discover.select(discover.scan(tmp_path / "architectures"), ["bad"])
    assert trials([discover.load(found)], GPU)[0].refusal

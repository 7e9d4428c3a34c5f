#!/usr/bin/env python3
"""The first two minutes on a GPU: do captures work, are their bits right, how fast is a step.

    python benchmarks/gpu_smoke.py --out DIR
    python benchmarks/gpu_smoke.py --out DIR --variants model_2:contiguous_format:fp32 launches

Needs no data set: the images are noise of MNIST's shape. Every variant is a process of its own, so
one that hangs or breaks ends alone. Each figure is a line of JSON, which DIR/smoke.jsonl holds as
soon as it is known.

machine    what is installed, and the two rates that bound everything: float32 products and copies
A:B:C      network A in memory format B, C is fp32 or tf32: the bits of captured steps against
           launched ones, milliseconds a step at 1, 8 and 32 seeds side by side, the bits of a seed
           alone against those among 32, the evaluation, an epoch
launches   microseconds a tiny kernel takes in graphs on 1, 8 and 32 streams
grouped    the convolutions of 32 seeds of Model_1 as groups of one convolution
kernels    where the time of some steps goes, kernel by kernel: DIR/smoke-kernels.txt
"""

from __future__ import annotations

import argparse
import faulthandler
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # runs from a clone without an installation
STARTED = time.monotonic()  # the first import of torch takes long where its files are not cached

import numpy as np  # noqa: E402
import torch  # noqa: E402
from msgspec.structs import replace  # noqa: E402
from torch.nn import functional  # noqa: E402
from torch.profiler import ProfilerActivity, profile  # noqa: E402

from bench.inputs import discover  # noqa: E402
from bench.inputs.datasets import Dataset, Split  # noqa: E402
from bench.spec import DatasetInfo, Numerics, RunSpec  # noqa: E402
from bench.training.engine.data import DeviceData, prepare  # noqa: E402
from bench.training.engine.gpu.turns import STEPS_A_TURN, in_steps  # noqa: E402
from bench.training.engine.network import weights_sha256  # noqa: E402
from bench.training.engine.settings import numerics_of  # noqa: E402
from bench.training.engine.train import Diverged, start, steps_per_epoch  # noqa: E402
from benchmarks.gpu_children import (  # noqa: E402
    Deadline,
    end_in_order_when_terminated,
    run_in_group,
)

# The dearest answers first.
VARIANTS = (
    "machine",
    "model_2:channels_last:fp32",
    "model_2:contiguous_format:fp32",
    "model_1:contiguous_format:fp32",
    "model_1:contiguous_format:tf32",
    "model_1:channels_last:fp32",
    "launches",
    "grouped",
    "kernels",
)
PROFILED = (("model_1", "contiguous_format"), ("model_2", "channels_last"))
VARIANT_SECONDS = 40.0  # at most
FEWEST_SECONDS = 8.0  # that a variant is begun with
SECONDS_TO_TELL = 2.0  # between the traceback of one that hangs and its end
PACKAGES = ("torch", "torchvision", "triton", "numpy", "numba", "msgspec", "fvcore", "mlxtend")

N_SEEDS = (1, 8, 32)
TIMED_TURNS = 4
ALONE = 3  # the seed whose bits are compared; it is among the first 8
SIZES = {"n_train": 54_000, "n_validation": 6_000, "n_test": 10_000}
SIDE = 28
KERNELS_IN_A_TABLE = 60

PRODUCT_SIDE = 8192
COPIED_BYTES = 2**30
KERNELS_IN_A_GRAPH, REPLAYS = 128, 20
BATCH = 128
# Channels in and out and the images' side, of Model_1's convolutions.
CONVOLUTIONS = ((1, 6, 28), (6, 12, 28), (12, 16, 14), (16, 20, 14), (20, 16, 7))

GPU = torch.device("cuda")


def tell(**found: object) -> None:
    """One figure, and how long after the process's start it was known."""
    seconds = round(time.monotonic() - STARTED, 2)
    print(json.dumps(found | {"seconds_since_start": seconds}), flush=True)


def seconds_of(work: Callable[[], object]) -> float:
    """Wall time, the device's work included."""
    torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - started


def mean_seconds(work: Callable[[], object], n_times: int) -> float:
    """The same, over several times after one that is not counted."""
    work()
    return seconds_of(lambda: [work() for _ in range(n_times)]) / n_times


# --- the machine ----------------------------------------------------------------------------------


def machine(out: Path) -> None:
    """What it is, what is installed, and the two rates."""
    tell(
        what="packages",
        python=platform.python_version(),
        cores=len(os.sched_getaffinity(0)),
        **{name: _version(name) for name in PACKAGES},
    )
    properties = torch.cuda.get_device_properties(GPU)
    tell(
        what="device",
        name=properties.name,
        multiprocessors=properties.multi_processor_count,
        cuda=torch.version.cuda,
        cudnn=torch.backends.cudnn.version(),
        free_gib=round(torch.cuda.mem_get_info()[0] / 2**30, 1),
    )
    left, right = (torch.randn(PRODUCT_SIDE, PRODUCT_SIDE, device=GPU) for _ in range(2))
    for tf32 in (False, True):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        rate = 2 * PRODUCT_SIDE**3 / mean_seconds(lambda: left @ right, 3)
        tell(what="Tflop/s of a float32 product", tf32=tf32, value=round(rate / 1e12, 1))
    source = torch.randint(256, (COPIED_BYTES,), dtype=torch.uint8, device=GPU)
    target = torch.empty_like(source)
    rate = 2 * COPIED_BYTES / mean_seconds(lambda: target.copy_(source), 5)
    tell(what="GB/s of a copy, read and written", value=round(rate / 1e9))


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "missing"


# --- steps of a network ---------------------------------------------------------------------------


@dataclass
class Runs:
    """One network's runs on noise, in one memory format and one precision."""

    spec: RunSpec
    begin: Callable[[int, bool], Run]  # seed, whether its steps are captured


@dataclass
class Run:
    """A run that takes turns, each of some steps."""

    digest: Callable[[], str]  # of its weights now
    next_turn: Callable[[], str]
    n_turns: int = field(default=0)

    def go(self, n_turns: int) -> None:
        """Takes so many turns."""
        for _ in range(n_turns):
            self.next_turn()
        self.n_turns += n_turns


def network(name: str, memory_format: str, precision: str, out: Path) -> None:
    """Bits and speed of one network's steps."""
    variant = f"{name}:{memory_format}:{precision}"
    spec, noise, begin = _runs_of(name, memory_format, precision)
    with numerics_of(spec.numerics, GPU):
        runs = Runs(spec, partial(begin, prepare(noise, spec, GPU)))
        _bits_of_a_capture(variant, runs)
        among = _speeds(variant, runs)
        alone = runs.begin(ALONE, True)
        alone.go(among[ALONE].n_turns)
        tell(
            variant=variant,
            what="the bits of a seed alone are those among 32",
            value=alone.digest() == among[ALONE].digest(),
        )
        _an_epoch(variant, spec, alone)


def _runs_of(
    name: str, memory_format: str, precision: str
) -> tuple[RunSpec, Dataset, Callable[[DeviceData, int, bool], Run]]:
    (found,) = discover.select(discover.scan(ROOT / "architectures"), [name])
    architecture = discover.load(found)
    info = DatasetInfo(name="noise", digest="", **SIZES, split_seed=0)  # type: ignore[arg-type]
    spec = RunSpec(
        architecture=name,
        architecture_digest=architecture.digest,
        recipe=architecture.recipe,
        seed=0,
        dataset=info,
        numerics=Numerics(
            memory_format=memory_format,  # type: ignore[arg-type]
            path="graph",
            device_type="cuda",
            tf32=precision == "tf32",
        ),
    )

    def begin(data: DeviceData, seed: int, capture: bool) -> Run:
        one = replace(spec, seed=seed)
        state = start(architecture, one, GPU)
        turns = in_steps(state, data, one, capture=capture)
        return Run(lambda: weights_sha256(state.network), lambda: next(turns))

    train, validation, test = map(_noise, SIZES.values())
    return spec, Dataset(info=info, train=train, validation=validation, test=test), begin


def _noise(n_images: int) -> Split:
    draw = np.random.default_rng(n_images)
    images = draw.integers(256, size=(n_images, SIDE, SIDE), dtype=np.uint8)
    return Split(images, draw.integers(10, size=n_images))


def _bits_of_a_capture(variant: str, runs: Runs) -> None:
    digests = []
    for capture in (False, True):
        run = runs.begin(0, capture)
        seconds = seconds_of(lambda run=run: run.go(1))  # type: ignore[misc]
        tell(
            variant=variant,
            what=f"s to a run's first {STEPS_A_TURN} steps",
            captured=capture,
            value=round(seconds, 3),
        )
        digests.append(run.digest())
    tell(
        variant=variant,
        what="the bits of captured steps are those of launched ones",
        value=digests[0] == digests[1],
    )


def _speeds(variant: str, runs: Runs) -> list[Run]:
    """Milliseconds a step of a seed, at each number of seeds; the runs, which went on side by side.

    A step's share of the wall time: twice as many seeds in the same time halve it.
    """
    begun = [runs.begin(seed, True) for seed in range(max(N_SEEDS))]
    seconds = seconds_of(lambda: _round(begun))
    tell(
        variant=variant,
        what="s to begin a run and to capture it",
        value=round(seconds / len(begun), 4),
        reserved_gib=round(torch.cuda.memory_reserved() / 2**30, 2),
    )
    n_steps = runs.spec.recipe.epochs * steps_per_epoch(runs.spec.recipe, SIZES["n_train"])
    for n in N_SEEDS:
        some = begun[:n]
        each = mean_seconds(lambda some=some: _round(some), TIMED_TURNS)  # type: ignore[misc]
        each /= n * STEPS_A_TURN
        tell(
            variant=variant,
            what="ms a step of a seed",
            n_seeds=n,
            value=round(1e3 * each, 4),
            seconds_a_run=round(each * n_steps, 3),
        )
    return begun


def _round(runs: Iterable[Run]) -> None:
    """A turn for each."""
    for run in runs:
        run.go(1)


def _an_epoch(variant: str, spec: RunSpec, run: Run) -> None:
    """Goes to the end of the first epoch, and through the second."""
    n_turns = -(-steps_per_epoch(spec.recipe, SIZES["n_train"]) // STEPS_A_TURN)
    run.go(n_turns - run.n_turns)

    def to_its_end() -> None:
        while run.next_turn() != "epoch":
            pass

    try:
        seconds = seconds_of(to_its_end)
        tell(variant=variant, what="ms to score an epoch", value=round(1e3 * seconds, 2))
        seconds = seconds_of(to_its_end)
        tell(variant=variant, what="s of an epoch of one seed", value=round(seconds, 3))
    except Diverged as error:
        tell(variant=variant, what="s of an epoch of one seed", error=error.what)


# --- what bounds a graph a seed -------------------------------------------------------------------


def launches(out: Path) -> None:
    """Microseconds of a tiny kernel in graphs, on so many streams at once.

    Times the kernels of a step this is the least that a graph a seed can take, however small its
    kernels are.
    """
    graphs = [_graph_of_tiny_kernels() for _ in range(max(N_SEEDS))]
    for n in N_SEEDS:

        def replay(n: int = n) -> None:
            for stream, graph, _ in graphs[:n]:
                with torch.cuda.stream(stream):
                    graph.replay()

        each = mean_seconds(replay, REPLAYS) / (n * KERNELS_IN_A_GRAPH)
        tell(variant="launches", what="us a kernel", n_streams=n, value=round(1e6 * each, 4))


def _graph_of_tiny_kernels() -> tuple[torch.cuda.Stream, torch.cuda.CUDAGraph, torch.Tensor]:
    stream, graph = torch.cuda.Stream(), torch.cuda.CUDAGraph()
    value = torch.zeros(32, device=GPU)
    torch.cuda.synchronize()
    with torch.cuda.stream(stream):
        value.add_(1)
        graph.capture_begin(capture_error_mode="thread_local")
        for _ in range(KERNELS_IN_A_GRAPH):
            value.add_(1)
        graph.capture_end()
    return stream, graph, value


def grouped(out: Path) -> None:
    """Forward and backward of all seeds' convolutions at once, as groups of one convolution."""
    torch.backends.cudnn.allow_tf32 = False
    n_seeds, total = max(N_SEEDS), 0.0
    for n_in, n_out, side in CONVOLUTIONS:
        images = torch.randn(BATCH, n_seeds * n_in, side, side, device=GPU, requires_grad=n_in > 1)
        weights = torch.randn(n_seeds * n_out, n_in, 3, 3, device=GPU, requires_grad=True)
        gradient = torch.randn(BATCH, n_seeds * n_out, side, side, device=GPU)
        wanted = [each for each in (images, weights) if each.requires_grad]

        def both(
            images: torch.Tensor = images,
            weights: torch.Tensor = weights,
            gradient: torch.Tensor = gradient,
            wanted: list[torch.Tensor] = wanted,
        ) -> None:
            found = functional.conv2d(images, weights, padding=1, groups=n_seeds)
            torch.autograd.grad(found, wanted, gradient)

        seconds = mean_seconds(both, 3)
        total += seconds
        what = f"ms of {n_in} to {n_out} channels at {side} x {side}"
        tell(variant="grouped", what=what, value=round(1e3 * seconds, 3))
    each = round(1e3 * total / n_seeds, 4)
    tell(variant="grouped", what="ms of a seed's convolutions", value=each)


def kernels(out: Path) -> None:
    """Tables of where the time of one turn goes."""
    with (out / "smoke-kernels.txt").open("a", encoding="utf-8") as stream:
        for name, memory_format in PROFILED:
            spec, noise, begin = _runs_of(name, memory_format, "fp32")
            with numerics_of(spec.numerics, GPU):
                run = begin(prepare(noise, spec, GPU), 0, True)
                run.go(2)
                table = _profiled(run)
            stream.write(f"{name}:{memory_format}:fp32, {STEPS_A_TURN} steps\n{table}\n")
            tell(variant="kernels", what=f"the table of {name}:{memory_format}:fp32")


def _profiled(run: Run) -> str:
    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        run.go(1)
        torch.cuda.synchronize()
    totals = seen.key_averages()
    return str(totals.table(sort_by="self_device_time_total", row_limit=KERNELS_IN_A_TABLE))


# --- all of them ----------------------------------------------------------------------------------

WITHOUT_ARGUMENTS: dict[str, Callable[[Path], None]] = {
    "machine": machine,
    "launches": launches,
    "grouped": grouped,
    "kernels": kernels,
}


NUMERICS = [
    f"{memory_format}:{precision}"
    for memory_format in ("contiguous_format", "channels_last")
    for precision in ("fp32", "tf32")
]


def measure(variant: str, out: Path, seconds: float) -> None:
    """One variant, here; tells where it hangs and ends there, once the time is over."""
    faulthandler.dump_traceback_later(seconds, exit=True)
    if variant in WITHOUT_ARGUMENTS:
        WITHOUT_ARGUMENTS[variant](out)
    else:
        name, memory_format, precision = variant.split(":")
        network(name, memory_format, precision, out)


def measure_all(variants: list[str], out: Path, seconds: float) -> int:
    """Each in a process of its own; how many went wrong or had no time."""
    deadline, n_wrong = Deadline(seconds, STARTED), 0
    out.mkdir(parents=True, exist_ok=True)
    path = out / "smoke.jsonl"
    for variant in variants:
        with path.open("a+", encoding="utf-8") as kept:
            start = kept.tell()
            problem = _begin(variant, out, deadline, kept)
            if problem:
                n_wrong += 1
                kept.write(json.dumps({"variant": variant, "error": problem}) + "\n")
                kept.flush()
            kept.seek(start)
            print(kept.read(), end="", flush=True)
    return n_wrong


def _begin(variant: str, out: Path, deadline: Deadline, kept: IO[str]) -> str | None:
    """Waits for the variant's process; what was wrong with it, if anything was."""
    seconds = min(deadline.left - SECONDS_TO_TELL, VARIANT_SECONDS)
    if seconds < FEWEST_SECONDS:
        return f"skipped: {max(deadline.left, 0):.0f} s are left"
    words = [sys.executable, __file__, "--here", variant, "--out", str(out)]
    words += ["--limit", str(seconds)]
    code = run_in_group(words, seconds + SECONDS_TO_TELL, kept, errors=sys.stderr)
    return f"exit code {code}" if code else None


def is_variant(text: str) -> bool:
    """Whether it has the form of one."""
    _, _, numerics = text.partition(":")
    return text in WITHOUT_ARGUMENTS or numerics in NUMERICS


def main() -> int:
    """Measures the variants, or one of them in this process."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT", "out")))
    parser.add_argument("--limit", type=float, default=130.0, help="seconds in all")
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), metavar="VARIANT")
    parser.add_argument("--here", help=argparse.SUPPRESS)
    given = parser.parse_args()
    out = given.out.absolute()
    for variant in given.variants:
        if not is_variant(variant):
            kinds = f"{', '.join(WITHOUT_ARGUMENTS)} or NETWORK:{NUMERICS[0]}"
            parser.error(f"bad variant '{variant}': give {kinds}")
    if given.here:
        measure(given.here, out, given.limit)
        os._exit(0)  # all is told; to take the graphs down in order takes time and may fail
    end_in_order_when_terminated()
    if not torch.cuda.is_available():
        print("no GPU: nothing to measure (torch.cuda.is_available)", file=sys.stderr)
        return 1
    return min(measure_all(given.variants, out, given.limit), 1)


if __name__ == "__main__":
    sys.exit(main())

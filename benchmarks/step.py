"""Where the time of a training step goes, in one process, as `bench train` takes it on a CPU.

    python benchmarks/step.py --data-dir PATH
    python benchmarks/step.py --data-dir PATH --profile     torch's profiler, operator by operator

Medians over 200 steps after 20 that are not counted; `maps`, made once an epoch, is shared out
among its steps. What is neither forward, backward nor the optimiser should stay below 10 %.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import time
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # runs from a clone without an installation

from bench.inputs import datasets, discover  # noqa: E402
from bench.inputs.datasets import Dataset  # noqa: E402
from bench.spec import Architecture, Numerics, RunSpec  # noqa: E402
from bench.training.engine import train  # noqa: E402
from bench.training.engine.data import prepare  # noqa: E402
from bench.training.engine.settings import numerics_of  # noqa: E402

CPU = torch.device("cpu")
WARM, COUNTED = 20, 200


def parts(architecture: Architecture, dataset: Dataset) -> dict[str, float]:
    """Milliseconds of a step by part."""
    numerics = Numerics(memory_format=architecture.memory_format, path="fused")
    spec = RunSpec(
        architecture=architecture.name,
        architecture_digest=architecture.digest,
        recipe=architecture.recipe,
        seed=0,
        dataset=dataset.info,
        numerics=numerics,
    )
    with numerics_of(numerics, CPU):
        data, state = prepare(dataset, spec, CPU), train.start(architecture, spec, CPU)
        state.trained.train()
        begun = time.perf_counter()
        maps = train.maps_of(spec, (28, 28), 1)
        steps = train.steps_per_epoch(spec.recipe, len(dataset.train))
        shared_out = (time.perf_counter() - begun) / steps
        rows: list[list[float]] = []
        order = torch.randperm(len(dataset.train)).split(spec.recipe.batch_size)
        for index, chosen in enumerate(order[: WARM + COUNTED]):
            clock = [time.perf_counter()]
            inputs, labels = train._batch(data, maps, chosen, numerics)
            clock.append(time.perf_counter())
            loss, outputs = train.forward(state.trained, inputs, labels, 0.0)
            clock.append(time.perf_counter())
            train.descend(state, loss, index)
            clock.append(time.perf_counter())
            (outputs.argmax(dim=1) == labels).sum()
            clock.append(time.perf_counter())
            rows.append([1e3 * (b - a) for a, b in itertools.pairwise(clock)])
    names = ("input", "forward", "backward and optimiser", "counts")
    columns = zip(*rows[WARM:], strict=True)
    medians = {name: statistics.median(c) for name, c in zip(names, columns, strict=True)}
    return {"maps": 1e3 * shared_out} | medians


def operators(architecture: Architecture, dataset: Dataset) -> str:
    """The longest operators over the same steps, with what lies around them once a run."""
    with torch.profiler.profile() as profiler:
        parts(architecture, dataset)
    return str(profiler.key_averages().table(sort_by="self_cpu_time_total", row_limit=12))


def main() -> None:
    """Prints a table of the three networks."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data-dir", type=Path, required=True, help="a folder that holds MNIST")
    parser.add_argument("--profile", action="store_true", help="the operators of each step")
    arguments = parser.parse_args()
    dataset = datasets.load("mnist", arguments.data_dir)
    for found in discover.scan(ROOT / "architectures"):
        if arguments.profile:
            print(found.name)
            print(operators(discover.load(found), dataset))
            continue
        found_parts = parts(discover.load(found), dataset)
        total = sum(found_parts.values())
        outside = sum(found_parts[name] for name in ("maps", "input", "counts"))
        row = ", ".join(f"{name} {value:.2f}" for name, value in found_parts.items())
        print(f"{found.name}: {row}; {total:.1f} ms in all, {outside / total:.1%} outside the step")


if __name__ == "__main__":
    main()

"""Does the rounding of a step show in the accuracy? One network, the same seeds, three ways.

    python benchmarks/three_ways.py --arch model_2 --data-dir PATH --out three_ways.json

fused        the chains of `bench/training/engine/cpu`, channels_last
eager        the network as it is written, channels_last
contiguous   the network as it is written, contiguous

A seed has the same initial weights, order of images and augmentation in all ways; dropout draws
other values. The file holds the right answers of each run. `--read FILE` prints its table again.
"""

from __future__ import annotations

import argparse
import json
import sys
from itertools import product
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # runs from a clone without an installation

from bench.inputs import datasets, discover  # noqa: E402
from bench.inputs.datasets import Dataset  # noqa: E402
from bench.spec import Architecture, Numerics, RunSpec  # noqa: E402
from bench.stats.comparison import Design, compare, corrected  # noqa: E402
from bench.stats.declared import FEWEST_RUNS  # noqa: E402
from bench.stats.means import accuracy, t_interval  # noqa: E402
from bench.stats.values import Interval  # noqa: E402
from bench.training.engine.data import prepare  # noqa: E402
from bench.training.engine.settings import numerics_of  # noqa: E402
from bench.training.engine.train import epochs_left, run_epoch, start  # noqa: E402

CPU = torch.device("cpu")
WAYS = {
    "fused": Numerics(memory_format="channels_last", path="fused"),
    "eager": Numerics(memory_format="channels_last", path="eager"),
    "contiguous": Numerics(memory_format="contiguous_format", path="eager"),
}
PAIRS = (("fused", "eager"), ("fused", "contiguous"), ("eager", "contiguous"))


def right_answers(
    architecture: Architecture, dataset: Dataset, numerics: Numerics, seed: int
) -> int:
    """Right answers in the test after the last epoch of a run."""
    spec = RunSpec(
        architecture=architecture.name,
        architecture_digest=architecture.digest,
        recipe=architecture.recipe,
        seed=seed,
        dataset=dataset.info,
        numerics=numerics,
    )
    with numerics_of(numerics, CPU):
        data, state = prepare(dataset, spec, CPU), start(architecture, spec, CPU)
        for number in epochs_left(state, spec):
            state.epochs.append(run_epoch(state, data, spec, number))
    found = state.epochs[-1].test_correct
    assert found is not None
    return found


def table(counts: dict[str, list[int]], n_images: int) -> str:
    """Means of the ways, and their differences; as independent samples, and seed by seed."""
    lines = ["| way | mean, % | sd |", "|---|---:|---:|"]
    for way, right in counts.items():
        runs = accuracy(right, n_images)
        assert runs.mean_percent is not None
        lines.append(f"| {way} | {float(runs.mean_percent):.3f} | {runs.sd_points:.3f} |")
    lines += ["", "| difference | points | 95 %, Welch | 95 %, seed by seed | p, by Holm |"]
    lines += ["|---|---:|---:|---:|---:|"]
    design = Design(n_images, n_resamples=0)
    found = corrected([compare(counts[a], counts[b], design) for a, b in PAIRS])
    for (first, second), one in zip(PAIRS, found, strict=True):
        paired = t_interval(100 * np.subtract(counts[first], counts[second]) / n_images)
        cells = f"{one.difference_points:+.3f}", _shown(one.interval), _shown(paired)
        lines.append(f"| {first} - {second} | {' | '.join(cells)} | {one.holm_p:.2f} |")
    return "\n".join(lines)


def _shown(interval: Interval | None) -> str:
    return f"{interval.low:+.3f} to {interval.high:+.3f}" if interval else ""


def main() -> None:
    """Trains, writes the file, prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--arch", default="model_2", help="a network of this project")
    parser.add_argument("--data-dir", type=Path, help="a folder that holds MNIST")
    parser.add_argument("--dataset", default="mnist5k")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("three_ways.json"))
    parser.add_argument("--read", type=Path, help="print the tables of this file")
    arguments = parser.parse_args()
    if arguments.read:
        kept = json.loads(arguments.read.read_text())
        print(table(kept["counts"], kept["n_images"]))
        return
    if arguments.seeds < FEWEST_RUNS:
        parser.error(f"--seeds: at least {FEWEST_RUNS}, for an interval")
    (found,) = discover.select(discover.scan_all(ROOT / "architectures"), [arguments.arch])
    architecture = discover.load(found)
    dataset = datasets.load(arguments.dataset, arguments.data_dir)
    counts: dict[str, list[int]] = {way: [] for way in WAYS}
    n_images = dataset.info.n_test
    kept = {"arch": arguments.arch, "dataset": arguments.dataset, "n_images": n_images}
    for seed, way in product(range(arguments.seeds), WAYS):
        counts[way].append(right_answers(architecture, dataset, WAYS[way], seed))
        print(f"seed {seed}, {way}: {counts[way][-1]} of {n_images}", file=sys.stderr, flush=True)
        content = json.dumps(kept | {"torch": torch.__version__, "counts": counts})
        arguments.out.write_text(content + "\n")
    print(table(counts, n_images))


if __name__ == "__main__":
    main()

"""How long a report takes, how much memory it needs and how large it becomes.

    python benchmarks/report.py                                5 architectures of 60 runs
    python benchmarks/report.py --architectures 10 --seeds 200

The suite is made of the committed reference runs, copied under other names, seeds and counts; the
command is timed as a person types it, in a process of its own, the median of three.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # runs from a clone without an installation

from msgspec.structs import replace  # noqa: E402

from bench.spec import RunRecord, digest  # noqa: E402
from bench.store import Suite  # noqa: E402

ROUNDS = 3
DATASET = "mnist"


def fill(suite: Suite, n_architectures: int, n_seeds: int) -> None:
    """Copies of the reference runs; each differs from its source by a few right answers."""
    source = Suite(ROOT / "results", "reference")
    portraits, runs = source.portraits(), source.runs()
    stream = random.Random(0)
    for number in range(n_architectures):
        portrait = portraits[number % len(portraits)]
        name = f"{portrait.architecture}_{number}"
        suite.add_portrait(replace(portrait, architecture=name, display_name=name.title()))
        own = [run for run in runs if run.architecture == portrait.architecture]
        for seed in range(n_seeds):
            suite.add_run(_copy(own[seed % len(own)], name, seed, stream), None)
    shutil.copy(source.folder / DATASET / "missed-digits.json", suite.folder / DATASET)


def _copy(run: RunRecord, name: str, seed: int, stream: random.Random) -> RunRecord:
    last = run.epochs[-1]
    assert last.test_correct is not None
    ended = replace(last, test_correct=last.test_correct + stream.randint(-8, 8))
    return replace(
        run,
        architecture=name,
        seed=seed,
        key=digest(f"{name} {seed}".encode()),
        epochs=[*run.epochs[:-1], ended],
    )


def main() -> int:
    """Prints one line a figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--architectures", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=60)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        suite = Suite(folder / "results", "synthetic")
        fill(suite, asked.architectures, asked.seeds)
        words = ["report", "--suite", "synthetic"]
        command = [sys.executable, "-m", "bench", *words]
        paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        seconds = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            subprocess.run(
                command,
                cwd=folder,
                env=os.environ | {"PYTHONPATH": paths},
                stdout=subprocess.DEVNULL,
                check=True,
            )
            seconds.append(time.perf_counter() - start)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        size = (folder / "reports" / "index.html").stat().st_size / 1e6
        print(f"{asked.architectures} architectures of {asked.seeds} runs")
        print(f"seconds, median of {ROUNDS}: {statistics.median(seconds):.1f}")
        print(f"peak memory: {peak:.0f} MiB")
        print(f"index.html: {size:.2f} MB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Seconds of one whole run on a GPU, for as many seeds as a person wants, four ways.

    python benchmarks/gpu_throughput.py --data-dir PATH --out out/gpu

loader     the README's way: DataLoader with 2 workers, PIL transforms, `.item()` each step. Timed
           over 2 epochs after one that is not counted, and multiplied by the recipe's 15.
resident   the best usual way for one seed: data on the device, augmentation by the batch
           (`grid_sample`), fused Adam, nothing read in an epoch. Timed like `loader`.
compiled   the same through torch.compile(mode="reduce-overhead"); its first, compiling epoch is
           shared among the seeds.
ours       this project's executor: a CUDA graph a seed on a stream of its own, the seeds side by
           side in one process. Whole runs, the start of the process included.

`loader`, `resident` and `compiled` train one seed after another, so more seeds cost as many times
more. Every measurement is a process of its own. Writes OUT.json with every raw time and OUT.md.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # runs from a clone without an installation

from bench.inputs import datasets, discover  # noqa: E402
from bench.inputs.datasets import Dataset  # noqa: E402
from bench.inputs.recipes import Changes  # noqa: E402
from bench.records.store import Suite  # noqa: E402
from bench.spec import Architecture, Augmentation  # noqa: E402
from bench.training.engine.data import DeviceSplit, memory_format, prepare  # noqa: E402
from bench.training.executors.device import DeviceExecutor  # noqa: E402
from bench.training.plan import Matrix, make_plan, run_spec  # noqa: E402
from bench.training.provenance import environment  # noqa: E402
from bench.training.selection import changed  # noqa: E402
from bench.training.shared_dataset import shared  # noqa: E402
from benchmarks.gpu_floor import Floor, floor  # noqa: E402
from benchmarks.throughput import loader  # noqa: E402

NETWORKS = ("model_1", "model_2", "model_3")
N_SEEDS = (1, 5, 32, 128)
COUNTED_EPOCHS = 2


@dataclass(frozen=True)
class Setting:
    """What every contestant is given."""

    network: str
    dataset: str
    data_dir: Path | None
    device: str
    epochs: int | None  # None: the recipe's own
    n_seeds: int = 1

    def architecture(self) -> Architecture:
        """The network with its recipe, cut or lengthened to the epochs asked for."""
        found = discover.select(discover.scan(ROOT / "architectures"), [self.network])
        return discover.load(found[0])

    def load(self) -> Dataset:
        """The data set."""
        return datasets.load(self.dataset, self.data_dir)

    def matrix(self) -> Matrix:
        """The runs of these seeds, captured."""
        found = discover.select(discover.scan(ROOT / "architectures"), [self.network])
        return Matrix(
            architectures=changed(
                [(found[0], discover.load(found[0]))], Changes(epochs=self.epochs)
            ),
            seeds=list(range(self.n_seeds)),
            dataset=self.load().info,
            environment=environment(torch.device(self.device), "benchmarks/gpu_throughput.py"),
            paths={self.network: "graph"},
        )


@dataclass(frozen=True)
class Times:
    """What a contestant measured: seconds of epochs, or of all runs together."""

    epochs: list[float]  # the first one apart
    first_epoch: float = 0.0
    whole: float = 0.0

    def seconds_per_run(self, n_epochs: int, n_seeds: int) -> float:
        """Amortised over the seeds."""
        if self.whole:
            return self.whole / n_seeds
        each = sum(self.epochs) / len(self.epochs)
        return each * n_epochs + max(self.first_epoch - each, 0.0) / n_seeds


def by_loader(setting: Setting) -> Times:
    """The README's way; a process of its own is not counted."""
    assert setting.data_dir, "the loader reads MNIST's files: give --data-dir"
    architecture = setting.architecture()
    times = loader(
        architecture, setting.load(), setting.data_dir, COUNTED_EPOCHS, device=setting.device
    )
    return Times(times)


def by_resident(setting: Setting, compiled: bool = False) -> Times:
    """Data on the device, one seed."""
    device = torch.device(setting.device)
    architecture, dataset = setting.architecture(), setting.load()
    recipe = architecture.recipe
    spec = run_spec(architecture, 0, setting.matrix())
    data = prepare(dataset, spec, device)
    network = architecture.build().to(device, memory_format=memory_format(spec.numerics))
    forward = torch.compile(network, mode="reduce-overhead") if compiled else network
    optimizer = torch.optim.Adam(
        network.parameters(),
        lr=recipe.peak_learning_rate,
        weight_decay=recipe.weight_decay,
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=recipe.peak_learning_rate,
        total_steps=recipe.epochs * -(-dataset.info.n_train // recipe.batch_size),
        pct_start=recipe.warmup_fraction,
    )

    def batches(split: DeviceSplit, shuffled: bool) -> list[tuple[Tensor, Tensor]]:
        images = data.grey_levels[split.images.int()].unsqueeze(1)
        labels = split.labels
        if shuffled:
            images = moved(images - data.grey_levels[0], recipe.augmentation) + data.grey_levels[0]
            order = torch.randperm(len(labels), device=device)
            images, labels = images[order], labels[order]
        size = recipe.batch_size
        return list(zip(images.split(size), labels.split(size), strict=True))

    def epoch() -> None:
        network.train()
        total = torch.zeros((), device=device)
        for images, labels in batches(data.train, shuffled=True):
            optimizer.zero_grad(set_to_none=True)
            loss = functional.cross_entropy(forward(images), labels)
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.detach()
        network.eval()
        with torch.no_grad():
            for images, labels in batches(data.validation, shuffled=False):
                total += functional.cross_entropy(forward(images), labels)
        float(total)  # waits for the device

    first, *rest = timed(epoch, 1 + COUNTED_EPOCHS)
    return Times(rest, first_epoch=first if compiled else 0.0)


def moved(images: Tensor, augmentation: Augmentation) -> Tensor:
    """Each image (n, 1, height, width) rotated, sheared, scaled and shifted at random."""
    n, device = len(images), images.device

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(n, device=device) * (high - low) + low

    limit = augmentation.rotation_degrees
    angle = torch.deg2rad(uniform(-limit, limit))
    scale = uniform(augmentation.scale_min, augmentation.scale_max)
    limit = augmentation.shear_degrees
    shear = torch.tan(torch.deg2rad(uniform(-limit, limit)))
    limit = 2 * augmentation.translate
    cosine, sine = torch.cos(angle) / scale, torch.sin(angle) / scale
    rows = [cosine, cosine * shear - sine, uniform(-limit, limit)]
    rows += [sine, sine * shear + cosine, uniform(-limit, limit)]
    grid = functional.affine_grid(
        torch.stack(rows, dim=1).view(n, 2, 3), list(images.shape), align_corners=False
    )
    return functional.grid_sample(images, grid, mode="nearest", align_corners=False)


def timed(epoch: Callable[[], None], n_epochs: int) -> list[float]:
    """Seconds of each; the epoch itself waits for the device."""
    times = [time.perf_counter()]
    for _ in range(n_epochs):
        epoch()
        times.append(time.perf_counter())
    return [b - a for a, b in itertools.pairwise(times)]


def by_compiled(setting: Setting) -> Times:
    """As `resident`, compiled."""
    return by_resident(setting, compiled=True)


def by_ours(setting: Setting) -> Times:
    """Whole runs of all seeds side by side."""
    with tempfile.TemporaryDirectory() as results, shared(setting.load()) as data_file:
        jobs = make_plan(setting.matrix(), Suite(Path(results), "benchmark"), []).jobs
        jobs = [replace(job, data_file=data_file) for job in jobs]
        started = time.perf_counter()
        with closing(DeviceExecutor(setting.n_seeds).work(jobs)) as events:
            wrong = [e for e in events if e.kind not in ("started", "epoch", "completed")]
        seconds = time.perf_counter() - started
    if wrong:
        sys.exit(f"{len(wrong)} runs went wrong: {wrong[0].reason}")
    return Times([], whole=seconds)


METHODS: dict[str, Callable[[Setting], Times]] = {
    "loader": by_loader,
    "resident": by_resident,
    "compiled": by_compiled,
    "ours": by_ours,
}
TITLES = {
    "loader": "the README's way (2 epochs timed)",
    "resident": "data on the device, eager (2 epochs timed)",
    "compiled": "data on the device, torch.compile (2 epochs timed)",
    "ours": "ours, a graph a seed",
}


def measure(method: str, setting: Setting, seconds_at_most: float) -> Times | str:
    """The method's times, in a process of its own; or why there are none."""
    words = [sys.executable, __file__, "--contestant", method, "--networks", setting.network]
    words += ["--dataset", setting.dataset, "--device", setting.device]
    words += ["--seeds", str(setting.n_seeds)]
    words += ["--data-dir", str(setting.data_dir)] if setting.data_dir else []
    words += ["--epochs", str(setting.epochs)] if setting.epochs else []
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=seconds_at_most)
    except subprocess.TimeoutExpired:
        return f"not done in {seconds_at_most:.0f} s"
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["no reason"])[-1]
    return Times(**json.loads(done.stdout.splitlines()[-1]))


def contest(
    methods: list[str], n_seeds: list[int], setting: Setting, seconds_at_most: float
) -> list[dict[str, object]]:
    """One network's rows: {network, method, n_seeds, seconds_per_run or error, raw}."""
    rows: list[dict[str, object]] = []
    n_epochs = setting.epochs or setting.architecture().recipe.epochs
    for method in methods:
        found: Times | str = ""
        for n in n_seeds:
            here = Setting(**{**asdict(setting), "n_seeds": n})
            if method == "ours" or n == n_seeds[0]:
                found = measure(method, here, seconds_at_most)
            row: dict[str, object] = {"network": setting.network, "method": method, "n_seeds": n}
            if isinstance(found, Times):
                row |= {"seconds_per_run": found.seconds_per_run(n_epochs, n), "raw": asdict(found)}
            else:
                row |= {"error": found}
            rows.append(row)
            print(json.dumps(row), flush=True)
    return rows


def table(rows: list[dict[str, object]], n_seeds: list[int], floors: dict[str, Floor]) -> str:
    """Seconds per run as Markdown."""
    heads = " | ".join(f"{n} seed{'s' if n > 1 else ''}" for n in n_seeds)
    lines = [f"| | seconds a run at {heads} |", "|---|" + "---:|" * len(n_seeds)]
    keys = dict.fromkeys((str(row["network"]), str(row["method"])) for row in rows)
    for network, method in keys:
        cells = [
            f"{seconds:.2f}" if isinstance(seconds := row.get("seconds_per_run"), float) else "n/a"
            for row in rows
            if (row["network"], row["method"]) == (network, method)
        ]
        lines.append(f"| {network}, {TITLES[method]} | {' | '.join(cells)} |")
    for network, each in floors.items():
        cells = [f"{each.seconds:.3f}"] * len(n_seeds)
        lines.append(f"| {network}, floor: {each.words} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Runs the contest, or one contestant of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--data-dir", type=Path, help="a folder that holds MNIST")
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS))
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--seeds", nargs="+", type=int, default=list(N_SEEDS))
    parser.add_argument("--epochs", type=int, help="of ours, instead of the recipe's 15")
    parser.add_argument("--limit", type=float, default=600, help="seconds for one measurement")
    parser.add_argument("--out", type=Path, help="OUT.json and OUT.md are written")
    parser.add_argument("--contestant", choices=METHODS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    settings = [
        Setting(name, given.dataset, given.data_dir, given.device, given.epochs, given.seeds[0])
        for name in given.networks
    ]
    if given.contestant:
        print(json.dumps(asdict(METHODS[given.contestant](settings[0]))))
        return
    rows: list[dict[str, object]] = []
    floors: dict[str, Floor] = {}
    for setting in settings:
        rows += contest(given.methods, given.seeds, setting, given.limit)
        floors[setting.network] = floor(
            setting.architecture(), setting.load().info, torch.device(given.device), given.epochs
        )
    text = table(rows, given.seeds, floors)
    print(text)
    if given.out:
        here = environment(torch.device(given.device), "python benchmarks/gpu_throughput.py")
        about = {
            "device": here.processor,
            "torch": here.torch,
            "python": here.python,
            "date": time.strftime("%Y-%m-%d"),
            "rows": rows,
            "floors": {name: asdict(each) for name, each in floors.items()},
        }
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.with_suffix(".json").write_text(json.dumps(about, indent=1) + "\n")
        given.out.with_suffix(".md").write_text(text)
    if any("error" in row for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()

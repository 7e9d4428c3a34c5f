"""How fast this machine trains: epochs finished per hour, three ways, the same work each.

    python benchmarks/throughput.py --data-dir PATH --rounds 3 --out benchmarks/throughput.json

(a) loader   the README's way, written plainly: torchvision data set, DataLoader with 2 workers,
             PIL transforms, Adam, OneCycleLR, `.item()` each step; torch's default threads.
(b) step     the plain step on ready tensors: forward, backward, fused Adam; one thread; no
             loading, no augmentation, no schedule, nothing tuned.
(c) bench    this project: its own executor, one worker a core, each with its own seed.

An epoch is 54,000 training images and a pass over the 6,000 validation images. Every contestant
runs one epoch that is not counted, then `--epochs` that are; the contestants take turns, so that
a machine whose speed drifts treats them alike. Each is a process of its own. The file holds every
raw time.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # runs from a clone without an installation

from bench.inputs import datasets, discover  # noqa: E402
from bench.inputs.datasets import Dataset  # noqa: E402
from bench.inputs.recipes import Changes  # noqa: E402
from bench.machine import usable_cores  # noqa: E402
from bench.records.store import Suite  # noqa: E402
from bench.spec import Architecture  # noqa: E402
from bench.training.executors import Job  # noqa: E402
from bench.training.executors.local import LocalExecutor  # noqa: E402
from bench.training.plan import Matrix, make_plan  # noqa: E402
from bench.training.provenance import environment  # noqa: E402
from bench.training.selection import changed, load_architectures, probed  # noqa: E402
from bench.training.shared_dataset import shared  # noqa: E402

NETWORKS = ("model_1", "model_2", "model_3")
BATCH = 128
CPU = torch.device("cpu")


def loader(
    architecture: Architecture,
    dataset: Dataset,
    data_dir: Path,
    epochs: int,
    device: str = "cpu",
) -> list[float]:
    """(a): seconds of each epoch."""
    from torch.utils.data import DataLoader, Subset
    from torchvision import transforms
    from torchvision.datasets import MNIST

    recipe, augmentation = architecture.recipe, architecture.recipe.augmentation
    plain = [transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))]
    augmented = transforms.Compose(
        [
            transforms.RandomRotation(augmentation.rotation_degrees, fill=0),
            transforms.RandomAffine(
                0,
                translate=(augmentation.translate, augmentation.translate),
                scale=(augmentation.scale_min, augmentation.scale_max),
                shear=augmentation.shear_degrees,
                fill=0,
            ),
            *plain,
        ]
    )
    with tempfile.TemporaryDirectory() as folder:
        root = _as_torchvision_wants(data_dir, Path(folder))
        split = torch.Generator().manual_seed(42)
        order = torch.randperm(60_000, generator=split).tolist()
        chosen = {"train": (order[:54_000], augmented), "validation": (order[54_000:], plain)}
        parts = {}
        for name, (rows, transform) in chosen.items():
            change = transform if callable(transform) else transforms.Compose(transform)
            parts[name] = DataLoader(
                Subset(MNIST(str(root), train=True, transform=change), rows),
                batch_size=BATCH,
                shuffle=name == "train",
                num_workers=2,
            )
        network = architecture.build().to(device)
        optimizer = torch.optim.Adam(
            network.parameters(), lr=recipe.peak_learning_rate, weight_decay=recipe.weight_decay
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer,
            max_lr=recipe.peak_learning_rate,
            epochs=recipe.epochs,
            steps_per_epoch=len(parts["train"]),
            pct_start=recipe.warmup_fraction,
        )

        def epoch() -> None:
            network.train()
            loss_sum, correct = 0.0, 0
            for images, labels in _on(device, parts["train"]):
                optimizer.zero_grad()
                output = network(images)
                loss = functional.nll_loss(output, labels)
                loss.backward()
                optimizer.step()
                schedule.step()
                loss_sum += loss.item()
                correct += output.argmax(dim=1).eq(labels).sum().item()
            network.eval()
            with torch.no_grad():
                for images, labels in _on(device, parts["validation"]):
                    output = network(images)
                    loss_sum += functional.nll_loss(output, labels).item()
                    correct += output.argmax(dim=1).eq(labels).sum().item()

        return _seconds(epoch, epochs)


def _on(device: str, batches: Iterable[list[Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    for images, labels in batches:
        yield images.to(device), labels.to(device)


def _as_torchvision_wants(data_dir: Path, folder: Path) -> Path:
    """A folder with MNIST/raw that torchvision reads."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for path in data_dir.rglob("*-ubyte"):
        shutil.copy(path, raw / path.name)
    for path in data_dir.rglob("*-ubyte.gz"):
        (raw / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
    return folder


def step(architecture: Architecture, dataset: Dataset, data_dir: Path, epochs: int) -> list[float]:
    """(b): seconds of each epoch."""
    torch.set_num_threads(1)
    network = architecture.build()
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    images, labels = torch.randn(BATCH, 1, 28, 28), torch.randint(0, 10, (BATCH,))

    def epoch() -> None:
        network.train()
        for n in _batches(len(dataset.train)):
            optimizer.zero_grad()
            functional.nll_loss(network(images[:n]), labels[:n]).backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            for n in _batches(len(dataset.validation)):
                network(images[:n])

    return _seconds(epoch, epochs)


def _batches(n_images: int) -> list[int]:
    """Their sizes, the short last one included."""
    return [min(BATCH, n_images - start) for start in range(0, n_images, BATCH)]


def ours(architecture: Architecture, dataset: Dataset, data_dir: Path, epochs: int) -> list[float]:
    """(c): seconds of each worker's counted epochs; all work until the last of them."""
    n_workers = usable_cores()
    found = discover.select(discover.scan(ROOT / "architectures"), [architecture.name])
    selection = load_architectures(found, named=True)
    here = environment(CPU, "benchmarks/throughput.py")
    matrix = Matrix(
        # The first epoch warms up; the last keeps every core busy to the end.
        architectures=changed(selection.usable, Changes(epochs=epochs + 2)),
        seeds=list(range(n_workers)),
        dataset=dataset.info,
        environment=here,
        evaluate_test=False,
    )
    _, matrix, _ = probed(selection, matrix, dataset, named=True)
    finished: dict[int, list[float]] = {seed: [] for seed in matrix.seeds}
    with tempfile.TemporaryDirectory() as results, shared(dataset) as data_file:
        plan = make_plan(matrix, Suite(Path(results), "benchmark"), [])
        ours = (job for job in plan.jobs if isinstance(job, Job))
        todo = [replace(job, data_file=data_file) for job in ours]
        with closing(LocalExecutor(n_workers).work(todo)) as events:
            for event in events:
                if event.kind == "epoch":
                    finished[event.job.spec.seed].append(time.perf_counter())
                elif event.kind not in ("started", "completed"):
                    sys.exit(f"a run ended as {event.kind}: {event.reason}")
                if min(map(len, finished.values())) > epochs:
                    break
    counted = [times[: epochs + 1] for times in finished.values()]
    return [b - a for times in counted for a, b in itertools.pairwise(times)]


CONTESTANTS: dict[str, Callable[[Architecture, Dataset, Path, int], list[float]]] = {
    "loader": loader,
    "step": step,
    "bench": ours,
}


def _seconds(epoch: Callable[[], None], epochs: int) -> list[float]:
    """Seconds of each of `epochs` epochs, after one that is not counted."""
    epoch()
    times = [time.perf_counter()]
    for _ in range(epochs):
        epoch()
        times.append(time.perf_counter())
    return [b - a for a, b in itertools.pairwise(times)]


def contest(contestant: str, network: str, data_dir: Path, epochs: int) -> list[float]:
    """The seconds of one contestant's epochs, in a process of its own."""
    words = [sys.executable, __file__, "--contestant", contestant, "--networks", network]
    words += ["--data-dir", str(data_dir), "--epochs", str(epochs)]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{contestant} on {network} failed:\n{done.stderr}")
    seconds: list[float] = json.loads(done.stdout.splitlines()[-1])
    return seconds


def rate(contestant: str, seconds: list[float]) -> float:
    """Epochs finished per hour; every worker of ours finishes one in that time."""
    workers = usable_cores() if contestant == "bench" else 1
    return 3600 * workers / statistics.median(seconds)


def table(raw: dict[str, dict[str, list[float]]]) -> str:
    """Medians and ratios as Markdown."""
    lines = [
        "| | (a) loader, epochs/h | (b) step | (c) bench | c / a | c / b |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for network, times in raw.items():
        a, b, c = (rate(name, times[name]) for name in CONTESTANTS)
        lines.append(f"| {network} | {a:.0f} | {b:.0f} | {c:.0f} | **{c / a:.2f}** | {c / b:.2f} |")
    return "\n".join(lines)


def main() -> None:
    """Runs the contest, or one contestant of it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data-dir", type=Path, required=True, help="a folder that holds MNIST")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=1, help="counted epochs a round")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS))
    parser.add_argument("--out", type=Path, help="where the raw times are written, as JSON")
    parser.add_argument("--contestant", choices=CONTESTANTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contestant:
        found = discover.select(discover.scan(ROOT / "architectures"), arguments.networks)
        dataset = datasets.load("mnist", arguments.data_dir)
        run = CONTESTANTS[arguments.contestant]
        times = run(discover.load(found[0]), dataset, arguments.data_dir, arguments.epochs)
        print(json.dumps(times))
        return
    raw: dict[str, dict[str, list[float]]] = {
        network: {name: [] for name in CONTESTANTS} for network in arguments.networks
    }
    for number in range(arguments.rounds):
        for network, by_contestant in raw.items():
            for name in CONTESTANTS:
                seconds = contest(name, network, arguments.data_dir, arguments.epochs)
                by_contestant[name] += seconds
                print(f"round {number + 1}: {network}, {name}: {seconds[-1]:.1f} s", flush=True)
    print(table(raw))
    if arguments.out:
        here = environment(torch.device("cpu"), "python benchmarks/throughput.py")
        about = {
            "processor": here.processor,
            "cores": usable_cores(),
            "torch": here.torch,
            "python": here.python,
            "system": platform.system(),
            "commit": here.commit,
            "dirty": here.dirty,
            "date": time.strftime("%Y-%m-%d"),
            "rounds": arguments.rounds,
            "epochs_per_round": arguments.epochs,
            "seconds_per_epoch": raw,
        }
        arguments.out.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

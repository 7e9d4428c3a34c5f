"""Seconds of one whole run on a GPU, for one seed and for many, in several ways.

    python benchmarks/gpu_throughput.py --data-dir PATH --out out/gpu_throughput
    python benchmarks/gpu_throughput.py --rows model_2:ours:128 model_2:resident:1 --out out/more

loader     the README's way: DataLoader with 2 workers, PIL transforms, `.item()` each step
resident   the best usual way for one seed: data on the device, augmentation by the batch
           (`grid_sample`), fused Adam, nothing read in an epoch
compiled   the same through torch.compile(mode="reduce-overhead"); its first, compiling epoch is
           shared among the seeds
ours       this project's executor: a CUDA graph a seed on a stream of its own, the seeds side by
           side in one process. Whole runs, the start of the process included
ours-tf32  the same with shorter factors in convolutions and matrix products
floor      the time below which no program can be: `benchmarks/gpu_floor.py`

All but `ours-tf32` compute in float32 without TF32, which torch would switch on in convolutions.
The first three are timed over one epoch, after one that is not counted, multiplied by the recipe's
15; they train one seed after another, so more seeds cost as many times more. `resident` and
`compiled` train the epoch's full batches and score nothing, which favours them.

Every row NETWORK:METHOD:SEEDS is a process of its own. OUT.json, with every raw time, and OUT.md
are written anew after each row.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import platform
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # runs from a clone without an installation

from bench.errors import UsageError  # noqa: E402
from bench.inputs import datasets, discover  # noqa: E402
from bench.inputs.datasets import Dataset  # noqa: E402
from bench.inputs.recipes import Changes  # noqa: E402
from bench.records.store import Suite  # noqa: E402
from bench.spec import Architecture, Augmentation, Recipe  # noqa: E402
from bench.training.engine.data import DeviceData, memory_format, prepare  # noqa: E402
from bench.training.engine.settings import resolve_device  # noqa: E402
from bench.training.executors import Job  # noqa: E402
from bench.training.executors.device import DeviceExecutor  # noqa: E402
from bench.training.plan import Matrix, make_plan, run_spec  # noqa: E402
from bench.training.provenance import environment, processor  # noqa: E402
from bench.training.selection import changed  # noqa: E402
from bench.training.shared_dataset import shared  # noqa: E402
from benchmarks.gpu_children import (  # noqa: E402
    PAST_ITS_LIMIT,
    Deadline,
    end_in_order_when_terminated,
    run_in_group,
)
from benchmarks.gpu_floor import floor  # noqa: E402
from benchmarks.throughput import loader  # noqa: E402

# What a first visit to a GPU has time for, the dearest answers first.
ROWS = (
    "model_1:ours:32",
    "model_1:ours:1",
    "model_1:ours-tf32:32",
    "model_1:loader:1",
    "model_1:compiled:1",
    "model_1:floor:1",
)
# With fewer seconds left a row is not begun: about what the least that tells something takes.
FEWEST_SECONDS = {"loader": 25, "resident": 25, "compiled": 40, "floor": 10}
FEWEST_SECONDS |= {"ours": 25, "ours-tf32": 25}


@dataclass(frozen=True)
class Setting:
    """What every contestant is given."""

    network: str
    dataset: str
    data_dir: Path | None
    device: str
    epochs: int | None  # None: the recipe's own
    n_seeds: int = 1
    tf32: bool = False

    def architecture(self) -> Architecture:
        """The network with its recipe, cut or lengthened to the epochs asked for."""
        found = discover.select(discover.scan(ROOT / "architectures"), [self.network])
        return discover.load(found[0])

    @property
    def n_epochs(self) -> int:
        """Of one run."""
        return self.epochs or self.architecture().recipe.epochs

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
            tf32=self.tf32,
            paths={self.network: "graph"},
        )


@dataclass(frozen=True)
class Times:
    """What a contestant measured: seconds of epochs, or of all runs together."""

    epochs: list[float] = field(default_factory=list)  # the first one apart
    first_epoch: float = 0.0  # that compiles; of whole runs, the start included
    whole: float = 0.0
    words: str = ""  # what a floor was counted from

    def seconds_per_run(self, n_epochs: int, n_seeds: int) -> float:
        """Amortised over the seeds."""
        if self.whole:
            return self.whole / n_seeds
        each = sum(self.epochs) / len(self.epochs)
        return each * n_epochs + max(self.first_epoch - each, 0.0) / n_seeds


@dataclass(frozen=True)
class Row:
    """One measurement that is wanted, and what came of it."""

    network: str
    method: str
    n_seeds: int
    times: Times | None = None
    error: str | None = None
    device: str | None = None

    @classmethod
    def parse(cls, text: str) -> Row:
        """NETWORK:METHOD:SEEDS.

        Raises:
            ValueError: it is none.
        """
        network, _, rest = text.partition(":")
        method, _, n_seeds = rest.partition(":")
        if method not in METHODS or not n_seeds.isdecimal() or int(n_seeds) < 1:
            raise ValueError(f"bad row '{text}': give NETWORK:METHOD:SEEDS, such as {ROWS[0]}")
        return cls(network, method, int(n_seeds))

    @property
    def key(self) -> tuple[str, str]:
        """What a line of the table is about."""
        return self.network, self.method


def by_loader(setting: Setting) -> Times:
    """The README's way; a process of its own is not counted."""
    if not setting.data_dir:
        sys.exit("the loader reads MNIST's files: give --data-dir")
    without_tf32()
    dataset = setting.load()
    times = loader(setting.architecture(), dataset, setting.data_dir, 1, device=setting.device)
    return Times(times)


def without_tf32() -> None:
    """torch allows it in convolutions by default; a fair contest is in float32 for all."""
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False


def by_resident(setting: Setting, compiled: bool = False) -> Times:
    """Data on the device, one seed; the full batches of an epoch, nothing scored."""
    without_tf32()
    device = torch.device(setting.device)
    architecture, dataset = setting.architecture(), setting.load()
    recipe = architecture.recipe
    spec = run_spec(architecture, 0, setting.matrix())
    data = prepare(dataset, spec, device)
    network = architecture.build().to(device, memory_format=memory_format(spec.numerics))
    network.train()
    forward: Callable[[Tensor], Tensor] = network
    if compiled:
        forward = torch.compile(network, mode="reduce-overhead", dynamic=False)
    optimizer = torch.optim.Adam(
        network.parameters(),
        lr=recipe.peak_learning_rate,
        weight_decay=recipe.weight_decay,
        fused=True,
    )
    n_batches = len(dataset.train) // recipe.batch_size
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=recipe.peak_learning_rate,
        total_steps=recipe.epochs * n_batches,
        pct_start=recipe.warmup_fraction,
    )

    def epoch() -> None:
        total = torch.zeros((), device=device)
        for images, labels in itertools.islice(batches(data, recipe), n_batches):
            optimizer.zero_grad(set_to_none=True)
            loss = functional.cross_entropy(forward(images), labels)
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.detach()
        float(total)  # waits for the device

    first, *rest = timed(epoch, 2)
    return Times(rest, first_epoch=first if compiled else 0.0)


def batches(data: DeviceData, recipe: Recipe) -> Iterator[tuple[Tensor, Tensor]]:
    """An epoch's training images, normalised, augmented and shuffled; the short one comes last."""
    images = data.grey_levels[data.train.images.int()].unsqueeze(1)
    images = moved(images - data.grey_levels[0], recipe.augmentation) + data.grey_levels[0]
    order = torch.randperm(len(images), device=images.device)
    size = recipe.batch_size
    return zip(images[order].split(size), data.train.labels[order].split(size), strict=True)


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
    first_epoch = 0.0
    with tempfile.TemporaryDirectory() as results, shared(setting.load()) as data_file:
        plan = make_plan(setting.matrix(), Suite(Path(results), "benchmark"), [])
        ours = (job for job in plan.jobs if isinstance(job, Job))
        jobs = [replace(job, data_file=data_file) for job in ours]
        started = time.perf_counter()
        with closing(DeviceExecutor(setting.n_seeds).work(jobs)) as events:
            for event in events:
                if event.kind not in ("started", "epoch", "completed"):
                    sys.exit(f"a run ended as {event.kind}: {event.reason}")
                if event.kind == "epoch":
                    first_epoch = first_epoch or time.perf_counter() - started
        seconds = time.perf_counter() - started
    return Times(first_epoch=first_epoch, whole=seconds)


def by_floor(setting: Setting) -> Times:
    """No program is faster."""
    found = floor(
        setting.architecture(), setting.load().info, torch.device(setting.device), setting.epochs
    )
    return Times(whole=found.seconds * setting.n_seeds, words=found.words)


METHODS: dict[str, Callable[[Setting], Times]] = {
    "loader": by_loader,
    "resident": by_resident,
    "compiled": by_compiled,
    "ours": by_ours,
    "ours-tf32": lambda setting: by_ours(replace(setting, tf32=True)),
    "floor": by_floor,
}
TITLES = {
    "loader": "the README's way (1 epoch timed)",
    "resident": "data on the device, eager (training steps of 1 epoch timed)",
    "compiled": "data on the device, torch.compile (training steps of 1 epoch timed)",
    "ours": "ours, a graph a seed",
    "ours-tf32": "ours with TF32, which no other row has",
    "floor": "floor",
}
COMPLAINTS = 20  # lines of a contestant that failed, for the log
SIDE_BY_SIDE = ("ours", "ours-tf32")  # the others train one seed after another


def measure(row: Row, setting: Setting, seconds: float) -> Row:
    """The row with its times, from a process of its own, or with why there are none."""
    if seconds < FEWEST_SECONDS[row.method]:
        return replace(row, error=f"skipped: {max(seconds, 0):.0f} s are left")
    words = [sys.executable, __file__, "--contestant"]
    words += ["--rows", f"{row.network}:{row.method}:{row.n_seeds}"]
    words += ["--dataset", setting.dataset, "--device", setting.device]
    words += ["--data-dir", str(setting.data_dir)] if setting.data_dir else []
    words += ["--epochs", str(setting.epochs)] if setting.epochs else []
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        code = run_in_group(words, seconds, output, errors=errors)
        output.seek(0)
        errors.seek(0)
        told, complaints = output.read().splitlines(), errors.read().splitlines()
    if code:
        print(*complaints[-COMPLAINTS:], sep="\n", file=sys.stderr)
    if code == PAST_ITS_LIMIT:
        return replace(row, error=f"not done in {seconds:.0f} s")
    if code:
        return replace(row, error=reason(complaints) or f"exit code {code}")
    found = json.loads(told[-1])
    return replace(row, times=Times(**found["times"]), device=found["device"])


def reason(complaints: list[str]) -> str | None:
    """Of what a process wrote before it ended: its last error, or else its last line."""
    lines = [line for line in complaints if line.strip()]
    errors = [line for line in lines if re.match(r"[\w.]+(Error|Exception|Exit)\b", line)]
    found = errors or lines
    return found[-1] if found else None


def compete(row: Row, setting: Setting) -> None:
    """One contestant, in this process; its last line is what it found."""
    times = METHODS[row.method](setting)
    device = processor(torch.device(setting.device))
    print(json.dumps({"times": asdict(times), "device": device}))


def table(rows: list[Row], n_epochs: dict[str, int]) -> str:
    """Seconds a run as Markdown; a blank where nothing was measured.

    Args:
        rows: The measurements.
        n_epochs: Of a run of each network.
    """
    n_seeds = sorted({row.n_seeds for row in rows})
    heads = " | ".join(f"{n} seed{'s' if n > 1 else ''}" for n in n_seeds)
    lines = [f"| | seconds a run at {heads} |", "|---|" + "---:|" * len(n_seeds)]
    for key in dict.fromkeys(row.key for row in rows):
        some = [row for row in rows if row.key == key]
        words = next((f": {row.times.words}" for row in some if row.times and row.times.words), "")
        cells = " | ".join(_cell(some, n, n_epochs[key[0]]) for n in n_seeds)
        lines.append(f"| {key[0]}, {TITLES[key[1]]}{words} | {cells} |")
    return "\n".join(lines) + "\n"


def _cell(rows: list[Row], n_seeds: int, n_epochs: int) -> str:
    """Of one network and one method; one seed tells of all where they train one after another."""
    row = next((row for row in rows if row.n_seeds == n_seeds), None)
    if row is None and rows[0].method not in SIDE_BY_SIDE:
        row = rows[0]
    if row is None:
        return ""
    if row.times is None:
        return "n/a"
    if row.method == "floor":
        return f"{row.times.whole / row.n_seeds:.3f}"
    return f"{row.times.seconds_per_run(n_epochs, n_seeds):.2f}"


def write(out: Path, rows: list[Row], n_epochs: dict[str, int]) -> None:
    """OUT.json and OUT.md, with what is known by now."""
    about = {
        "command": "python benchmarks/gpu_throughput.py",
        "device": next((row.device for row in rows if row.device), None),
        "torch": str(torch.__version__),
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d"),
        "n_epochs": n_epochs,
        "rows": [asdict(row) for row in rows],
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.with_suffix(".json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    out.with_suffix(".md").write_text(table(rows, n_epochs), encoding="utf-8")


def contest(wanted: list[Row], setting: Setting, seconds: float, limit: float, out: Path) -> int:
    """Every row, one after the other; how many are without times.

    Args:
        wanted: The rows, in their order.
        setting: What all are given.
        seconds: For all rows.
        limit: Seconds for one of them.
        out: OUT.json and OUT.md are written.
    """
    deadline = Deadline(seconds)
    n_epochs = {row.network: replace(setting, network=row.network).n_epochs for row in wanted}
    rows: list[Row] = []
    for each in wanted:
        rows.append(measure(each, setting, min(deadline.left, limit)))
        print(json.dumps(asdict(rows[-1])), flush=True)
        write(out, rows, n_epochs)
    print(table(rows, n_epochs), flush=True)
    return sum(row.error is not None for row in rows)


def main() -> int:
    """Runs the contest, or one contestant of it; 0 where every row was measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--data-dir", type=Path, help="a folder that holds MNIST")
    parser.add_argument("--dataset", default="mnist")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--rows", nargs="+", default=list(ROWS), metavar="NETWORK:METHOD:SEEDS")
    parser.add_argument("--epochs", type=int, help="of ours, instead of the recipe's 15")
    parser.add_argument("--limit", type=float, default=600, help="seconds for one row")
    parser.add_argument("--deadline", type=float, default=math.inf, help="seconds for all rows")
    parser.add_argument("--out", type=Path, default=Path("out/gpu_throughput"))
    parser.add_argument("--contestant", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    try:
        rows = list(map(Row.parse, given.rows))
    except ValueError as error:
        parser.error(str(error))
    end_in_order_when_terminated()
    try:
        resolve_device(given.device)
    except UsageError as error:
        parser.exit(1, f"{error}\n")
    setting = Setting("", given.dataset, given.data_dir, given.device, given.epochs)
    if given.contestant:
        compete(rows[0], replace(setting, network=rows[0].network, n_seeds=rows[0].n_seeds))
        return 0
    return min(contest(rows, setting, given.deadline, given.limit, given.out), 1)


if __name__ == "__main__":
    sys.exit(main())

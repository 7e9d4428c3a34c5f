"""The stages behind the commands: find, plan, train, measure. Each is a function of data."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import torch
from filelock import Timeout
from rich.console import Console

from bench import datasets, discover, measures
from bench.datasets import Dataset
from bench.datasets._mapped import shared
from bench.discover import Found
from bench.engine.network import INPUT_SHAPE, initialised, require_trainable
from bench.engine.path import engine_path
from bench.engine.run import record_of
from bench.engine.trial import seconds_per_epoch
from bench.errors import ArchitectureError
from bench.executors import Event, Executor, Job
from bench.executors.device import DeviceExecutor
from bench.executors.local import LocalExecutor
from bench.plan import Plan
from bench.progress import Teller
from bench.shipped import folder, folder_in_use
from bench.spec import Architecture, EnginePath, Environment, Portrait, Recipe
from bench.store import Suite

N_TRIALS_AT_ONCE = 4  # processes that hold a GPU for a moment


@dataclass(frozen=True)
class Selection:
    """The architectures of a command, and the files that could not be used."""

    usable: list[tuple[Found, Architecture]] = field(default_factory=list)
    broken: list[ArchitectureError] = field(default_factory=list)


def find_architectures(names: list[str], group: str | None, builtin: bool) -> list[Found]:
    """The architecture files that a command means.

    Raises:
        ArchitectureError, UsageError: no folder, an unknown name, two files of one name.
    """
    place = folder_in_use("architectures")
    found = discover.scan_all(place) if names else discover.scan(place, group)
    shipped = folder("architectures")
    if builtin and shipped.resolve() != place.resolve():
        found += discover.scan_all(shipped) if names else discover.scan(shipped, group)
    discover.refuse_duplicates(found)
    if not found:
        raise ArchitectureError(
            "no architecture files",
            where=str(place),
            remedy="make one with `python -m bench new NAME`",
        )
    return discover.select(found, names) if names else found


def load_architectures(found: list[Found], named: bool) -> Selection:
    """Loads and tries each file.

    Args:
        found: The files.
        named: True where the user named them: a bad file is then an error, else it is reported.
    """
    selection = Selection()
    for each in found:
        try:
            architecture = discover.load(each)
            require_trainable(architecture)
            selection.usable.append((each, architecture))
        except ArchitectureError as error:
            if named:
                raise
            selection.broken.append(error)
    return selection


def recipe_of(name: str, builtin: bool) -> Recipe:
    """The recipe in an architecture's file.

    Raises:
        ArchitectureError, UsageError: no such architecture, or a file that cannot be used.
    """
    return discover.load(find_architectures([name], None, builtin)[0]).recipe


def engine_paths(
    selection: Selection, device: torch.device
) -> tuple[dict[str, EnginePath], dict[str, str]]:
    """How each architecture is trained on the device; and why, for those trained as written."""
    architectures = [architecture for _, architecture in selection.usable]
    if device.type == "cuda":  # each is tried in a process of its own, which is waited for
        with ThreadPoolExecutor(N_TRIALS_AT_ONCE) as threads:
            found = list(threads.map(lambda each: engine_path(each, device), architectures))
    else:
        found = [engine_path(each, device) for each in architectures]
    named = list(zip((each.name for each in architectures), found, strict=True))
    paths = {name: path for name, (path, _) in named}
    return paths, {name: reason for name, (_, reason) in named if reason}


def estimate_seconds(
    plan: Plan, architectures: Iterable[Architecture], dataset: Dataset, n_workers: int
) -> float:
    """How long the plan takes here, from a short measured trial of each architecture.

    Args:
        plan: The runs.
        architectures: Those of the plan, and maybe others.
        dataset: The runs' data set.
        n_workers: Runs side by side.
    """
    loaded = {each.digest: each for each in architectures}
    trials: dict[str, float] = {}
    total = 0.0
    for job in plan.jobs:
        digest = job.spec.architecture_digest
        if digest not in trials:
            trials[digest] = _trial(loaded[digest], job, dataset)
        total += trials[digest] * job.spec.recipe.epochs
    return total / max(1, min(n_workers, len(plan.jobs)))


def _trial(architecture: Architecture, job: Job, dataset: Dataset) -> float:
    """Seconds an epoch; 0 for a network that cannot train, which its first run will tell."""
    device = torch.device(job.environment.device)
    try:
        return seconds_per_epoch(architecture, job.spec, dataset, device)
    except Exception:  # whatever it is, the first run ends with it and tells it
        return 0.0


def train(
    jobs: list[Job],
    n_workers: int,
    console: Console,
    on_first_runs: Callable[[], None] = lambda: None,
    *,
    dataset: Dataset | None = None,
    on_run: Callable[[Job], None] = lambda _: None,
) -> list[Event]:
    """Trains the jobs; returns the events of runs that went wrong.

    Args:
        jobs: The runs that are missing.
        n_workers: Worker processes; on a GPU, the runs side by side in one.
        console: Where progress is shown.
        on_first_runs: Called once, as soon as each architecture has a run.
        dataset: The jobs' data set, where it is loaded: the workers then share its memory.
        on_run: Called after every run, whatever became of it.
    """
    if dataset is not None and jobs:
        with shared(dataset) as path:
            jobs = [dataclasses.replace(job, data_file=path) for job in jobs]
            return train(jobs, n_workers, console, on_first_runs, on_run=on_run)
    waited_for = {job.spec.architecture for job in jobs}
    wrong: list[Event] = []
    with Teller(console, jobs) as teller, closing(_executor(jobs, n_workers).work(jobs)) as events:
        for event in events:
            teller.tell(event)
            if event.kind in ("started", "epoch"):
                continue
            if event.kind != "completed":
                wrong.append(event)
                _keep_failure(event)
            on_run(event.job)
            if waited_for:
                waited_for.discard(event.job.spec.architecture)
                if not waited_for and teller.epochs_left:
                    on_first_runs()
    return wrong


def _keep_failure(event: Event) -> None:
    """Writes the record that a worker which died could not write, unless another command trains."""
    job = event.job
    suite = Suite(job.results, job.suite)
    if event.kind != "failed" or suite.path_of_spec(job.spec).exists():
        return
    with suppress(Timeout), suite.lock(job.spec).acquire(blocking=False):
        reason = event.reason or "unknown"
        suite.add_run(record_of(job.spec, job.environment, "failed", reason), None)
        suite.checkpoint(job.spec).clear()


def _executor(jobs: list[Job], n_workers: int) -> Executor:
    on_gpu = any(job.environment.device.startswith("cuda") for job in jobs)
    return DeviceExecutor(n_workers) if on_gpu else LocalExecutor(n_workers)


def portrait(architecture: Architecture, environment: Environment) -> Portrait:
    """Measures one architecture; a measure that does not apply says why and the others run."""
    with torch.random.fork_rng(devices=[]):
        model = initialised(architecture, seed=0)
    batch = torch.zeros(architecture.recipe.batch_size, *INPUT_SHAPE)  # what training costs
    found = measures.measure_all(model, batch, architecture.components)
    return Portrait(
        architecture=architecture.name,
        architecture_digest=architecture.digest,
        display_name=architecture.display_name,
        group=architecture.group,
        docstring=architecture.docstring,
        source=architecture.source,
        recipe=architecture.recipe,
        measures=found,
        environment=environment,
    )


def measure(selection: Selection, environment: Environment, suite: Suite) -> list[Portrait]:
    """Measures every usable architecture and keeps the results in the suite."""
    portraits = [portrait(architecture, environment) for _, architecture in selection.usable]
    for each in portraits:
        suite.add_portrait(each)
    return portraits


def load_dataset(name: str, data_dir: Path | None) -> tuple[Dataset, str | None]:
    """The data set, and the notice of a fall-back."""
    real_name, notice = datasets.resolve(name, data_dir)
    return datasets.load(real_name, data_dir), notice

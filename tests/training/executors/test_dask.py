"""A real scheduler and real workers on this machine, over loopback."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from filelock import FileLock, Timeout

import bench as package
from bench.errors import UsageError
from bench.machine import die_with
from bench.training.executors import dask_client
from bench.training.executors.dask import DaskExecutor
from bench.training.executors.dask_client import require
from bench.training.executors.device import DeviceExecutor
from tests import support
from tests.support import ROOT, environment, require_end
from tests.test_interruption import start, wait_for_stops
from tests.training.executors.test_device import DROPOUT, bits, ends, jobs

pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

Bench = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., Path]

# At step 10, in the second epoch; a trial takes fewer steps. A worker with FIRST_PASSES trains one
# run before it stops or ends.
AT_STEP_10 = """
from torch.optim.optimizer import register_optimizer_step_pre_hook

def _act(optimizer, *_, steps=[0]):
    steps[0] += 1
    if steps[0] != 10:
        return
    if os.environ.get("FIRST_PASSES"):
        try:
            return os.close(os.open(os.environ["FIRST_PASSES"], os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            pass
    if os.environ["ACT"] == "stop":
        with open(os.environ["STOPPED"], "w") as pipe:
            pipe.write(f"{os.getpid():8d}")
        signal.pause()
    if os.environ["ACT"] == "kill its worker":
        os.kill(os.getppid(), signal.SIGKILL)
        signal.pause()
    os._exit(7)

if os.environ.get("ACT"):
    register_optimizer_step_pre_hook(_act)
"""
WORDS = ("train", "--dataset", "mnist5k", "--arch", "tiny")
OTHER_VERSION = "Name: {0}\nVersion: 9.9\n"


class Cluster:
    """A scheduler, and workers with environments of their own."""

    def __init__(self, folder: Path, **extra: str) -> None:
        self.folder, self.processes = folder, list[subprocess.Popen[str]]()
        self.scheduler = self._begin("scheduler", "--port", "0", **extra)
        self.address = self._line("Scheduler at: ").split()[-1]

    def worker(self, *words: str, cwd: Path | None = None, **extra: str) -> int:
        """Begins a worker without a nanny unless the words say otherwise; its process."""
        place = cwd or self.folder / "elsewhere"
        place.mkdir(exist_ok=True)
        scratch = ("--local-directory", str(self.folder / "scratch"))
        words = words or ("--no-nanny",)
        several = ("--nthreads", "1", *scratch, *words)
        return self._begin("worker", self.address, *several, cwd=place, **extra).pid

    def stopping_worker(self, folder: Path, **extra: str) -> tuple[Path, int]:
        """A worker whose runs stop at `AT_STEP_10`: the pipe that tells of it, and its process."""
        stopped = folder / "stopped"
        os.mkfifo(stopped)
        return stopped, self.worker(ACT="stop", STOPPED=str(stopped), **extra)

    def _begin(
        self, what: str, *words: str, cwd: Path | None = None, **extra: str
    ) -> subprocess.Popen[str]:
        words = (*words, "--host", "127.0.0.1", "--no-dashboard")
        log = self.folder / f"{what}-{len(self.processes)}.log"
        with log.open("w", encoding="utf-8") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{what}", *words],
                cwd=cwd or self.folder,
                env=environment(PYTHONWARNINGS="ignore", **extra),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE if what == "scheduler" else file,
                text=True,
                start_new_session=True,
                preexec_fn=partial(die_with, os.getpid()),
            )
        self.processes.append(process)
        return process

    def _line(self, words: str) -> str:
        assert self.scheduler.stderr is not None
        for line in self.scheduler.stderr:
            if words in line:
                return line
        raise AssertionError(f"the scheduler does not say {words}")

    def wait_for_worker(self) -> None:
        """Waits until one more worker has come to the scheduler."""
        self._line("Register worker")

    def end(self) -> None:
        """Ends all of it."""
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if process.stderr:
                process.stderr.close()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    folder = tmp_path / "cluster"
    folder.mkdir()
    cluster = Cluster(folder)
    try:
        yield cluster
    finally:
        cluster.end()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of two seeds that this machine's own workers have trained."""
    folder = tmp_path_factory.mktemp("undisturbed")
    support.write_architecture(folder, "tiny", after=AT_STEP_10)
    done = support.bench(folder, *WORDS, "--seeds", "2")
    assert done.returncode == 0, done.stderr
    return folder / "results"


def records(results: Path) -> list[dict[str, object]]:
    return [json.loads(path.read_bytes()) for path in sorted(results.rglob("seed-*.json"))]


def without_clock(record: dict[str, object]) -> dict[str, object]:
    told = {name: record[name] for name in ("key", "status", "test_misses", "weights_sha256")}
    epochs: list[dict[str, object]] = record["epochs"]  # type: ignore[assignment]
    return told | {"epochs": [each | {"train_seconds": 0} for each in epochs]}


def require_same(results: Path, undisturbed: Path, n_runs: int = 2) -> None:
    ours, theirs = records(results), records(undisturbed)[:n_runs]
    assert [without_clock(each) for each in ours] == [without_clock(each) for each in theirs]
    assert list(results.rglob("*.checkpoint")) == []


def fake_package(folder: Path, name: str) -> Path:
    """A folder in which that package has the version 9.9, as Python's metadata tell it."""
    place = folder / f"{name}-9.9.dist-info"
    place.mkdir(parents=True)
    (place / "METADATA").write_text(OTHER_VERSION.format(name), encoding="utf-8")
    return folder


def path_of(*folders: Path) -> str:
    return os.pathsep.join(map(str, folders))


def test_two_workers_give_the_bits_of_this_machines_own(
    bench: Bench, tmp_path: Path, write_architecture: Write, cluster: Cluster, undisturbed: Path
) -> None:
    """Under a nanny, as `dask worker` starts them; the records name the workers' environment."""
    other = path_of(ROOT, fake_package(tmp_path / "other", "mlxtend"))
    for _ in range(2):
        cluster.worker("--nanny", DASK_DISTRIBUTED__WORKER__DAEMON="false", PYTHONPATH=other)
    write_architecture("tiny", after=AT_STEP_10)
    done = bench(*WORDS, "--seeds", "2", "--executor", f"dask:{cluster.address}")
    assert done.returncode == 0, done.stderr
    require_same(tmp_path / "results", undisturbed)
    for name in ("missed-digits.json", "*/seed-0000-*.safetensors"):
        (ours,), (theirs,) = (
            folder.glob(f"local/mnist5k/{name}") for folder in (tmp_path / "results", undisturbed)
        )
        assert ours.read_bytes() == theirs.read_bytes()
    for record in records(tmp_path / "results"):
        told: dict[str, object] = record["environment"]  # type: ignore[assignment]
        assert told["packages"]["mlxtend"] == "9.9"  # type: ignore[index]
        assert str(told["command"]).endswith("--seeds 2 --executor dask:ADDRESS")
        assert "127.0.0.1" not in json.dumps(record)
    again = bench(*WORDS, "--seeds", "2", "--executor", f"dask:{cluster.address}")
    assert "nothing to train" in again.stdout
    assert list(cluster.folder.rglob("manyseeds-*")) == list(
        cluster.folder.rglob("manyseeds-mnist5k-*.safetensors")
    )


def test_a_late_worker_joins_and_takes_over_the_run_of_a_killed_one(
    tmp_path: Path, write_architecture: Write, cluster: Cluster, undisturbed: Path
) -> None:
    write_architecture("tiny", after=AT_STEP_10)
    stopped, first = cluster.stopping_worker(tmp_path)
    words = (*WORDS, "--seeds", "2", "--executor", f"dask:{cluster.address}")
    with start(tmp_path, "results", words) as running:
        (child,) = wait_for_stops(stopped, 1)
        (lock,) = tmp_path.glob("results/local/.unfinished/tiny-seed-0000-*.lock")
        with pytest.raises(Timeout):  # no other command trains the run meanwhile
            FileLock(lock).acquire(timeout=0)
        cluster.worker()
        assert running.stdout is not None
        assert any("1 of 2 runs" in line for line in running.stdout)
        assert len(records(tmp_path / "results")) == 1
        os.kill(first, signal.SIGKILL)
        require_end([child])
        _, errors = running.communicate(timeout=120)
    assert running.returncode == 0, errors
    require_same(tmp_path / "results", undisturbed)


def test_without_its_scheduler_a_command_ends_and_the_next_one_completes_it(
    bench: Bench, tmp_path: Path, write_architecture: Write, cluster: Cluster, undisturbed: Path
) -> None:
    write_architecture("tiny", after=AT_STEP_10)
    stopped, _ = cluster.stopping_worker(tmp_path, FIRST_PASSES=str(tmp_path / "passed"))
    words = (*WORDS, "--seeds", "2", "--executor", f"dask:{cluster.address}")
    with start(tmp_path, "results", words) as running:
        (child,) = wait_for_stops(stopped, 1)
        cluster.scheduler.kill()
        _, errors = running.communicate(timeout=120)
    assert running.returncode == 3
    assert errors == (
        f"error: the scheduler answers no more ({cluster.address}): finished runs are kept; mend "
        "it, and run the same command again\n"
    )
    require_end([child])
    require_same(tmp_path / "results", undisturbed, n_runs=1)
    done = bench(*WORDS, "--seeds", "2")
    assert done.returncode == 0, done.stderr
    assert "plan: 1 runs" in done.stdout
    require_same(tmp_path / "results", undisturbed)


def test_an_ended_command_leaves_nothing_behind(
    bench: Bench, tmp_path: Path, write_architecture: Write, cluster: Cluster, undisturbed: Path
) -> None:
    """The worker ends the run's process, and is free for the next command."""
    write_architecture("tiny", after=AT_STEP_10)
    passed = tmp_path / "passed"
    passed.touch()
    stopped, _ = cluster.stopping_worker(tmp_path, FIRST_PASSES=str(passed))
    words = (*WORDS, "--seeds", "1", "--executor", f"dask:{cluster.address}")
    for how, exit_code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130)):
        with start(tmp_path, "results", words) as running:
            (child,) = wait_for_stops(stopped, 1)
            running.send_signal(how)
            _, errors = running.communicate(timeout=60)
        assert running.returncode == exit_code
        assert "Traceback" not in errors
        require_end([child])
        assert records(tmp_path / "results") == []
    passed.unlink()
    done = bench(*words)
    assert done.returncode == 0, done.stderr
    require_same(tmp_path / "results", undisturbed, n_runs=1)
    assert list(cluster.folder.rglob("scratch/*/*/manyseeds-*")) == []


@pytest.mark.parametrize(
    ("act", "n_workers", "reason"),
    [
        ("kill its worker", 2, "its worker was lost, as the one before"),
        ("end", 1, "its worker process ended with exit code 7, as the one before"),
    ],
)
def test_a_run_that_ends_its_worker_twice_has_failed(
    bench: Bench,
    tmp_path: Path,
    write_architecture: Write,
    cluster: Cluster,
    act: str,
    n_workers: int,
    reason: str,
) -> None:
    write_architecture("tiny", after=AT_STEP_10)
    other = path_of(ROOT, fake_package(tmp_path / "other", "mlxtend"))
    for _ in range(n_workers):
        cluster.worker(ACT=act, PYTHONPATH=other)
    done = bench(*WORDS, "--seeds", "1", "--executor", f"dask:{cluster.address}")
    assert done.returncode == 3
    (record,) = records(tmp_path / "results")
    assert (record["status"], record["reason"]) == ("failed", reason)
    assert record["environment"]["packages"]["mlxtend"] == "9.9"  # type: ignore[index]


def other_bench(folder: Path) -> dict[str, str]:
    shutil.copytree(ROOT / "bench", folder / "bench", ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / "bench" / "__init__.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(package.__version__, "9.9"), encoding="utf-8")
    return {"PYTHONPATH": str(folder)}


def other_code(folder: Path) -> dict[str, str]:
    shutil.copytree(ROOT / "bench", folder / "bench", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "bench" / "late.py").write_text("", encoding="utf-8")
    return {"PYTHONPATH": str(folder)}


def other_torch(folder: Path) -> dict[str, str]:
    return {"PYTHONPATH": path_of(ROOT, fake_package(folder, "torch"))}


def no_bench(folder: Path) -> dict[str, str]:
    """As if it were not installed; in these tests' environment it may be."""
    (folder / "bench").mkdir(parents=True)
    words = "No module named 'bench'"
    (folder / "bench" / "__init__.py").write_text(f"raise ModuleNotFoundError({words!r})\n")
    return {"PYTHONPATH": str(folder)}


UNFIT = {
    "its manyseeds is 9.9, the command's is ": other_bench,
    "its code is ": other_code,
    "its torch is 9.9, the command's is ": other_torch,
    "ModuleNotFoundError: No module named 'bench'": no_bench,
}


@pytest.mark.parametrize("words", UNFIT)
def test_a_worker_of_another_version_is_refused_by_name(
    bench: Bench, tmp_path: Path, write_architecture: Write, cluster: Cluster, words: str
) -> None:
    write_architecture("tiny")
    cluster.worker(**UNFIT[words](tmp_path / "other"))
    done = bench(*WORDS, "--seeds", "2", "--executor", f"dask:{cluster.address}")
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: no worker can train: worker tcp://127.0.0.1:")
    assert words in line
    assert records(tmp_path / "results") == []


def test_runs_go_to_other_workers_where_one_is_refused(
    bench: Bench, tmp_path: Path, write_architecture: Write, cluster: Cluster, undisturbed: Path
) -> None:
    """The refused one is as `dask worker` starts it: its process may begin no others."""
    write_architecture("tiny", after=AT_STEP_10)
    cluster.worker("--nanny")
    cluster.worker()
    cluster.wait_for_worker()
    cluster.wait_for_worker()
    done = bench(*WORDS, "--seeds", "2", "--executor", f"dask:{cluster.address}")
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("left out: ")]
    assert line.endswith("start the worker with DASK_DISTRIBUTED__WORKER__DAEMON=false set")
    require_same(tmp_path / "results", undisturbed)


OWN_DATA = """
import numpy as np

def images(data_dir):
    draw = np.random.default_rng({seed})
    pictures = draw.integers(0, 256, (200, 28, 28)).astype(np.uint8)
    labels = np.arange(200) % 10
    return dict(train_images=pictures[:150], train_labels=labels[:150],
                test_images=pictures[150:], test_labels=labels[150:])
"""


@pytest.mark.parametrize(
    ("seed", "words"),
    [(1, "the data set 'own' differs: its digest is "), (None, "unknown data set 'own'")],
)
def test_a_worker_with_other_data_is_refused_by_name(
    bench: Bench,
    tmp_path: Path,
    write_architecture: Write,
    cluster: Cluster,
    seed: int | None,
    words: str,
) -> None:
    write_architecture("tiny")
    there = tmp_path / "there"
    for folder, number in ((tmp_path, 0), (there, seed)):
        (folder / "datasets").mkdir(parents=True)
        if number is not None:
            content = OWN_DATA.format(seed=number)
            (folder / "datasets" / "own.py").write_text(content, encoding="utf-8")
    cluster.worker(cwd=there)
    own = ("train", "--dataset", "own", "--arch", "tiny", "--seeds", "1")
    done = bench(*own, "--executor", f"dask:{cluster.address}")
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert words in line
    assert line.startswith("error: no worker can train: worker tcp://127.0.0.1:")


def test_without_a_worker_one_line_says_so(
    bench: Bench, tmp_path: Path, write_architecture: Write, cluster: Cluster
) -> None:
    write_architecture("tiny")
    executor = f"dask:{cluster.address}"
    done = bench(*WORDS, "--seeds", "1", "--executor", executor, BENCH_WORKER_SECONDS="0.5")
    assert done.returncode == 3
    assert done.stderr == (
        f"error: no worker came within 0.5 seconds ({cluster.address}): finished runs are kept; "
        "mend it, and run the same command again\n"
    )
    assert records(tmp_path / "results") == []


def test_without_a_scheduler_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_client, "SECONDS_TO_CONNECT", 0.5)
    with pytest.raises(UsageError) as caught:
        require("tcp://127.0.0.1:1")
    assert str(caught.value).startswith("no scheduler answers within 0.5 seconds: ")
    assert caught.value.remedy == ("start `dask scheduler`, or mend the address tcp://127.0.0.1:1")


def test_a_scheduler_of_another_version_is_refused(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, PYTHONPATH=str(fake_package(tmp_path / "other", "distributed")))
    try:
        with pytest.raises(UsageError, match=r"^the scheduler has distributed 9\.9, this is "):
            require(cluster.address)
    finally:
        cluster.end()


def test_without_the_package_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError) as caught:
        require("tcp://127.0.0.1:1")
    assert caught.value.what.startswith("the package 'distributed' cannot be imported: ")
    assert caught.value.remedy == "pip install 'manyseeds[dask]'"


@pytest.mark.parametrize("executor", ["dusk", "dask", "dask:", "local:2"])
def test_another_executor_is_refused(bench: Bench, executor: str) -> None:
    done = bench("train", "--executor", executor)
    assert done.returncode == 2
    assert done.stderr == (
        f"error: bad executor '{executor}' (--executor): give local, or such as "
        "dask:tcp://host:8786\n"
    )


def test_on_a_gpu_seeds_of_one_network_share_a_parcel(
    tmp_path: Path, write_architecture: Write, cluster: Cluster
) -> None:
    """On a CPU in a GPU's place: runs that take turns."""
    write_architecture("tiny", output=DROPOUT)
    write_architecture("other", output=DROPOUT.replace("0.3", "0.2"))
    cluster.worker()
    cluster.wait_for_worker()
    todo = jobs(tmp_path, "dask", [0], "tiny", "other") + jobs(tmp_path, "dask", [1], "tiny")
    with closing(DaskExecutor(cluster.address, 2, print).work(todo)) as events:
        told = list(events)
    assert set(ends(told).values()) == {"completed"}
    kinds = "".join(event.kind[0] for event in told if event.kind != "epoch")
    assert kinds == "sscc" + "sc"
    assert sum(event.kind == "epoch" for event in told) == 6
    here = jobs(tmp_path, "here", [0], "tiny", "other") + jobs(tmp_path, "here", [1], "tiny")
    with closing(DeviceExecutor(1).work(here)) as events:
        assert set(ends(list(events)).values()) == {"completed"}
    assert bits(tmp_path / "dask") == bits(tmp_path / "here")

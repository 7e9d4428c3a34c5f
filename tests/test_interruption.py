"""Real kills of real commands: nothing finished is lost, nothing torn, the same bits at the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import support
from tests.support import IN_A_WORKER, ROOT, environment

Bench = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., Path]

# In a worker training stops for ever before step STOP_AT and tells its process through a pipe in
# the file system, PID_BYTES a worker; so the test kills it there.
STOPPING = f"""
import multiprocessing, os, signal
from torch.optim.optimizer import register_optimizer_step_pre_hook

def _stop(optimizer, *_, steps=[0]):
    steps[0] += 1
    if steps[0] == int(os.environ["STOP_AT"]):
        with open(os.environ["STOPPED"], "w") as pipe:
            pipe.write(f"{{os.getpid():8d}}")
        signal.pause()

if os.environ.get("STOP_AT") and {IN_A_WORKER}:
    register_optimizer_step_pre_hook(_stop)
"""
PID_BYTES = 8
WORDS = ("train", "--dataset", "mnist5k", "--arch", "tiny", "--seeds", "1", "--jobs", "1")
STEPS_PER_EPOCH = 7  # 3,500 images in batches of 500


def sha256_of(folder: Path) -> str:
    (path,) = folder.glob("local/mnist5k/tiny/seed-*.json")
    digest = json.loads(path.read_bytes())["weights_sha256"]
    assert isinstance(digest, str)
    return digest


def wait_for_stops(stopped: Path, n_workers: int) -> list[int]:
    """Waits until so many workers have reached the step; returns their processes."""
    # Open for writing too: between two workers the pipe then neither ends nor loses its content.
    pipe = os.open(stopped, os.O_RDWR)
    try:
        return [int(os.read(pipe, PID_BYTES)) for _ in range(n_workers)]
    finally:
        os.close(pipe)


def start(
    tmp_path: Path, results: str, words: tuple[str, ...] = WORDS, **extra: str
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bench", *words, "--results", results],
        cwd=tmp_path,
        env=environment(**extra),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A test run in the background may have inherited an ignored SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of the weights that the command of WORDS ends with when nothing happens to it."""
    folder = tmp_path_factory.mktemp("undisturbed")
    support.write_architecture(folder, "tiny", after=STOPPING)
    done = support.bench(folder, *WORDS, "--results", "whole")
    assert done.returncode == 0, done.stderr
    return sha256_of(folder / "whole")


@pytest.mark.parametrize("step", [STEPS_PER_EPOCH - 3, STEPS_PER_EPOCH + 3])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_command_goes_on_and_ends_with_the_same_bits(
    bench: Bench,
    tmp_path: Path,
    write_architecture: Write,
    undisturbed: str,
    step: int,
    how: signal.Signals,
) -> None:
    write_architecture("tiny", after=STOPPING)
    stopped = tmp_path / "stopped"
    os.mkfifo(stopped)
    with start(tmp_path, "killed", STOPPED=str(stopped), STOP_AT=str(step)) as running:
        wait_for_stops(stopped, 1)
        os.killpg(running.pid, how)  # as a terminal's Ctrl-C does, or a machine that goes down
        _, errors = running.communicate(timeout=60)
    if how == signal.SIGINT:
        assert running.returncode == 130
        assert errors.splitlines()[-1].startswith("interrupted: finished runs are kept")
        assert "Traceback" not in errors
    assert list(tmp_path.glob("killed/*/*/*/seed-*.json")) == []
    kept = list(tmp_path.glob("killed/local/.unfinished/*.checkpoint"))
    assert len(kept) == (step > STEPS_PER_EPOCH)
    assert bench(*WORDS, "--results", "killed").returncode == 0
    assert sha256_of(tmp_path / "killed") == undisturbed
    assert list(tmp_path.glob("killed/local/.unfinished/*.checkpoint")) == []


def test_a_worker_killed_once_from_outside_costs_no_run(
    tmp_path: Path, write_architecture: Write, undisturbed: str
) -> None:
    write_architecture("tiny", after=STOPPING)
    stopped = tmp_path / "stopped"
    os.mkfifo(stopped)
    # In the second epoch: a worker that goes on from the first one's end never takes so many steps.
    with start(
        tmp_path, "killed", STOPPED=str(stopped), STOP_AT=str(STEPS_PER_EPOCH + 3)
    ) as running:
        (worker,) = wait_for_stops(stopped, 1)
        os.kill(worker, signal.SIGKILL)
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 0, errors
    assert sha256_of(tmp_path / "killed") == undisturbed
    assert list(tmp_path.glob("killed/local/.unfinished/*.checkpoint")) == []


def test_a_run_whose_workers_are_all_killed_from_outside_is_no_miss(
    bench: Bench, tmp_path: Path, write_architecture: Write, undisturbed: str
) -> None:
    """It leaves no record, and a later command trains it."""
    write_architecture("tiny", after=STOPPING)
    stopped = tmp_path / "stopped"
    os.mkfifo(stopped)
    with start(tmp_path, "killed", STOPPED=str(stopped), STOP_AT="3") as running:
        for _ in range(2):
            (worker,) = wait_for_stops(stopped, 1)
            os.kill(worker, signal.SIGKILL)
        _, errors = running.communicate(timeout=60)
    assert running.returncode == 3, errors
    assert list(tmp_path.glob("killed/*/*/*/seed-*.json")) == []
    assert bench(*WORDS, "--results", "killed").returncode == 0
    assert sha256_of(tmp_path / "killed") == undisturbed


def test_two_commands_at_once_train_each_run_once(
    tmp_path: Path, write_architecture: Write
) -> None:
    write_architecture("tiny")
    running = [start(tmp_path, "shared") for _ in range(2)]
    for each in running:
        output, errors = each.communicate(timeout=120)
        assert each.returncode == 0, errors
        assert "1 of 1 runs" in output or "nothing to train" in output
    assert len(list(tmp_path.glob("shared/local/mnist5k/tiny/seed-*.json"))) == 1
    assert list(tmp_path.rglob(".tmp-*")) == []


def chosen(names: tuple[str, ...]) -> list[str]:
    return [word for name in names for word in ("--arch", name)]


def test_each_network_has_the_same_bits_alone_side_by_side_in_any_order_and_after_a_kill(
    bench: Bench, tmp_path: Path, write_architecture: Write
) -> None:
    names = ("model_1", "model_2", "model_3")
    for name in names:
        source = (ROOT / "architectures" / f"{name}.py").read_text(encoding="utf-8")
        write_architecture(name, source, after=STOPPING)
    words = ("train", "--dataset", "mnist5k", "--epochs", "2")  # of 28 steps
    alone = (*words, "--seeds", "0-1", "--jobs", "1", *chosen(names))
    assert bench(*alone, "--results", "alone").returncode == 0

    stopped = tmp_path / "stopped"
    os.mkfifo(stopped)
    others = (*words, "--seeds", "1,0", "--jobs", "3", *chosen(names[::-1]))
    in_an_epoch = {"STOPPED": str(stopped), "STOP_AT": "40"}  # the second
    with start(tmp_path, "killed", others, **in_an_epoch) as running:
        wait_for_stops(stopped, len(names))
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate(timeout=60)
    kept = tmp_path.glob("killed/local/.unfinished/*.checkpoint")
    assert sorted(path.name[: len("model_1-seed-0001")] for path in kept) == [
        f"{name}-seed-0001" for name in names
    ]
    assert bench(*others, "--results", "killed").returncode == 0

    def bits(results: str, name: str, seed: int) -> str:
        (path,) = (tmp_path / results).glob(f"local/mnist5k/{name}/seed-{seed:04d}-*.json")
        record = json.loads(path.read_bytes())
        assert record["numerics"]["path"] == "fused"
        digest = record["weights_sha256"]
        assert isinstance(digest, str)
        return digest

    for name in names:
        for seed in (0, 1):
            assert bits("killed", name, seed) == bits("alone", name, seed)

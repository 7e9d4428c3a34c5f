"""Runs side by side in one process, by the very command's code, on a CPU in a GPU's place."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import torch

from bench.inputs import datasets, discover
from bench.records.store import Suite
from bench.training import provenance
from bench.training.executors import Event, Job
from bench.training.executors.device import DeviceExecutor, Work
from bench.training.plan import Matrix, make_plan
from tests.support import require_end

Write = Callable[..., Path]
CPU = torch.device("cpu")

# Ends the whole process once, as a broken device does, in whichever run comes to it first.
DIES_ONCE = """try:
            os.close(os.open(os.environ["DIED"], os.O_CREAT | os.O_EXCL))
            os._exit(7)
        except FileExistsError:
            pass"""
DROPOUT = (
    "self.head(nn.functional.dropout(self.pool(self.features(images)).flatten(1), 0.3, "
    "self.training))"
)


def jobs(tmp_path: Path, results: str, seeds: list[int], *names: str) -> list[Job]:
    found = discover.select(discover.scan(tmp_path / "architectures"), list(names))
    matrix = Matrix(
        architectures=[(each, discover.load(each)) for each in found],
        seeds=seeds,
        dataset=datasets.load("mnist5k").info,
        environment=provenance.environment(CPU, "tests"),
        paths=dict.fromkeys(names, "graph"),
    )
    return make_plan(matrix, Suite(tmp_path / results, "local"), []).jobs


def work(executor: DeviceExecutor, todo: list[Job]) -> list[Event]:
    with closing(executor.work(todo)) as events:
        return list(events)


def bits(folder: Path) -> dict[str, str]:
    paths = folder.glob("*/*/*/seed-*.json")
    records = {path.name: json.loads(path.read_bytes()) for path in paths}
    return {name: record["weights_sha256"] for name, record in records.items()}


def ends(events: list[Event]) -> dict[tuple[str, int], str]:
    """What became of each run."""
    last = [event for event in events if event.kind not in ("started", "epoch")]
    assert len(last) == len({event.job.spec.key for event in last})
    return {(event.job.spec.architecture, event.job.spec.seed): event.kind for event in last}


def test_alone_side_by_side_and_in_any_order_the_bits_are_the_same(
    tmp_path: Path, write_architecture: Write
) -> None:
    write_architecture("tiny", output=DROPOUT)
    write_architecture("other", output=DROPOUT.replace("0.3", "0.2"))
    side_by_side = jobs(tmp_path, "side", [0, 1, 2], "tiny", "other")
    events = work(DeviceExecutor(4), side_by_side)
    assert set(ends(events).values()) == {"completed"}
    assert len(ends(events)) == 6
    assert sum(event.kind == "epoch" for event in events) == 12
    work(DeviceExecutor(1), jobs(tmp_path, "alone", [0, 1], "tiny", "other"))
    work(DeviceExecutor(2), list(reversed(jobs(tmp_path, "back", [1, 2], "tiny"))))
    known = bits(tmp_path / "side")
    assert len(set(known.values())) == 6
    assert bits(tmp_path / "alone").items() <= known.items()
    assert bits(tmp_path / "back").items() <= known.items()
    assert list(tmp_path.glob("side/local/.unfinished/*.checkpoint")) == []


def test_runs_lost_with_their_process_are_tried_again_alone(
    tmp_path: Path, write_architecture: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIED", str(tmp_path / "died"))
    write_architecture("tiny", before=DIES_ONCE)
    events = work(DeviceExecutor(3), jobs(tmp_path, "results", [0, 1, 2], "tiny"))
    assert (tmp_path / "died").exists()
    assert ends(events) == {("tiny", seed): "completed" for seed in (0, 1, 2)}
    assert len(bits(tmp_path / "results")) == 3


def test_a_run_that_ends_the_process_alone_has_failed_and_the_rest_go_on(
    tmp_path: Path, write_architecture: Write
) -> None:
    write_architecture("tiny")
    write_architecture("deadly", before="os._exit(7)")
    events = work(DeviceExecutor(2), jobs(tmp_path, "results", [0], "deadly", "tiny"))
    assert ends(events) == {("deadly", 0): "failed", ("tiny", 0): "completed"}
    (failed,) = [event for event in events if event.kind == "failed"]
    assert failed.reason == "the process that held the device ended with exit code 7"


def test_a_run_that_goes_wrong_is_a_record_beside_the_others(
    tmp_path: Path, write_architecture: Write
) -> None:
    write_architecture("tiny")
    write_architecture("wrong", before="assert not self.training, 'no training'")
    events = work(DeviceExecutor(2), jobs(tmp_path, "results", [0], "tiny", "wrong"))
    assert ends(events) == {("tiny", 0): "completed", ("wrong", 0): "failed"}
    (path,) = tmp_path.glob("results/local/mnist5k/wrong/seed-*.json")
    assert json.loads(path.read_bytes())["reason"] == "AssertionError: no training"


def test_a_run_that_is_there_already_is_not_trained_again(
    tmp_path: Path, write_architecture: Write
) -> None:
    write_architecture("tiny")
    todo = jobs(tmp_path, "results", [0], "tiny")
    work(DeviceExecutor(1), todo)
    events = work(DeviceExecutor(1), todo)
    assert [event.kind for event in events] == ["started", "completed"]


def test_leaving_the_iterator_ends_every_process(tmp_path: Path, write_architecture: Write) -> None:
    write_architecture("tiny")
    with closing(DeviceExecutor(2).work(jobs(tmp_path, "r", [0, 1], "tiny"))) as events:
        next(event for event in events if event.kind == "epoch")
        (holder,) = children(os.getpid())
        below = children(holder)
        assert below
    # An orphan may still be on its way out; its parent's end is all that it waits for.
    require_end((holder, *below))


def children(process: int) -> list[int]:
    """Its spawned processes, without multiprocessing's resource tracker."""
    found = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    words = {each: Path(f"/proc/{each}/cmdline").read_text() for each in found}
    return [int(each) for each, line in words.items() if "spawn_main" in line]


def test_a_run_without_room_waits_and_lowers_the_limit() -> None:
    work = Work(jobs={}, limit=4)
    work.waiting.extend(range(6))
    for expected in range(4):
        assert work.next() == expected
        work.running.add(expected)
    assert work.next() is None
    work.crowded(3)
    assert (work.limit, work.next()) == (3, None)
    work.running.discard(0)
    assert work.next() == 3  # the one that found no room comes first

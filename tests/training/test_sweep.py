"""A sweep until decided: what it reads of its suite, and which records count."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from msgspec.structs import replace

from bench.inputs import discover
from bench.records.protocol import Protocol
from bench.records.store import RunReader, Suite
from bench.spec import RunRecord
from bench.training.executors import Place
from bench.training.plan import Matrix
from bench.training.sweep import Sweep
from tests import factories
from tests.support import ROOT

NAMES = ["model_1", "model_2"]
PROTOCOL = Protocol(rate=0.90, target=99.40, cap=200, alpha=0.05)


class CountingSuite(Suite):
    """Counts how often each record is read."""

    def __init__(self, results: Path, name: str) -> None:
        super().__init__(results, name)
        self.reads = Counter[str]()

    def run_at(self, path: Path) -> RunRecord:
        self.reads[path.name] += 1
        return super().run_at(path)


def test_a_record_is_read_once_and_a_later_one_of_another_command_counts(tmp_path: Path) -> None:
    found = discover.select(discover.scan(ROOT / "architectures"), NAMES)
    architectures = [(each, discover.load(each)) for each in found]
    digests = {architecture.name: architecture.digest for _, architecture in architectures}
    recipes = {architecture.name: architecture.recipe for _, architecture in architectures}

    def add(name: str, seed: int, **changes: object) -> None:
        fields = {"architecture_digest": digests[name], "recipe": recipes[name]} | changes
        run = factories.record(name, seed, test_correct=9940, **fields)
        Suite(tmp_path, "local").add_run(run, None)

    suite = CountingSuite(tmp_path, "local")
    matrix = Matrix(architectures, [0, 1], factories.MNIST, factories.LAPTOP)
    sweep = Sweep(matrix, RunReader(suite), place=Place(2), protocol=PROTOCOL)
    for name in NAMES:
        add(name, 0)
    add("model_1", 1)
    add("model_1", 2, recipe=replace(recipes["model_1"], label_smoothing=0.1))  # another arm
    planned = [(job.spec.architecture, job.spec.seed) for job in sweep.first_plan().jobs]
    assert planned == [("model_2", 1), ("model_1", 2), ("model_1", 3)]
    add("model_1", 2)
    add("model_2", 1)
    lines = sweep.state_lines()
    assert [line.partition(" reached")[0] for line in lines] == [
        "model_1: 3 of 3",
        "model_2: 2 of 2",
    ]
    planned = [(job.spec.architecture, job.spec.seed) for job in sweep.first_plan().jobs]
    assert planned == [("model_2", 2), ("model_1", 3), ("model_2", 3), ("model_1", 4)]
    assert len(suite.reads) == 6
    assert set(suite.reads.values()) == {1}

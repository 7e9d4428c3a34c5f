"""One recorded run trained again: real runs in real processes."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from scipy import stats as scipy_stats

from bench.records.store import Suite
from bench.spec import Environment, RunRecord, RunSpec, canonical_json
from tests import factories
from tests.support import bench, environment

N_SEEDS = 4
TINY = '''
"""A network for tests, small enough to train in a second."""
import multiprocessing
import os
from torch import nn
from bench.spec import Recipe

RECIPE = Recipe(peak_learning_rate=0.01, warmup_fraction=0.3, batch_size=500)

class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Conv2d(1, 4, 3, stride=3)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(4, 10)

    def forward(self, images):
        wanted = os.environ.get("TEST_TRAINING", "")
        is_worker = multiprocessing.parent_process() is not None
        if self.training and (wanted == "raises" or (wanted == "raises there" and is_worker)):
            raise ValueError("on purpose")
        if self.training and wanted == "diverges":
            images = images * float("nan")
        return self.head(self.pool(self.features(images)).flatten(1))
'''
GPU = Environment(
    fingerprint="00000000cafe",
    device="cuda",
    processor="A synthetic GPU",
    torch="2.9.9",
    python="3.11.9",
    packages={},
    commit=None,
    dirty=None,
    command="python -m bench all",
)
Done = subprocess.CompletedProcess[str]


def train(place: Path, suite: str, seeds: str, code: int = 0, **extra: str) -> None:
    words = ("--dataset", "mnist5k", "--epochs", "1", "--jobs", "1")
    done = bench(place, "train", *words, "--suite", suite, "--seeds", seeds, **extra)
    assert done.returncode == code, done.stderr


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with four completed runs in `local`, a diverged and a failed one of their own."""
    place = tmp_path_factory.mktemp("trained")
    (place / "architectures").mkdir()
    (place / "architectures" / "tiny.py").write_text(TINY, encoding="utf-8")
    train(place, "local", str(N_SEEDS))
    train(place, "wild", "1", code=3, TEST_TRAINING="diverges")
    (wild,) = Suite(place / "results", "wild").runs()
    failed = replace(wild, status="failed", reason="ValueError: on purpose", declaration=None)
    Suite(place / "results", "sick").add_run(failed, None)
    return place


@pytest.fixture
def place(trained: Path, tmp_path: Path) -> Path:
    """A copy of that folder for one test."""
    return Path(shutil.copytree(trained, tmp_path / "place"))


def path_of(place: Path, seed: int = 0, suite: str = "local") -> Path:
    (path,) = place.glob(f"results/{suite}/mnist5k/tiny/seed-{seed:04d}-*.json")
    return path


def read(path: Path) -> RunRecord:
    return msgspec.json.decode(path.read_bytes(), type=RunRecord)


def edit(path: Path, **changes: object) -> RunRecord:
    """Replaces fields of a record in its file; the key stays."""
    record = replace(read(path), **changes)
    path.write_bytes(canonical_json(record))
    return record


def elsewhere(record: RunRecord) -> Environment:
    return replace(record.environment, fingerprint="feedc0ffee00", processor="Abacus", torch="1.0")


def tree(place: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}


def assert_refused(done: Done, *words: str) -> None:
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    for word in words:
        assert word in line


# Same environment: bits


def test_the_same_environment_gives_the_same_bits_and_writes_nothing(
    place: Path, tmp_path: Path
) -> None:
    before = tree(place / "results")
    own = tmp_path / "temporary"
    own.mkdir()
    done = bench(place, "reproduce", "local/mnist5k/tiny/seed-0003", TMPDIR=str(own))
    assert done.returncode == 0, done.stderr
    assert "same environment" in done.stdout
    assert "tiny seed 3 completed (1 of 1 runs, all done)" in done.stdout
    weights = read(path_of(place, 3)).weights_sha256 or ""
    last = done.stdout.splitlines()[-1]
    assert last == f"reproduced: the same bits (weights {weights[:12]}, epochs 1)"
    assert tree(place / "results") == before
    left = [path for path in own.iterdir() if not path.name.startswith("torch")]  # its caches
    assert left == []


@pytest.mark.parametrize("suite", [None, "elsewhere"])
def test_a_record_is_named_by_its_path_in_a_suite_or_out_of_one(
    place: Path, suite: str | None
) -> None:
    path = path_of(place)
    if suite:
        path = path.rename(place / "sent-by-mail.json")
    done = bench(place, "reproduce", str(path), "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)  # progress goes to the other stream
    assert found["verdict"] == "same_bits"
    assert found["same_environment"] is True
    (rerun,) = found["reruns"]
    assert rerun["recorded"] == rerun["retrained"]
    assert (rerun["seed"], rerun["difference"], found["distribution"]) == (0, None, None)
    expected = str(path) if suite else f"local/mnist5k/tiny/{path.stem}"
    assert found["run"] == expected
    assert "tiny seed 0 completed" in done.stderr


def test_other_weights_in_the_same_environment_are_told(place: Path) -> None:
    path = path_of(place)
    edit(path, weights_sha256="0" * 64)
    done = bench(place, "reproduce", read(path).key[:8])
    assert done.returncode == 1, done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith("not reproduced: weights 000000000000 recorded, ")
    assert last.endswith("the counts of every epoch are equal")


def test_the_first_epoch_whose_counts_differ_is_told(place: Path) -> None:
    path = path_of(place)
    (epoch,) = read(path).epochs
    assert epoch.test_correct is not None
    misses = (read(path).test_misses or [])[1:]
    edit(path, epochs=[replace(epoch, test_correct=epoch.test_correct + 1)], test_misses=misses)
    done = bench(place, "reproduce", "local/mnist5k/tiny/seed-0000", "--json")
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert found["verdict"] == "differs"
    counts = {"test_correct": [epoch.test_correct + 1, epoch.test_correct]}
    assert found["reruns"][0]["difference"] == {"epoch": 1, "counts": counts}


def test_three_seeds_are_trained_again_and_each_is_told(place: Path) -> None:
    done = bench(place, "reproduce", "local/mnist5k/tiny/seed-0001", "--seeds", "3")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    counts = [read(path_of(place, seed)).epochs[-1].test_correct for seed in (1, 2, 3)]
    assert lines[-4:] == [
        *(
            f"seed {seed}: {n} of 1,000 test images right in the record, {n} now: the same number"
            for seed, n in zip((1, 2, 3), counts, strict=True)
        ),
        "reproduced: the same bits in all 3 runs",
    ]


@pytest.mark.parametrize(
    ("run", "seeds", "words"),
    [
        ("local/mnist5k/tiny/seed-0002", "3", ["from seed 2 on the suite has 2 completed runs"]),
        ("local/mnist5k/tiny/seed-0002", "0", ["bad seeds '0'", "--seeds"]),
        ("wild/mnist5k/tiny/seed-0000", "2", ["give 1: the recorded run diverged"]),
    ],
)
def test_seeds_that_were_not_recorded_are_refused(
    place: Path, run: str, seeds: str, words: list[str]
) -> None:
    assert_refused(bench(place, "reproduce", run, "--seeds", seeds), *words)


# Another environment: the distribution


def test_another_environment_is_compared_with_the_suites_runs(place: Path) -> None:
    records = [read(path_of(place, seed)) for seed in range(N_SEEDS)]
    edit(path_of(place, 1), environment=elsewhere(records[1]), weights_sha256="0" * 64)
    done = bench(place, "reproduce", "local/mnist5k/tiny/seed-0001")
    counts = [record.epochs[-1].test_correct or 0 for record in records]
    lines = done.stdout.splitlines()
    assert "recorded on Abacus, torch 1.0, fingerprint feedc0ffee00; here " in lines[0]
    assert (
        f"seed 1: {counts[1]} of 1,000 test images right in the record, {counts[1]} now: "
        "the same number"
    ) in lines
    mean, sd = sum(counts) / N_SEEDS, float(scipy_stats.tstd(counts))
    assert (
        f"the suite has 4 completed runs of this kind: mean {mean:,.2f} right, sd {sd:,.2f}, "
        f"from {min(counts)} to {max(counts)}"
    ) in lines
    half = float(scipy_stats.t.ppf(0.9995, N_SEEDS - 1)) * sd * math.sqrt(1 + 1 / N_SEEDS)
    assert f"{max(mean - half, 0):,.1f} to {mean + half:,.1f}" in lines[-1]
    assert lines[-1].startswith(f"reproduced: {counts[1]} lies inside ")
    assert done.returncode == 0, done.stderr


def test_a_run_outside_the_suites_distribution_is_told(place: Path) -> None:
    record = edit(path_of(place), environment=elsewhere(read(path_of(place))))
    for seed in range(N_SEEDS):  # runs that this network cannot reach
        (epoch,) = read(path_of(place, seed)).epochs
        path, epochs = path_of(place, seed), [replace(epoch, test_correct=990 + seed)]
        edit(path, epochs=epochs, test_misses=(read(path).test_misses or [])[: 10 - seed])
    done = bench(place, "reproduce", record.key[:6], "--json")
    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    assert (found["verdict"], found["same_environment"]) == ("outside", False)
    place_ = found["distribution"]
    assert (place_["n"], place_["mean"], place_["minimum"], place_["maximum"]) == (
        4,
        991.5,
        990,
        993,
    )
    assert place_["inside"] is False


def test_a_gpus_record_needs_a_gpu_or_becomes_a_comparison_of_distributions(place: Path) -> None:
    suite = Suite(place / "results", "gpu")
    for seed in range(3):
        record = read(path_of(place, seed))
        numerics = replace(record.numerics, device_type="cuda", path="graph")
        record = with_its_key(replace(record, numerics=numerics, environment=GPU))
        suite.add_run(record, None)
    hidden = {"CUDA_VISIBLE_DEVICES": ""}
    done = bench(place, "reproduce", "gpu/mnist5k/tiny/seed-0000", **hidden)
    assert_refused(done, "made on a GPU (A synthetic GPU)", "give --device cpu")
    there = bench(place, "reproduce", "gpu/mnist5k/tiny/seed-0000", "--device", "cpu", **hidden)
    assert there.returncode == 0, there.stderr
    assert "recorded on A synthetic GPU, torch 2.9.9" in there.stdout
    assert "the suite has 3 completed runs of this kind:" in there.stdout


def with_its_key(record: RunRecord) -> RunRecord:
    fields = {name: getattr(record, name) for name in RunSpec.__struct_fields__}
    return replace(record, key=RunSpec(**fields).key)


# Runs that went wrong


def test_a_diverged_run_reproduces_when_it_diverges_at_the_same_step(place: Path) -> None:
    run, wild = "wild/mnist5k/tiny/seed-0000", {"TEST_TRAINING": "diverges"}
    again = bench(place, "reproduce", run, **wild)
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines()[-1] == (
        "reproduced: diverged again, loss is not finite at epoch 1, step 1"
    )


def test_a_retraining_that_goes_wrong_says_nothing_of_the_record(place: Path) -> None:
    done = bench(place, "reproduce", "local/mnist5k/tiny/seed-0000", TEST_TRAINING="raises there")
    assert done.returncode == 3, done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith("failed: the retraining went wrong: ")
    assert "on purpose" in last


# What cannot be trained again


def test_a_network_that_no_longer_trains_is_refused_with_its_line(place: Path) -> None:
    done = bench(place, "reproduce", "local/mnist5k/tiny/seed-0000", TEST_TRAINING="raises")
    assert_refused(done, "a trial of its training failed: ValueError: on purpose", "tiny.py:21")


def test_a_changed_architecture_is_refused_with_the_digests_and_its_old_source(place: Path) -> None:
    path, source = path_of(place), place / "architectures" / "tiny.py"
    record = read(path)
    source.write_text(source.read_text().replace("batch_size=500", "batch_size=501"))
    done = bench(place, "reproduce", "local/mnist5k/tiny/seed-0000")
    portrait = f"portraits/tiny-{record.architecture_digest[:12]}.json"
    words = (record.architecture_digest[:12], f"put it back, its source stands in {portrait}")
    assert_refused(done, "the source digest of", *words)


def test_a_missing_architecture_is_refused(place: Path) -> None:
    (place / "architectures" / "tiny.py").rename(place / "architectures" / "tony.py")
    done = bench(place, "reproduce", "local/mnist5k/tiny/seed-0000")
    assert_refused(done, "unknown architecture 'tiny'", "did you mean 'tony'?", "--builtin adds")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"digest": "d" * 64}, ["'mnist5k' differs here", "the record's: dddddddddddd"]),
        ({"split_seed": 43}, ["'mnist5k' differs here", "by seed 43"]),
        ({"name": "mnist6k"}, ["unknown data set 'mnist6k'", "did you mean 'mnist5k'?"]),
    ],
)
def test_other_data_are_refused(place: Path, changes: dict[str, object], words: list[str]) -> None:
    record = read(path_of(place))
    moved = with_its_key(replace(record, dataset=replace(record.dataset, **changes)))
    path = Suite(place / "results", "moved").add_run(moved, None)
    assert_refused(bench(place, "reproduce", str(path)), *words)


def test_a_device_that_is_not_there_is_refused(place: Path) -> None:
    run = "local/mnist5k/tiny/seed-0000"
    assert_refused(bench(place, "reproduce", run, "--device", "cuda:99"), "no device 'cuda:99'")
    assert_refused(bench(place, "reproduce", run, "--device", "abacus"), "unknown device 'abacus'")


def test_a_failed_record_is_refused(place: Path) -> None:
    done = bench(place, "reproduce", "sick/mnist5k/tiny/seed-0000")
    assert_refused(done, "the recorded run failed: ValueError: on purpose", "give a run that")


def test_bad_runs_answer_in_one_line_without_torch(tmp_path: Path) -> None:
    factories.suite(tmp_path / "results")
    script = (
        "import sys; sys.argv[1:] = ['reproduce', {run!r}]\n"
        "import bench.cli\n"
        "try: bench.cli.main()\n"
        "finally: assert 'torch' not in sys.modules, 'torch was imported'\n"
    )
    for run in ("local/mnist/model_1/seed-0009", "nonsense", "12345", "abcdefabcdef"):
        done = subprocess.run(
            [sys.executable, "-c", script.format(run=run)],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert_refused(done, f"'{run}'")

"""`train --until-decided`: the declaration, the order of the runs, the verdict, the loop."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from scipy.optimize import brentq

from bench.errors import StoreError, UsageError
from bench.records import until_decided
from bench.records.protocol import Goal, Protocol
from bench.records.store import Suite
from bench.records.until_decided import DecisionOptions
from bench.report.sections import target
from bench.report.summary import summarise
from bench.spec import RunRecord
from bench.stats import sequences
from tests import factories
from tests.support import IN_A_WORKER

Bench = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., Path]
USUAL = Protocol(rate=0.90, target=99.40, cap=200, alpha=0.05)
SWEEP = ("train", "--dataset", "mnist5k", "--epochs", "1", "--until-decided", "--jobs", "1")


def runs(reached: Sequence[bool | None], first: int = 0) -> list[RunRecord]:
    """Runs at or just below the target; None is one that diverged."""
    return [
        factories.failed("model_1", seed)
        if each is None
        else factories.record("model_1", seed, test_correct=9940 if each else 9939)
        for seed, each in enumerate(reached, first)
    ]


def test_what_is_usual_is_the_protocols(tmp_path: Path) -> None:
    suite = Suite(tmp_path, "local")
    assert until_decided.declaration(suite, DecisionOptions(0.9, 99.4), [0, 1, 2]) == USUAL
    with pytest.raises(UsageError, match="needs a target"):
        until_decided.declaration(suite, DecisionOptions(), [0])
    assert until_decided.declaration(suite, None, [0]) is None
    assert list(tmp_path.iterdir()) == []  # asking writes nothing


def test_a_declaration_is_kept_and_taken_up_again(tmp_path: Path) -> None:
    suite = Suite(tmp_path, "local")
    declared = until_decided.declaration(suite, DecisionOptions(0.8, 99.0, 50), [1000, 1001])
    assert declared is not None
    until_decided.keep(suite, declared)
    written = (tmp_path / "local" / "protocol.json").read_bytes()
    kept = json.loads(written)
    assert len(kept.pop("sha256")) == 64
    assert kept == {
        "schema": 1,
        "rule": "until-decided",
        "rate": 0.8,
        "target": 99.0,
        "cap": 50,
        "alpha": 0.05,
        "first_seed": 1000,
        "sweeps": [],
        "attempts": [],
    }
    assert until_decided.declaration(suite, DecisionOptions(), [1000]) == declared
    assert suite.protocol() == declared.sealed()
    until_decided.keep(suite, declared)
    assert (tmp_path / "local" / "protocol.json").read_bytes() == written


@pytest.mark.parametrize(
    "options",
    [DecisionOptions(rate=0.95), DecisionOptions(target=99.5), DecisionOptions(cap=60), None],
)
def test_another_rule_is_refused(tmp_path: Path, options: DecisionOptions | None) -> None:
    suite = Suite(tmp_path, "local")
    until_decided.keep(suite, USUAL)
    with pytest.raises(UsageError, match=r"another --suite"):
        until_decided.declaration(suite, options, [0])
    with pytest.raises(UsageError, match=r"declared with --rate 0.9 .* seeds from 0 on"):
        until_decided.declaration(suite, DecisionOptions(), [1])
    with pytest.raises(StoreError, match="another rule"):
        until_decided.keep(suite, Protocol(rate=0.95, target=99.40, cap=200, alpha=0.05))
    assert suite.protocol() == USUAL.sealed()


def test_runs_of_a_fixed_number_are_never_judged_so(tmp_path: Path) -> None:
    suite = factories.suite(tmp_path)
    with pytest.raises(UsageError, match="their number was fixed"):
        until_decided.declaration(suite, DecisionOptions(), [0])
    with pytest.raises(StoreError, match="another rule"):
        until_decided.keep(suite, USUAL)
    assert suite.protocol() is None


@pytest.mark.parametrize(
    ("options", "seeds", "message"),
    [
        (DecisionOptions(rate=1.0), [0], "bad rate '1'"),
        (DecisionOptions(rate=90.0), [0], "bad rate '90'"),
        (DecisionOptions(target=0.0), [0], "bad target '0'"),
        (DecisionOptions(target=100.1), [0], "bad target '100.1'"),
        (DecisionOptions(cap=2), [0, 1, 2], "bad cap '2'.*give 3 or more"),
        (DecisionOptions(), [0, 2], "first seeds without gaps"),
    ],
)
def test_bad_declarations(
    tmp_path: Path, options: DecisionOptions, seeds: list[int], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        until_decided.declaration(Suite(tmp_path, "local"), options, seeds)


def test_the_target_is_compared_as_a_whole_number() -> None:
    at, below = runs([True, False])
    assert until_decided.is_reached(at, Goal(99.4))
    assert not until_decided.is_reached(below, Goal(99.4))
    assert not until_decided.is_reached(factories.failed(), Goal(0.01))
    untested = factories.record("model_1", 0, evaluate_test=False)
    assert not until_decided.is_reached(untested, Goal(0.01))


def test_runs_are_judged_by_seed_up_to_the_first_gap() -> None:
    every = runs([True, None, True, False, True], first=7)
    protocol = Protocol(rate=0.90, target=99.40, cap=200, alpha=0.05, first_seed=7)
    found = until_decided.judge(reversed(every), protocol)
    assert found == sequences.until_decided([True, False, True, False, True], 0.90)
    del every[2]
    found = until_decided.judge(every, protocol)
    assert (found.successes, found.n) == (1, 2)
    line = until_decided.state_line("m", every, protocol)
    assert line.startswith("m: 1 of 2 reached 99.40 %; rate at least ")
    assert line.endswith("; 2 more runs wait for an earlier seed")
    assert until_decided.judge(every, USUAL).n == 0  # seed 0 is missing


def test_how_far_an_arm_is_in_words() -> None:
    def line(reached: Sequence[bool | None], cap: int | None = 200) -> str:
        protocol = Protocol(rate=0.90, target=99.40, cap=cap, alpha=0.05)
        return until_decided.state_line("m", runs(reached), protocol).partition("; a rate of ")[2]

    # Evidence of k hits: (1 - q^(k + 1)) / ((k + 1) (1 - q) q^k), 20.7 for 43; see test_sweeps.
    assert line([True] * 43) == "0.90 is confirmed, after 43 runs"
    assert line([True] * 5).startswith("0.90 is undecided; more runs to confirm it: 38 or more, to")
    assert line([True] * 5, cap=5) == "0.90 is undecided at the cap of 5 runs"
    at_most = [True, *[True] * 8, False] * 20  # nine of ten, as far as a declaration without a cap
    assert line(at_most, cap=None) == "0.90 is undecided at the cap of 200 runs"


def test_the_next_seeds() -> None:
    def seeds(reached: Sequence[bool | None], n_first: int = 3, n_more: int = 2) -> list[int]:
        return until_decided.next_seeds(runs(reached), USUAL, n_first, n_more)

    assert seeds([]) == [0, 1, 2]
    assert seeds([True]) == [1, 2]
    assert seeds([True, False, True]) == [3, 4]
    assert seeds([False, None]) == [2]  # refuted, and the first block is still finished
    assert seeds([False, None, True]) == []
    capped = Protocol(rate=0.90, target=99.40, cap=4, alpha=0.05)
    assert until_decided.next_seeds(runs([True, True, True]), capped, 3, 2) == [3]
    assert until_decided.next_seeds(runs([True] * 4), capped, 3, 2) == []
    gap = [run for run in runs([True] * 6) if run.seed != 4]
    assert until_decided.next_seeds(gap, USUAL, 3, 2) == [4]


def test_the_reports_verdict_is_the_sequences_only() -> None:
    """29 of 29 confirm a rate of 0.90 where 29 was declared, and prove less where it was not."""
    every = runs([True] * 29)
    links = {run.key: "record.json" for run in every}
    (summary,) = summarise("local", every, [], factories.published(), links, "command")
    (fixed,) = summary.arms
    assert fixed.verdict.verdict == "confirmed"
    (arm,) = summary.judged_by(USUAL).arms
    # All of n: evidence (1 - q^(n + 1)) / ((n + 1) (1 - q) q^n) = 6.8 for n = 29, and 20 is asked.
    lower = brentq(lambda q: (1 - q**30) / (30 * (1 - q) * q**29) - 20, 0.5, 0.99)
    assert arm.verdict.verdict == "undecided"
    assert arm.verdict.lower == pytest.approx(lower)
    section = target.section(summary.judged_by(USUAL))
    assert section is not None
    assert "only their confidence sequence judges them" in section.text[0]
    assert "Clopper" not in section.text[0]
    (row,) = section.tables[0].rows
    assert row[4].text == "undecided"
    again = target.section(summary)
    assert again is not None
    assert "Clopper and Pearson" in again.text[0]


def n_records(folder: Path) -> int:
    return len(list(folder.glob("results/*/*/*/seed-*.json")))


def test_seeds_are_added_until_it_is_confirmed_and_no_further(
    bench: Bench, tmp_path: Path, write_architecture: Write
) -> None:
    # Every run has 1 % right. (1 - q^(n + 1)) / ((n + 1) (1 - q) q^n) at q = 0.2 is 10.3 after two
    # successes and 39 after three; 20 is enough.
    write_architecture("tiny")
    words = (*SWEEP, "--seeds", "1", "--target", "1", "--rate", "0.2")
    done = bench(*words)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("tiny: ")]
    assert [line.partition(" reached")[0] for line in lines[:3]] == [
        "tiny: 1 of 1",
        "tiny: 2 of 2",
        "tiny: 3 of 3",
    ]
    assert "a rate of 0.20 is undecided; more runs to confirm it: 1 or more" in lines[1]
    assert lines[2].endswith("a rate of 0.20 is confirmed, after 3 runs")
    assert n_records(tmp_path) == 3
    before = {path: path.read_bytes() for path in tmp_path.glob("results/*/*/*/seed-*")}
    again = bench(*SWEEP, "--seeds", "1")  # what was declared holds
    assert again.returncode == 0, again.stderr
    assert "nothing to train" in again.stdout
    assert {p: p.read_bytes() for p in tmp_path.glob("results/*/*/*/seed-*")} == before

    (second,) = tmp_path.glob("results/*/*/*/seed-0001-*.json")
    second.unlink()
    resumed = bench(*words)
    assert resumed.returncode == 0, resumed.stderr
    assert "plan: 1 runs (1 epochs) to train, 2 there already" in resumed.stdout
    assert "tiny: 3 of 3 reached 1.00 %" in resumed.stdout

    for words in (("train", "--dataset", "mnist5k"), ("all", "--dataset", "mnist5k")):
        refused = bench(*words, "--seeds", "5")
        assert refused.returncode == 2
        assert "trained with --until-decided" in refused.stderr
    assert n_records(tmp_path) == 3


def test_runs_that_go_wrong_are_misses_and_the_cap_ends_it(
    bench: Bench, tmp_path: Path, write_architecture: Write
) -> None:
    write_architecture("tiny")
    nan = f"if self.training and {IN_A_WORKER}: images = images / 0"
    write_architecture("wrong", before=nan)
    words = (*SWEEP, "--seeds", "1", "--target", "1", "--cap", "3")
    done = bench(*words)
    assert done.returncode == 3, done.stderr
    lines = done.stdout.splitlines()
    # Two misses refute 0.90: (1 - 0.1^3) / (3 x 0.9 x 0.1^2) = 37; one gives 5.5.
    assert [line for line in lines if line.startswith("wrong: 0 of 2 reached")]
    assert [line for line in lines if line.endswith("is refuted, after 2 runs")]
    assert [line for line in lines if line.startswith("tiny: 3 of 3 reached")]
    assert [line for line in lines if line.endswith("is undecided at the cap of 3 runs")]
    statuses = [
        json.loads(path.read_bytes())["status"]
        for path in sorted(tmp_path.glob("results/local/mnist5k/wrong/seed-*.json"))
    ]
    assert statuses == ["diverged", "diverged"]


def test_a_run_that_leaves_no_record_ends_its_architecture_alone(
    bench: Bench, tmp_path: Path, write_architecture: Write
) -> None:
    write_architecture("tiny")
    raises = f"\nif {IN_A_WORKER}: raise ValueError('in a worker')\n"
    write_architecture("lost", after=raises)
    words = (*SWEEP, "--seeds", "1", "--target", "1", "--cap", "2")
    done = bench(*words)
    assert done.returncode == 3, done.stderr
    assert "lost: 0 of 0 reached" in done.stdout
    assert len(list(tmp_path.glob("results/local/mnist5k/tiny/seed-*.json"))) == 2
    assert not (tmp_path / "results/local/mnist5k/lost").exists()


def test_a_search_never_looks_at_the_test_split(
    bench: Bench, tmp_path: Path, write_architecture: Write
) -> None:
    write_architecture("tiny")
    words = ("train", "--dataset", "mnist5k", "--epochs", "1", "--jobs", "1")
    done = bench(*words, "--seeds", "999-1000", "--no-test")
    assert done.returncode == 0, done.stderr
    assert "Notice: give a search (--no-test) seeds from 1000" in done.stdout
    records = [json.loads(p.read_bytes()) for p in tmp_path.glob("results/*/*/*/seed-*.json")]
    assert len(records) == 2
    for record in records:
        assert record["evaluate_test"] is False
        assert record["test_misses"] is None
        assert [(e["test_correct"], e["test_loss"]) for e in record["epochs"]] == [(None, None)]
        assert record["epochs"][0]["validation_correct"] >= 0
    assert not (tmp_path / "results/local/mnist5k/missed-digits.json").exists()
    # The same run with a look at the test split has the same bits under another key.
    looked = bench(*words, "--seeds", "1000-1000", "--suite", "final")
    assert looked.returncode == 0, looked.stderr
    again = bench(*words, "--seeds", "1000-1000", "--no-test")
    assert "nothing to train" in again.stdout
    assert not any("give a search" in each.stdout for each in (looked, again))
    paths = tmp_path.glob("results/*/*/*/seed-1000-*.json")
    first, second = (json.loads(path.read_bytes()) for path in paths)
    assert first["key"] != second["key"]
    assert first["weights_sha256"] == second["weights_sha256"]

    report = bench("report")
    assert report.returncode == 0, report.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--cap", "3"], "applies only with --until-decided"),
        (
            ["--rate", "0.9"],
            "a rate is the share of runs that reach a target (--rate): give --target too",
        ),
        (["--target", "101"], "bad target '101'"),
        (["--until-decided", "--no-test"], "the verdict needs the test split"),
        (["--until-decided", "--seeds", "0,2"], "first seeds without gaps"),
        (["--until-decided", "--target", "0"], "bad target '0'"),
    ],
)
def test_bad_options_write_nothing(
    bench: Bench, tmp_path: Path, words: list[str], message: str
) -> None:
    done = bench("train", *words)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert message in line
    assert list(tmp_path.iterdir()) == []

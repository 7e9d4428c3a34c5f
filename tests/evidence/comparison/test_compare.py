"""`bench compare`, on records whose figures are worked by hand, in real processes."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Callable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from rich.console import Console

from bench.errors import UsageError
from bench.evidence.comparison.outcome import Request, compare
from bench.evidence.comparison.show import _table, show
from bench.records.places import parse_place
from bench.records.store import Suite
from bench.spec import canonical_json
from tests import factories
from tests.factories import LAPTOP, MNIST5K, WORKSTATION

Bench = Callable[..., subprocess.CompletedProcess[str]]
OTHER_RECIPE = replace(factories.recipe(), peak_learning_rate=0.02)

# Means 20 images apart, sd 20 and 10: the error is sqrt(500 / 3) = 12.91 images, with Welch's
# 500^2 / (400^2 / 2 + 100^2 / 2) = 2.941 degrees of freedom. t(2.941) = 3.2186 at 97.5 %, so
# 20 +- 41.55 = -21.55 to 61.55 images of 10,000.
OURS, THEIRS = (9940, 9960, 9980), (9930, 9940, 9950)


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return tmp_path / "results"


def fill(
    results: Path, suite: str, counts: Sequence[int], architecture: str = "model_1", **changes: Any
) -> Suite:
    """A run a count, with seeds from 0 on."""
    kept = Suite(results, suite)
    for run in factories.runs(architecture, counts, **changes):
        kept.add_run(run, b"w")
    return kept


def compared(bench: Bench, *words: str, code: int = 0) -> list[str]:
    """The command's lines."""
    done = bench("compare", *words)
    assert done.returncode == code, done.stderr
    return [line.strip() for line in done.stdout.splitlines()]


def request(results: Path, first: str, second: str, **options: Any) -> Request:
    return Request(parse_place(first, results), parse_place(second, results), results, **options)


def outcome(results: Path, first: str, second: str, code: int = 0, **options: Any) -> Any:
    """What `--json` prints."""
    found = compare(request(results, first, second, **options))
    assert found.exit_code == code
    return json.loads(canonical_json(found))


def refused(results: Path, first: str, second: str, **options: Any) -> str:
    with pytest.raises(UsageError) as caught:
        compare(request(results, first, second, **options))
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_the_effect_comes_first(bench: Bench, results: Path) -> None:
    fill(results, "a", OURS)
    fill(results, "b", THEIRS, environment=WORKSTATION)
    lines = compared(bench, "a", "b")
    at = lines.index("mnist, test split, last epoch: model_1")
    assert lines[at + 1].endswith("n = 3, mean 99.600 %, sd 0.200, from 9,940 to 9,980 of 10,000")
    assert lines[at + 2].endswith("n = 3, mean 99.400 %, sd 0.100, from 9,930 to 9,950 of 10,000")
    assert lines[at + 3] == "difference: +0.200 points (95 %: -0.216 to 0.616)"
    assert lines[at + 4].startswith("with new seeds on new images: ")
    at += 1
    assert lines[at + 4].startswith("probability of improvement: 0.83 (95 %: ")  # 7.5 of 9 pairs
    # Of the 20 ways to deal the six runs, three give A as many images or more, and three B.
    assert lines[at + 5] == (
        "test: p 0.300 (permutation, exact), 0.300 corrected by Holm for 1 comparison of this "
        "command; these runs cannot reach p < 0.05: the smallest possible is 0.100, 0.100 corrected"
    )
    assert lines[at + 6].startswith("equivalence: undecided within 0.05 points")
    assert lines[at + 7] == "drift: several environments, compared as distributions; what differs:"
    assert "torch: A 2.7.1 (n = 3) | B 2.8.0 (n = 3)" in lines
    assert not [line for line in lines if line.startswith("recipe.")]
    assert lines[-1] == "bits: no run was recorded on both sides in one environment"


def test_holm_counts_every_row(results: Path) -> None:
    for name in ("model_1", "model_2"):
        fill(results, "a", OURS, name)
        fill(results, "b", THEIRS, name, environment=WORKSTATION)
    rows = outcome(results, "a", "b")["rows"]
    assert [row["first"]["architecture"] for row in rows] == ["model_1", "model_2"]
    assert [row["comparison"]["test"]["p"] for row in rows] == pytest.approx([0.3, 0.3])
    assert [row["comparison"]["holm_p"] for row in rows] == pytest.approx([0.6, 0.6])
    assert [row["can_reach_alpha"] for row in rows] == [False, False]


def test_enough_seeds_give_a_verdict(results: Path) -> None:
    fill(results, "a", [9950 + seed for seed in range(8)])
    fill(results, "b", [9940 + seed for seed in range(8)], environment=WORKSTATION)
    (row,) = outcome(results, "a", "b", margin_points=0.5)["rows"]
    # Each of A's eight runs is above each of B's: two of 12,870 deals.
    assert row["comparison"]["test"]["p"] == pytest.approx(2 / 12_870)
    assert row["can_reach_alpha"]
    assert row["comparison"]["equivalence"]["verdict"] == "equivalent"
    (row,) = outcome(results, "a", "b", margin_points=0.01)["rows"]
    assert row["comparison"]["equivalence"]["verdict"] == "different"


def test_the_recipe_changes_no_comparison_and_is_named(bench: Bench, results: Path) -> None:
    """Nor do the seeds: runs of one seed are no pairs."""
    fill(results, "a", OURS)
    fill(results, "b", THEIRS, environment=WORKSTATION)
    fill(results, "c", THEIRS[::-1], recipe=OTHER_RECIPE)
    rows = [outcome(results, "a", other)["rows"][0] for other in ("b", "c")]
    assert rows[0]["comparison"] == rows[1]["comparison"]
    lines = compared(bench, "a", "c")
    assert "recipe.peak_learning_rate: A 0.01 (n = 3) | B 0.02 (n = 3)" in lines


def test_a_run_that_diverged_is_a_miss_and_is_said(bench: Bench, results: Path) -> None:
    fill(results, "a", OURS)
    fill(results, "b", THEIRS[:2], environment=WORKSTATION).add_run(
        replace(factories.failed("model_1", 2), environment=WORKSTATION), None
    )
    (row,) = outcome(results, "a", "b")["rows"]
    assert row["second"]["n"] == 3
    assert row["second"]["n_counted"] == 2
    assert row["second"]["misses"] == {"diverged": 1}
    assert row["comparison"]["n_missing"] == 1
    # It loses to each of A's three: 1.5 + 2 + 2 of the pairs with the others, and 3.
    assert row["comparison"]["improvement"]["probability"] == pytest.approx(8.5 / 9)
    (line,) = [line for line in compared(bench, "a", "b") if line.startswith("B ")]
    assert "n = 3, 1 diverged: a miss each" in line


def test_same_spec_same_environment_same_bits(bench: Bench, results: Path) -> None:
    fill(results, "a", OURS)
    fill(results, "b", OURS)
    lines = compared(bench, "a", "b")
    assert lines[-1] == "bits: 3 recorded on both sides in one environment, all the same"
    assert "drift: one environment; nothing else differs" in lines
    assert any(line.startswith("difference: 0.000 points (95 %: ") for line in lines)


def test_runs_that_do_not_vary_have_no_interval(bench: Bench, results: Path) -> None:
    for suite in ("a", "b"):
        fill(results, suite, (9940, 9940))
    flat = "difference: 0.000 points (no interval: fewer than 3 runs, or runs that do not vary)"
    assert flat in compared(bench, "a", "b")


@pytest.mark.parametrize("field", ["weights", "count", "status"])
def test_other_bits_of_one_spec_in_one_environment_are_a_failure(
    bench: Bench, results: Path, field: str
) -> None:
    fill(results, "a", OURS)
    kept = fill(results, "b", OURS[:2])
    third = factories.record("model_1", 2, test_correct=9980)
    other = {
        "weights": replace(third, weights_sha256="f" * 64),
        "count": factories.record("model_1", 2, test_correct=9979),
        "status": factories.failed("model_1", 2),
    }[field]
    kept.add_run(other, None)
    found = outcome(results, "a", "b", code=1)
    (failure,) = found["bits"]["failures"]
    assert failure["run"] == f"mnist/model_1/seed-0002-{third.key[:12]}"
    assert failure["fingerprint"] == LAPTOP.fingerprint
    assert found["bits"]["n_same"] == 2
    last = compared(bench, "a", "b", code=1)[-1]
    assert last.startswith("reproducibility failure: mnist/model_1/seed-0002")


def test_other_bits_elsewhere_and_crashes_are_no_failure(results: Path) -> None:
    fill(results, "a", OURS)
    fill(results, "b", THEIRS, environment=WORKSTATION)
    crashed = replace(factories.failed("model_1", 2), status="failed", reason="killed")
    fill(results, "c", OURS[:2]).add_run(crashed, None)
    assert outcome(results, "a", "b")["bits"] == {"n_same": 0, "failures": []}
    assert outcome(results, "a", "c")["bits"] == {"n_same": 2, "failures": []}


def test_two_architectures_of_one_suite(results: Path) -> None:
    fill(results, "a", OURS, "model_1")
    fill(results, "a", THEIRS, "model_2")
    second = f"{results}/a/mnist/model_2/"  # as a shell completes it
    found = outcome(results, "a/mnist/model_1", second)
    (row,) = found["rows"]
    assert (row["first"]["architecture"], row["second"]["architecture"]) == ("model_1", "model_2")
    assert row["comparison"]["difference_points"] == pytest.approx(0.2)


def test_several_arms_are_never_mixed(results: Path) -> None:
    fill(results, "a", OURS)
    fill(results, "a", THEIRS, recipe=OTHER_RECIPE)
    fill(results, "b", OURS, recipe=OTHER_RECIPE, environment=WORKSTATION)
    found = outcome(results, "a", "b")
    (row,) = found["rows"]
    assert row["first"]["maximum"] == 9950  # the arm of the same recipe
    assert len(found["left_out"]) == 1
    line = refused(results, "a/mnist/model_1", "b/mnist/model_1")
    assert "2 arms of 'model_1'" in line
    assert f"(n = {len(THEIRS)}, peak_learning_rate 0.02)" in line
    names = [word for word in line.split() if word.startswith("a/mnist/model_1/")]
    assert len(names) == 2
    (row,) = outcome(results, *names)["rows"]
    assert {row["first"]["maximum"], row["second"]["maximum"]} == {9980, 9950}


def test_validation_where_there_is_no_test(results: Path) -> None:
    fill(results, "a", OURS)
    fill(results, "b", THEIRS, evaluate_test=False, environment=WORKSTATION)
    (row,) = outcome(results, "a", "b")["rows"]
    assert (row["split"], row["n_images"]) == ("validation", 6000)
    runs = [factories.record("model_1", seed) for seed in range(3)]
    counts = [run.epochs[-1].validation_correct for run in runs]
    assert (row["first"]["minimum"], row["first"]["maximum"]) == (min(counts), max(counts))
    assert outcome(results, "a", "b", split="validation")["rows"] == [row]
    assert "never looked at the test split" in refused(results, "a", "b", split="test")


def test_a_seed_run_with_and_without_the_test_split_is_one_run(results: Path) -> None:
    fill(results, "a", OURS)
    fill(results, "a", OURS, evaluate_test=False)
    fill(results, "b", THEIRS, environment=WORKSTATION)
    (row,) = outcome(results, "a", "b", split="validation")["rows"]
    assert row["first"]["n"] == 3


def test_other_images_are_refused(results: Path) -> None:
    fill(results, "a", OURS)
    fill(results, "b", (980, 985), dataset=MNIST5K)
    fill(results, "c", THEIRS, dataset=replace(factories.MNIST, digest="0" * 64))
    line = refused(results, "a", "b")
    assert "a has runs on mnist, b has runs on mnist5k: accuracies on different images" in line
    assert "different images under the name 'mnist'" in refused(results, "a", "c")


@pytest.mark.parametrize(
    ("first", "second", "options", "message"),
    [
        ("a", "rference", {}, "no suite 'rference'"),
        ("a", "a", {}, "both sides are 'a/mnist/model_1/"),
        ("a/mnist/model_1", "a", {}, "both sides are 'a/mnist/model_1/"),
        ("a/mnist/model_4", "a", {}, "no runs of architecture 'model_4'"),
        ("a/mnits", "a", {}, "did you mean 'mnist'"),
        ("a/../b", "a", {}, "bad name 'a/../b'"),
        ("", "a", {}, "bad name ''"),
        ("a/b/c/d/e", "a", {}, "bad name"),
        ("a", "empty", {}, "the suite has no runs"),
        ("a", "b", {"margin_points": 0.0}, "bad margin '0.0'"),
        ("a", "b", {"split": "train"}, "unknown split 'train'"),
        ("a", "b", {}, "no architecture in common"),
    ],
)
def test_bad_sides_are_refused(
    results: Path, first: str, second: str, options: dict[str, Any], message: str
) -> None:
    fill(results, "a", OURS)
    fill(results, "b", OURS, "model_2")
    (results / "empty").mkdir()
    assert message in refused(results, first, second, **options)


def test_a_refusal_is_one_line_and_exit_code_2(bench: Bench, results: Path) -> None:
    fill(results, "a", OURS)
    for words in (["a", "nothing"], ["a", "a"], ["a", "a", "--margin", "-1"], [".", "a"]):
        done = bench("compare", *words)
        assert (done.returncode, done.stdout) == (2, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: ")


def test_json_is_the_outcome(bench: Bench, results: Path) -> None:
    fill(results, "a", OURS)
    fill(results, "b", THEIRS)
    done = bench("compare", "a", "b", "--margin", "0.1", "--json")
    assert done.returncode == 1, done.stderr  # the same specs with other counts
    assert json.loads(done.stdout) == outcome(results, "a", "b", code=1, margin_points=0.1)


def test_a_terminal_gets_a_table_as_well(results: Path) -> None:
    fill(results, "a", OURS)
    fill(results, "b", THEIRS, environment=WORKSTATION)
    terminal = Console(file=StringIO(), force_terminal=True, no_color=True, width=160)
    show(compare(request(results, "a", "b")), terminal)
    assert isinstance(terminal.file, StringIO)
    said = terminal.file.getvalue()
    row = [cell.strip() for cell in said.splitlines()[4].strip("│").split("│")]
    assert row == [
        "mnist",
        "model_1, 99.600 % (n = 3)",
        "model_1, 99.400 % (n = 3)",
        "+0.200 (-0.216 to 0.616)",
        "0.83",
        "0.300",
        "0.300",
        "undecided",
    ]
    assert "drift: several environments" in said


def test_numbers_stand_on_the_right_of_their_columns(results: Path) -> None:
    fill(results, "a", OURS)
    fill(results, "b", THEIRS, environment=WORKSTATION)
    table = _table(compare(request(results, "a", "b")))
    right = [column.header for column in table.columns if column.justify == "right"]
    assert right == ["A - B, points (95 %)", "P(A beats B)", "p", "Holm p"]


def test_new_images_widen_the_difference_by_the_images_that_one_side_misses(results: Path) -> None:
    """Every run of A is right on images 0 to 199, where every run of B is wrong: 2 points.

    Runs do not vary, so new images alone do: the difference is a share of 0.02, whose binomial
    standard error over 10,000 images is 0.14 points.
    """
    for name, missed in (("a", []), ("b", [(index, 0) for index in range(200)])):
        suite = Suite(results, name)
        for seed in range(3):
            run = factories.record(seed=seed, test_correct=10_000 - len(missed))
            suite.add_run(replace(run, test_misses=missed), None)
    (row,) = compare(request(results, "a", "b")).rows
    found = row.new_images
    assert found is not None
    assert found.points == pytest.approx(2.0)
    assert found.interval is not None
    error = 100 * math.sqrt(0.02 * 0.98 / 10_000)
    assert (found.interval.high - found.interval.low) / 2 == pytest.approx(1.96 * error, rel=0.05)

"""The report of suites that are empty, small, broken, mixed or not comparable."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest

from bench.evidence.claims import judging
from bench.evidence.claims.gather import Anew
from bench.evidence.claims.metrics import kind
from bench.machine import folder
from bench.records.store import Suite
from bench.report.reading import read
from bench.report.render import write
from bench.spec import RunRecord
from tests import factories
from tests.report.test_report import rendered, text_of
from tests.reports import render


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    return Suite(tmp_path / "results", "local")


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    return tmp_path / "reports"


def with_notes(reports: Path, networks: str = "model_1") -> list[str]:
    """The pages that tell what care the numbers need: of the suite, and of a network."""
    names = ["index", "provenance", *([f"architectures/{networks}"] if networks else [])]
    return [text_of(reports / f"{name}.html") for name in names]


def test_an_empty_suite_says_so(suite: Suite, reports: Path) -> None:
    text = rendered(suite, reports)
    assert "No network has been trained yet" in text
    assert "%" not in text


def test_portraits_without_runs_show_the_structure(suite: Suite, reports: Path) -> None:
    suite.add_portrait(factories.portrait("model_1"))
    text = rendered(suite, reports)
    assert "holds no runs yet" in text_of(reports / "architectures" / "model_1.html")
    assert "Conv Layers 9,710 README ~8,500" in text
    assert (reports / "architectures" / "model_1.html").is_file()


def test_runs_without_portraits_still_have_results(suite: Suite, reports: Path) -> None:
    suite.add_run(factories.record("model_1", test_correct=9941), None)
    assert "model_1 9,850 parameters" in rendered(suite, reports)
    assert "1 of 1" in text_of(reports / "index.html")


def test_all_failed_is_no_accuracy_and_all_misses(suite: Suite, reports: Path) -> None:
    for seed in range(5):
        suite.add_run(factories.failed("model_1", seed), None)
    text = rendered(suite, reports, "architectures/model_1")
    assert "0 of 5 runs reach 99.40 %; consistently: refuted; none of its 5 runs completed" in text
    text += text_of(reports / "index.html") + text_of(reports / "provenance.html")
    assert "the loss was not finite in epoch 3, step 17" in text
    assert "0.000 %" not in text


def test_a_run_that_failed_at_once_has_no_curve(suite: Suite, reports: Path) -> None:
    broken = msgspec.structs.replace(factories.failed("model_1"), epochs=[])
    suite.add_run(broken, None)
    assert "Accuracy by epoch" not in rendered(suite, reports)


def test_a_failed_run_is_a_miss_and_in_the_notes(suite: Suite, reports: Path) -> None:
    suite.add_portrait(factories.portrait("model_1"))
    for seed in range(4):
        suite.add_run(factories.record("model_1", seed, test_correct=9950), None)
    suite.add_run(factories.failed("model_1", 4), None)
    text = rendered(suite, reports)
    assert "99.500 README 99.39 4 of 5 0.343 to 0.990 undecided" in text
    leaderboard = text_of(reports / "leaderboard.html")
    assert "Model_1 4 of 5 0.343 0.990 undecided needs at least 61 more seeds" in leaderboard
    assert all("1 run of 5 failed or diverged" in page for page in with_notes(reports))


def test_an_incomplete_matrix_is_named(suite: Suite, reports: Path) -> None:
    factories.fill(suite, ["model_1", "model_2"])
    factories.fill(suite, ["model_3"], seeds=[0, 2, 3])
    rendered(suite, reports)
    line = "Some runs are missing: Model_3 lacks seed 1, 4."
    assert all(line in page for page in with_notes(reports, ""))


def test_mixed_environments_are_counted(suite: Suite, reports: Path) -> None:
    factories.fill(suite, ["model_1"], seeds=[0, 1, 2])
    suite.add_run(factories.record("model_1", 3, environment=factories.WORKSTATION), None)
    rendered(suite, reports)
    line = "Runs of 2 environments are mixed: 0a1b2c3d4e5f (n = 3) and f5e4d3c2b1a0 (n = 1)."
    assert all(line in page for page in with_notes(reports))
    factories.fill(suite, ["model_2"], seeds=[0, 1, 2, 3])
    rendered(suite, reports)
    line = (
        "0a1b2c3d4e5f (n = 7) and f5e4d3c2b1a0 (n = 1). Networks with runs of several "
        "environments: Model_1."
    )
    assert all(line in page for page in with_notes(reports, ""))


def test_environments_that_no_distribution_mixes_are_told_so(suite: Suite, reports: Path) -> None:
    factories.fill(suite, ["model_1"], seeds=[0, 1])
    suite.add_run(factories.record("model_2", 0, environment=factories.WORKSTATION), None)
    suite.add_run(factories.record("model_2", 1, environment=factories.WORKSTATION), None)
    rendered(suite, reports)
    line = (
        "Runs of 2 environments: 0a1b2c3d4e5f (n = 2) and f5e4d3c2b1a0 (n = 2). "
        "No distribution mixes environments."
    )
    assert all(line in page for page in with_notes(reports, ""))


def test_a_whole_suite_has_no_notes(suite: Suite, reports: Path) -> None:
    factories.fill(suite)
    rendered(suite, reports)
    assert "Notes on these runs" not in (reports / "index.html").read_text(encoding="utf-8")


def test_the_small_data_set_is_not_comparable(suite: Suite, reports: Path) -> None:
    factories.fill(suite, ["model_1"], dataset=factories.MNIST5K)
    text = rendered(suite, reports)
    assert "994 of 1,000" not in text
    own = text_of(reports / "architectures" / "model_1.html")
    assert "target applies to mnist, so no run is judged by it here" in own
    assert "confirmed for" not in text
    assert "refuted for" not in text
    note = "its accuracy claims are not comparable"
    assert all(note in page for page in with_notes(reports))


def test_two_data_sets_are_never_mixed_and_the_comparable_comes_first(
    suite: Suite, reports: Path
) -> None:
    factories.fill(suite, ["model_1"], seeds=[0, 1, 2])
    factories.fill(suite, ["model_1"], seeds=[0, 1], dataset=factories.MNIST5K)
    text = rendered(suite, reports, "architectures/model_1")
    first, _, second = text.partition("Confusions Model_1")[2].partition("On mnist5k The answer")
    assert "over 3 runs:" in first
    assert "(9,940 of 10,000, or more)" in first
    assert "over 2 runs" in second
    assert "994 of 1,000" not in second


def test_another_recipe_stands_apart(suite: Suite, reports: Path) -> None:
    factories.fill(suite, ["model_1"], seeds=[0, 1, 2])
    suite.add_run(factories.record("model_1", 0, recipe=factories.recipe(epochs=2)), None)
    text = rendered(suite, reports, "architectures/model_1")
    own, _, other = text.partition(
        "Model_1 · 2 epochs 1 of 1 run on mnist reaches 99.40 %, mean 99.420 %"
    )
    assert "“Consistently” Model_1 9,850 parameters 99.423 README 99.39 3 of 3" in own
    assert "Model_1 · 2 epochs 9,850 parameters 99.420 1 of 1" in other
    assert "never averaged together" in text


def test_runs_of_an_older_source_judge_no_claim_in_the_report_as_in_claims(
    suite: Suite, reports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.fill(suite, ["model_1", "model_2"], seeds=[0, 1, 2, 3, 4])
    (tmp_path / "architectures").mkdir()
    source = (folder("architectures") / "model_1.py").read_text(encoding="utf-8")
    (tmp_path / "architectures" / "model_1.py").write_text(source + "\nEDITED = True\n")
    (tmp_path / "claims").mkdir()
    shutil.copy(folder("claims") / "session6.toml", tmp_path / "claims")
    monkeypatch.chdir(tmp_path)
    (summary,) = read(suite, reports, "command")
    judged = {entry.claim.id: entry.judged.verdict for entry in summary.ledger}
    asked = judging.ask(judging.files([]), [suite])
    for entry in asked.judged(Anew()).entries:
        if kind(entry.claim) == "runs":
            assert judged[entry.claim.id] == entry.judged.verdict
    assert judged["model_1.test_accuracy"] == "not comparable"
    assert judged["model_2.test_accuracy"] == "consistent"
    write([summary], reports)
    said = "The file was edited after the runs: Model_1. No claim is judged by these runs."
    assert all(said in page for page in with_notes(reports))


def test_runs_that_did_not_look_at_the_test_split_claim_nothing(
    suite: Suite, reports: Path
) -> None:
    factories.fill(suite, ["model_1"], seeds=[1000, 1001], evaluate_test=False)
    text = rendered(suite, reports, "architectures/model_1")
    assert "the test split was not looked at" in text
    text += text_of(reports / "index.html")
    assert "reached 99.40" not in text


def test_a_single_epoch_is_drawn(suite: Suite, reports: Path) -> None:
    suite.add_run(factories.record("model_1", recipe=factories.recipe(epochs=1)), None)
    files = render(suite, reports, command="c")
    assert reports / "figures" / "mnist-model_1-accuracy.svg" in files


@pytest.mark.parametrize("share", [0, 1])
def test_runs_that_are_all_wrong_or_all_right_without_a_loss_are_drawn(
    suite: Suite, reports: Path, share: int
) -> None:
    for name in factories.NAMES:
        for seed in range(3):
            suite.add_run(constant(name, seed, share), None)
    assert rendered(suite, reports).count(f"{3 * share} of 3") >= 3


def constant(name: str, seed: int, share: int) -> RunRecord:
    """A run of one epoch with one accuracy everywhere, and with losses of 0."""
    record = factories.record(name, seed, recipe=factories.recipe(1))
    measured: dict[str, float] = {}
    for split in ("train", "validation", "test"):
        correct = share * getattr(record.dataset, f"n_{split}")
        measured |= {f"{split}_loss": 0.0, f"{split}_correct": correct}
    (epoch,) = record.epochs
    changed = msgspec.structs.replace(record, epochs=[msgspec.structs.replace(epoch, **measured)])
    return factories.sound(changed)


def test_an_arm_of_which_a_run_learned_nothing_is_drawn(suite: Suite, reports: Path) -> None:
    for seed, correct in enumerate((0, 9941, 9943)):
        suite.add_run(factories.record("model_1", seed, test_correct=correct), None)
    assert "takes more than ten million runs each" in rendered(suite, reports, "comparisons")


def test_a_measure_that_failed_says_why(suite: Suite, reports: Path) -> None:
    portrait = factories.portrait("model_1")
    broken = msgspec.structs.replace(
        portrait.measures["multiply_adds"],
        values={},
        layers={},
        notes=[],
        error="no rule for 'odd'",
    )
    suite.add_portrait(
        msgspec.structs.replace(portrait, measures={**portrait.measures, "multiply_adds": broken})
    )
    text = rendered(suite, reports)
    assert "not measured: no rule for 'odd'" in text
    assert "Model_1 n/a n/a" in text


def test_networks_of_one_display_name_are_told_apart(suite: Suite, reports: Path) -> None:
    """Records may be older than the rule that refuses such names."""
    for name in ("model_1", "model_2"):
        portrait = msgspec.structs.replace(factories.portrait(name), display_name="Same")
        suite.add_portrait(portrait)
        suite.add_run(factories.record(name), None)
    text = rendered(suite, reports)
    assert "Same (model_1)" in text
    assert "Same (model_2)" in text

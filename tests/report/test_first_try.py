"""A newcomer's suite: two runs of two epochs; and what lanes said after fewer runs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench.records.arms import Arm
from bench.records.standing import Standing
from bench.records.store import Suite
from bench.report.parts.finding import finding
from bench.report.parts.first_screen import first_screen
from bench.report.parts.next_steps import next_runs
from bench.report.summary import Summary, summarise
from bench.spec import RunRecord
from bench.stats.format import plain
from tests import factories
from tests.reports import render

GOOD, BAD = 9945, 9930  # right answers of 10,000; the target of 99.4 % is 9,940


def summary(records: list[RunRecord], command: str = "python -m bench report") -> Summary:
    portraits = [factories.portrait(name) for name in factories.NAMES]
    links = {run.key: "record.json" for run in records}
    (found,) = summarise("local", records, portraits, factories.published(), links, command)
    return found.judged_by(None)


def first_try(**changes: object) -> Summary:
    """Two runs of each network; `changes` replace fields of their specs."""
    records = [
        factories.record(name, seed, test_correct=880 + seed, dataset=factories.MNIST5K, **changes)
        for name in factories.NAMES
        for seed in (0, 1)
    ]
    return summary(records)


def short() -> Summary:
    return first_try(recipe=factories.recipe(epochs=2))


def test_runs_of_fewer_epochs_speak_for_their_network() -> None:
    found = short()
    assert [found.speaks_for(arm) for arm in found.arms] == [True] * 3
    assert [found.is_variation(arm) for arm in found.arms] == [False] * 3
    assert len(found.of_document().arms) == 3
    assert "has the highest mean accuracy" in finding(found).headline
    assert "Two runs are too few for an interval." in finding(found).lead[0]


def test_beside_runs_of_the_file_s_recipe_they_are_a_variation() -> None:
    record = factories.record
    runs = [record("model_1", seed) for seed in range(2)]
    runs += [record("model_1", seed, recipe=factories.recipe(epochs=2)) for seed in range(5)]
    found = summary(runs)
    spoken = {arm.first.n_epochs: found.speaks_for(arm) for arm in found.arms}
    assert spoken == {15: True, 2: False}


def test_a_first_try_is_told_what_to_run_next() -> None:
    (listing,) = next_runs(short())
    assert listing.caption == "What to run next: more seeds (2 of 10) and every epoch (2 of 15)"
    assert listing.text == "python -m bench all --dataset mnist5k --seeds 10"
    (listing,) = next_runs(first_try())
    assert listing.caption == "What to run next: more seeds (2 of 10)"
    assert first_screen(short()).listings == next_runs(short())


def test_the_next_command_names_suite_and_results() -> None:
    found = replace(short(), suite="mine", command="python -m bench report --results elsewhere")
    (listing,) = next_runs(found)
    assert listing.text.endswith("--seeds 10 --suite mine --results elsewhere")


def test_enough_runs_of_every_epoch_need_no_more() -> None:
    assert next_runs(summary([factories.record("model_1", seed) for seed in range(3)])) == ()


def test_a_report_of_a_first_try_has_no_number_that_cannot_be(tmp_path: Path) -> None:
    suite = Suite(tmp_path / "results", "local")
    short_recipe = {"dataset": factories.MNIST5K, "recipe": factories.recipe(epochs=2)}
    factories.fill(suite, seeds=[0, 1], **short_recipe)
    render(suite, tmp_path / "reports", command="python -m bench report")
    index = (tmp_path / "reports" / "index.html").read_text(encoding="utf-8")
    assert "python -m bench all --dataset mnist5k --seeds 10" in index
    assert "has been trained yet" not in index
    for page in tmp_path.glob("reports/**/*.html"):
        text = plain(page.read_text(encoding="utf-8"))
        assert not re.search(r"takes [\d,]+ runs each", text), page
        ends = re.findall(r"[\d.]+ to (\d+\.\d+)", text)
        assert all(float(end) <= 100 for end in ends), page
        assert "<tbody>\n</tbody>" not in text, page


def steps(*counts: int) -> list[tuple[str, str, str]]:
    """What Model_1's lane said after each of these runs."""
    runs = [factories.record("model_1", seed, test_correct=n) for seed, n in enumerate(counts)]
    lane = first_screen(summary(runs)).lanes[0].rows[0]
    return [(step.reached, step.bounds, step.verdict) for step in lane.steps]


def test_a_lane_knows_what_it_said_after_each_run() -> None:
    # One-sided exact bounds at 5 %: after k hits of k runs the lower is 0.05 ** (1 / k).
    assert steps(GOOD, GOOD, BAD)[:2] == [
        ("1 of 1", "0.050 to 1.000", "undecided"),
        ("2 of 2", "0.224 to 1.000", "undecided"),
    ]
    # After two misses of two the upper bound is 1 - 0.05 ** 0.5 = 0.776, below 0.9.
    assert steps(BAD, BAD) == [
        ("0 of 1", "0.000 to 0.950", "undecided"),
        ("0 of 2", "0.000 to 0.776", "refuted"),
    ]


def test_the_last_step_is_what_the_lane_says() -> None:
    runs = [factories.record("model_1", n, test_correct=(BAD, GOOD)[n % 3 > 0]) for n in range(10)]
    lane = first_screen(summary(runs)).lanes[0].rows[0]
    last, badge = lane.steps[-1], lane.badge
    assert badge is not None
    assert (last.mean, last.reached, last.bounds) == (
        lane.cells[0].text,
        lane.cells[1].text,
        lane.cells[1].note,
    )
    assert (last.verdict, last.kind, last.note) == (badge.text, badge.kind, badge.note)


def test_runs_judge_in_the_order_in_which_they_were_declared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Seeds 5 and 6 were declared first, 0 and 1 were added after a look."""
    runs = tuple(factories.record("model_1", seed, test_correct=GOOD) for seed in (0, 1, 5, 6))
    arm = Arm("local", runs, asked=factories.OBJECTIVE)
    added = Standing("extended", order=(5, 6, 0, 1), n_declared=2)
    monkeypatch.setitem(vars(arm), "standing", added)
    assert arm.in_order == [5, 6, 0, 1]
    # Of two declared runs one is there: a verdict only where the other could not change it.
    assert (arm.verdict_after(1).n, arm.verdict_after(1).verdict) == (1, "undecided")
    assert arm.verdict_after(2).lower == pytest.approx(0.05**0.5)
    assert arm.verdict_after(4) == arm.verdict

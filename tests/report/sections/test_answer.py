"""Answer, results and every run; and the evidence of target and epochs.

Numbers are worked by hand, or read back from the figures and compared with the records.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
import pytest
from msgspec.structs import replace
from scipy import stats as scipy_stats

from bench.evidence import claims as published
from bench.machine import folder
from bench.records.protocol import Protocol
from bench.report.figures.canvas import STAND_INS
from bench.report.figures.svg import svg
from bench.report.model import Section
from bench.report.parts.banners import banners
from bench.report.parts.first_screen import in_short
from bench.report.sections import (
    accuracy_curves,
    answer,
    curves,
    distribution,
    loss,
    parameters,
    readme_results,
    results,
    target,
)
from bench.report.summary import Summary, summarise
from bench.spec import Augmentation, Foreign, Numerics, RunRecord
from tests import factories
from tests.report import plotted

ALL = (answer, results, distribution, target, readme_results, curves, accuracy_curves, loss)
CLAIMS = published.load_files([folder("claims") / "session6.toml"])
THIN = "\N{NARROW NO-BREAK SPACE}"
GPU = Numerics(device_type="cuda", memory_format="channels_last")
PROTOCOL = Protocol(rate=0.9, target=99.4, cap=60, alpha=0.05)


def summary(runs: list[RunRecord], *, claims: bool = True, portraits: bool = True) -> Summary:
    names = dict.fromkeys(run.architecture for run in runs)
    measured = [factories.portrait(name) for name in names] if portraits else []
    links = {run.key: "record.json" for run in runs}
    return summarise(
        "local", runs, measured, CLAIMS if claims else factories.published(), links, "command"
    )[0]


def runs(counts: list[int], name: str = "model_2") -> list[RunRecord]:
    return factories.runs(name, counts)


def plain(text: str) -> str:
    return text.replace(THIN, " ")


def cells(section: Section | None, table: int = 0, row: int = 0) -> dict[str, tuple[str, str]]:
    """Column -> text and note."""
    assert section is not None
    shown = section.tables[table]
    pairs = zip(shown.columns, shown.rows[row], strict=True)
    return {column.title: (plain(cell.text), plain(cell.note)) for column, cell in pairs}


def own_answer(found: Summary, name: str = "model_2", arm: int = 0) -> Section:
    """What the network's own page says first of one of its arms."""
    return answer.section(found.only(name).by_arm()[arm])


def test_an_architectures_page_begins_with_its_own_lane() -> None:
    said = own_answer(summary(runs([9939, 9940, 9935, 9941, 9938])))
    ((lane,),) = [lanes.rows for lanes in said.lanes]
    assert (lane.name.text, lane.name.note, lane.name.href) == ("Model_2", "7,262 parameters", "")
    mean, reached = lane.cells
    assert (mean.text, mean.note, reached.text) == ("99.386", "README 99.35", "2 of 5")
    # 2 of 5: the upper bound of 0.924 does not exclude 0.90 by Clopper and Pearson at 95 %: 0.811
    assert lane.badge is not None
    assert (lane.badge.text, lane.badge.kind) == ("refuted", "bad")
    # the squares about 9938.6 add up to 21.2: sqrt(21.2 / 4) = 2.302 images of 10,000
    assert said.text[0] == "Standard deviation over 5 runs: 0.023 points; consistently: refuted."
    assert plain(said.text[1]).startswith(
        "A run reaches the target when at least 99.40 % of the test images"
    )


def test_the_ledger_is_made_once_for_all_pages() -> None:
    found = summary(runs([9940] * 3))
    assert found.ledger is found.ledger
    assert found.only("model_2").by_arm()[0].ledger is found.ledger
    assert found.of_document().ledger is found.ledger


def test_each_arm_has_a_part_of_its_own_the_networks_own_recipe_first() -> None:
    longer = [
        factories.record("model_2", seed, recipe=factories.recipe(20), test_correct=9950)
        for seed in range(4)
    ]
    parts = summary([*longer, *runs([9939, 9940])]).only("model_2").by_arm()
    assert [[len(arm.runs) for arm in part.arms] for part in parts] == [[2], [4]]
    assert (
        in_short(parts[1]).replace(THIN, " ") == "4 of 4 runs on mnist reach 99.40 %, mean 99.500 %"
    )


def test_one_run_has_neither_spread_nor_interval() -> None:
    found = summary(runs([9941]))
    assert own_answer(found).text[0].startswith("Consistently: undecided, needs at least ")
    row = cells(results.section(found))
    assert row["Test accuracy"] == ("99.410", "")
    assert row["sd"] == ("n/a", "99.41 to 99.41")
    assert row["Target"] == ("1 of 1", "0.050 to 1.000")  # 0.05 ** (1 / 1)


def test_the_results_table_agrees_with_scipy() -> None:
    counts = [9939, 9940, 9935, 9941, 9938]
    found = summary(runs(counts))
    row = cells(results.section(found))
    assert row["Parameters"] == ("7,262", "")
    assert row["Multiply-adds"] == ("876,512", "")
    assert row["Receptive field"] == ("32", "")
    low, high = scipy_stats.t.interval(0.95, 4, np.mean(counts), scipy_stats.sem(counts))
    assert row["Test accuracy"] == ("99.386", f"{low / 100:.3f} to {high / 100:.3f}")
    assert row["sd"] == (f"{np.std(counts, ddof=1) / 100:.3f}", "99.35 to 99.41")
    exact = scipy_stats.binomtest(2, 5).proportion_ci(0.9, "exact")  # two one-sided at 95 %
    assert row["Target"] == ("2 of 5", f"{exact.low:.3f} to {exact.high:.3f}")
    assert row["Time a run"] == ("10 min 22 s", "")  # 15 epochs of 41.5 s are 622.5 s
    one = scipy_stats.t.interval(0.95, 4, np.mean(counts), np.std(counts, ddof=1) * (6 / 5) ** 0.5)
    more = f"one more run: {one[0] / 100:.2f} to {one[1] / 100:.2f}"
    assert row["README"] == ("99.35", f"equal to 1 of 5 runs, lower than the others; {more}")
    section = results.section(found)
    assert section is not None
    assert section.tables[0].rows[0][0].series == "model_2"


def test_epochs_to_the_target_keep_misses_in() -> None:
    """Firsts at epochs 3, 5 and 5, and two runs never: Kaplan-Meier falls to 2/5 at epoch 5."""
    made = [
        with_tests(seed, [9900] * (first - 1) + [9945] * (16 - first))
        for seed, first in enumerate([3, 5, 5, 16, 16])
    ]
    row = cells(results.section(summary(made)))
    assert row["Epochs to it"] == ("5", "2 of 5 never")
    row = cells(results.section(summary(made[2:])))
    assert row["Epochs to it"] == ("> 15", "2 of 3 never")


def test_outcomes_are_counted_under_their_own_names() -> None:
    last_only = with_tests(0, [9900] * 14 + [9945])
    lasting = with_tests(1, [9900] * 12 + [9945] * 3)
    once = with_tests(2, [9900] * 5 + [9945] + [9900] * 9)
    broken = replace(with_tests(3, [9945] * 15), status="diverged", selected_epoch=None)
    row = cells(target.section(summary([last_only, lasting, once, broken])))
    assert row["Reached"][0] == "2 of 4"
    assert row["Last three epochs"][0] == "1 of 4"
    assert row["Any epoch"][0] == "3 of 4"  # a run that diverged is a miss whatever it touched
    expected = sum(
        run.epochs[(run.selected_epoch or 1) - 1].test_correct == 9945
        for run in (last_only, lasting, once)
    )
    assert row["Best epoch"][0] == f"{expected} of 4"


def with_tests(seed: int, counts: list[int]) -> RunRecord:
    """A run with these right answers by epoch."""
    run = factories.record("model_2", seed)
    told = [replace(e, test_correct=c) for e, c in zip(run.epochs, counts, strict=True)]
    return replace(run, epochs=told)


def test_all_failed_is_told_by_every_section_that_speaks() -> None:
    found = summary([factories.failed("model_2", seed) for seed in range(5)])
    sentence = plain(own_answer(found).text[0])
    assert "0 of 5 runs reach 99.40 %; consistently: refuted; none of its 5 runs completed" in (
        sentence
    )
    row = cells(results.section(found))
    assert row["Test accuracy"][0] == row["sd"][0] == row["Time a run"][0] == "n/a"
    assert row["Target"][0] == "0 of 5"
    assert distribution.section(found) is None
    for file in (target, curves, accuracy_curves, loss):
        draw(file.section(found))


def test_an_empty_suite_has_an_answer_alone() -> None:
    found = summarise("local", [], [], CLAIMS, {}, "command")[0]
    assert answer.section(found).lanes == ()
    assert "holds no runs yet" in answer.section(found.only("model_2")).text[0]
    assert [file.section(found) for file in ALL[1:]] == [None] * 7


def test_runs_without_a_look_at_the_test_split_claim_nothing() -> None:
    searched = [factories.record("model_2", 1000 + i, evaluate_test=False) for i in range(3)]
    found = summary(searched)
    right = sum(run.epochs[-1].validation_correct for run in searched)
    (said,) = own_answer(found).text
    assert f"is {right / 180:.3f} % (sd " in plain(said)  # of 3 x 6,000
    assert "the test split was not looked at" in said
    assert results.section(found) is None
    mixed = cells(results.section(summary([*searched, factories.record("model_1", 0)])), row=1)
    assert mixed["Target"] == mixed["Test accuracy"] == mixed["Epochs to it"] == ("n/a", "")
    assert target.section(found) is None
    assert distribution.section(found) is None
    overview = curves.section(found)
    assert overview is not None
    assert overview.plots[0].caption.startswith("Validation accuracy")
    assert "target" not in overview.plots[0].caption
    whole = accuracy_curves.section(found)
    assert whole is not None
    assert "(train, validation)" not in whole.plots[0].caption
    assert ": train, validation." in whole.plots[0].alt
    for section in (overview, whole, loss.section(found)):
        draw(section)


def test_processors_of_two_kinds_stay_apart() -> None:
    on_gpu = [factories.record("model_2", s, test_correct=9950, numerics=GPU) for s in range(3)]
    found = summary(runs([9930] * 2) + on_gpu)
    lanes = [own_answer(found, arm=arm).lanes[0].rows[0] for arm in (0, 1)]
    told = [(lane.name.text, lane.cells[1].text) for lane in lanes]
    assert told == [("Model_2 · GPU", "3 of 3"), ("Model_2 · CPU", "0 of 2")]
    assert [cells(results.section(found), row=row)["Target"][0] for row in (0, 1)] == [
        "3 of 3",
        "0 of 2",
    ]
    section = distribution.section(found)
    assert section is not None
    assert len(section.tables[0].rows) == 2
    assert "incomplete" not in " ".join(banners([found]))  # each has a matrix of its own


def test_mixed_environments_are_named_where_times_are() -> None:
    other = factories.record("model_2", 2, environment=factories.WORKSTATION)
    row = cells(results.section(summary([*runs([9940] * 2), other])))
    assert row["Time a run"] == ("10 min 22 s", "2 environments")


def test_times_on_a_gpu_are_told_as_what_they_are() -> None:
    on_gpu = [factories.record("model_2", s, test_correct=9950, numerics=GPU) for s in range(3)]
    there = results.section(summary(on_gpu))
    assert there is not None
    assert cells(there)["Time a run"] == ("10 min 22 s", "on a GPU")
    assert there.notes[-1].endswith("the time of each run includes the work of the other runs.")
    here = results.section(summary(runs([9940] * 3)))
    assert here is not None
    assert not any("GPU" in note for note in here.notes)


def test_a_sweep_until_decided_is_not_incomplete_where_it_ended() -> None:
    made = runs([9950] * 5, "model_1") + runs([9900] * 3)
    found = summary(made).judged_by(PROTOCOL)
    assert banners([found]) == ()
    gap = summary([run for run in made if run.seed != 1]).judged_by(PROTOCOL)
    assert "Model_1 lacks seed 1 and Model_2 lacks seed 1" in " ".join(banners([gap]))
    section = target.section(gap)
    assert section is not None
    assert "only their confidence sequence judges them" in section.text[0]


def test_a_target_holds_on_its_own_data_set_alone() -> None:
    made = [factories.record("model_2", s, dataset=factories.MNIST5K) for s in range(3)]
    found = summary(made)
    spread, text = own_answer(found).text
    assert text == "The README's target applies to mnist, so no run is judged by it here."
    assert "consistently" not in spread
    assert target.section(found) is None
    assert cells(results.section(found))["README"] == ("99.35", "not comparable")


def test_measures_of_another_source_are_not_shown() -> None:
    other = replace(factories.portrait("model_2"), architecture_digest="another")
    made = runs([9940])
    found = summarise(
        "local", made, [other], factories.published(), {run.key: "" for run in made}, ""
    )[0]
    assert cells(results.section(found))["Multiply-adds"] == ("n/a", "")


def test_from_30_runs_on_a_bootstrap_stands_beside_the_t_interval() -> None:
    few = distribution.section(summary(runs([9930 + i for i in range(29)])))
    many = distribution.section(summary(runs([9930 + i for i in range(30)])))
    assert few is not None
    assert many is not None
    assert "of the mean, BCa" not in [column.note for column in few.tables[0].columns]
    assert "of the mean, BCa" in [column.note for column in many.tables[0].columns]
    assert "seed 0" in many.notes[0]
    assert "fewer than 30 runs is approximate" in few.notes[0]


def test_strips_show_the_records() -> None:
    counts = [9939, 9940, 9935, 9941, 9938, 9940]
    section = distribution.section(summary(runs(counts)))
    assert section is not None
    root = plotted.parsed(section.plots[0].draw())
    x = plotted.horizontal(root)
    read = {
        plain(use.get("data-tip", "")): x(float(use.get("x", "nan"))) for use in plotted.uses(root)
    }
    for seed, count in enumerate(counts):
        tip = f"Model_2, seed {seed}: {count / 100:.2f} %, {count:,} of 10,000"
        assert read.pop(tip) == pytest.approx(count / 100, abs=1e-3)
    assert read == {"Model_2: the README says 99.35 %": pytest.approx(99.35, abs=1e-3)}


def test_curves_show_the_records() -> None:
    made = runs([9939, 9941, 9935])
    section = accuracy_curves.section(summary(made))
    assert section is not None
    root = plotted.parsed(section.plots[0].draw())
    _, y = plotted.maps(root, 2)  # the test split, first of the second row
    for run in made:
        last = f"{run.epochs[-1].test_correct / 100:.2f}"  # type: ignore[operator]
        tip = f"Model_2, seed {run.seed}: best epoch {run.selected_epoch}, last {last}{THIN}%"
        heights = [plotted.percent(y(height)) for _, height in plotted.path(root, tip)]
        told = [e.test_correct / 100 for e in run.epochs if e.test_correct is not None]
        assert heights == pytest.approx(told, abs=0.02)


def test_the_overview_shows_median_and_range() -> None:
    made = runs([9939, 9941, 9935])
    section = curves.section(summary(made))
    assert section is not None
    (plot,) = section.plots
    root = plotted.parsed(plot.draw())
    _, y = plotted.maps(root, 0)
    table = np.array([[e.test_correct or 0 for e in run.epochs] for run in made]) / 100
    says = f"Model_2, test: median of 3 after epoch 15 99.39, 99.35 to 99.41 {'%'}"
    area, line = (
        [plotted.percent(y(height)) for _, height in plotted.path(root, says, number)]
        for number in (0, 1)
    )
    median, ends = np.median(table, axis=0), [*table.min(axis=0), *table.max(axis=0)[::-1]]
    assert above(line) == pytest.approx(above(median), abs=0.02)
    assert above(area) == pytest.approx(above(ends), abs=0.02)
    assert says in plot.alt
    n_below = int((table < 98).sum())
    assert f"Below 98.00{THIN}%: {n_below} of 45 points." in plot.caption
    (published,) = plotted.uses(root)
    x, _ = plotted.maps(root, 0)
    assert x(float(published.get("x", "nan"))) == pytest.approx(15, abs=1e-3)
    assert plotted.percent(y(float(published.get("y", "nan")))) == pytest.approx(99.35, abs=0.01)
    limit = plotted.path(root, "limit: 15 epochs")
    assert [x(place) for place, _ in limit] == pytest.approx([15, 15], abs=1e-3)


def above(percents: Iterable[float]) -> list[float]:
    """Those that the axis reaches."""
    return [float(percent) for percent in percents if percent > 98.02]


def test_many_networks_share_one_plot_of_medians() -> None:
    names = ["model_1", "model_2", "model_3", "other_1", "other_2"]
    (run,) = runs([9941])
    found = summary([replace(run, architecture=name) for name in names], portraits=False)
    section = curves.section(found)
    assert section is not None
    (plot,) = section.plots
    assert ": medians of 5 networks, n = 1." in plot.caption
    (axes,) = plot.draw().axes
    colours = [line.get_color() for line in axes.lines if np.size(line.get_xdata()) == 15]
    assert sorted(colours) == 3 * [STAND_INS["ink"]] + 2 * [STAND_INS["muted"]]


def test_a_collapsed_run_does_not_squeeze_the_overview() -> None:
    collapsed = with_tests(5, [1135] * 15)
    section = curves.section(summary([*runs([9939] * 5), collapsed]))
    assert section is not None
    assert f"Below 98.00{THIN}%: " in section.plots[0].caption
    draw(section)


def test_a_run_that_broke_off_keeps_its_curve_and_shares_the_schedule() -> None:
    made = [*runs([9940] * 2), factories.failed("model_2", 2)]
    section = accuracy_curves.section(summary(made))
    assert section is not None
    figure = section.plots[0].draw()
    assert len(figure.axes[-1].lines) == 1  # one learning rate for all
    assert "n = 3" in section.plots[0].caption
    tips = [node.get("data-tip") or "" for node in plotted.parsed(figure).iter()]
    assert sum("diverged after epoch 2" in tip for tip in tips) == 3  # train, validation, test


def draw(section: Section | None) -> None:
    assert section is not None
    for plot in section.plots:
        plotted.parsed(plot.draw())


def plain_images(**info: object) -> Summary:
    """Runs without augmentation, on a data set that the claims do not speak of."""
    recipe = replace(factories.recipe(), augmentation=Augmentation(), unaugmented_epochs=0)
    changes = {"recipe": recipe, "dataset": replace(factories.MNIST, **info)}
    kept = [factories.record("model_2", seed, test_correct=9_900, **changes) for seed in range(2)]
    return summary(kept)


def test_no_sentence_speaks_of_a_split_or_an_augmentation_that_is_not_there() -> None:
    augmented, without = summary(runs([9939, 9940])), plain_images(n_validation=0)
    for section, words in ((accuracy_curves, "augmented images"), (curves, "and validation")):
        assert words in section.section(augmented).text[0]
        assert words not in section.section(without).text[0]
    said = "Training accuracy is counted while the network still learns"
    assert said in accuracy_curves.section(without).text[0]


def test_the_results_table_says_what_stands_below_only_where_something_does() -> None:
    below, alone = (
        readme_results.section(each) for each in (summary(runs([9939, 9940])), plain_images())
    )
    assert below.text[0].startswith("Above: the measured number. Below: the number in the README. ")
    first = "Every number here is measured: the README has no number for this recipe. "
    assert alone.text[0].startswith(first)


def test_a_document_without_a_validation_accuracy_has_no_column_for_one() -> None:
    whole = plain_images(n_validation=0)
    found = readme_results.section(dataclasses.replace(whole, claims=()))
    assert "Val Accuracy" not in cells(found)
    assert "No validation images are known, so no validation accuracy was" in found.text[0]
    assert "The test accuracy is from the last epoch." in found.text[0]
    with_split = readme_results.section(dataclasses.replace(summary(runs([9939])), claims=()))
    assert "n in brackets. The validation accuracy is from the best epoch" in with_split.text[0]


def test_the_parameters_say_what_stands_below_only_where_something_does() -> None:
    said = parameters.section(summary(runs([9939]))).text
    assert said[0].startswith("Counted above, as the README gives it below")
    assert parameters.section(dataclasses.replace(summary(runs([9939])), claims=())).text == ()


def test_a_schedule_that_nobody_knows_has_no_panel() -> None:
    """Runs of an own command need not print a learning rate."""
    kept = [
        replace(run, epochs=[replace(epoch, learning_rate=None) for epoch in run.epochs])
        for run in runs([9939])
    ]
    known, unknown = (
        accuracy_curves.section(summary(each)).plots[0] for each in (runs([9939]), kept)
    )
    assert "learning rate" in svg(known.draw(), known.name)
    assert "learning rate" not in svg(unknown.draw(), unknown.name)


def test_a_short_trial_is_told_before_its_verdicts() -> None:
    epochs = factories.recipe().epochs
    short = {"recipe": factories.recipe(2)}
    found = summary([factories.record("model_2", 0, **short), factories.record("model_1", 0)])
    assert banners([found]) == (
        f"Trained for fewer epochs than the file of the network says: Model_2 (2 of {epochs}).",
    )


def test_a_command_whose_seeds_change_nothing_is_told() -> None:
    asked = Foreign(origin="command", command="train {seed}", epochs=15)
    kept = [replace(run, foreign=asked, recipe=None) for run in runs([9939, 9940])]
    same = [kept[0], replace(kept[1], epochs=kept[0].epochs)]
    told = "Every seed gave the same figures after every epoch: model_2 (own command). "
    assert any(line.startswith(told) for line in banners([summary(same, portraits=False)]))
    for others in (kept, kept[:1]):
        assert banners([summary(others, portraits=False)]) == ()

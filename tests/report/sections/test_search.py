"""Candidates of a search, ranked by hand-worked validation means."""

from __future__ import annotations

from msgspec.structs import replace

from bench.report.sections import search
from bench.report.summary import summarise
from bench.spec import Augmentation, RunRecord
from tests import factories


def run(name: str, seed: int, right: int, *, loss: float = 0.02, tested: bool = False) -> RunRecord:
    made = factories.record(name, seed, evaluate_test=tested)
    last = replace(made.epochs[-1], validation_correct=right, validation_loss=loss)
    return replace(made, epochs=[*made.epochs[:-1], last])


def rows(runs: list[RunRecord]) -> list[dict[str, str]]:
    """Column -> text."""
    section = search.section(summarise("search", runs, [], factories.published(), {}, "command")[0])
    assert section is not None
    titles = [column.title for column in section.tables[0].columns]
    return [
        dict(zip(titles, (cell.text for cell in row), strict=True))
        for row in section.tables[0].rows
    ]


def test_candidates_stand_by_their_mean_after_the_last_epoch() -> None:
    """Of 6,000: 5,970 and 5,982 are 99.500 and 99.700; 5,964 is 99.400."""
    one = [run("model_1", 1000, 5964)]
    two = [run("model_2", 1000, 5970, loss=0.0182), run("model_2", 1001, 5982, loss=0.0176)]
    first, second = rows([*one, *two])
    assert (first["Candidate"], second["Candidate"]) == ("model_2", "model_1")
    assert first["Validation accuracy"] == "99.600 ± 0.141"
    assert first["Lowest to highest"] == "99.50 to 99.70"
    assert first["Validation loss"] == "0.0179"
    assert second["Validation accuracy"] == "99.400 ± n/a"


def test_short_runs_stand_after_long_ones_with_all_that_was_changed() -> None:
    """By accuracy alone the run of two epochs would be first."""
    own = factories.recipe()
    changed = replace(own, weight_decay=0.5, augmentation=Augmentation(translate=0.2), epochs=2)
    long, made = run("model_1", 1000, 5964), run("model_1", 1001, 5990)
    short = replace(made, recipe=changed, epochs=made.epochs[-2:])
    portrait = factories.portrait("model_1")
    assert portrait.recipe == own
    section = search.section(
        summarise("s", [short, long], [portrait], factories.published(), {}, "command")[0]
    )
    assert section is not None
    told = [(row[0].text, row[0].note, row[3].text) for row in section.tables[0].rows]
    assert told[0] == ("Model_1", "", "15")
    name, note, epochs = told[1]
    assert (name, epochs) == ("Model_1", "2")
    assert "weight_decay=0.5" in note
    assert "translate=0.2" in note


def test_a_run_that_diverged_counts_as_run_and_has_no_accuracy() -> None:
    lost = factories.failed("model_1", 1001, evaluate_test=False)
    assert rows([run("model_1", 1000, 5964), lost])[0]["Runs"] == "1 of 2"
    assert rows([lost])[0]["Lowest to highest"] == "n/a"


def test_a_candidate_with_a_run_that_failed_stands_after_those_without() -> None:
    """99.667 of one run in two is no better than 99.400 of one in one; none at all is last."""
    failed = [factories.failed("model_2", 1001 + i, evaluate_test=False) for i in range(2)]
    lost = [factories.failed("model_3", 1000, evaluate_test=False)]
    found = rows([*lost, run("model_2", 1000, 5980), *failed, run("model_1", 1000, 5964)])
    told = ("Candidate", "Validation accuracy", "Runs")
    assert [tuple(row[title] for title in told) for row in found] == [
        ("model_1", "99.400 ± n/a", "1 run"),
        ("model_2", "99.667 ± n/a", "1 of 3"),
        ("model_3", "n/a", "0 of 1"),
    ]


def test_runs_that_looked_at_the_test_split_are_no_search() -> None:
    tested = [run("model_1", 0, 5964, tested=True)]
    assert (
        search.section(summarise("s", tested, [], factories.published(), {}, "command")[0]) is None
    )

"""The report's ledger: every claim once, by document, what does not hold first."""

from __future__ import annotations

from bench.report.model import Section
from bench.report.sections import claims
from bench.report.summary import Summary, summarise
from bench.spec import Claim
from tests import factories
from tests.evidence.claims.evidences import OUR_COUNTS, SUBJECT, claim, portrait
from tests.factories import runs

SAID = [
    claim("n_parameters", 268, id="right", line=1),
    claim("parameters_over_limit", -7000, id="wrong", line=2),
    claim("last_test_accuracy_percent", 99.44, id="accuracy", line=3),
    claim("recipe.epochs", 15, id="typed", line=4),
]
MINUS = "\N{MINUS SIGN}"


def summary(said: list[Claim], *, measured: bool = True) -> Summary:
    records = runs(SUBJECT, OUR_COUNTS) if measured else []
    links = {run.key: "record.json" for run in records}
    portraits = [portrait()] if measured else []
    return summarise("local", records, portraits, factories.published(*said), links, "command")[0]


def section(said: list[Claim]) -> Section:
    found = claims.section(summary(said))
    assert found is not None
    return found


def test_the_tally_counts_lines_by_verdict_and_kind() -> None:
    found = section([*SAID, claim("n_parameters", 268, id="again", line=2, quote="more")])
    tally = found.tables[0]
    titles = [column.title for column in tally.columns]
    assert titles == ["Verdict", "Lines", "Runs", "Structure", "Document", "Words", "Meaning"]
    rows = {row[0].text: [cell.text for cell in row[1:6]] for row in tally.rows}
    assert rows == {
        "refuted": ["1", "0", "1", "0", "0"],
        "consistent": ["1", "1", "0", "0", "0"],
        "confirmed": ["1", "0", "1", "0", "0"],
    }
    assert [cell.text for cell in tally.total[0][1:6]] == ["3", "1", "2", "0", "0"]
    (note,) = found.notes
    assert "1 line of settings" in note
    assert "no evidence" in note


def test_what_does_not_hold_is_open_and_the_rest_is_folded() -> None:
    _, open_, rest, settings = section(SAID).tables
    assert [table.folded for table in (open_, rest, settings)] == [False, True, True]
    assert open_.caption == "mine: what does not hold or is undecided"
    (wrong,) = open_.rows
    said = ("“words”", "line 2: wrong", "refuted", "Model_1")
    assert (wrong[0].text, wrong[0].note, wrong[1].text, wrong[2].text) == said
    assert [cell.text for cell in wrong[3:5]] == [f"{MINUS}7,000", f"{MINUS}7,732"]
    assert [cell.sort for cell in wrong[3:5]] == [-7000, -7732]
    assert wrong[2].href == "architectures/model_1.html"
    assert wrong[0].anchor == "claim-wrong"
    accuracy, right = rest.rows
    assert [cell.text for cell in right[1:5]] == ["confirmed", "Model_1", "268", "268"]
    assert (accuracy[1].text, accuracy[5].text) == ("consistent", "6")
    assert accuracy[6].note == "local/mnist/model_1 (6)"
    assert settings.rows[0][0].note == "line 4: typed"
    assert "no evidence" in settings.caption


def test_documents_stand_one_after_the_other_with_the_worst_first() -> None:
    said = [
        claim("consistent_test_accuracy_percent", 99.4, id="a", line=1),
        claim("n_parameters", 1, id="b", line=2),
        claim("last_test_accuracy_percent", 99.1, id="c", line=3),
        claim("n_parameters", 2, id="d", file="yours"),
        claim("recipe.epochs", 16, id="e", file="yours", line=9),
    ]
    _, mine, yours = section(said).tables
    verdicts = [[row[1].text for row in table.rows] for table in (mine, yours)]
    assert verdicts == [["refuted", "not consistent", "undecided"], ["refuted", "refuted"]]
    assert yours.caption.startswith("yours: ")


def test_parts_stand_below_their_sentence() -> None:
    said = [claim("n_parameters", n, id=f"part.{n}", quote="both") for n in (268, 269)]
    (table,) = section(said).tables[1:]
    whole, first, second = table.rows
    assert [whole[0].text, whole[0].note, whole[1].text] == ["“both”", "line 3", "refuted"]
    assert [row[0].text for row in (first, second)] == ["part.268", "part.269"]
    assert [row[1].text for row in (first, second)] == ["confirmed", "refuted"]
    assert {row[0].series for row in table.rows} == {SUBJECT}
    assert not table.sortable  # its parts would leave a sentence


def test_a_contradiction_is_worded_so_that_no_one_takes_it_for_not_consistent() -> None:
    said = [SAID[0], claim("same_as_claim", 5, id="odd", terms=("right",))]
    assert section(said).tables[1].rows[0][1].text == "contradicts itself"


def test_a_claim_about_the_document_is_no_architectures() -> None:
    said = claim("n_parameters", 268, subject="document", file="mine")
    (row,) = section([*SAID[:1], said]).tables[1].rows
    assert (row[0].series, row[2].text, row[2].href) == ("", "document", "")


def test_it_is_silent_where_nothing_is_claimed_or_measured() -> None:
    assert claims.section(summary([])) is None
    assert claims.section(summary(SAID, measured=False)) is None


def test_a_published_number_is_the_first_plain_one() -> None:
    said = [
        claim("n_parameters", 8000, relation="below", id="limit"),
        claim("n_parameters", 96, layers=("point",), id="layer"),
        claim("n_parameters", 268, id="plain"),
    ]
    found = summary(said).published(SUBJECT, "n_parameters")
    assert found is not None
    assert found.id == "plain"
    assert summary(said[:2]).published(SUBJECT, "n_parameters") is None

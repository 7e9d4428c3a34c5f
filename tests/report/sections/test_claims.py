"""The report's ledger: every claim once, the tally adds up."""

from __future__ import annotations

from bench.report.sections import claims
from bench.report.summary import Summary, summarise
from bench.spec import Claim
from tests.evidence.claims.evidences import OUR_COUNTS, SUBJECT, claim, portrait, runs

SAID = [
    claim("n_parameters", 268, id="right"),
    claim("parameters_over_limit", -7000, id="wrong"),
    claim("last_test_accuracy_percent", 99.44, id="accuracy"),
]


def summary(said: list[Claim], *, measured: bool = True) -> Summary:
    records = runs(SUBJECT, OUR_COUNTS) if measured else []
    links = {run.key: "record.json" for run in records}
    portraits = [portrait()] if measured else []
    return summarise("local", records, portraits, said, links, "command")[0]


def test_the_tally_adds_up_to_the_ledger() -> None:
    section = claims.section(summary(SAID))
    assert section is not None
    tally, ledger = section.tables
    counts = {name.text: count.text for name, count, _ in tally.rows}
    assert counts == {"confirmed": "2", "refuted": "1"}
    assert tally.total[0][1].text == "3"
    rows = {row[0].text: [cell.text for cell in row[1:5]] for row in ledger.rows}
    assert rows["right"] == ["confirmed", "Model_1", "268", "268"]
    minus = "\N{MINUS SIGN}"
    assert rows["wrong"] == ["refuted", "Model_1", f"{minus}7,000", f"{minus}7,732"]
    assert rows["accuracy"][0] == "confirmed"
    assert ledger.rows[2][5].text == "6"
    assert ledger.rows[2][6].note == "local/mnist/model_1 (6)"


def test_the_ledger_is_sorted_by_numbers_filtered_and_hidden() -> None:
    section = claims.section(summary(SAID))
    assert section is not None
    ledger = section.tables[1]
    assert [column.title for column in ledger.columns if column.filter] == ["Verdict", "About"]
    wrong = ledger.rows[1]
    assert [cell.sort for cell in wrong[3:5]] == [-7000, -7732]
    assert {row[0].series for row in ledger.rows} == {SUBJECT}
    assert wrong[2].href == "architectures/model_1.html"


def test_a_claim_about_the_document_is_no_architectures() -> None:
    section = claims.section(summary([*SAID, claim("n_parameters", 268, subject="document")]))
    assert section is not None
    row = section.tables[1].rows[-1]
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

"""Which claims fail a strict check, and which measures and runs may judge a file at hand."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from bench.errors import UsageError
from bench.evidence.claims.gather import Anew, Evidence, arranged
from bench.evidence.claims.guard import failing, strict
from bench.evidence.claims.ledger import Entry, ledger
from bench.evidence.claims.rules import Judgement
from tests.evidence.claims.evidences import (
    N_PARAMETERS,
    SUBJECT,
    claim,
    evidence,
    held,
    judge,
    measures,
    portrait,
)

OLD, NEW = portrait().architecture_digest, "e" * 64
NOTHING = Anew()
OURS = claim("last_test_accuracy_percent", 99.4, id="accuracy")


def judged(verdict: Any, id: str) -> Entry:
    return Entry(claim("n_parameters", 1, id=id), Judgement(verdict, "a rule", 2))


def test_what_contradicts_fails_and_what_is_open_does_not() -> None:
    said = [
        claim("n_parameters", N_PARAMETERS, id="right"),
        claim("n_parameters", 1, id="wrong"),
        claim("same_as_claim", 5, id="odd", terms=("wrong",)),
    ]
    entries = ledger(said, evidence(*said))
    assert [entry.claim.id for entry in strict(entries, []).new] == ["wrong", "odd"]
    found = strict(entries, ["right", "wrong", "wrong", "odd"])
    assert (found.new, found.stale) == ((), ("'right' is confirmed",))
    open_ones = [judged(v, v) for v in ("undecided", "not comparable", "not checkable")]
    assert strict(open_ones, []).new == ()
    assert [e.claim.id for e in strict([judged("not consistent", "a")], []).new] == ["a"]


@pytest.mark.parametrize(
    ("words", "fails"),
    [
        ([], []),
        (["undecided"], ["undecided", "not comparable"]),
        (["not-checkable"], ["not checkable"]),
        (["not-checkable", "undecided"], ["undecided", "not comparable", "not checkable"]),
    ],
)
def test_fail_on_adds_verdicts(words: list[str], fails: list[str]) -> None:
    verdicts = ("confirmed", "consistent", "undecided", "not comparable", "not checkable")
    entries = [judged(verdict, verdict) for verdict in verdicts]
    found = strict(entries, [], failing(words))
    assert [entry.claim.id for entry in found.new] == fails
    known = strict(entries, fails, failing(words))
    assert (known.new, known.stale) == ((), ())


def test_a_wrong_word_gets_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"unknown verdict 'not-checkabel'.*'not-checkable'"):
        failing(["undecided", "not-checkabel"])


@pytest.mark.parametrize("verdict", ["undecided", "not comparable", "not checkable"])
def test_a_check_that_decided_nothing_is_empty(verdict: str) -> None:
    assert strict([judged(verdict, "a")], []).is_empty
    assert not strict([judged(verdict, "a"), judged("consistent", "b")], []).is_empty


def test_a_failure_is_told_with_the_documents_words() -> None:
    said = claim("n_parameters", 8000, relation="below", id="limit", line=7, quote="under\n 8,000")
    entry = Entry(said, Judgement("refuted", "below 8,000", 9850))
    (line,) = strict([entry], []).lines
    assert line == 'refuted: mine:7 "under 8,000": published below 8,000, measured 9,850 (limit)'
    words = Entry(replace(said, metric="not_checkable", quote="x" * 90), Judgement("refuted", "r"))
    (line,) = strict([words], []).lines
    assert line == f'refuted: mine:7 "{"x" * 67}...": r (limit)'


def at_hand(digest: str, anew: Anew = NOTHING, **changes: Any) -> Evidence:
    return arranged([held(**changes)], [], {SUBJECT: digest}, anew)


def fresh(n_parameters: int) -> Anew:
    new = portrait(architecture_digest=NEW, measures=measures(n_parameters))
    return Anew((new,))


def test_measures_of_an_older_source_judge_nothing() -> None:
    said = claim("n_parameters", N_PARAMETERS)
    assert judge(said, at_hand(OLD)).verdict == "confirmed"
    stale = judge(said, at_hand(NEW))
    assert stale.verdict == "undecided"
    assert "the measures of 'model_1' come from an older version of its file" in stale.rule
    again = judge(said, at_hand(NEW, fresh(300)))
    assert (again.verdict, again.measured) == ("refuted", 300)
    assert again.stands_on == ("architectures/model_1.py#parameters",)


def test_runs_of_an_older_source_judge_nothing() -> None:
    assert judge(OURS, at_hand(OLD)).n == 6
    stale = judge(OURS, at_hand(NEW, fresh(N_PARAMETERS)))
    assert (stale.verdict, stale.n) == ("not comparable", None)
    assert "the runs of 'model_1' come from an older version of its file" in stale.rule
    never = judge(OURS, at_hand(NEW, fresh(N_PARAMETERS), runs=[]))
    assert never.verdict == "undecided"
    assert "no runs of 'model_1'" in never.rule


def test_a_network_without_a_file_at_hand_is_judged_by_its_records() -> None:
    found = arranged([held()], [], {"another": NEW})
    assert judge(claim("n_parameters", N_PARAMETERS), found).verdict == "confirmed"
    assert judge(OURS, found).n == 6


@pytest.mark.parametrize("said", [claim("n_parameters", N_PARAMETERS), OURS])
def test_a_file_that_cannot_be_measured_leaves_its_claims_undecided(said: Any) -> None:
    broken = Anew(failed={SUBJECT: "it broke"})
    for found in (at_hand(OLD, broken), arranged([], [], {}, broken)):
        judgement = judge(said, found)
        assert judgement.verdict == "undecided"
        assert judgement.rule == "its file cannot be measured: it broke"
    assert judge(said, at_hand(OLD, Anew(failed={"another": "it broke"}))).verdict != "undecided"

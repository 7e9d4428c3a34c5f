"""One verdict a sentence, and tallies that count lines of the document."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.evidence.claims.ledger import (
    KINDS,
    VERDICTS,
    Entry,
    sentences,
    tally,
    tally_line,
    tally_of,
)
from bench.evidence.claims.rules import ClaimVerdict, Judgement
from tests.evidence.claims.evidences import claim

METRICS = {
    "runs": "last_test_accuracy_percent",
    "structure": "n_parameters",
    "document": "sum",
    "words": "not_checkable",
    "settings": "recipe.epochs",
}


def entry(
    verdict: ClaimVerdict, line: int = 1, quote: str = "q", kind: str = "structure", **keys: Any
) -> Entry:
    said = claim(METRICS[kind], line=line, quote=quote, **keys)
    return Entry(said, Judgement(verdict, "a rule"))


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        (("confirmed", "refuted", "undecided"), "refuted"),
        (("confirmed", "not consistent"), "not consistent"),
        (("refuted", "not consistent"), "refuted"),
        (("inconsistent", "undecided", "confirmed"), "inconsistent"),
        (("undecided", "confirmed", "consistent"), "undecided"),
        (("not comparable", "confirmed"), "not comparable"),
        (("consistent", "confirmed"), "consistent"),  # a part that nothing confirms
        (("confirmed", "not checkable"), "confirmed"),  # all that could be checked holds
        (("not checkable", "not checkable"), "not checkable"),
    ],
)
def test_a_sentence_has_the_worst_verdict_of_its_parts(
    parts: tuple[ClaimVerdict, ...], whole: ClaimVerdict
) -> None:
    for order in (parts, parts[::-1]):
        (sentence,) = sentences(entry(verdict) for verdict in order)
        assert sentence.verdict == whole
        assert [part.judged.verdict for part in sentence.parts] == list(order)


def test_a_sentence_differs_where_its_networks_have_different_verdicts() -> None:
    def differs(*parts: Entry) -> bool:
        (sentence,) = sentences(parts)
        return sentence.differs

    holds, fails = entry("confirmed", subject="model_1"), entry("refuted", subject="model_2")
    assert differs(holds, fails)
    assert not differs(fails, entry("refuted", subject="model_3"))
    assert differs(fails, entry("undecided", subject="model_3", kind="runs"))
    # Of one network the worst counts, and arithmetic is of none.
    assert not differs(entry("confirmed", subject="model_2"), fails)
    assert not differs(fails, entry("confirmed", subject="model_1", kind="document"))
    # Nothing is open: it holds, as far as it could be checked.
    assert not differs(holds, entry("consistent", subject="model_2", kind="runs"))
    (sentence,) = sentences([holds, entry("undecided", subject="model_1", kind="runs"), fails])
    assert sentence.by_network == {"model_1": "undecided", "model_2": "refuted"}


def test_a_quote_on_another_line_or_of_another_file_is_another_sentence() -> None:
    found = sentences(
        [entry("confirmed"), entry("confirmed", line=2), entry("refuted", file="other")]
    )
    assert [(s.claim.file, s.claim.line) for s in found] == [("mine", 1), ("mine", 2), ("other", 1)]


def test_a_setting_is_a_sentence_of_its_own_and_in_no_tally() -> None:
    said = [entry("refuted", kind="settings"), entry("confirmed")]
    typed, whole = sentences(said)
    assert (typed.is_setting, typed.verdict) == (True, "refuted")
    assert (whole.is_setting, whole.verdict) == (False, "confirmed")
    assert tally(said) == {"confirmed": 1}
    assert tally_of(said, "settings") == {"refuted": 1}


def test_a_setting_that_nobody_measured_is_not_listed_but_one_that_differs_is() -> None:
    for verdict, listed in (("refuted", True), ("undecided", False), ("confirmed", False)):
        (sentence,) = sentences([entry(verdict, kind="settings")])  # type: ignore[arg-type]
        assert sentence.is_open == listed
    (sentence,) = sentences([entry("undecided")])
    assert sentence.is_open


def test_a_line_counts_once_and_once_in_each_kind_that_it_has() -> None:
    said = [
        entry("confirmed", 13, "| 9,850 |"),
        entry("refuted", 13, "(1,850 over)"),
        entry("consistent", 13, "| 99.35% |", "runs"),
        entry("not checkable", 13, "Close", "words"),
        entry("confirmed", 14),
    ]
    assert tally(said) == {"refuted": 1, "confirmed": 1}
    assert tally_of(said, "structure") == {"refuted": 1, "confirmed": 1}
    assert tally_of(said, "runs") == {"consistent": 1}
    assert tally_of(said, "words") == {"not checkable": 1}
    assert tally_line(said) == "2 lines: 1 refuted, 1 confirmed"


ENTRIES = st.lists(
    st.builds(
        entry,
        st.sampled_from(VERDICTS),
        line=st.integers(1, 5),
        quote=st.sampled_from("abc"),
        kind=st.sampled_from(list(METRICS)),
        file=st.sampled_from(["mine", "yours"]),
    )
)


@given(ENTRIES)
def test_no_claim_is_lost_and_no_line_counts_twice(said: list[Entry]) -> None:
    found = sentences(said)
    assert Counter(map(id, said)) == Counter(id(part) for s in found for part in s.parts)
    lines = {(e.claim.file, e.claim.line) for e in said if not e.is_setting}
    assert sum(tally(said).values()) == len(lines)
    for kind in KINDS:
        of_kind = {(e.claim.file, e.claim.line) for e in said if e.kind == kind}
        assert sum(tally_of(said, kind).values()) == len(of_kind)
    open_lines = {(s.claim.file, s.claim.line) for s in found if s.is_open and not s.is_setting}
    worse = set(VERDICTS[: VERDICTS.index("consistent")])
    assert len(open_lines) == sum(n for verdict, n in tally(said).items() if verdict in worse)

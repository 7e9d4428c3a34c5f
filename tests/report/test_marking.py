"""A document's line is cut where quotes begin and end; the shortest quote has the words."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bench.evidence.claims.ledger import Entry, Sentence
from bench.evidence.claims.rules import ClaimVerdict, Judgement
from bench.evidence.claims.stored import Text
from bench.report.parts import marking
from tests.evidence.claims.evidences import claim


def said(quote: str, verdict: ClaimVerdict = "confirmed", **keys: Any) -> Sentence:
    """A sentence of one part, which is named by its quote."""
    own = claim(**{"metric": "n_parameters", "quote": quote, **keys})
    return Sentence((Entry(own, Judgement(verdict, "exact")),))


def cut(line: str, *quotes: Sentence) -> list[tuple[str, str]]:
    """The line's words, each with the quote that has them."""
    found = marking.cut(line, quotes)
    return [(words, "" if one is None else one.claim.quote) for words, one in found]


def test_quotes_that_overlap_are_cut_at_both_borders() -> None:
    found = cut("one two three four", said("one two"), said("two three four"))
    assert found == [("one two", "one two"), (" ", ""), ("three four", "two three four")]


def test_the_shorter_of_nested_quotes_has_its_words() -> None:
    found = cut("a 99.4% accuracy consistently", said("99.4% accuracy consistently"), said("99.4%"))
    assert found == [
        ("a ", ""),
        ("99.4%", "99.4%"),
        (" ", ""),
        ("accuracy consistently", "99.4% accuracy consistently"),
    ]


def test_a_quote_that_stands_twice_is_marked_twice() -> None:
    found = cut("5 or 5", said("5"))
    assert found == [("5", "5"), (" or ", ""), ("5", "5")]


def test_a_quote_that_is_not_there_marks_nothing() -> None:
    assert cut("one two", said("three")) == [("one two", "")]
    assert cut("", said("three")) == []


def test_of_equal_quotes_a_setting_yields_and_then_the_better_verdict() -> None:
    setting = said("15", "refuted", metric="recipe.epochs")
    better, worse = said("15"), said("15", "undecided")
    for order in ((setting, better, worse), (worse, better, setting)):
        assert marking.cut("15", order) == [("15", worse)]


def test_of_a_tables_row_the_cell_with_the_published_number_is_marked() -> None:
    row = "| **Model_1** | 9,850 | 99.35% | 99.3% |"
    first = said("| **Model_1** | 9,850 |", published=9850)
    second = said("| **Model_1** | 9,850 | 99.35% |", published=99.35)
    third = said("| 99.3% |", published=99.3)
    found = cut(row, first, second, third)
    marked = [(words, quote) for words, quote in found if quote]
    assert "".join(words for words, _ in found) == row.replace("**", "")
    assert marked == [
        ("9,850", first.claim.quote),
        ("99.35%", second.claim.quote),
        ("99.3%", third.claim.quote),
    ]


def test_emphasis_is_left_out_and_powers_are_kept() -> None:
    assert cut("- **≤ 15 epochs** in all", said("**≤ 15 epochs** in all")) == [
        ("- ", ""),
        ("≤ 15 epochs in all", "**≤ 15 epochs** in all"),
    ]
    assert cut("2**3 + 4**5", said("4**5")) == [("2**3 + ", ""), ("4**5", "4**5")]
    assert cut("x**2 or y** 3", said("or")) == [("x**2 ", ""), ("or", "or"), (" y** 3", "")]


WORDS = st.text("ab |*", max_size=12)


@given(line=WORDS, quotes=st.lists(WORDS.filter(bool), max_size=4))
def test_no_word_is_lost_and_neighbours_differ(line: str, quotes: list[str]) -> None:
    found = marking.cut(line, [said(quote) for quote in quotes])
    words = "".join(piece for piece, _ in found)
    assert words.replace("*", "") == line.replace("*", "")
    assert all(piece for piece, _ in found)
    assert all(left[1] is not right[1] for left, right in pairwise(found))


def test_lines_without_a_stored_text_are_their_quotes() -> None:
    quotes = [said("b", line=9), said("a b", line=9), said("c", line=2), said("d", line=9)]
    found = [(number, line) for number, line, _ in marking.lines_of(None, quotes)]
    assert found == [(2, "c"), (9, "a b … d")]


def test_a_stored_line_that_lacks_a_quote_shows_its_quotes() -> None:
    text = Text("", 3, False, {1: "one", 2: "two and more", 3: "three"})
    quotes = [said("two", line=2), said("drei", line=3)]
    found = [(number, line) for number, line, _ in marking.lines_of(text, quotes)]
    assert found == [(1, "one"), (2, "two and more"), (3, "drei")]


def test_each_verdict_has_an_underline_and_words() -> None:
    quotes = [
        said("a", "not consistent"),
        said("b", "inconsistent"),
        said("c"),
        said("d", metric="recipe.epochs"),
        said("e", "refuted", metric="recipe.epochs"),
        said("f"),
    ]
    found = [(piece.verdict, piece.text) for piece in marking.key(quotes)]
    assert found == [
        ("not-consistent", "not consistent"),
        ("inconsistent", "contradicts itself"),
        ("confirmed", "confirmed"),
        ("refuted", "refuted"),
        ("setting", "setting, no evidence"),
    ]


def test_a_quote_that_differs_by_network_has_an_underline_of_its_own() -> None:
    first, second = said("a", "confirmed").parts, said("a", "refuted", subject="model_2").parts
    both = Sentence((*first, *second))
    assert (marking.style(both), marking.words_of(both)) == ("differs", "differs by network")
    found = [(piece.verdict, piece.text) for piece in marking.key([said("b"), both])]
    assert found == [("differs", "differs by network"), ("confirmed", "confirmed")]

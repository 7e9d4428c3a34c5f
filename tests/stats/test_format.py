"""Numbers and lists as text."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from bench.stats import format
from bench.stats.means import accuracy, placement
from bench.stats.values import Interval

MINUS = "\N{MINUS SIGN}"
PERCENT = "\N{NARROW NO-BREAK SPACE}%"


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (Fraction(99385, 1000), 2, "99.39"),  # half up, where a float would give 99.38
        (Fraction(99384999, 10**6), 2, "99.38"),
        (Fraction(5, 1000) - Fraction(1, 10**40), 2, "0.00"),  # rounded once
        (0.0625, 3, "0.063"),  # this float is exact, and a half
        (Fraction(-5, 100), 2, f"{MINUS}0.05"),
        (Fraction(-1, 2000), 3, f"{MINUS}0.001"),
        (-0.0, 1, "0.0"),
        (Fraction(100), 2, "100.00"),
        (Fraction(2, 3), 3, "0.667"),
        (9938.25, 1, "9,938.3"),
        (1e12 - 1, 1, "999,999,999,999.0"),
        (2e30, 4, "2.000e+30"),
        (-1.7e308, 4, f"{MINUS}1.700e+308"),
    ],
)
def test_numbers_are_rounded_once(value: Fraction | float, digits: int, text: str) -> None:
    assert format.fixed(value, digits) == text


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (9850.0, "9,850"),
        (99.35, "99.35"),
        (-482, f"{MINUS}482"),
        (3e-05, "0.00003"),
        (Fraction(2, 3), "0.667"),
        (Fraction(2, 5), "0.4"),
        (Fraction(993925, 10000), "99.393"),  # half up, where a float would give 99.392
        (Fraction(-1, 2000), f"{MINUS}0.001"),
        (Fraction(39999, 40000), "1"),
        ("28x28x6", "28x28x6"),
    ],
)
def test_numbers_are_worded_as_they_are_written(value: Any, words: str) -> None:
    assert format.number(value) == words


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.05, 12, "0.05"),
        (10000.0, 12, "10000"),
        (0.9999999, 12, "0.9999999"),
        (-1e-05, 12, f"{MINUS}1e-05"),
    ],
)
def test_a_chosen_number_is_told_as_it_was_chosen(value: float, digits: int, text: str) -> None:
    assert format.written(value, digits) == text


def test_counts_never_lose_a_digit() -> None:
    assert format.integer(7986) == "7,986"
    assert format.integer(-1850) == f"{MINUS}1,850"


def test_percent_stands_on_counts() -> None:
    assert format.percent(9939, 10000) == f"99.39{PERCENT}"
    assert format.mean_percent(accuracy([9939, 9940, 9940], 10000)) == f"99.397{PERCENT}"
    assert format.percentage(99.4) == f"99.40{PERCENT}"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0204, "+0.020"), (-0.0204, f"{MINUS}0.020"), (0.0, "0.000"), (None, "n/a")],
)
def test_a_difference_has_its_sign(value: float | None, text: str) -> None:
    assert format.signed(value) == text


def test_an_interval_is_told_by_its_ends() -> None:
    assert format.span(Interval(-0.0485, 0.4481)) == f"{MINUS}0.049 to 0.448"
    assert format.span(Interval(0.5, 1.0), 2) == "0.50 to 1.00"
    assert format.span(None) == "n/a"


@pytest.mark.parametrize(
    ("p", "text"), [(0.0625, "0.063"), (0.001, "0.001"), (0.00099, "<0.001"), (None, "n/a")]
)
def test_a_p_is_never_zero(p: float | None, text: str) -> None:
    assert format.p_value(p) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "n/a"),
        (True, "yes"),
        (28672, "28,672"),
        (0.25, "0.25"),
        (2.0, "2"),
        ([12, 14, 14], "12 \N{MULTIPLICATION SIGN} 14 \N{MULTIPLICATION SIGN} 14"),
        ("1/2", "1/2"),
    ],
)
def test_a_measured_value_is_of_any_kind(value: object, text: str) -> None:
    assert format.measured_value(value) == text


def test_a_terminal_has_plain_signs() -> None:
    shown = f"{format.signed(-0.02)} points, {format.percentage(99.4)}, "
    shown += f"{format.measured_value([3, 3])}, seeds {format.ranges([0, 1])}"
    assert format.plain(shown) == "-0.020 points, 99.40 %, 3 x 3, seeds 0-1"
    assert format.plain(shown).isascii()


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([3], "3"), ([0, 1, 2], "0\N{EN DASH}2"), ([7, 0, 1, 3], "0\N{EN DASH}1, 3, 7"), ([], "")],
)
def test_seeds_are_told_as_ranges(numbers: list[int], text: str) -> None:
    assert format.ranges(numbers) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(59.94, "59.9 s"), (59.97, "1 min 00 s"), (622.5, "10 min 22 s"), (0, "0.0 s")],
)
def test_seconds_carry_over(seconds: float, text: str) -> None:
    assert format.duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (40.4, "40 s"), (90, "2 min"), (3599, "1 h 00 min"), (3900, "1 h 05 min")],
)
def test_an_estimate_is_rough(seconds: float, text: str) -> None:
    assert format.rough_duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.00012345, "0.123"), (0.0012345, "1.23"), (0.012345, "12.3"), (1.2345, "1,235")],
)
def test_milliseconds_have_three_digits_and_no_exponent(seconds: float, text: str) -> None:
    assert format.milliseconds(seconds) == text


def test_an_article_fits_the_sound() -> None:
    said = [format.with_article(word) for word in ("digit", "image", "7", "8", "80", "11", "18")]
    assert said == ["a digit", "an image", "a 7", "an 8", "an 80", "an 11", "an 18"]


def test_nouns_are_counted() -> None:
    assert [format.count(n, "run") for n in (1, 2, 1000)] == ["1 run", "2 runs", "1,000 runs"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([], ""),
        ([4], "higher than the one run"),
        ([5], "equal to the one run"),
        ([6, 7], "lower than all 2 runs"),
        ([3, 4], "higher than all 2 runs"),
        ([5, 5], "equal to all 2 runs"),
        ([4, 5, 6], "higher than 1 of 3 runs, equal to 1"),
        ([4, 6, 6], "higher than 1 of 3 runs"),
        ([5, 6, 6], "equal to 1 of 3 runs, lower than the others"),
    ],
)
def test_the_place_of_a_number_among_runs(values: list[int], words: str) -> None:
    assert format.place_words(placement(5, values, 10)) == words


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
        (["a", "b, with c", "d"], "a; b, with c and d"),
        (["a 7,344", "b", "c"], "a 7,344, b and c"),
    ],
)
def test_a_list_keeps_its_members_apart(words: list[str], said: str) -> None:
    assert format.listed(words) == said

"""Numbers as text: each is rounded here, once, half up, on its exact value.

The text has the signs of a typeset page; `plain` turns it into what every terminal can show.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.stats.means import Accuracy, Placement
    from bench.stats.values import Interval

NOT_AVAILABLE = "n/a"
NOT_KNOWN = "not known"
MINUS = "\N{MINUS SIGN}"
THIN = "\N{NARROW NO-BREAK SPACE}"
TIMES = "\N{MULTIPLICATION SIGN}"
DASH = "\N{EN DASH}"
PLAIN = str.maketrans({MINUS: "-", THIN: " ", TIMES: "x", DASH: "-"})
HUGE = 1e12  # from here on no digit after the point tells anything
SMALLEST_P = 0.001  # below it, few runs tell nothing finer


NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def plain(text: str) -> str:
    """The text as a terminal shows it: -0.5, 70.50 %, 3 x 3."""
    return text.translate(PLAIN)


# --- one number ----------------------------------------------------------------------------------


def integer(value: int | None) -> str:
    """7986 -> 7,986; never K or M; None is not known."""
    return NOT_KNOWN if value is None else f"{value:,}".replace("-", MINUS)


def fixed(value: Fraction | float, digits: int) -> str:
    """So many digits after the point: 99.385 of counts is 99.39; 2e30 is 2.000e+30."""
    size = abs(Fraction(value))
    if size >= HUGE:
        return f"{float(value):.3e}".replace("-", MINUS)
    whole = floor(size * 10**digits + Fraction(1, 2))
    sign = MINUS if value < 0 else ""
    return f"{sign}{Decimal(whole).scaleb(-digits):,.{digits}f}"


def written(value: float, digits: int = 12) -> str:
    """A chosen number as a person writes it, 0.05; 12 digits tell 0.9999999 from 1."""
    sign = MINUS if value < 0 else ""  # the sign of 1e-05 stays
    return f"{sign}{abs(value):.{digits}g}"


def corrected_by_holm(n: int, of: str) -> str:
    """How p values were corrected, and together with which: the family has a name.

    Args:
        n: Comparisons of the family.
        of: Where they stand, such as "this section".
    """
    return f"corrected by Holm for {count(n, 'comparison')} of {of}"


def number(value: Fraction | float | str) -> str:
    """99.35 -> 99.35, 9850 -> 9,850, 2/3 -> 0.667, 3e-05 -> 0.00003, a word as it is."""
    if isinstance(value, str):
        return value
    if value == int(value):
        return integer(int(value))
    if isinstance(value, float) and len(repr(value)) < 8:  # as it was written
        return f"{Decimal(repr(value)):,f}".replace("-", MINUS)
    return fixed(value, 3).rstrip("0").rstrip(".")


def percentage(value: Fraction | float, digits: int = 2) -> str:
    """70.5 -> 70.50 %."""
    return f"{fixed(value, digits)}{THIN}%"


def percent(correct: int, n: int, digits: int = 2) -> str:
    """9939 of 10000 -> 99.39 %."""
    return percentage(Fraction(100 * correct, n), digits)


def mean_percent(found: Accuracy) -> str:
    """The mean over runs, exact before it is rounded to three digits; n/a without runs."""
    mean = found.mean_percent
    return NOT_AVAILABLE if mean is None else percentage(mean, 3)


def points(value: Fraction | float | None, digits: int = 3) -> str:
    """A spread in percentage points, n/a where one run has none."""
    return NOT_AVAILABLE if value is None else fixed(value, digits)


def signed(value: float | None) -> str:
    """A difference in percentage points with its sign; 0.000 has none."""
    return f"+{points(value)}" if value is not None and value > 0 else points(value)


def span(interval: Interval | None, digits: int = 3) -> str:
    """Both ends of an interval, n/a where there is none."""
    if interval is None:
        return NOT_AVAILABLE
    return f"{fixed(interval.low, digits)} to {fixed(interval.high, digits)}"


def p_value(p: float | None) -> str:
    """0.154, or <0.001."""
    if p is None:
        return NOT_AVAILABLE
    return f"<{SMALLEST_P}" if p < SMALLEST_P else fixed(p, 3)


def measured_value(value: object) -> str:
    """A measured value of any kind: whole numbers exact, [12, 14, 14] as 12 x 14 x 14."""
    if value is None:
        return NOT_AVAILABLE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return integer(value)
    if isinstance(value, float):
        return f"{value:,.4g}".replace("-", MINUS) if value % 1 else integer(int(value))
    if isinstance(value, list | tuple):
        return f" {TIMES} ".join(str(part) for part in value)
    return str(value)


# --- times ---------------------------------------------------------------------------------------


def duration(seconds: float) -> str:
    """A measured time: 1.5 s, or 2 min 05 s."""
    if round(seconds, 1) < 60:
        return f"{fixed(seconds, 1)} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def rough_duration(seconds: float) -> str:
    """An estimated time: 40 s, 12 min or 1 h 05 min."""
    if seconds < 90:
        return f"{fixed(max(seconds, 1), 0)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def milliseconds(seconds: float) -> str:
    """Three significant digits, no exponent; without the unit."""
    value = 1000 * seconds
    return fixed(value, 0 if value >= 100 else 1 if value >= 10 else 2 if value >= 1 else 3)


# --- several -------------------------------------------------------------------------------------


def spelled(n: int) -> str:
    """ten, 11: small numbers as words."""
    return NUMBERS[n] if 0 <= n < len(NUMBERS) else integer(n)


def count(n: int, noun: str) -> str:
    """1 run, 2 runs."""
    return f"{integer(n)} {noun}{'' if n == 1 else 's'}"


def place_words(place: Placement, noun: str = "run") -> str:
    """higher than 3 of 5 runs, equal to 1; higher than all 5 runs; nothing without runs."""
    n, below, equal = place.n, place.below, place.equal
    every = f"the one {noun}" if n == 1 else f"all {count(n, noun)}"
    if not n or (below in (0, n) and equal in (0, n)):
        where = "equal to" if equal else "higher than" if below else "lower than"
        return f"{where} {every}" if n else ""
    if not below:
        return f"equal to {integer(equal)} of {count(n, noun)}, lower than the others"
    tied = f", equal to {integer(equal)}" if equal else ""
    return f"higher than {integer(below)} of {count(n, noun)}{tied}"


def with_article(noun: str) -> str:
    """a digit, an image; a 7, an 8."""
    return f"{'an' if noun[0] in 'aeiou8' or noun in ('11', '18') else 'a'} {noun}"


MOST_LISTED = 9  # names in a sentence


def listed_or_counted(names: Sequence[str], noun: str) -> str:
    """The names as `listed` has them; of ten and more the number alone, with the noun."""
    return listed(names) if len(names) <= MOST_LISTED else count(len(names), noun)


def listed(words: Sequence[str]) -> str:
    """a, b and c; semicolons where a word is a list of its own."""
    between = "; " if any(", " in word for word in words) else ", "
    return words[0] if len(words) == 1 else f"{between.join(words[:-1])} and {words[-1]}"


def ranges(numbers: Iterable[int]) -> str:
    """Seeds 0, 1, 2, 5 -> 0-2, 5."""
    return ", ".join(str(a) if a == b else f"{a}{DASH}{b}" for a, b in unbroken(numbers))


def unbroken(numbers: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """The first and the last of each range: 0, 1, 2, 5 -> (0, 2), (5, 5)."""
    found: list[tuple[int, int]] = []
    for each in sorted(set(numbers)):
        if found and each == found[-1][1] + 1:
            found[-1] = (found[-1][0], each)
        else:
            found.append((each, each))
    return tuple(found)

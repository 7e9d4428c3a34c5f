"""Numbers to text. Accuracies come from integer counts and are rounded once, exactly."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from bench.stats import standard_deviation

NOT_AVAILABLE = "n/a"
MINUS = "\N{MINUS SIGN}"
THIN = "\N{NARROW NO-BREAK SPACE}"
TIMES = "\N{MULTIPLICATION SIGN}"
MARKS = {True: "✓", False: "✗"}


def integer(value: int) -> str:
    """7986 -> 7,986; never K or M."""
    return f"{value:,}".replace("-", MINUS)


def fixed(value: Fraction | float, digits: int) -> str:
    """Rounded half up on the exact value, so that 99.385 of counts prints 99.39."""
    exact = Fraction(value)
    scaled = Decimal(exact.numerator * 10**digits) / Decimal(exact.denominator)
    whole = scaled.quantize(Decimal(1), rounding=ROUND_HALF_UP)
    return f"{whole.scaleb(-digits):.{digits}f}".replace("-", MINUS)


def percent(correct: int, n: int, digits: int = 2) -> str:
    """9939 of 10000 -> 99.39 %."""
    return f"{fixed(Fraction(100 * correct, n), digits)}{THIN}%"


def mean_percent(counts: list[int], n: int) -> str:
    """The mean over runs, exact before it is rounded to three digits."""
    return percent(sum(counts), n * len(counts), digits=3)


def sd_points(counts: list[int], n: int) -> str:
    """The standard deviation over runs, n/a where one run has none."""
    return points(standard_deviation([100 * correct / n for correct in counts]))


def points(value: Fraction | float | None, digits: int = 3) -> str:
    """A spread in percentage points, n/a where one run has none."""
    return NOT_AVAILABLE if value is None else fixed(value, digits)


def count(n: int, noun: str) -> str:
    """1 run, 2 runs."""
    return f"{integer(n)} {noun}{'' if n == 1 else 's'}"


def listed(words: list[str]) -> str:
    """a, b and c; semicolons where a word is a list of its own."""
    between = "; " if any(", " in word for word in words) else ", "
    return words[0] if len(words) == 1 else f"{between.join(words[:-1])} and {words[-1]}"


def seconds(value: float) -> str:
    """Minutes and seconds from a minute on."""
    if round(value, 1) < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02d} s"


def seeds(numbers: list[int]) -> str:
    """0, 1, 2, 5 -> 0-2, 5."""
    spans: list[list[int]] = []
    for number in sorted(set(numbers)):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}\N{EN DASH}{b}" for a, b in spans)


def shape(value: object) -> str:
    """[12, 14, 14] -> 12 x 14 x 14."""
    if isinstance(value, list | tuple):
        return f" {TIMES} ".join(str(part) for part in value)
    return str(value)


def anything(value: object) -> str:
    """A measured value of unknown kind: integers exact, missing ones n/a."""
    if value is None:
        return NOT_AVAILABLE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return integer(value)
    if isinstance(value, float):
        return f"{value:,.4g}" if value % 1 else integer(int(value))
    return shape(value)

"""A comparison for a person: a table on a terminal, plain lines elsewhere; the effect first."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from bench.evidence.comparison.drift import Difference
from bench.evidence.comparison.outcome import ComparedPair, Side, SideComparison
from bench.records.bits import Bits
from bench.stats.declared import FEWEST_RUNS, TEST_ALPHA
from bench.stats.format import (
    NOT_AVAILABLE,
    corrected_by_holm,
    fixed,
    integer,
    p_value,
    percentage,
    plain,
    points,
    signed,
    span,
    written,
)
from bench.stats.values import Interval

COLUMNS = ("data set", "A", "B", "A - B, points (95 %)", "P(A beats B)", "p", "Holm p", "verdict")
WHY = f"fewer than {FEWEST_RUNS} runs, or runs that do not vary"
NO_INTERVAL = f"(no interval: {WHY})"
MOST_VALUES = 4  # of one feature, before the rest is counted


def show(outcome: SideComparison, console: Console) -> None:
    """Prints the outcome; lines of any width are left to the terminal to fold."""
    if console.is_terminal:
        console.print(_table(outcome))
    for line in lines(outcome):
        console.print(line, markup=False, highlight=False)


def lines(outcome: SideComparison) -> list[str]:
    """The outcome in words; the last line says whether the bits held."""
    return [plain(line) for line in _lines(outcome)]


def _lines(outcome: SideComparison) -> list[str]:
    said = [f"A is {outcome.first}, B is {outcome.second}; every difference is A minus B."]
    n_tested = sum(row.comparison.test is not None for row in outcome.rows)
    for row in outcome.rows:
        said += ["", *_row_lines(row, n_tested)]
    left_out = [f"not compared, no counterpart: {name}" for name in outcome.left_out]
    foreign = any(
        side.origin != "engine" for row in outcome.rows for side in (row.first, row.second)
    )
    bits = ["bits: not known for runs that this program did not train"] if foreign else []
    if not foreign or outcome.bits.failures or outcome.bits.n_same:
        bits += _bits_lines(outcome.bits)
    return [*said, "", *left_out, *bits]


def _row_lines(row: ComparedPair, n_tested: int) -> list[str]:
    names = dict.fromkeys((row.first.architecture, row.second.architecture))
    return [
        f"{row.dataset}, {row.split} split, last epoch: {' against '.join(names)}",
        f"  A {_side(row.first, row.n_images)}",
        f"  B {_side(row.second, row.n_images)}",
        f"  difference: {_difference(row)}",
        *_new_images_lines(row),
        f"  probability of improvement: {_improvement(row)}",
        f"  test: {_test(row, n_tested)}",
        f"  equivalence: {_equivalence(row)}",
        *_drift_lines(row),
    ]


def _side(side: Side, n_images: int) -> str:
    name = side.name if side.origin == "engine" else f"{side.name} ({side.origin})"
    missed = "".join(f", {n} {status}: a miss each" for status, n in side.misses.items())
    if side.mean_percent is None or side.minimum is None or side.maximum is None:
        return f"{name}: n = {side.n}{missed}, none completed"
    return (
        f"{name}: n = {side.n}{missed}, mean {percentage(side.mean_percent, 3)}, "
        f"sd {points(side.sd_points)}, from {integer(side.minimum)} to {integer(side.maximum)} "
        f"of {integer(n_images)}"
    )


def _difference(row: ComparedPair) -> str:
    found = row.comparison
    if found.difference_points is None:
        return "n/a, one side has no completed run"
    return f"{signed(found.difference_points)} points {_interval(found.interval)}"


def _new_images_lines(row: ComparedPair) -> list[str]:
    found = row.new_images
    if found is None:
        return []
    around = _interval(found.interval)
    return [f"  with new seeds on new images: {signed(found.points)} points {around}"]


def _interval(interval: Interval | None, digits: int = 3) -> str:
    if interval is None:
        return NO_INTERVAL
    return f"(95 %: {span(interval, digits)})"


def _improvement(row: ComparedPair) -> str:
    found = row.comparison.improvement
    if found is None:
        return "n/a"
    beside = f"; bootstrap {span(found.bootstrap, 2)}" if found.bootstrap else ""
    return f"{fixed(found.probability, 2)} {_interval(found.interval, 2)}{beside}"


def _test(row: ComparedPair, n_tested: int) -> str:
    found, test = row.comparison, row.comparison.test
    if test is None or found.holm_p is None:
        return "n/a, one side has no completed run"
    how = "exact" if test.exact else f"drawn with seed {found.seed}"
    together = corrected_by_holm(n_tested, "this command")
    said = f"p {p_value(test.p)} (permutation, {how}), {p_value(found.holm_p)} {together}"
    if row.can_reach_alpha:
        return said
    holm = found.smallest_holm_p
    least = "" if holm is None else f", {p_value(holm)} corrected"
    return (
        f"{said}; these runs cannot reach p < {TEST_ALPHA}: "
        f"the smallest possible is {p_value(test.smallest_p)}{least}"
    )


def _equivalence(row: ComparedPair) -> str:
    found = row.comparison.equivalence
    if found is None:
        return f"not judged: {WHY}"
    return f"{found.verdict} within {written(found.margin_points)} points (p {p_value(found.p)})"


def _drift_lines(row: ComparedPair) -> list[str]:
    if row.same_environment is None:
        where, rest = "the environments are not known", "nothing that is known differs"
    elif row.same_environment:
        where, rest = "one environment", "nothing else differs"
    else:
        where, rest = "several environments, compared as distributions", "nothing else differs"
    if not row.differences:
        return [f"  drift: {where}; {rest}"]
    return [f"  drift: {where}; what differs:", *(f"    {_drift(d)}" for d in row.differences)]


def _drift(difference: Difference) -> str:
    return f"{difference.feature}: A {_values(difference.first)} | B {_values(difference.second)}"


def _values(values: dict[str, int]) -> str:
    told = [f"{value} (n = {n})" for value, n in list(values.items())[:MOST_VALUES]]
    more = len(values) - MOST_VALUES
    return ", ".join([*told, *([f"{more} more"] if more > 0 else [])])


def _bits_lines(bits: Bits) -> list[str]:
    failures = [
        f"reproducibility failure: {f.run}, the same key and fingerprint {f.fingerprint}, "
        f"other bits: A {f.first}, B {f.second}"
        for f in bits.failures
    ]
    if failures:
        return failures
    if not bits.n_same:
        return ["bits: no run was recorded on both sides in one environment"]
    return [f"bits: {bits.n_same} recorded on both sides in one environment, all the same"]


def _table(outcome: SideComparison) -> Table:
    table = Table(title=f"{outcome.first} (A) against {outcome.second} (B)")
    for number, column in enumerate(COLUMNS):
        table.add_column(column, justify="right" if 3 <= number <= 6 else "left")
    for row in outcome.rows:
        table.add_row(*_cells(row))
    return table


def _cells(row: ComparedPair) -> tuple[str, ...]:
    found = row.comparison
    better, test = found.improvement, found.test
    ends = f" ({span(found.interval)})" if found.interval else ""
    return (
        row.dataset,
        _cell(row.first),
        _cell(row.second),
        plain(f"{signed(found.difference_points)}{ends}"),
        fixed(better.probability, 2) if better else NOT_AVAILABLE,
        p_value(test.p if test else None),
        p_value(found.holm_p),
        found.equivalence.verdict if found.equivalence else "not judged",
    )


def _cell(side: Side) -> str:
    return f"{side.architecture}, {points(side.mean_percent)} % (n = {side.n})"

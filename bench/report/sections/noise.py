"""The noise floor: what seeds move, beside what a test set of this size cannot tell apart."""

from __future__ import annotations

from bench.records.arms import Arm
from bench.report.model import Cell, Column, PageKind, Scope, Section, Table
from bench.report.parts.pairs import FEW, networks_of_many
from bench.report.summary import Summary
from bench.stats.declared import MARGIN_POINTS
from bench.stats.format import NOT_AVAILABLE, count, fixed, integer, listed_or_counted, points, span
from bench.stats.noise import NoiseFloor, independent_sd_points, noise_floor
from bench.stats.planning import TooManySeeds, seeds_for_difference

ORDER = 46
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("comparisons", "fragment")
COLUMNS = (
    Column("Model", numeric=False),
    Column("n", note="completed runs"),
    Column("sd over seeds", note="points, 95% interval"),
    Column("sd by choice of test set", note="points, binomial"),
    Column("Variance ratio", note="seeds over test set"),
    Column("sd by single images", note="points, if images were independent"),
    Column("Difference seen", note="points, with n runs each"),
    Column(f"{MARGIN_POINTS} points seen", numeric=False),
)
NOTE = (
    "Difference seen: the smallest true difference that a two-sided 5% t test finds with a power "
    "of 0.80, for two arms with n runs each. sd by single images: the spread if "
    "every image were right or wrong by its own chance. A much larger spread over seeds means "
    "that whole runs are better or worse (Jordan 2023, arXiv 2304.01910)."
)
Known = tuple[Arm, NoiseFloor]


def section(summary: Summary) -> Section | None:
    """None where no arm has two test accuracies: one run has no spread."""
    found = [
        (arm, noise_floor(arm.test_counts, arm.n_test)) for arm in summary.arms if arm.test_counts
    ]
    known = [(arm, floor) for arm, floor in found if floor.sd_points is not None]
    if not known or summary.dataset is None:
        return None
    arms = [arm for arm, _ in found]
    networks = networks_of_many(summary, arms, few=len(arms) <= FEW)
    caption = f"Spread of test accuracy on {summary.prefix}, in percentage points"
    rows = tuple(_row(arm, floor) for arm, floor in found if arm in networks)
    varied = tuple(_row(arm, floor) for arm, floor in found if arm not in networks)
    tables = [Table(caption, COLUMNS, rows)]
    if varied:
        tables.append(Table(f"{caption}, variations of the networks", COLUMNS, varied, folded=True))
    return Section(
        title="The noise floor",
        nav="Noise",
        text=(_spreads(summary, known), _seen(known)),
        tables=tuple(tables),
        notes=(NOTE,),
    )


def _spreads(summary: Summary, known: list[Known]) -> str:
    n_test = integer(known[0][0].n_test)
    seeds = _range([floor.sd_points for _, floor in known])
    chance = _range([floor.sampling_sd_points for _, floor in known])
    ratios = _range([floor.variance_ratio for _, floor in known], 2)
    return (
        f"From seed to seed, test accuracy varies with a standard deviation of {seeds} points. "
        f"Another {n_test} test images of the same kind would move it by {chance} points, "
        "whatever the seed. The variance over seeds, divided by the variance over test sets, is "
        f"{ratios}. Below 1, the choice of test images is the larger uncertainty about accuracy "
        f"on new {summary.noun}s. Models that are compared on the same images share this "
        "uncertainty."
    )


def _range(values: list[float | None], digits: int = 3) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return NOT_AVAILABLE
    low, high = fixed(min(known), digits), fixed(max(known), digits)
    return low if low == high else f"{low} to {high}"


def _seen(known: list[Known]) -> str:
    sees = [arm.label for arm, floor in known if _sees(floor)]
    blind = [arm.label for arm, floor in known if _sees(floor) is False]
    head = f"A true difference of {MARGIN_POINTS} points between two such models"
    if sees and blind:
        seen, not_seen = (listed_or_counted(names, "network") for names in (sees, blind))
        return f"{head} is seen with the runs at hand for {seen}, not for {not_seen}."
    if sees:
        return f"{head} is seen with the runs at hand."
    return f"{head} is not seen with the runs at hand." if blind else f"{head}: no spread to judge."


def _sees(floor: NoiseFloor) -> bool | None:
    """None where runs are all equal: nothing to judge by."""
    if floor.detectable_points is None:
        return None
    return floor.detectable_points <= MARGIN_POINTS


def _row(arm: Arm, floor: NoiseFloor) -> tuple[Cell, ...]:
    interval = floor.sd_interval
    ends = span(interval) if interval else ""
    ratio = floor.variance_ratio
    return (
        Cell(arm.label, series=arm.architecture),
        Cell(integer(floor.n), sort=floor.n),
        Cell(points(floor.sd_points), ends, sort=floor.sd_points),
        Cell(points(floor.sampling_sd_points), sort=floor.sampling_sd_points),
        Cell(points(ratio, 2), sort=ratio),
        _independent(arm),
        Cell(points(floor.detectable_points), sort=floor.detectable_points),
        _answer(floor),
    )


def _answer(floor: NoiseFloor) -> Cell:
    sees = _sees(floor)
    if sees is None or not floor.sd_points:
        return Cell(NOT_AVAILABLE)
    try:
        needed = count(seeds_for_difference(floor.sd_points, MARGIN_POINTS), "run")
    except TooManySeeds:  # an arm of which some runs learned nothing
        needed = "more than ten million runs"
    return Cell("yes" if sees else "no", f"takes {needed} each")


def _independent(arm: Arm) -> Cell:
    """What the records' wrong answers, image by image, say of the spread."""
    right = arm.right_answers()
    value = independent_sd_points(right) if len(right) == len(arm.completed) else None
    return Cell(points(value), sort=value)

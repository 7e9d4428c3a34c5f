"""What trained networks react to, beside what they could see."""

from __future__ import annotations

from functools import partial

from bench.records.arms import Arm
from bench.records.observations import EffectiveField
from bench.report.figures.heatmap import Focus, focus
from bench.report.model import Cell, Column, PageKind, Plot, Scope, Section, Table
from bench.report.parts.misses import Shown, typical_digit
from bench.report.summary import Summary
from bench.stats.format import NOT_AVAILABLE, THIN, TIMES, integer, points
from bench.stats.means import spread

ORDER = 72
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("architecture",)
TEXT = (
    "The receptive field says which pixels an output could depend on. The effective receptive "
    "field says how much the output depends on each pixel. It is the size of the gradient of the "
    "last map's centre (all channels together) with respect to the pixels. It is averaged over "
    "validation images and runs (Luo et al. 2016, arXiv 1701.04128)."
)
COLUMNS = (
    Column("Model", numeric=False),
    Column("n", note="runs"),
    Column("Analytic box", note="pixels"),
    Column("Inside the box", note="% of the gradient, ± sd"),
    Column("Standard deviation", note="pixels, ± sd over runs"),
    Column("Effective size", note="pixels, ± sd over runs"),
)


def section(summary: Summary) -> Section | None:
    """None where nobody looked at the trained weights."""
    found = [(arm, field) for arm in summary.arms if (field := summary.effective_field(arm))]
    if not found or summary.dataset is None:
        return None
    digit = typical_digit(summary)
    table = Table(
        caption=f"Effective receptive field on {summary.dataset.name}",
        columns=COLUMNS,
        rows=tuple(_row(*each) for each in found),
    )
    return Section(
        title="Effective receptive field",
        nav="Effective field",
        text=(TEXT,),
        tables=(table,),
        plots=tuple(_plot(summary, *each, digit) for each in found),
        notes=tuple(_note(*each) for each in found),
    )


def _row(arm: Arm, field: EffectiveField) -> tuple[Cell, ...]:
    shares = [100 * run.share_in_box for run in field.runs if run.share_in_box is not None]
    return (
        Cell(arm.label, series=arm.architecture),
        Cell(integer(len(field.runs)), sort=len(field.runs)),
        Cell(_box(field)),
        Cell(_over_runs(shares, 1)),
        Cell(_over_runs([run.sd_pixels for run in field.runs], 2)),
        Cell(_over_runs([run.size_pixels for run in field.runs], 1)),
    )


def _over_runs(values: list[float], digits: int) -> str:
    """Mean and standard deviation, n/a where one run has no spread."""
    found = spread(values)
    if found is None:
        return NOT_AVAILABLE
    return f"{points(found.mean, digits)} ± {points(found.sd, digits)}"


def _box(field: EffectiveField) -> str:
    if field.box is None:
        return NOT_AVAILABLE
    top, left, bottom, right = field.box
    return f"{bottom - top + 1} {TIMES} {right - left + 1}"


def _plot(summary: Summary, arm: Arm, field: EffectiveField, digit: Shown | None) -> Plot:
    n = f"n = {integer(len(field.runs))}"
    box = "; dashed: the receptive field" if field.box else ""
    return Plot(
        name=f"{summary.place}-{arm.slug}-effective-field",
        alt=(
            f"Effective receptive field of {arm.label} on {field.dataset}: "
            f"{_over_runs([run.sd_pixels for run in field.runs], 2)} pixels standard deviation, "
            f"analytic box {_box(field)}."
        ),
        caption=(
            f"On {field.dataset}, {n}. The stronger a pixel's colour, the more the unit reacts to "
            f"it{box}. Second: the share of the gradient inside squares."
        ),
        draw=partial(focus, _focus(field, digit)),
    )


def _focus(field: EffectiveField, digit: Shown | None) -> Focus:
    mass = tuple(tuple(row) for row in field.gradient)
    middle = (len(mass) - 1) / 2, (len(mass[0]) - 1) / 2
    if field.box is not None:
        top, left, bottom, right = field.box
        middle = (top + bottom) / 2, (left + right) / 2
    if digit is None or digit.shape[1:] != (len(mass), len(mass[0])):
        return Focus(mass=mass, centre=middle, box=field.box)
    return Focus(mass, middle, field.box, digit=digit.pixels, shape=digit.shape)


def _note(arm: Arm, field: EffectiveField) -> str:
    split = "validation" if arm.dataset.n_validation else "training"
    (row, column), (height, width) = field.position, field.map_shape
    outside = ""
    if field.box is not None and _covers(field):
        outside = " The analytic box covers the whole image, so all of the gradient lies inside."
    return (
        f"{arm.label}: unit ({row}, {column}) of the {height} {TIMES} {width} map of layer "
        f"“{field.layer}”, {integer(field.n_images)} images of the {split} split. Effective size: "
        f"the root of the number of pixels above 4.55{THIN}% of the largest. An even gradient "
        f"over the whole image would have a standard deviation of {_even(field)} pixels.{outside}"
    )


def _even(field: EffectiveField) -> str:
    """Standard deviation of a uniform field: the variance of n places is (n^2 - 1) / 12."""
    sides = len(field.gradient), len(field.gradient[0])
    variance = sum((n * n - 1) / 12 for n in sides) / 2
    return points(variance**0.5, 2)


def _covers(field: EffectiveField) -> bool:
    assert field.box is not None
    top, left, bottom, right = field.box
    last_row, last_column = len(field.gradient) - 1, len(field.gradient[0]) - 1
    return top <= 0 and left <= 0 and bottom >= last_row and right >= last_column

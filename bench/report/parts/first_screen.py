"""The first screen: the finding, and every run of the networks that it speaks of as a dot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from bench.records.arms import Arm
from bench.report.figures.canvas import MANY_RUNS
from bench.report.figures.dots import Limits, limits
from bench.report.figures.lanes import lane, scale
from bench.report.frames import tested_runs
from bench.report.model import Badge, Cell, Column, Lane, Lanes, Plot, Section, Step
from bench.report.parts.finding import finding, subjects
from bench.report.parts.marking import excerpt, kind_of
from bench.report.parts.next_steps import next_runs
from bench.report.parts.ranking import in_order
from bench.report.parts.verdicts import bounds, confirmed_alone, reach, target_words
from bench.report.summary import Summary
from bench.stats.format import NOT_AVAILABLE, count, fixed, integer, mean_percent
from bench.stats.means import accuracy
from bench.stats.rates import RateVerdict

N_LINES = 7  # of the document
N_BESIDE = 3  # networks that the document does not speak of


def first_screen(summary: Summary) -> Section:
    """What the index begins with; `summary` is about the document's networks."""
    found = finding(summary)
    arms = [row.arm for row in subjects(summary) if row.arm and row.arm.tested]
    beside = _beside(summary)
    lanes = _lanes(summary, arms, beside) if arms else ()
    shown = excerpt(summary, N_LINES)
    return Section(
        title=found.headline,
        nav="Finding",
        text=found.lead,
        lanes=lanes,
        legend=_legend(summary, arms, beside) if lanes else "",
        marked=(shown,) if shown else (),
        listings=next_runs(summary),
    )


def of_arm(summary: Summary, arm: Arm) -> tuple[tuple[Lanes, ...], str]:
    """The arm's runs on an axis of their own, and what the marks mean; nothing of untested runs."""
    if not arm.tested:
        return (), ""
    return _lanes(summary, [arm], [], f"-{arm.slug}"), _legend(summary, [arm], [])


def in_short(summary: Summary) -> str:
    """The first arm in a few words: 5 of 5 runs on petals reach 70.00 %, mean 71.500 %."""
    arm = summary.every_arm[0]
    n = f"{count(len(arm.runs), 'run')} on {arm.dataset.name}"
    if not arm.tested:
        return n
    mean = f"mean {mean_percent(arm.accuracy())}"
    if not summary.aims(arm):
        return f"{n}, {mean}"
    verb = reach(len(arm.runs))
    return f"{integer(arm.n_reached)} of {n} {verb} {target_words(arm.objective)}, {mean}"


def _beside(summary: Summary) -> list[Arm]:
    """The best other networks that are held against the same target, decided ones first."""
    arms = [one.arm for one in in_order(summary.beside) if summary.aims(one.arm) and one.arm.tested]
    arms = [arm for arm in arms if arm.is_decidable]
    arms.sort(key=lambda arm: (arm.verdict.verdict != "confirmed", not confirmed_alone(arm)))
    return arms[:N_BESIDE]


def _lanes(summary: Summary, arms: list[Arm], beside: list[Arm], of: str = "") -> tuple[Lanes, ...]:
    """Networks on one axis; `of` parts the figures' names from those on another axis."""
    axis = limits(list(_values(summary, [*arms, *beside])))
    groups = [("", arms)]
    if beside:
        groups.append(("Can the target be met at all? Other networks of this suite", beside))
    return tuple(
        Lanes(
            caption=caption,
            axis=None if number else _axis(summary, axis, f"{summary.place}-lanes{of}"),
            columns=_columns(summary),
            rows=tuple(_lane(summary, arm, axis, of) for arm in group),
        )
        for number, (caption, group) in enumerate(groups)
    )


def _values(summary: Summary, arms: Sequence[Arm]) -> list[float]:
    """Everything that the axis must reach, in percent."""
    values = [100 * right / arm.n_test for arm in arms for _, right in arm.tested]
    claims = (summary.published_beside(arm) for arm in arms)
    values += [claim.published for claim in claims if claim]
    return values if summary.target is None else [*values, summary.target]


def _axis(summary: Summary, axis: Limits, name: str) -> Plot:
    return Plot(name, "Test accuracy in percent", "", partial(scale, axis, summary.target))


def _columns(summary: Summary) -> tuple[Column, ...]:
    columns = [Column("Mean, %")]
    if summary.target is None:
        return (*columns, Column("Runs"))
    sign = ">" if summary.objective.relation == "above" else "≥"
    return (
        *columns,
        Column(f"Runs {sign} {fixed(summary.objective.target or 0, 2)}", note="bounds of rate"),
        Column("“Consistently”", numeric=False),
    )


def _lane(summary: Summary, arm: Arm, axis: Limits, of: str) -> Lane:
    claim, mean = summary.published_beside(arm), arm.accuracy().mean_percent
    n_parameters = arm.first.n_parameters
    size = "size not known" if n_parameters is None else count(n_parameters, "parameter")
    said = f"{summary.heading} {fixed(claim.published, 2)}" if claim else ""
    assert mean is not None  # it has tested runs
    words = f"the {summary.label} says {fixed(claim.published, 2)} %" if claim else ""
    figure = partial(
        lane,
        tested_runs(arm).sort_values("percent", kind="stable"),
        float(mean),
        (claim.published, words) if claim else None,
        summary.target,
        axis,
        arm.architecture,
    )
    page = "" if summary.base else summary.page_of(arm.architecture)
    alt = f"{arm.label}: {count(len(arm.tested), 'run')}, mean {mean_percent(arm.accuracy())}"
    return Lane(
        name=Cell(arm.label, size, page, series=arm.architecture),
        plot=Plot(
            f"{summary.place}-lane{of or f'-{arm.architecture}-{arm.identity[:6]}'}",
            alt,
            "",
            figure,
        ),
        cells=(Cell(fixed(mean, 3), said), _reached(summary, arm)),
        badge=_badge(arm) if summary.judges(arm) else None,
        steps=_steps(arm) if summary.judges(arm) else (),
    )


def _steps(arm: Arm) -> tuple[Step, ...]:
    """What the lane said after each of the arm's runs, by the rule that judges all of them.

    Nothing for many runs: their dots are drawn together, so none can be left out.
    """
    if len(arm.runs) > MANY_RUNS:
        return ()
    counts = {run.seed: right for run, right in arm.tested}
    return tuple(_step(arm, n, counts) for n in range(1, len(arm.in_order) + 1))


def _step(arm: Arm, n: int, counts: Mapping[int, int]) -> Step:
    first, verdict = arm.in_order[:n], arm.verdict_after(n)
    mean = accuracy([counts[s] for s in first if s in counts], arm.n_test).mean_percent
    return Step(
        seed=first[-1],
        mean=NOT_AVAILABLE if mean is None else fixed(mean, 3),
        reached=f"{integer(verdict.successes)} of {integer(n)}",
        bounds=f"{fixed(verdict.lower, 3)} to {fixed(verdict.upper, 3)}",
        verdict=verdict.verdict,
        kind=kind_of(verdict.verdict),
        note=_more(verdict),
    )


def _reached(summary: Summary, arm: Arm) -> Cell:
    n = integer(len(arm.runs))
    if not summary.aims(arm):
        return Cell(n)
    return Cell(f"{integer(arm.n_reached)} of {n}", bounds(arm) if arm.is_decidable else "")


def _badge(arm: Arm) -> Badge:
    verdict = arm.verdict
    notes = ["uncorrected: confirmed" if confirmed_alone(arm) else "", _more(verdict)]
    return Badge(verdict.verdict, kind_of(verdict.verdict), "; ".join(filter(None, notes)))


def _more(verdict: RateVerdict) -> str:
    """The soonest confirmation."""
    if verdict.verdict != "undecided" or verdict.more_to_confirm is None:
        return ""
    return f"at least {count(verdict.more_to_confirm, 'more run')}"


def _legend(summary: Summary, arms: list[Arm], beside: list[Arm]) -> str:
    reached = (
        "" if summary.target is None else f" (filled: it reached {target_words(summary.objective)})"
    )
    said = [f"One dot is one run{reached}.", "The stroke is the mean."]
    if any(summary.judges(arm) for arm in (*arms, *beside)):
        said.append("Below the runs: two one-sided 95% bounds of the rate of runs that reach it.")
    if any(summary.published_beside(arm) for arm in arms):
        said.append(f"The triangle is the {summary.label}'s single run.")
    attempts = max((arm.standing.n_attempts for arm in beside if arm.is_decidable), default=1)
    if attempts > 1:
        said.append(
            f"Verdicts on the other networks are corrected for {integer(attempts)} attempts at the "
            "target. “Uncorrected” is the verdict without this correction."
        )
    return " ".join(said)

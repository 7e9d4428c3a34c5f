"""Frames' rows -> LaTeX tables with booktabs' rules, to be put in with \\input."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from bench.arms import Arm
from bench.claims.ledger import Entry, tally_line
from bench.sections._export.frames import PARAMETERS
from bench.sections._export.typeset import escaped
from bench.sections._summary import Summary
from bench.spec import Measured
from bench.stats import spread
from bench.stats.format import NOT_AVAILABLE, fixed, integer


@dataclass(frozen=True)
class Columns:
    """Titles and LaTeX's letters for their sides, e.g. `l` and `r`."""

    sides: str
    titles: tuple[str, ...]


@dataclass(frozen=True)
class Tabular:
    """A table in plain words; nothing is escaped yet.

    `long` breaks over pages and needs the package longtable.
    """

    label: str
    caption: str
    columns: Columns
    rows: Sequence[tuple[str, ...]]
    total: tuple[str, ...] = ()
    long: bool = False


RESULTS = Columns(
    "llrrrrrrl",
    ("Data set", "Model", "Parameters", "n", "Mean (%)", "sd", "Min", "Max", "Reached"),
)
CLAIMS = Columns("lrp{3.2cm}p{3.2cm}rl", ("Claim", "Line", "Published", "Measured", "n", "Verdict"))


def results_table(summaries: Sequence[Summary]) -> str:
    """A row an arm: test accuracy after the last epoch, rounded once."""
    arms = [arm for summary in summaries for arm in summary.arms]
    targets = dict.fromkeys(f"{integer(arm.target)} of {integer(arm.n_test)}" for arm in arms)
    caption = (
        "Test accuracy after the last epoch over n runs: mean and standard deviation over "
        "completed runs, in percent and points. Reached: runs with at least as many test images "
        f"right as the target asks ({', '.join(targets) or NOT_AVAILABLE}); a failed run is a miss."
    )
    return typeset(Tabular("tab:results", caption, RESULTS, [_result(arm) for arm in arms]))


def _result(arm: Arm) -> tuple[str, ...]:
    counts, n = arm.test_counts, arm.n_test
    values = spread(counts)
    sd = values.sd if values else None

    def percents(right: int | Fraction | None, digits: int) -> str:
        return NOT_AVAILABLE if right is None else fixed(Fraction(100 * right, n), digits)

    return (
        arm.first.dataset.name,
        arm.label,
        integer(arm.first.n_parameters),
        integer(len(arm.runs)),
        percents(Fraction(sum(counts), len(counts)) if counts else None, 3),
        NOT_AVAILABLE if sd is None else fixed(100 * Fraction(sd) / n, 3),
        percents(min(counts, default=None), 2),
        percents(max(counts, default=None), 2),
        f"{arm.n_reached} of {len(arm.runs)}" if arm.first.evaluate_test else NOT_AVAILABLE,
    )


def parameters_table(summaries: Sequence[Summary]) -> str:
    """A row a component, a column an architecture; two versions of one are two columns."""
    portraits = [p for p in summaries[0].portraits if PARAMETERS in p.measures] if summaries else []
    found = [portrait.measures[PARAMETERS] for portrait in portraits]
    parts = dict.fromkeys(part for measured in found for part in measured.components)
    rows = [(part, *(_count(m, m.components.get(part, 0)) for m in found)) for part in parts]
    total = ("Total", *(_count(m, sum(m.components.values())) for m in found))
    titles = ("Component", *(portrait.display_name for portrait in portraits))
    columns = Columns("l" + "r" * len(found), titles)
    caption = "Trainable parameters by component, counted."
    return typeset(Tabular("tab:parameters", caption, columns, rows, total))


def _count(measured: Measured, n_parameters: int) -> str:
    if measured.error:
        return NOT_AVAILABLE
    return f"{'at least ' if measured.at_least else ''}{integer(n_parameters)}"


def claims_table(entries: Sequence[Entry]) -> str:
    """A row a claim with its verdict."""
    rows = [
        (
            entry.claim.id,
            str(entry.claim.line),
            entry.published_words,
            entry.measured_words,
            "" if entry.judged.n is None else integer(entry.judged.n),
            entry.judged.verdict,
        )
        for entry in entries
    ]
    caption = f"Published claims and what was measured. {tally_line(entries)}."
    return typeset(Tabular("tab:claims", caption, CLAIMS, rows, long=True))


def typeset(table: Tabular) -> str:
    """The table as LaTeX."""
    packages = "booktabs, longtable" if table.long else "booktabs"
    lines = [f"% Needs \\usepackage{{{packages.replace(', ', ',')}}}", *_body(table)]
    return "\n".join(lines) + "\n"


def _body(table: Tabular) -> list[str]:
    head = [
        "\\toprule",
        _row(table.columns.titles),
        "\\midrule",
    ]
    rows = [_row(row) for row in table.rows]
    foot = [*(["\\midrule", _row(table.total)] if table.total else []), "\\bottomrule"]
    caption = f"\\caption{{{escaped(table.caption)}}}"
    label = f"\\label{{{table.label}}}"
    if table.long:
        return [
            f"\\begin{{longtable}}{{{table.columns.sides}}}",
            f"{caption}{label} \\\\",
            *head,
            "\\endhead",
            *rows,
            *foot,
            "\\end{longtable}",
        ]
    return [
        "\\begin{table}",
        "\\centering",
        caption,
        label,
        f"\\begin{{tabular}}{{{table.columns.sides}}}",
        *head,
        *rows,
        *foot,
        "\\end{tabular}",
        "\\end{table}",
    ]


def _row(cells: Iterable[str]) -> str:
    return " & ".join(escaped(cell) for cell in cells) + r" \\"

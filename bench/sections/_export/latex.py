"""Frames -> LaTeX tables with booktabs' rules, to be put in with \\input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from bench.arms import Arm
from bench.claims.ledger import Entry, tally_line
from bench.sections._export.frames import PARAMETERS
from bench.sections._export.typeset import escaped
from bench.sections._summary import Summary
from bench.spec import Measured
from bench.stats import spread
from bench.stats.format import NOT_AVAILABLE, fixed, integer
import pandas as pd

from bench.claims.ledger import tally_line
from bench.sections import _frames
from bench.sections._export.typeset import escaped
from bench.sections._format import NOT_AVAILABLE, fixed, integer
from bench.sections._summary import Summary
from bench.spec import Measured
from bench.stats import spread, target_count

# A column's title, and the letter for its side.
RESULTS = {
    **{"Data set": "l", "Model": "l", "Parameters": "r", "n": "r", "Mean (%)": "r", "sd": "r"},
    **{"Min": "r", "Max": "r", "Reached": "l"},
}
CLAIMS = {
    **{"Claim": "l", "Line": "r", "Published": "p{3.2cm}", "Measured": "p{3.2cm}"},
    **{"n": "r", "Verdict": "l"},
}


def results_table(summaries: Sequence[Summary]) -> str:
    """A row an arm: test accuracy after the last epoch, rounded once."""
    runs = _frames.runs(summaries)
    arms = runs.groupby(["dataset", "architecture", "label"], sort=False)
    frame = pd.DataFrame([_result(own) for _, own in arms], columns=list(RESULTS))
    targets = [f"{integer(target_count(n))} of {integer(n)}" for n in runs["n_test"].unique()]
    caption = (
        "Test accuracy after the last epoch over n runs: mean and standard deviation over "
        "completed runs, in percent and points. Reached: runs with at least as many test images "
        f"right as the target asks ({', '.join(targets) or NOT_AVAILABLE}); a failed run is a miss."
    )
    return typeset(frame, "tab:results", caption, "".join(RESULTS.values()))


def _result(runs: pd.DataFrame) -> tuple[str, ...]:
    first, reached = runs.iloc[0], runs["reached_target"]
    counts = [int(correct) for correct in runs["last_test_correct"].dropna()]
    values = spread(counts)

    def percents(images: Fraction | float | None, digits: int) -> str:
        if images is None:
            return NOT_AVAILABLE
        return fixed(100 * Fraction(images) / int(first["n_test"]), digits)

    return (
        first["dataset"],
        first["label"],
        integer(first["n_parameters"]),
        integer(len(runs)),
        percents(Fraction(sum(counts), len(counts)) if counts else None, 3),
        percents(values.sd if values else None, 3),
        percents(min(counts, default=None), 2),
        percents(max(counts, default=None), 2),
        f"{reached.sum()} of {len(runs)}" if reached.notna().all() else NOT_AVAILABLE,
    )


def parameters_table(summaries: Sequence[Summary]) -> str:
    """A row a component, a column an architecture; two versions of one are two columns."""
    portraits = [p for p in _frames.portraits(summaries) if _frames.PARAMETERS in p.measures]
    found = [portrait.measures[_frames.PARAMETERS] for portrait in portraits]
    parts = dict.fromkeys(part for measured in found for part in measured.components)
    rows = [(part, *(_count(m, m.components.get(part, 0)) for m in found)) for part in parts]
    total = ("Total", *(_count(m, sum(m.components.values())) for m in found))
    titles = ["Component", *(portrait.display_name for portrait in portraits)]
    frame = pd.DataFrame([*rows, total], columns=titles)
    caption = "Trainable parameters by component, counted."
    whole = typeset(frame, "tab:parameters", caption, "l" + "r" * len(found))
    above, last, below = whole.rpartition("\nTotal")
    return f"{above}\n\\midrule{last}{below}"


def _count(measured: Measured, n_parameters: int) -> str:
    if measured.error:
        return NOT_AVAILABLE
    return f"{'at least ' if measured.at_least else ''}{integer(n_parameters)}"


def claims_table(summaries: Sequence[Summary]) -> str:
    """A row a claim with its verdict."""
    entries = [entry for summary in summaries[:1] for entry in summary.ledger]
    rows = [
        (
            *(entry.claim.id, str(entry.claim.line), entry.published_words, entry.measured_words),
            *("" if entry.judged.n is None else integer(entry.judged.n), entry.judged.verdict),
        )
        for entry in entries
    ]
    frame = pd.DataFrame(rows, columns=list(CLAIMS))
    caption = f"Published claims and what was measured. {tally_line(entries)}."
    return typeset(frame, "tab:claims", caption, "".join(CLAIMS.values()), long=True)


TABLES: dict[str, Callable[[Sequence[Summary]], str]] = {
    "results": results_table,
    "parameters": parameters_table,
    "claims": claims_table,
}


def typeset(frame: pd.DataFrame, label: str, caption: str, sides: str, long: bool = False) -> str:
    """A frame of plain text as a LaTeX table, everything in it escaped.

    Args:
        frame: Cells and titles in plain words.
        label: What `\\ref` calls it.
        caption: In plain words.
        sides: LaTeX's letters for the columns' sides, e.g. `lr`.
        long: Whether it breaks over pages, which needs the package longtable.
    """
    long = long and not frame.empty
    styler = frame.style.format(escaped).format_index(escaped, axis="columns").hide(axis="index")
    table = styler.to_latex(
        hrules=True,
        column_format=sides,
        label=label,
        caption=escaped(caption),
        environment="longtable" if long else None,
        position_float=None if long else "centering",
    )
    return f"% Needs \\usepackage{{booktabs{',longtable' if long else ''}}}\n{table}"

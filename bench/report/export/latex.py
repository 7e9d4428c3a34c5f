"""Frames -> LaTeX tables with booktabs' rules, to be put in with \\input."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from bench.evidence.claims.ledger import tally_line
from bench.records.arms import Arm
from bench.report import frames
from bench.report.export.typeset import escaped
from bench.report.parts.cells import at_least
from bench.report.summary import Summary
from bench.stats.format import NOT_AVAILABLE, integer, points

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
    arms = [arm for summary in summaries for arm in summary.arms]
    sizes = dict.fromkeys((arm.target, arm.n_test) for arm in arms if arm.has_target)
    targets = ", ".join(f"{integer(target)} of {integer(n)}" for target, n in sizes)
    reached = f" Reached: runs that reach the target ({targets}). A failed run is a miss."
    caption = (
        "Test accuracy after the last epoch over n runs: mean and standard deviation over "
        f"completed runs, in percent and points.{reached if targets else ''}"
    )
    frame = pd.DataFrame([_result(arm) for arm in arms], columns=list(RESULTS))
    return typeset(frame, "tab:results", caption, "".join(RESULTS.values()))


def _result(arm: Arm) -> tuple[str, ...]:
    found, n = arm.accuracy(), len(arm.runs)
    return (
        *(arm.dataset.name, arm.label, integer(arm.first.n_parameters), integer(n)),
        *(points(found.mean_percent), points(found.sd_points)),
        *(points(found.lowest_percent, 2), points(found.highest_percent, 2)),
        f"{arm.n_reached} of {n}" if arm.has_target else NOT_AVAILABLE,
    )


def parameters_table(summaries: Sequence[Summary]) -> str:
    """A row a component, a column an architecture; two versions of one are two columns."""
    portraits = [p for p in frames.portraits(summaries) if frames.PARAMETERS in p.measures]
    found = [portrait.measures[frames.PARAMETERS] for portrait in portraits]
    parts = dict.fromkeys(part for measured in found for part in measured.components)
    rows = [(part, *(at_least(m, m.components.get(part, 0)) for m in found)) for part in parts]
    total = ("Total", *(at_least(m, sum(m.components.values())) for m in found))
    titles = ["Component", *(portrait.display_name for portrait in portraits)]
    frame = pd.DataFrame([*rows, total], columns=titles)
    caption = "Trainable parameters by component, counted."
    whole = typeset(frame, "tab:parameters", caption, "l" + "r" * len(found))
    above, last, below = whole.rpartition("\nTotal")
    return f"{above}\n\\midrule{last}{below}"


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
    styler = frame.style.format(_cell).format_index(_cell, axis="columns").hide(axis="index")
    table = styler.to_latex(
        hrules=True,
        column_format=sides,
        label=label,
        caption=escaped(caption),
        environment="longtable" if long else None,
        position_float=None if long else "centering",
    )
    return f"% Needs \\usepackage{{booktabs{',longtable' if long else ''}}}\n{table}"


def _cell(text: object) -> str:
    return escaped(str(text))

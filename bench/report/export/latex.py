"""Frames -> LaTeX tables with booktabs' rules, to be put in with \\input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

import pandas as pd

from bench.evidence.claims.ledger import tally_line
from bench.report import frames
from bench.report.export.typeset import escaped
from bench.report.summary import Summary
from bench.spec import Measured
from bench.stats.format import NOT_AVAILABLE, fixed, integer

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
    found = frames.records(frames.results(summaries))
    sizes = dict.fromkeys((arm["target_correct"], arm["n_test"]) for arm in found)
    targets = ", ".join(f"{integer(target)} of {integer(n)}" for target, n in sizes)
    caption = (
        "Test accuracy after the last epoch over n runs: mean and standard deviation over "
        "completed runs, in percent and points. Reached: runs with at least as many test images "
        f"right as the target asks ({targets or NOT_AVAILABLE}); a failed run is a miss."
    )
    frame = pd.DataFrame([_result(arm) for arm in found], columns=list(RESULTS))
    return typeset(frame, "tab:results", caption, "".join(RESULTS.values()))


def _result(arm: frames.Record) -> tuple[str, ...]:
    reached, n = arm["n_reached"], arm["n_runs"]
    return (
        *(arm["dataset"], arm["label"], integer(arm["n_parameters"]), integer(n)),
        _rounded(arm["mean_test_accuracy_percent"], 3),
        _rounded(arm["sd_test_accuracy_points"], 3),
        _rounded(arm["minimum_test_accuracy_percent"], 2),
        _rounded(arm["maximum_test_accuracy_percent"], 2),
        NOT_AVAILABLE if reached is None else f"{reached} of {n}",
    )


def _rounded(value: float | None, digits: int) -> str:
    """Half up: a value halfway between two is its shortest decimal, which the float only nears."""
    return NOT_AVAILABLE if value is None else fixed(Fraction(repr(value)), digits)


def parameters_table(summaries: Sequence[Summary]) -> str:
    """A row a component, a column an architecture; two versions of one are two columns."""
    portraits = [p for p in frames.portraits(summaries) if frames.PARAMETERS in p.measures]
    found = [portrait.measures[frames.PARAMETERS] for portrait in portraits]
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

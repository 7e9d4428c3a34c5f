"""The tables as files for other programs, and how to cite them."""

from __future__ import annotations

from functools import partial

from bench import __version__
from bench.report.export.texts import content
from bench.report.export.typeset import escaped
from bench.report.model import Download, Listing, PageKind, Scope, Section
from bench.report.parts.commands import export
from bench.report.summary import Summary
from bench.stats.format import count, ranges

ORDER = 90
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("provenance", "markdown")
FOLDER = "data"
TITLE = "manyseeds: accuracy claims as evidence over many seeds"
AUTHOR = "manyseeds contributors"
TEXT = (
    "The tables as files for other programs. Counts are exact, floats keep every digit, and a "
    "missing value is empty. In CSV, an apostrophe precedes text that a spreadsheet would take "
    "for a formula. Control characters are left out. The LaTeX tables need the package booktabs. "
    "The table of the claims also needs longtable. The figures are SVG files in the "
    "folder figures."
)


def section(summary: Summary) -> Section | None:
    """None where nothing is recorded."""
    if not summary.runs and not summary.portraits:
        return None
    return Section(
        title="Downloads and citation",
        nav="Downloads",
        text=(TEXT,),
        downloads=tuple(_files(summary)),
        listings=(
            Listing("The same files; json, latex and parquet too", export(summary, "csv")),
            Listing("BibTeX", _bibtex(summary)),
        ),
    )


def _files(summary: Summary) -> list[Download]:
    """The files of the runs are named by their data set where the suite has several."""
    several = set(summary.record_links) > {run.key for run in summary.runs}
    own = f"{summary.place}-" if several else ""
    found: dict[str, str] = {}  # a file's name -> what stands in it
    if summary.runs:
        n_epochs = sum(len(run.epochs) for run in summary.runs)
        found |= {
            f"{own}results.csv": f"{count(len(summary.arms), 'architecture')} over all seeds",
            f"{own}results.tex": "the same for LaTeX",
            f"{own}runs.csv": count(len(summary.runs), "run"),
            f"{own}epochs.csv": f"{count(n_epochs, 'epoch')} of these runs",
        }
    if summary.portraits:
        found |= {
            "parameters.csv": "counted, in every view",
            "parameters.tex": "by component, for LaTeX",
            "layers.csv": "every layer",
        }
    found[f"{own}report.json"] = "every table"
    if summary.claims:
        n = count(len(summary.claims), "claim")
        found |= {"claims.csv": f"{n} with their verdicts", "claims.tex": "the same for LaTeX"}
    return [
        Download(f"{FOLDER}/{name}", f"{name}: {says}", partial(_content, summary, name, own))
        for name, says in found.items()
    ]


def _content(summary: Summary, name: str, own: str) -> str:
    # Of many runs the epochs would be nine tenths of the JSON file; the CSV file has them.
    return content([summary], name.removeprefix(own), left_out=("epochs",)).decode()


def _bibtex(summary: Summary) -> str:
    """The project, and the runs that the report stands on."""
    runs = summary.runs
    commits = sorted({r.environment.commit for r in runs if r.environment.commit is not None})
    said = [f"suite {summary.suite}"]
    if summary.dataset is not None:
        said.append(f"data set {summary.dataset.name}")
        said.append(f"{count(len(runs), 'run')}, seeds {ranges([run.seed for run in runs])}")
    said += [f"commit {commit}" for commit in commits]
    fields = (
        ("title", f"{{{escaped(TITLE)}}}"),
        ("author", f"{{{escaped(AUTHOR)}}}"),
        ("version", escaped(__version__)),
        ("note", escaped("; ".join(said))),
    )
    lines = [f"  {name} = {{{value}}}," for name, value in fields]
    return "\n".join(["@software{manyseeds,", *lines, "}"])

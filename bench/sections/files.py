"""The tables as files for other programs, and how to cite them."""

from __future__ import annotations

from bench import __version__
from bench.sections import Download, Listing, PageKind, Scope, Section
from bench.sections._commands import export
from bench.sections._export import frames, latex, texts
from bench.sections._export.typeset import escaped
from bench.sections._summary import Summary
from bench.stats.format import count, ranges

ORDER = 90
SCOPE: Scope = "dataset"
PAGES: tuple[PageKind, ...] = ("index", "markdown")
FOLDER = "data"
TITLE = "manyseeds: accuracy claims as evidence over many seeds"
AUTHOR = "manyseeds contributors"
TEXT = (
    "What the tables say, for other programs: counts are exact, floats keep every digit, a missing "
    "value is empty. In CSV, text that a spreadsheet would take for a formula has an apostrophe "
    "before it. The LaTeX tables need booktabs, that of the claims longtable too. The figures lie "
    "in the folder figures as SVG."
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
    """Those of the runs are named by their data set where the suite has several."""
    several = set(summary.record_links) > {run.key for run in summary.runs}
    prefix = f"{FOLDER}/{summary.prefix}-" if several else f"{FOLDER}/"

    def whole() -> str:
        every = frames.every([summary], summary.ledger)
        return texts.as_json(summary.suite, summary.protocol, every)

    of_suite = [
        *_of_structure(summary),
        Download(f"{prefix}report.json", "report.json: every table", whole),
    ]
    if summary.claims:
        n = count(len(summary.claims), "claim")
        of_suite += [
            Download(
                f"{FOLDER}/claims.csv",
                f"claims.csv: {n} with their verdicts",
                lambda: texts.as_csv(frames.claims(summary.ledger)),
            ),
            Download(
                f"{FOLDER}/claims.tex",
                "claims.tex: the same for LaTeX",
                lambda: latex.claims_table(summary.ledger),
            ),
        ]
    return [*_of_runs(summary, prefix), *of_suite] if summary.runs else of_suite


def _of_runs(summary: Summary, prefix: str) -> list[Download]:
    name = prefix.removeprefix(f"{FOLDER}/")
    n_epochs = sum(len(run.epochs) for run in summary.runs)
    return [
        Download(
            f"{prefix}results.csv",
            f"{name}results.csv: {count(len(summary.arms), 'architecture')} over all seeds",
            lambda: texts.as_csv(frames.results([summary])),
        ),
        Download(
            f"{prefix}results.tex",
            f"{name}results.tex: the same for LaTeX",
            lambda: latex.results_table([summary]),
        ),
        Download(
            f"{prefix}runs.csv",
            f"{name}runs.csv: {count(len(summary.runs), 'run')}",
            lambda: texts.as_csv(frames.runs([summary])),
        ),
        Download(
            f"{prefix}epochs.csv",
            f"{name}epochs.csv: {count(n_epochs, 'epoch')} of these runs",
            lambda: texts.as_csv(frames.epochs([summary])),
        ),
    ]


def _of_structure(summary: Summary) -> list[Download]:
    """What no seed changes."""
    if not summary.portraits:
        return []
    return [
        Download(
            f"{FOLDER}/parameters.csv",
            "parameters.csv: counted, in every view",
            lambda: texts.as_csv(frames.parameters([summary])),
        ),
        Download(
            f"{FOLDER}/parameters.tex",
            "parameters.tex: by component, for LaTeX",
            lambda: latex.parameters_table([summary]),
        ),
        Download(
            f"{FOLDER}/layers.csv",
            "layers.csv: every layer",
            lambda: texts.as_csv(frames.layers([summary])),
        ),
    ]


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

"""A page made by hand, so that what the script does can be told without the report's sections."""

from __future__ import annotations

from markupsafe import Markup
from matplotlib.figure import Figure

from bench.report import pages
from bench.report.drawing import Here
from bench.report.model import Cell, Column, Download, Listing, Plot, Section, Table
from bench.report.pages import Drawing, Link, Page, Part, Series

GROUPS = {1: "README", 2: "README", 3: "ours"}
SERIES = tuple(Series(f"model_{i}", f"Model_{i}", group) for i, group in GROUPS.items())
# run, architecture, status, right answers, seconds; None: the run failed
RUNS = (
    ("run 10", "model_2", "completed", 9940, 61.0),
    ("run 2", "model_1", "completed", 9950, 59.5),
    ("run 1", "model_3", "failed", None, 3.0),
    ("run 21", "model_1", "completed", 998, 600.0),
    ("run 3", "model_2", "diverged", None, 20.0),
    ("run 12", "model_3", "completed", 9940, 61.0),
    ("run 5", "model_1", "completed", 10000, 62.0),
)
COLUMNS = (
    Column("Run", numeric=False),
    Column("Model", numeric=False, filter=True),
    Column("Status", numeric=False, filter=True),
    Column("Right", note="of 10,000"),
    Column("Time"),
)
PLAIN = ("9,940", "998", "\N{MINUS SIGN}3", "n/a", "99.41\N{NARROW NO-BREAK SPACE}%", "10,000")


def html() -> str:
    """The page: sorting, filters, folding, hiding, marks; long enough to scroll."""
    drawn = drawings()
    tables = (runs(), plain(), ordered())
    sections = (
        Section("The answer", "Answer", "answer", ("In short.",)),
        Section("Bench", "Bench", "bench", tables=tables, plots=tuple(map(plot, drawn))),
        Section("Long", "Long", "long", tuple(f"Paragraph {i}." for i in range(40))),
    )
    last = Section(
        "How to",
        "How to",
        "how-to",
        listings=(Listing("Command", "python -m bench " + "--word " * 60),),
        downloads=(Download("data/results.csv", "All results", str),),
    )
    links = tuple(Link(each.title, "workbench.html") for each in SERIES)
    parts = (Part("", "", (*sections, last)),)
    page = Page("Workbench", "", "", (Link("Report", ""),), links, (), parts, drawn, SERIES)
    return pages.html(page)


def runs() -> Table:
    """Filters, numbers to sort by, a total."""
    rows = tuple(
        (
            Cell(run, "a note", series=model),
            Cell(model),
            Cell(status),
            Cell("n/a" if right is None else f"{right:,}", sort=right),
            Cell(f"{int(time // 60)} min {time % 60:04.1f} s", sort=time),
        )
        for run, model, status, right, time in RUNS
    )
    total = (Cell("Total"), Cell(""), Cell(""), Cell("40,828"), Cell("14 min 26.5 s"))
    return Table("Runs of the bench", COLUMNS, rows, (total,))


def plain() -> Table:
    """Numbers as they are written, folded."""
    rows = tuple((Cell(f"row {i}"), Cell(words)) for i, words in enumerate(PLAIN))
    return Table("Folded", (Column("Row", numeric=False), Column("Number")), rows, folded=True)


def ordered() -> Table:
    """An order that means something."""
    rows = tuple((Cell(f"layer {i}"), Cell(str(9 - i))) for i in range(3))
    columns = (Column("Layer", numeric=False), Column("Size"))
    return Table("Layers", columns, rows, sortable=False)


def drawings() -> dict[str, Drawing]:
    """Dots of all three architectures and a line; then a figure of model_2 alone."""
    dots = "".join(
        f'<circle class="mark" data-series="model_{i}" data-tip="Model_{i}, seed {seed}" '
        f'cx="{x}" cy="{20 * i}" r="4" style="fill:var(--muted)"/>'
        for i in (1, 2, 3)
        for seed, x in enumerate((3, 200, 397))
    )
    line = '<g class="mark" data-tip="The mean"><path d="M20 90L380 84" style="stroke:#888"/></g>'
    alone = '<circle class="mark" data-series="model_2" data-tip="Model_2 alone" r="4"/>'
    return {"all": drawing("all", dots + line), "alone": drawing("alone", alone)}


def drawing(name: str, content: str) -> Drawing:
    """A figure."""
    alt = f"A figure made by hand: {name}."
    svg = Markup(f'<svg role="img" aria-label="{alt}" viewBox="0 0 400 100">{content}</svg>')
    return Here().submit(lambda: svg)


def plot(name: str) -> Plot:
    """What the page says of a figure that is drawn already."""
    return Plot(name, "", f"Caption of {name}.", Figure)

"""What a section is made of: text, tables, figures still to be drawn and files to take away.

Everything in it is sorted, rounded and worded: templates only loop.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from matplotlib.figure import Figure

PageKind = Literal[
    "index",
    "document",
    "leaderboard",
    "comparisons",
    "provenance",
    "architecture",  # of the network, and of the runs of its own recipe
    "arm",  # on the same page, folded: of its runs of another recipe, source or device
    "markdown",
    "fragment",  # not in report.md, only where it is asked for
]
BadgeKind = Literal["good", "bad", "open", "mixed"]
Scope = Literal["suite", "document", "dataset"]
FEW_ROWS = 5


@dataclass(frozen=True)
class Cell:
    """A table's cell; `note` stands below in small type, `href` is relative to the page.

    `sort` is the number that the cell is sorted by, None for its text. `series`, on a row's first
    cell, is the architecture that the row speaks of, which a reader may hide; `anchor`, there too,
    is the row's own address on the page.
    """

    text: str
    note: str = ""
    href: str = ""
    sort: float | None = None
    series: str = ""
    anchor: str = ""


@dataclass(frozen=True)
class Column:
    """A table's column; numbers stand right, words left.

    `filter` offers the reader the column's values to choose from.
    """

    title: str
    numeric: bool = True
    note: str = ""
    filter: bool = False


def words(*titles: str) -> tuple[Column, ...]:
    """Columns of words."""
    return tuple(Column(title, numeric=False) for title in titles)


@dataclass(frozen=True)
class Table:
    """The first cell of a row is its header; `total` rows (at the end) are set apart.

    The reader opens a `folded` table. The order of a `sortable` table's rows has no meaning.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[tuple[Cell, ...], ...] = ()
    folded: bool = False
    sortable: bool = True

    @property
    def has_sorting(self) -> bool:
        """Whether it is worth a button a column: a few rows are seen at once."""
        return self.sortable and len(self.rows) > FEW_ROWS


@dataclass(frozen=True)
class Plot:
    """A figure that is still to be drawn, once for pages of every width.

    `name` is its file's stem. `alt` says what it shows to a reader who cannot see it. `draw` may be
    called in another process: it is a function of a module, or a `partial` of such a function.
    """

    name: str
    alt: str
    caption: str
    draw: Callable[[], Figure]


@dataclass(frozen=True)
class Badge:
    """A verdict that is seen at once; `note` says what it lacks."""

    text: str
    kind: BadgeKind
    note: str = ""


class Step(NamedTuple):
    """What a lane said after so many of its runs, of which the last has this seed."""

    seed: int
    mean: str
    reached: str
    bounds: str
    verdict: str
    kind: str
    note: str


@dataclass(frozen=True)
class Lane:
    """A network on the first screen: its name, its runs as dots, its numbers, its verdict.

    `steps` has one step a run, in the order in which they judge; nothing where they give no
    verdict.
    """

    name: Cell
    plot: Plot
    cells: tuple[Cell, ...]
    badge: Badge | None
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Lanes:
    """Networks below one axis; `columns` are those of the lanes' cells and of the badge.

    `axis` is None where the lanes above have the same axis and columns.
    """

    caption: str
    axis: Plot | None
    columns: tuple[Column, ...]
    rows: tuple[Lane, ...]


@dataclass(frozen=True)
class Box:
    """A layer in a diagram; what it does not have is "", such as the parameters of a ReLU."""

    name: str
    operation: str
    shape: str
    parameters: str
    field: str


@dataclass(frozen=True)
class Stack:
    """A network as a column of boxes, from the image down."""

    name: Cell
    size: str
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class Listing:
    """Text that keeps its line breaks; a `folded` one is opened by the reader."""

    caption: str
    text: str
    folded: bool = False


@dataclass(frozen=True)
class Download:
    """A file of the report that a reader takes away; `file` is relative to the reports folder."""

    file: str
    title: str
    content: Callable[[], str]


@dataclass(frozen=True)
class Piece:
    """Some words of a document's line; `href` leads to the card of what they claim.

    `verdict` is the class of their underline, `tip` says the same and the numbers in words.
    """

    text: str
    href: str = ""
    verdict: str = ""
    tip: str = ""


@dataclass(frozen=True)
class MarkedLine:
    """A line of a document, in pieces; `anchor` is its own address on the page."""

    number: int
    pieces: tuple[Piece, ...]
    anchor: str = ""


@dataclass(frozen=True)
class Marked:
    """Lines of a document; `key` explains the underlines that they have."""

    title: str
    lines: tuple[MarkedLine, ...]
    key: tuple[Piece, ...]
    note: str = ""


@dataclass(frozen=True)
class CardPart:
    """One claim of a card; `change` is what would change its verdict, `records` it stands on.

    `strip` shows the runs that it was judged by; `copy` counts the cards before that show the same.
    """

    anchor: str
    about: Cell
    metric: str
    verdict: Badge
    published: str
    measured: str
    n: str
    rule: str
    change: str
    records: tuple[Cell, ...]
    strip: Plot | None = None
    copy: int = 0


@dataclass(frozen=True)
class Card:
    """What became of a statement; `place` leads back to its line."""

    quote: str
    place: Cell
    verdict: Badge
    parts: tuple[CardPart, ...]


@dataclass(frozen=True)
class Cards:
    """Cards under one caption; `folded` ones are opened by the reader, or by a link to one."""

    caption: str
    cards: tuple[Card, ...]
    folded: bool = False


@dataclass(frozen=True)
class Section:
    """What stands under one heading, in this order.

    `nav` is its short name in the bar, its title where it has none. `slug`, its name in addresses,
    is given by the page.
    """

    title: str
    nav: str = ""
    slug: str = ""
    text: tuple[str, ...] = ()
    lanes: tuple[Lanes, ...] = ()
    legend: str = ""  # what the lanes' marks mean
    marked: tuple[Marked, ...] = ()  # of HTML alone, as the cards are
    tables: tuple[Table, ...] = ()
    plots: tuple[Plot, ...] = ()
    cards: tuple[Cards, ...] = ()
    stacks: tuple[Stack, ...] = ()  # of HTML alone, too
    notes: tuple[str, ...] = ()  # small print below the tables
    listings: tuple[Listing, ...] = ()
    downloads: tuple[Download, ...] = ()

    @property
    def n_steps(self) -> int:
        """Runs of the lane that has most, where the lanes tell what they said before."""
        return max((len(row.steps) for each in self.lanes for row in each.rows), default=0)

    @property
    def every_plot(self) -> tuple[Plot, ...]:
        """Its figures, and those on its lanes and its cards."""
        axes = (each.axis for each in self.lanes if each.axis)
        rows = (row.plot for each in self.lanes for row in each.rows)
        cards = (card for each in self.cards for card in each.cards)
        strips = (part.strip for card in cards for part in card.parts if part.strip)
        return (*self.plots, *axes, *rows, *strips)

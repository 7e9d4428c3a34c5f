"""A Markdown document, part by part: prose, cells of tables and code, each with its subjects.

A *part* is a piece of one line. A part keeps the places of the line's characters, so that a quote
is cut from the line itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from bench.evidence.claims.wants import CONTROL

MOST_LETTERS = 2_000  # a longer line is data or an image, no statement
HEADING = re.compile(r"(#{1,6})\s+(.*)")
FENCE = re.compile(r"\s*(```|~~~)")
RULE_OF_TABLE = re.compile(r"[\s|:-]*-[\s|:-]*")
NUMBERED = re.compile(r"\bmodel[ _-]?(\d{1,3})\b", re.IGNORECASE)
SEVERAL = re.compile(
    r"\bmodels\s{1,3}(\d{1,3}(?:\s{0,3}(?:,|&|and)\s{0,3}\d{1,3}){1,9})", re.IGNORECASE
)
COMPONENTS = re.compile(r"component|parameter|layer", re.IGNORECASE)
# What is a number and no claim: addresses, versions, dates, times and years.
NO_CLAIMS = re.compile(
    r"https?://[^\s)>\]]+|!?\[[^\]\[]{0,200}\]\([^\s)]{0,500}\)"
    r"|\bv?\d+(?:\.\d+){2,}\b|\bv\d+(?:\.\d+)?\b|\b[A-Za-z]\w*[=~>]=\d[\d.]*"
    r"|\b(?:torch|pytorch|torchvision|python|cuda|numpy)\s{1,3}\d+(?:\.\d+)?\b"
    r"|\b\d{4}-\d\d?-\d\d?\b|\b\d\d?/\d\d?/\d{2,4}\b|\b\d\d?:\d\d(?::\d\d)?\b"
    r"|(?<![\d.,])(?:19|20)\d\d(?![\d.,%]|\s{0,2}(?:param|epoch))",
    re.IGNORECASE,
)
# Between the words of a name: "PlainNet 2" and "plain_net2" have three.
WORDS_OF_NAME = re.compile(r"[\W_]+|(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])")
EMPHASIS = re.compile(r"[*`]")


@dataclass(frozen=True)
class Part:
    """A piece of one line.

    Attributes:
        line: Its number, from 1.
        text: The whole line.
        plain: The same characters with addresses, versions, dates and emphasis blanked out.
        start, end: Where the piece lies in the line.
        quoted_from: Where its quote begins: a cell is quoted with the row before it.
        subjects: The networks that it speaks of.
        said: What the table's head, or its row, calls the number; empty for prose.
        component: Part of the network in a table of components, as `n_parameters.NAME` spells it.
        code: Whether it stands in a block of code.
        block: Number of that block, or of the section.
        title: The heading above it.
    """

    line: int
    text: str
    plain: str
    start: int
    end: int
    quoted_from: int
    subjects: tuple[str, ...]
    said: str = ""
    component: str = ""
    code: bool = False
    block: int = 0
    title: str = ""

    @property
    def words(self) -> str:
        """The piece without what is no claim."""
        return self.plain[self.start : self.end]


@dataclass(frozen=True)
class Names:
    """Which networks a document names.

    Attributes:
        known: Architectures at hand, each with its display name.
        own: The architecture that the document is about where it names none.
        found: Those that the document names, in its order; `own` alone where it names none.
        absent: Numbered models of the document that are not at hand.
        named: Whether the document names a network at hand.
    """

    known: Mapping[str, str]
    own: str
    found: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    named: bool = True

    @classmethod
    def of(cls, lines: Sequence[str], known: Mapping[str, str], own: str) -> Names:
        """Reads the names; a document that names no network at hand is about `own` alone."""
        names = cls(known or {own: own}, own)
        every = list(dict.fromkeys(name for line in lines for name in names.in_text(line)))
        found = tuple(name for name in every if name in names.known)
        if not found:
            return cls(names.known, own, (own,), named=False)
        return cls(names.known, own, found, tuple(n for n in every if n not in names.known))

    def in_text(self, text: str) -> tuple[str, ...]:
        """The networks that a text names, such as "Model_7", "models 2 & 3" or a display name."""
        words = (_letters(match[0]) for match in self._pattern.finditer(text))
        direct = [self._by_letters[word] for word in words if word in self._by_letters]
        numbered = [f"model_{match[1]}" for match in NUMBERED.finditer(text)]
        for match in SEVERAL.finditer(text):
            numbered += [f"model_{number}" for number in re.findall(r"\d+", match[1])]
        # A network that is at hand under a display name such as "Model 2" is found by that already.
        mine = (self._by_letters.get(_letters(name), name) for name in numbered)
        return tuple(dict.fromkeys([*direct, *mine]))

    @cached_property
    def _by_letters(self) -> dict[str, str]:
        """Display names, then names of files, which decide; neither blanks nor case tell apart."""
        shown = {_letters(shown): name for name, shown in self.known.items()}
        named = {**shown, **{_letters(name): name for name in self.known}}
        return {letters: name for letters, name in named.items() if letters}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        every = sorted({*self.known, *self.known.values()}, key=lambda name: (-len(name), name))
        spelled = [*map(re.escape, every), *map(_spelled, every)]
        return re.compile(rf"(?<!\w)(?:{'|'.join(filter(None, spelled))})(?!\w)", re.IGNORECASE)

    def spoken_of(self, text: str) -> tuple[str, ...]:
        """Those of a text that are in `found` or `absent`."""
        return tuple(n for n in self.in_text(text) if n in self.found or n in self.absent)


@dataclass
class _State:
    """Where the reader is in the document."""

    names: Names
    headings: dict[int, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    code: bool = False
    block: int = 0
    head: list[str] = field(default_factory=list)  # cells of the table's head

    @property
    def section(self) -> tuple[str, ...]:
        """The subjects of the innermost heading that names any; else all of the document's."""
        named = (subjects for _, subjects in reversed(self.headings.values()) if subjects)
        return next(named, self.names.found)

    @property
    def title(self) -> str:
        return next((text for text, _ in reversed(self.headings.values())), "")


def parts(lines: Sequence[str], names: Names) -> Iterator[Part]:
    """Every part of the document that may hold a number, in order."""
    state = _State(names)
    for number, text in enumerate(lines, start=1):
        if len(text) > MOST_LETTERS or CONTROL.search(text):  # no claim may hold one
            continue
        following = lines[number] if number < len(lines) else ""
        yield from _parts_of_line(state, number, text, following)


def _parts_of_line(state: _State, number: int, text: str, following: str) -> Iterator[Part]:
    if FENCE.match(text):
        state.code, state.block = not state.code, state.block + 1
        return
    heading = None if state.code else HEADING.match(text)
    if heading:
        _enter(state, len(heading[1]), heading[2])
    if state.code or "|" not in text:
        state.head = []
        yield _prose(state, number, text)
    elif RULE_OF_TABLE.fullmatch(text):
        return
    elif RULE_OF_TABLE.fullmatch(following) and "-" in following:
        state.head = [text[start:end] for start, end in _cells(text)]
    else:
        yield from _row(state, number, text)


def _enter(state: _State, level: int, title: str) -> None:
    """A heading that names no network goes on about that of the heading before it."""
    _, before = state.headings.get(level, ("", ()))
    state.headings = {at: each for at, each in state.headings.items() if at < level}
    state.headings[level] = (title, state.names.spoken_of(title) or before)
    state.block += 1


def _prose(state: _State, number: int, text: str) -> Part:
    named = () if state.code else state.names.spoken_of(text)
    return Part(
        line=number,
        text=text,
        plain=plain(text),
        start=0,
        end=len(text),
        quoted_from=0,
        subjects=named or state.section,
        code=state.code,
        block=state.block,
        title=state.title,
    )


def _row(state: _State, number: int, text: str) -> Iterator[Part]:
    spans = _cells(text)
    label = text[slice(*spans[0])] if spans else ""
    in_head = any(state.names.spoken_of(cell) for cell in state.head[1:])
    first = state.names.spoken_of(label)
    context = f"{state.head[0] if state.head else ''} {state.title}"
    component = _slug(label) if in_head and COMPONENTS.search(context) else ""
    for at, (start, end) in enumerate(spans):
        head = state.head[at] if at < len(state.head) else ""
        subjects = state.names.spoken_of(head) if in_head else first
        if at == 0 or (in_head and not subjects):
            continue
        yield Part(
            line=number,
            text=text,
            plain=plain(text),
            start=start,
            end=end,
            quoted_from=spans[0][0],
            subjects=subjects or state.section,
            said=plain(label if in_head else head).strip(),
            component=component,
            block=state.block,
            title=state.title,
        )


def _cells(text: str) -> list[tuple[int, int]]:
    """Start and end of each cell of a row, empty ones too: a column stays below its head."""
    bars = [at for at, letter in enumerate(text) if letter == "|"]
    edges = [-1, *bars, len(text)]
    spans = [(left + 1, right) for left, right in pairwise(edges)]
    outer = (spans[0], spans[-1])  # before the first bar and behind the last one
    return [span for span in spans if span not in outer or text[slice(*span)].strip()]


def plain(text: str) -> str:
    """The text, as long as before, with blanks for what is no claim."""
    without = NO_CLAIMS.sub(lambda match: " " * len(match[0]), text)
    return EMPHASIS.sub(" ", without)


def _letters(name: str) -> str:
    """plainnet of "PlainNet", "plain_net" and "Plain Net"."""
    return re.sub(r"[\W_]+", "", name.casefold())


def _spelled(name: str) -> str:
    """A pattern of the name with blanks, lines or nothing between its words."""
    words = WORDS_OF_NAME.split(name)
    return r"[ _-]?".join(re.escape(word) for word in words if word)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")

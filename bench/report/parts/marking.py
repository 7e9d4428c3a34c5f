"""Lines of a document, cut where the quotes of its claims begin and end, each with its verdict."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from urllib.parse import quote

from bench.evidence.claims.ledger import (
    FAILED,
    VERDICTS,
    Entry,
    Sentence,
    listing,
    sentences,
    settings_words,
    tally,
    tally_of,
    verdict_words,
)
from bench.evidence.claims.stored import Text
from bench.report.model import Badge, BadgeKind, Marked, MarkedLine, Piece
from bench.report.parts.statements import signed
from bench.report.summary import Summary
from bench.spec import Document, Objective
from bench.stats.format import count, integer, listed_or_counted

PAGE = "document.html"
EDGES = " \t|*_`"  # around a quote's words: markup, and the borders of a table's cells
LEFT_OUT = " … "
LONGEST, REACH = 300, 60  # letters of a first screen's line, and of it beside a claim
EMPHASIS = re.compile(r"(?<!\w)\*\*(?=\S)(.+?)(?<=\S)\*\*(?!\w)")
CELLS = re.compile(r"(\|)")
MOST_IN_TIP = 3
SETTING = "setting"
DIFFERS, DIFFERS_WORDS = "differs", "differs by network"
KINDS: Mapping[str, BadgeKind] = {  # of an underline; every other is open
    "confirmed": "good",
    "consistent": "good",
    "refuted": "bad",
    "not-consistent": "bad",
    "inconsistent": "mixed",
    DIFFERS: "mixed",
}
Span = tuple[str, Sentence | None]  # some words of a line, and the sentence they belong to


def documents(summary: Summary, page: str = "") -> list[Marked]:
    """Every document of the ledger, all of its lines that are known.

    Args:
        summary: Whose ledger.
        page: Of the cards; nothing where the lines stand on it.
    """
    named = titles(summary)
    by_file: defaultdict[str, list[Sentence]] = defaultdict(list)
    for said in sentences(in_order(summary)):
        by_file[said.claim.file].append(said)
    return [
        _marked(summary, file, named.get(file, file), said, page) for file, said in by_file.items()
    ]


def titles(summary: Summary) -> dict[str, str]:
    """Stem of a file of claims -> the title of its document."""
    return {each.name: each.title for each in summary.objectives.documents}


def in_order(summary: Summary) -> list[Entry]:
    """The ledger, what the summary's own document says first."""
    own = summary.document.name if summary.document else ""
    return sorted(summary.ledger, key=lambda entry: entry.claim.file != own)


def _marked(
    summary: Summary,
    file: str,
    title: str,
    said: list[Sentence],
    page: str,
    longest: int | None = None,
) -> Marked:
    text = summary.texts.get(file)
    lines = [
        MarkedLine(number, pieces(summary, line, own, page, longest), line_anchor(file, number))
        if own
        else MarkedLine(number, (Piece(line),))
        for number, line, own in lines_of(text, said)
    ]
    return Marked(title, tuple(lines), key(said), note=_what_is_shown(text, said))


def _what_is_shown(text: Text | None, said: Iterable[Sentence]) -> str:
    left_out = text is not None and not text.is_whole
    parts = ["Lines without a claim are left out."] if left_out else []
    return " ".join([*parts, *_only_quotes(text, said)])


def _only_quotes(text: Text | None, said: Iterable[Sentence]) -> list[str]:
    """Why lines show only their quotes."""
    if text is None:
        return ["Its text is not stored, so only its quotes are shown."]
    stale = sum(each.claim.quote not in text.lines.get(each.claim.line, "") for each in said)
    if not stale:
        return []
    differ = f"{count(stale, 'quote')} {'is' if stale == 1 else 'are'} not on the stored line"
    return [f"{differ}: the line then shows only its quotes."]


def excerpt(summary: Summary, most: int = 10) -> Marked | None:
    """The lines of the summary's document that a first screen shows, and a tally in words.

    Lines that do not hold come first, the worst before the others. Then come lines that state the
    objective, then those with most numbers that rest on runs of the document's networks, then the
    worst verdicts. They stand in the document's order.

    Returns:
        None where no document, or more than one, is spoken of, or nothing is claimed.
    """
    document = summary.document
    own = [entry for entry in summary.ledger if document and entry.claim.file == document.name]
    if document is None or not own:
        return None
    chosen = _worth_showing(own, document)[:most]
    every = _marked(summary, document.name, document.title, sentences(own), PAGE, LONGEST)
    said = [one for one in sentences(own) if one.claim.line in chosen]
    quoted = _only_quotes(summary.texts.get(document.name), said)
    return Marked(
        title=every.title,
        lines=tuple(line for line in every.lines if line.number in chosen),
        key=key(said),
        note=" ".join([*_left_out(len(chosen), own), tally_words(own), *quoted]),
    )


def _left_out(n_shown: int, entries: Sequence[Entry]) -> list[str]:
    """Where the lines are that a first screen has no room for."""
    n = len({entry.claim.line for entry in entries})
    if n <= n_shown:
        return []
    said = (
        f"{integer(n_shown)} of {integer(n)} marked lines, in the document's order. Lines that "
        "do not hold were chosen first, the worst before the others. Then came the target and the "
        "limits, then lines with several numbers. All lines are on the page “Document”."
    )
    return [said]


def _worth_showing(entries: Sequence[Entry], document: Document) -> list[int]:
    by_line: defaultdict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_line[entry.claim.line].append(entry)
    aims = _first_aims(by_line, document.objective or Objective())

    def on_runs(line: int) -> list[Entry]:
        of_networks = (e for e in by_line[line] if e.claim.subject in document.networks)
        return [entry for entry in of_networks if entry.kind == "runs"]

    def failed(line: int) -> int:
        """The place of a verdict that does not hold, from the worst; else behind all of them."""
        found = [entry.judged.verdict for entry in by_line[line] if not entry.is_setting]
        return min((FAILED.index(v) for v in found if v in FAILED), default=len(FAILED))

    def rank(line: int) -> tuple[int, bool, bool, int, int]:
        found = on_runs(line)
        numbers = [entry for entry in found if entry.published is not None]
        verdicts = (VERDICTS.index(entry.judged.verdict) for entry in found)
        worst_of_runs = min(verdicts, default=len(VERDICTS))
        return failed(line), line not in aims, len(numbers) < 2, worst_of_runs, line

    worth = (
        line for line in by_line if failed(line) < len(FAILED) or line in aims or on_runs(line)
    )
    return sorted(worth, key=rank)


def _first_aims(by_line: Mapping[int, Sequence[Entry]], objective: Objective) -> set[int]:
    """The first line that states the target, and the first of each limit."""
    limit = objective.parameters_below or objective.parameters_at_most
    aims = (
        (("consistent_test_accuracy_percent",), objective.target),
        (("n_parameters",), limit),
        (("recipe.epochs",), objective.epochs_at_most),
    )
    found = set()
    for metrics, aim in aims:
        lines = (
            line
            for line, entries in sorted(by_line.items())
            if aim is not None
            and any(e.claim.metric in metrics and e.claim.published == aim for e in entries)
        )
        found |= {line for line in [next(lines, 0)] if line}
    return found


def tally_words(entries: Sequence[Entry]) -> str:
    """12 lines need training: 4 refuted, 8 undecided. 50 rest on structure ...: 40 confirmed.

    Each line counts once, by its worst verdict, so both together are the document's tally.
    """
    on_runs = {(e.claim.file, e.claim.line) for e in entries if e.kind == "runs"}
    runs, others = (
        tally(e for e in entries if ((e.claim.file, e.claim.line) in on_runs) is needs_runs)
        for needs_runs in (True, False)
    )
    settings = tally_of(entries, "settings")
    said = []
    if n := sum(runs.values()):
        said.append(f"{count(n, 'line')} need{'s' if n == 1 else ''} training: {listing(runs)}.")
    if n := sum(others.values()):
        verb = "rests" if n == 1 else "rest"
        words = f"{count(n, 'line')} {verb} on structure, arithmetic or words"
        said.append(f"{words}: {listing(others)}.")
    if settings:
        said.append(f"Not counted: {settings_words(settings)}.")
    return " ".join(said)


def lines_of(
    text: Text | None, said: Iterable[Sentence]
) -> Iterator[tuple[int, str, list[Sentence]]]:
    """Each line's number, its words and what it states; the quotes alone where that is all."""
    by_line: defaultdict[int, list[Sentence]] = defaultdict(list)
    for sentence in said:
        by_line[sentence.claim.line].append(sentence)
    stored = text.lines if text else {}
    for number in sorted(stored.keys() | by_line.keys()):
        own, line = by_line.get(number, []), stored.get(number)
        if line is None or any(sentence.claim.quote not in line for sentence in own):
            line = _quotes(own)
        yield number, line, own


def _quotes(said: Iterable[Sentence]) -> str:
    """The quotes of a line, without those that others hold."""
    quotes = list(dict.fromkeys(sentence.claim.quote for sentence in said))
    longest = [q for q in quotes if not any(q != other and q in other for other in quotes)]
    return LEFT_OUT.join(longest)


def cut(line: str, said: Sequence[Sentence]) -> list[Span]:
    """The line cut at every border of a quote; of several quotes the shortest has the words.

    Of quotes as long a setting yields, then the better verdict. Markdown's ** is left out.
    """
    line, quotes = _without_emphasis(line, [one.claim.quote for one in said])
    spans = [
        (at, at + len(words), one)
        for one, words in zip(said, quotes, strict=True)
        for at in _places(line, words)
    ]
    borders = sorted({0, len(line), *(span[0] for span in spans), *(span[1] for span in spans)})
    found: list[Span] = []
    for start, end in pairwise(borders):
        over = [one for begin, stop, one in spans if begin <= start and end <= stop]
        found.append((line[start:end], min(over, key=_rank, default=None)))
    return _joined(piece for words, one in _joined(found) for piece in _told(words, one))


def _without_emphasis(line: str, quotes: list[str]) -> tuple[str, list[str]]:
    """Both as a reader of the document sees them; as they are where a quote would be lost."""
    plain = EMPHASIS.sub(r"\1", line)
    bare = [quote.replace("**", "") for quote in quotes]
    kept = all(words and words in plain for words in bare)
    return (plain, bare) if kept else (line, quotes)


def _rank(said: Sentence) -> tuple[int, bool, int]:
    return len(said.claim.quote), said.is_setting, VERDICTS.index(said.verdict)


def _places(line: str, words: str) -> Iterator[int]:
    at = line.find(words)
    while at >= 0:
        yield at
        at = line.find(words, at + len(words))


def _joined(found: Iterable[Span]) -> list[Span]:
    """Neighbours that belong together as one."""
    joined: list[Span] = []
    for words, said in found:
        if joined and joined[-1][1] is said:
            joined[-1] = joined[-1][0] + words, said
        elif words:
            joined.append((words, said))
    return joined


def _told(words: str, said: Sentence | None) -> Iterator[Span]:
    """Of a table's row the cells that hold a published number, else all; without markup around."""
    if said is None:
        yield words, None
        return
    cells = CELLS.split(words)
    holding = [cell for cell in cells if _holds_number(cell, said)]
    for cell in cells if len(cells) > 1 and holding else [words]:
        core = cell.strip(EDGES)
        before, _, after = cell.partition(core) if core else (cell, "", "")
        owner = said if not holding or len(cells) == 1 or cell in holding else None
        yield from ((before, None), (core, owner), (after, None))


def _holds_number(words: str, said: Sentence) -> bool:
    return any(_numbers_in(words, said))


def _numbers_in(words: str, said: Sentence) -> Iterator[re.Match[str] | None]:
    """Where the words hold each part's published number, with or without its commas."""
    for part in said.parts:
        if number := part.published_words.replace(",", "").lstrip("-"):
            digits = ",?".join(map(re.escape, number))
            yield re.search(rf"(?<![\d.])(?<!\d,){digits}(?!\d|,\d{{3}})", words)


def pieces(
    summary: Summary,
    line: str,
    said: Sequence[Sentence],
    page: str = "",
    longest: int | None = None,
) -> tuple[Piece, ...]:
    """The line as a page shows it; one of more than `longest` letters without what is far away."""
    spans = cut(line, said)
    if longest is not None and sum(len(words) for words, _ in spans) > longest:
        spans = list(_shortened(spans))
    return tuple(
        Piece(words)
        if one is None
        else Piece(words, f"{page}{link_to(anchor(one.claim.id))}", style(one), tip(summary, one))
        for words, one in spans
    )


def _shortened(spans: Sequence[Span]) -> Iterator[Span]:
    """Of each quote the words around its number, and of other words those beside a quote."""
    last = len(spans) - 1
    for at, (words, said) in enumerate(spans):
        if said is not None:
            yield around_number(words, said, 2 * REACH), said
            continue
        before, after = words[: REACH if at else 0], words[-REACH if at < last else len(words) :]
        short = f"{before}{LEFT_OUT}{after}"
        yield min(words, short, key=len), None


def around_number(words: str, said: Sentence, longest: int = LONGEST) -> str:
    """A quote of more than `longest` letters without those that stand far from its number."""
    if len(words) <= longest:
        return words
    place = min(
        filter(None, _numbers_in(words, said)), key=lambda found: found.start(), default=None
    )
    start, end = place.span() if place else (0, 0)
    spare = (longest - (end - start)) // 2
    first, stop = max(start - spare, 0), end + spare
    return (LEFT_OUT if first else "") + words[first:stop] + (LEFT_OUT if stop < len(words) else "")


def link_to(address: str) -> str:
    """To an element of the page; ids of claims may have any character."""
    return f"#{quote(address)}"


def anchor(claim_id: str) -> str:
    """The id of a claim's card."""
    return f"claim-{claim_id}"


def line_anchor(file: str, line: int) -> str:
    """The id of a document's line."""
    return f"line-{file}-{line}"


def style(said: Sentence) -> str:
    """The class of the underline: a setting that agrees is no evidence, and has its own.

    So has a sentence that holds for one network and not for another.
    """
    if said.differs:
        return DIFFERS
    if said.is_setting and not said.is_open:
        return SETTING
    return said.verdict.replace(" ", "-")


def words_of(said: Sentence) -> str:
    """The same to be read."""
    if said.differs:
        return DIFFERS_WORDS
    return "setting, no evidence" if style(said) == SETTING else verdict_words(said.verdict)


def badge(said: Sentence) -> Badge:
    """The same to be seen at once."""
    return Badge(words_of(said), kind_of(style(said)))


def kind_of(verdict: str) -> BadgeKind:
    """The colours of a verdict, or of an underline's style."""
    return KINDS.get(verdict, "open")


def key(said: Iterable[Sentence]) -> tuple[Piece, ...]:
    """Each underline with what it means, the worst first."""
    found = {style(one): one for one in said}
    ranked = sorted(found.values(), key=lambda one: (one.is_setting, VERDICTS.index(one.verdict)))
    return tuple(Piece(words_of(one), verdict=style(one)) for one in ranked)


def tip(summary: Summary, said: Sentence) -> str:
    """The verdict, what was measured with its n, and the rule of the worst part."""
    parts = sorted(said.parts, key=lambda part: VERDICTS.index(part.judged.verdict))
    several = len({part.claim.metric for part in parts}) > 1
    every = list(dict.fromkeys(_measured(summary, part, several) for part in parts))
    told, more = "; ".join(every[:MOST_IN_TIP]), len(every) - MOST_IN_TIP
    others = f"; and {count(more, 'more part')}" if more > 0 else ""
    which = f": {_by_network(summary, said)}" if said.differs else ""
    return f"{words_of(said)}{which}. {told}{others}. {parts[0].judged.rule}"


def _by_network(summary: Summary, said: Sentence) -> str:
    """refuted for Rose; undecided for Tulip and Weed"""
    names: dict[str, list[str]] = {verdict: [] for verdict in VERDICTS}
    for subject, verdict in said.by_network.items():
        names[verdict].append(summary.display_name(subject))
    return "; ".join(
        f"{verdict_words(verdict)} for {listed_or_counted(names[verdict], 'network')}"
        for verdict in VERDICTS
        if names[verdict]
    )


def _measured(summary: Summary, part: Entry, with_metric: bool) -> str:
    name = summary.display_name(part.claim.subject)
    if with_metric:
        name += f", {part.claim.metric.removeprefix('n_').replace('_', ' ')}"
    found = signed(part.measured_words) or "not measured"
    n = part.judged.n
    is_said = n is None or found.endswith(f" of {n}")
    return f"{name}: {found}" + ("" if is_said else f" (n = {integer(n)})")

"""The tables that a draft begins with: what the document is, and what it sets out to reach."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench.errors import page
from bench.evidence.claims.sources import one_line
from bench.evidence.claims.wants import CONTROL
from bench.evidence.drafts.proposing import CLAUSE, Proposal
from bench.evidence.drafts.reading import FENCE, HEADING, MOST_LETTERS, Names, plain

LONGEST_TITLE = 120  # letters
UNDERLINE = re.compile(r"={3,}\s*")
TAGGED = re.compile(r"\s*<h1\b[^<>]{0,200}>(.*)", re.IGNORECASE)
# What a heading holds beside its words: images, addresses of links, tags, emphasis, closing marks.
LINK = re.compile(r"(!?)\[([^\]\[]{0,200})\]\([^\s)]{0,500}\)")
MARKS = re.compile(r"</?[a-zA-Z][^<>]{0,200}>|[*`]|(?<=\s)#{1,6}\s{0,9}$")
# Name of a data set as `bench` and as people write it; the longer names come first.
DATA_SETS = {
    "fashion_mnist": ("Fashion-MNIST", r"fashion[\s_-]?mnist"),
    "kmnist": ("KMNIST", r"k(?:uzushiji[\s_-]?)?mnist"),
    "emnist": ("EMNIST", r"emnist"),
    "mnist": ("MNIST", r"mnist"),
    "cifar100": ("CIFAR-100", r"cifar[\s_-]?100"),
    "cifar10": ("CIFAR-10", r"cifar[\s_-]?10"),
    "svhn": ("SVHN", r"svhn"),
}
LETTER_THEN_DIGIT = re.compile(r"(?<=[a-z])(?=\d)")
NO_DATA_SET = f"""\
# No data set was recognised in the document. Name the data set of its accuracies, and take
# the next "# " away; otherwise they are taken for accuracies on MNIST. See
# {page("data")}
# dataset = "NAME\""""
NOT_AT_HAND = """\
# {shown} is not declared here. Write datasets/{name}.toml, as this page shows:
# {page}
# Then take the next "# " away; otherwise the accuracies are taken for accuracies on MNIST.
# dataset = "{name}"{note}"""
# An objective takes part in verdicts, and `train` declares its target before the first run: that is
# a decision, so a draft leaves it to a person.
OBJECTIVE = """
# The objective, as it was read from the words of the document. Check each number beside its line.
# Then take the "# " away before each row. Nothing is judged by the objective until then.
"""
RATE = """\
# Decide the rate first: the share of runs that must reach the target. 0.9 is only an example.
# `train` declares the target and the rate before the first run. So they cannot follow the results.
"""


@dataclass(frozen=True)
class DataSets:
    """The data sets that a document may speak of.

    Attributes:
        at_hand: Names of the data sets that can be trained on, built in and declared.
        wanted: The name that the command gives; empty where the document says which it is.
    """

    at_hand: Collection[str]
    wanted: str = ""

    def named_in(self, lines: Iterable[str]) -> list[str]:
        """Those that the lines name: the most often named first, and of equals the first one."""
        names = list(self._patterns)
        places = (match for line in lines for match in self.named.finditer(line))
        found = (names[(match.lastindex or 1) - 1] for match in places)
        return [name for name, _ in Counter(found).most_common()]

    def literal_in(self, lines: Sequence[str]) -> str:
        """The only one at hand that the lines spell as `bench` does; empty for none or several."""
        each = "|".join(map(re.escape, sorted(self.at_hand)))
        pattern = re.compile(rf"(?<![\w-])(?:{each})(?![\w-])")
        found = {match[0] for line in lines for match in pattern.finditer(line) if match[0]}
        return found.pop() if len(found) == 1 else ""

    @cached_property
    def named(self) -> re.Pattern[str]:
        """Finds each name in a text; the group says which it is."""
        each = "|".join(f"({words})" for words in self._patterns.values())
        return re.compile(rf"(?<![a-z0-9])(?:{each})(?![a-z0-9])", re.IGNORECASE)

    @cached_property
    def _patterns(self) -> dict[str, str]:
        known = {name: words for name, (_, words) in DATA_SETS.items()}
        own = sorted((name for name in self.at_hand if name not in known), key=len, reverse=True)
        return {name: _spelled(name) for name in own} | known


def _spelled(name: str) -> str:
    """A pattern of a name as people write it: mnist5k, MNIST-5k."""
    parts = (part for each in name.split("_") for part in LETTER_THEN_DIGIT.split(each))
    return r"[\s_-]?".join(map(re.escape, parts))


def tables(
    lines: Sequence[str],
    document: Path,
    names: Names,
    found: Sequence[Proposal],
    data: DataSets,
) -> str:
    """`[document]`, and `[objective]` as a comment where the document states one."""
    subjects = {proposal.subject for proposal in found}
    networks = [name for name in names.found if name in subjects] or list(names.found)
    file = document.name if document.is_absolute() else document.as_posix()
    rows = [f"title = {toml(title(lines) or one_line(document.name) or names.own)}"]
    rows += ['label = "README"'] if document.name.lower().startswith("readme") else []
    rows += [f"file = {toml(file)}"] if file.isprintable() else []
    rows += [_dataset(lines, data), f"networks = {toml(networks)}"]
    return "\n".join(["[document]", *rows, *_objective(found, lines, names)]) + "\n"


def title(lines: Sequence[str]) -> str:
    """The words of the first heading that has any; empty where there is none."""
    return next((words for text in _headings(lines) if (words := _words(text))), "")


def _headings(lines: Sequence[str]) -> Iterator[str]:
    code = False
    for text, following in zip(lines, [*lines[1:], ""], strict=True):
        text = text[:MOST_LETTERS]
        if FENCE.match(text):
            code = not code
        elif not code and (heading := HEADING.match(text)):
            yield heading[2]
        elif not code and (tagged := TAGGED.match(text)):
            yield tagged[1] if "</" in tagged[1] else f"{tagged[1]} {following[:MOST_LETTERS]}"
        elif not code and UNDERLINE.fullmatch(following[:MOST_LETTERS]):
            yield text


def _words(heading: str) -> str:
    """A heading without marks, on one line and cut where it is long."""
    linked = LINK.sub(lambda match: " " if match[1] else match[2], heading)
    words = one_line(MARKS.sub("", linked))
    cut = len(words) > LONGEST_TITLE
    return f"{words[: LONGEST_TITLE - 3].rstrip()}..." if cut else words


def _dataset(lines: Sequence[str], data: DataSets) -> str:
    """The data set of the command, else that which the document spells, else names most often."""
    read = [plain(text) for text in lines if len(text) <= MOST_LETTERS and not CONTROL.search(text)]
    found = data.named_in(read)
    name = data.wanted or data.literal_in(read) or next(iter(found), "")
    if not name:
        return NO_DATA_SET
    also = ", ".join(_shown(other) for other in found if other != name)
    note = f" # the document also names {also}" if also else ""
    if name in data.at_hand:
        return f'dataset = "{name}"{note}'
    return NOT_AT_HAND.format(shown=_shown(name), name=name, note=note, page=page("data"))


def _shown(name: str) -> str:
    """As people write it."""
    return DATA_SETS[name][0] if name in DATA_SETS else name


def _objective(found: Sequence[Proposal], lines: Sequence[str], names: Names) -> list[str]:
    """The table as a comment; nothing where the document states neither a target nor a limit."""
    target, limit, epochs = _target(found), _limit(found, "n_parameters"), _epochs(found)
    rows = []
    if target:
        rows.append(f"target = {target.published} # line {target.line}")
        rows += ['relation = "above"'] if target.relation == "above" else []
        rows.append("rate = 0.9 # to be decided")
        if asked := _asked(target, lines[target.line - 1], names):
            rows.append(f"networks = {toml(asked)}")
    if limit:
        key = "parameters_below" if limit.relation == "below" else "parameters_at_most"
        rows.append(f"{key} = {limit.published} # line {limit.line}")
    if epochs:
        most = int(epochs.published or 0) - (epochs.relation == "below")
        rows.append(f"epochs_at_most = {most} # line {epochs.line}")
    if not rows:
        return []
    table = (f"# {row}" for row in ("[objective]", *rows))
    return [f"{OBJECTIVE}{RATE if target else ''}".rstrip("\n"), *table]


def _target(found: Sequence[Proposal]) -> Proposal | None:
    """An accuracy that runs must reach: said to be reached consistently, else said to be an aim."""
    reached = [
        each
        for each in found
        if each.metric.endswith("_test_accuracy_percent")
        and each.relation in ("equals", "above", "at_least")
    ]
    often = (each for each in reached if each.metric.startswith(("consistent", "sustained")))
    return next(often, next((each for each in reached if each.aim), None))


def _asked(target: Proposal, line: str, names: Names) -> list[str]:
    """The networks that the sentence with the target names; none where it speaks of all."""
    clauses = (clause for clause in CLAUSE.split(line) if target.quote in clause)
    said = names.spoken_of(next(clauses, target.quote))
    return [name for name in said if name in names.found]


def _limit(found: Sequence[Proposal], metric: str) -> Proposal | None:
    """An upper bound of a whole number: one that is said to be an aim, else any."""
    counts = (each for each in found if each.metric == metric and isinstance(each.published, int))
    bounds = [each for each in counts if each.relation in ("below", "at_most") and _large(each)]
    return next((each for each in bounds if each.aim), next(iter(bounds), None))


def _large(bound: Proposal) -> bool:
    """Whether a positive number keeps to the bound."""
    return (bound.published or 0) > (bound.relation == "below")


def _epochs(found: Sequence[Proposal]) -> Proposal | None:
    """A bound, or a plain number in words of an aim: "consistently 90%, 20 epochs"."""
    plainly = (
        each
        for each in found
        if each.metric == "recipe.epochs" and each.aim and each.relation == "equals"
    )
    return _limit(found, "recipe.epochs") or next(plainly, None)


def toml(value: object) -> str:
    """JSON's strings, numbers and lists are TOML's, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

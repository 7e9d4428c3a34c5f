"""One family of errors: what was wrong, where, and what to do about it."""

from __future__ import annotations

import difflib
import re
import shlex
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

LINE_END = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
# Characters that steer a terminal, or turn the direction of the text around them; and halves of
# characters, which no file can hold.
UNSEEN = re.compile(
    "[\0-\x08\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
SCRIPT, MODULE = "manyseeds", "python -m bench"  # the two ways to call this program


class BenchError(Exception):
    """Bad input, told in one line.

    Attributes:
        what: What was wrong, e.g. ``unknown architecture 'model_7'``.
        where: The file, option or folder it was found in.
        remedy: What the reader can do about it.
        exit_code: The process's exit status when the error reaches the command line.
    """

    exit_code = 2

    def __init__(self, what: str, *, where: str, remedy: str) -> None:
        self.what = " ".join(str(what).split())
        self.where = " ".join(str(where).split())
        self.remedy = " ".join(str(remedy).split())
        super().__init__(printable(f"{self.what} ({self.where}): {self.remedy}"))

    def __reduce__(self) -> tuple[Any, ...]:
        """So that one can be sent to another process."""
        return partial(type(self), where=self.where, remedy=self.remedy), (self.what,)


class UsageError(BenchError):
    """An option or argument that cannot be used."""


class ArchitectureError(BenchError):
    """An architecture file that cannot be used."""


class DataError(BenchError):
    """A data set that is missing, damaged or not what it claims to be."""


class WeightsError(BenchError):
    """A file of weights that cannot be read, or that is of another network."""


class StoreError(BenchError):
    """A results or reports folder that cannot be read or written."""


class SetAside(UserWarning):
    """A file of a suite that is damaged: it counts as missing, and the rest goes on."""


class MeasureError(BenchError):
    """A measure that does not apply to a model."""


class TrainingError(BenchError):
    """A run that cannot go on; it becomes a failed record."""


class ClusterError(BenchError):
    """Workers elsewhere that can train no more; the finished runs are kept."""

    exit_code = 3


def bad_option(option: str, value: object, remedy: str) -> UsageError:
    """The error of an option whose value cannot be used; the value as it was typed."""
    return UsageError(f"bad {option} '{value}'", where=f"--{option}", remedy=remedy)


def nearest(name: str, known: list[str]) -> str:
    """``did you mean 'x'?`` for a close name, else the list of known names."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else f"known names: {', '.join(known) or 'none'}"


SITE = "https://manyseeds.github.io/manyseeds/"


def page(name: str) -> str:
    """A page of the documentation: whoever installed the program has no docs/NAME.md."""
    return f"{SITE}{name}.html"


def printable(text: str) -> str:
    """Text without characters that are not seen but act, and with one kind of line end."""
    return UNSEEN.sub("", LINE_END.sub("\n", text))


def in_one_line(error: BaseException) -> str:
    """The error's type and text, whatever lines it had."""
    return printable(" ".join(f"{type(error).__name__}: {error}".split()))


def without_home(text: str) -> str:
    """The text with the home folder written as `~`; as it is where the user has no home folder."""
    try:
        home = str(Path.home())
    except RuntimeError:  # no $HOME, and no entry in passwd, as for a container's `--user`
        return text
    return text.replace(home, "~") if len(home) > 1 else text


def as_called(text: str) -> str:
    """A message with its commands as the user calls this program: `manyseeds train`.

    Records, pages and files always say `python -m bench`: their bytes do not depend on the call.
    """
    by_name = Path(sys.argv[0]).stem == SCRIPT
    return text.replace(MODULE, SCRIPT) if by_name else text


def typed(words: Iterable[str]) -> str:
    """The command as a person would type it in a shell, with `~` for the home folder.

    A shell expands `~` only where no quote stands before it.
    """
    return " ".join(_quoted(without_home(word)) for word in words)


def _quoted(word: str) -> str:
    try:
        word.encode()
    except UnicodeEncodeError:  # a path that is not in UTF-8, which no record and no page can hold
        escaped = word.replace("\\", r"\\").replace("'", r"\'").encode(errors="surrogateescape")
        return f"$'{escaped.decode(errors='backslashreplace')}'"
    if not word.startswith("~/"):
        return shlex.quote(word)
    return "~/" + (shlex.quote(word[2:]) if word[2:] else "")

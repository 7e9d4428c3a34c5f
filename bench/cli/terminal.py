"""What the commands share: the terminal, exit codes and the report at the end."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from rich.console import Console

from bench.errors import SetAside, UsageError, as_called, printable, typed
from bench.spec import canonical_json

if TYPE_CHECKING:
    from bench.report.fragments import Source
    from bench.training.selection import Selection

RESULTS, REPORTS = Path("results"), Path("reports")
MOST_NAME_BYTES = 200  # of a suite; a file system takes 255
MOST_NOTICES = 10  # of damaged files
EXIT_SOME_FAILED = 3
EXIT_INTERRUPTED = 130

EXIT_UNREAD = 141  # what a shell says of a command that SIGPIPE ended


class _Terminal(Console):
    """A console that leaves it to `quiet_after_its_reader` what becomes of an unread pipe."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


console = _Terminal(soft_wrap=True)
errors = _Terminal(stderr=True, soft_wrap=True)


@contextmanager
def quiet_after_its_reader() -> Iterator[None]:
    """Ends a command without a word once nobody reads it, as behind `| head`.

    SIGPIPE itself would also end the command where a worker process is gone.

    Raises:
        SystemExit: with `EXIT_UNREAD`; else with the command's own code.
    """
    stdout = sys.stdout
    try:
        yield
        stdout.flush()
    except SystemExit:
        # The command line's library replaces the stream once it met a broken pipe.
        if sys.stdout is stdout and _is_read(stdout):
            raise
    except BrokenPipeError:
        pass
    else:
        return
    for stream in (sys.__stdout__, sys.__stderr__):  # what is left in them goes nowhere
        if stream is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(EXIT_UNREAD)


def _is_read(stream: TextIO) -> bool:
    try:
        stream.flush()
    except BrokenPipeError:
        return False
    return True


def say(text: str) -> None:
    """Prints a line."""
    print_to(console, text)


def say_all(lines: list[str]) -> None:
    """Prints lines."""
    for line in lines:
        say(line)


def complain(text: str) -> None:
    """Prints a line on stderr."""
    print_to(errors, text)


def print_to(place: Console, text: str) -> None:
    """Prints a line there as it is: rich's markup has no effect."""
    place.print(printable(as_called(text)), markup=False, highlight=False)


class Notices:
    """Prints a line for each damaged file that was set aside, up to a number of them.

    Args:
        others: Shows every other warning.
    """

    def __init__(self, others: Callable[..., None]) -> None:
        self.told: set[str] = set()
        self._others = others

    def show(self, message: Warning | str, category: type[Warning], *rest: Any) -> None:
        """Shows a warning: in the place of `warnings.showwarning`."""
        if not issubclass(category, SetAside):
            self._others(message, category, *rest)
        elif str(message) not in self.told:
            self.told.add(str(message))
            if len(self.told) <= MOST_NOTICES:
                complain(f"set aside: {message}")

    def tell_rest(self) -> None:
        """Says how many files had no line."""
        if (left := len(self.told) - MOST_NOTICES) > 0:
            complain(f"set aside: {left:,} more; every damaged file: python -m bench verify SUITE")


def print_json(value: Any) -> None:
    """Prints a result for scripts."""
    sys.stdout.buffer.write(canonical_json(value))


def tell_broken(selection: Selection) -> None:
    """Names each architecture's and measure's file that could not be used, with the reason."""
    from bench.measuring import measures

    for error in (*selection.broken, *measures.broken()):
        complain(f"skipped: {error}")


def require_suite_name(name: str, option: str = "--suite") -> None:
    """Raises UsageError where the name cannot be the name of one folder."""
    plain = name.isprintable() and Path(name).name == name and not name.startswith(".")
    if not (name and plain) or len(name.encode()) > MOST_NAME_BYTES:
        raise UsageError(f"bad suite name '{name}'", where=option, remedy="give one folder's name")


def require_reports(reports: Path, results: Path) -> None:
    """Raises BenchError where no report may be rendered into the folder."""
    from bench.report import publish
    from bench.report.pages import INDEX

    here, there = reports.resolve(), results.resolve()
    if here.is_relative_to(there) or there.is_relative_to(here):
        what = f"the reports folder and the results folder '{results}' lie in each other"
        raise UsageError(what, where=f"--reports {reports}", remedy="choose another folder")
    publish.require_own([INDEX], reports)


def render_report(
    results: Path,
    suite: str,
    reports: Path,
    groups: Sequence[str] = (),
    document: Path | None = None,
    names: Sequence[str] = (),
) -> bool:
    """Renders the suite's report, renews its pieces in the document, and prints both places.

    Returns:
        Whether every section could be made; what failed is named, on its page too.
    """
    from bench.evidence.claims import judging
    from bench.machine import folder_in_use
    from bench.report import fragments, sections
    from bench.report import render as stage

    require_reports(reports, results)
    if document:
        fragments.check(names)
        fragments.require_markers(document, names)
    source = _source(results, suite, reports, groups, needed=document is not None)
    written = stage.write(list(source.summaries), reports)
    broken = sections.broken()
    for error in broken:
        complain(f"skipped: {error}")
    for notice in judging.edited(sorted(folder_in_use("claims").glob("*.toml"))):
        complain(f"Notice: {notice}")
    if document:
        changed = fragments.update(document, source, names)
        say(f"{document}: {'renewed' if changed else 'up to date'}")
    say(f"report: {written[0]}")
    return not broken


def render(results: Path, suite: str, reports: Path) -> Path:
    """Renders the suite's report and prints nothing; returns the page to open."""
    from bench.report import render as stage

    source = _source(results, suite, reports, (), needed=False)
    return stage.write(list(source.summaries), reports)[0]


def print_fragments(
    results: Path,
    suite: str,
    reports: Path,
    groups: Sequence[str],
    names: Sequence[str],
    out: Path | None,
) -> None:
    """Prints or writes pieces of the report as Markdown; nothing is rendered."""
    from bench.report import fragments

    fragments.check(names)
    source = _source(results, suite, reports, groups, needed=True)
    folder = out.parent if out else Path()
    _put("\n".join(fragments.fragment(source, name, folder) for name in names), out)


def print_comment(
    results: Path,
    suite: str,
    reports: Path,
    groups: Sequence[str],
    against: str | None,
    out: Path | None,
) -> None:
    """Prints or writes the comment of a pull request; nothing is rendered."""
    from bench.records.places import require_suite
    from bench.report.comment import comment

    if against:
        require_suite(results, against)
    summaries = _source(results, suite, reports, groups, needed=True).summaries
    base = _source(results, against, reports, (), needed=False).summaries if against else None
    _put(comment(summaries, base), out)


def _put(text: str, out: Path | None) -> None:
    from bench.machine import write_atomically

    if out is None:
        sys.stdout.write(text)
    else:
        write_atomically(out, text.encode())
        say(f"written: {out}")


def _source(
    results: Path, suite: str, reports: Path, groups: Sequence[str], *, needed: bool
) -> Source:
    """The suite's records, read for a report; with `needed`, a suite without records is refused."""
    from bench.records.store import Suite
    from bench.report import fragments
    from bench.report.reading import read

    kept, command = Suite(results, suite), _report_command(results, suite, reports, groups)
    if needed:
        return fragments.source(kept, reports, command, groups)
    return fragments.Source(tuple(read(kept, reports, command, groups)), reports)


def _report_command(results: Path, suite: str, reports: Path, groups: Sequence[str]) -> str:
    words = ["python", "-m", "bench", "report", "--suite", suite]
    words += ["--results", str(results)] if results != RESULTS else []
    words += ["--reports", str(reports)] if reports != REPORTS else []
    words += [word for group in groups for word in ("--group", group)]
    return typed(words)

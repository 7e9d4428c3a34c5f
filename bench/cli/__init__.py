"""The command line: parses, calls the stages flat, prints.

Stages import torch, which takes seconds: they are imported inside the commands that need them,
so that `--help`, `new`, `report` and a typing error answer at once.
"""

from __future__ import annotations

import sys
import warnings
from typing import Annotated

import typer

import bench
from bench.cli.application import app
from bench.cli.terminal import (
    EXIT_SOME_FAILED,
    Notices,
    complain,
    quiet_after_its_reader,
    say,
)
from bench.errors import BenchError, SetAside

# Each module adds its commands; --help lists them in this order.
# isort: off
from bench.cli import training, importing, measuring, evaluating, evidence, looking, trust  # noqa: F401
# isort: on


def _version(wanted: bool) -> None:
    if wanted:
        say(f"manyseeds {bench.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Turns a README's accuracy claims into evidence: many seeds, measures, a report."""


def main() -> None:
    """Runs a command; an expected error becomes one line on stderr and an exit code.

    A command that did all it could with what was left of a damaged suite does not exit with 0.
    """
    with quiet_after_its_reader():
        _run()


def _run() -> None:
    notices = Notices(warnings.showwarning)
    warnings.simplefilter("always", SetAside)
    warnings.showwarning = notices.show  # type: ignore[assignment]
    try:
        app()
    except BenchError as error:
        notices.tell_rest()
        complain(f"error: {error}")
        sys.exit(error.exit_code)
    except OSError as error:
        if error.filename is None:  # nothing that a user could mend, or a reader that is gone
            raise
        notices.tell_rest()
        what = f"{error.strerror} ({error.filename})"
        complain(f"error: {what}: make it usable, or name another file or folder")
        sys.exit(BenchError.exit_code)
    except SystemExit as end:
        notices.tell_rest()
        sys.exit(end.code or (EXIT_SOME_FAILED if notices.told else 0))

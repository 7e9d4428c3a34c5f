"""The command line: parses, calls the stages flat, prints.

Stages import torch, which takes seconds: they are imported inside the commands that need them,
so that `--help`, `new`, `report` and a typing error answer at once.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

import bench
from bench.cli.application import app
from bench.cli.terminal import complain, quiet_after_its_reader, say
from bench.errors import BenchError

# Each module adds its commands; --help lists them in this order.
# isort: off
from bench.cli import training, importing, measuring, evaluating, evidence, looking  # noqa: F401
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
    """Runs a command; an expected error becomes one line on stderr and an exit code."""
    with quiet_after_its_reader():
        try:
            app()
        except BenchError as error:
            complain(f"error: {error}")
            sys.exit(error.exit_code)

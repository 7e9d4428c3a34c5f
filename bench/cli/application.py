"""The application that the commands join."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="bench",
    help="Turns a README's accuracy claims into evidence: many seeds, measures, a report.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

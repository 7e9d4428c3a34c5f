"""The command that takes over results of others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.application import app
from bench.cli.options import Results
from bench.cli.terminal import RESULTS, require_suite_name, say


@app.command("import")
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            help="A file (CSV, JSON lines or Parquet), mlruns/ or TensorBoard's folder."
        ),
    ],
    suite: Annotated[str, typer.Option("--as", help="The suite that the runs make up.")],
    mapping: Annotated[
        Path | None, typer.Option(help="A TOML file that says what the columns mean.")
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="The data set's name.")] = None,
    test_images: Annotated[
        int | None, typer.Option("--test-images", help="The number of images in its test split.")
    ] = None,
    results: Results = RESULTS,
) -> None:
    """Import runs that were made elsewhere. Every page marks them as imported."""
    from bench.inputs.imported import mapping as mappings
    from bench.inputs.imported import runs
    from bench.machine import require_writable
    from bench.records.store import Suite
    from bench.stats.format import count

    require_suite_name(suite)
    records = runs.read(file, mappings.load(mapping, dataset, test_images))
    place = Suite(results, suite)
    require_writable([place.folder])
    n_known = runs.keep(records, place)
    for name, (first, last) in runs.ends(records).items():
        say(
            f"Notice: runs of '{name}' end at epochs {first} to {last}: each run counts with its "
            "last epoch"
        )
    n_networks = len({run.architecture for run in records})
    there = f", {n_known} there already" if n_known else ""
    say(f"imported: {count(len(records), 'run')} of {count(n_networks, 'network')}{there}")
    say(f"records: {place.folder}; report: python -m bench report --suite {suite}")

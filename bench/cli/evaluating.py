"""The command `evaluate`."""

from __future__ import annotations

import csv
import io
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.application import app
from bench.cli.options import AsJson, Builtin, DataDir, DatasetName, DeviceName, Results
from bench.cli.terminal import (
    RESULTS,
    complain,
    print_json,
    require_suite_name,
    say,
)

if TYPE_CHECKING:
    from bench.records.observations import ScoredWeights

MOST_SHOWN = 10  # misses on the terminal


@app.command()
def evaluate(
    architecture: Annotated[str, typer.Argument(help="The architecture's name.")],
    weights: Annotated[
        Path, typer.Option(help="A .safetensors, or a state dict that torch.save wrote.")
    ],
    dataset: DatasetName = "auto",
    split: Annotated[str, typer.Option("--split", help="test or validation.")] = "test",
    misses: Annotated[
        Path | None, typer.Option(help="Write every wrong answer to this CSV file.")
    ] = None,
    builtin: Builtin = False,
    device: DeviceName = "auto",
    suite: Annotated[
        str | None, typer.Option("--suite", help="Keep the outcome as a record of this suite.")
    ] = None,
    results: Results = RESULTS,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Score a given file of weights, and list the images that it misses.

    The file is read without running code from it. Nothing is trained.
    """
    if suite is not None:
        require_suite_name(suite)
    from bench.records.places import choose_split

    part = choose_split(split, [])
    from bench.inputs import datasets
    from bench.machine import prints_to_stderr, require_writable
    from bench.measuring import given_weights, scoring
    from bench.records.store import Suite
    from bench.training import provenance
    from bench.training.engine.settings import resolve_device
    from bench.training.selection import find_architectures, load_architectures

    here = provenance.environment(resolve_device(device), provenance.command_line())
    found = find_architectures([architecture], None, builtin)
    given = given_weights.read(weights)
    name, notice = datasets.resolve(dataset, data_dir)
    images = datasets.load(name, data_dir)
    kept = None if suite is None else Suite(results, suite)
    if kept:
        require_writable([kept.folder])
    with prints_to_stderr():  # what a network prints is not the answer
        selection = load_architectures(found, named=True, info=images.info)
        outcome = scoring.scored(selection.usable[0][1], given, images, part, here)
    if notice:
        complain(f"Notice: {notice}")
    if as_json:
        print_json(_as_json(outcome))
    else:
        _show(outcome)
    tell = complain if as_json else say
    if misses:
        _write(outcome, misses)
        tell(f"misses: {misses}")
    if kept:
        tell(f"record: {kept.add_scored(outcome)}")


def _as_json(outcome: ScoredWeights) -> dict[str, object]:
    """The record, with the percent beside the exact counts."""
    from msgspec import to_builtins

    record: dict[str, object] = to_builtins(outcome)
    return {**record, "accuracy_percent": 100 * outcome.correct / outcome.n_images}


def _show(outcome: ScoredWeights) -> None:
    from bench.stats.format import integer, number, plain

    names = outcome.dataset.class_names
    right, n = integer(outcome.correct), integer(outcome.n_images)
    say(f"{outcome.file}: SHA-256 {outcome.file_sha256}")
    say(
        f"{outcome.architecture} on {outcome.dataset.name}, {outcome.split}: {right} of {n} right, "
        f"{plain(number(Fraction(100 * outcome.correct, outcome.n_images)))} %"
    )
    for index, label, answer in outcome.misses[:MOST_SHOWN]:
        true, given = (names[each] if names else each for each in (label, answer))
        say(f"  image {index}: {true}, answered {given}")
    if (left := len(outcome.misses) - MOST_SHOWN) > 0:
        say(f"  and {integer(left)} more; --misses FILE.csv writes every miss")


def _write(outcome: ScoredWeights, path: Path) -> None:
    """Writes (index, label, label given) of every miss; raises StoreError where it cannot."""
    from bench.machine import write_atomically

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("index", "label", "given"))
    writer.writerows(outcome.misses)
    write_atomically(path, text.getvalue().encode())

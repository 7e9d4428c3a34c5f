"""The options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Seeds = Annotated[str, typer.Option(help="5 (means seeds 0 to 4), 0-29 or 0,3,7.")]
Arch = Annotated[list[str] | None, typer.Option(help="An architecture's name; repeatable.")]
DatasetName = Annotated[str, typer.Option(help="auto, mnist, mnist5k or fashion_mnist.")]
Group = Annotated[str | None, typer.Option(help="A sub-folder of architectures/.")]
Builtin = Annotated[bool, typer.Option("--builtin", help="Use the shipped architectures too.")]
RecipeOf = Annotated[
    str | None, typer.Option("--recipe-of", help="Train with the recipe of this architecture.")
]
With = Annotated[
    list[str] | None,
    typer.Option("--with", help="Change a field of the recipe, such as ema_decay=0; repeatable."),
]
Epochs = Annotated[int | None, typer.Option(help="Epochs of each run; default: the recipe's.")]
DeviceName = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]
Jobs = Annotated[
    int | None,
    typer.Option(
        help="Runs at the same time; default: one for each CPU core; on a GPU as its "
        "memory allows, at most 32."
    ),
]
Executor = Annotated[
    str,
    typer.Option("--executor", help="local, or dask:ADDRESS for the workers of a Dask scheduler."),
]
Tf32 = Annotated[
    bool, typer.Option("--tf32", help="Only on a GPU: faster, less exact TF32 arithmetic.")
]
SuiteName = Annotated[str, typer.Option("--suite", help="The suite: a folder of results.")]
Results = Annotated[Path, typer.Option(help="The results folder.")]
Reports = Annotated[Path, typer.Option(help="The reports folder.")]
DataDir = Annotated[Path | None, typer.Option(help="The folder with the data sets.")]
Margin = Annotated[float | None, typer.Option(help="A margin in percentage points, such as 0.05.")]
SplitName = Annotated[
    str | None,
    typer.Option("--split", help="test or validation; default: test if the runs have it."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]

"""The options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Seeds = Annotated[str, typer.Option(help="5 (seeds 0 to 4), 0-29 or 0,3,7.")]
Arch = Annotated[list[str] | None, typer.Option(help="An architecture's name; repeatable.")]
DatasetName = Annotated[str, typer.Option(help="auto, mnist, mnist5k or fashion_mnist.")]
Group = Annotated[str | None, typer.Option(help="A sub-folder of architectures/.")]
Builtin = Annotated[bool, typer.Option("--builtin", help="Add the shipped architectures.")]
RecipeOf = Annotated[
    str | None, typer.Option("--recipe-of", help="Train by this architecture's recipe instead.")
]
With = Annotated[
    list[str] | None,
    typer.Option("--with", help="A field of the recipe, as ema_decay=0; repeatable."),
]
Epochs = Annotated[int | None, typer.Option(help="Instead of each recipe's own number.")]
DeviceName = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]
Jobs = Annotated[
    int | None,
    typer.Option(help="Worker processes, default: the cores; on a GPU, seeds at once, default: 8."),
]
Tf32 = Annotated[
    bool, typer.Option("--tf32", help="On a GPU: shorter factors in convolutions and products.")
]
SuiteName = Annotated[str, typer.Option("--suite", help="The suite of results.")]
Results = Annotated[Path, typer.Option(help="The results folder.")]
Reports = Annotated[Path, typer.Option(help="The reports folder.")]
DataDir = Annotated[Path | None, typer.Option(help="Where the data sets lie.")]
Margin = Annotated[float | None, typer.Option(help="Points, such as 0.05.")]
SplitName = Annotated[
    str | None, typer.Option("--split", help="test or validation; default: test where it is there.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]

"""A data set as one file for all processes of a command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.inputs import mapped
from bench.inputs.image_data import Dataset
from bench.machine import filling_tmpdir, temporary_folder


@contextmanager
def shared(dataset: Dataset) -> Iterator[Path]:
    """The file of a data set, as long as the context lasts: its own, where it has one."""
    if dataset.file is not None:
        yield dataset.file
        return
    with temporary_folder() as folder:
        path = folder / f"{dataset.info.name}.safetensors"
        with filling_tmpdir():
            mapped.write(dataset, path)
        yield path

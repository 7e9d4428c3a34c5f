"""A data set that a Python file gives: `datasets/NAME.py` with a function `images`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import numpy as np

from bench.errors import BenchError, in_one_line, page
from bench.inputs.declared.arrays import content_of
from bench.inputs.declared.checks import Layout
from bench.inputs.declared.declaration import Content, Declaration, both_or_neither, damaged
from bench.inputs.own_file import execute

TRAIN, TEST = ("train_images", "train_labels"), ("test_images", "test_labels")


class Script(Declaration, frozen=True, kw_only=True, tag="script"):
    """What the file's `DECLARATION` may say; its function is called in every command."""

    layout: Layout = "hwc"


def declaration(path: Path) -> tuple[Script, Callable[[Path | None], Content]]:
    """What the file declares, and the function that reads its images.

    Raises:
        DataError: the file cannot be executed, or lacks the function.
    """
    module = _executed(path)
    images = getattr(module, "images", None)
    if not callable(images):
        raise damaged("no function images", path, "define `def images(data_dir): ...`")
    told = getattr(module, "DECLARATION", {})
    try:
        declared: Script = msgspec.convert({"kind": "script", **told}, Script)
    except (msgspec.ValidationError, TypeError) as error:
        raise damaged(f"bad DECLARATION: {error}", path, f"see {page('data')}") from error
    return declared, lambda data_dir: _content(images, data_dir, path)


def _executed(path: Path) -> ModuleType:
    try:
        return execute(f"bench_dataset_{path.stem}", path)
    except (Exception, SystemExit) as error:  # the file may raise anything
        raise damaged(in_one_line(error), path, "mend the file") from error


def _content(images: Callable[[Path | None], Any], data_dir: Path | None, path: Path) -> Content:
    try:
        found = images(data_dir)
        return content_of([np.asarray(found[name]) for name in _names(found, path)])
    except BenchError:
        raise
    except (Exception, SystemExit) as error:  # the function may raise anything
        raise damaged(f"images: {in_one_line(error)}", path, "mend the function") from error


def _names(found: object, path: Path) -> Sequence[str]:
    if not isinstance(found, Mapping) or not all(name in found for name in TRAIN):
        what = "images returns no dictionary of train_images and train_labels"
        raise damaged(what, path, f"return a dictionary with {', '.join((*TRAIN, *TEST))}")
    has_test = both_or_neither(TEST, [name in found for name in TEST], path)
    return (*TRAIN, *TEST) if has_test else TRAIN

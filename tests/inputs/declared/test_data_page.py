"""Every example of docs/data.md is read, and those that need no network are loaded."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from bench.inputs import datasets
from bench.inputs.declared import loading
from tests.inputs.declared.made_up import arrays, declare, folder_files, idx, lay, packed
from tests.support import text_of

PAGE = text_of("docs/data.md")
BLOCKS = re.findall(r"```(?:toml|python)\n# datasets/(\w+)\.(toml|py)\n(.*?)```", PAGE, re.DOTALL)
EXAMPLES = {name: (ending, text) for name, ending, text in BLOCKS}


def test_every_kind_has_an_example() -> None:
    kinds = {re.findall(r'kind = "(\w+)"', text)[0] for e, text in EXAMPLES.values() if e == "toml"}
    assert kinds == set(loading.KINDS)
    assert "stripes" in EXAMPLES


@pytest.mark.parametrize("name", [name for name, (end, _) in EXAMPLES.items() if end == "toml"])
def test_an_example_can_be_read(work: Path, name: str) -> None:
    loading.parsed(declare(work, EXAMPLES[name][1], name))


def there(work: Path, name: str) -> None:
    """Lays the data of an example beside its declaration."""
    place, found, grey = work / "datasets", arrays(60, 9), arrays(60, 9, shape=(8, 6))
    if name == "flowers":
        lay(place / "flowers", folder_files())
    elif name == "leaves":
        files = {key.partition("/")[2]: each for key, each in folder_files(300, 0).items()}
        lay(place, {"leaves.zip": packed(files)})
    elif name == "shapes":
        named = {
            f"{letter}_{part}": found[f"{part}_{word}"]
            for letter, word in (("x", "images"), ("y", "labels"))
            for part in ("train", "test")
        }
        np.savez(place / "shapes.npz", **named)
    elif name == "signs":
        for part, prefix in (("train", "train"), ("test", "t10k")):
            labels = grey[f"{part}_labels"].astype(np.uint8)
            images = {f"{prefix}-images-idx3-ubyte": idx(grey[f"{part}_images"])}
            lay(place / "signs", images | {f"{prefix}-labels-idx1-ubyte": idx(labels)})


SHAPES = {
    "flowers": ((3, 32, 32), 3, "flower"),
    "leaves": ((3, 8, 6), 3, "image"),
    "shapes": ((3, 8, 6), 3, "image"),
    "signs": ((1, 8, 6), 3, "image"),
    "stripes": ((1, 8, 8), 2, "image"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_an_example_is_loaded(work: Path, name: str) -> None:
    ending, text = EXAMPLES[name]
    lay(work / "datasets", {f"{name}.{ending}": text.encode()})
    there(work, name)
    info = datasets.load(name).info
    assert (info.shape, info.n_classes, info.noun) == SHAPES[name]
    assert (work / "datasets" / f"{name}.sha256").is_file()

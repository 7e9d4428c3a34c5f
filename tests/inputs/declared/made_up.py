"""Small image folders, declarations and arrays for the tests."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from bench.errors import BenchError
from bench.inputs import datasets

CLASSES = ("ant", "bee", "cat")
SIDES = (8, 6)  # height, width
Pixels = NDArray[np.uint8]
Arrays = dict[str, Any]


def pixels(seed: int, shape: tuple[int, ...] = (*SIDES, 3)) -> Pixels:
    return np.random.default_rng(seed).integers(256, size=shape, dtype=np.uint8)


def png(array: Pixels, mode: str | None = None) -> bytes:
    """A PNG of the array, converted to the mode."""
    stream = io.BytesIO()
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(stream, "PNG")
    return stream.getvalue()


def folder_files(n_train: int = 10, n_test: int = 4) -> dict[str, bytes]:
    """train/CLASS/NUMBER.png and test/CLASS/NUMBER.png; every image is another one."""
    files = {}
    for part, n in (("train", n_train), ("test", n_test)):
        for label, name in enumerate(CLASSES):
            for number in range(n):
                seed = (1000 if part == "test" else 0) + 100 * label + number
                files[f"{part}/{name}/{number:03}.png"] = png(pixels(seed))
    return files


def lay(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def packed(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def declare(folder: Path, text: str, name: str = "mine") -> Path:
    path = folder / "datasets" / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def refused() -> str:
    """The one line that says why the data set "mine" cannot be used."""
    with pytest.raises(BenchError) as caught:
        datasets.load("mine")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def arrays(
    n_train: int = 30, n_test: int = 9, shape: tuple[int, ...] = (8, 6, 3)
) -> dict[str, Any]:
    """As `numpy.savez` takes them: three classes in turn."""
    return {
        "train_images": pixels(1, (n_train, *shape)),
        "train_labels": np.arange(n_train) % 3,
        "test_images": pixels(2, (n_test, *shape)),
        "test_labels": np.arange(n_test) % 3,
    }


def idx(array: Pixels) -> bytes:
    words = [0x0800 + array.ndim, *array.shape]
    return np.array(words, dtype=">u4").tobytes() + array.tobytes()

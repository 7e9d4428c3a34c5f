"""A data set of the Hugging Face hub, or of a local folder that its library reads."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError
from bench.inputs.declared.declaration import Content, Declaration, Images, damaged
from bench.inputs.declared.image_folder import MODES

LIBRARY = "datasets"


class HuggingFace(Declaration, frozen=True, kw_only=True, tag="huggingface"):
    """Needs the extra `manyseeds[huggingface]`; the library keeps what it downloads."""

    name: str  # such as "ylecun/mnist"
    config: str | None = None
    revision: str | None = None  # a commit, so that the data cannot change
    train: str = "train"  # names of the splits
    test: str | None = "test"  # "" : the data has none
    image: str = "image"  # names of the columns
    label: str = "label"

    def places(self, beside: Path, data_dir: Path | None) -> list[Path]:
        """None: the library knows where its files lie."""
        return []

    def read(self, places: Sequence[Path]) -> Content:
        """The images of both splits."""
        theirs = _library()
        try:
            found = theirs.load_dataset(self.name, self.config, revision=self.revision)
            train = self._images(found[self.train])
            test = self._images(found[self.test]) if self.test and self.test in found else None
            names = getattr(found[self.train].features[self.label], "names", None) or ()
        except DataError:
            raise
        except Exception as error:  # the library raises what it meets
            first = (str(error).splitlines() or [""])[0]
            what = f"cannot be loaded: {type(error).__name__}: {first}"
            raise damaged(what, self.name, "mend the declaration, or connect to the hub") from error
        return Content(train, test, tuple(names))

    def _images(self, table: Any) -> Images:
        labels = np.asarray(table[self.label])
        arrays = [self._array(row[self.image], number) for number, row in enumerate(table)]
        for number, array in enumerate(arrays):
            if array.shape != arrays[0].shape:
                what = f"image {number} has the shape {array.shape}, the first {arrays[0].shape}"
                remedy = "store all in one size, such as in an image folder with `resize =`"
                raise damaged(what, self.name, remedy)
        return Images(np.stack(arrays), labels)

    def _array(self, image: Any, number: int) -> NDArray[Any]:
        """The levels of an image; those of Pillow must be plain."""
        mode = getattr(image, "mode", "RGB")
        if mode not in MODES.values():
            what = f"image {number} has the mode {mode}, not plain grey or RGB"
            raise damaged(what, self.name, "convert the images, such as by a file datasets/NAME.py")
        return np.asarray(image)


def _library() -> Any:
    try:
        return importlib.import_module(LIBRARY)
    except ImportError as error:
        raise DataError(
            f"the package '{LIBRARY}' cannot be imported: {error}",
            where='kind = "huggingface"',
            remedy="pip install 'manyseeds[huggingface]'",
        ) from error

"""Whether decoded content can be trained on: types, shapes, labels, classes."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError
from bench.inputs.declared.declaration import Content, Images, whole_numbers
from bench.inputs.image_data import Split

FEWEST_CLASSES, MOST_CLASSES = 2, 100_000
MOST_CHANNELS = 4
Layout = Literal["hwc", "chw"]


def stored(part: Images, where: str, layout: Layout = "hwc") -> Split:
    """The images as a `Split` holds them.

    Raises:
        DataError: another type or shape, or another number of labels.
    """
    images, labels = np.asarray(part.images), whole_numbers(part.labels, where)
    if images.dtype != np.uint8:
        raise DataError(
            f"images of type {images.dtype}",
            where=where,
            remedy="store them as uint8, levels from 0 to 255",
        )
    if not len(images):
        raise DataError("no images", where=where, remedy="add images, or leave this part out")
    if images.ndim not in (3, 4) or 0 in images.shape:
        raise DataError(
            f"images of shape {images.shape}",
            where=where,
            remedy="give (n, height, width), or (n, height, width, channels)",
        )
    if len(images) != len(labels):
        raise DataError(
            f"{len(images):,} images and {len(labels):,} labels",
            where=where,
            remedy="give one label for each image",
        )
    return Split(np.ascontiguousarray(_channels_first(images, where, layout)), labels)


def _channels_first(images: NDArray[np.uint8], where: str, layout: Layout) -> NDArray[np.uint8]:
    if images.ndim == 3:
        return images
    axis = 3 if layout == "hwc" else 1
    n_channels = images.shape[axis]
    if n_channels > MOST_CHANNELS:
        other = "chw" if layout == "hwc" else "hwc"
        raise DataError(
            f"images of shape {images.shape} would have {n_channels} channels",
            where=where,
            remedy=f'say layout = "{other}" in the declaration, if that is their order',
        )
    moved = np.moveaxis(images, axis, 1)
    return moved[:, 0] if n_channels == 1 else moved


def class_names(content: Content, declared: tuple[str, ...], where: str) -> tuple[str, ...]:
    """A name for each class, by label.

    Raises:
        DataError: a label without a name, a negative label, a name twice or one that cannot be
            printed, fewer than two classes.
    """
    parts = [content.train, *([content.test] if content.test else [])]
    labels = np.concatenate([whole_numbers(part.labels, where) for part in parts])
    names = declared or content.class_names
    lowest, highest = int(labels.min(initial=0)), int(labels.max(initial=-1))
    if lowest < 0 or highest >= (len(names) or MOST_CLASSES):
        wrong = lowest if lowest < 0 else highest
        n_classes = f"{len(names)} classes" if names else f"at most {MOST_CLASSES:,} classes"
        raise DataError(
            f"label {wrong} is out of range: there are {n_classes}",
            where=where,
            remedy="mend the labels, or name every class in `classes`",
        )
    names = names or tuple(str(label) for label in range(highest + 1))
    for name in names:
        require_printable("a class", name, where)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(
            f"two classes named '{twice}'", where=where, remedy="give each a name of its own"
        )
    if len(names) < FEWEST_CLASSES:
        what = f"only one class, '{names[0]}'" if names else "no images"
        raise DataError(what, where=where, remedy=f"give {FEWEST_CLASSES} classes or more")
    return names


def require_printable(what: str, name: str, where: str) -> None:
    """Raises DataError where a name is empty or has control characters: the report prints it."""
    if not name.strip() or not name.isprintable():
        raise DataError(
            f"{what} has the name {name!a}",
            where=where,
            remedy="give a name of characters that can be printed",
        )


def require_alike(train: Split, test: Split, where: str) -> None:
    """Raises DataError where training and test images have other shapes."""
    ours, theirs = train.images.shape[1:], test.images.shape[1:]
    if ours != theirs:
        raise DataError(
            f"training images have the shape {ours}, test images {theirs}",
            where=where,
            remedy="store all in one size",
        )


def require_every_class(part: str, split: Split, names: tuple[str, ...], where: str) -> None:
    """Raises DataError where a class has no image in the part; an empty part is left alone."""
    counts = np.bincount(split.labels, minlength=len(names))
    absent = [name for name, count in zip(names, counts, strict=True) if not count]
    if absent and len(split):
        others = f" (nor of {len(absent) - 1} more)" if len(absent) > 1 else ""
        part = "training" if part == "train" else part
        remedies = {
            "validation": "give [split] more validation images, or stratified = true",
            "training": "add images of it, or lower the parts in [split]; if there is no such "
            "class, leave out its name and number the labels without gaps",
            "test": "add images of it, or take it out of the training images",
        }
        raise DataError(
            f"no {part} image of the class '{absent[0]}'{others}",
            where=where,
            remedy=remedies[part],
        )

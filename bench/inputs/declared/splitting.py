"""Rows for training, validation and test, by the declared split."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.errors import DataError
from bench.inputs.declared.declaration import Part, Partition

Rows = NDArray[np.int64]


def rows(labels: NDArray[np.int64], split: Partition, where: str) -> tuple[Rows, Rows, Rows]:
    """Row numbers of the three parts, each sorted; test is empty where no part is declared.

    NumPy promises to keep the stream of `random_raw` from a seeded PCG64 fixed for ever; it does
    not promise that for `Generator.permutation`.

    Raises:
        DataError: the parts leave no image to train on, or a share is less than an image.
    """
    n_test = _count("test", split.test or 0, len(labels), where)
    n_validation = _count("validation", split.validation, len(labels), where)
    if n_test + n_validation >= len(labels):
        raise DataError(
            f"{n_validation:,} validation and {n_test:,} test images of {len(labels):,} leave none "
            "to train on",
            where=where,
            remedy="lower the parts in [split]",
        )
    keys = np.random.PCG64(split.seed).random_raw(len(labels))
    groups = labels if split.stratified else np.zeros_like(labels)
    order = np.lexsort((keys, groups))
    sizes = np.bincount(groups)
    starts = np.cumsum(sizes) - sizes
    tests = _shared_out(n_test, sizes)
    validations = np.minimum(_shared_out(n_validation, sizes), sizes - tests)
    within = np.arange(len(labels)) - np.repeat(starts, sizes)  # place within the group
    is_test = within < np.repeat(tests, sizes)
    is_validation = ~is_test & (within < np.repeat(tests + validations, sizes))
    parts = (order[~is_test & ~is_validation], order[is_validation], order[is_test])
    train, validation, test = (np.sort(part) for part in parts)
    return train, validation, test


def _count(name: str, part: Part, n_images: int, where: str) -> int:
    count = round(part * n_images) if isinstance(part, float) else part
    if part and not count:
        raise DataError(
            f"{name} = {part} of {n_images:,} images is no image",
            where=where,
            remedy="raise the share in [split], or give a number of images",
        )
    return count


def _shared_out(n: int, sizes: Rows) -> Rows:
    """n images over groups in proportion to their sizes: largest remainders, then first groups."""
    exact = n * sizes
    total = int(sizes.sum())
    counts = exact // total
    left = n - int(counts.sum())
    counts[np.argsort(-(exact % total), kind="stable")[:left]] += 1
    return counts

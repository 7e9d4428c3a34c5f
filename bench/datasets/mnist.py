"""MNIST: 70,000 handwritten digits (LeCun, Cortes and Burges, 1998; CC BY-SA 3.0).

54,000 / 6,000 / 10,000. The 60,000 training images are split by `torch.randperm` seeded with 42.
"""

from __future__ import annotations

from pathlib import Path

from bench.datasets import Dataset, _download, _idx
from bench.datasets._idx import IdxFile, Source

# The digests are of the uncompressed content, so that a mirror may pack the files anew.
SOURCE = Source(
    name="mnist",
    folder="MNIST",
    files=(
        IdxFile(
            "train-images-idx3-ubyte",
            (60_000, 28, 28),
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        IdxFile(
            "train-labels-idx1-ubyte",
            (60_000,),
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        IdxFile(
            "t10k-images-idx3-ubyte",
            (10_000, 28, 28),
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        IdxFile(
            "t10k-labels-idx1-ubyte",
            (10_000,),
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    n_validation=6_000,
)


def load(data_dir: Path | None, source: Source = SOURCE) -> Dataset:
    """The data set, fetched where it is not at hand."""
    return _idx.load(source, _download.ensure(source, data_dir))


def locate(data_dir: Path | None, source: Source = SOURCE) -> Path | None:
    """The folder that holds the files; None where they would have to be fetched."""
    return _idx.locate(source, data_dir)


def ensure(data_dir: Path | None, source: Source = SOURCE) -> None:
    """Has the files at hand afterwards."""
    _download.ensure(source, data_dir)

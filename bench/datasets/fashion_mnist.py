"""Fashion-MNIST: 70,000 grey-level pictures of clothes (Xiao, Rasul and Vollgraf, 2017; MIT).

54,000 / 6,000 / 10,000, split like MNIST.
"""

from __future__ import annotations

from pathlib import Path

from bench.datasets import Dataset, _download, _idx, mnist
from bench.datasets._idx import IdxFile, Source

# The publisher's digests are of the archives, so files kept uncompressed are known by their
# shape alone, and MNIST's, of the same names and shapes, are refused by their content.
SOURCE = Source(
    name="fashion_mnist",
    folder="FashionMNIST",
    files=(
        IdxFile(
            "train-images-idx3-ubyte",
            (60_000, 28, 28),
            archive_md5="8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        ),
        IdxFile(
            "train-labels-idx1-ubyte",
            (60_000,),
            archive_md5="25c81989df183df01b3e8a0aad5dffbe",
        ),
        IdxFile(
            "t10k-images-idx3-ubyte",
            (10_000, 28, 28),
            archive_md5="bef4ecab320f06d8554ea6380940ec79",
        ),
        IdxFile(
            "t10k-labels-idx1-ubyte",
            (10_000,),
            archive_md5="bb300cfdad3c16e7a12a480ee83cd310",
        ),
    ),
    n_validation=6_000,
    foreign={file.sha256: "MNIST" for file in mnist.SOURCE.files if file.sha256 is not None},
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

"""The data sets as the rest of the program sees them: names, `auto`, MNIST, the embedded digits."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest
import torchvision

from bench.errors import DataError, UsageError
from bench.inputs import datasets, idx
from bench.inputs.datasets import MissingDataError, fashion_mnist, mnist, mnist5k
from tests.support import ROOT

MNIST_FOLDER = mnist.locate(None)  # as this machine has it
# How many of each digit the published 60,000 hold.
MNIST_COUNTS = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]


@pytest.fixture(autouse=True)
def _nothing_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder to work in, an empty home and cache."""
    monkeypatch.delenv("BENCH_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / ".cache"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def in_a_fresh_python(code: str) -> str:
    """What a new interpreter prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# --- names --------------------------------------------------------------------------------------


def test_the_folder_is_the_menu() -> None:
    assert datasets.names() == ["fashion_mnist", "mnist", "mnist5k"]


def test_an_unknown_name_is_told_the_nearest() -> None:
    for ask in (datasets.load, datasets.resolve, datasets.locate):
        with pytest.raises(UsageError) as caught:
            ask("mnst5k")
        assert str(caught.value) == "unknown data set 'mnst5k' (--dataset): did you mean 'mnist5k'?"


@pytest.mark.parametrize("name", ["__init__", "_idx", "../spec", ""])
def test_a_shared_part_is_no_data_set(name: str) -> None:
    with pytest.raises(UsageError):
        datasets.load(name)


@pytest.mark.parametrize(
    "code", ["datasets.names()", "datasets.resolve('mnist5k')", "datasets.load('mnist5k')"]
)
def test_torch_is_not_imported_where_it_is_not_needed(code: str) -> None:
    found = in_a_fresh_python(
        f"import sys; from bench.inputs import datasets; {code}; print('torch' in sys.modules)"
    )

    assert found == "False"


# --- auto ---------------------------------------------------------------------------------------


def test_a_real_name_is_itself() -> None:
    assert datasets.resolve("fashion_mnist") == ("fashion_mnist", None)


def test_auto_falls_back_where_the_named_folder_lacks_mnist(tmp_path: Path) -> None:
    name, notice = datasets.resolve("auto", tmp_path)

    assert name == "mnist5k"
    assert notice is not None
    assert notice.startswith(
        f"MNIST is not available: the folder {tmp_path} does not hold MNIST: missing train-images"
    )
    assert (
        "Using mnist5k, 5,000 embedded digits, instead: published accuracies are then not "
        "comparable, claims about structure still are." in notice
    )
    assert "\n" not in notice


def test_mnist_never_falls_back(tmp_path: Path) -> None:
    with pytest.raises(MissingDataError, match="does not hold MNIST"):
        datasets.load("mnist", tmp_path)


@pytest.mark.parametrize("name", ["auto", "mnist", "fashion_mnist"])
def test_a_mistyped_folder_is_an_error(name: str, tmp_path: Path) -> None:
    def get() -> None:
        datasets.load(datasets.resolve(name, tmp_path / "dat")[0], tmp_path / "dat")

    with pytest.raises(DataError, match=r"there is no folder .*dat \(--data-dir\)") as caught:
        get()
    assert not isinstance(caught.value, MissingDataError)


@pytest.mark.mnist
def test_auto_is_mnist_where_it_lies() -> None:
    assert MNIST_FOLDER is not None
    assert datasets.resolve("auto", MNIST_FOLDER) == ("mnist", None)


def test_auto_does_not_hide_a_damaged_file(tmp_path: Path) -> None:
    for file in mnist.SOURCE.files:
        (tmp_path / f"{file.name}.gz").write_bytes(gzip.compress(b"other"))

    name, notice = datasets.resolve("auto", tmp_path)
    assert (name, notice) == ("mnist", None)
    with pytest.raises(DataError, match="not the published train-images-idx3-ubyte") as caught:
        datasets.load(name, tmp_path)
    assert not isinstance(caught.value, MissingDataError)


# --- MNIST and Fashion-MNIST --------------------------------------------------------------------


@pytest.mark.mnist
def test_mnist_is_the_published_one() -> None:
    data = datasets.load("mnist", MNIST_FOLDER)
    counts = np.bincount(np.concatenate([data.train.labels, data.validation.labels]))

    assert data.train.images.shape == (54_000, 28, 28)
    assert data.validation.images.shape == (6_000, 28, 28)
    assert data.test.images.shape == (10_000, 28, 28)
    assert data.train.images.dtype == np.uint8
    assert data.train.labels.dtype == np.int64
    assert counts.tolist() == MNIST_COUNTS
    assert data.test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


@pytest.mark.mnist
def test_mnist_is_that_of_the_committed_records() -> None:
    records = (ROOT / "results" / "reference" / "mnist").glob("*/seed-*.json")
    theirs = [json.loads(path.read_text(encoding="utf-8"))["dataset"] for path in records]
    ours = msgspec.to_builtins(datasets.load("mnist", MNIST_FOLDER).info)

    assert len(theirs) > 100
    assert [each for each in theirs if each != ours] == []


@pytest.mark.mnist
def test_mnists_files_are_not_fashion() -> None:
    with pytest.raises(DataError, match="not the published train-images-idx3-ubyte of FashionMN"):
        datasets.load("fashion_mnist", MNIST_FOLDER)


@pytest.mark.parametrize("source", [mnist.SOURCE, fashion_mnist.SOURCE])
def test_names_and_mirrors_are_torchvisions(source: idx.Source) -> None:
    theirs = getattr(torchvision.datasets, source.folder)

    assert [f"{file.name}.gz" for file in source.files] == [name for name, _ in theirs.resources]
    assert list(idx.published_mirrors(source.folder)) == theirs.mirrors


# --- the embedded digits ------------------------------------------------------------------------


def test_the_embedded_digits_are_split_by_class() -> None:
    data = datasets.load("mnist5k")
    parts = (data.train, data.validation, data.test)

    assert [np.bincount(part.labels).tolist() for part in parts] == [
        [350] * 10,
        [50] * 10,
        [100] * 10,
    ]
    assert [part.images.shape for part in parts] == [
        (3_500, 28, 28),
        (500, 28, 28),
        (1_000, 28, 28),
    ]
    assert (data.info.n_train, data.info.n_validation, data.info.n_test) == (3_500, 500, 1_000)


def test_each_embedded_digit_is_in_one_part() -> None:
    _, labels = mnist5k.read(embedded())
    rows = np.concatenate(mnist5k.split_rows(labels))

    assert sorted(rows.tolist()) == list(range(5_000))


def test_the_embedded_split_never_changes() -> None:
    """Records of all times compare: this digest is over the parts in their order."""
    assert datasets.load("mnist5k").info.digest == (
        "fcfec51b095aa8b590741a47360b6aeccb2b379146344151d7658a9d28190e26"
    )


def test_the_embedded_digits_are_mlxtends() -> None:
    """Read by NumPy's own parser, as the package's `mnist_data` does."""
    table = np.genfromtxt(embedded(), delimiter=",")
    images, labels = mnist5k.read(embedded())

    assert np.array_equal(images.reshape(-1, 784), table[:, :-1])
    assert np.array_equal(labels, table[:, -1])


@pytest.mark.mnist
def test_the_embedded_digits_are_mnist_training_digits() -> None:
    data = datasets.load("mnist", MNIST_FOLDER)
    training = {
        (image.tobytes(), int(label))
        for part in (data.train, data.validation)
        for image, label in zip(part.images, part.labels, strict=True)
    }
    images, labels = mnist5k.read(embedded())

    assert all(
        (image.tobytes(), int(label)) in training
        for image, label in zip(images, labels, strict=True)
    )


def embedded() -> Path:
    path = datasets.locate("mnist5k")
    assert path is not None
    return path


@pytest.mark.parametrize("damage", ["truncated", "no gzip", "no deflate", "no table"])
def test_a_damaged_embedded_file_is_told(tmp_path: Path, damage: str) -> None:
    whole = embedded().read_bytes()
    content = {
        "truncated": whole[:1000],
        "no gzip": b"<html>not found</html>",
        "no deflate": whole[:1000] + bytes(1000) + whole[2000:],
        "no table": gzip.compress(b"1,2\n3,4,5\n"),
    }[damage]
    damaged = tmp_path / "mnist_5k.csv.gz"
    damaged.write_bytes(content)

    with pytest.raises(DataError, match=r"cannot be read: .*mnist_5k.csv.gz\): install") as caught:
        mnist5k.read(damaged)
    assert "\n" not in str(caught.value)


def test_a_relabelled_digit_is_seen(tmp_path: Path) -> None:
    table = pd.read_csv(embedded(), header=None)
    table.iloc[4_999, -1] = 3
    table.to_csv(tmp_path / "mnist_5k.csv.gz", header=False, index=False)

    with pytest.raises(DataError, match=rf"sha256 \w{{64}}, expected {mnist5k.CONTENT_SHA256}"):
        mnist5k.read(tmp_path / "mnist_5k.csv.gz")

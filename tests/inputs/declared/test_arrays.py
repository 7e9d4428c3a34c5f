"""NumPy files, IDX files and Python files as data sets, and the split."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import BenchError
from bench.inputs import datasets
from bench.inputs.declared.declaration import Partition
from bench.inputs.declared.splitting import rows
from tests.inputs.declared.made_up import arrays, declare, idx, lay, packed, pixels, refused

NPZ = 'kind = "npz"\npath = "mine.npz"\n[split]\nvalidation = 6\n'


def save(work: Path, found: dict[str, Any]) -> None:
    (work / "datasets").mkdir(exist_ok=True)
    np.savez(work / "datasets" / "mine.npz", **found)


def test_a_numpy_file(work: Path) -> None:
    found = arrays()
    save(work, found)
    declare(work, 'classes = ["x", "y", "z"]\nnoun = "flower"\n' + NPZ)
    data = datasets.load("mine")
    assert (data.info.shape, data.info.class_names, data.info.noun) == (
        (3, 8, 6),
        ("x", "y", "z"),
        "flower",
    )
    assert np.array_equal(data.test.images, found["test_images"].transpose(0, 3, 1, 2))
    assert [len(part) for part in (data.train, data.validation, data.test)] == [24, 6, 9]


@pytest.mark.parametrize("change", ["image", "label", "name"])
def test_the_pin_is_of_images_labels_and_names(work: Path, change: str) -> None:
    found, names = arrays(), '["x", "y", "z"]'
    save(work, found)
    declare(work, f"classes = {names}\n{NPZ}")
    datasets.load("mine")
    if change == "image":
        found["test_images"][0, 0, 0, 0] ^= 1
    elif change == "label":
        found["train_labels"][:2] = 1, 0
    else:
        names = '["x", "z", "y"]'
    save(work, found)
    declare(work, f"classes = {names}\n{NPZ}")
    assert "changed since its first use" in refused()


def test_other_names_and_another_layout(work: Path) -> None:
    found = arrays(shape=(3, 8, 6))
    save(work, {"x": found["train_images"], "y": found["train_labels"][:, None]})
    declare(
        work,
        'kind = "npz"\npath = "mine.npz"\ntrain_images = "x"\ntrain_labels = "y"\nlayout = "chw"\n'
        "[split]\nvalidation = 0.2\ntest = 0.2\n",
    )
    data = datasets.load("mine")
    assert data.info.shape == (3, 8, 6)
    assert data.info.class_names == ("0", "1", "2")
    assert [len(part) for part in (data.train, data.validation, data.test)] == [18, 6, 6]


def changed(name: str, change: Callable[[Any], Any]) -> dict[str, Any]:
    found = arrays()
    return found | {name: change(found[name])}


BAD_ARRAYS = {
    "labels out of range": (
        changed("test_labels", lambda a: a + 1),
        'classes = ["x", "y", "z"]\n',
        ["label 3 is out of range: there are 3 classes", "name every class in `classes`"],
    ),
    "negative labels": (changed("train_labels", lambda a: a - 1), "", ["label -1 is out of range"]),
    "a label far away": (
        changed("test_labels", lambda a: a + 10**12),
        "",
        ["label 1000000000002 is out of range: there are at most 100,000 classes"],
    ),
    "a class without an image": (
        changed("train_labels", lambda a: np.where(a == 2, 3, a)),
        "",
        ["no training image of the class '2'", "without gaps"],
    ),
    "floats": (
        changed("train_images", lambda a: a / 255),
        "",
        ["images of type float64", "store them as uint8"],
    ),
    "flat images": (
        changed("train_images", lambda a: a.reshape(30, -1)),
        "",
        ["images of shape (30, 144)", "(n, height, width, channels)"],
    ),
    "channels first": (
        changed("train_images", lambda a: a.transpose(0, 3, 1, 2)),
        "",
        ["would have 6 channels", 'layout = "chw"'],
    ),
    "fewer labels": (changed("train_labels", lambda a: a[:-1]), "", ["30 images and 29 labels"]),
    "labels as floats": (
        changed("train_labels", lambda a: a / 2),
        "",
        ["labels of shape (30,) and type float64"],
    ),
    "two sizes": (
        changed("test_images", lambda a: a[:, 1:]),
        "",
        ["training images have the shape (3, 8, 6), test images (3, 7, 6)"],
    ),
    "Python objects": (
        changed("train_labels", lambda a: a.astype(object)),
        "",
        ["cannot be read", "allow_pickle"],
    ),
    "a class named twice": (arrays(), 'classes = ["x", "x", "z"]\n', ["two classes named 'x'"]),
    "a class without a name": (arrays(), 'classes = ["x", "", "z"]\n', ["a class has the name ''"]),
    "a class with a control character": (
        arrays(),
        'classes = ["x", "\\u001b[31m", "z"]\n',
        ["a class has the name '\\x1b[31m'"],
    ),
    "a noun of two lines": (arrays(), 'noun = "a\\nb"\n', ["noun has the name 'a\\nb'"]),
    "images without labels": (
        {name: each for name, each in arrays().items() if name != "test_labels"},
        "",
        ["'test_images' without 'test_labels'", "give both, or neither"],
    ),
    "no test image": (
        changed("test_images", lambda a: a[:0]) | {"test_labels": np.arange(0)},
        "",
        ["no images (test images of"],
    ),
    "no such array": ({"a": np.zeros(3)}, "", ["no array 'train_images'; it has a"]),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_arrays_that_cannot_be_used_are_one_line(work: Path, name: str) -> None:
    found, text, words = BAD_ARRAYS[name]
    save(work, found)
    declare(work, text + NPZ)
    told = refused()
    for word in words:
        assert word in told


def test_a_file_that_is_no_numpy_file_is_one_line(work: Path) -> None:
    declare(work, NPZ)
    header = b"\x93NUMPY\x01\x00\x10\x00{'descr': '|u1',"
    broken = packed({f"{name}.npy": header for name in arrays()})
    for content in (b"", b"hello", b"PK\x03\x04", broken):
        (work / "datasets" / "mine.npz").write_bytes(content)
        assert "cannot be read" in refused()


IDX_TEXT = 'kind = "idx"\npath = "raw"\n[split]\nvalidation = 6\n'


def idx_files() -> dict[str, bytes]:
    found = arrays(shape=(8, 6))
    labels = {name: found[f"{name}_labels"].astype(np.uint8) for name in ("train", "test")}
    return {
        "train-images-idx3-ubyte": idx(found["train_images"]),
        "train-labels-idx1-ubyte.gz": gzip.compress(idx(labels["train"])),
        "t10k-images-idx3-ubyte": idx(found["test_images"]),
        "t10k-labels-idx1-ubyte": idx(labels["test"]),
    }


def test_idx_files_packed_or_not(work: Path) -> None:
    lay(work / "datasets" / "raw", idx_files())
    declare(work, IDX_TEXT)
    data = datasets.load("mine")
    assert data.info.shape == (1, 8, 6)
    assert np.array_equal(data.test.images, arrays(shape=(8, 6))["test_images"])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no IDX file of unsigned bytes"),
        (b"\0\0\x0d\x03", "no IDX file of unsigned bytes"),
        (b"\0\0\x08\x03\0\0\0\x09", "do not hold an array of shape"),
        (b"\0\0\x08\x01\0\0\0\x09abc", "do not hold an array of shape (9,)"),
        (b"\0\0\x08\xff" + bytes(4 * 255), "an array of 255 dimensions (/"),
        (b"\x1f\x8b\x08\0", "cannot be unpacked"),
    ],
)
def test_a_damaged_idx_file_is_one_line(work: Path, content: bytes, words: str) -> None:
    lay(work / "datasets" / "raw", idx_files() | {"t10k-images-idx3-ubyte": content})
    declare(work, IDX_TEXT)
    assert words in refused()


def test_idx_images_need_their_labels(work: Path) -> None:
    files = idx_files()
    del files["t10k-labels-idx1-ubyte"]
    lay(work / "datasets" / "raw", files)
    declare(work, IDX_TEXT)
    assert "'t10k-images-idx3-ubyte' without 't10k-labels-idx1-ubyte'" in refused()


SCRIPT = """
import numpy as np

DECLARATION = {"classes": ["x", "y", "z"], "split": {"validation": 6}}


def images(data_dir):
    draw = np.random.default_rng(0)
    return {
        "train_images": draw.integers(256, size=(30, 8, 6, 3), dtype=np.uint8),
        "train_labels": np.arange(30) % 3,
        "test_images": draw.integers(256, size=(9, 8, 6, 3), dtype=np.uint8),
        "test_labels": np.arange(9) % 3,
    }
"""


def script(work: Path, text: str) -> None:
    lay(work / "datasets", {"mine.py": text.encode()})


def test_a_python_file(work: Path) -> None:
    script(work, SCRIPT)
    data = datasets.load("mine")
    assert (data.info.n_train, data.info.n_validation, data.file) == (24, 6, None)
    assert data.info.class_names == ("x", "y", "z")
    script(work, SCRIPT.replace("default_rng(0)", "default_rng(1)"))
    assert "changed since its first use" in refused()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("def images", "def pictures", "no function images"),
        ("import numpy as np", "import nothing_such", "ModuleNotFoundError"),
        ("draw = ", "1 / 0\n    draw = ", "images: ZeroDivisionError"),
        ('"train_labels"', '"labels"', "no dictionary of train_images and train_labels"),
        ('"classes"', '"klasses"', "bad DECLARATION"),
        ('"test_labels"', '"labels"', "'test_images' without 'test_labels'"),
        ("DECLARATION =", "raise SystemExit\nDECLARATION =", "SystemExit"),
        ("draw = ", "raise SystemExit\n    draw = ", "images: SystemExit"),
        ("np.arange(30) % 3", "[[1], [1, 2]]", "images: ValueError"),
    ],
)
def test_a_python_file_that_cannot_be_used_is_one_line(
    work: Path, old: str, new: str, words: str
) -> None:
    script(work, SCRIPT.replace(old, new, 1))
    assert words in refused()


@pytest.fixture
def on_the_hub(work: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A data set in the hub's layout, in a folder, which the library loads as one of the hub."""
    import datasets as library
    from PIL import Image

    monkeypatch.setattr(library.config, "HF_DATASETS_CACHE", work / "hub")
    found = arrays()
    columns = {
        "image": library.Image(),
        "label": library.ClassLabel(names=["x", "y", "z"]),
        "wide": library.Value("bool"),
    }
    for part in ("train", "test"):
        images = [Image.fromarray(levels) for levels in found[f"{part}_images"]]
        labels = found[f"{part}_labels"]
        rows = {"image": images, "label": labels, "wide": [False] * len(labels)}
        table = library.Dataset.from_dict(rows, features=library.Features(columns))
        table.to_parquet(work / "flowers" / "data" / f"{part}-00000-of-00001.parquet")
    declare(work, 'kind = "huggingface"\nname = "./flowers"\n')
    return found


def test_a_data_set_of_the_hub(work: Path, on_the_hub: dict[str, Any]) -> None:
    data = datasets.load("mine")
    assert (data.info.shape, data.info.class_names) == ((3, 8, 6), ("x", "y", "z"))
    assert np.array_equal(data.test.images, on_the_hub["test_images"].transpose(0, 3, 1, 2))
    assert data.test.labels.tolist() == on_the_hub["test_labels"].tolist()
    assert [len(part) for part in (data.train, data.validation, data.test)] == [27, 3, 9]


def test_the_hub_is_asked_for_the_declared_revision(
    work: Path, on_the_hub: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    library = pytest.importorskip("datasets")
    theirs, asked = library.load_dataset, []

    def load_dataset(name: str, config: str | None, *, revision: str | None) -> Any:
        asked.append((name, config, revision))
        return theirs(name)

    monkeypatch.setattr(library, "load_dataset", load_dataset)
    declare(work, 'kind = "huggingface"\nname = "./flowers"\nconfig = "all"\nrevision = "5a11"\n')
    datasets.load("mine")
    assert asked == [("./flowers", "all", "5a11")]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('name = "./nowhere"', "cannot be loaded"),
        ('name = "./flowers"\nimage = "picture"', "cannot be loaded"),
        ('name = "./flowers"\ntrain = "training"', "cannot be loaded"),
        ('name = "./flowers"\nimage = "wide"', "type bool"),
        ('name = "./flowers"\nlabel = "image"', "labels"),
    ],
)
def test_what_the_hub_does_not_hold_is_one_line(
    work: Path, on_the_hub: dict[str, Any], line: str, words: str
) -> None:
    declare(work, f'kind = "huggingface"\n{line}\n')
    assert words in refused()


def test_without_the_hubs_library_it_is_one_line(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    declare(work, 'kind = "huggingface"\nname = "nobody/nothing"\n')
    assert "pip install 'manyseeds[huggingface]'" in refused()


@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    validation=st.floats(0.01, 0.5),
    test=st.one_of(st.none(), st.floats(0.01, 0.45)),
    stratified=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_the_parts_hold_each_image_once(
    sizes: list[int], validation: float, test: float | None, stratified: bool, seed: int
) -> None:
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    split = Partition(validation=validation, test=test, seed=seed, stratified=stratified)
    try:
        parts = rows(labels, split, "here")
    except BenchError:
        counts = [round(part * len(labels)) for part in (validation, test) if part]
        assert sum(counts) >= len(labels) or 0 in counts
        return
    assert sorted(np.concatenate(parts)) == list(range(len(labels)))
    assert len(parts[2]) == round((test or 0) * len(labels))
    assert all(np.array_equal(part, np.sort(part)) for part in parts)
    if stratified:
        for part in parts[1:]:
            exact = len(part) * np.bincount(labels) / len(labels)
            counts = np.bincount(labels[part], minlength=len(sizes))
            assert (np.abs(counts - exact) < 1 + 1e-9).all() or part is parts[1]


def test_the_split_is_fixed_for_ever() -> None:
    labels = np.arange(12) % 2
    train, validation, test = rows(labels, Partition(validation=2, test=4, seed=5), "here")
    assert (validation.tolist(), test.tolist()) == ([3, 6], [4, 7, 8, 11])
    assert len(train) == 6


def test_grey_arrays_with_one_channel(work: Path) -> None:
    found = arrays() | {
        "train_images": pixels(1, (30, 8, 6, 1)),
        "test_images": pixels(2, (9, 8, 6, 1)),
    }
    save(work, found)
    declare(work, NPZ)
    data = datasets.load("mine")
    assert (data.info.shape, data.test.images.shape) == ((1, 8, 6), (9, 8, 6))

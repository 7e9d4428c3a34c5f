"""Folders and zip files of images: what is read, and what is refused in one line."""

from __future__ import annotations

import mmap
import os
import resource
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from bench.errors import BenchError, DataError, StoreError
from bench.inputs import datasets
from bench.inputs.datasets import Dataset
from tests.inputs.declared.made_up import CLASSES, declare, folder_files, lay, packed, pixels, png

FOLDER = 'kind = "image_folder"\npath = "pictures"\n'
SPLIT = "[split]\nvalidation = 6\nseed = 3\n"


def loaded(work: Path, files: dict[str, bytes], text: str = FOLDER + SPLIT) -> Dataset:
    lay(work / "datasets" / "pictures", files)
    declare(work, text)
    return datasets.load("mine")


def refused(work: Path, files: dict[str, bytes], text: str = FOLDER + SPLIT) -> str:
    with pytest.raises(BenchError) as caught:
        loaded(work, files, text)
    assert not (work / "datasets" / "mine.sha256").exists(), "a bad data set is not pinned"
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_train_and_test_folders(work: Path) -> None:
    found = loaded(work, folder_files())
    info = found.info
    assert (info.n_train, info.n_validation, info.n_test) == (24, 6, 12)
    assert (info.shape, info.n_classes, info.class_names) == ((3, 8, 6), 3, CLASSES)
    assert (info.noun, info.split_seed) == ("image", 3)
    assert np.array_equal(np.bincount(found.validation.labels), [2, 2, 2])
    assert np.array_equal(found.test.images[5], pixels(1101).transpose(2, 0, 1))
    assert found.test.labels[5] == 1


def test_zip_files_hold_the_same(work: Path) -> None:
    files = folder_files()
    plain = loaded(work, files)
    for part in ("train", "test"):
        of_part = {name: content for name, content in files.items() if name.startswith(part)}
        lay(work / "datasets" / "zipped", {f"{part}.zip": packed(of_part)})
    declare(work, FOLDER.replace("pictures", "zipped") + SPLIT, "zipped")
    zipped = datasets.load("zipped")
    assert zipped.info.digest == plain.info.digest
    assert np.array_equal(zipped.train.images, plain.train.images)


def test_one_folder_with_a_split(work: Path) -> None:
    files = {name.partition("/")[2]: each for name, each in folder_files(20, 0).items()}
    text = FOLDER + "[split]\nvalidation = 0.1\ntest = 0.2\n"
    found = loaded(work, files, text)
    assert [len(p) for p in (found.train, found.validation, found.test)] == [42, 6, 12]
    seen = np.concatenate([p.images for p in (found.train, found.validation, found.test)])
    assert len(np.unique(seen.reshape(60, -1), axis=0)) == 60, "no image is in two parts"


def test_no_validation(work: Path) -> None:
    found = loaded(work, folder_files(), FOLDER + "[split]\nvalidation = 0\n")
    assert (found.info.n_train, found.info.n_validation) == (30, 0)
    assert found.validation.images.shape == (0, 3, 8, 6)


def test_another_seed_is_another_data_set(work: Path) -> None:
    first = loaded(work, folder_files())
    declare(work, FOLDER + SPLIT.replace("seed = 3", "seed = 4"))
    second = datasets.load("mine")
    assert second.info.digest != first.info.digest
    assert not np.array_equal(second.train.images, first.train.images)
    declare(work, FOLDER + SPLIT.replace("6", "12"))
    third = datasets.load("mine")
    declare(work, FOLDER + SPLIT.replace("6", "12") + "stratified = false\n")
    assert datasets.load("mine").info.digest != third.info.digest


def test_grey_images_have_one_channel(work: Path) -> None:
    files = {
        f"{part}/{name}/{n}.png": png(pixels(n, (8, 6)))
        for part in ("train", "test")
        for name in ("a", "b")
        for n in range(4)
    }
    found = loaded(work, files, FOLDER + "[split]\nvalidation = 2\n")
    assert (found.info.shape, found.train.images.shape) == ((1, 8, 6), (6, 8, 6))


def test_the_second_load_is_mapped(work: Path) -> None:
    first = loaded(work, folder_files())
    assert first.file is not None
    written = first.file.stat()
    again = datasets.load("mine")
    assert again.file == first.file
    assert first.file.stat() == written, "nothing is decoded again"
    for data in (first, again):
        below: object = data.train.images
        while isinstance(below, np.ndarray):
            below = below.base
        assert isinstance(below, memoryview)
        assert isinstance(below.obj, mmap.mmap), "the pixels are the file's own pages"
    (work / "datasets" / "pictures" / "train" / "ant" / "000.png").write_bytes(png(pixels(77)))
    with pytest.raises(DataError, match=r"has changed since its first use.*mine\.sha256"):
        datasets.load("mine")
    (work / "datasets" / "mine.sha256").unlink()
    assert datasets.load("mine").info.digest != first.info.digest
    assert len(list((work.parent / "cache").rglob("*.safetensors"))) == 1, "the old one is gone"


def test_what_is_mapped_is_held_against_the_pin_too(work: Path) -> None:
    loaded(work, folder_files())
    (work / "datasets" / "mine.sha256").write_text("0" * 64 + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"has changed since its first use.*mine\.sha256"):
        datasets.load("mine")


def test_a_broken_file_of_the_cache_is_decoded_again(work: Path) -> None:
    first = loaded(work, folder_files())
    assert first.file is not None
    content = first.file.read_bytes()
    first.file.write_bytes(content[: len(content) // 2])
    again = datasets.load("mine")
    assert again.info == first.info
    assert np.array_equal(again.test.images, first.test.images)


def test_a_full_disk_is_one_line(work: Path) -> None:
    lay(work / "datasets" / "pictures", folder_files())
    declare(work, FOLDER + SPLIT)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))  # bytes of any file
    try:
        with pytest.raises(StoreError, match=r"cannot keep the decoded images.*free some space"):
            datasets.load("mine")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list((work.parent / "cache").rglob("*tmp*")), "nothing is half written"
    assert datasets.load("mine").info.n_train == 24


def test_resize_and_channels(work: Path) -> None:
    files = folder_files()
    files["train/ant/000.png"] = png(pixels(1, (20, 10)))
    text = "resize = [8, 6]\nchannels = 3\n"
    found = loaded(work, files, FOLDER + text + SPLIT)
    assert found.info.shape == (3, 8, 6)


def test_resize_is_bilinear(work: Path) -> None:
    """Two pixels become four, whose centres lie at -1/4, 1/4, 3/4 and 5/4 of their distance."""
    image = png(np.array([[0, 200]], dtype=np.uint8))
    names = [
        f"{part}/{name}/{n}.png" for part in ("train", "test") for name in "ab" for n in (1, 2)
    ]
    text = FOLDER + "resize = [1, 4]\n[split]\nvalidation = 0\n"
    found = loaded(work, dict.fromkeys(names, image), text)
    assert found.train.images.tolist() == [[[0, 50, 150, 200]]] * 4


def sixteen_bits() -> bytes:
    """Two by two grey levels of 16 bits."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", 2, 2, 16, 0, 0, 0, 0)
    lines = zlib.compress(b"\0\0\0\xff\xff" * 2)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")
    )


WHOLE = png(pixels(5))
BAD_IMAGES = {
    "another size": (
        png(pixels(1, (8, 7, 3))),
        ["8 x 7 pixels", "has 8 x 6", "resize = [8, 6]", "train/ant/005.png"],
    ),
    "truncated": (WHOLE[: len(WHOLE) // 2], ["cannot be decoded", "train/ant/005.png"]),
    "no image": (b"hello", ["cannot be decoded: no JPEG or PNG image", "restore the file"]),
    "empty": (b"", ["cannot be decoded"]),
    "16 bits": (sixteen_bits(), ["samples of 16 bits", "convert it to 8 bits"]),
    "palette": (png(pixels(1), "P"), ["with a palette, not plain", "channels = 3"]),
    "alpha": (png(pixels(1), "RGBA"), ["RGB with alpha, not plain", "channels = 3"]),
    "grey among colours": (png(pixels(1, (8, 6))), ["grey, other images are RGB", "channels = 1"]),
}


@pytest.mark.parametrize("name", BAD_IMAGES)
def test_an_image_that_cannot_be_used_is_one_line(work: Path, name: str) -> None:
    content, words = BAD_IMAGES[name]
    told = refused(work, folder_files() | {"train/ant/005.png": content})
    for word in words:
        assert word in told


def test_a_palette_is_converted_where_channels_are_declared(work: Path) -> None:
    files = folder_files() | {"train/ant/005.png": png(pixels(1), "P")}
    assert loaded(work, files, FOLDER + "channels = 3\n" + SPLIT).info.shape == (3, 8, 6)


def without(part: str) -> dict[str, bytes]:
    return {name: each for name, each in folder_files().items() if not name.startswith(part)}


BAD_FOLDERS = {
    "a class missing in test": (without("test/bee"), SPLIT, ["no test image of the class 'bee'"]),
    "a class missing in train": (
        without("train/bee"),
        SPLIT,
        ["the folder 'bee' is no class", "pictures/test"],
    ),
    "no folder of a class": (
        {"train/1.png": WHOLE, "test/1.png": WHOLE},
        SPLIT,
        ["'1.png' is not in the folder of a class", "pictures/train"],
    ),
    "no image": ({"train/ant/notes.txt": b"", "test/a": b""}, SPLIT, ["no folder of a class"]),
    "one class": (
        {f"{part}/ant/{n}.png": WHOLE for part in ("train", "test") for n in range(4)},
        SPLIT,
        ["only one class, 'ant'", "give 2 classes or more"],
    ),
    "another format": (
        folder_files() | {"train/ant/1.gif": b""},
        SPLIT,
        ["neither a JPEG nor a PNG", "1.gif", "convert it"],
    ),
    "no validation image of a class": (
        folder_files(),
        "[split]\nvalidation = 2\n",
        ["no validation image of the class 'cat'", "more validation images"],
    ),
    "nothing to train on": (
        folder_files(),
        "[split]\nvalidation = 30\n",
        ["30 validation and 0 test images of 30 leave none to train on"],
    ),
    "a share of no image": (
        folder_files(),
        "[split]\nvalidation = 0.001\n",
        ["validation = 0.001 of 30 images is no image", "raise the share"],
    ),
    "no test images": (without("test"), SPLIT, ["no test images", "test = 0.2"]),
    "test declared twice": (folder_files(), SPLIT + "test = 5\n", ["though the data has test"]),
}


@pytest.mark.parametrize("name", BAD_FOLDERS)
def test_a_folder_that_cannot_be_used_is_one_line(work: Path, name: str) -> None:
    files, split, words = BAD_FOLDERS[name]
    told = refused(work, files, FOLDER + split)
    for word in words:
        assert word in told


@pytest.mark.parametrize(
    "member", ["../ant/1.png", "/ant/1.png", "ant/../../1.png", "C:/ant/1.png", "."]
)
def test_a_member_that_leads_out_of_a_zip_file_is_refused(work: Path, member: str) -> None:
    files = {"train.zip": packed({"ant/0.png": WHOLE, member: WHOLE}), "test.zip": packed({})}
    told = refused(work, files)
    assert "leads out of the archive" in told
    assert "train.zip" in told


def test_a_broken_zip_file_is_one_line(work: Path) -> None:
    whole = packed({f"ant/{n}.png": WHOLE for n in range(4)})
    assert "no readable zip file" in refused(work, {"train.zip": whole[:50], "test.zip": whole})


def test_damage_deep_in_a_zip_file_is_one_line(work: Path) -> None:
    whole = bytearray(packed({f"{name}/0.png": WHOLE for name in CLASSES}))
    whole[whole.index(b"PK\x01\x02") + 6] = 200  # the version of the format that it needs
    assert "no readable zip file" in refused(work, {"train.zip": bytes(whole)})


def test_a_link_that_leads_back_up_is_refused(work: Path) -> None:
    (lay(work / "datasets" / "pictures", folder_files()) / "train" / "ant" / "up").symlink_to("..")
    told = refused(work, {})
    assert "a link to a folder above it" in told
    assert "train/ant/up" in told


def test_links_to_images_elsewhere_are_followed(work: Path) -> None:
    top = lay(work / "datasets" / "pictures", without("train/ant"))
    there = lay(work / "elsewhere", {f"{n}.png": png(pixels(n)) for n in range(10)})
    (top / "train" / "ant").symlink_to(there)
    assert loaded(work, {}).info.n_train == 24


def test_what_is_no_file_is_refused_and_not_waited_for(work: Path) -> None:
    os.mkfifo(lay(work / "datasets" / "pictures", folder_files()) / "train" / "ant" / "1.png")
    assert "no plain file" in refused(work, {})


def test_a_name_that_is_no_unicode_is_one_line(work: Path) -> None:
    files = folder_files() | {f"{part}/a\udcff/1.png": WHOLE for part in ("train", "test")}
    assert r"a class has the name 'a\udcff'" in refused(
        work, files, FOLDER + "[split]\nvalidation = 0\n"
    )


def test_a_pin_that_cannot_be_written_says_what_to_declare(work: Path) -> None:
    (work / "datasets" / "mine.sha256").mkdir(parents=True)
    with pytest.raises(BenchError, match=r'or say sha256 = "[0-9a-f]{64}"') as caught:
        loaded(work, folder_files())
    digest = str(caught.value).split('"')[1]
    assert loaded(work, {}, f'sha256 = "{digest}"\n{FOLDER}{SPLIT}').info.n_train == 24


BAD_DECLARATIONS = {
    "no kind": ('path = "pictures"', ["no kind", 'say kind = "image_folder"']),
    "unknown kind": ('kind = "image_foldr"\npath = "x"', ["unknown kind", "'image_folder'?"]),
    "unknown key": (FOLDER + "resise = 3\n", ["unknown field `resise`", "did you mean 'resize'?"]),
    "no path": ('kind = "image_folder"', ["missing required field `path`"]),
    "no folder": ('kind = "image_folder"\npath = "none"', ["there is no 'none'", "--data-dir"]),
    "bad share": (FOLDER + "[split]\nvalidation = 1.5\n", ["bad declaration", "$.split"]),
    "bad size": (FOLDER + "resize = [8, 6, 3]\n", ["resize = [8, 6, 3]", "[height, width]"]),
    "bad channels": (FOLDER + "channels = 2\n", ["channels = 2", "give 1 or 3"]),
    "kinds": ('kind = ["npz"]', ["unknown kind ['npz']"]),
    "unknown key of a table": (FOLDER + "[split]\nvalidatoin = 2\n", ["mean 'validation'?"]),
    "no digest": ('sha256 = ""\n' + FOLDER, ["bad declaration", "$.sha256"]),
    "unknown user": ('kind = "image_folder"\npath = "~nobody_such/x"', ["there is no '~nobody"]),
    "a long path": (f'kind = "image_folder"\npath = "{"x" * 300}"', ["there is no 'xxx"]),
    "no TOML": ("kind = ", ["cannot be read", "TOML"]),
}


@pytest.mark.parametrize("name", BAD_DECLARATIONS)
def test_a_bad_declaration_is_one_line(work: Path, name: str) -> None:
    text, words = BAD_DECLARATIONS[name]
    told = refused(work, folder_files(), text)
    for word in words:
        assert word in told


def test_data_may_lie_beside_the_folder_of_declarations(work: Path) -> None:
    lay(work / "pictures", folder_files())
    declare(work, FOLDER + SPLIT)
    assert datasets.load("mine").info.n_test == 12


def test_names_are_listed_and_may_not_be_two(work: Path) -> None:
    declare(work, FOLDER, "mine")
    declare(work, FOLDER, "_draft")
    assert datasets.names() == ["fashion_mnist", "mine", "mnist", "mnist5k"]
    (work / "datasets" / "mine.py").write_text("")
    with pytest.raises(DataError, match="two data sets named 'mine'"):
        datasets.names()
    (work / "datasets" / "mine.py").unlink()
    for name in ("mnist", "auto"):  # auto is a word of --dataset
        script = work / "datasets" / f"{name}.py"
        script.write_text("")
        with pytest.raises(DataError, match=f"two data sets named '{name}'.*the built-in one"):
            datasets.names()
        script.unlink()


def test_a_digest_in_the_declaration_is_held(work: Path) -> None:
    first = loaded(work, folder_files())
    pin = (work / "datasets" / "mine.sha256").read_text().strip()
    (work / "datasets" / "mine.sha256").unlink()
    declare(work, f'sha256 = "{pin}"\n' + FOLDER + SPLIT)
    assert datasets.load("mine").info == first.info
    assert not (work / "datasets" / "mine.sha256").exists()
    declare(work, f'sha256 = "{pin[::-1]}"\n' + FOLDER + SPLIT)
    with pytest.raises(DataError, match=r"changed since its first use.*mine\.toml"):
        datasets.load("mine")


def test_the_named_folder_comes_first(work: Path, tmp_path: Path) -> None:
    first = loaded(work, folder_files())
    lay(tmp_path / "data" / "pictures", folder_files(n_test=5))
    (work / "datasets" / "mine.sha256").unlink()
    assert datasets.load("mine", tmp_path / "data").info.n_test == 15
    assert datasets.locate("mine", tmp_path / "data") == tmp_path / "data" / "pictures" / "train"
    assert first.info.n_test == 12

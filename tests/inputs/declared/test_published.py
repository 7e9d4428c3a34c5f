"""torchvision's data sets from made-up archives: digests first, pickles without code."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import io
import os
import pickle
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import torchvision

from bench.errors import BenchError
from bench.inputs import datasets
from bench.inputs.datasets import MissingDataError
from bench.inputs.declared import published
from tests.inputs.declared.made_up import declare, idx, lay, pixels, refused

SPLIT = "[split]\nvalidation = 10\n"


def tarred(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"cifar/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def cifar10(batch: Any = None) -> bytes:
    """Five files of 10 images, one of each class, and a test file; protocol 2 as published."""

    def content(seed: int) -> bytes:
        data = pixels(seed, (10, 3072))
        return pickle.dumps({"data": data, "labels": list(range(10))}, protocol=2)

    files = {f"data_batch_{number}": content(number) for number in range(1, 6)}
    files["test_batch"] = content(6) if batch is None else batch
    files["batches.meta"] = pickle.dumps({"label_names": [f"class {i}" for i in range(10)]})
    return tarred(files)


def publish(monkeypatch: pytest.MonkeyPatch, name: str, **attributes: object) -> None:
    """Gives torchvision's class other digests and addresses."""
    for attribute, value in attributes.items():
        monkeypatch.setattr(getattr(torchvision.datasets, name), attribute, value)


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def cifar_there(work: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    publish(monkeypatch, "CIFAR10", tgz_md5=md5(content))
    lay(work / "data" / "CIFAR10", {"cifar-10-python.tar.gz": content})
    declare(work, 'kind = "torchvision"\nname = "CIFAR10"\n' + SPLIT)


def test_cifar10(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cifar_there(work, monkeypatch, cifar10())
    found = datasets.load("mine")
    assert (found.info.shape, found.info.class_names[3]) == ((3, 32, 32), "class 3")
    assert [len(part) for part in (found.train, found.validation, found.test)] == [40, 10, 10]
    assert np.array_equal(found.test.images, pixels(6, (10, 3072)).reshape(10, 3, 32, 32))


def test_an_archive_of_another_digest_is_not_opened(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cifar_there(work, monkeypatch, cifar10())
    lay(work / "data" / "CIFAR10", {"cifar-10-python.tar.gz": cifar10()[:-1]})
    monkeypatch.setattr(tarfile, "open", None)
    told = refused()
    assert "not the published archive: md5" in told
    assert "cifar-10-python.tar.gz" in told


class Harmful:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
        return os.mkdir, ("harm",)


def test_members_that_lead_out_of_an_archive_are_written_nowhere(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is unpacked: members are read by their last names, and a link is no member."""
    with tarfile.open(fileobj=io.BytesIO(cifar10()), mode="r:gz") as archive:
        members = {each.name: archive.extractfile(each) for each in archive}
        files = {name: file.read() for name, file in members.items() if file is not None}
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"../../{name}" if "test" in name else f"/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("cifar/data_batch_1")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    cifar_there(work, monkeypatch, stream.getvalue())
    before = set(work.parent.rglob("*"))
    assert datasets.load("mine").info.n_test == 10
    assert not [each for each in set(work.parent.rglob("*")) - before if "batch" in each.name]


def test_code_in_a_pickle_is_not_run(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cifar_there(work, monkeypatch, cifar10(pickle.dumps({"data": Harmful()})))
    assert "asks for posix.mkdir" in refused()
    assert not (work / "harm").exists()


def test_a_pickle_of_python_2_is_read() -> None:
    """As published: bytes are the old strings."""
    data = pixels(1, (2, 5))
    head = b"\x80\x02}(U\x04datacnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85"
    state = b"U\x01b\x87R(K\x01K\x02K\x05\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
    state += b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x0a" + data.tobytes()
    content = head + state + b"tbU\x06labels](K\x03K\x04eu."
    found = published.arrays_of_pickle(content, "here")
    assert np.array_equal(found["data"], data)
    assert found["labels"] == [3, 4]


@pytest.mark.parametrize("batch", [b"", b"hello", pickle.dumps([1])])
def test_a_damaged_pickle_is_one_line(
    work: Path, monkeypatch: pytest.MonkeyPatch, batch: bytes
) -> None:
    cifar_there(work, monkeypatch, cifar10(batch))
    assert "test_batch" in refused()


def test_cifar100(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def content(seed: int) -> bytes:
        labels = [*range(100), *range(100)]
        return pickle.dumps({"data": pixels(seed, (200, 3072)), "fine_labels": labels})

    names = {"fine_label_names": [f"fine {i}" for i in range(100)]}
    archive = tarred({"train": content(1), "test": content(2), "meta": pickle.dumps(names)})
    publish(monkeypatch, "CIFAR100", tgz_md5=md5(archive))
    lay(work / "data", {"cifar-100-python.tar.gz": archive})
    text = 'kind = "torchvision"\nname = "CIFAR100"\n[split]\nvalidation = 0.5\n'
    declare(work, text)
    info = datasets.load("mine").info
    assert (info.n_classes, info.n_train, info.class_names[7]) == (100, 100, "fine 7")


def idx_parts() -> list[bytes]:
    """Training images and labels, test images and labels, of ten classes."""
    labels = (np.arange(30) % 10).astype(np.uint8)
    parts = [pixels(1, (30, 28, 28)), labels, pixels(2, (10, 28, 28)), labels[:10]]
    return [gzip.compress(idx(part)) for part in parts]


@pytest.mark.parametrize("name", ["KMNIST", "FashionMNIST"])
def test_files_like_mnists(work: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    theirs: Any = getattr(torchvision.datasets, name)
    names = [file for file, _ in theirs.resources]
    files = dict(zip(names, idx_parts(), strict=True))
    publish(monkeypatch, name, resources=[(file, md5(files[file])) for file in names])
    lay(work / "data" / name / "raw", files)
    declare(work, f'kind = "torchvision"\nname = "{name}"\n' + SPLIT)
    found = datasets.load("mine")
    assert found.info.class_names == tuple(theirs.classes)
    assert np.array_equal(found.test.images, pixels(2, (10, 28, 28)))


@pytest.mark.parametrize(("variant", "n_classes", "first"), [("digits", 10, 0), ("letters", 26, 1)])
def test_emnist(
    work: Path, monkeypatch: pytest.MonkeyPatch, variant: str, n_classes: int, first: int
) -> None:
    labels = (np.arange(2 * n_classes) % n_classes + first).astype(np.uint8)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for part, kept in (("train", labels), ("test", labels[:n_classes])):
            of_part = {"images-idx3": pixels(1, (len(kept), 28, 28)), "labels-idx1": kept}
            for kind, array in of_part.items():
                file = f"gzip/emnist-{variant}-{part}-{kind}-ubyte.gz"
                archive.writestr(file, gzip.compress(idx(array)))
    publish(monkeypatch, "EMNIST", md5=md5(stream.getvalue()))
    lay(work / "data" / "EMNIST", {"gzip.zip": stream.getvalue()})
    text = 'kind = "torchvision"\nname = "EMNIST"\nvariant = "{}"\n[split]\nvalidation = 0.5\n'
    declare(work, text.format(variant))
    info = datasets.load("mine").info
    assert (info.n_classes, info.class_names[-1]) == (n_classes, "9" if first == 0 else "z")
    declare(work, text.format("balancd"))
    assert "no variant 'balancd'" in refused()


def test_svhn(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, told = {}, {}
    for part, n in (("train", 30), ("test", 20)):
        stream = io.BytesIO()
        labels = np.arange(n)[:, None] % 10 + 1  # the digit 0 is 10
        scipy.io.savemat(stream, {"X": pixels(n, (32, 32, 3, n)), "y": labels})
        files[f"{part}_32x32.mat"] = stream.getvalue()
        told[part] = ["http://nowhere", f"{part}_32x32.mat", md5(stream.getvalue())]
    publish(monkeypatch, "SVHN", split_list=told)
    lay(work / "data" / "SVHN", files)
    declare(work, 'kind = "torchvision"\nname = "SVHN"\n' + SPLIT)
    found = datasets.load("mine")
    assert found.test.labels.tolist() == [*range(1, 10), 0] * 2
    assert np.array_equal(
        found.test.images[3], pixels(20, (32, 32, 3, 20))[..., 3].transpose(2, 0, 1)
    )


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address at which its files are given out."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_an_archive_is_fetched_once_and_verified(
    work: Path, monkeypatch: pytest.MonkeyPatch, served: tuple[Path, str]
) -> None:
    folder, address = served
    content = cifar10()
    publish(monkeypatch, "CIFAR10", tgz_md5=md5(content), url=f"{address}/cifar-10-python.tar.gz")
    declare(work, 'kind = "torchvision"\nname = "CIFAR10"\n' + SPLIT)
    assert datasets.locate("mine") is None
    told = refused()
    assert "could not be downloaded" in told
    assert "404" in told
    (folder / "cifar-10-python.tar.gz").write_bytes(content[:-5])
    with pytest.raises(BenchError, match="not the published archive"):
        datasets.load("mine")
    assert not [path for path in (work.parent / "cache").rglob("*") if path.is_file()]
    (folder / "cifar-10-python.tar.gz").write_bytes(content)
    found = datasets.load("mine")
    (folder / "cifar-10-python.tar.gz").unlink()
    assert datasets.load("mine").info == found.info
    assert datasets.locate("mine") is not None


def test_an_archive_that_takes_too_long_is_given_up(
    work: Path, monkeypatch: pytest.MonkeyPatch, served: tuple[Path, str]
) -> None:
    folder, address = served
    content = cifar10()
    (folder / "cifar-10-python.tar.gz").write_bytes(content)
    publish(monkeypatch, "CIFAR10", tgz_md5=md5(content), url=f"{address}/cifar-10-python.tar.gz")
    declare(work, 'kind = "torchvision"\nname = "CIFAR10"\n' + SPLIT)
    monkeypatch.setattr(published, "SECONDS_IN_ALL", 0.0)
    told = refused()
    assert "cifar-10-python.tar.gz: not done within 0 seconds" in told
    assert "try again" in told
    assert not [path for path in (work.parent / "cache").rglob("*") if path.is_file()]


def test_every_name_has_addresses_and_digests() -> None:
    for name in published.READERS:
        for archive in published.archives(name):  # type: ignore[arg-type]
            assert len(archive.md5) == 32
            assert all(url.endswith(archive.name) for url in archive.urls)


def test_a_missing_archive_names_its_address(work: Path) -> None:
    declared = published.Torchvision(name="SVHN")
    with pytest.raises(MissingDataError, match=r"train_32x32.mat.*published at http"):
        declared.places(work, None)

"""IDX files, made up: where they are found, how they are verified, and fetched over HTTP."""

from __future__ import annotations

import gzip
import hashlib
import struct
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from torch import Generator
from torch.utils.data import random_split

from bench.datasets import MissingDataError, _download, _idx, fashion_mnist, mnist
from bench.datasets._idx import IdxFile, Source
from bench.errors import DataError

SHAPES = {
    "train-images-idx3-ubyte": (60, 28, 28),
    "train-labels-idx1-ubyte": (60,),
    "t10k-images-idx3-ubyte": (20, 28, 28),
    "t10k-labels-idx1-ubyte": (20,),
}
NAMES = tuple(SHAPES)


def idx(values: np.ndarray) -> bytes:
    """The format as it is published: magic number 0x08 and the sizes, big-endian."""
    return struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + bytes(
        values.astype(np.uint8)
    )


def made_up() -> dict[str, bytes]:
    """Four IDX files; a training image's first pixel is its number."""
    contents = {}
    for name, shape in SHAPES.items():
        values = np.random.default_rng(len(name)).integers(0, 10, shape)
        if len(shape) == 3:
            values[:, 0, 0] = np.arange(len(values))
        contents[name] = idx(values)
    return contents


CONTENTS = made_up()


def packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


ARCHIVES = {name: packed(content) for name, content in CONTENTS.items()}


def source(*, mirrors: tuple[str, ...] = (), seconds: float = 10.0, md5: bool = False) -> Source:
    """The made-up data set with its digests: of the content, or of the archives."""
    files = [
        IdxFile(
            name,
            shape,
            sha256=None if md5 else hashlib.sha256(CONTENTS[name]).hexdigest(),
            archive_md5=hashlib.md5(ARCHIVES[name]).hexdigest() if md5 else None,
        )
        for name, shape in SHAPES.items()
    ]
    return Source(
        name="made_up",
        folder="MadeUp",
        files=(files[0], files[1], files[2], files[3]),
        n_validation=6,
        mirrors=mirrors,
        download_seconds=seconds,
    )


def lay(folder: Path, contents: Mapping[str, bytes], suffix: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / f"{name}{suffix}").write_bytes(content)
    return folder


@pytest.fixture(autouse=True)
def _nothing_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENCH_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / ".cache"))
    monkeypatch.setenv("no_proxy", "*")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


# --- reading ------------------------------------------------------------------------------------


@pytest.mark.parametrize("below", ["MadeUp/raw", "raw", "."])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_either_form_in_either_place_will_do(tmp_path: Path, below: str, suffix: str) -> None:
    lay(tmp_path / "root" / below, ARCHIVES if suffix else CONTENTS, suffix)

    data = mnist.load(tmp_path / "root", source())

    assert data.train.images.shape == (54, 28, 28)
    assert data.test.labels.tolist() == list(CONTENTS[NAMES[3]][8:])
    assert data.info.name == "made_up"


def test_the_split_is_torchs_random_split_by_seed_42(tmp_path: Path) -> None:
    data = mnist.load(lay(tmp_path / "root", CONTENTS), source())
    train, validation = random_split(range(60), [54, 6], generator=Generator().manual_seed(42))

    assert data.train.images[:, 0, 0].tolist() == list(train)
    assert data.validation.images[:, 0, 0].tolist() == list(validation)
    assert data.train.labels.tolist() == [CONTENTS[NAMES[1]][8 + row] for row in train]


def test_the_digest_is_over_the_values_of_both_parts(tmp_path: Path) -> None:
    data = mnist.load(lay(tmp_path / "root", CONTENTS), source())
    values = b"".join(
        CONTENTS[name][header:] for name, header in zip(NAMES, (16, 8, 16, 8), strict=True)
    )

    assert data.info.digest == hashlib.sha256(values).hexdigest()


def error_of(folder: Path, wanted: Source | None = None) -> DataError:
    with pytest.raises(DataError) as caught:
        mnist.load(folder, wanted or source())
    assert not isinstance(caught.value, MissingDataError)
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_truncated_archive_names_the_file_and_the_remedy(tmp_path: Path) -> None:
    archives = {**ARCHIVES, NAMES[2]: ARCHIVES[NAMES[2]][:500]}
    error = error_of(lay(tmp_path / "root", archives, ".gz"))

    assert error.what.startswith("not a whole gzip file (")
    assert hashlib.sha256(archives[NAMES[2]]).hexdigest() in error.what
    assert error.where == str(tmp_path / "root" / f"{NAMES[2]}.gz")
    assert error.remedy == f"delete it and fetch {NAMES[2]}.gz of MadeUp again"


@pytest.mark.parametrize("content", [b"", b"<html>404</html>", b"\x1f\x8bnot deflate at all"])
def test_a_file_that_is_no_gzip_is_told(tmp_path: Path, content: bytes) -> None:
    error = error_of(lay(tmp_path / "root", {**ARCHIVES, NAMES[0]: content}, ".gz"))

    assert error.what.startswith(("not a whole gzip file", "not the published"))


def test_a_wrong_file_names_both_digests(tmp_path: Path) -> None:
    wrong = bytearray(CONTENTS[NAMES[1]])
    wrong[20] ^= 1
    error = error_of(lay(tmp_path / "root", {**CONTENTS, NAMES[1]: bytes(wrong)}))

    assert error.what == (
        f"not the published {NAMES[1]}: sha256 of the uncompressed content is "
        f"{hashlib.sha256(wrong).hexdigest()}, expected "
        f"{hashlib.sha256(CONTENTS[NAMES[1]]).hexdigest()}"
    )


def test_swapped_files_are_seen(tmp_path: Path) -> None:
    swapped = {**ARCHIVES, NAMES[1]: ARCHIVES[NAMES[3]], NAMES[3]: ARCHIVES[NAMES[1]]}
    error = error_of(lay(tmp_path / "root", swapped, ".gz"))

    assert error.what.startswith(f"not the published {NAMES[1]}: ")


def test_an_archive_with_a_published_md5_must_have_it(tmp_path: Path) -> None:
    folder = lay(tmp_path / "root", {**ARCHIVES, NAMES[0]: packed(CONTENTS[NAMES[2]])}, ".gz")
    error = error_of(folder, source(md5=True))

    assert error.what == (
        f"not the published archive: md5 {hashlib.md5(packed(CONTENTS[NAMES[2]])).hexdigest()}, "
        f"expected {hashlib.md5(ARCHIVES[NAMES[0]]).hexdigest()}"
    )


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        (NAMES[0], CONTENTS[NAMES[0]][:-1], "47,055 bytes starting with 00000803, expected 47,056"),
        (NAMES[0], CONTENTS[NAMES[2]], "15,696 bytes starting with 00000803, expected 47,056"),
        (NAMES[3], b"", "0 bytes starting with nothing, expected 28"),
        (NAMES[3], CONTENTS[NAMES[3]][:-1] + b"\x0a", "holds a label 10, labels are 0-9"),
    ],
    ids=["truncated", "swapped", "empty", "label"],
)
def test_uncompressed_files_without_a_digest_are_known_by_their_shape(
    tmp_path: Path, name: str, content: bytes, what: str
) -> None:
    error = error_of(lay(tmp_path / "root", {**CONTENTS, name: content}), source(md5=True))

    assert what in error.what
    assert error.where == str(tmp_path / "root" / name)


def test_another_data_sets_files_are_refused(tmp_path: Path) -> None:
    theirs = {hashlib.sha256(CONTENTS[NAMES[0]]).hexdigest(): "Other"}
    error = error_of(lay(tmp_path / "root", CONTENTS), replace(source(md5=True), foreign=theirs))

    assert error.what == "this is Other, not MadeUp"


# --- looking up ---------------------------------------------------------------------------------


def test_the_lookup_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each place is found until one before it holds the data."""
    wanted = source()
    assert mnist.locate(None, wanted) is None

    cache = lay(_idx.cache() / "MadeUp" / "raw", ARCHIVES, ".gz")
    assert mnist.locate(None, wanted) == cache

    lay(Path("data") / "MadeUp" / "raw", CONTENTS)
    assert mnist.locate(None, wanted) == Path("data") / "MadeUp" / "raw"

    environment = lay(tmp_path / "environment" / "MadeUp" / "raw", CONTENTS)
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "environment"))
    assert mnist.locate(None, wanted) == environment

    option = lay(tmp_path / "option" / "MadeUp" / "raw", CONTENTS)
    assert mnist.locate(tmp_path / "option", wanted) == option


@pytest.mark.parametrize("where", ["--data-dir", "$BENCH_DATA"])
def test_a_named_folder_without_the_data_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Though the cache holds it: a run on other data than the user named is worse than none."""
    lay(_idx.cache() / "MadeUp" / "raw", ARCHIVES, ".gz")
    named = lay(tmp_path / "named", {NAMES[0]: b""}).parent / "named"
    lay(named / "MadeUp" / "raw", {name: CONTENTS[name] for name in NAMES[:3]})
    if where == "$BENCH_DATA":
        monkeypatch.setenv("BENCH_DATA", str(named))

    with pytest.raises(MissingDataError) as caught:
        mnist.load(named if where == "--data-dir" else None, source())
    assert str(caught.value) == (
        f"the folder {named} does not hold MadeUp: missing {NAMES[3]}.gz in {named}/MadeUp/raw "
        f"({where}): put the files there, or name no folder to search ./data, "
        "~/.cache/manyseeds and the mirrors"
    )


# --- fetching -----------------------------------------------------------------------------------


@dataclass
class Mirror:
    """A server on the loopback: `answers` maps a path to bytes, or to None for silence."""

    url: str
    answers: dict[str, bytes | None]
    asked: list[str]


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    answers: dict[str, bytes | None] = {}
    asked: list[str] = []
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = answers.get(self.path, b"")
            if body is None:
                over.wait()
                return
            self.send_response(200 if self.path in answers else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Mirror(f"http://127.0.0.1:{server.server_port}/", answers, asked)
        over.set()
        server.shutdown()
        thread.join()


def serve(mirror: Mirror, contents: Mapping[str, bytes | None], below: str = "") -> str:
    mirror.answers |= {f"/{below}{name}.gz": content for name, content in contents.items()}
    return f"{mirror.url}{below}"


def test_what_is_nowhere_is_fetched_into_the_cache_once(mirror: Mirror) -> None:
    wanted = source(mirrors=(serve(mirror, ARCHIVES),))

    first = mnist.load(None, wanted)
    second = mnist.load(None, wanted)

    assert first.info == second.info
    assert np.array_equal(first.train.images, second.train.images)
    assert sorted(mirror.asked) == sorted(f"/{name}.gz" for name in NAMES)
    folder = _idx.cache() / "MadeUp" / "raw"
    assert sorted(path.name for path in folder.iterdir()) == sorted(f"{n}.gz" for n in NAMES)
    assert mnist.locate(None, wanted) == folder


def test_an_archive_packed_anew_has_the_same_content(mirror: Mirror) -> None:
    repacked = {name: gzip.compress(content, 1, mtime=7) for name, content in CONTENTS.items()}

    data = mnist.load(None, source(mirrors=(serve(mirror, repacked),)))

    assert len(data.test) == 20


def test_published_archives_are_checked_by_md5(mirror: Mirror) -> None:
    good = source(mirrors=(serve(mirror, ARCHIVES),), md5=True)
    assert len(fashion_mnist.load(None, good).train) == 54


def test_a_mirror_that_serves_something_else_is_passed_over(mirror: Mirror) -> None:
    portal = serve(mirror, dict.fromkeys(NAMES, b"<html>please log in</html>"), "portal/")
    good = serve(mirror, ARCHIVES, "good/")

    data = mnist.load(None, source(mirrors=(portal, f"{mirror.url}nothing/", good)))

    assert len(data.train) == 54


def test_mirrors_complete_each_other(mirror: Mirror) -> None:
    half = serve(mirror, {name: ARCHIVES[name] for name in NAMES[:2]}, "half/")
    rest = serve(mirror, {name: ARCHIVES[name] for name in NAMES[2:]}, "rest/")

    mnist.ensure(None, source(mirrors=(half, rest)))

    assert f"/rest/{NAMES[0]}.gz" not in mirror.asked


def test_what_failed_is_told_of_every_mirror_and_arrived_files_are_kept(mirror: Mirror) -> None:
    half = serve(mirror, {name: ARCHIVES[name] for name in NAMES[:3]}, "half/")
    bad = serve(mirror, {NAMES[3]: packed(b"other")}, "bad/")

    with pytest.raises(MissingDataError) as caught:
        mnist.load(None, source(mirrors=(half, bad)))

    assert caught.value.what.startswith(
        f"MadeUp could not be downloaded: {half}: HTTP Error 404: Not Found; {bad}: "
        f"not the published {NAMES[3]}: "
    )
    assert caught.value.where == "~/.cache/manyseeds/MadeUp/raw"
    assert caught.value.remedy == (
        f"fetch {NAMES[3]}.gz by hand into that folder, or try again: files that arrived are kept"
    )
    kept = {path.name for path in (_idx.cache() / "MadeUp" / "raw").iterdir()}
    assert kept == {f"{name}.gz" for name in NAMES[:3]}


def test_a_silent_mirror_is_given_up(mirror: Mirror) -> None:
    """The server never answers, so this ends by the limit or not at all."""
    silent = serve(mirror, dict.fromkeys(NAMES))

    with pytest.raises(MissingDataError, match=r"within 0\.3 seconds|timed out"):
        mnist.load(None, source(mirrors=(silent,), seconds=0.3))


def test_a_refused_connection_is_told() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        closed = f"http://127.0.0.1:{server.server_port}/"

    with pytest.raises(MissingDataError, match="refused"):
        _download.ensure(source(mirrors=(closed,)), None)


def test_a_cache_that_cannot_be_written_is_told(mirror: Mirror) -> None:
    _idx.cache().parent.mkdir(parents=True)
    _idx.cache().write_text("a file where the folder should be")

    with pytest.raises(MissingDataError, match=r"MadeUp could not be downloaded: .*manyseeds"):
        mnist.load(None, source(mirrors=(serve(mirror, ARCHIVES),)))

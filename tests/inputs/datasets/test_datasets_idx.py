"""IDX files, made up: where they are found, how they are verified, and fetched over HTTP."""

from __future__ import annotations

import gzip
import hashlib
import struct
import threading
import tracemalloc
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from torch import Generator
from torch.utils.data import random_split

from bench.errors import DataError
from bench.inputs import image_data
from bench.inputs.datasets import MissingDataError
from bench.inputs.idx import NAMES, Source

SHAPES = ((60, 28, 28), (60,), (20, 28, 28), (20,))
IMAGES = NAMES[0]
HEADERS = (16, 8, 16, 8)  # bytes before the values
BOMB_BYTES = 64 << 20


def made_up(name: str, shape: tuple[int, ...]) -> bytes:
    """One file as the format is published; a training image's first pixel is its number."""
    values = np.random.default_rng(len(name)).integers(0, 10, shape, dtype=np.uint8)
    if len(shape) == 3:
        values[:, 0, 0] = np.arange(len(values))
    return struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape) + values.tobytes()


CONTENTS = {name: made_up(name, shape) for name, shape in zip(NAMES, SHAPES, strict=True)}
ARCHIVES = {name: gzip.compress(content, mtime=0) for name, content in CONTENTS.items()}
DIGESTS = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENTS.items()}


def source(*mirrors: str, seconds: float = 10.0) -> Source:
    """The made-up data set."""
    first, second, third, fourth = DIGESTS.values()
    return Source(
        name="made_up",
        folder="MadeUp",
        sha256=(first, second, third, fourth),
        n_images=(60, 20),
        n_validation=6,
        mirrors=mirrors,
        download_seconds=seconds,
    )


def lay(folder: Path, contents: Mapping[str, bytes], suffix: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / f"{name}{suffix}").write_bytes(content)
    return folder


def files_below(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


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
@pytest.mark.parametrize("dotted", [False, True], ids=["published", "kaggle"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_each_form_in_each_place_will_do(
    tmp_path: Path, below: str, dotted: bool, suffix: str
) -> None:
    contents = ARCHIVES if suffix else CONTENTS
    named = {n.replace("s-idx", "s.idx") if dotted else n: each for n, each in contents.items()}
    folder = lay(tmp_path / "root" / below, named, suffix)

    data = source().load(tmp_path / "root")

    assert data.train.images.shape == (54, 28, 28)
    assert data.test.labels.tolist() == list(CONTENTS[NAMES[3]][8:])
    assert data.info.name == "made_up"
    assert files_below(tmp_path / "root") == sorted(f"{name}{suffix}" for name in named)
    assert source().locate(tmp_path / "root") == folder


def test_the_split_is_torchs_random_split_by_seed_42(tmp_path: Path) -> None:
    data = source().load(lay(tmp_path / "root", CONTENTS))
    train, validation = random_split(range(60), [54, 6], generator=Generator().manual_seed(42))

    assert data.train.images[:, 0, 0].tolist() == list(train)
    assert data.validation.images[:, 0, 0].tolist() == list(validation)
    assert data.train.labels.tolist() == [CONTENTS[NAMES[1]][8 + row] for row in train]


def test_the_digest_is_over_the_values_of_both_parts(tmp_path: Path) -> None:
    data = source().load(lay(tmp_path / "root", CONTENTS))
    values = b"".join(CONTENTS[n][header:] for n, header in zip(NAMES, HEADERS, strict=True))

    assert data.info.digest == hashlib.sha256(values).hexdigest()


def error_of(folder: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        source().load(folder)
    assert not isinstance(caught.value, MissingDataError)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>404</html>", b"\x1f\x8bnot deflate at all", ARCHIVES[IMAGES][:500]],
    ids=["empty", "html", "no deflate", "truncated"],
)
def test_a_damaged_archive_names_the_file_and_the_remedy(tmp_path: Path, content: bytes) -> None:
    error = error_of(lay(tmp_path / "root", {**ARCHIVES, IMAGES: content}, ".gz"))

    assert error.what.startswith(("cannot be read: ", f"not the published {IMAGES} of MadeUp: "))
    assert error.where == str(tmp_path / "root" / f"{IMAGES}.gz")
    assert error.remedy == f"make it readable, or delete it and fetch {IMAGES}.gz of MadeUp again"


@pytest.mark.parametrize(
    "content",
    [CONTENTS[IMAGES][:-1], CONTENTS[NAMES[2]], CONTENTS[IMAGES][:-1] + b"\xff"],
    ids=["truncated", "swapped", "one pixel"],
)
def test_a_wrong_file_names_both_sizes_and_digests(tmp_path: Path, content: bytes) -> None:
    error = error_of(lay(tmp_path / "root", {**CONTENTS, IMAGES: content}))

    assert error.what == (
        f"not the published {IMAGES} of MadeUp: uncompressed it has {len(content):,} bytes with "
        f"sha256 {hashlib.sha256(content).hexdigest()}, expected 47,056 bytes with "
        f"sha256 {DIGESTS[IMAGES]}"
    )


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = gzip.compress(CONTENTS[IMAGES] + bytes(BOMB_BYTES), 1)
    folder = lay(tmp_path / "root", {**ARCHIVES, IMAGES: bomb}, ".gz")

    tracemalloc.start()
    error = error_of(folder)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert "uncompressed it has more than 47,056 bytes, expected 47,056 bytes" in error.what
    assert peak_bytes < BOMB_BYTES / 16


def test_a_file_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux refuses to read a process's memory at address 0, whoever asks."""
    folder = lay(tmp_path / "root", {name: CONTENTS[name] for name in NAMES[1:]})
    (folder / IMAGES).symlink_to("/proc/self/mem")

    error = error_of(folder)

    assert error.what == "cannot be read: [Errno 5] Input/output error"
    assert error.where == str(folder / IMAGES)


# --- looking up ---------------------------------------------------------------------------------


def test_the_lookup_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each place is found until one before it holds the data."""
    wanted = source()
    assert wanted.locate(None) is None

    cache = lay(image_data.cache() / "MadeUp" / "raw", ARCHIVES, ".gz")
    assert wanted.locate(None) == cache

    lay(Path("data") / "MadeUp" / "raw", CONTENTS)
    assert wanted.locate(None) == Path("data") / "MadeUp" / "raw"

    environment = lay(tmp_path / "environment" / "MadeUp" / "raw", CONTENTS)
    monkeypatch.setenv("BENCH_DATA", str(tmp_path / "environment"))
    assert wanted.locate(None) == environment

    option = lay(tmp_path / "option" / "MadeUp" / "raw", CONTENTS)
    assert wanted.locate(tmp_path / "option") == option


@pytest.mark.parametrize("where", ["--data-dir", "$BENCH_DATA"])
def test_a_named_folder_without_the_data_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Though the cache holds it: a run on other data than the user named is worse than no run."""
    lay(image_data.cache() / "MadeUp" / "raw", ARCHIVES, ".gz")
    named = lay(tmp_path / "named", {IMAGES: b""})
    lay(named / "MadeUp" / "raw", {name: CONTENTS[name] for name in NAMES[:3]})
    if where == "$BENCH_DATA":
        monkeypatch.setenv("BENCH_DATA", str(named))

    with pytest.raises(MissingDataError) as caught:
        source().load(named if where == "--data-dir" else None)
    assert str(caught.value) == (
        f"the folder {named} does not hold MadeUp: missing {NAMES[3]}.gz in {named}/MadeUp/raw "
        f"({where}): put the files there, or leave it out to search ./data, "
        "~/.cache/manyseeds and the mirrors"
    )


# --- fetching -----------------------------------------------------------------------------------


@dataclass
class Mirror:
    """A server on the loopback: `answers` maps a path to bytes; `stalling` ones stop half-way."""

    url: str
    answers: dict[str, bytes]
    stalling: set[str]
    asked: list[str]
    stalled: threading.Event  # set once a client waits for the other half
    over: threading.Event  # set it, and such a client's connection ends

    def serve(self, contents: Mapping[str, bytes], below: str = "") -> str:
        self.answers |= {f"/{below}{name}.gz": content for name, content in contents.items()}
        return f"{self.url}{below}"


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    served = Mirror("", {}, set(), [], threading.Event(), threading.Event())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            body = served.answers.get(self.path, b"")
            self.send_response(200 if body else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.path in served.stalling:
                self.wfile.write(body[: len(body) // 2])
                served.stalled.set()
                served.over.wait()
            else:
                self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield served
        served.over.set()
        server.shutdown()
        thread.join()


def test_what_is_nowhere_is_fetched_into_the_cache_once(mirror: Mirror) -> None:
    repacked = {name: gzip.compress(content, 1, mtime=7) for name, content in CONTENTS.items()}
    wanted = source(mirror.serve(repacked))

    first, second = wanted.load(None), wanted.load(None)

    assert first.info == second.info
    assert np.array_equal(first.train.images, second.train.images)
    assert sorted(mirror.asked) == sorted(f"/{name}.gz" for name in NAMES)
    assert wanted.locate(None) == image_data.cache() / "MadeUp" / "raw"
    assert files_below(image_data.cache()) == sorted(f"{name}.gz" for name in NAMES)


def test_two_at_once_do_no_harm(mirror: Mirror) -> None:
    wanted = source(mirror.serve(ARCHIVES))

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(wanted.load, [None, None])

    assert first.info == second.info
    assert files_below(image_data.cache()) == sorted(f"{name}.gz" for name in NAMES)


def test_mirrors_complete_each_other_and_wrong_files_are_passed_over(mirror: Mirror) -> None:
    portal = mirror.serve(dict.fromkeys(NAMES, b"<html>please log in</html>"), "portal/")
    half = mirror.serve({name: ARCHIVES[name] for name in NAMES[:2]}, "half/")
    rest = mirror.serve({name: ARCHIVES[name] for name in NAMES[2:]}, "rest/")

    data = source(portal, half, rest).load(None)

    assert len(data.train) == 54
    assert f"/rest/{IMAGES}.gz" not in mirror.asked


def test_what_failed_is_told_of_every_mirror_and_arrived_files_are_kept(mirror: Mirror) -> None:
    half = mirror.serve({name: ARCHIVES[name] for name in NAMES[:3]}, "half/")
    bad = mirror.serve({NAMES[3]: ARCHIVES[NAMES[1]]}, "bad/")
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        closed = f"http://127.0.0.1:{server.server_port}/"

    with pytest.raises(MissingDataError) as caught:
        source(half, bad, closed).load(None)

    assert caught.value.what.startswith(
        f"MadeUp could not be downloaded: {half}: HTTP Error 404: Not Found; {bad}: "
        f"not the published {NAMES[3]} of MadeUp: "
    )
    assert f"; {closed}: <urlopen error [Errno" in caught.value.what
    assert caught.value.where == "~/.cache/manyseeds/MadeUp/raw"
    assert caught.value.remedy == (
        f"name their folder with --data-dir, fetch {NAMES[3]}.gz by hand into that folder, or "
        "try again: files that arrived are kept"
    )
    assert files_below(image_data.cache()) == sorted(f"{name}.gz" for name in NAMES[:3])


def test_a_mirror_that_stalls_is_given_up_and_leaves_no_half_file(mirror: Mirror) -> None:
    """The server never sends the other half, so this ends by the limit or not at all."""
    stalled = mirror.serve(ARCHIVES)
    mirror.stalling.add(f"/{NAMES[1]}.gz")

    with pytest.raises(MissingDataError, match=r"within 0\.5 seconds|timed out"):
        source(stalled, seconds=0.5).load(None)

    assert files_below(image_data.cache()) == [f"{IMAGES}.gz"]


def test_no_further_file_or_mirror_is_asked_after_the_limit(mirror: Mirror, tmp_path: Path) -> None:
    stalled, second = mirror.serve(ARCHIVES, "stalled/"), mirror.serve(ARCHIVES, "second/")
    mirror.stalling.add(f"/stalled/{NAMES[1]}.gz")
    time_is_over = threading.Event()

    with ThreadPoolExecutor(1) as pool:
        mirrors = (stalled, second)
        fetching = pool.submit(source()._fetch, tmp_path, mirrors, [], time_is_over)
        mirror.stalled.wait()
        time_is_over.set()
        mirror.over.set()
        fetching.result()

    assert mirror.asked == [f"/stalled/{name}.gz" for name in NAMES[:2]]


def test_a_cache_that_cannot_be_written_is_told(mirror: Mirror) -> None:
    image_data.cache().parent.mkdir(parents=True)
    image_data.cache().write_text("a file where the folder should be")

    with pytest.raises(MissingDataError, match=r"MadeUp could not be downloaded: .*manyseeds"):
        source(mirror.serve(ARCHIVES)).load(None)

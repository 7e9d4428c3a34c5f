"""Bad input: one line (what, where, remedy), exit code 2, no traceback, nothing written."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.errors import StoreError
from bench.machine import require_writable
from tests.support import environment

Bench = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., Path]
QUICK = ("--dataset", "mnist5k", "--seeds", "1", "--epochs", "1")


def assert_refused(done: subprocess.CompletedProcess[str], *words: str, code: int = 2) -> None:
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0]


@pytest.mark.parametrize("command", ["all", "train"])
@pytest.mark.parametrize("seeds", ["0", "-1", "a", "5-2", "1,1"])
def test_bad_seeds(bench: Bench, tmp_path: Path, command: str, seeds: str) -> None:
    assert_refused(bench(command, f"--seeds={seeds}"), f"'{seeds}'", "--seeds", "give 5")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--epochs", "0"], ["bad epochs '0'", "give 1 or more"]),
        (["--epochs", f"1{'0' * 12}"], ["bad epochs '1000000000000'", "give at most 1,000,000"]),
        (["--results", "n" * 300], ["File name too long", "name another"]),
        (["--with", "ema_deca=0"], ["no field 'ema_deca'", "did you mean 'ema_decay'?"]),
        (["--with", "ema_decay=2"], ["--with", "< 1.0", "$.ema_decay"]),
        (["--recipe-of", "model_22"], ["unknown architecture 'model_22'", "'model_2'?"]),
        (["--jobs", "0"], ["bad jobs '0'", "give 1 or more"]),
        (["--suite", "a/b"], ["bad suite name 'a/b'"]),
        (["--suite", ".."], ["bad suite name '..'"]),
        (["--suite", ""], ["bad suite name ''"]),
        (["--arch", "model_22"], ["unknown architecture 'model_22'", "did you mean 'model_2'?"]),
        (["--dataset", "mnits"], ["unknown data set 'mnits'", "did you mean 'mnist'?"]),
        (["--device", "cuda:99"], ["no device 'cuda:99'", "--device cpu"]),
        (["--device", "mps"], ["'mps' is not supported yet", "--device cpu"]),
        (["--device", "abacus"], ["unknown device 'abacus'", "cuda:N"]),
        (["--device", "cpu", "--tf32"], ["--tf32 applies only to GPUs", "leave it out"]),
        (["--group", "nothing"], ["no folder of architectures 'nothing'"]),
    ],
)
def test_bad_options(bench: Bench, tmp_path: Path, options: list[str], words: list[str]) -> None:
    assert_refused(bench("all", *QUICK, *options), *words)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_option_or_command_is_a_usage_error(bench: Bench) -> None:
    for words in (["all", "--seed", "5"], ["tarin"], ["train", "--jobs", "two"]):
        done = bench(*words)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert "Error" in done.stderr


@pytest.mark.parametrize("option", ["--results", "--reports"])
def test_a_file_where_a_folder_should_be(bench: Bench, tmp_path: Path, option: str) -> None:
    (tmp_path / "file").write_text("mine")
    done = bench("all", *QUICK, "--arch", "model_1", option, "file")
    assert_refused(done, "cannot write", "file", "choose a writable folder")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("option", ["--results", "--reports"])
def test_a_folder_that_cannot_be_written(bench: Bench, tmp_path: Path, option: str) -> None:
    place = "/proc/nothing"  # not even root can make a folder there
    if os.geteuid() != 0:
        (tmp_path / "locked").mkdir(mode=0o500)
        place = "locked"
    done = bench("all", *QUICK, "--arch", "model_1", option, place)
    assert_refused(done, "cannot write", place, "choose a writable folder")


def test_a_folder_where_an_architecture_should_be(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "architectures" / "tiny.py").mkdir(parents=True)
    assert_refused(bench("train", *QUICK, "--arch", "tiny"), "cannot be read", "tiny.py")
    assert not (tmp_path / "results").exists()


BROKEN = {
    "syntax": ("class Network(:", "syntax error"),
    "no_module": ("x = 1", "no class Network"),
    "shape": ("self.features(images)", "output shape"),
    "no_tensor": ("[images]", "not a tensor"),
    "raises": ("1 / 0", "ZeroDivisionError in forward"),
}


def write_broken(write_architecture: Write, name: str) -> str:
    source, message = BROKEN[name]
    if name in ("syntax", "no_module"):
        write_architecture(name, source)
    else:
        write_architecture(name, output=source)
    return message


@pytest.mark.parametrize("name", BROKEN)
def test_a_bad_architecture_that_is_named_stops_the_command(
    bench: Bench, tmp_path: Path, write_architecture: Write, name: str
) -> None:
    message = write_broken(write_architecture, name)
    assert_refused(bench("train", *QUICK, "--arch", name), message, f"{name}.py")
    assert not (tmp_path / "results").exists()


def test_bad_architectures_of_a_scan_are_told_and_the_others_run(
    bench: Bench, tmp_path: Path, write_architecture: Write
) -> None:
    write_architecture("tiny")
    messages = [write_broken(write_architecture, name) for name in BROKEN]
    done = bench("train", *QUICK)
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    for message in messages:
        assert message in done.stderr
    assert len(list(tmp_path.glob("results/local/mnist5k/tiny/seed-*.json"))) == 1


def test_two_architectures_of_one_name(
    bench: Bench, tmp_path: Path, write_architecture: Write
) -> None:
    write_architecture("tiny")
    write_architecture("tiny", group="ablations")
    done = bench("train", *QUICK, "--arch", "tiny")
    assert_refused(done, "two architectures named 'tiny'", "rename one")
    assert not (tmp_path / "results").exists()


def test_a_full_disk_is_told_and_leaves_no_torn_record(
    tmp_path: Path, write_architecture: Write
) -> None:
    # No privilege is needed to let every write of more than 2,000 bytes fail.
    write_architecture("tiny")
    done = subprocess.run(
        [sys.executable, "-m", "bench", "train", *QUICK],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000)),
    )
    assert_refused(done, "cannot write", "free space")
    assert [path for path in tmp_path.rglob("*.json") if path.stat().st_size == 0] == []
    assert list(tmp_path.rglob(".tmp-*")) == []


def test_too_little_free_space_is_told_before_any_training(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="bytes free"):
        require_writable([tmp_path / "results"], n_bytes=2**62)
    assert list(tmp_path.iterdir()) == []

"""A command whose reader has enough, as `| head` has, ends quietly."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT, environment

COMMANDS = (
    ("plan", "--rate", "0.9"),
    ("plan", "--rate", "0.9", "--json"),
    ("list", "--builtin"),
    ("claims", "--json", "--suite", "reference", "--results", str(ROOT / "results")),
    ("inspect", "model_1"),
    ("--help",),
    ("--version",),
)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("both", [False, True], ids=["stdout", "stdout and stderr"])
def test_a_command_that_nobody_reads_ends_quietly(
    tmp_path: Path, words: tuple[str, ...], both: bool
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "bench", *words],
        cwd=tmp_path,
        env=environment(),
        stdout=writing,
        stderr=writing if both else subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr or b"") == (141, b"")


def test_an_error_that_nobody_reads_ends_quietly(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "bench", "compare", "a", "b"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=writing,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stdout) == (141, b"")

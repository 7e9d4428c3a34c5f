"""How errors and commands are worded."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from bench.errors import in_one_line, typed, without_home

NO_PASSWD_ENTRY = """
import pwd, sys

def missing(uid):
    raise KeyError(uid)

pwd.getpwuid = missing
from bench.cli import main
sys.argv = ["bench", "doctor"]
main()
"""


def test_an_error_of_several_lines_is_one_line() -> None:
    assert in_one_line(ValueError("first\n  second")) == "ValueError: first second"
    assert in_one_line(KeyError()) == "KeyError:"


def test_the_home_folder_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    assert without_home("train --data-dir /home/ann/data") == "train --data-dir ~/data"
    monkeypatch.setenv("HOME", "/")
    assert without_home("train --data-dir /data") == "train --data-dir /data"


def test_a_text_stays_as_it_is_where_the_user_has_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(uid: int) -> NoReturn:
        raise KeyError(uid)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", missing)
    with pytest.raises(RuntimeError):
        Path.home()
    assert without_home("train --data-dir /home/ann/data") == "train --data-dir /home/ann/data"


@pytest.mark.process
def test_a_command_runs_where_the_user_has_no_home(tmp_path: Path) -> None:
    """As in a container that runs under a number without a name."""
    environment = {name: value for name, value in os.environ.items() if name != "HOME"}
    done = subprocess.run(
        [sys.executable, "-c", NO_PASSWD_ENTRY],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "results" in done.stdout


def test_a_typed_command_is_what_a_shell_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    words = ["bench", "--results", "/home/ann/my runs", "--reports", "/home/ann/", "/data/a b", "~"]
    line = typed(words)
    assert line == "bench --results ~/'my runs' --reports ~/ '/data/a b' '~'"
    shown = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {line}"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.splitlines() == words

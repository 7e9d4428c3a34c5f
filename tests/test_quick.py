"""The quick run refuses what is not quick, and the listed places are there."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests import conftest, quick
from tests.support import environment

REFUSED = {
    "import torch": "import of torch in a quick test",
    "import subprocess; subprocess.run(['true'])": "subprocess.Popen in a quick test",
    "import os; os.fork()": "os.fork in a quick test",
    "from multiprocessing import get_context; get_context('spawn').Process().start()": (
        "import of multiprocessing.popen_spawn_posix in a quick test"
    ),
}


@pytest.mark.skipif(sys.platform == "win32", reason="names the processes of POSIX")
@pytest.mark.parametrize("statement", REFUSED)
def test_what_is_not_quick_ends_even_code_that_catches_every_exception(statement: str) -> None:
    code = (
        f"from tests import quick; quick.forbid()\ntry: {statement}\nexcept Exception: print('ran')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert REFUSED[statement] in done.stderr


@pytest.mark.parametrize("place", conftest.LONGEST)
def test_a_long_file_is_there(place: str) -> None:
    assert (quick.TESTS / place).is_file()


@pytest.mark.parametrize("place", [*quick.QUICK, *quick.NOT_QUICK])
def test_a_listed_place_is_there(place: str) -> None:
    assert (quick.TESTS / place).exists()
    assert quick.is_quick_path(quick.TESTS / place) == (place in quick.QUICK)

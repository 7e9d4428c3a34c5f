"""A user's Python file is run as it is written now."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path

import pytest

from bench.inputs.own_file import execute
from tests.support import bench, write_architecture


def test_the_text_at_hand_runs_whatever_python_has_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both texts have one size and one time of change, as two edits within a second have."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = tmp_path / "mine.py"
    for value in (1, 2):
        path.write_text(f"VALUE = {value}\n", encoding="utf-8")
        os.utime(path, (1_700_000_000, 1_700_000_000))
        assert value == execute("mine", path).VALUE
        monkeypatch.delitem(sys.modules, "mine")


def test_a_file_imports_its_neighbours_and_one_that_fails_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_mine.py").write_text("VALUE = 3\n", encoding="utf-8")
    path = tmp_path / "mine.py"
    path.write_text("import neighbour_of_mine\n1 / 0\n", encoding="utf-8")
    before = list(sys.path)
    with pytest.raises(ZeroDivisionError):
        execute("mine", path)
    assert "mine" not in sys.modules
    assert "neighbour_of_mine" not in sys.modules
    assert sys.path == before


@pytest.mark.parametrize("module", ["blocks_of_mine", "blocks_of_mine.widths"])
def test_neighbours_of_one_name_do_not_meet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    """Neither of two folders gets the other's, nor one that is installed under that name."""
    installed = types.ModuleType("blocks_of_mine")
    monkeypatch.setitem(sys.modules, "blocks_of_mine", installed)
    for width in (4, 16):
        folder = tmp_path / f"lab_{width}"
        neighbour = folder / f"{module.replace('.', '/')}.py"
        neighbour.parent.mkdir(parents=True)
        neighbour.write_text(f"WIDTH = {width}\n", encoding="utf-8")
        path = folder / f"net_{width}.py"
        path.write_text(f"from {module} import WIDTH\n", encoding="utf-8")
        assert width == execute(path.stem, path).WIDTH
    assert sys.modules["blocks_of_mine"] is installed


def test_variables_of_the_environment_come_back(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "import os\nos.environ.pop('PATH')\nos.environ['CUDA_VISIBLE_DEVICES'] = ''\n",
        encoding="utf-8",
    )
    before = dict(os.environ)
    execute("mine", path)
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("import sys; sys.exit(0)", "SystemExit on import: 0"),
        ("os._exit(0)", "SystemExit on import: os._exit(0)"),
        (
            "while True:\n    try: time.sleep(1)\n    except Exception: pass",
            "did not end within 0.5 seconds",
        ),
        (
            "while True:\n    try: time.sleep(1)\n    except BaseException: pass",
            "did not end within 0.5 seconds",
        ),
        (
            "import collections, itertools\ncollections.deque(itertools.repeat(1), maxlen=0)",
            "did not end within 0.5 seconds",  # no signal and no thread of Python's interrupts it
        ),
        ("os.abort()", "its code ended its process with signal SIGABRT"),
        ("os.kill(os.getpid(), 9)", "its code ended its process with signal SIGKILL"),
        ("class Mine(BaseException): pass\nraise Mine('own')", "Mine: own"),
    ],
)
def test_a_file_ends_neither_the_command_nor_in_silence(
    tmp_path: Path, statement: str, message: str
) -> None:
    """It is a broken file, with its line, and the other files go on."""
    write_architecture(tmp_path, "tiny", f"import os\nimport time\n{statement}\n")
    for words, code in ((["--arch", "tiny"], 2), ([], 3)):
        done = bench(tmp_path, "train", *words, "--dataset", "mnist5k", BENCH_LIMIT_SECONDS="0.5")
        assert done.returncode == code, done.stderr
        assert message in done.stderr
        assert "tiny.py:" in done.stderr or "SIGKILL" in message  # which leaves no time to tell
        assert "Traceback" not in done.stderr

"""`pytest -m quick`: the tests that need no torch, no browser and no process of their own.

They are chosen by file, because the import of a file of tests may already import torch. A test
that does in the quick run what it must not do fails.
"""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
QUICK = (
    *("evidence", "records", "report", "stats", "test_errors.py", "test_import_direction.py"),
    *("test_spec.py", "inputs/test_discover.py", "inputs/test_recipes.py"),
    "training/reproduction/test_outcome.py",
)
NOT_QUICK = (
    *("report/browser", "report/test_drawing.py", "report/sections/test_operations.py"),
    *("report/test_report_hostile.py", "report/test_report_states.py"),  # many whole reports
)
# What begins a process or measures a network with torch.
FIXTURES = {"bench", "browser", "portraits"}
EVENTS = {"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "subprocess.Popen"}
# The standard library imports such a module when it begins the first process of that kind.
MODULES = {"torch", *(f"multiprocessing.popen_{kind}" for kind in ("fork", "forkserver"))}
MODULES |= {"multiprocessing.popen_spawn_posix", "multiprocessing.popen_spawn_win32"}


class NotQuick(BaseException):
    """Not an Exception, so that nothing but the test's end catches it."""


def is_asked_for(config: pytest.Config) -> bool:
    """Whether this run is the quick one."""
    return bool(config.getoption("markexpr") == "quick")


def is_quick_path(path: Path) -> bool:
    """Whether quick tests may lie there, or further below."""
    return any(
        path.is_relative_to(TESTS / each) or (TESTS / each).is_relative_to(path) for each in QUICK
    ) and not any(path.is_relative_to(TESTS / each) for each in NOT_QUICK)


def is_quick(item: pytest.Item) -> bool:
    """Whether the test is one of them."""
    return (
        is_quick_path(item.path)
        and not FIXTURES.intersection(getattr(item, "fixturenames", ()))
        and item.get_closest_marker("process") is None
    )


def forbid() -> None:
    """From now on what is not quick raises, in this process."""
    # These ask another program, once: for the processor's name, and for a new machine's fonts.
    platform.processor()
    import matplotlib.font_manager  # noqa: F401

    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event in EVENTS:
        raise NotQuick(f"{event} in a quick test: mark it with `process`")
    if event == "import" and arguments[0] in MODULES:
        raise NotQuick(f"import of {arguments[0]} in a quick test: see tests/quick.py")

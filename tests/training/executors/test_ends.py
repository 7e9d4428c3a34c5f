"""No process of the executor outlives it, whatever that process does, and whatever ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bench.machine import begin_process
from bench.training.executors.device import DeviceExecutor
from tests.support import ROOT, environment, require_end
from tests.training.executors.test_device import jobs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
Write = Callable[..., Path]

# A holder that neither reads its pipe nor listens to SIGTERM, as one that waits in a driver.
HANGS = """
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with open(os.environ["HANGS"], "w") as pipe:
            pipe.write(f"{os.getpid():8d}")
        signal.pause()"""
WORKS = """
import sys
from contextlib import closing
from pathlib import Path
from tests.training.executors.test_device import jobs
from bench.training.executors.device import DeviceExecutor
if __name__ == "__main__":
    with closing(DeviceExecutor(1).work(jobs(Path(sys.argv[1]), "r", [0], "tiny"))) as events:
        list(events)
"""


@pytest.fixture
def hanging(
    tmp_path: Path, write_architecture: Write, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], list[int]]:
    """Waits until a network that hangs does so: its process and those which that one began."""
    write_architecture("tiny", before=HANGS)
    path = tmp_path / "hangs"
    os.mkfifo(path)
    monkeypatch.setenv("HANGS", str(path))

    def wait() -> list[int]:
        holder = int(path.read_text(encoding="utf-8"))
        below = Path(f"/proc/{holder}/task/{holder}/children").read_text(encoding="utf-8")
        assert below
        return [holder, *map(int, below.split())]

    return wait


def test_leaving_the_iterator_ends_a_process_that_hangs(
    tmp_path: Path, hanging: Callable[[], list[int]]
) -> None:
    with closing(DeviceExecutor(1).work(jobs(tmp_path, "r", [0], "tiny"))) as events:
        assert next(events).kind == "started"
        processes = hanging()
    require_end(processes)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_process_that_hangs_ends_with_its_command(
    tmp_path: Path, hanging: Callable[[], list[int]], how: signal.Signals
) -> None:
    script = tmp_path / "works.py"
    script.write_text(WORKS, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)],
        cwd=ROOT,
        env=environment(HANGS=os.environ["HANGS"]),
        stderr=subprocess.DEVNULL,
    ) as command:
        processes = hanging()
        command.send_signal(how)
    require_end(processes)


def test_a_process_whose_parent_is_gone_already_does_no_work(tmp_path: Path) -> None:
    """The parent may end while the new process still starts."""
    from bench.machine import _work

    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        os.close(ours)
        _work(lambda pipe: os.write(theirs, b"worked"), None, os.getpid())  # type: ignore[arg-type]
        os._exit(0)
    os.close(theirs)
    assert os.read(ours, 6) == b""
    os.close(ours)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def test_begun_processes_work_as_before() -> None:
    process, pipe = begin_process(_answers, 3)
    assert pipe.recv() == 4
    process.join()
    assert process.exitcode == 0
    pipe.close()


def _answers(pipe: object, number: int) -> None:
    pipe.send(number + 1)  # type: ignore[attr-defined]

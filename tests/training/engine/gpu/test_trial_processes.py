"""Trials in processes of their own, and what is kept of them; a CPU stands in for the device."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bench.errors import TrainingError
from bench.inputs import discover, image_data
from bench.spec import Architecture
from bench.training.engine.gpu import trial_processes
from bench.training.engine.gpu.capturing import Trial
from bench.training.engine.gpu.trial_processes import trials
from tests.support import in_the_captured_half

CPU = torch.device("cpu")
Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an empty cache."""
    monkeypatch.setattr(image_data, "cache", lambda: tmp_path / "cache")
    return tmp_path / "cache" / "trials"


@pytest.fixture
def another_command(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Forgets what this process knows, so that only the cache is left."""
    return lambda: monkeypatch.setattr(trial_processes, "_known", {})


@pytest.fixture
def write(tmp_path: Path, write_architecture: Write) -> Callable[..., Architecture]:
    """An architecture whose network adds its process's number to the file `pids`."""

    def made(name: str, does: str = "pass") -> Architecture:
        leave = f"open({str(tmp_path / 'pids')!r}, 'a').write(f'{name} {{os.getpid()}}\\n')"
        write_architecture(name, before=f"{leave}\n        {does}")
        (found,) = discover.select(discover.scan(tmp_path / "architectures"), [name])
        return discover.load(found)

    return made


@pytest.fixture
def processes(tmp_path: Path) -> Callable[[], dict[str, set[str]]]:
    """Name -> the processes that tried it since the last call."""

    def found() -> dict[str, set[str]]:
        file = tmp_path / "pids"
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        names = {line.split()[0] for line in lines}
        return {
            name: {line.split()[1] for line in lines if line.split()[0] == name} for name in names
        }

    return found


NO_CAPTURE = in_the_captured_half("raise ValueError('no captures')")


def test_a_process_tries_network_after_network_until_one_breaks_it(
    write: Callable[..., Architecture], processes: Callable[[], dict[str, set[str]]]
) -> None:
    names = {"a": "pass", "b": NO_CAPTURE, "c": "pass", "d": "pass"}
    found = trials([write(name, does) for name, does in names.items()], CPU)
    assert [trial.refusal for trial in found] == [None, "ValueError: no captures", None, None]
    used = processes()
    assert len(used["a"]) == len(used["c"]) == 1
    assert used["a"] == used["b"] != used["c"] == used["d"]


def test_a_trial_is_made_once(
    write: Callable[..., Architecture],
    processes: Callable[[], dict[str, set[str]]],
    another_command: Callable[[], None],
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both = [write("a"), write("b", NO_CAPTURE)]
    found = trials(both, CPU)
    assert set(processes()) == {"a", "b"}
    assert trials(both, CPU) == found
    another_command()
    assert trials(both, CPU) == found
    assert processes() == {}
    # A file that cannot be read is as good as none.
    for file in cache.iterdir():
        file.write_bytes(b'{"seconds_per_step": -1')
    another_command()
    assert [each.refusal for each in trials(both, CPU)] == [each.refusal for each in found]
    assert set(processes()) == {"a", "b"}
    # Another source, another device or another engine: another trial.
    trials([write("a", "images = images + 1"), both[1]], CPU)
    assert set(processes()) == {"a"}
    for name in ("fingerprint", "_engine_digest"):
        with monkeypatch.context() as patch:
            patch.setattr(trial_processes, name, lambda *_: "another")
            trials([both[1]], CPU)
        assert set(processes()) == {"b"}


def test_an_error_of_the_network_itself_is_asked_again_by_the_next_command(
    write: Callable[..., Architecture],
    processes: Callable[[], dict[str, set[str]]],
    another_command: Callable[[], None],
) -> None:
    bad = write("bad", "raise ValueError('mine')")
    for _ in range(2):
        assert trials([bad], CPU) == [Trial(plain_error="ValueError: mine")]
        assert set(processes()) == {"bad"}
        assert trials([bad], CPU) == [Trial(plain_error="ValueError: mine")]
        assert processes() == {}
        another_command()


def test_a_refusal_that_tells_of_no_capture_is_asked_again_by_the_next_command(
    write: Callable[..., Architecture],
    processes: Callable[[], dict[str, set[str]]],
    another_command: Callable[[], None],
) -> None:
    """It may be a passing error of the device, and the answer decides the runs' key."""
    odd = write("odd", in_the_captured_half("raise RuntimeError('strange')"))
    for _ in range(2):
        assert trials([odd], CPU)[0].refusal == "RuntimeError: strange"
        assert set(processes()) == {"odd"}
        another_command()


def test_what_it_means_that_the_trial_ends_its_process(write: Callable[..., Architecture]) -> None:
    reason = "its trial ended with exit code 9"
    early, late = write("early", "os._exit(9)"), write("late", in_the_captured_half("os._exit(9)"))
    assert trials([early, late], CPU) == [Trial(plain_error=reason), Trial(refusal=reason)]


@pytest.mark.parametrize(
    ("does", "told"),
    [
        ("raise RuntimeError('CUDA error: out of memory')", "CUDA error: out of memory"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "exit code -9"),
    ],
)
def test_a_trial_that_tells_of_the_device_alone_is_not_kept(
    write: Callable[..., Architecture], cache: Path, does: str, told: str
) -> None:
    with pytest.raises(TrainingError, match=f"cannot tell whether 'unlucky' .* {told}"):
        trials([write("unlucky", does)], CPU)
    assert not cache.exists()


def test_a_device_that_does_not_answer_decides_nothing(
    write: Callable[..., Architecture],
    processes: Callable[[], dict[str, set[str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No machine has a hundredth GPU."""
    monkeypatch.setattr(trial_processes, "fingerprint", lambda device: "here")
    with pytest.raises(TrainingError, match="cannot tell whether 'a' can be captured on cuda:99"):
        trials([write("a")], torch.device("cuda:99"))
    assert processes() == {}


def test_a_cache_that_cannot_be_written_costs_only_time(
    write: Callable[..., Architecture], tmp_path: Path, processes: Callable[[], dict[str, set[str]]]
) -> None:
    (tmp_path / "cache").write_text("a file, not a folder")
    (found,) = trials([write("a")], CPU)
    assert set(processes()) == {"a"}
    assert trials([write("a")], CPU) == [found]
    assert processes() == {}

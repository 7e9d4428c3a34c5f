"""Kills at random moments, and then one undisturbed call: what is lost?

    python -m tests.faults.kills --sessions 40 --seed 28

A session trains and renders in one folder. It is disturbed some times, each time in another way and
at another moment, and goes on each time. Then nobody disturbs it. It ends with every run, the same
bits, no process and nothing in TMPDIR.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests import support

N_SEEDS, N_DISTURBED = 4, 5
BUSY = 0.6  # of the undisturbed seconds: what was done before is not done again
NAMES = ("tiny", "small")
WORDS = (
    *("all", "--dataset", "mnist5k", "--seeds", str(N_SEEDS), "--epochs", "3", "--jobs", "2"),
    *(word for name in NAMES for word in ("--arch", name)),
)
MARK = "MANYSEEDS_SESSION"  # in the environment of every process of a session
SECONDS_TO_END = 5.0  # that a process may outlive the command


def processes(mark: str) -> Iterator[int]:
    """The session's living processes."""
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"{MARK}={mark}\0".encode() in path.read_bytes():
                yield int(path.parent.name)


def kill_driver(running: subprocess.Popen[bytes], _: random.Random) -> None:
    """As the system does that has no memory left."""
    running.kill()


def kill_group(running: subprocess.Popen[bytes], _: random.Random) -> None:
    """As a machine that goes down."""
    os.killpg(running.pid, signal.SIGKILL)


def kill_worker(running: subprocess.Popen[bytes], chance: random.Random) -> None:
    """Any process but the driver."""
    mark = Path(f"/proc/{running.pid}/environ").read_bytes().split(f"{MARK}=".encode())[1]
    others = sorted(set(processes(mark.split(b"\0")[0].decode())) - {running.pid})
    if others:
        with suppress(ProcessLookupError):
            os.kill(chance.choice(others), signal.SIGKILL)


def end_driver(running: subprocess.Popen[bytes], _: random.Random) -> None:
    """As a scheduler whose time is over."""
    running.terminate()


def interrupt(running: subprocess.Popen[bytes], _: random.Random) -> None:
    """As Ctrl-C in a terminal."""
    os.killpg(running.pid, signal.SIGINT)


def interrupt_twice(running: subprocess.Popen[bytes], chance: random.Random) -> None:
    """As an impatient person."""
    os.killpg(running.pid, signal.SIGINT)
    with suppress(subprocess.TimeoutExpired, ProcessLookupError):
        running.wait(chance.uniform(0, 0.5))
    with suppress(ProcessLookupError):
        os.killpg(running.pid, signal.SIGINT)


Disturbance = Callable[[subprocess.Popen[bytes], random.Random], None]
WAYS: tuple[Disturbance, ...] = (
    *(kill_driver, kill_group, kill_worker, end_driver, interrupt, interrupt_twice),
)


@dataclass
class Outcome:
    """What became of a session; each list is of what was wrong, and should be empty."""

    disturbed: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)  # runs, or a torn report
    other_bits: list[str] = field(default_factory=list)
    orphans: list[int] = field(default_factory=list)
    left: list[str] = field(default_factory=list)  # in TMPDIR and beside the records
    tracebacks: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> list[object]:
        """All of it."""
        return [*self.lost, *self.other_bits, *self.orphans, *self.left, *self.tracebacks]


def prepare(folder: Path) -> Path:
    """Writes two networks into the folder, and makes its TMPDIR."""
    for name in NAMES:
        support.write_architecture(folder, name)
    (folder / "tmp").mkdir(exist_ok=True)
    return folder


def start(folder: Path, results: str) -> subprocess.Popen[bytes]:
    """The command, in a group of its own."""
    extra = {MARK: str(folder), "TMPDIR": str(folder / "tmp")}
    with (folder / f"{results}.err").open("ab") as errors:
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "bench",
                *WORDS,
                "--results",
                results,
                "--reports",
                f"{results}-r",
            ],
            cwd=folder,
            env=support.environment(**extra),
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
            # What is begun in the background may have inherited an ignored SIGINT.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )


def bits(folder: Path, results: str) -> dict[str, str]:
    """Record -> digest of its weights."""
    paths = (folder / results).glob("local/*/*/seed-*.json")
    return {path.name: json.loads(path.read_bytes())["weights_sha256"] for path in paths}


@dataclass(frozen=True)
class Whole:
    """An undisturbed call: record -> digest of its weights, and how long it took."""

    bits: dict[str, str]
    seconds: float


def undisturbed(folder: Path) -> Whole:
    """Trains and renders without a disturbance."""
    began = time.monotonic()
    with start(folder, "whole") as running:
        if running.wait(300):
            raise AssertionError((folder / "whole.err").read_text())
    return Whole(bits(folder, "whole"), time.monotonic() - began)


def session(
    folder: Path, name: str, whole: Whole, chance: random.Random, n_disturbed: int = N_DISTURBED
) -> Outcome:
    """Disturbs the command some times, then lets it end."""
    outcome = Outcome()
    for _ in range(n_disturbed):
        way = chance.choice(WAYS)
        with start(folder, name) as running:
            with suppress(subprocess.TimeoutExpired):
                running.wait(chance.uniform(0, BUSY * whole.seconds))
            if running.returncode is None:
                way(running, chance)
                outcome.disturbed[way.__name__] += 1
            running.wait(300)
        outcome.orphans += living(str(folder))
        outcome.lost += torn(folder, name)
    with start(folder, name) as running:
        if running.wait(300):
            outcome.lost.append(f"the last call exits with {running.returncode}")
    found = bits(folder, name)
    outcome.lost += sorted(whole.bits.keys() - found.keys())
    outcome.other_bits += [each for each in found if found[each] != whole.bits.get(each)]
    outcome.orphans += living(str(folder))
    places = [*(folder / "tmp").iterdir(), *folder.rglob(".tmp-*"), *folder.glob(f".{name}-r-*")]
    outcome.left += [str(each) for each in places if not is_fresh(each)]
    said = (folder / f"{name}.err").read_text()
    outcome.tracebacks += [said] if "Traceback" in said else []
    return outcome


def is_fresh(path: Path) -> bool:
    """Whether it may still be about to be held; the next command removes it."""
    return path.exists() and time.time() - path.stat().st_mtime < 15 and path.parent.name == "tmp"


def living(mark: str) -> list[int]:
    """The processes that outlive the command by more than a few seconds."""
    until = time.monotonic() + SECONDS_TO_END
    for pid in processes(mark):
        with suppress(ProcessLookupError):
            watched = os.pidfd_open(pid)
            select.select([watched], [], [], max(0.0, until - time.monotonic()))
            os.close(watched)
    return list(processes(mark))


def torn(folder: Path, name: str) -> list[str]:
    """Files that are neither old nor new."""
    found = []
    for path in (folder / name).rglob("*.json"):
        try:
            json.loads(path.read_bytes())
        except ValueError:
            found.append(f"torn: {path}")
    for path in (folder / f"{name}-r").glob("*.html"):
        if not path.read_text().rstrip().endswith("</html>"):
            found.append(f"torn: {path}")
    return found


def main() -> int:
    """Runs the sessions and prints what was lost; 1 if anything was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=40)
    parser.add_argument("--seed", type=int, default=28)
    given = parser.parse_args()
    chance, total = random.Random(given.seed), Outcome()
    with tempfile.TemporaryDirectory() as place:
        folder = prepare(Path(place))
        whole = undisturbed(folder)
        for number in range(given.sessions):
            one = session(folder, f"session-{number}", whole, chance)
            total.disturbed += one.disturbed
            for each in one.wrong:
                print(f"session {number}: {each}", flush=True)
            for name in ("lost", "other_bits", "orphans", "left", "tracebacks"):
                getattr(total, name).extend(getattr(one, name))
    for way, n in sorted(total.disturbed.items()):
        print(f"{way}: {n}")
    print(
        f"{total.disturbed.total()} disturbances: {len(total.lost)} runs lost, "
        f"{len(total.other_bits)} with other bits, {len(total.orphans)} processes and "
        f"{len(total.left)} files left, {len(total.tracebacks)} tracebacks"
    )
    return bool(total.wrong)


if __name__ == "__main__":
    sys.exit(main())

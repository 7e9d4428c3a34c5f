"""What each network that ships asks of a GPU, as it was accepted last: golden.json.

    python -m tests.hollow_cuda.golden        captures all networks and writes the file anew

`operations` holds, for each minor version of torch that was looked at, each network's operations in
one full training step and in one evaluation. An operation costs a launch, so more of them make
every epoch slower. `refused` holds the networks whose step no CUDA graph can hold, with a part of
the reason.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.hollow_cuda.build import HollowCuda, build
from tests.support import ROOT

GOLDEN = Path(__file__).resolve().parent / "golden.json"
COMMAND = "python -m tests.hollow_cuda.golden"
KINDS = ("step", "evaluation")
SECONDS_AT_MOST = 300
Operations = dict[str, list[int]]  # network -> in a step, in an evaluation


@dataclass(frozen=True)
class Captured:
    """What capturing every network came to."""

    refused: dict[str, str]  # network -> reason
    operations: Operations
    violations: dict[str, list[str]]  # rules that a captured network broke
    stderr: str


def read() -> dict[str, Any]:
    """The file."""
    content: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return content


def minor_version() -> str:
    """This environment's torch, such as 2.15."""
    import torch

    return ".".join(torch.__version__.split(".")[:2])


def names() -> list[str]:
    """Every network that ships, the searched ones included."""
    from bench.inputs import discover

    return [each.name for each in discover.scan_all(ROOT / "architectures")]


def capture_all(hollow: HollowCuda) -> Captured:
    """Captures every network; a new process goes on behind each that is refused."""
    left, stderr = names(), ""
    all_told: list[dict[str, Any]] = []
    while left:
        words = (sys.executable, "-m", "tests.hollow_cuda.networks", *left)
        done = hollow.run(*words, folder=ROOT, timeout=SECONDS_AT_MOST)
        told = [json.loads(line) for line in done.stdout.splitlines()]
        assert done.returncode == 0, done.stderr
        assert told, f"no answer: {done.stderr}"
        all_told += told
        left, stderr = left[len(told) :], stderr + done.stderr
    captured = [each for each in all_told if "refused" not in each]
    return Captured(
        refused={each["name"]: each["refused"] for each in all_told if "refused" in each},
        operations={each["name"]: [each[kind] for kind in KINDS] for each in captured},
        violations={each["name"]: each["violations"] for each in captured if each["violations"]},
        stderr=stderr,
    )


def changes(accepted: Operations, found: Operations) -> list[str]:
    """What differs, a line each; empty where nothing does.

    A network that is only in one of them counts as a change, too.
    """
    told = []
    for name in sorted(accepted.keys() | found.keys()):
        if name not in found:
            told.append(f"{name} is no longer captured: delete it with `{COMMAND}`")
        elif name not in accepted:
            told.append(f"{name} is new: add it with `{COMMAND}`")
        else:
            told += _risen_or_fallen(name, accepted[name], found[name])
    return told


def _risen_or_fallen(name: str, old: list[int], new: list[int]) -> list[str]:
    told = []
    for kind, before, now in zip(KINDS, old, new, strict=True):
        if now > before:
            told.append(
                f"{name}: its {kind} asks a GPU for {now} operations, more than the {before} that "
                f"were accepted; find out why, or accept them with `{COMMAND}`"
            )
        elif now < before:
            told.append(
                f"{name}: its {kind} asks a GPU for {now} operations, fewer than {before}: keep "
                f"that with `{COMMAND}`"
            )
    return told


def update() -> None:
    """Writes what this environment's torch does into the file; other versions stay."""
    with tempfile.TemporaryDirectory() as folder:
        found = capture_all(build(Path(folder)))
    content = read() if GOLDEN.exists() else {"refused": {}, "operations": {}}
    content["operations"][minor_version()] = dict(sorted(found.operations.items()))
    # A reason that still holds stays: it is the part of torch's words that all versions share.
    content["refused"] = {
        name: known if (known := content["refused"].get(name, "")) in reason and known else reason
        for name, reason in sorted(found.refused.items())
    }
    lines = json.dumps(content, indent=1, sort_keys=True)
    GOLDEN.write_text(_pairs_in_a_line(lines) + "\n", encoding="utf-8")
    for name, reason in found.refused.items():
        print(f"{name} is refused: {reason}")


def _pairs_in_a_line(text: str) -> str:
    """A network a line: the lists of two numbers are not broken."""
    import re

    return re.sub(r"\[\s+(\d+),\s+(\d+)\s+\]", r"[\1, \2]", text)


if __name__ == "__main__":
    update()

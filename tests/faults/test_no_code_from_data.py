"""Which folders hold code: every other file is only read."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

Bench = Callable[..., subprocess.CompletedProcess[str]]
CODE = ("architectures", "datasets", "measures", "sections")
DATA = ("claims", "runners", "data", "results", "results/local", "results/local/mnist5k", "reports")
MARK = "from pathlib import Path\nPath({there!r}).touch()\n"


def test_only_these_folders_hold_code(
    bench: Bench, tmp_path: Path, write_architecture: Callable[..., Path]
) -> None:
    write_architecture("tiny")
    executed = tmp_path / "executed"
    executed.mkdir()
    for name in (*CODE, *DATA):
        folder = tmp_path / name
        folder.mkdir(parents=True, exist_ok=True)
        there = str(executed / name.replace("/", "-"))
        (folder / "found.py").write_text(MARK.format(there=there), encoding="utf-8")
    few = ("--dataset", "mnist5k", "--epochs", "1", "--jobs", "1", "--seeds", "1")
    for words in (
        ("all", "--arch", "tiny", *few),
        ("train", "--arch", "found", *few),
        ("train", "--arch", "tiny", "--dataset", "found", "--seeds", "1"),
        ("list",),
        ("verify", "local"),
        ("seal", "local"),
    ):
        bench(*words)
    assert list((tmp_path / "results").glob("local/*/*/seed-*.json"))
    assert {path.name for path in executed.iterdir()} == set(CODE)

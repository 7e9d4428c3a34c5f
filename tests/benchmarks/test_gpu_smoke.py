"""The smoke test on a machine without a GPU: what breaks or finds no time is told, line by line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmarks import gpu_smoke
from tests.support import ROOT, environment

without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")


def lines(folder: Path) -> list[dict[str, object]]:
    text = (folder / "smoke.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_a_variant_without_time_is_skipped_and_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    variants = list(gpu_smoke.VARIANTS)
    assert gpu_smoke.measure_all(variants, tmp_path, 0) == len(variants)
    skipped = [{"variant": name, "error": "skipped: 0 s are left"} for name in variants]
    assert lines(tmp_path) == skipped
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == skipped


@without_gpu
def test_a_variant_that_breaks_does_not_stop_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_smoke, "STARTED", float("inf"))  # all the time there is
    assert gpu_smoke.measure_all(["machine", "nonsense:channels_last:fp32"], tmp_path, 100) == 2
    packages, *errors = lines(tmp_path)
    assert packages["what"] == "packages"
    assert torch.__version__.startswith(str(packages["torch"]))
    assert [line["error"] for line in errors] == ["exit code 1"] * 2


@pytest.mark.parametrize("name", ["launch", "model_1:nhwc:fp32", "model_1:channels_last:tf16"])
def test_a_bad_variant_is_named(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu_smoke.py", "--variants", "machine", name])
    with pytest.raises(SystemExit):
        gpu_smoke.main()
    assert f"bad variant '{name}': give machine, launches" in capsys.readouterr().err


@without_gpu
def test_without_a_gpu_it_says_so(tmp_path: Path) -> None:
    script = str(ROOT / "benchmarks" / "gpu_smoke.py")
    done = subprocess.run(
        [sys.executable, script, "--out", str(tmp_path / "out")],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "no GPU: nothing to measure (torch.cuda.is_available)\n"
    assert list(tmp_path.iterdir()) == []

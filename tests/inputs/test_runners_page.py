"""docs/runners.md: its example works as it stands, in an empty folder."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import pytest

from bench.inputs.figures import NAMES, Figures
from bench.inputs.runners import LineReader, Metrics, Written
from bench.records.foreign import dataset_info
from tests.support import fences, text_of

TEXT = text_of("docs/runners.md")
Bench = Callable[..., subprocess.CompletedProcess[str]]


def listing(language: str, number: int = 0) -> str:
    return fences("docs/runners.md", language)[number]


@pytest.mark.process
def test_the_example_goes_from_a_script_to_a_report(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(listing("python"))
    (tmp_path / "runners").mkdir()
    (tmp_path / "runners" / "mine.toml").write_text(listing("toml"))
    # `python` means the interpreter of these tests.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    bench = partial(bench, PATH=path)
    words = shlex.split(listing("sh"))
    assert words[:3] == ["python", "-m", "bench"]
    done = bench(*words[3:])
    assert (done.returncode, done.stderr) == (0, "")
    assert "plan: 5 runs (20 epochs) to train, 0 there already" in done.stdout
    report = (tmp_path / "reports" / "report.md").read_text()
    assert "| mine (own command) | not known |" in report
    assert len(list((tmp_path / "results").rglob("*.output.txt"))) == 5
    again = bench("train", "--seeds", "5")
    assert "all 5 runs are there" in again.stdout
    done = bench("reproduce", "local/mnist/mine/seed-0000")
    assert done.returncode == 0, done.stderr
    assert "now: the same number" in done.stdout
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "mine.toml").write_text(listing("toml", 1))
    done = bench(*shlex.split(listing("sh", 1))[3:], "--jobs", "4")
    assert done.returncode == 0, done.stderr
    assert "a rate of 0.80 is confirmed" in done.stdout
    done = bench("claims", "--suite", "decided")
    assert "confirmed\tmine.accuracy" in done.stdout
    assert "own command runs; " in done.stdout
    with (tmp_path / "train.py").open("a") as script:
        script.write("# another version\n")
    done = bench("claims", "--suite", "decided")
    assert "the runs of 'mine' come from an older version of its file" in done.stdout
    done = bench("compare", "local/mnist/mine", "decided/mnist/mine")
    assert "(own command): n = 5" in done.stdout
    assert "bits: not known for runs that this program did not train" in done.stdout


def test_every_line_of_a_file_and_every_figure_is_told() -> None:
    names = [*Written.__struct_fields__, *Metrics.__struct_fields__]
    names += [name for name in NAMES if name not in ("epoch", "n_train", "n_validation")]
    assert [name for name in names if f"`{name}" not in TEXT and f"[{name}]" not in TEXT] == []


def test_the_pattern_reads_the_line_beside_it() -> None:
    line = re.search(r"prints `(.*?)`", TEXT)
    metrics = msgspec.toml.decode(listing("toml", 2), type=dict[str, Metrics])["metrics"]
    assert line is not None
    figures = Figures(dataset_info("mnist", 10_000))
    assert LineReader(metrics, figures).feed(line[1]) == 1
    (epoch,) = figures.epochs()
    assert (epoch.test_loss, epoch.test_correct) == (0.0478, 9841)

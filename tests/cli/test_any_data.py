"""Three small colour networks on a declared data set, from an empty folder to the report."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from bench.records.store import Suite
from tests import support
from tests.inputs.declared.made_up import CLASSES, declare, folder_files, lay
from tests.support import write_architecture

Bench = Callable[..., subprocess.CompletedProcess[str]]

NETWORK = '''
"""A made-up colour network of WIDTH channels."""
from torch import nn
from bench.spec import Augmentation, Recipe

INPUT = (3, 8, 6)
CLASSES = 3
RECIPE = Recipe(
    peak_learning_rate=0.05, warmup_fraction=0.2, epochs=2, batch_size=8,
    pixel_mean=(0.5, 0.4, 0.3), pixel_std=(0.2, 0.2, 0.2),
    augmentation=Augmentation(crop_padding=1, flip_probability=0.5, saturation=0.2),
)

class Network(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Conv2d(3, WIDTH, 3, padding=1, bias=False), nn.BatchNorm2d(WIDTH), nn.ReLU(),
            nn.MaxPool2d(2), nn.Conv2d(WIDTH, 4, 3, padding=1), nn.AdaptiveAvgPool2d(1),
            nn.Flatten(), nn.Linear(4, 3),
        )
'''
TEXT = 'kind = "image_folder"\npath = "pictures"\nnoun = "insect"\n[split]\nvalidation = PART\n'


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    for width in (2, 4, 6):
        write_architecture(tmp_path, f"colour_{width}", NETWORK.replace("WIDTH", str(width)))
    lay(tmp_path / "datasets" / "pictures", folder_files())
    declare(tmp_path, TEXT.replace("PART", "6"), "insects")
    return tmp_path


@pytest.fixture
def bench(clone: Path) -> Bench:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return support.bench(clone, *words, XDG_CACHE_HOME=str(clone / "cache"))

    return run


def test_from_clone_to_report(clone: Path, bench: Bench) -> None:
    done = bench("all", "--dataset", "insects", "--seeds", "2", "--jobs", "1")
    assert done.returncode == 0, done.stderr
    suite = Suite(clone / "results", "local")
    runs = suite.runs()
    assert len(runs) == 6
    assert all(run.completed for run in runs)
    info = runs[0].dataset
    assert (info.shape, info.class_names, info.noun) == ((3, 8, 6), CLASSES, "insect")
    assert all(run.selected_epoch in (1, 2) for run in runs)
    own = (clone / "reports" / "architectures" / "colour_4.html").read_text(encoding="utf-8")
    for words in ("The hardest test insects", "Which insect is taken for which", "labelled"):
        assert words in own
    page = (clone / "reports" / "report.md").read_text(encoding="utf-8")
    assert "28 x 28" not in own + page
    assert {field.architecture for field in suite.findings().fields} == {
        "colour_2",
        "colour_4",
        "colour_6",
    }
    field = suite.findings().fields[0]
    assert (len(field.gradient), len(field.gradient[0])) == (8, 6)
    again = bench("all", "--dataset", "insects", "--seeds", "2", "--jobs", "1")
    assert "all 6 runs are there" in again.stdout + again.stderr
    seed = "local/insects/colour_2/seed-0000"
    done = bench("reproduce", seed)
    assert "reproduced: the same bits" in done.stdout, done.stderr


def test_without_validation_images_nothing_is_chosen(clone: Path, bench: Bench) -> None:
    declare(clone, TEXT.replace("PART", "0"), "insects")
    words = ("--dataset", "insects", "--arch", "colour_2", "--seeds", "2", "--jobs", "1")
    done = bench("all", *words)
    assert done.returncode == 0, done.stderr
    for run in Suite(clone / "results", "local").runs():
        assert run.selected_epoch is None
        last = run.epochs[-1]
        assert (last.validation_loss, last.validation_correct) == (None, None)
        assert last.test_correct is not None
    done = bench("train", *words, "--with", "schedule=plateau")
    assert done.returncode == 2
    assert "needs validation images, and 'insects' has none" in done.stderr


def test_structure_needs_no_data(clone: Path, bench: Bench) -> None:
    done = bench("inspect", "colour_4", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["input_shape"], found["n_classes"]) == ([3, 8, 6], 3)
    assert not (clone / "cache").exists()


def test_a_network_that_does_not_fit_is_refused_or_skipped(clone: Path, bench: Bench) -> None:
    write_architecture(clone, "grey")
    words = ("--dataset", "insects", "--seeds", "1", "--jobs", "1", "--epochs", "1")
    named = bench("train", *words, "--arch", "grey")
    assert named.returncode == 2
    (line,) = [line for line in named.stderr.splitlines() if line.startswith("error: ")]
    assert "its INPUT is (1, 28, 28), the data set 'insects' has (3, 8, 6)" in line
    assert "set INPUT = (3, 8, 6)" in line
    scanned = bench("train", *words)
    assert scanned.returncode == 3
    assert "skipped: architecture 'grey'" in scanned.stderr
    assert {run.architecture for run in Suite(clone / "results", "local").runs()} == {
        "colour_2",
        "colour_4",
        "colour_6",
    }


def test_bad_data_is_one_line_and_nothing_is_written(clone: Path, bench: Bench) -> None:
    path = clone / "datasets" / "pictures" / "train" / "ant" / "003.png"
    path.write_bytes(path.read_bytes()[:60])
    done = bench("train", "--dataset", "insects", "--seeds", "1")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "003.png" in line
    assert not (clone / "results").exists()
    assert not (clone / "datasets" / "insects.sha256").exists()
    listed = bench("list")
    assert "data set insects" in listed.stdout
    doctor = bench("doctor")
    assert "data: insects" in doctor.stdout


def test_a_record_names_its_data_set(clone: Path, bench: Bench) -> None:
    words = ("--dataset", "insects", "--arch", "colour_2", "--seeds", "1", "--epochs", "1")
    assert bench("train", *words).returncode == 0
    (path,) = (clone / "results").rglob("seed-*.json")
    told = msgspec.json.decode(path.read_bytes())["dataset"]
    assert told["class_names"] == list(CLASSES)
    assert told["digest"] != (clone / "datasets" / "insects.sha256").read_text().strip()

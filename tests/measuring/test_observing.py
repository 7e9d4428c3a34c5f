"""Timings and effective receptive fields by the real commands: when they are written, when not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from msgspec.structs import replace

from bench.inputs import datasets
from bench.inputs.discover import Found, load
from bench.measuring import observe
from bench.records.store import Suite
from bench.training import provenance
from bench.training.selection import Selection
from tests import factories, support
from tests.conftest import Bench

Write = Callable[..., Path]
TINY = ("--dataset", "mnist5k", "--arch", "tiny", "--epochs", "1", "--jobs", "1")


def findings(folder: Path) -> dict[str, bytes]:
    """Files beside runs and portraits -> their bytes."""
    suite = folder / "results" / "local"
    paths = [*suite.glob("latency/*.json"), *suite.glob("*/*/effective-field-*.json")]
    return {path.relative_to(suite).as_posix(): path.read_bytes() for path in sorted(paths)}


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which two seeds of a tiny network were trained."""
    folder = tmp_path_factory.mktemp("trained")
    support.write_architecture(folder, "tiny")
    done = support.bench(folder, "all", *TINY, "--seeds", "2")
    assert done.returncode == 0, done.stderr
    assert "Notice: no effective" not in done.stdout
    return folder


@pytest.fixture
def trained(trained_once: Path, tmp_path: Path) -> Path:
    """A copy of it, in the folder of the command."""
    shutil.copytree(trained_once, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_all_looks_at_trained_weights_and_times_nothing(bench: Bench, trained: Path) -> None:
    (name,) = findings(trained)
    assert name.startswith("mnist5k/tiny/effective-field-")
    field = json.loads(findings(trained)[name])
    assert [run["seed"] for run in field["runs"]] == [0, 1]
    # A 3 x 3 convolution with a stride of 3: position 4 of 9 sees pixels 12 to 14 alone.
    assert (field["map_shape"], field["box"]) == ([9, 9], [12, 12, 14, 14])
    assert all(run["share_in_box"] == 1 for run in field["runs"])
    seen = {
        (row, column)
        for row, values in enumerate(field["gradient"])
        for column, value in enumerate(values)
        if value
    }
    assert seen == {(row, column) for row in (12, 13, 14) for column in (12, 13, 14)}
    page = (trained / "reports/architectures/tiny.html").read_text(encoding="utf-8")
    assert "Effective receptive field on mnist5k" in page

    before = findings(trained)
    assert bench("all", *TINY, "--seeds", "2").returncode == 0
    assert findings(trained) == before
    assert bench("train", *TINY, "--seeds", "3").returncode == 0
    (after,) = findings(trained).values()
    assert [run["seed"] for run in json.loads(after)["runs"]] == [0, 1, 2]


def test_measure_times_here_and_all_leaves_the_timings(bench: Bench, trained: Path) -> None:
    before = findings(trained)
    done = bench("measure", "--arch", "tiny", "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert "images and median: 1 in " in done.stdout
    after = findings(trained)
    assert before.items() <= after.items()
    (name,) = after.keys() - before.keys()
    timed = json.loads(after[name])
    assert name == "latency/tiny-{}-{}.json".format(
        timed["architecture_digest"][:12], timed["environment"]["fingerprint"]
    )
    assert [timing["batch_size"] for timing in timed["timings"]] == [1, 1000]
    assert timed["environment"]["processor"]
    assert bench("all", *TINY, "--seeds", "2").returncode == 0
    assert findings(trained) == after


def test_one_runs_weights_do_not_replace_the_mean_of_all(bench: Bench, trained: Path) -> None:
    before = findings(trained)
    removed, _ = sorted(trained.glob("results/local/mnist5k/tiny/*.safetensors"))
    removed.unlink()
    assert bench("all", *TINY, "--seeds", "2").returncode == 0
    assert findings(trained) == before


def test_a_new_look_replaces_the_file_of_an_arm_whose_digest_has_changed(
    bench: Bench, trained: Path
) -> None:
    """As when a recipe gained a field: the runs keep their keys, their arm has another digest."""
    (name,) = findings(trained)
    path = trained / "results/local" / name
    field = json.loads(path.read_text())
    field["arm"] = "0" * 64
    path.unlink()
    renamed = path.with_name(f"effective-field-{'0' * 12}.json")
    renamed.write_text(json.dumps(field))
    before = findings(trained)
    assert bench("all", *TINY, "--seeds", "2").returncode == 0
    assert findings(trained) == before
    assert bench("train", *TINY, "--seeds", "3").returncode == 0
    (after,) = findings(trained)
    assert after.endswith(renamed.name)
    assert [run["seed"] for run in json.loads(renamed.read_text())["runs"]] == [0, 1, 2]


def test_damaged_weights_are_a_notice_and_the_report_still_comes(
    bench: Bench, trained: Path
) -> None:
    (name,) = findings(trained)
    (trained / "results/local" / name).unlink()
    first, _ = sorted(trained.glob("results/local/mnist5k/tiny/*.safetensors"))
    first.write_bytes(b"damaged")
    done = bench("all", *TINY, "--seeds", "2")
    assert done.returncode == 0, done.stderr
    assert "Notice: no effective receptive field of 'tiny': unusable weights: " in done.stdout
    assert done.stdout.rstrip().splitlines()[-1].endswith("reports/index.html")


def selection(path: Path) -> Selection:
    found = Found(name=path.stem, group="", path=path)
    return Selection(usable=[(found, load(found))])


def test_a_data_set_that_is_not_here_is_named(trained: Path) -> None:
    suite = Suite(trained / "results", "local")
    loaded, missing = observe.datasets_at_hand(suite, None)
    assert ([each.info.name for each in loaded], missing) == (["mnist5k"], [])
    (run, *_) = suite.runs()
    info = replace(run.dataset, name="of_another_version")
    other = Suite(trained / "results", "other")
    other.add_run(factories.sound(replace(run, dataset=info)), suite.weights(run))
    assert observe.datasets_at_hand(other, None) == ([], ["of_another_version"])


def test_a_network_without_a_map_is_told_and_the_others_go_on(
    bench: Bench, tmp_path: Path, write_architecture: Write
) -> None:
    write_architecture(
        "flat",
        "from torch import nn\nfrom bench.spec import Recipe\n"
        "RECIPE = Recipe(peak_learning_rate=0.01, warmup_fraction=0.3, batch_size=500)\n"
        "class Network(nn.Sequential):\n"
        "    def __init__(self):\n"
        "        super().__init__(nn.Flatten(), nn.Linear(784, 10))\n",
    )
    write_architecture("tiny")
    words = [word for word in TINY if word not in ("--arch", "tiny")]
    done = bench("all", *words, "--seeds", "1")
    assert done.returncode == 0, done.stderr
    assert "Notice: no effective receptive field of 'flat': no convolution has" in done.stdout
    assert [name.split("/")[1] for name in findings(tmp_path)] == ["tiny"]


def test_an_architecture_that_cannot_be_timed_is_told(
    tmp_path: Path, write_architecture: Write
) -> None:
    path = write_architecture(
        "touchy", before="assert len(images) < 1000, 'too many images at once'"
    )
    here = provenance.environment(torch.device("cpu"), "command")
    suite = Suite(tmp_path / "results", "local")
    timings, failed = observe.time_all(selection(path), here, suite)
    assert timings == []
    assert failed == ["'touchy' was not timed: AssertionError: too many images at once"]
    assert observe.see(selection(path), datasets.load("mnist5k"), suite) == []

"""Runners' files: what is refused, what is part of the key, and how lines are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.inputs.figures import BadFigures, Figures
from bench.inputs.runners import LineReader, Metrics, load
from bench.records.foreign import dataset_info

GOOD = """
command = "python train.py --seed {seed} --epochs {epochs}"
epochs = 3
limit_seconds = 60
files = ["train.py"]
[dataset]
name = "mnist"
n_test = 10_000
"""
BEFORE = GOOD.partition("[dataset]")[0]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runners").mkdir()
    (tmp_path / "train.py").write_text("print(1)\n")


def written(text: str, name: str = "mine") -> Path:
    path = Path("runners", f"{name}.toml")
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("command = ", "cannot be read"),
        ("", "missing required field `command`"),
        (GOOD + "n_tests = 1\n", "unknown field `n_tests`"),
        (GOOD.replace("epochs = 3", "epochs = 0"), ">= 1"),
        (GOOD.replace("limit_seconds = 60", "limit_seconds = 0"), "> 0"),
        (GOOD.replace("--seed {seed}", ""), "takes no {seed}"),
        (GOOD.replace("--seed {seed}", ""), "runners.html seeds a script that takes none"),
        (GOOD.replace("{epochs}", "{epoch}"), "unknown placeholder {epoch}"),
        (GOOD.replace('"python', "\"python '"), "bad command: No closing quotation"),
        (GOOD.replace('["train.py"]', "[]"), "files names no file"),
        (GOOD.replace('train.py"]', 'trian.py"]'), "cannot read 'trian.py'"),
        (GOOD.replace('"mnist"', '"../mnist"'), "$.dataset.name"),
        (GOOD.replace("[dataset]", "folder = 'gone'\n[dataset]"), "there is no folder 'gone'"),
        (GOOD + "[metrics]\nfile = 'log.jsonl'\n", "is not in {folder}"),
        (GOOD + "[metrics]\npatterns = ['(']\n", "bad pattern '('"),
        (GOOD + "[metrics]\npatterns = ['x']\n", "no pattern reads the test split"),
        (GOOD + "[metrics]\nnames = {test_acc = 'a'}\n", "there is no figure 'test_acc'"),
        (GOOD + "[metrics]\naccuracy = 'permille'\n", "$.metrics.accuracy"),
    ],
)
def test_a_bad_file_is_one_line(text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(written(text))
    assert words in str(caught.value)
    assert "runners/mine.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bad_name_is_refused() -> None:
    with pytest.raises(UsageError, match="bad name 'My-net'"):
        load(written(GOOD, "My-net"))


def test_the_key_holds_the_files_and_the_command_and_not_the_limit() -> None:
    key = load(written(GOOD)).spec(0).key
    assert load(written(GOOD.replace("60", "90"))).spec(0).key == key
    assert load(written(GOOD.replace("train.py --", "train.py -v --"))).spec(0).key != key
    assert load(written(GOOD + "[metrics]\nfirst_epoch = 0\n")).spec(0).key != key
    Path("train.py").write_text("print(2)\n")
    changed = load(written(GOOD)).spec(0)
    assert changed.key != key
    assert changed.key != load(written(GOOD)).spec(1).key


def test_the_words_are_split_before_they_are_filled() -> None:
    runner = load(written(GOOD.replace("--epochs {epochs}", "--out '{folder}/a b' {epochs}")))
    assert runner.words(4, Path("/tmp/x y"))[2:] == ["--seed", "4", "--out", "/tmp/x y/a b", "3"]


def test_epochs_need_a_place_in_the_command() -> None:
    assert load(written(GOOD)).with_epochs(5).words(0, Path())[-1] == "5"
    with pytest.raises(UsageError, match="takes no number of epochs"):
        load(written(GOOD.replace(" --epochs {epochs}", ""))).with_epochs(5)


def read(metrics: Metrics, *lines: str) -> list[tuple[int | None, float | None, int | None]]:
    figures = Figures(dataset_info("mnist", 10_000, n_train=60_000))
    reader = LineReader(metrics, figures)
    for line in lines:
        reader.feed(line)
    return [(e.epoch, e.train_loss, e.test_correct) for e in figures.epochs()]


def test_json_lines_merge_by_epoch_and_other_lines_hold_nothing() -> None:
    lines = ("epoch 1", "{broken", '{"epoch": 1, "train_loss": 0.5}', "[1]", '{"a": 1}')
    last = '{"epoch": 1, "acc": 98.7, "test_loss": null}'
    metrics = Metrics(names={"test_accuracy": "acc"})
    assert read(metrics, *lines, last) == [(1, 0.5, 9870)]


PYTORCH = (  # what pytorch/examples/mnist prints
    "Train Epoch: 1 [0/60000 (0%)]\tLoss: 2.300000",
    "Train Epoch: 1 [640/60000 (1%)]\tLoss: 1.500000",
    "Test set: Average loss: 0.0478, Accuracy: 9841/10000 (98%)",
    "Train Epoch: 2 [0/60000 (0%)]\tLoss: 0.200000",
    "Test set: Average loss: 0.0376, Accuracy: 9873/10000 (99%)",
)
TEST_LINE = r"Accuracy: (?P<test_correct>\d+)/(?P<n_test>\d+)"


def test_lines_without_an_epoch_are_counted() -> None:
    assert read(Metrics(patterns=(TEST_LINE,)), *PYTORCH) == [(1, None, 9841), (2, None, 9873)]


def test_an_epoch_of_a_line_before_counts() -> None:
    metrics = Metrics(patterns=(r"Train Epoch: (?P<epoch>\d+)", TEST_LINE))
    assert read(metrics, *PYTORCH) == [(1, None, 9841), (2, None, 9873)]


def test_a_figure_twice_is_refused() -> None:
    with pytest.raises(BadFigures, match="epoch 1 has test_correct twice"):
        read(Metrics(), *['{"epoch": 1, "test_correct": 1}'] * 2)
    with pytest.raises(BadFigures, match="epoch 1 has train_loss twice"):
        read(Metrics(patterns=(TEST_LINE, r"Loss: (?P<train_loss>[\d.]+)")), *PYTORCH)

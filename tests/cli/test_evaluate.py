"""`bench evaluate` as a person meets it, and the claim that its record judges."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.inputs import datasets
from tests.conftest import Bench

Write = Callable[..., Path]
ANSWER = 7
# Of the 1,000 test digits of mnist5k 100 are sevens, and the network answers nothing else.
STATE = {
    "features.weight": torch.zeros(4, 1, 3, 3),
    "features.bias": torch.zeros(4),
    "head.weight": torch.zeros(10, 4),
    "head.bias": torch.eye(10)[ANSWER],
}
CLAIMS = """
[document]
title = "Mine"
dataset = "mnist5k"

[[claim]]
id = "tiny.weights"
line = 1
quote = "10.0%"
metric = "published_weights_test_accuracy_percent"
subject = "tiny"
published = 10.0
tolerance = 0.05
"""


@pytest.fixture
def evaluate(bench: Bench, tmp_path: Path, write_architecture: Write) -> Callable[..., Any]:
    write_architecture("tiny")
    torch.save({"state_dict": STATE}, tmp_path / "model.pt")

    def call(*words: str, weights: str = "model.pt") -> Any:
        return bench("evaluate", "tiny", "--weights", weights, "--dataset", "mnist5k", *words)

    return call


def test_right_answers_misses_the_record_and_its_claim(
    evaluate: Callable[..., Any], bench: Bench, tmp_path: Path
) -> None:
    labels = datasets.load("mnist5k").test.labels.tolist()
    wrong = [(index, label) for index, label in enumerate(labels) if label != ANSWER]
    assert len(wrong) == 900
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "mine.toml").write_text(CLAIMS, encoding="utf-8")

    before = json.loads(bench("claims", "--json").stdout)[0]
    assert before["verdict"] == "not checkable"
    assert "python -m bench evaluate tiny --weights FILE --dataset mnist5k" in before["rule"]

    done = evaluate("--misses", "misses.csv", "--suite", "local")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    sha256 = hashlib.sha256((tmp_path / "model.pt").read_bytes()).hexdigest()
    assert lines[0] == f"model.pt: SHA-256 {sha256}"
    assert lines[1] == "tiny on mnist5k, test: 100 of 1,000 right, 10 %"
    assert lines[2] == f"  image {wrong[0][0]}: {wrong[0][1]}, answered 7"
    assert lines[12] == "  and 890 more; --misses FILE.csv writes every miss"
    rows = (tmp_path / "misses.csv").read_text().splitlines()
    assert rows == ["index,label,given", *(f"{index},{label},7" for index, label in wrong)]
    (path,) = tmp_path.glob("results/local/mnist5k/tiny/scored-weights-*.json")
    record = json.loads(path.read_bytes())
    assert (record["correct"], record["n_images"], record["file"]) == (100, 1000, "model.pt")
    assert record["environment"]["command"].startswith("python -m bench evaluate tiny --weights")

    kept = path.read_bytes()
    again = evaluate("--suite", "local", "--json")
    told = json.loads(again.stdout)
    assert (told["correct"], told["accuracy_percent"]) == (100, 10.0)
    assert [tuple(each) for each in told["misses"]] == [(i, label, 7) for i, label in wrong]
    assert path.read_bytes() == kept

    after = json.loads(bench("claims", "--json").stdout)[0]
    assert (after["verdict"], after["measured"], after["published"]) == ("confirmed", 10, 10)
    assert after["stands_on"] == [str(path.relative_to(tmp_path / "results"))]
    assert bench("measure", "--arch", "tiny").returncode == 0
    report = bench("report")
    assert report.returncode == 0, report.stderr
    pages = "".join(page.read_text() for page in (tmp_path / "reports").glob("*.html"))
    assert "the test accuracy of a published file of weights" in pages
    assert "10 % (100 of 1,000)" in pages


def test_what_cannot_be_scored_is_one_line(evaluate: Callable[..., Any], tmp_path: Path) -> None:
    torch.save({**STATE, "head.bias": torch.zeros(5)}, tmp_path / "other.pt")
    whole = (tmp_path / "model.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    torch.save(torch.nn.Linear(1, 1), tmp_path / "network.pt")
    for weights, words in (
        ("other.pt", "'head.bias' is (5,) in the file and (10,) in the network"),
        ("cut.pt", "cut short"),
        ("network.pt", "would run code: it names torch.nn.modules.linear.Linear"),
        ("absent.pt", "No such file"),
    ):
        done = evaluate("--suite", "local", weights=weights)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: ")
        assert words in line
        assert f"({weights})" in line
    wrong_split = evaluate("--split", "train")
    assert wrong_split.returncode == 2
    assert "unknown split 'train' (--split)" in wrong_split.stderr
    assert not list(tmp_path.glob("results/local/*/*/*"))

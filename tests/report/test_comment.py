"""The comment of a pull request, by values worked out by hand; and the words of hostile records.

The t quantile of two degrees of freedom is 4.3027, of nine 2.2622. Runs of 9,940, 9,950 and 9,960
have a standard deviation of 0.1 points: the interval is 0.1 / 3 ** 0.5 * 4.3027 = 0.248 wide on
each side. Five runs of 9,950 and five of 9,930 have one of 0.10541: 0.075 on each side.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace

from bench.records.store import Suite
from bench.report.changes import changes
from bench.report.comment import comment
from bench.report.summary import Summary, summarise
from bench.spec import Claim, Document, RunRecord
from bench.stats.format import plain
from tests import factories
from tests.conftest import Bench
from tests.factories import DOCUMENT, runs
from tests.report.test_report_hostile import HOSTILE

FEW = [9940, 9950, 9960]
MIXED = [9950] * 5 + [9930] * 5
LOW = list(range(9900, 9910))
HOSTILE_NAMES = (
    *HOSTILE,
    "@octocat closes #1, GH-2, octo/repo#3 and a@b.io --> <!-- x",
    "https://evil.example www.evil.example $x^2$ ```",
    "- 1. > # a\r\n\r\n| b | c |\x85| d |\n---\n",
)


def claim(id: str, metric: str, network: str, published: float, **fields: Any) -> Claim:
    known = {"file": "session6", "line": 13, "quote": f"{published} %", "tolerance": 0.005}
    return Claim(id=id, metric=metric, subject=network, published=published, **{**known, **fields})


CLAIMS = (
    claim("one", "last_test_accuracy_percent", "model_1", 99.39),
    claim("two", "selected_validation_accuracy_percent", "model_2", 99.35),
    claim("three", "mean_test_accuracy_percent", "model_2", 99.2, relation="at_least", line=14),
)


def suite_of(
    *made: list[RunRecord],
    suite: str = "local",
    claims: Sequence[Claim] = CLAIMS,
    document: Document | None = DOCUMENT,
    name: str | None = None,
) -> list[Summary]:
    """The suite's parts; its networks are called `name` where one is given."""
    records = [run for some in made for run in some]
    portraits = [factories.portrait(each) for each in factories.NAMES]
    if name is not None:
        portraits = [replace(each, display_name=name) for each in portraits]
    published = factories.published(*claims, document=document)
    links = {run.key: "record.json" for run in records}
    found = summarise(suite, records, portraits, published, links, "command")
    return [each.judged_by(None) for each in found]


NOW = suite_of(runs("model_1", FEW), runs("model_2", MIXED))
BEFORE = suite_of(runs("model_1", FEW[:2]), runs("model_2", LOW), suite="base")
TABLE = """\
| Network | Parameters | Test accuracy | Reached 99.40 % | Verdict | Published |
| :--- | ---: | ---: | ---: | ---: | ---: |
| Model_1 | 9,850 | 99.500 % (99.252 to 99.748) | 3 of 3 runs | undecided | 99.39 % |
| Model_2 | 7,262 | 99.400 % (99.325 to 99.475) | 5 of 10 runs | refuted | 99.35 % (validation) |
| Model_3 | 7,518 | n/a | n/a | not trained | n/a |
"""
# The least p of ten runs against ten is 2 / C(20, 10), a hundred thousandth. The difference is
# 99.400 less 99.045; its error (111.1 / 10 + 9.17 / 10) ** 0.5 = 3.468 images, the quantile of its
# 10.5 degrees of freedom 2.214.
CHANGED = """\
**What changed since suite “base”:**

- Mean: Model_2 moved by +0.355 points (0.278 to 0.432), from 99.045 % to 99.400 % (p <0.001, \
corrected by Holm for 2 comparisons of the two suites).
- Claim: session6:13 “99.39 %” is consistent, was undecided.
- Claim: session6:14 “99.2 %” is confirmed, was refuted.
- Runs: Model_1 has 3, 1 of them new.
"""


def test_the_comment_has_headline_table_and_changes() -> None:
    text = plain(comment(NOW, BEFORE)).replace("&lt;", "<")
    headline, lead, *_ = text.split("\n\n")
    assert headline.startswith("### ")
    assert "Model_2 does not reach 99.40 % consistently" in headline
    assert lead.startswith("Mean test accuracy over 3 to 10 runs: Model_1 99.500 %")
    assert TABLE in text
    assert text.endswith(CHANGED)


def test_runs_of_the_same_seeds_are_no_new_runs() -> None:
    """Model_2 has other counts under the keys that it had before."""
    assert not [line for line in changes(NOW, BEFORE) if line.startswith("Runs: Model_2")]


def test_nothing_changed_is_said() -> None:
    again = suite_of(runs("model_1", FEW), runs("model_2", MIXED), suite="base")
    assert comment(NOW, again).endswith("\n\nNothing changed since suite “base”.\n")
    assert "since suite" not in comment(NOW)


def test_before_the_first_run_all_is_new() -> None:
    lines = changes(NOW, suite_of(suite="base"))
    assert lines == [
        "Verdict: Model_1 is undecided, was not trained.",
        "Verdict: Model_2 is refuted, was not trained.",
        "Claim: session6:13 “99.39 %” is consistent, was undecided.",
        "Claim: session6:13 “99.35 %” is consistent, was undecided.",
        "Claim: session6:14 “99.2 %” is confirmed, was undecided.",
        "Runs: Model_1 has 3, 3 of them new.",
        "Runs: Model_2 has 10, 10 of them new.",
    ]
    assert changes(suite_of(), NOW)[:2] == [
        "Verdict: Model_1 is not trained, was undecided.",
        "Verdict: Model_2 is not trained, was refuted.",
    ]


def test_a_small_move_is_noise() -> None:
    """Model_1's least p of three runs against three is 2 / C(6, 3) = 0.1."""
    before = suite_of(runs("model_1", [9900, 9901, 9902]), suite="base")
    assert not [line for line in changes(NOW, before) if line.startswith("Mean: Model_1")]


def test_other_images_are_not_compared() -> None:
    other = replace(factories.MNIST, split_seed=43)
    moved = [
        factories.record("model_2", seed, test_correct=n, dataset=other)
        for seed, n in enumerate(LOW)
    ]
    lines = changes(NOW, suite_of(moved, suite="base"))
    said = "Mean: Model_2 cannot be compared: the two suites have different images."
    assert [line for line in lines if line.startswith("Mean")] == [said]


def test_without_a_document_there_is_no_target_and_no_published_number() -> None:
    found = suite_of(runs("model_1", FEW), claims=(), document=None)
    assert "| Network | Parameters | Test accuracy |\n" in comment(found)
    assert "| Model_1 | 9,850 |" in comment(found)


def test_two_runs_have_no_interval() -> None:
    text = plain(comment(suite_of(runs("model_1", FEW[:2]))))
    assert "| Model_1 | 9,850 | 99.450 % | 2 of 2 runs | undecided | 99.39 % |" in text


@pytest.mark.parametrize("n_datasets", [1, 4])
def test_it_stays_under_60_lines(n_datasets: int) -> None:
    names = [f"net_{number}" for number in range(40)]
    datasets = [replace(factories.MNIST, name=f"data{number}") for number in range(n_datasets)]
    claims = [
        claim(f"c{at}", "n_parameters", name, 99, line=at + 1) for at, name in enumerate(names)
    ]
    document = replace(DOCUMENT, networks=tuple(names))

    def made(n_seeds: int, n_right: int) -> list[RunRecord]:
        return [
            factories.record(name, seed, test_correct=n_right - seed, dataset=dataset)
            for dataset in datasets
            for name in names
            for seed in range(n_seeds)
        ]

    now = suite_of(made(5, 9950), claims=claims, document=document)
    before = suite_of(made(4, 9900), claims=claims, document=document, suite="base")
    text = comment(now, before)
    assert len(text.splitlines()) < 60
    assert "The report has 30 more of these networks." in text
    assert ("The report has 2 more of such tables." in text) == (n_datasets == 4)
    assert re.search(r"^- \d+ more\.$", text, re.MULTILINE)


@pytest.mark.parametrize("word", HOSTILE_NAMES, ids=range(len(HOSTILE_NAMES)))
def test_a_name_is_text_in_one_cell(word: str) -> None:
    document = replace(DOCUMENT, label=word, title=word, name="hostile")
    claims = [replace(each, quote=word, file="hostile") for each in CLAIMS]
    now, before = (
        suite_of(*some, suite=suite, claims=claims, document=document, name=word)
        for suite, some in (
            ("local", (runs("model_1", FEW), runs("model_2", MIXED))),
            (word, (runs("model_1", FEW[:2]), runs("model_2", LOW))),
        )
    )
    text = comment(now, before)
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    inner = [child for token in tokens for child in token.children or ()]
    kinds = [token.type for token in tokens]
    assert not [each for each in (*tokens, *inner) if each.type.startswith("html")]
    assert not [each for each in inner if each.type in ("link_open", "image", "code_inline")]
    assert kinds.count("tr_open") == 4
    assert kinds.count("td_open") == 3 * 6
    assert kinds.count("heading_open") == 1
    assert {"fence", "code_block", "hr", "blockquote_open"}.isdisjoint(kinds)
    assert kinds.count("bullet_list_open") == 1
    shown = "".join(child.content for child in inner if child.type == "text")
    assert not re.search(r"[@#]\w|GH-\d|://\w|www\.\w", shown)
    assert not re.search(r"(?<!\\)\$", text)
    assert "-->" not in text
    assert len(text.splitlines()) < 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with the two suites from above, and an empty one."""
    folder = tmp_path_factory.mktemp("comments")
    for name, counts in (("local", MIXED), ("base", LOW)):
        suite = Suite(folder / "results", name)
        suite.add_portrait(factories.portrait("model_2"))
        for run in runs("model_2", counts):
            suite.add_run(run, None)
    (folder / "results" / "empty").mkdir()
    return folder


def test_the_command_prints_it_or_writes_it(folder: Path, bench: Bench, tmp_path: Path) -> None:
    words = ["report", "--results", str(folder / "results"), "--only", "answer"]
    words += ["--format", "github", "--against", "base"]
    done = bench(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Mean: Model_2 moved by +0.355 points" in done.stdout
    assert "| Model_2 | 7,262 |" in done.stdout
    assert not (tmp_path / "reports").exists()
    assert bench(*words, "--out", "comment.md").returncode == 0
    assert (tmp_path / "comment.md").read_text(encoding="utf-8") == done.stdout


def test_an_empty_suite_is_a_base(folder: Path, bench: Bench) -> None:
    words = ("report", "--results", str(folder / "results"), "--only", "answer")
    done = bench(*words, "--format", "github", "--against", "empty")
    assert done.returncode == 0
    assert "Runs: Model_2 has 10, 10 of them new." in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--format", "github"], "give --only answer"),
        (["--format", "github", "--only", "results"], "give --only answer"),
        (["--format", "github", "--only", "answer", "--only", "results"], "give --only answer"),
        (["--format", "github", "--only", "answer", "--update", "x.md"], "without --update"),
        (["--against", "base"], "add --only answer --format github"),
        (["--against", "base", "--only", "answer"], "add --only answer --format github"),
        (
            ["--only", "answer", "--format", "github", "--against", "local"],
            "already the suite of this report",
        ),
        (["--only", "answer", "--format", "github", "--against", "bse"], "did you mean 'base'?"),
        (["--only", "answer", "--format", "github", "--against", "../b"], "(--against)"),
        (["--only", "answer", "--format", "github", "--suite", "empty"], "holds no records"),
        (["--watch", "--only", "answer"], "leave out --only"),
        (["--watch", "--update", "x.md"], "leave out --only and --update"),
    ],
)
def test_options_that_do_not_go_together_are_one_line(
    folder: Path, bench: Bench, words: list[str], said: str
) -> None:
    done = bench("report", "--results", str(folder / "results"), *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr

"""Reports of other documents: what they ask for is said, and nothing that the first one says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from bench.records.declarations import JUDGES, Wanted, declare
from bench.records.protocol import Goal, arm_key
from bench.records.store import Suite
from bench.report.parts import cells
from bench.report.reading import read
from bench.report.summary import summarise
from bench.spec import DatasetInfo, Foreign, digest
from tests import factories
from tests.reports import render
from tests.support import ROOT

PETALS = DatasetInfo(
    name="petals",
    digest=digest(b"petals"),
    n_train=800,
    n_validation=100,
    n_test=100,
    split_seed=1,
    noun="petal",
)
HEAD = """[document]
title = "Petals: a first network"
label = "article"
dataset = "petals"
networks = ["rose", "tulip"]
"""
OBJECTIVE = """
[objective]
target = 70
rate = 0.8
"""
CLAIM = """
[[claim]]
id = "rose.accuracy"
line = 3
quote = "70.25 %"
metric = "last_test_accuracy_percent"
subject = "rose"
published = 70.25
tolerance = 0.005
"""
# What no report but one about the course's README may say.
FOREIGN = re.compile(
    r"99\.40?\b|8,?000|README|Model_1|[Mm]nist|MNIST|"
    r"(?<!-)(?<!12 )\b[Dd]igits?\b(?! given|, and| of the run)"
)
WITHOUT = (
    *("reaches", "reach the target", "runs reach", "Dashed: the target", "over the limit"),
    *("Consistently", "onsistently: ", "bounds of the rate"),
)


def suite_of(results: Path, networks: tuple[str, ...] = ("rose", "tulip")) -> Suite:
    suite = Suite(results, "flowers")
    for at, name in enumerate(networks):
        measured = replace(factories.portrait(f"model_{1 + (at + 1) % 3}"), architecture=name)
        measured = replace(
            measured,
            display_name=name.capitalize(),
            architecture_digest=digest(name.encode()),
            docstring="Made up.",
        )
        suite.add_portrait(measured)
        for seed, right in enumerate((69, 70, 72, 71)):
            run = factories.record(name, seed, dataset=PETALS, test_correct=right + at)
            run = replace(run, n_parameters=3000, test_misses=[(1, 6), (2, 7)])
            suite.add_run(factories.sound(run), b"")
    return suite


def pages(suite: Suite, reports: Path) -> str:
    """Every page and table of the report, without style, script and figures of other sizes."""
    files = render(suite, reports, command="python -m bench report")
    texts = [path.read_text(encoding="utf-8") for path in files if path.suffix in (".html", ".md")]
    whole = "\n".join(texts).replace("\N{NARROW NO-BREAK SPACE}", " ")
    whole = re.sub(r"<(style|script|svg)\b.*?</\1>", "", whole, flags=re.DOTALL)
    return whole.replace("model_2", "").replace("&#x27;", "'").replace("&#39;", "'")


def claims(folder: Path, **texts: str) -> None:
    (folder / "claims").mkdir()
    for name, text in texts.items():
        (folder / "claims" / f"{name}.toml").write_text(text, encoding="utf-8")


def declared(suite: Suite, goal: Goal) -> None:
    runs = suite.runs()
    by_arm = {arm_key(run): run for run in runs}
    wanted = [
        Wanted(key, "petals", run.architecture, range(4), goal) for key, run in by_arm.items()
    ]
    declare(suite, wanted, JUDGES, [])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_another_target_and_limit_are_said_in_its_own_words(folder: Path) -> None:
    claims(folder, petals=HEAD + OBJECTIVE + "parameters_at_most = 2500\n" + CLAIM)
    text = pages(suite_of(folder / "results"), folder / "reports")
    assert not FOREIGN.findall(text)
    assert "A run reaches the target when at least 70.00 % of the test images" in text
    assert "(70 of 100, or more)" in text
    assert "“consistently” asks for eight runs of ten" in text
    assert "Article 70.25" in text
    assert "Article “Petals: a first network” · 4 runs of each network on petals" in text
    assert "at most 2,500" in text
    assert "\N{BALLOT X} 2,500" not in text  # no leaderboard: both stand at the top
    assert "results table" not in text  # the document names no table to rebuild


def test_the_page_of_a_network_says_what_its_own_document_is_called(folder: Path) -> None:
    notebook = """[document]
title = "Weeds"
label = "notebook"
dataset = "petals"
networks = ["tulip"]
"""
    article = HEAD.replace(', "tulip"', "") + OBJECTIVE + CLAIM
    own = CLAIM.replace("rose", "tulip").replace("70.25", "71.5")
    claims(folder, petals=article, weeds=notebook + own)
    reports = folder / "reports"
    pages(suite_of(folder / "results"), reports)
    rose, tulip = (
        (reports / "architectures" / f"{name}.html").read_text(encoding="utf-8")
        for name in ("rose", "tulip")
    )
    assert "article" in rose
    assert "notebook" not in rose
    assert "the notebook says 71.50" in tulip
    assert "article says" not in tulip


@pytest.mark.parametrize("limit", [14, 15])
def test_a_run_longer_than_the_limit_of_epochs_is_marked(folder: Path, limit: int) -> None:
    """Both networks have 15 epochs."""
    head = f'{HEAD}sections = ["results"]\n'
    claims(folder, petals=f"{head}{OBJECTIVE}epochs_at_most = {limit}\n{CLAIM}")
    suite = suite_of(folder / "results")
    grouped = replace(suite.portraits()[0], group="record")  # then there is a leaderboard
    suite.add_portrait(replace(grouped, architecture_digest=digest(grouped.architecture.encode())))
    render(suite, folder / "reports", command="c")
    text = (folder / "reports" / "report.md").read_text(encoding="utf-8")
    marks = re.findall(r"^\| (\w+)<br>✗ 15 epochs, at most 14 \|", text, re.MULTILINE)
    tables = 3  # the leaderboard, all results, the article's own
    assert sorted(marks) == sorted(["Rose", "Tulip"] * tables if limit < 15 else [])
    assert f"| Epoch limit | at most {limit} | epochs of a run |" in text


@pytest.mark.parametrize("n_validation", [100, 0, None])
def test_a_validation_accuracy_is_told_only_of_validation_images(
    folder: Path, n_validation: int | None
) -> None:
    claims(folder, petals=f'{HEAD}sections = ["results"]\n{OBJECTIVE}{CLAIM}')
    suite = Suite(folder / "results", "flowers")
    for seed in range(2):
        run = factories.record("rose", seed, dataset=PETALS, test_correct=70)
        dataset = replace(PETALS, n_validation=n_validation)
        blind = [
            replace(each, validation_correct=None, validation_loss=None) for each in run.epochs
        ]
        epochs = run.epochs if n_validation else blind
        suite.add_run(factories.sound(replace(run, dataset=dataset, epochs=epochs)), b"")
    text = pages(suite, folder / "reports")
    assert ("he validation accuracy is from the best epoch" in text) == bool(n_validation)
    assert ("so no validation accuracy was measured" in text) == (not n_validation)


def test_without_a_limit_none_is_told(folder: Path) -> None:
    claims(folder, petals=HEAD + OBJECTIVE + CLAIM)
    text = pages(suite_of(folder / "results"), folder / "reports")
    assert not FOREIGN.findall(text)
    assert "70.00 %" in text
    assert "imit" not in text.replace("limits", "")


@pytest.mark.parametrize(
    "said", [{}, {"petals": CLAIM.replace("rose.", "x.")}, {"p": HEAD + CLAIM}]
)
def test_without_a_target_nothing_is_judged(folder: Path, said: dict[str, str]) -> None:
    """No document, one without a head, one without an objective."""
    claims(folder, **said)
    text = pages(suite_of(folder / "results"), folder / "reports")
    found = set(FOREIGN.findall(text))
    assert found <= ({"mnist"} if "petals" in said else set())  # the default data set of claims
    assert "No target is declared" in text or "target applies to" in text
    assert "--target and --rate" in text
    assert "Rose 70.500 % (68.446 to 72.554)" in text
    assert not [words for words in WITHOUT if words in text]


def test_a_declared_target_needs_no_document(folder: Path) -> None:
    claims(folder)
    suite = suite_of(folder / "results")
    declared(suite, Goal(71.0, 0.75))
    text = pages(suite, folder / "reports")
    assert "when at least 71.00 % of the test images" in text
    assert "“consistently” asks for 75 runs of 100" in text
    assert not FOREIGN.findall(text)


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        (Goal(), "declared without a target"),
        (Goal(60.0, 0.8), "declared for 60.00 % in 0.80 of runs"),
    ],
)
def test_a_target_that_was_set_after_the_runs_decides_nothing(
    folder: Path, goal: Goal, words: str
) -> None:
    claims(folder, petals=HEAD + OBJECTIVE + CLAIM)
    suite = suite_of(folder / "results")
    declared(suite, goal)
    text = pages(suite, folder / "reports")
    assert f"No verdict follows: the runs were {words}." in text


def test_two_documents_are_two_parts_each_with_its_objective(folder: Path) -> None:
    first = HEAD.replace('"rose", "tulip"', '"rose"')
    second = HEAD.replace('"rose", "tulip"', '"tulip"').replace("a first", "another")
    other = OBJECTIVE.replace("70", "72").replace("0.8", "0.6")
    theirs = CLAIM.replace("rose", "tulip").replace("70.25", "72.5")
    claims(folder, a=first + OBJECTIVE + CLAIM, b=second + other + theirs)
    suite = suite_of(folder / "results", ("rose", "tulip", "weed"))
    render(suite, folder / "reports", command="c")
    text = (folder / "reports" / "report.md").read_text(encoding="utf-8")
    text = text.replace("\N{NARROW NO-BREAK SPACE}", " ")
    one, rest = text.split("Petals: another network")[0], text.split("Petals: another network")[1]
    two, three = rest.split("Networks without a document")
    assert "Petals: a first network" in one
    assert "A run reaches 70.00 %" in one
    assert "A run reaches 72.00 %" not in one
    assert "| 72.50<br>higher than 3 of 4 runs; " in two  # 70, 71 and 72 of 100 lie below
    assert "A run reaches 72.00 %" in two
    assert "A run reaches 70.00 %" not in two
    assert "reaches" not in three
    assert "Weed" in three
    alone = folder / "reports" / "architectures" / "weed.html"
    assert "No target is declared" in alone.read_text(encoding="utf-8")
    assert not FOREIGN.findall(text.replace("model_2", ""))


def test_the_networks_of_every_document_have_a_page_and_can_be_picked(folder: Path) -> None:
    first, second = (HEAD.replace('"rose", "tulip"', f'"{name}"') for name in ("rose", "tulip"))
    other = second.replace("article", "book") + OBJECTIVE.replace("70", "72")
    claims(folder, a=first + OBJECTIVE + CLAIM, b=other + CLAIM.replace("rose", "tulip"))
    suite = suite_of(folder / "results", ("rose", "tulip", "weed"))
    render(suite, folder / "reports", command="c")
    own = sorted(path.stem for path in (folder / "reports" / "architectures").iterdir())
    assert own == ["rose", "tulip", "weed"]
    index = (folder / "reports" / "index.html").read_text(encoding="utf-8")
    assert [f"architectures/{name}.html" in index for name in own] == [True] * 3
    assert re.findall(r'<option value="(\w+)" data-of="(.*)">', index) == [
        *(("rose", "article"), ("tulip", "book"), ("weed", "ours")),
    ]
    grouped = replace(suite.portraits()[1], group="record")
    suite.add_portrait(replace(grouped, architecture_digest=digest(grouped.architecture.encode())))
    (part,) = read(suite, folder / "reports", "c", ["record"])
    assert part.shown == ("tulip",)
    tulip = (folder / "reports" / "architectures" / "tulip.html").read_text(encoding="utf-8")
    assert "(72 of 100, or more)" in tulip
    assert "(70 of 100, or more)" not in tulip


def test_neither_code_nor_templates_know_a_document() -> None:
    """Its target, its limits of parameters and of epochs, its networks: all that is data."""
    known = re.compile(
        r"99\.40?(?!\d)|0\.9940?(?!\d)|(?<![\d_,])8[,_]?000\b|model_[123]\b|\bthe README\b|"
        r"\b(15|fifteen)[- ]epochs?\b|epochs?\w*\b[^\n]{0,20}([=<>]=|[<>]|≤|most) ?15\b|"
        r"\bnew digits\b",
        re.ASCII | re.IGNORECASE,
    )
    paths = [*(ROOT / "bench").rglob("*.py"), *(ROOT / "templates").iterdir()]
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in paths
        if "_shipped" not in path.parts
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if known.search(line)
    ]
    assert found == []


def test_pictures_of_clothes_are_no_digits() -> None:
    assert (replace(PETALS, name="fashion_mnist", noun="digit").shown, PETALS.shown) == (
        *("image", "petal"),
    )


def test_what_the_images_are_is_told_by_our_own_runs() -> None:
    """Beside them stand runs of the same data set of which nobody knows more than its size."""
    ours = [
        factories.record("rose", seed, test_correct=70, dataset=replace(PETALS, n_classes=3))
        for seed in range(2)
    ]
    theirs = factories.not_ours(Foreign(origin="import"), "petals", PETALS.n_test, 71)
    for runs in ([*ours, theirs], [theirs, *ours]):
        links = {run.key: "record.json" for run in runs}
        (found,) = summarise("flowers", runs, [], factories.published(), links, "command")
        assert found.dataset == ours[0].dataset
        assert [arm.label for arm in found.arms] == ["rose", "wild (imported)"]
    (alone,) = summarise("flowers", [theirs], [], factories.published(), {}, "command")
    assert alone.noun == "image"


def test_what_nobody_knows_of_runs_that_are_not_ours_is_not_known() -> None:
    """Of ours that were never measured, a figure is not available."""
    ours = factories.record("rose", 0, test_correct=70, dataset=PETALS)
    command = Foreign(origin="command", epochs=1)
    theirs = factories.not_ours(command, "petals", PETALS.n_test, 71)
    links = {run.key: "record.json" for run in (ours, theirs)}
    (found,) = summarise("flowers", [ours, theirs], [], factories.published(), links, "command")
    figures = [
        cells.measured(found, arm, "multiply_adds", "multiply_adds").text for arm in found.arms
    ]
    assert figures == ["n/a", "not known"]
    assert cells.time_a_run(found.arms[1]).text == "not known"

"""The tables that a draft begins with: worked by hand on small documents, and hostile titles."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UsageError
from bench.evidence.claims.load import misquoted, placed
from bench.evidence.drafts.heading import DataSets, title
from bench.evidence.drafts.writing import draft
from bench.spec import Document, Objective

COURSE = Path(__file__).with_name("course_readme.txt")
AT_HAND = DataSets(("fashion_mnist", "mnist", "mnist5k"))
NUMBER = "7,262 parameters\n"


def text_of(text: str, folder: Path, name: str = "README.md", known: tuple[str, ...] = ()) -> str:
    document = folder / name
    document.write_bytes(text.encode())
    return draft(
        document, "net", dict(zip(known, known, strict=True)), AT_HAND, folder / "net.toml"
    ).text


def read_back(text: str, folder: Path, document: Path | None = None) -> Document:
    """The document of a file that holds no mistake."""
    path = folder / "net.toml"
    path.write_text(text, encoding="utf-8")
    read = placed([path])
    assert read.problems == []
    if document is not None:
        assert misquoted([path], document) == []
    return read.documents[0]


def decided(text: str) -> str:
    """The draft with the rows of its objective no longer commented out."""
    before, mark, after = text.partition("# [objective]\n")
    assert mark
    rows, _, rest = after.partition("\n\n")
    bare = "\n".join(row.removeprefix("# ") for row in rows.splitlines())
    return f"{before}[objective]\n{bare}\n\n{rest}"


def test_the_course_readme_gives_the_tables_that_a_person_wrote(tmp_path: Path) -> None:
    text = draft(COURSE, "net", {f"model_{n}": "" for n in (1, 2, 3)}, AT_HAND, tmp_path).text
    made = read_back(text, tmp_path, COURSE)
    assert made.title == "Session-6: MNIST CNN Optimization - Achieving 99.4% with <8000 Parameters"
    assert (made.file, made.dataset) == ("course_readme.txt", "mnist")
    assert made.networks == ("model_1", "model_2", "model_3")
    assert made.objective is None  # a draft does not decide it
    objective = Objective(target=99.4, rate=0.9, parameters_below=8000, epochs_at_most=15)
    assert read_back(decided(text), tmp_path, COURSE).objective == objective


CIFAR = """\
![badge](https://example.org/b.svg)

# A *small* [ResNet](https://example.org) for `CIFAR-10`

Trained on CIFAR10 in 24 epochs: 91.25% test accuracy with 150,000 parameters.

- SGD with Nesterov momentum 0.9, weight decay 5e-4, batch size 512
- MultiStepLR, milestones=[12, 20], gamma=0.2
- RandomCrop(32, padding=4), RandomHorizontalFlip(), Cutout 8x8
- Normalize((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))
"""


def test_a_readme_of_cifar_10_says_how_to_declare_its_data_set(tmp_path: Path) -> None:
    text = text_of(CIFAR, tmp_path)
    made = read_back(text, tmp_path, tmp_path / "README.md")
    assert (made.title, made.label) == ("A small ResNet for CIFAR-10", "README")
    assert made.networks == ("net",)
    assert made.dataset == "mnist"
    assert "# CIFAR-10 is not declared here. Write datasets/cifar10.toml" in text
    declared = text.replace('# dataset = "cifar10"', 'dataset = "cifar10"')
    assert read_back(declared, tmp_path).dataset == "cifar10"
    assert {
        c["metric"]: c.get("published", c.get("text")) for c in tomllib.loads(text)["claim"]
    } == {
        "recipe.epochs": 24,
        "last_test_accuracy_percent": 91.25,
        "n_parameters": 150_000,
        "recipe.optimizer": "sgd",
        "recipe.nesterov": "true",
        "recipe.momentum": 0.9,
        "recipe.weight_decay": 0.0005,
        "recipe.batch_size": 512,
        "recipe.schedule": "step",
        "recipe.step_epochs": "12, 20",
        "recipe.step_factor": 0.2,
        "recipe.augmentation.crop_padding": 4,
        "recipe.augmentation.flip_probability": 0.5,
        "recipe.augmentation.cutout_pixels": 8,
        "recipe.pixel_mean": "0.4914, 0.4822, 0.4465",
        "recipe.pixel_std": "0.247, 0.2435, 0.2616",
    }


@pytest.mark.parametrize(
    ("words", "row"),
    [
        ("Trained on MNIST", 'dataset = "mnist"'),
        ("Fashion-MNIST and FashionMNIST", 'dataset = "fashion_mnist"'),
        ("MNIST, mnist, CIFAR-100", 'dataset = "mnist" # the document also names CIFAR-100'),
        ("the Kuzushiji-MNIST digits", '# dataset = "kmnist"'),
        ("datasets.SVHN(root)", '# dataset = "svhn"'),
        ("CIFAR-100, no CIFAR-1000", '# dataset = "cifar100"'),
        ("flowers", '# dataset = "NAME"'),
        ("5,000 digits, mnist5k", 'dataset = "mnist5k"'),
        ("MNIST-5k, MNIST5K, MNIST", 'dataset = "mnist5k" # the document also names MNIST'),
        ("MNIST, MNIST and mnist5k", 'dataset = "mnist5k" # the document also names MNIST'),
        ("MNIST, MNIST, MNIST-5k", 'dataset = "mnist" # the document also names mnist5k'),
        ("mnist, mnist and mnist5k", 'dataset = "mnist" # the document also names mnist5k'),
        ("https://example.org/mnist", '# dataset = "NAME"'),
    ],
)
def test_the_data_set_is_the_one_that_is_named_most_often(
    tmp_path: Path, words: str, row: str
) -> None:
    assert row in text_of(f"{words}\n{NUMBER}", tmp_path).splitlines()


def test_a_declared_data_set_is_named_by_the_text_or_by_the_command(tmp_path: Path) -> None:
    document = tmp_path / "README.md"
    document.write_text(f"Leaf shapes and MNIST, then leaf-shapes\n{NUMBER}")
    known = ("leaf_shapes", "mnist")
    text = draft(document, "net", {}, DataSets(known), tmp_path).text
    assert 'dataset = "leaf_shapes" # the document also names MNIST' in text
    text = draft(document, "net", {}, DataSets(known, "mnist"), tmp_path).text
    assert 'dataset = "mnist" # the document also names leaf_shapes' in text
    with pytest.raises(UsageError, match=r"unknown data set 'mnits' .*'mnist'"):
        draft(document, "net", {}, DataSets(known, "mnits"), tmp_path)


PUBLIC = """\
# Objectives
- Test accuracy > 70.0 %
- Number of parameters <= 50,000
- Number of epochs < 21
# Result
81% test accuracy in 30 epochs
"""
OBJECTIVES: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "99.4% accuracy consistently, under 8,000 parameters, 15 epochs",
        {"target": 99.4, "rate": 0.9, "parameters_below": 8000, "epochs_at_most": 15},
    ),
    (
        PUBLIC,
        {
            "target": 70,
            "relation": "above",
            "rate": 0.9,
            "parameters_at_most": 50_000,
            "epochs_at_most": 20,
        },
    ),
    ("less than 10k parameters", {"parameters_below": 10_000}),
    ("The target is a test accuracy of 85.5%", {"target": 85.5, "rate": 0.9}),
)


@pytest.mark.parametrize(("text", "keys"), OBJECTIVES)
def test_an_objective_is_written_for_a_person_to_decide(
    tmp_path: Path, text: str, keys: dict[str, Any]
) -> None:
    made = text_of(text, tmp_path)
    assert read_back(made, tmp_path).objective is None
    assert ("Decide the rate first" in made) == ("rate" in keys)
    assert read_back(decided(made), tmp_path).objective == Objective(**keys)


@pytest.mark.parametrize(
    ("line", "networks"),
    [
        ("PlainNet reaches 94% consistently. SlimNet is small.", ("plain",)),
        ("Both PlainNet and slim reach 94% consistently", ("plain", "slim")),
        ("The networks reach 94% consistently. SlimNet is small.", ()),
        ("| Network | Test accuracy |\n|--|--|\n| SlimNet | 94% consistently |", ("slim",)),
        (f"PlainNet, {'which is a network ' * 9} reaches 94% consistently", ("plain",)),
    ],
)
def test_an_objective_is_asked_of_the_networks_that_its_sentence_names(
    tmp_path: Path, line: str, networks: tuple[str, ...]
) -> None:
    document = tmp_path / "README.md"
    document.write_text(f"# PlainNet and SlimNet\n{NUMBER}{line}\n")
    known = {"plain": "PlainNet", "slim": "SlimNet", "other": "Other"}
    made = read_back(decided(draft(document, "net", known, AT_HAND, tmp_path).text), tmp_path)
    assert made.objective == Objective(target=94, rate=0.9, networks=networks)


@pytest.mark.parametrize("text", ["99.1% test accuracy in 15 epochs", "We reached 99% accuracy"])
def test_a_result_is_no_objective(tmp_path: Path, text: str) -> None:
    assert "[objective]" not in text_of(text + "\n" + NUMBER, tmp_path)


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        ("# One", "One"),
        ("intro\n\n## Two ##\n# Three", "Two"),
        ("Under\n=====", "Under"),
        ('<h1 align="center">Tagged <b>one</b></h1>', "Tagged one"),
        ("<h1>\nBelow it\n</h1>", "Below it"),
        ("```\n# a comment\n```\n# After the code", "After the code"),
        ("# ![logo](a.png)\n# Words", "Words"),
        ("no heading", ""),
        ("# \"Net\" \\ 'x' = [1] #2", "\"Net\" \\ 'x' = [1] #2"),
        ("# a\x01b\x7fc\u200dd\te", "a b c d e"),
        (f"# {'x' * 10_000}", f"{'x' * 117}..."),
        ('# """\n[[claim]]', '"""'),
        ("# <8K & >99%", "<8K & >99%"),
    ],
)
def test_the_title_is_the_first_heading_that_has_words(
    tmp_path: Path, heading: str, words: str
) -> None:
    assert title(heading.split("\n")) == words
    made = read_back(text_of(f"{heading}\n\n{NUMBER}", tmp_path), tmp_path)
    assert made.title == words or (not words and made.title == "README.md")


@given(st.text(max_size=60))
def test_whatever_the_heading_it_is_one_printable_line(words: str) -> None:
    assert title([f"# {words}"]).isprintable()


@pytest.mark.parametrize("piece", ["[", "![", "](", "<a", "<h1", "#", " #", "`", "# ", "mnist"])
def test_a_heading_of_many_marks_takes_no_time(tmp_path: Path, piece: str) -> None:
    text = f"# {(piece * 10_000)[:10_000]}\n# {(piece * 1_900)[:1_900]}\n\n{NUMBER}"
    assert read_back(text_of(text, tmp_path), tmp_path).title


@pytest.mark.parametrize("name", ["a\nb.md", "\x07.md", 'q"\\.md', "\udcff.md"])
def test_a_name_of_a_file_breaks_nothing(tmp_path: Path, name: str) -> None:
    made = read_back(text_of(NUMBER, tmp_path, name), tmp_path)
    assert made.title.isprintable()
    assert made.file == (name if name.isprintable() else "")

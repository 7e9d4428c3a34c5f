"""What the program says is kept in one file, and each sentence of it is short and plain."""

from __future__ import annotations

import re
import tomllib

import pytest

from bench import machine
from bench.errors import page
from tests.support import ROOT, text_of
from tests.texts.collect import Text, collect, texts_of, without_names
from tests.texts.listing import COMMAND, LISTING, listing

MOST_WORDS = 30
ODD = re.compile(
    r"\b(those that|of those|that of|told (from|apart)|none of (it|them)|from none|is of|are of"
    r"|as it is|anew|whose|by itself|lies (above|below|on)|takes \d+|holds for|nobody"
    r"|stands? twice)\b",
    re.I,
)
KEPT = {  # committed measures hold these words, and a text that changes would not be theirs
    "bench/measuring/measures/cost.py": ["is of"],
}
SENTENCE = re.compile(r"(?<=[.!?:;])\s+")


def test_the_list_of_texts_is_current() -> None:
    assert LISTING.read_text("utf-8") == listing(), f"renew it and read what changed: {COMMAND}"


def faults(text: Text) -> list[str]:
    """A text's odd turns, and its sentences with too many words."""
    said = without_names(text.text)
    long = [each for each in SENTENCE.split(said) if len(each.split()) > MOST_WORDS]
    return [*(each[0] for each in ODD.finditer(said)), *long]


def test_no_text_names_a_file_that_a_wheel_leaves_out() -> None:
    """Whoever installed the program reads the documentation's site, not the checkout."""
    of_checkout = re.compile(r"\b(?:docs|templates|bench|benchmarks|tests)/[\w/]+\.\w+")
    assert [text for text in collect() if of_checkout.search(text.text)] == []
    for name in ("architecture.py", "claims.toml"):
        assert not of_checkout.search((machine.folder("templates") / name).read_text("utf-8"))


def test_each_page_that_a_text_names_is_there() -> None:
    said = [text.text for text in collect()]
    pages = {name for text in said for name in re.findall(r"page\(['\"](\w+)", text)}
    assert {"claims", "data", "import", "python", "runners"} <= pages
    assert [name for name in sorted(pages) if not (ROOT / f"docs/{name}.md").is_file()] == []
    site = tomllib.loads(text_of("pyproject.toml"))["project"]["urls"]["Documentation"]
    assert page("claims") == f"{site}claims.html"


def test_each_sentence_is_short_and_plain() -> None:
    found = {text: faults(text) for text in collect()}
    assert {
        text: each for text, each in found.items() if each and each != KEPT.get(text.module)
    } == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("it is of one seed", ["is of"]),
        ("word " * 31, [("word " * 31).rstrip()]),
        ("word " * 29 + "word. And {such} more", []),
    ],
)
def test_a_long_sentence_and_an_odd_turn_are_found(text: str, expected: list[str]) -> None:
    assert [each.strip() for each in faults(Text("a.py", "message", text))] == expected


def test_texts_are_read_from_calls_sums_and_choices() -> None:
    """A refusal is one text; a docstring, a field's name and a pattern are none."""
    source = """
class BadError(Exception):
    "No text of the program."

def refusal(what) -> BadError:
    return BadError(what, where=f"the {what}", remedy="mend " "it")

def said(n):
    notice = "all of " + n + f" and {n:.2f} " + ("runs here" if n else "no run")
    return notice, "field_name other_name", r"\\d+ (?:a|b) runs"
"""
    assert sorted(texts_of({"bench/a.py": source})) == [
        Text("bench/a.py", "message", "all of {n} and {n} [runs here / no run]"),
        Text("bench/a.py", "refusal", "{what} (the {what}): mend it"),
    ]

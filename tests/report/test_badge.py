"""The badge: what it says for each mixture of verdicts, and that anybody can read it.

As in test_finding.py, 29 runs that all reach the target confirm it, and five of ten refute it.
"""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bench.records.store import Suite
from bench.report import badge, pages
from bench.report.badge import Badge, Text, Tone
from bench.report.parts.finding import finding
from bench.report.publish import MANIFEST
from bench.spec import Claim
from tests import factories
from tests.factories import DOCUMENT, runs
from tests.report.contrast import contrast, luminance
from tests.report.test_comment import claim, suite_of
from tests.reports import render

SVG = "{http://www.w3.org/2000/svg}"
CONFIRMED, REFUTED, UNDECIDED = [9945 + n % 3 for n in range(29)], [9930, 9950] * 5, [9950] * 5
ONE = replace(DOCUMENT, networks=("model_1",))


def said(id: str, line: int, metric: str, published: float, **fields: Any) -> Claim:
    """A line of the document on Model_1, whose five runs leave the target undecided."""
    return claim(id, metric, "model_1", published, line=line, tolerance=0.0, **fields)


@pytest.mark.parametrize(
    ("networks", "message", "tone"),
    [
        ([], "not trained", "none"),
        ([CONFIRMED], "1 of 3 confirmed", "open"),
        ([CONFIRMED, UNDECIDED, UNDECIDED], "1 of 3 confirmed", "open"),
        ([CONFIRMED, CONFIRMED, CONFIRMED], "3 of 3 confirmed", "good"),
        ([CONFIRMED, REFUTED, CONFIRMED], "1 of 3 refuted", "bad"),
        ([REFUTED, REFUTED, REFUTED], "3 of 3 refuted", "bad"),
        ([UNDECIDED, UNDECIDED, UNDECIDED], "3 of 3 undecided", "open"),
        ([UNDECIDED], "1 of 3 undecided", "open"),
    ],
)
def test_the_worst_verdict_decides(networks: list[list[int]], message: str, tone: Tone) -> None:
    made = [runs(name, counts) for name, counts in zip(factories.NAMES, networks, strict=False)]
    found = badge.badge(suite_of(*made, claims=()))
    assert (found.message.text, found.tone) == (message, tone)


@pytest.mark.parametrize(
    ("counts", "message"),
    [(CONFIRMED, "confirmed"), (REFUTED, "refuted"), (UNDECIDED, "undecided")],
)
def test_one_network_has_its_verdict(counts: list[int], message: str) -> None:
    found = badge.badge(suite_of(runs("model_1", counts), claims=(), document=ONE))
    assert found.message.text == message


NOT_SO = said("runs", 14, "mean_test_accuracy_percent", 99.9, relation="at_least")
SIZE = said("size", 15, "n_parameters", 9850)  # Model_1 has it
WRONG = said("wrong", 16, "n_parameters", 7262)
LATER = said("later", 17, "consistent_test_accuracy_percent", 99.4)
ONCE = said("once", 18, "last_test_accuracy_percent", 99.9)  # runs reach 99.45 to 99.49 %
WORDS = said("words", 19, "not_checkable", 0, derivation="no record says it")


@pytest.mark.parametrize(
    ("claims", "message", "tone"),
    [
        ((SIZE, WRONG, LATER), "1 of 3 lines refuted", "bad"),
        ((SIZE, WORDS), "1 of 1 line holds", "good"),
        ((SIZE, LATER), "1 of 2 lines holds", "open"),
        ((LATER,), "1 of 1 line undecided", "open"),
        ((SIZE, ONCE), "1 of 2 lines does not hold", "bad"),
        ((SIZE, WRONG, NOT_SO), "2 of 3 lines refuted", "bad"),
    ],
)
def test_a_document_has_its_lines_counted_as_the_finding_counts_them(
    claims: tuple[Claim, ...], message: str, tone: Tone
) -> None:
    made = suite_of(runs("model_1", [9945, 9946, 9947, 9948, 9949]), claims=claims)
    found = badge.badge(made)
    assert (found.message.text, found.tone) == (message, tone)
    of_total = message.split(" of ")[1].split(" line")[0]
    assert any(each.startswith(f"Of {of_total} line") for each in finding(made[0]).lead)


def test_lines_of_an_untrained_document_are_not_counted() -> None:
    assert badge.badge(suite_of(claims=(SIZE,))).message.text == "not trained"


def test_without_a_target_there_is_no_verdict() -> None:
    aimless = replace(DOCUMENT, objective=None)
    found = badge.badge(suite_of(runs("model_1", UNDECIDED), claims=(), document=aimless))
    assert (found.message.text, found.tone) == ("no verdict", "none")


def drawn(message: str, tone: Tone) -> ElementTree.Element:
    made = Badge(Text(message), tone)
    return ElementTree.fromstring(pages.rendered("badge.svg.j2", badge=made, margin=badge.MARGIN))


def test_it_has_a_name_and_is_as_wide_as_its_words() -> None:
    svg = drawn("1 of 3 refuted", "bad")
    assert svg.get("role") == "img"
    assert svg.get("aria-label") == svg.findtext(f"{SVG}title") == "manyseeds: 1 of 3 refuted"
    # An m takes 10; f, i, j, l, r, t and a blank 4; any other letter 7.
    label = 10 + 8 * 7
    message = (7 + 4) + (7 + 4 + 4) + (7 + 4) + (4 + 7 + 4 + 7 + 4 + 7 + 7)
    assert svg.get("width") == str(label + message + 4 * 6)
    lengths = [text.get("textLength") for text in svg.iter(f"{SVG}text")]
    assert lengths == [str(label), str(message)]
    tags = {node.tag.removeprefix(SVG) for node in svg.iter()}
    assert tags == {"svg", "title", "rect", "path", "g", "text"}
    assert "http" not in "".join(value for node in svg.iter() for value in node.attrib.values())


@pytest.mark.parametrize("tone", ["good", "bad", "open", "none"])
def test_its_words_stand_out_and_its_papers_are_light(tone: Tone) -> None:
    svg = drawn("undecided", tone)
    papers = [fill(next(svg.iter(f"{SVG}{tag}"))) for tag in ("path", "rect")]
    inks = [fill(text) for text in svg.iter(f"{SVG}text")]
    for paper, ink in zip(papers, inks, strict=True):
        assert luminance(paper) > 0.7
        assert luminance(ink) < luminance(paper)
        assert contrast(paper, ink) >= 7  # WCAG's AAA


def fill(node: ElementTree.Element) -> list[int]:
    """Red, green and blue of a node's #rrggbb."""
    return list(bytes.fromhex((node.get("fill") or "").removeprefix("#")))


def test_it_lies_with_the_report_in_its_manifest_and_is_the_same_again(tmp_path: Path) -> None:
    suite = Suite(tmp_path / "results", "local")
    factories.fill(suite, ["model_1"], seeds=[0])
    found = []
    for name in ("one", "two"):
        render(suite, tmp_path / name, command="command")
        found.append((tmp_path / name / "badge.svg").read_bytes())
    assert found[0] == found[1]
    entry = f"{hashlib.sha256(found[0]).hexdigest()}  badge.svg"
    assert entry in (tmp_path / "one" / MANIFEST).read_text(encoding="utf-8").splitlines()

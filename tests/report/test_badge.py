"""The badge: what it says for each mixture of verdicts, and that anybody can read it.

As in test_finding.py, 29 runs that all reach the target confirm it, and five of ten refute it.
"""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from msgspec.structs import replace

from bench.records.store import Suite
from bench.report import badge, pages
from bench.report.badge import Badge, Text, Tone
from bench.report.publish import MANIFEST
from tests import factories
from tests.factories import DOCUMENT, runs
from tests.report.contrast import contrast, luminance
from tests.report.test_comment import suite_of
from tests.reports import render

SVG = "{http://www.w3.org/2000/svg}"
CONFIRMED, REFUTED, UNDECIDED = [9945 + n % 3 for n in range(29)], [9930, 9950] * 5, [9950] * 5
ONE = replace(DOCUMENT, networks=("model_1",))


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

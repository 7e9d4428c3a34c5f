"""A report stays one that can be read: the reference suite's pages, measured in a browser."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.report.browser.opening import PHONE, opened

pytestmark = pytest.mark.browser

INDEX = {"height": 6_000, "words": 2_500, "tables": 12, "tab stops": 60, "bytes": 400_000}
ARCHITECTURE = {"height": 12_000, "bytes": 700_000}
MARKDOWN_WORDS = 12_000
DOCUMENT_ON_A_PHONE = 27_000  # CSS pixels, for seven documents; four took 21,300
MEASURED = """() => ({
    height: document.documentElement.scrollHeight,
    words: document.body.innerText.split(/\\s+/).length,
    tables: document.querySelectorAll('table').length,
    'tab stops': [...document.querySelectorAll('a[href], button, select, summary, [tabindex="0"]')]
        .filter(each => each.tabIndex >= 0 && each.checkVisibility()).length,
})"""
LONG_CAPTIONS = """() => [...document.querySelectorAll('figcaption, .caption')]
    .filter(each => each.checkVisibility())
    .filter(each => each.getBoundingClientRect().height
        > 2.5 * parseFloat(getComputedStyle(each).lineHeight))
    .map(each => each.innerText)"""


def too_much(browser: Browser, path: Path, limits: Mapping[str, int]) -> dict[str, float]:
    """What of the page is more than its limit, and captions of more than two lines."""
    with opened(browser, path) as page:
        measured = page.evaluate(MEASURED)
        captions = page.evaluate(LONG_CAPTIONS)
    measured["bytes"] = path.stat().st_size
    over = {name: measured[name] for name, limit in limits.items() if measured[name] > limit}
    return {**over, **dict.fromkeys(captions, 3)}


def test_the_reference_report_keeps_to_its_limits(browser: Browser, rebuilt: Path) -> None:
    limits = {rebuilt / "index.html": INDEX}
    limits |= dict.fromkeys(sorted((rebuilt / "architectures").glob("*.html")), ARCHITECTURE)
    limits |= {
        rebuilt / f"{name}.html": {} for name in ("leaderboard", "comparisons", "provenance")
    }
    assert len(limits) > 25
    found = {path.name: too_much(browser, path, limits[path]) for path in limits}
    assert {name: over for name, over in found.items() if over} == {}
    text = (rebuilt / "report.md").read_text(encoding="utf-8")
    assert len(text.split()) <= MARKDOWN_WORDS
    unfolded = text.partition("<details>")[0]
    assert "what does not hold or is undecided" in unfolded
    assert "| refuted |" in unfolded


def test_the_document_page_can_be_read_on_a_phone(browser: Browser, rebuilt: Path) -> None:
    with opened(browser, rebuilt / "document.html", PHONE) as page:
        assert page.evaluate(MEASURED)["height"] <= DOCUMENT_ON_A_PHONE


def test_a_page_over_its_limits_is_seen(browser: Browser, bench_page: Path) -> None:
    limits = {"height": 500, "words": 100, "tables": 2, "tab stops": 10, "bytes": 1_000}
    assert set(too_much(browser, bench_page, limits)) == set(limits)
    with opened(browser, bench_page) as page:
        page.locator("figcaption").first.evaluate("each => each.innerText = 'word '.repeat(99)")
        assert len(page.evaluate(LONG_CAPTIONS)) == 1

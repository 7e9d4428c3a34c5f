"""Paper shows everything that can be read, and nothing that can only be clicked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from bench.records.store import Suite
from tests.report.browser.opening import opened
from tests.report.browser.workbench import RUNS
from tests.reports import render
from tests.support import ROOT

BOX = re.compile(rb"/MediaBox \[([^]]*)\]")

PAPER = re.compile(rb"/Type /Page\b")
COLUMN = {"width": 688, "height": 1001}  # A4 less its margins

pytestmark = pytest.mark.browser


def n_pages(pdf: bytes) -> int:
    return len(PAPER.findall(pdf))


def test_paper_shows_what_a_reader_had_hidden_or_folded(browser: Browser, bench_page: Path) -> None:
    address = "?only=model_1,model_3#?filter=bench-1.3.completed"
    with opened(browser, bench_page, address=address) as page:
        expect(page.locator("#bench-2")).to_be_hidden()
        page.emulate_media(media="print")
        expect(page.locator("#bench-2 tbody tr").first).to_be_visible()
        box = page.locator("#bench-2").bounding_box()
        assert box is not None
        assert box["height"] > 100
        assert page.locator("#bench-1 tbody tr:visible").count() == len(RUNS)
        assert page.locator("figure:visible").count() == 2
        for control in (".bar", ".tools", ".picks", ".only", ".tip"):
            expect(page.locator(control).first).to_be_hidden()


def test_folded_tables_are_on_paper_without_script_too(browser: Browser, bench_page: Path) -> None:
    with opened(browser, bench_page, scripts=False) as page:
        page.emulate_media(media="print")
        box = page.locator("#bench-2").bounding_box()
        assert box is not None
        assert box["height"] > 100


def test_paper_is_white_whatever_the_theme(browser: Browser, bench_page: Path) -> None:
    colour = "name => getComputedStyle(document.documentElement).getPropertyValue(name)"
    with opened(browser, bench_page, scheme="light") as page:
        light = page.evaluate(colour, "--good")
    with opened(browser, bench_page, scheme="dark") as page:
        assert page.evaluate(colour, "--good") != light
        page.emulate_media(media="print")
        assert page.evaluate(colour, "--good") == light
        assert page.evaluate(colour, "--paper") == "#fff"


@pytest.mark.parametrize("name", ["index.html", "architectures/model_1.html"])
def test_a_report_prints(browser: Browser, reports: Path, name: str) -> None:
    with opened(browser, reports / name) as page:
        page.emulate_media(media="print")
        folds = page.locator("details.fold table")
        for place in range(folds.count()):
            box = folds.nth(place).bounding_box()
            assert box is not None
            assert box["height"] > 40
        pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF-")
    assert len(pdf) > 50_000
    assert 2 <= n_pages(pdf) <= 20  # with some 60 missed digits of each run


def test_a_wide_table_turns_its_page_instead_of_shrinking_all(
    browser: Browser, tmp_path: Path
) -> None:
    """Chromium scales a whole document down to fit the widest thing on it."""
    measured = Suite(ROOT / "results", "reference").portraits()
    suite = Suite(tmp_path / "results", "local")
    suite.add_portrait(next(each for each in measured if each.architecture == "model_2"))
    render(suite, tmp_path / "reports", command="python -m bench report")
    with opened(browser, tmp_path / "reports" / "architectures" / "model_2.html") as page:
        pdf = page.pdf(prefer_css_page_size=True)
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 1017, "height": 673})  # A4 across, less the margins
        wide = page.locator(".landscape")
        expect(wide).to_have_count(1)
        sizes = wide.evaluate("place => [place.firstElementChild.scrollWidth, place.clientWidth]")
        assert sizes[0] <= sizes[1], sizes
    sizes = [tuple(float(each) for each in box.split()[2:]) for box in BOX.findall(pdf)]
    assert {width > height for width, height in sizes} == {False, True}


def test_the_first_screen_is_a_page_and_the_marked_document_one_more(
    browser: Browser, rebuilt: Path
) -> None:
    """Of the reference suite: what stands above the results, and what stands above the cards."""
    with opened(browser, rebuilt / "index.html") as page:
        assert n_pages(page.pdf(format="A4", prefer_css_page_size=True)) <= 15
        page.emulate_media(media="print")
        page.set_viewport_size(COLUMN)
        box = page.locator("section.answer").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= COLUMN["height"]
    with opened(browser, rebuilt / "document.html") as page:
        assert n_pages(page.pdf(format="A4", prefer_css_page_size=True)) <= 15
        page.emulate_media(media="print")
        page.set_viewport_size(COLUMN)
        box = page.locator("div.marked").first.bounding_box()
        assert box is not None
        assert box["height"] <= COLUMN["height"]
        whole = page.locator("section.marked").bounding_box()
        assert whole is not None
        assert whole["y"] + whole["height"] <= 2 * COLUMN["height"]
        assert page.locator(".part .rule:visible").count() > 40  # of what does not hold
        assert page.locator(".fold .card:visible, .strip:visible").count() == 0
        assert page.locator(".lane:visible, figure:visible").count() == 0

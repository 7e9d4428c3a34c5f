"""Marks of a figure say what they are: to the pointer, to the keyboard, to a screen reader."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.report.browser.opening import DESK, HEIGHT, PHONE, opened

pytestmark = pytest.mark.browser

ALL = [f"Model_{i}, seed {seed}" for i in (1, 2, 3) for seed in (0, 1, 2)] + ["The mean"]


def tip(page: Page) -> Locator:
    return page.locator(".tip")


def shown_marks(page: Page, nth: int = 0) -> Locator:
    return page.locator("figure").nth(nth).locator(".mark:visible")


def test_the_pointer_asks_a_mark(browser: Browser, bench_page: Path) -> None:
    with opened(browser, bench_page) as page:
        mark = shown_marks(page).nth(4)
        expect(tip(page)).to_be_hidden()
        mark.hover()
        expect(tip(page)).to_have_text("Model_2, seed 1")
        assert "lit" in (mark.get_attribute("class") or "")
        page.locator("h1").hover()
        expect(tip(page)).to_be_hidden()
        assert page.locator(".lit").count() == 0


def test_close_to_a_thin_line_is_enough(browser: Browser, bench_page: Path) -> None:
    with opened(browser, bench_page) as page:
        line = shown_marks(page).nth(9)
        line.scroll_into_view_if_needed()
        box = line.bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + box["width"] - 20, box["y"] + 7)  # just below its right end
        expect(tip(page)).to_have_text("The mean")
        page.mouse.move(box["x"] + box["width"] - 20, box["y"] + 40)
        expect(tip(page)).to_be_hidden()


def test_arrow_keys_walk_the_marks(browser: Browser, bench_page: Path) -> None:
    with opened(browser, bench_page) as page:
        page.locator("figure").first.focus()
        for key, words in (
            ("ArrowRight", ALL[0]),
            ("ArrowDown", ALL[1]),
            ("ArrowLeft", ALL[0]),
            ("ArrowUp", ALL[0]),  # stays at the first
            ("End", ALL[-1]),
            ("ArrowRight", ALL[-1]),
            ("Home", ALL[0]),
        ):
            page.keyboard.press(key)
            expect(tip(page)).to_have_text(words)
            expect(page.get_by_role("status")).to_have_text(words)
            assert page.locator(".lit").count() == 1
        page.keyboard.press("Escape")
        expect(tip(page)).to_be_hidden()
        expect(page.locator("figure").first).to_be_focused()


def test_the_walk_meets_every_shown_mark_once(browser: Browser, bench_page: Path) -> None:
    with opened(browser, bench_page, address="?only=model_1,model_3") as page:
        page.locator("figure").first.focus()
        met = []
        for _ in range(7):
            page.keyboard.press("ArrowRight")
            met.append(tip(page).inner_text())
    assert met == [words for words in ALL if "Model_2" not in words]


def test_leaving_the_figure_closes(browser: Browser, bench_page: Path) -> None:
    with opened(browser, bench_page) as page:
        page.locator("figure").first.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Tab")
        expect(tip(page)).to_be_hidden()


def test_a_figure_without_marks_is_no_stop(browser: Browser, bench_page: Path) -> None:
    with opened(browser, bench_page, scripts=False) as page:
        assert page.locator("figure[tabindex]").count() == 0
    with opened(browser, bench_page) as page:
        assert page.locator("figure[tabindex='0']").count() == 2


@pytest.mark.parametrize("width", [DESK, PHONE, 320])
def test_a_tip_never_leaves_the_window_nor_covers_its_mark(
    browser: Browser, bench_page: Path, width: int
) -> None:
    with opened(browser, bench_page, width) as page:
        figure = page.locator("figure").first
        figure.focus()
        for place in ("start", "end"):  # at the top of the window, at its bottom
            figure.evaluate("(figure, block) => figure.scrollIntoView({ block })", place)
            for n in range(9):
                page.keyboard.press("ArrowRight" if n else "Home")
                box, mark = tip(page).bounding_box(), page.locator(".lit").bounding_box()
                assert box is not None
                assert mark is not None
                assert box["x"] >= 0
                assert box["x"] + box["width"] <= width
                assert box["y"] >= 0
                assert box["y"] + box["height"] <= HEIGHT
                assert box["y"] >= mark["y"] + mark["height"] or (
                    box["y"] + box["height"] <= mark["y"]
                )


def test_a_mark_that_stands_out_differs_in_more_than_colour(
    browser: Browser, bench_page: Path
) -> None:
    width = "mark => parseFloat(getComputedStyle(mark.firstElementChild).strokeWidth)"
    with opened(browser, bench_page) as page:
        line = shown_marks(page).nth(9)
        before = line.evaluate(width)
        page.locator("figure").first.focus()
        page.keyboard.press("End")
        assert line.evaluate(width) > before


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_a_reports_own_figure_speaks(browser: Browser, reports: Path, width: int) -> None:
    with opened(browser, reports / "leaderboard.html", width) as page:
        figure = page.locator("figure", has=page.locator(".mark[data-tip*='seed 3']")).first
        mark = figure.locator(".mark[data-tip*='Model_2, seed 3']:visible").first
        words = mark.get_attribute("data-tip") or ""
        figure.focus()
        page.keyboard.press("Home")
        for _ in range(figure.locator(".mark").count()):
            if tip(page).inner_text() == words:
                break
            page.keyboard.press("ArrowRight")
        expect(tip(page)).to_have_text(words)
        assert " %" in words.replace("\N{NARROW NO-BREAK SPACE}", " ")

"""The address that holds what a reader has chosen."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.report.browser.opening import PHONE, first_cells, header, opened
from tests.report.browser.workbench import RUNS

pytestmark = pytest.mark.browser


def pick(page: Page, name: str) -> None:
    page.locator(".picks select").select_option(label=name)


def picked(page: Page) -> list[str]:
    """The buttons of the line that are pressed."""
    return page.locator(".picks [aria-pressed=true]").all_inner_texts()


def chosen(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).fragment.partition("?")[2])


def test_the_address_brings_the_whole_view_back(browser: Browser, bench_page: Path) -> None:
    with opened(browser, bench_page) as page:
        page.locator("summary", has_text="Folded").click()
        header(page, "bench-1", "Right").click()
        header(page, "bench-1", "Right").click()
        page.get_by_label("Status").select_option("completed")
        pick(page, "Model_1")
        pick(page, "Model_2")
        expect(page.locator("#bench-2")).to_be_visible()
        assert urlsplit(page.url).query == "only=model_1,model_2"
        assert chosen(page) == {
            "sort": ["bench-1.4.down"],
            "filter": ["bench-1.3.completed"],
            "open": ["bench-2"],
        }
        shown, address = first_cells(page, "bench-1"), page.url
    with opened(browser, bench_page, address=address.removeprefix(bench_page.as_uri())) as page:
        assert page.url == address
        assert first_cells(page, "bench-1") == shown == ["run 5", "run 2", "run 10", "run 21"]
        expect(page.locator("#bench-2")).to_be_visible()
        assert picked(page) == ["Model_1", "Model_2"]
        expect(page.get_by_label("Status")).to_have_value("completed")
        page.reload()
        assert first_cells(page, "bench-1") == shown


def test_back_and_forward_go_through_the_views(browser: Browser, bench_page: Path) -> None:
    names = [run for run, *_ in RUNS]
    with opened(browser, bench_page) as page:
        pick(page, "Model_1")
        header(page, "bench-1", "Run").click()
        shown = first_cells(page, "bench-1")
        page.go_back()
        expect(page.locator("[aria-sort]")).to_have_count(0)
        assert first_cells(page, "bench-1") == [n for n in names if n in shown]
        page.go_back()
        expect(page.locator(".chip")).to_have_count(0)
        assert first_cells(page, "bench-1") == names
        page.go_forward()
        expect(page.locator(".chip")).to_have_text("Model_1")
        page.go_forward()
        expect(page.locator("[aria-sort=ascending]")).to_have_count(1)
        assert first_cells(page, "bench-1") == shown


def test_folding_is_a_step_back_too(browser: Browser, bench_page: Path) -> None:
    with opened(browser, bench_page) as page:
        page.locator("summary", has_text="Folded").click()
        expect(page).to_have_url(bench_page.as_uri() + "#?open=bench-2")
        page.go_back()
        expect(page.locator("#bench-2")).to_be_hidden()
        page.go_forward()
        expect(page.locator("#bench-2")).to_be_visible()


def test_folds_that_open_at_once_are_one_step(browser: Browser, reports: Path) -> None:
    board = reports / "leaderboard.html"
    with opened(browser, board) as page:
        folds, unfolded = page.locator("details.fold"), page.locator("details.fold[open]")
        tables = folds.locator("table").evaluate_all("all => all.map(table => table.id)")
        assert len(tables) > 1
        folds.evaluate_all("all => all.forEach(fold => fold.open = true)")
        address = "#?" + "&".join(f"open={table}" for table in tables)
        expect(page).to_have_url(board.as_uri() + address)
        expect(unfolded).to_have_count(len(tables))
        page.go_back()
        expect(unfolded).to_have_count(0)
        expect(page).to_have_url(board.as_uri())
    with opened(browser, board, address=address) as page:
        expect(page.locator("details.fold[open]")).to_have_count(len(tables))


def test_what_was_unfolded_stays_so_when_something_else_changes(
    browser: Browser, bench_page: Path
) -> None:
    both = (
        "document.querySelector('.fold summary').click(); document.querySelector('.sort').click()"
    )
    with opened(browser, bench_page) as page:
        page.evaluate(both)
        expect(page).to_have_url(bench_page.as_uri() + "#?sort=bench-1.1.up&open=bench-2")
        expect(page.locator("#bench-2")).to_be_visible()


def test_a_link_to_a_folded_table_leaves_it_open(browser: Browser, bench_page: Path) -> None:
    with opened(browser, bench_page) as page:
        page.evaluate("location.hash = 'bench-2'")
        expect(page).to_have_url(bench_page.as_uri() + "#bench-2?open=bench-2")
        expect(page.locator("#bench-2")).to_be_visible()
        page.go_back()
        expect(page.locator("#bench-2")).to_be_hidden()


def test_an_anchor_leads_there_and_keeps_the_view(browser: Browser, bench_page: Path) -> None:
    with opened(browser, bench_page) as page:
        pick(page, "Model_2")
        page.locator(".bar summary", has_text="On this page").click()
        page.locator(".bar").get_by_role("link", name="How to").click()
        expect(page.locator("#how-to")).to_be_in_viewport()
        expect(page).to_have_url(bench_page.as_uri() + "?only=model_2#how-to")
        assert picked(page) == ["Model_2"]
        page.go_back()
        expect(page).to_have_url(bench_page.as_uri() + "?only=model_2")
        page.go_back()
        expect(page).to_have_url(bench_page.as_uri())
        assert picked(page) == []


@pytest.mark.parametrize("address", ["#long", "?only=model_2#long?open=bench-2"])
@pytest.mark.parametrize("width", [PHONE, 1440])
def test_an_anchor_works_on_loading(
    browser: Browser, bench_page: Path, address: str, width: int
) -> None:
    with opened(browser, bench_page, width, address=address) as page:
        title = page.locator("#long h2")
        expect(title).to_be_in_viewport()
        box, bar = title.bounding_box(), page.locator(".picks").bounding_box()
        assert box is not None
        assert bar is not None
        assert box["y"] >= bar["y"] + bar["height"] - 1  # not under what sticks to the top


@pytest.mark.parametrize(
    "address",
    [
        "?only=nobody&group=none#?sort=nothing.1.up&sort=bench-1.99.up&sort=bench-3.1.up&sort=&sort=bench-1",
        "#?filter=bench-1.3.nonsense&filter=bench-1.1.x&filter=..&open=bench-1&open=%00&x=%E0%A4%A",
        "?only=&group=,#nowhere?open=",
    ],
)
def test_an_address_that_makes_no_sense_is_the_plain_page(
    browser: Browser, bench_page: Path, address: str
) -> None:
    with opened(browser, bench_page, address=address) as page:
        assert first_cells(page, "bench-1") == [run for run, *_ in RUNS]
        assert page.locator("[aria-sort]").count() == 0
        assert picked(page) == []
        assert chosen(page) == {}

"""Hiding architectures, and the address that holds what a reader has chosen."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.report.browser.opening import PHONE, first_cells, header, opened
from tests.report.browser.workbench import RUNS

pytestmark = pytest.mark.browser


def toggle(page: Page, name: str) -> Locator:
    return page.locator(".legend").get_by_role("button", name=name, exact=True)


def chosen(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).fragment.partition("?")[2])


def test_hiding_an_architecture_takes_its_rows_and_marks(
    browser: Browser, bench_page: Path
) -> None:
    others = [run for run, model, *_ in RUNS if model != "model_2"]
    with opened(browser, bench_page) as page:
        toggle(page, "Model_2").click()
        expect(toggle(page, "Model_2")).to_have_attribute("aria-pressed", "false")
        expect(toggle(page, "Model_1")).to_have_attribute("aria-pressed", "true")
        assert first_cells(page, "bench-1") == others
        assert page.locator("[data-series=model_2]:visible").count() == 0
        assert page.locator("figure").first.locator(".mark:visible").count() == 7
        expect(page.locator("figure").nth(1)).to_be_hidden()  # it was model_2's alone
        expect(page.locator(".count")).to_have_text(f"{len(others)} of {len(RUNS)} rows")
        toggle(page, "Model_2").press("Space")
        assert first_cells(page, "bench-1") == [run for run, *_ in RUNS]
        expect(page.locator("figure").nth(1)).to_be_visible()


def test_show_all_brings_everything_back(browser: Browser, bench_page: Path) -> None:
    with opened(browser, bench_page) as page:
        everyone = page.locator(".everyone")
        expect(everyone).to_be_hidden()
        for name in ("Model_1", "Model_3"):
            toggle(page, name).click()
        everyone.click()
        assert page.locator("[aria-pressed=true]").count() == 3
        expect(toggle(page, "Model_1")).to_be_focused()
        expect(everyone).to_be_hidden()
        assert chosen(page) == {}


def test_a_page_of_one_architecture_has_nothing_to_hide(browser: Browser, reports: Path) -> None:
    with opened(browser, reports / "architectures" / "model_1.html") as page:
        assert page.locator(".legend").count() == 0


def test_hiding_works_in_a_real_report(browser: Browser, reports: Path) -> None:
    with opened(browser, reports / "index.html") as page:
        assert page.locator(".mark[data-series=model_3]:visible").count() > 0
        toggle(page, "Model_3").click()
        assert page.locator("[data-series=model_3]:visible").count() == 0
        assert page.locator(".mark[data-series=model_2]:visible").count() > 0


def test_the_address_brings_the_whole_view_back(browser: Browser, bench_page: Path) -> None:
    with opened(browser, bench_page) as page:
        page.locator("summary", has_text="Folded").click()
        header(page, "bench-1", "Right").click()
        header(page, "bench-1", "Right").click()
        page.get_by_label("Status").select_option("completed")
        toggle(page, "Model_3").click()
        expect(page.locator("#bench-2")).to_be_visible()
        assert chosen(page) == {
            "hide": ["model_3"],
            "sort": ["bench-1.4.down"],
            "filter": ["bench-1.3.completed"],
            "open": ["bench-2"],
        }
        shown, address = first_cells(page, "bench-1"), page.url
    with opened(browser, bench_page, address="#" + urlsplit(address).fragment) as page:
        assert page.url == address
        assert first_cells(page, "bench-1") == shown == ["run 5", "run 2", "run 10", "run 21"]
        expect(page.locator("#bench-2")).to_be_visible()
        expect(toggle(page, "Model_3")).to_have_attribute("aria-pressed", "false")
        expect(page.get_by_label("Status")).to_have_value("completed")
        page.reload()
        assert first_cells(page, "bench-1") == shown


def test_back_and_forward_go_through_the_views(browser: Browser, bench_page: Path) -> None:
    names = [run for run, *_ in RUNS]
    with opened(browser, bench_page) as page:
        toggle(page, "Model_2").click()
        header(page, "bench-1", "Run").click()
        shown = first_cells(page, "bench-1")
        page.go_back()
        expect(page.locator("[aria-sort]")).to_have_count(0)
        assert first_cells(page, "bench-1") == [n for n in names if n in shown]
        page.go_back()
        expect(toggle(page, "Model_2")).to_have_attribute("aria-pressed", "true")
        assert first_cells(page, "bench-1") == names
        page.go_forward()
        expect(toggle(page, "Model_2")).to_have_attribute("aria-pressed", "false")
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
    index = reports / "index.html"
    with opened(browser, index) as page:
        folds, unfolded = page.locator("details.fold"), page.locator("details.fold[open]")
        tables = folds.locator("table").evaluate_all("all => all.map(table => table.id)")
        assert len(tables) > 2
        folds.evaluate_all("all => all.forEach(fold => fold.open = true)")
        address = "#?" + "&".join(f"open={table}" for table in tables)
        expect(page).to_have_url(index.as_uri() + address)
        expect(unfolded).to_have_count(len(tables))
        page.go_back()
        expect(unfolded).to_have_count(0)
        expect(page).to_have_url(index.as_uri())
    with opened(browser, index, address=address) as page:
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
        toggle(page, "Model_2").click()
        page.locator(".bar").get_by_role("link", name="Rebuild").click()
        expect(page.locator("#how-to")).to_be_in_viewport()
        expect(page).to_have_url(bench_page.as_uri() + "#how-to?hide=model_2")
        expect(toggle(page, "Model_2")).to_have_attribute("aria-pressed", "false")
        page.go_back()
        expect(page).to_have_url(bench_page.as_uri() + "#?hide=model_2")
        page.go_back()
        expect(page).to_have_url(bench_page.as_uri())
        expect(toggle(page, "Model_2")).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("address", ["#long", "#long?hide=model_2"])
@pytest.mark.parametrize("width", [PHONE, 1440])
def test_an_anchor_works_on_loading(
    browser: Browser, bench_page: Path, address: str, width: int
) -> None:
    with opened(browser, bench_page, width, address=address) as page:
        title = page.locator("#long h2")
        expect(title).to_be_in_viewport()
        box, bar = title.bounding_box(), page.locator(".legend").bounding_box()
        assert box is not None
        assert bar is not None
        assert box["y"] >= bar["y"] + bar["height"] - 1  # not under what sticks to the top


@pytest.mark.parametrize(
    "address",
    [
        "#?hide=nobody&sort=nothing.1.up&sort=bench-1.99.up&sort=bench-3.1.up&sort=&sort=bench-1",
        "#?filter=bench-1.3.nonsense&filter=bench-1.1.x&filter=..&open=bench-1&open=%00&x=%E0%A4%A",
        "#nowhere?hide=",
    ],
)
def test_an_address_that_makes_no_sense_is_the_plain_page(
    browser: Browser, bench_page: Path, address: str
) -> None:
    with opened(browser, bench_page, address=address) as page:
        assert first_cells(page, "bench-1") == [run for run, *_ in RUNS]
        assert page.locator("[aria-sort]").count() == 0
        expect(page.locator(".everyone")).to_be_hidden()
        assert chosen(page) == {}

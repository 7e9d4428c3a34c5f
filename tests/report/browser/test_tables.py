"""Sorting, filtering and folding, held against lists that Python sorts and filters itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.report.browser.opening import first_cells, header, opened
from tests.report.browser.workbench import RUNS

pytestmark = pytest.mark.browser

NAMES = [run for run, *_ in RUNS]


def test_numbers_sort_up_then_down_then_as_before(browser: Browser, bench_page: Path) -> None:
    rows = [(run, right) for run, _, _, right, _ in RUNS]
    known = [(run, right) for run, right in rows if right is not None]
    missing = [run for run, right in rows if right is None]
    up = [run for run, _ in sorted(known, key=lambda row: row[1])] + missing
    down = [run for run, _ in sorted(known, key=lambda row: -row[1])] + missing
    with opened(browser, bench_page) as page:
        for names, said in ((up, "ascending"), (down, "descending"), (NAMES, None)):
            header(page, "bench-1", "Right").click()
            assert first_cells(page, "bench-1") == names
            assert aria_sort(page, "Right") == said


def test_what_is_sorted_by_is_the_number_not_the_words(browser: Browser, bench_page: Path) -> None:
    """As words, "10 min 00.0 s" would come before "3 s"."""
    with opened(browser, bench_page) as page:
        header(page, "bench-1", "Time").click()
        ordered = [run for run, *_, seconds in sorted(RUNS, key=lambda row: row[-1])]
        assert first_cells(page, "bench-1") == ordered


def test_words_sort_as_people_count(browser: Browser, bench_page: Path) -> None:
    with opened(browser, bench_page) as page:
        header(page, "bench-1", "Run").click()
        assert first_cells(page, "bench-1") == sorted(NAMES, key=lambda name: int(name[4:]))


def test_equal_rows_keep_their_order_both_ways(browser: Browser, bench_page: Path) -> None:
    with opened(browser, bench_page) as page:
        for reverse in (False, True):
            header(page, "bench-1", "Model").click()
            ordered = sorted(RUNS, key=lambda row: row[1], reverse=reverse)  # stable, as ours
            assert first_cells(page, "bench-1") == [run for run, *_ in ordered]


def test_written_numbers_are_read_as_numbers(browser: Browser, bench_page: Path) -> None:
    with opened(browser, bench_page) as page:
        page.locator("summary", has_text="Folded").click()
        header(page, "bench-2", "Number").click()
        # -3, 99.41 %, 998, 9,940, 10,000; what is no number comes last
        assert first_cells(page, "bench-2") == [f"row {i}" for i in (2, 4, 1, 0, 5, 3)]


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_sorting_works_from_the_keyboard(browser: Browser, bench_page: Path, key: str) -> None:
    with opened(browser, bench_page) as page:
        button = header(page, "bench-1", "Run")
        button.press(key)
        assert first_cells(page, "bench-1")[0] == "run 1"
        expect(button).to_be_focused()


def test_another_column_begins_anew(browser: Browser, bench_page: Path) -> None:
    with opened(browser, bench_page) as page:
        header(page, "bench-1", "Time").click()
        header(page, "bench-1", "Run").click()
        assert aria_sort(page, "Time") is None
        assert aria_sort(page, "Run") == "ascending"
        assert page.locator("[aria-sort]").count() == 1


def test_the_total_stays_at_the_bottom(browser: Browser, bench_page: Path) -> None:
    with opened(browser, bench_page) as page:
        for _ in range(2):
            header(page, "bench-1", "Right").click()
            last = page.locator("#bench-1 tr").last
            expect(last).to_contain_text("Total")


def test_a_table_whose_order_means_something_is_not_sorted(
    browser: Browser, bench_page: Path
) -> None:
    with opened(browser, bench_page) as page:
        assert page.locator("#bench-3 button").count() == 0


def test_filters_choose_rows_together_and_say_how_many(browser: Browser, bench_page: Path) -> None:
    with opened(browser, bench_page) as page:
        page.get_by_label("Status").select_option("completed")
        completed = [run for run, _, status, *_ in RUNS if status == "completed"]
        assert first_cells(page, "bench-1") == completed
        page.get_by_label("Model").select_option("model_1")
        both = [
            run for run, model, status, *_ in RUNS if (model, status) == ("model_1", "completed")
        ]
        assert first_cells(page, "bench-1") == both
        words = f"{len(both)} of {len(RUNS)} rows"
        expect(page.locator(".count")).to_have_text(words)
        expect(page.get_by_role("status")).to_have_text(words)
        page.get_by_label("Status").select_option("all")
        page.get_by_label("Model").select_option("all")
        assert first_cells(page, "bench-1") == NAMES


def test_a_filter_offers_each_value_with_its_number(browser: Browser, bench_page: Path) -> None:
    with opened(browser, bench_page) as page:
        options = page.get_by_label("Status").locator("option").all_inner_texts()
    assert options == ["all", "completed (5)", "failed (1)", "diverged (1)"]


def test_sorting_keeps_the_filter(browser: Browser, bench_page: Path) -> None:
    with opened(browser, bench_page) as page:
        page.get_by_label("Model").select_option("model_1")
        header(page, "bench-1", "Right").click()
        assert first_cells(page, "bench-1") == ["run 21", "run 2", "run 5"]


def test_a_reports_own_claims_filter(browser: Browser, reports: Path) -> None:
    with opened(browser, reports / "architectures" / "model_1.html") as page:
        section = page.locator("#own-claims")
        tools, name = section.locator(".tools").first, "own-claims-1"
        tools.get_by_label("Verdict").select_option("refuted")
        n = len(first_cells(page, name))
        assert 0 < n < page.locator(f"#{name} tbody tr").count()
        expect(tools).to_contain_text(f"{n} of ")


def aria_sort(page: Page, title: str) -> str | None:
    return header(page, "bench-1", title).locator("..").get_attribute("aria-sort")

"""axe-core finds nothing serious: every page, both themes, desk and phone, before and after use."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.report.browser.opening import DESK, PHONE, header, opened

pytestmark = pytest.mark.browser

NAMES = ("model_1", "model_2", "model_3")
SHEETS = ("index", "document", "leaderboard", "comparisons", "provenance")
PAGES = (*(f"{name}.html" for name in SHEETS), *(f"architectures/{name}.html" for name in NAMES))
KINDS = (
    "index.html",
    "document.html",
    "architectures/model_3.html",
)  # a page each; a run of model_3 failed


def violations(page: Page) -> list[str]:
    """What axe calls serious or critical, each with the first place where it stands."""
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']} ({len(each['nodes'])}): {each['nodes'][0]['html'][:200]}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_clean(browser: Browser, reports: Path, name: str, scheme: str) -> None:
    with opened(browser, reports / name, DESK, scheme) as page:
        assert violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", KINDS)
def test_a_phones_page_is_clean(browser: Browser, reports: Path, name: str, scheme: str) -> None:
    with opened(browser, reports / name, PHONE, scheme) as page:
        assert violations(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_in_use_is_clean(browser: Browser, bench_page: Path, scheme: str) -> None:
    with opened(browser, bench_page, DESK, scheme) as page:
        assert violations(page) == []
        page.locator("summary", has_text="Folded").click()
        header(page, "bench-1", "Right").click()
        page.get_by_label("Status").select_option("completed")
        page.locator(".picks").get_by_role("button", name="README").click()
        page.locator(".bar summary").first.click()
        page.locator("figure").first.focus()
        page.keyboard.press("ArrowRight")
        assert page.locator(".tip:visible").count() == 1
        assert violations(page) == []


def test_axe_sees_a_fault_where_there_is_one(browser: Browser, bench_page: Path) -> None:
    with opened(browser, bench_page) as page:
        page.evaluate(
            "document.querySelector('.tools select').parentElement.replaceWith("
            "document.querySelector('.tools select'))"
        )
        assert [each.split()[0] for each in violations(page)] == ["select-name"]

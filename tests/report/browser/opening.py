"""Chromium, pages opened in it, and what went wrong in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, sync_playwright

from tests import chromium

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
DESK, PHONE = 1440, 390
HEIGHT = 844
WAIT_MILLISECONDS = 10_000  # for what a page does at once


@contextmanager
def launched() -> Iterator[Browser]:
    """Chromium, which must be there: pages that nobody opened are not known to work."""
    executable = chromium.executable()
    assert executable, "no Chromium: `python tests/chromium.py` makes sure of one"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def opened(
    browser: Browser,
    path: Path,
    width: int = DESK,
    scheme: str = "light",
    address: str = "",
    scripts: bool = True,
) -> Iterator[Page]:
    """The page; at the end no console error, no exception and no request may have come up.

    Args:
        path: A file of a report.
        width: Of the window, in CSS pixels.
        scheme: "light" or "dark".
        address: What follows the file's name, with its "#".
        scripts: Whether JavaScript runs.
    """
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHT},
        color_scheme="dark" if scheme == "dark" else "light",
        java_script_enabled=scripts,
    )
    context.set_default_timeout(WAIT_MILLISECONDS)
    page = context.new_page()
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
    page.on("request", lambda request: troubles.append(f"request: {request.url}"))
    page.goto(path.as_uri() + address)
    yield page
    context.close()
    folder = path.parents[1] if path.parent.name == "architectures" else path.parent
    own = ("request: data:,", f"request: {folder.as_uri()}/")
    assert [each for each in troubles if not each.startswith(own)] == []


def first_cells(page: Page, table: str) -> list[str]:
    """The shown rows of a table, each told by its first cell."""
    rows = page.locator(f"#{table} tbody tr:visible > :first-child")
    return [words.split("\n")[0] for words in rows.all_inner_texts()]


def header(page: Page, table: str, title: str) -> Locator:
    """The button that sorts by a column."""
    return page.locator(f"#{table} thead").get_by_role("button", name=title, exact=True)

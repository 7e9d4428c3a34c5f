"""The report as a reader opens it: Chromium, a desk and a phone, light and dark.

A missing browser fails these tests: pages that nobody opened are not known to work.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from bench import report
from bench.store import Suite
from tests import chromium, factories

pytestmark = pytest.mark.browser

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
DESK, PHONE = 1440, 390
PAGES = ("index.html", "architectures/model_1.html", "architectures/model_3.html")
CONTRAST = 4.5  # WCAG 2.2, AA, text of normal size


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = chromium.executable()
    if executable is None:
        pytest.fail("no Chromium: `python tests/chromium.py` makes sure of one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with everything: two data sets, a failed run, two environments, a gap."""
    folder = tmp_path_factory.mktemp("pages")
    suite = factories.fill(Suite(folder / "results", "local"), ["model_1", "model_2"])
    factories.fill(suite, ["model_3"], seeds=[0, 1, 2])
    suite.add_run(factories.record("model_3", 3, environment=factories.WORKSTATION), None)
    suite.add_run(factories.failed("model_3", 4), None)
    factories.fill(suite, ["model_1"], seeds=[0, 1], dataset=factories.MNIST5K)
    report.render(suite, folder / "reports", command="python -m bench report")
    return folder / "reports"


def opened(
    browser: Browser, path: Path, width: int, scheme: str = "light"
) -> tuple[Page, list[str]]:
    """The page, and what went wrong or left it: console errors, exceptions, other requests."""
    context = browser.new_context(
        viewport={"width": width, "height": 844},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
    page.on("request", lambda request: troubles.append(f"request: {request.url}"))
    page.goto(path.as_uri())
    own = f"request: {path.as_uri()}"
    return page, [each for each in troubles if each not in (own, "request: data:,")]


@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_without_error_or_request(
    browser: Browser, reports: Path, name: str, width: int
) -> None:
    page, troubles = opened(browser, reports / name, width)
    assert troubles == []
    assert page.locator("h1").count() == 1
    page.context.close()


@pytest.mark.parametrize("width", [PHONE, 320, DESK])
@pytest.mark.parametrize("name", PAGES)
def test_the_page_never_scrolls_sideways(
    browser: Browser, reports: Path, name: str, width: int
) -> None:
    page, _ = opened(browser, reports / name, width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.close()


def test_every_figure_is_seen_once_and_has_words(browser: Browser, reports: Path) -> None:
    for width in (DESK, PHONE):
        page, _ = opened(browser, reports / "index.html", width)
        figures = page.locator("figure")
        assert figures.count() >= 4
        for figure in figures.all():
            shown = figure.locator("svg[role=img]:visible")
            assert shown.count() == 1
            assert len(shown.get_attribute("aria-label") or "") > 40
        page.context.close()


def test_text_in_figures_keeps_its_size_on_a_phone(browser: Browser, reports: Path) -> None:
    """Scaled-down drawings are the usual reason why a phone's reader gives up."""
    page, _ = opened(browser, reports / "index.html", PHONE)
    sizes = page.evaluate(
        "[...document.querySelectorAll('figure text')].filter(t => t.checkVisibility())"
        ".map(t => parseFloat(getComputedStyle(t).fontSize)"
        " * Math.hypot(t.getScreenCTM().a, t.getScreenCTM().b))"
    )
    assert sizes
    assert min(sizes) >= 10  # CSS pixels
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_dots_stand_out_from_the_paper(
    browser: Browser, reports: Path, scheme: str
) -> None:
    page, _ = opened(browser, reports / "index.html", DESK, scheme)
    colours = page.evaluate(
        "(() => { const s = getComputedStyle(document.documentElement);"
        "const c = document.createElement('div'); document.body.append(c);"
        "const of = name => { c.style.color = s.getPropertyValue('--' + name);"
        "return getComputedStyle(c).color.match(/[0-9.]+/g).slice(0, 3).map(Number); };"
        "return Object.fromEntries(['paper','panel','ink','muted','link','target','series-0',"
        "'series-1','series-2'].map(name => [name, of(name)])); })()"
    )
    for name in ("ink", "muted", "link", "target"):
        assert contrast(colours[name], colours["paper"]) >= CONTRAST, name
    assert contrast(colours["ink"], colours["panel"]) >= CONTRAST
    for name in ("series-0", "series-1", "series-2"):
        assert contrast(colours[name], colours["paper"]) >= 3, name  # WCAG: graphical objects
    page.context.close()


def test_the_first_tab_skips_to_the_report(browser: Browser, reports: Path) -> None:
    page, _ = opened(browser, reports / "index.html", DESK)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    page.context.close()


def test_headings_do_not_skip_a_level(browser: Browser, reports: Path) -> None:
    for name in PAGES:
        page, _ = opened(browser, reports / name, DESK)
        levels = page.eval_on_selector_all("h1,h2,h3,h4", "all => all.map(h => +h.tagName[1])")
        assert levels[0] == 1
        assert all(b - a <= 1 for a, b in pairwise(levels))
        page.context.close()


def test_links_between_pages_work(browser: Browser, reports: Path) -> None:
    page, _ = opened(browser, reports / "index.html", DESK)
    page.get_by_role("link", name="Model_2").first.click()
    assert page.locator("h1").inner_text() == "Model_2"
    page.get_by_role("link", name="Report", exact=True).click()
    assert page.locator("h1").inner_text() == "Accuracy over many seeds"
    page.context.close()


def contrast(one: list[float], other: list[float]) -> float:
    """WCAG's ratio of two sRGB colours, 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: list[float]) -> float:
    parts = [part / 255 for part in colour]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

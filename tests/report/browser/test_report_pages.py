"""The report as a reader opens it: Chromium, a desk and a phone, light and dark."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, expect

from bench.records.store import Suite
from tests import factories
from tests.report.browser.opening import DESK, PHONE, opened
from tests.report.contrast import contrast, luminance
from tests.reports import render

pytestmark = pytest.mark.browser

SHEETS = ("index", "document", "leaderboard", "comparisons", "provenance")
PAGES = (
    *(f"{name}.html" for name in SHEETS),
    *("architectures/model_1.html", "architectures/model_3.html"),
)
LONG_CLAIM = f"""
[document]
title = "{"T" * 200}"
networks = ["model_1"]
[objective]
target = 99.4
rate = 0.9
[[claim]]
id = "long"
line = 1
quote = "99.39 %"
metric = "last_test_accuracy_percent"
subject = "model_1"
published = 99.39
tolerance = 0.005
"""
CONTRAST = 4.5  # WCAG 2.2, AA, text of normal size


@pytest.mark.parametrize("width", [DESK, PHONE])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_opens_without_error_or_request(
    browser: Browser, reports: Path, name: str, width: int
) -> None:
    with opened(browser, reports / name, width) as page:
        assert page.locator("h1").count() == 1


@pytest.mark.parametrize("width", [PHONE, 320, DESK])
@pytest.mark.parametrize("name", PAGES)
def test_the_page_never_scrolls_sideways(
    browser: Browser, reports: Path, name: str, width: int
) -> None:
    with opened(browser, reports / name, width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.fixture(scope="module")
def long_words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report whose network has a name, and whose document has a title, without a blank."""
    folder = tmp_path_factory.mktemp("long")
    (folder / "claims").mkdir()
    (folder / "claims" / "long.toml").write_text(LONG_CLAIM, encoding="utf-8")
    suite = factories.fill(Suite(folder / "results", "local"), ["model_1"], seeds=range(3))
    suite.add_portrait(replace(factories.portrait("model_1"), display_name="W" * 80))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        render(suite, folder / "reports", command="python -m bench report")
    return folder / "reports"


@pytest.mark.parametrize("width", [PHONE, 320, DESK])
@pytest.mark.parametrize("name", ["index.html", "leaderboard.html", "architectures/model_1.html"])
def test_a_long_word_breaks(browser: Browser, long_words: Path, name: str, width: int) -> None:
    with opened(browser, long_words / name, width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.locator(".bar summary").first.click()
        menu = page.locator(".bar ul").first.bounding_box()
        assert menu is not None
        assert menu["x"] + menu["width"] <= width


LONG_NAMES = {
    "model_1": "A first model under a name that is wider than its column",
    "model_2": "Efficient_CNN_with_BatchNorm_and_Dropout",
    "model_3": "W" * 60,
}
CUT_TABLES = """() => {
    for (const each of document.querySelectorAll('details')) each.open = true;
    return [...document.querySelectorAll('.scroll')].filter(each => each.checkVisibility())
        .filter(each => each.scrollWidth > each.clientWidth).map(each => each.innerText);
}"""
# Of each lane: what is drawn or written that lies over the name, or beyond the lane's end.
OVER_A_NAME = """() => [...document.querySelectorAll('.lane:not(.spoken)')].flatMap((lane) => {
    const words = (place) => {
        const range = document.createRange();
        range.selectNodeContents(place);
        return [...range.getClientRects()];
    };
    const [name, ...others] = [...lane.children].map(words);
    const drawn = [...lane.querySelectorAll('svg :is(use, path, text)')]
        .filter(each => !each.closest('defs')).map(each => each.getBoundingClientRect());
    const end = lane.getBoundingClientRect().right + 1;
    return [...others.flat(), ...drawn].filter(one => one.right > end || name.some(other =>
        one.left < other.right && other.left < one.right
        && one.top < other.bottom && other.top < one.bottom));
}).length"""


@pytest.fixture(scope="module")
def long_names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The document's three networks and two others, all with long names; one run collapsed."""
    folder = tmp_path_factory.mktemp("names")
    suite = factories.fill(Suite(folder / "results", "local"), seeds=range(4))
    for name, title in LONG_NAMES.items():
        suite.add_portrait(replace(factories.portrait(name), display_name=title))
        suite.add_run(factories.record(name, 4, test_correct=9135), None)
    for number in range(2):
        run = factories.record(f"other_{number}", 0)
        other = replace(
            factories.portrait("model_2"),
            architecture=run.architecture,
            architecture_digest=run.architecture_digest,
            display_name=f"Another network, with a name for which a line has no room: {number}",
            group="public",
        )
        suite.add_portrait(other)
        for seed in range(5):
            suite.add_run(factories.record(run.architecture, seed), None)
    render(suite, folder / "reports", command="python -m bench report")
    return folder / "reports"


def test_only_a_long_name_is_broken_inside_a_word(browser: Browser, long_names: Path) -> None:
    with opened(browser, long_names / "leaderboard.html") as page:
        heads = page.locator("#leaderboard-1 thead th").all()
        styles = {each.evaluate("each => getComputedStyle(each).overflowWrap") for each in heads}
        assert styles == {"break-word"}
        long = page.locator("#leaderboard-1 tbody th", has_text="W" * 60)
        assert long.evaluate("each => getComputedStyle(each).overflowWrap") == "anywhere"


@pytest.mark.parametrize("name", ["index", "leaderboard", "comparisons", "provenance"])
def test_no_table_is_cut_on_a_desk_by_long_names(
    browser: Browser, long_names: Path, name: str
) -> None:
    with opened(browser, long_names / f"{name}.html") as page:
        assert page.locator(".scroll").count() > 0
        assert page.evaluate(CUT_TABLES) == []


@pytest.mark.parametrize("width", [DESK, 1100, 700, PHONE])
@pytest.mark.parametrize("name", ["index", "architectures/model_1"])
def test_nothing_in_a_lane_lies_over_a_name_or_is_cut(
    browser: Browser, long_names: Path, name: str, width: int
) -> None:
    with opened(browser, long_names / f"{name}.html", width) as page:
        assert page.locator(".lane").count() > 1
        assert page.evaluate(OVER_A_NAME) == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_phones_leaderboard_begins_with_the_name_and_the_accuracy(
    browser: Browser, long_names: Path
) -> None:
    with opened(browser, long_names / "leaderboard.html", PHONE) as page:
        cells = page.locator("#leaderboard-1 tbody tr").first.locator("> *")
        name, accuracy = (cells.nth(at).bounding_box() for at in (0, 1))
        assert name is not None
        assert accuracy is not None
        assert "±" in cells.nth(1).inner_text()
        assert name["x"] + name["width"] <= accuracy["x"] + 1
        assert accuracy["x"] + accuracy["width"] <= PHONE


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_every_figure_is_seen_once_and_has_words(
    browser: Browser, reports: Path, width: int
) -> None:
    with opened(browser, reports / "leaderboard.html", width) as page:
        figures = page.locator("figure")
        assert figures.count() >= 4
        for figure in figures.all():
            shown = figure.locator("svg[role=img]:visible")
            assert shown.count() == 1
            assert len(shown.get_attribute("aria-label") or "") > 40


def test_text_in_figures_keeps_its_size_on_a_phone(browser: Browser, reports: Path) -> None:
    """Scaled-down drawings are the usual reason why a phone's reader gives up."""
    with opened(browser, reports / "index.html", PHONE) as page:
        sizes = page.evaluate(
            "[...document.querySelectorAll('figure text')].filter(t => t.checkVisibility())"
            ".map(t => parseFloat(getComputedStyle(t).fontSize)"
            " * Math.hypot(t.getScreenCTM().a, t.getScreenCTM().b))"
        )
    assert sizes
    assert min(sizes) >= 10  # CSS pixels


def test_a_phones_tables_keep_their_first_column_in_sight(browser: Browser, reports: Path) -> None:
    with opened(browser, reports / "index.html", PHONE) as page:
        table = page.locator(".scroll", has=page.locator("#parameters-1"))
        table.evaluate("region => region.scrollLeft = 150")
        assert table.evaluate("region => region.scrollLeft") > 0
        cell = table.locator("tbody th").first.bounding_box()
        region = table.bounding_box()
        assert cell is not None
        assert region is not None
        assert cell["x"] == pytest.approx(region["x"], abs=1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_dots_stand_out_from_the_paper(
    browser: Browser, reports: Path, scheme: str
) -> None:
    marks = ("good", "bad", "open", "target", "muted", "link", "published")
    with opened(browser, reports / "index.html", DESK, scheme) as page:
        colours = page.evaluate(
            "names => { const s = getComputedStyle(document.documentElement);"
            "const c = document.createElement('div'); document.body.append(c);"
            "const of = name => { const said = s.getPropertyValue('--' + name);"
            "if (!said) throw Error(name); c.style.color = said;"
            "return getComputedStyle(c).color.match(/[0-9.]+/g).slice(0, 3).map(Number); };"
            "return Object.fromEntries(names.map(name => [name, of(name)])); }",
            ["paper", "panel", "ink", *marks, "good-paper", "bad-paper", "open-paper"],
        )
    for name in ("ink", "muted", "link", "target"):
        assert contrast(colours[name], colours["paper"]) >= CONTRAST, name
    assert contrast(colours["ink"], colours["panel"]) >= CONTRAST
    for name in marks:
        assert contrast(colours[name], colours["paper"]) >= 3, name  # WCAG: graphical objects
    for name in ("good", "bad", "open"):
        assert contrast(colours[name], colours[f"{name}-paper"]) >= CONTRAST, name


def test_the_theme_follows_the_readers_system(browser: Browser, reports: Path) -> None:
    paper = "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)"
    with opened(browser, reports / "index.html") as page:
        assert luminance(page.evaluate(paper)) > 0.8
        page.emulate_media(color_scheme="dark")
        assert luminance(page.evaluate(paper)) < 0.1


def test_the_first_tab_skips_to_the_report(browser: Browser, reports: Path) -> None:
    with opened(browser, reports / "index.html") as page:
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("#main$"))


@pytest.mark.parametrize("name", PAGES)
def test_headings_do_not_skip_a_level(browser: Browser, reports: Path, name: str) -> None:
    with opened(browser, reports / name) as page:
        levels = page.eval_on_selector_all("h1,h2,h3,h4", "all => all.map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_links_between_pages_work(browser: Browser, reports: Path) -> None:
    with opened(browser, reports / "index.html") as page:
        page.locator(".lane").get_by_role("link", name="Model_2").click()
        expect(page.locator("h1")).to_have_text("Model_2")
        page.get_by_role("link", name="Report", exact=True).click()
        expect(page.locator("h1.finding")).to_be_visible()


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_the_bar_leads_through_the_page(browser: Browser, reports: Path, width: int) -> None:
    with opened(browser, reports / "index.html", width) as page:
        bar = page.get_by_role("navigation")
        bar.locator("summary", has_text="On this page").click()
        menu = bar.locator("details[open]")
        expect(menu).to_have_count(1)
        link = menu.get_by_role("link").last
        box = link.bounding_box()
        assert box is not None
        assert 0 <= box["x"] <= box["x"] + box["width"] <= width
        slug = link.get_attribute("href")
        link.click()
        expect(menu).to_have_count(0)
        expect(page.locator(f"section{slug}")).to_be_in_viewport()


def test_escape_closes_a_menu_and_gives_the_focus_back(browser: Browser, reports: Path) -> None:
    with opened(browser, reports / "index.html") as page:
        summary = page.locator(".bar summary", has_text="On this page")
        summary.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.press("Escape")
        expect(page.locator(".bar details[open]")).to_have_count(0)
        expect(summary).to_be_focused()


def test_without_script_the_page_reads_whole(browser: Browser, reports: Path) -> None:
    with opened(browser, reports / "leaderboard.html", scripts=False) as page:
        assert page.locator(":is(button, select, input):visible").count() == 0
        assert page.locator(".tools").count() == 0
        assert page.locator("tr[data-series=model_2]:visible").count() > 0
        fold = page.locator("details.fold").first
        fold.locator("summary").click()
        expect(fold.locator("table")).to_be_visible()


@pytest.mark.parametrize("width", [DESK, 1100, 1000, PHONE])
def test_lanes_are_as_wide_on_an_architectures_page_as_on_the_index(
    browser: Browser, reports: Path, width: int
) -> None:
    """An svg scales its text with itself."""
    found = []
    for name in ("index.html", "architectures/model_1.html"):
        with opened(browser, reports / name, width) as page:
            box = page.locator(".lane .plot svg:visible").first.bounding_box()
        assert box is not None
        found.append(box["width"])
    assert found[0] == pytest.approx(found[1], abs=1)

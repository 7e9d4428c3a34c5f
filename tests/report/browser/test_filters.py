"""Looking at some networks only: by group or alone, in tables, figures and the address."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from bench.report import pages
from bench.report.model import Cell, Section, Table, words
from bench.report.pages import Link, Part
from tests.report.browser import workbench
from tests.report.browser.opening import PHONE, first_cells, opened
from tests.report.browser.test_access import violations
from tests.report.browser.workbench import RUNS

pytestmark = pytest.mark.browser

TOP, PITCH = 10, 40  # of the figure of rows
BOTTOM = TOP + 3 * PITCH


@pytest.fixture(scope="module")
def rows_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with a figure of a row a network, in a report of two pages."""
    folder = tmp_path_factory.mktemp("rows")
    section = Section(
        "Rows", "Rows", "rows", plots=(workbench.plot("rows"),), tables=(long_table(),)
    )
    page = pages.Page(
        title="Rows",
        subtitle="",
        base="",
        others=(Link("Report", "rows.html"), Link("Other", "other.html#rows")),
        architectures=(),
        banners=(),
        parts=(Part("", "", (section,)),),
        drawings={"rows": workbench.drawing("rows", rows())},
        series=workbench.SERIES,
    )
    for name in ("rows.html", "other.html"):
        (folder / name).write_text(pages.html(page), encoding="utf-8", newline="\n")
    return folder / "rows.html"


def rows() -> str:
    """Three labels, a mark below each, a line through all rows, an axis below them."""
    return (
        "".join(row(i) for i in range(3))
        + f'<path id="line" d="M 200 {TOP} L 200 {BOTTOM}" style="stroke: #888"/>'
        + f'<text id="tick" x="200" y="{BOTTOM + 14}" style="text-anchor: middle">99.4</text>'
    )


def row(i: int) -> str:
    name, y = f"odel_{i + 1}", TOP + PITCH * i
    return (
        f'<g><text x="4" y="{y + 9}" style="font-size: 10px">M{name}, n = 3</text></g>'
        f'<path class="mark" data-series="m{name}" data-tip="A run" d="M 95 {y + 25} h 8 v 4"/>'
    )


def long_table() -> Table:
    """Longer than a screen."""
    cells = [(Cell(f"row {i}"), Cell("word")) for i in range(60)]
    return Table("Long", words("Row", "Word"), tuple(cells))


def group(page: Page, name: str) -> None:
    page.locator(".picks").get_by_role("button", name=name, exact=True).click()


def test_a_group_takes_the_rows_and_marks_of_all_others(browser: Browser, bench_page: Path) -> None:
    ours = [run for run, model, *_ in RUNS if model == "model_3"]
    with opened(browser, bench_page) as page:
        group(page, "ours")
        expect(page).to_have_url(bench_page.as_uri() + "?group=ours")
        assert first_cells(page, "bench-1") == ours
        assert page.locator("[data-series=model_2]:visible").count() == 0
        assert page.locator("figure").first.locator(".mark:visible").count() == 4  # with the line
        expect(page.locator("figure").nth(1)).to_be_hidden()  # it was model_2's alone
        expect(page.locator(".count")).to_have_text(f"{len(ours)} of {len(RUNS)} rows")
        group(page, "README")  # both groups
        assert first_cells(page, "bench-1") == [run for run, *_ in RUNS]
        group(page, "everything")
        expect(page).to_have_url(bench_page.as_uri())
        expect(page.locator(".everything")).to_be_disabled()
        expect(page.locator(".picks select")).to_be_focused()


def test_only_this_on_a_row_and_again_for_all(browser: Browser, bench_page: Path) -> None:
    with opened(browser, bench_page) as page:
        row = page.locator("#bench-1 tr", has_text="run 10")
        row.hover()
        row.locator(".only").click()
        expect(page).to_have_url(bench_page.as_uri() + "?only=model_2")
        assert first_cells(page, "bench-1") == ["run 10", "run 3"]
        row.locator(".only").click()
        assert first_cells(page, "bench-1") == [run for run, *_ in RUNS]


def test_the_list_adds_networks_and_their_buttons_take_them_away(
    browser: Browser, bench_page: Path
) -> None:
    with opened(browser, bench_page, address="?only=model_1") as page:
        page.locator(".picks select").press("ArrowDown")  # opens the list
        page.keyboard.press("Escape")
        expect(page).to_have_url(bench_page.as_uri() + "?only=model_1")
        page.locator(".picks select").select_option("model_3")
        expect(page).to_have_url(bench_page.as_uri() + "?only=model_1,model_3")
        assert page.locator(".chip").all_inner_texts() == ["Model_1", "Model_3"]
        page.locator(".chip").first.press("Enter")
        expect(page).to_have_url(bench_page.as_uri() + "?only=model_3")


def test_the_buttons_of_rows_are_no_tab_stops(browser: Browser, bench_page: Path) -> None:
    with opened(browser, bench_page) as page:
        assert page.locator(".only").count() == len(RUNS)
        assert page.locator('.only:not([tabindex="-1"][aria-hidden=true])').count() == 0


def test_figures_close_up_without_ghosts(browser: Browser, rows_page: Path) -> None:
    height = "svg => svg.viewBox.baseVal.height"
    with opened(browser, rows_page) as page:
        figure = page.locator("figure svg:visible")
        texts, moved = figure.locator("text:visible"), figure.locator("[transform]")
        before = figure.evaluate(height)
        group(page, "ours")
        assert texts.all_text_contents() == ["Model_3, n = 3", "99.4"]
        assert figure.evaluate(height) == pytest.approx(before - 2 * PITCH, abs=0.1)
        for each in ("[data-series=model_3]", "#tick"):
            up = figure.locator(each).evaluate("it => it.transform.baseVal[0].matrix.f")
            assert up == pytest.approx(-2 * PITCH, abs=0.1)
        scale = figure.locator("#line").evaluate("line => line.transform.baseVal[1].matrix.d")
        assert scale == pytest.approx(1 / 3, abs=0.01)  # one row of three is left
        page.emulate_media(media="print")  # paper shows everything
        expect(moved).to_have_count(0)
        assert texts.count() == 4
        page.emulate_media(media="screen")
        expect(texts).to_have_count(2)
        group(page, "everything")
        expect(moved).to_have_count(0)
        assert texts.count() == 4


def test_links_carry_what_is_looked_at_to_other_pages(browser: Browser, rows_page: Path) -> None:
    with opened(browser, rows_page, address="?group=ours") as page:
        page.locator(".bar").get_by_role("link", name="Other").click()
        other = rows_page.with_name("other.html").as_uri()
        expect(page).to_have_url(other + "?group=ours#rows")
        assert page.locator("figure .mark:visible").count() == 1
        group(page, "everything")
        page.locator(".bar").get_by_role("link", name="Report").click()
        expect(page).to_have_url(rows_page.as_uri())


def test_a_network_that_the_page_does_not_show_hides_nothing(
    browser: Browser, rows_page: Path
) -> None:
    with opened(browser, rows_page, address="?only=elsewhere") as page:
        assert page.locator("figure .mark:visible").count() == 3
        assert page.locator(".bar a").nth(1).get_attribute("href") == (
            "other.html?only=elsewhere#rows"
        )


@pytest.mark.parametrize("width", [1440, PHONE])
def test_the_line_takes_one_line_and_heads_stick_below_it(
    browser: Browser, rows_page: Path, width: int
) -> None:
    with opened(browser, rows_page, width) as page:
        page.locator("#rows-1 tr").nth(50).scroll_into_view_if_needed()
        line = page.locator(".picks").bounding_box()
        head = page.locator("#rows-1 th").first.bounding_box()
        assert line is not None
        assert head is not None
        assert line["height"] < 50
        assert head["y"] == pytest.approx(line["y"] + line["height"], abs=1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, PHONE])
@pytest.mark.parametrize("name", ["index", "leaderboard", "comparisons"])
def test_a_filtered_page_is_clean(
    browser: Browser, reports: Path, name: str, width: int, scheme: str
) -> None:
    page_file = reports / f"{name}.html"
    with opened(browser, page_file, width, scheme, address="?only=model_3") as page:
        expect(page.locator(".chip")).to_have_text("Model_3")
        assert violations(page) == []


def test_without_script_there_is_no_line(browser: Browser, bench_page: Path) -> None:
    with opened(browser, bench_page, scripts=False) as page:
        expect(page.locator(".picks")).to_be_hidden()
        assert page.locator("#bench-1 tbody tr:visible").count() == len(RUNS)


def test_filters_work_in_a_real_report(browser: Browser, reports: Path) -> None:
    index = reports / "index.html"
    with opened(browser, index, address="?only=model_3") as page:
        assert page.locator("[data-series=model_2]:visible").count() == 0
        assert page.locator(".lane[data-series=model_3]:visible").count() == 1
        assert page.locator(".mark[data-series=model_3]:visible").count() > 0
        page.locator(".bar").get_by_role("link", name="Leaderboard").click()
        expect(page).to_have_url((reports / "leaderboard.html").as_uri() + "?only=model_3")
        assert page.locator("tr[data-series=model_1]:visible").count() == 0
    with opened(browser, reports / "architectures" / "model_1.html") as page:
        assert page.locator(".picks").count() == 0  # nothing to choose from


def test_the_slider_shows_what_the_lanes_said_before(browser: Browser, reports: Path) -> None:
    with opened(browser, reports / "index.html") as page:
        lane = page.locator(".lane[data-series=model_1]").first
        whole, dots = lane.inner_text(), lane.locator(".mark[data-tip*=seed]:visible")
        slider, output = page.get_by_role("slider"), page.locator(".replay output")
        expect(output).to_have_text("all runs")
        assert dots.count() == 5
        slider.fill("2")
        expect(output).to_have_text(
            "after run 2 of each; everything but these rows is about all runs"
        )
        assert dots.count() == 2
        expect(lane.locator(".n").nth(1)).to_contain_text("of 2")
        slider.press("End")
        assert lane.inner_text() == whole
        assert dots.count() == 5


def test_two_networks_stand_side_by_side(browser: Browser, reports: Path) -> None:
    shown = ".stack:visible h3"
    with opened(browser, reports / "comparisons.html", scripts=False) as page:
        assert page.locator(shown).all_inner_texts() == ["Model_1", "Model_2", "Model_3"]
    with opened(browser, reports / "comparisons.html") as page:
        assert page.locator(shown).all_inner_texts() == ["Model_1", "Model_2"]
        page.locator("label", has_text="Left").locator("select").select_option("Model_3")
        assert sorted(page.locator(shown).all_inner_texts()) == ["Model_2", "Model_3"]
        expect(page.locator(".stack:visible li").first).to_contain_text("Conv2d")

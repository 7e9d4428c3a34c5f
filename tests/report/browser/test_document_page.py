"""The marked document as a reader meets it: pointer, keyboard, finger; and a hostile document."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from bench.evidence.claims import stored
from bench.records.store import Suite
from tests import factories
from tests.report.browser.opening import DESK, PHONE, opened
from tests.report.browser.test_access import violations
from tests.report.test_report_hostile import HOSTILE
from tests.reports import render

pytestmark = pytest.mark.browser

CLAIMED = ".marked a.v"
SMALLEST = 24  # CSS pixels that a finger hits (WCAG 2.5.8)


@pytest.fixture(scope="module")
def document(reports: Path) -> Path:
    return reports / "document.html"


def number(page: Page, words: str) -> str:
    """Where a claimed number of the README's first row leads."""
    return str(page.locator(CLAIMED, has_text=words).first.get_attribute("href"))


def test_a_pointer_is_told_what_was_measured(browser: Browser, document: Path) -> None:
    with opened(browser, document) as page:
        page.locator(CLAIMED, has_text="9,850").first.hover()
        tip = page.locator(".tip:visible")
        assert tip.inner_text() == "confirmed. Model_1: 9,850. exact"
        page.locator("h1").hover()
        assert tip.count() == 0


def test_tab_reaches_each_number_and_enter_opens_its_card(browser: Browser, document: Path) -> None:
    with opened(browser, document) as page:
        claimed = page.locator(CLAIMED)
        claimed.first.focus()
        for place in range(1, 6):
            page.keyboard.press("Tab")
            words = claimed.nth(place).inner_text()
            assert page.evaluate("document.activeElement.innerText") == words
            told = page.locator(".tip:visible").inner_text()
            assert page.locator("[role=status]").inner_text() == told
        page.keyboard.press("Escape")
        assert page.locator(".tip:visible").count() == 0
        href = str(claimed.nth(5).get_attribute("href"))
        page.keyboard.press("Enter")
        assert page.evaluate("decodeURIComponent(location.hash)").partition("?")[0] == href
        assert page.locator(".part:target").is_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_number_that_holds_unfolds_its_card(
    browser: Browser, document: Path, scripts: bool
) -> None:
    with opened(browser, document, scripts=scripts) as page:
        card = page.locator(f"[id='{number(page, '9,850')[1:]}']")
        assert not card.is_visible()
        page.locator(CLAIMED, has_text="9,850").first.click()
        card.wait_for(state="visible")
        assert card.locator(".measured dd").inner_text() == "9,850"
        back = page.locator(".card", has=card).locator("h4 + p a")
        back.click()
        assert page.locator(".marked li:target .at").inner_text() == "13"


def test_a_finger_hits_each_number_and_nothing_overflows(browser: Browser, document: Path) -> None:
    with opened(browser, document, PHONE) as page:
        boxes = page.evaluate(
            f"[...document.querySelectorAll('{CLAIMED}')]"
            ".flatMap((link) => [...link.getClientRects()].map((box) => box.height))"
        )
        assert len(boxes) > 50
        assert min(boxes) >= SMALLEST
        page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE
        page.locator(CLAIMED, has_text="7,262").first.click()
        assert page.locator(".part:target").is_visible()


FOLDED = ".card:visible :is(.what-would-change-it, .records)"


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_a_phones_card_opens_what_a_desks_card_shows(
    browser: Browser, document: Path, width: int
) -> None:
    with opened(browser, document, width) as page:
        folded, more = page.locator(FOLDED), page.locator(".more:visible")
        every = folded.count()
        assert every > 0
        if width == DESK:
            assert (folded.locator("visible=true").count(), more.count()) == (every, 0)
            return
        assert folded.locator("visible=true").count() == 0
        box = more.first.bounding_box()
        assert box is not None
        assert box["height"] >= SMALLEST
        for button in more.all():
            button.click()
            assert button.get_attribute("aria-expanded") == "true"
        assert folded.locator("visible=true").count() == every
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE
    with opened(browser, document, width, scripts=False) as page:
        assert page.locator(FOLDED).locator("visible=true").count() == every


@pytest.mark.parametrize(("width", "scheme"), [(DESK, "light"), (PHONE, "dark")])
def test_it_is_clean(browser: Browser, document: Path, width: int, scheme: str) -> None:
    with opened(browser, document, width, scheme) as page:
        page.evaluate("for (const each of document.querySelectorAll('.fold')) each.open = true")
        page.locator(CLAIMED).first.focus()
        assert violations(page) == []


def test_every_link_of_it_leads_somewhere(browser: Browser, document: Path) -> None:
    with opened(browser, document) as page:
        links = page.evaluate(
            "[...document.querySelectorAll('main a[href]')].map((link) => "
            "[link.getAttribute('href'), link.hash && link.pathname === location.pathname"
            " ? Boolean(document.getElementById(decodeURIComponent(link.hash.slice(1)))) : true])"
        )
    assert [href for href, found in links if not found] == []
    files = {href for href, _ in links if not href.startswith("#")}
    assert any("/results/local/mnist/" in href for href in files)
    assert [href for href in files if not (document.parent / href.partition("#")[0]).exists()] == []


def test_verdicts_differ_in_line_or_ground_without_their_colour(
    browser: Browser, document: Path
) -> None:
    kinds = (
        *("differs", "refuted", "not-consistent", "inconsistent", "undecided", "not-comparable"),
        *("consistent", "confirmed", "not-checkable", "setting"),
    )
    with opened(browser, document) as page:
        looks = page.evaluate(
            """(kinds) => kinds.map((kind) => {
                const mark = document.createElement("span");
                mark.className = `v ${kind}`;
                document.body.append(mark);
                const style = getComputedStyle(mark);
                const ground = style.backgroundColor === "rgba(0, 0, 0, 0)";
                return [style.textDecorationStyle, style.textDecorationThickness, ground].join();
            })""",
            list(kinds),
        )
    pairs = dict(zip(kinds, looks, strict=True))
    # Two alike, dashed: both say that nothing is proved, one in green.
    assert len(set(looks)) == len(kinds) - 1
    assert pairs["consistent"] == pairs["not-comparable"]


def test_a_hostile_document_is_text(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "claims"
    folder.mkdir()
    lines = [" ".join(word.splitlines()) for word in HOSTILE]
    (tmp_path / "README.md").write_text("\n".join(lines), encoding="utf-8")
    tables = (
        f"[[claim]]\nid = {quoted(line)}\nline = {number}\nquote = {quoted(line)}\n"
        'metric = "n_parameters"\nsubject = "model_1"\npublished = 7\n'
        for number, line in enumerate(lines, start=1)
        if "\x1b" not in line
    )
    (folder / "mine.toml").write_text("\n".join(tables), encoding="utf-8")
    stored.store([folder / "mine.toml"], tmp_path / "README.md")
    monkeypatch.chdir(tmp_path)
    suite = factories.fill(Suite(tmp_path / "results", "local"), ["model_1"], seeds=[0])
    render(suite, tmp_path / "reports", command="python -m bench report")
    with opened(browser, tmp_path / "reports" / "document.html") as page:
        assert page.title() == "Every claim of the document · manyseeds"
        assert page.locator(CLAIMED).count() >= len(HOSTILE) - 1
        assert page.locator("main img, main script, main [onerror]").count() == 0
        for at in range(page.locator(".marked ol li").count()):
            link = page.locator(".marked ol li").nth(at).locator("a").first
            link.click()
            assert page.locator(".part:target").is_visible()


def quoted(text: str) -> str:
    """A TOML string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

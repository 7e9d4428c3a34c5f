"""The page's Content-Security-Policy: its own script runs, an injected one does not."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.report.browser.workbench import html

pytestmark = pytest.mark.browser

POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="[^"]*">')


@pytest.fixture
def host() -> Iterator[tuple[str, list[str]]]:
    """A host that writes down what it is asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def injected(page: str, address: str) -> str:
    """The page with what a hostile record could try, had it not been escaped."""
    attack = (
        "<script>document.documentElement.dataset.harmed = 'script'</script>"
        "<img src=data:, onerror=\"document.documentElement.dataset.harmed = 'handler'\">"
        f"<script src='{address}/script.js'></script><img src='{address}/image.png'>"
        f"<link rel=stylesheet href='{address}/style.css'><iframe src='{address}/frame'></iframe>"
    )
    assert "</main>" in page
    return page.replace("</main>", f"{attack}</main>")


def test_an_injected_script_does_not_run_and_nothing_is_asked_for(
    browser: Browser, tmp_path: Path, host: tuple[str, list[str]]
) -> None:
    address, asked = host
    path = tmp_path / "page.html"
    path.write_text(injected(html(), address), encoding="utf-8", newline="\n")
    page = browser.new_page()
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.dataset.harmed") is None
    assert page.locator("button.sort").count() > 0  # the page's own script did run
    page.evaluate(
        "const late = document.createElement('script');"
        "late.textContent = \"document.documentElement.dataset.harmed = 'late'\";"
        "document.body.append(late)"
    )
    assert page.evaluate("document.documentElement.dataset.harmed") is None
    assert sum("Content Security Policy" in words for words in told) >= 5
    page.close()
    assert asked == []


def test_without_the_policy_the_same_attack_succeeds(
    browser: Browser, tmp_path: Path, host: tuple[str, list[str]]
) -> None:
    """So the test above sees an attack where there is one."""
    address, asked = host
    path = tmp_path / "page.html"
    open_page, n = POLICY.subn("", injected(html(), address))
    assert n == 1
    path.write_text(open_page, encoding="utf-8", newline="\n")
    page = browser.new_page()
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.dataset.harmed") is not None
    page.close()
    assert {"/script.js", "/image.png", "/style.css", "/frame"} <= set(asked)


def test_a_script_with_one_byte_changed_does_not_run(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    page_text = html()
    assert "</script>" in page_text
    path.write_text(page_text.replace("</script>", " </script>"), encoding="utf-8", newline="\n")
    page = browser.new_page()
    page.goto(path.as_uri())
    assert page.locator("button.sort, button:visible").count() == 0
    page.close()

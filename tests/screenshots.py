"""Pictures of the reference report for the README: `python -m tests.screenshots [REPORTS]`.

They need a font with emoji, such as Noto Color Emoji: the marked document has some.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.report.browser.opening import launched
from tests.support import ROOT

OUT = ROOT / "docs" / "images"
WIDTH, HEIGHT = 1280, 760


def main(reports: Path) -> None:
    """The first screen, and the card of the first statement that does not hold."""
    OUT.mkdir(exist_ok=True)
    with launched() as browser:
        page = browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=1.5
        )
        page.goto((reports / "index.html").resolve().as_uri())
        page.screenshot(path=OUT / "first-screen.png")
        page.goto((reports / "document.html").resolve().as_uri())
        page.locator(".card").first.screenshot(path=OUT / "card.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else ROOT / "reports" / "reference")

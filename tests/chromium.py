"""A Chromium for the browser tests: one on PATH, else Playwright's own, else apt-get's.

Run as a script it makes sure of one; `executable` tells the tests which one to launch.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DOWNLOAD_SECONDS = 300  # Playwright retries a host that it cannot reach; then apt-get has its turn


def executable() -> Path | None:
    """The browser on PATH, else the one that Playwright has downloaded, else None."""
    for name in NAMES:
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    return _playwrights_own()


def main() -> int:
    """0 where a browser is there or could be had, else 1 and one line of what to do."""
    if executable() is not None:
        return 0
    for way in (_download, _apt_get):
        way()
        path = executable()
        if path is not None and _starts(path):
            return 0
    print(
        "no Chromium for the browser tests (PATH, Playwright, apt-get): "
        "install Chromium or Chrome and run again",
        file=sys.stderr,
    )
    return 1


def _playwrights_own() -> Path | None:
    """Where Playwright keeps its download, if it is there."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = Path(playwright.chromium.executable_path)
    return path if path.exists() else None


def _starts(path: Path) -> bool:
    """Whether the browser starts: a downloaded one may lack the system's libraries."""
    from playwright.sync_api import Error, sync_playwright

    try:
        with sync_playwright() as playwright:
            playwright.chromium.launch(executable_path=path, args=["--no-sandbox"]).close()
    except Error as error:
        print(f"{path} does not start: {error}".splitlines()[0], file=sys.stderr)
        return False
    return True


def _download() -> None:
    _attempt([sys.executable, "-m", "playwright", "install", "chromium"])


def _apt_get() -> None:
    if shutil.which("apt-get") is None:
        return
    as_root = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    for arguments in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
        _attempt([*as_root, "apt-get", *arguments])


def _attempt(command: list[str]) -> None:
    """Runs a command whose failure only means that the next way is tried."""
    print("+", *command, file=sys.stderr, flush=True)
    try:
        subprocess.run(command, check=False, timeout=DOWNLOAD_SECONDS, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(error, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

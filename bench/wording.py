"""How an error or a command is put into words that people read and records keep."""

from __future__ import annotations

from pathlib import Path


def in_one_line(error: BaseException) -> str:
    """The error's type and text, whatever lines it had."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def without_home(text: str) -> str:
    """The text with the home folder written as `~`."""
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > 1 else text

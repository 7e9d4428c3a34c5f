"""The texts of the program as one file, to be read from first to last."""

from itertools import groupby
from pathlib import Path

from tests.texts.collect import collect

LISTING = Path(__file__).with_name("texts.txt")
COMMAND = "python -m tests.texts"


def listing() -> str:
    """The file's text: the texts under their modules, each after its kind."""
    lines = [f"Every text that the program says. After a change: {COMMAND}"]
    for module, texts in groupby(collect(), key=lambda text: text.module):
        lines += ["", module, *(f"  {text.kind}: {text.text}" for text in texts)]
    return "\n".join(lines) + "\n"

"""The checkout's root, and what tests that run the real command need around it."""

from __future__ import annotations

import os
import select
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt

from tests.command_server import Server

ROOT = Path(__file__).resolve().parent.parent


# What people read: the README, and the pages of the documentation.
WRITTEN = (
    "README.md",
    "CONTRIBUTING.md",
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
)


def text_of(document: str) -> str:
    """A document of the checkout."""
    return (ROOT / document).read_text(encoding="utf-8")


def words_of(document: str) -> str:
    """The same, whatever its lines are."""
    return " ".join(text_of(document).split())


def fences(document: str, language: str = "") -> list[str]:
    """The contents of its fenced blocks of that language."""
    tokens = MarkdownIt("commonmark").parse(text_of(document))
    return [each.content for each in tokens if each.type == "fence" and each.info == language]


def links(text: str) -> list[str]:
    """Targets of the links and pictures of a Markdown text."""
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    inline = [child for token in tokens for child in token.children or []]
    found = [str(child.attrGet("href") or child.attrGet("src") or "") for child in inline]
    return [each for each in found if each]


def environment(**extra: str) -> dict[str, str]:
    """This process's environment without the variables that change the command's behaviour."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("BENCH_")}
    # The checkout comes first, whatever is installed; the user's cache holds no data set.
    ours = {"PYTHONPATH": str(ROOT), "NO_COLOR": "1", "XDG_CACHE_HOME": "/nonexistent"}
    return kept | ours | extra


@cache
def server() -> Server:
    """What runs this process's commands; `tests.conftest` ends it."""
    return Server(environment())


def bench(folder: Path, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Runs `python -m bench ...` in the folder, in a process of its own."""
    return server().run(words, folder, environment(**extra))


def require_end(processes: Iterable[int]) -> None:
    """Waits until each of the processes has ended; fails if one lives on for a minute."""
    for process in processes:
        try:
            descriptor = os.pidfd_open(process)
        except ProcessLookupError:
            continue
        readable, _, _ = select.select([descriptor], [], [], 60)
        os.close(descriptor)
        assert readable, f"process {process} lives on"


# Whether a network runs in a worker, not in the command, which tries a step before it plans.
IN_A_WORKER = "multiprocessing.parent_process() is not None"

TINY_NETWORK = '''
"""A network for tests, small enough to train in a second."""
import multiprocessing
import os
import signal
from torch import nn
from bench.spec import Recipe

RECIPE = Recipe(peak_learning_rate=0.01, warmup_fraction=0.3, epochs=2, batch_size=500)

class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Conv2d(1, 4, 3, stride=3)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(4, 10)

    def forward(self, images):
        {before}
        return {output}
'''


def write_architecture(
    folder: Path,
    name: str,
    source: str | None = None,
    *,
    group: str = "",
    before: str = "pass",
    after: str = "",
    output: str = "self.head(self.pool(self.features(images)).flatten(1))",
) -> Path:
    """Writes architectures/NAME.py in the folder, a tiny network unless said otherwise."""
    path = folder / "architectures" / group / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    tiny = TINY_NETWORK.replace("{before}", before).replace("{output}", output)
    path.write_text((tiny if source is None else source) + after, encoding="utf-8")
    return path


def in_the_captured_half(statement: str) -> str:
    """A statement for `write_architecture`'s `before`: a capture's trial makes two networks, and
    only the second one, which is to be captured, comes to it.
    """
    first = "type(self).first = getattr(type(self), 'first', self)"
    return f"{first}\n        if type(self).first is not self: {statement}"

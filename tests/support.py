"""The checkout's root, and the environment in which tests run the real command."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def environment(**extra: str) -> dict[str, str]:
    """This process's environment without the variables that change the command's behaviour."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("BENCH_")}
    # The checkout comes first, whatever is installed; the user's cache holds no data set.
    ours = {"PYTHONPATH": str(ROOT), "NO_COLOR": "1", "XDG_CACHE_HOME": "/nonexistent"}
    return kept | ours | extra

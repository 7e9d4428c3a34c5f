"""Puts the shipped folders into the wheel, under `bench/_shipped/`.

A plain `force-include` table would also copy them beside an editable install, where they would
grow stale; here an editable install keeps reading the checkout.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SHIPPED = ("architectures", "claims", "examples", "templates", "results/reference")
LEFT_OUT = ("__pycache__", ".tmp-")  # caches, and files of an interrupted write
# What a reader who ran an example in the checkout has made there.
MADE = re.compile(r"/examples/[^/]+/(reports/|results/|datasets/shapes/|claims/.+\.lines\.txt)")


class ShippedFolders(BuildHookInterface[Any]):
    """Maps every file of the shipped folders to its place in the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before each build; `version` is "standard" or "editable".

        Raises:
            FileNotFoundError: a shipped folder is missing or empty.
        """
        if version == "editable":
            return
        root = Path(self.root)
        for folder in SHIPPED:
            files = shipped_files(root / folder)
            if not files:
                raise FileNotFoundError(f"{folder}/ is missing or empty: the wheel needs its files")
            for path in files:
                inside = path.relative_to(root).as_posix()
                build_data["force_include"][str(path)] = f"bench/_shipped/{inside}"


def shipped_files(folder: Path) -> list[Path]:
    """Every file below the folder, sorted, without caches and without what a run has made."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    kept = [path for path in files if not any(part in str(path) for part in LEFT_OUT)]
    return [path for path in kept if not MADE.search(path.as_posix())]

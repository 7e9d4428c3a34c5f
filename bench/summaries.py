"""A suite, read and arranged for whoever tells of it: the report, its fragments, the exports."""

from __future__ import annotations

import os
from pathlib import Path

from bench import claims, shipped
from bench.errors import UsageError
from bench.sections._summary import Summary, summarise
from bench.store import Suite


def read(suite: Suite, folder: Path, command: str) -> list[Summary]:
    """One summary a data set, the comparable one first; a single empty one without runs.

    Args:
        suite: Where runs and portraits lie; it may be empty.
        folder: Where links to the records begin.
        command: What was typed.

    Raises:
        StoreError: a record cannot be read.
        ClaimError: a file of claims cannot be used.
    """
    runs = suite.runs()
    links = {run.key: _relative(suite.path_of(run), folder) for run in runs}
    published = claims.load(shipped.folder_in_use("claims"))
    found = summarise(suite.name, runs, suite.portraits(), published, links, command)
    protocol, findings = suite.protocol(), suite.findings()
    return [summary.judged_by(protocol).with_findings(findings) for summary in found]


def read_records(suite: Suite, folder: Path, command: str) -> list[Summary]:
    """As `read`; raises UsageError where the suite holds neither runs nor portraits."""
    found = read(suite, folder, command)
    if not (found[0].suite_runs or found[0].portraits):
        raise UsageError(
            "the suite holds no records",
            where=str(suite.folder),
            remedy=f"train some: python -m bench train --suite {suite.name}",
        )
    return found


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()

"""A suite, read and arranged for whoever tells of it: the report, its fragments, the exports."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from bench import machine
from bench.errors import StoreError, UsageError, nearest, printable
from bench.evidence import claims
from bench.evidence.claims.judging import AtHand, edited
from bench.evidence.claims.stored import read_all
from bench.records.store import Suite
from bench.report.summary import Summary, summarise
from bench.spec import TOP, Portrait, RunRecord


def read(suite: Suite, folder: Path, command: str, groups: Sequence[str] = ()) -> list[Summary]:
    """One summary a data set, the comparable one first; a single empty one without runs.

    Args:
        suite: Where runs and portraits lie; it may be empty.
        folder: Where links to the records begin.
        command: What was typed.
        groups: Those whose architectures are shown; all where none is given.

    Raises:
        UsageError: the suite has no such group.
        StoreError: the suite's protocol cannot be used.
        ClaimError: a file of claims, or the text stored beside it, cannot be used.
        ArchitectureError: two architectures share a name.
    """
    there = [path for path in (suite.folder, *suite.record_paths()) if path.exists()]
    runs = suite.runs()
    links = {run.key: _relative(suite.path_of(run), folder) for run in runs}
    said = machine.folder_in_use("claims")
    published, texts = claims.load(said), read_all(said)
    versions = suite.portraits()
    networks = {run.architecture for run in runs} | {each.architecture for each in versions}
    at_hand = AtHand.scan(networks).digests
    portraits = _readable(_present_last(versions, runs, at_hand))
    found = summarise(suite.name, runs, portraits, published, links, command)
    if groups:
        found = _of_groups(found, groups)
    protocol, findings = suite.protocol(), suite.findings()
    known = [summary.judged_by(protocol).with_findings(findings) for summary in found]
    _require_kept(there)
    damaged = sorted(path.relative_to(suite.folder).as_posix() for path in suite.set_aside)
    names = tuple(map(printable, damaged))
    more: dict[str, Any] = {"texts": texts, "at_hand": at_hand, "set_aside": names}
    more["edited"] = tuple(map(printable, edited(sorted(said.glob("*.toml")))))
    return [replace(summary, **more) for summary in known]


def _require_kept(there: Iterable[Path]) -> None:
    """Raises StoreError where a file is gone: a report of the rest would say less than the last."""
    for path in there:
        if not path.exists():
            raise StoreError(
                "deleted while the report was made, which stays as it was",
                where=str(path),
                remedy="restore it, or run the command again for a report without it",
            )


def read_records(
    suite: Suite, folder: Path, command: str, groups: Sequence[str] = ()
) -> list[Summary]:
    """As `read`; raises UsageError where the suite holds neither runs nor portraits."""
    found = read(suite, folder, command, groups)
    require_records(suite, found)
    return found


def require_records(suite: Suite, found: list[Summary]) -> None:
    """Raises UsageError where the suite, as it was read, holds neither runs nor portraits."""
    if not (found[0].suite_runs or found[0].suite_portraits):
        raise UsageError(
            "the suite holds no records",
            where=str(suite.folder),
            remedy=f"train some: python -m bench train --suite {suite.name}",
        )


def _present_last(
    portraits: list[Portrait], runs: Sequence[RunRecord], at_hand: Mapping[str, str]
) -> list[Portrait]:
    """Of a network's versions the one of its present file last, else the one that ran last."""
    if len({each.architecture for each in portraits}) == len(portraits):
        return portraits
    days: defaultdict[str, date] = defaultdict(lambda: date.min)
    for run in runs:
        source = run.architecture_digest
        days[source] = max(days[source], run.finished_on or date.min)

    def place(portrait: Portrait) -> tuple[bool, date]:
        source = portrait.architecture_digest
        return at_hand.get(portrait.architecture) == source, days[source]

    return sorted(portraits, key=place)


def _readable(portraits: Iterable[Portrait]) -> list[Portrait]:
    """The same, under names that every figure and file can print, each of one network alone."""
    names = [(each, printable(each.display_name)) for each in portraits]
    owners: defaultdict[str, set[str]] = defaultdict(set)
    for portrait, name in names:
        owners[name].add(portrait.architecture)
    return [
        msgspec.structs.replace(
            portrait,
            display_name=name if len(owners[name]) == 1 else f"{name} ({portrait.architecture})",
        )
        for portrait, name in names
    ]


def _of_groups(found: list[Summary], groups: Sequence[str]) -> list[Summary]:
    """The same about some groups; data sets that none of them was trained on are left out."""
    known = {summary.group_of(name) or TOP for summary in found for name in summary.shown}
    for group in groups:
        if group not in known:
            raise UsageError(
                f"no group '{group}' in the suite",
                where="--group",
                remedy=nearest(group, sorted(known)),
            )
    chosen = {"" if group == TOP else group for group in groups}
    shown = [summary.of_groups(chosen) for summary in found]
    left = [summary for summary in shown if summary.arms]
    left = left or [summary for summary in shown if summary.shown]
    documents = [summary.document for summary in left]
    return [
        replace(summary, opens=summary.document not in documents[:n])
        for n, summary in enumerate(left)
    ]


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()

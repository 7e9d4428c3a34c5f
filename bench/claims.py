"""Published claims, read from `claims/NAME.toml`: data, never verdicts.

A file holds the document's name once and a `[[claim]]` table for each statement; see
`bench.spec.Claim` for the keys. `file` is filled in from the file's name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from bench.errors import BenchError
from bench.spec import Claim


class ClaimError(BenchError):
    """A file of claims that cannot be used."""


def load(folder: Path) -> list[Claim]:
    """Every claim of every file in the folder, in the order of files and of lines.

    Raises:
        ClaimError: unreadable TOML, a wrong or missing key, or one id twice. A missing folder
            holds no claims.
    """
    claims = [claim for path in sorted(folder.glob("*.toml")) for claim in load_file(path)]
    _refuse_duplicates(claims, folder)
    return claims


def load_file(path: Path) -> list[Claim]:
    """The claims of one file, in its order.

    Raises:
        ClaimError: see `load`.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ClaimError(
            f"unreadable claims: {error}", where=str(path), remedy="mend the TOML"
        ) from error
    rows = content.get("claim")
    if not isinstance(rows, list) or not rows:
        raise ClaimError(
            "no claims in the file", where=str(path), remedy="add a [[claim]] table, or remove it"
        )
    return [_claim(row, number, path) for number, row in enumerate(rows, start=1)]


def by_id(claims: Iterable[Claim]) -> Mapping[str, Claim]:
    """The claims under their ids."""
    return {claim.id: claim for claim in claims}


KNOWN_KEYS = {field.name for field in msgspec.structs.fields(Claim)} - {"file"}


def _claim(row: Any, number: int, path: Path) -> Claim:
    where = f"{path}, claim {number}"
    try:
        claim = msgspec.convert({**row, "file": path.stem}, Claim)
    except (msgspec.ValidationError, TypeError) as error:
        remedy = f"give the keys {', '.join(sorted(KNOWN_KEYS))}"
        raise ClaimError(f"bad claim: {error}", where=where, remedy=remedy) from error
    unknown = sorted(set(row) - KNOWN_KEYS)
    if unknown:
        raise ClaimError(
            f"unknown key '{unknown[0]}'",
            where=where,
            remedy=f"use only {', '.join(sorted(KNOWN_KEYS))}",
        )
    return claim


def _refuse_duplicates(claims: list[Claim], folder: Path) -> None:
    seen: dict[str, str] = {}
    for claim in claims:
        if claim.id in seen:
            raise ClaimError(
                f"two claims with the id '{claim.id}'",
                where=f"{folder}: {seen[claim.id]}.toml and {claim.file}.toml",
                remedy="give each claim its own id",
            )
        seen[claim.id] = claim.file

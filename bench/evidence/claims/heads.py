"""The tables `[document]` and `[objective]` that a file of claims begins with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from bench.errors import nearest
from bench.evidence.claims.sources import Problem, Source, misfit, shown
from bench.spec import Document, Frozen, Objective

FILLED_IN = ("name", "objective")  # of a document, by whoever reads the file
LISTS = ("networks", "sections", "components")
TABLES = ("document", "objective", "claim")


def keys_of(kind: type[Frozen]) -> list[str]:
    """The keys that a table of that kind may have."""
    return [name for name in kind.__struct_fields__ if name not in FILLED_IN]


def head(content: Mapping[str, Any], source: Source) -> tuple[Document, list[Problem]]:
    """The document that the file is about, and what is wrong with its two tables.

    A file without `[document]` is about a document that is called as the file is.
    """
    problems = list(_unknown_tables(content, source))
    found = content.get("document", {"title": source.path.stem})
    document = _converted(found, Document, "document", source, problems)
    objective = _converted(content.get("objective"), Objective, "objective", source, problems)
    document = document or Document(title=source.path.stem)
    problems += _misfits(document, objective, source)
    return msgspec.structs.replace(document, name=source.path.stem, objective=objective), problems


def _unknown_tables(content: Mapping[str, Any], source: Source) -> Iterator[Problem]:
    for name in content:
        if name not in TABLES:
            what = f"unknown table '{shown(name)}'"
            yield source.in_file(what, nearest(name, list(TABLES)), name)


def _converted(
    row: Any, kind: type[Any], table: str, source: Source, problems: list[Problem]
) -> Any:
    """The table as a record; None where there is none, or a mistake in it."""
    if row is None:
        return None
    if not isinstance(row, dict):
        remedy = f"write [{table}] and keys below it"
        problems.append(source.in_table(table, "no table", remedy))
        return None
    known = keys_of(kind)
    unknown = [key for key in row if key not in known]
    for key in unknown:
        what = f"unknown key '{shown(key)}'"
        problems.append(source.in_table(table, what, nearest(key, known), key))
    try:
        return msgspec.convert({key: row[key] for key in row if key in known}, kind)
    except msgspec.ValidationError as error:
        what, key = misfit(error)
        remedy = f"it has the keys {', '.join(known)}"
        problems.append(source.in_table(table, what, remedy, key))
        return None


def _misfits(document: Document, objective: Objective | None, source: Source) -> Iterator[Problem]:
    """What contradicts itself, or says nothing."""
    for key in ("title", "label", "file", "address", "licence"):
        if not getattr(document, key).isprintable():
            what = f"a control character in '{key}'"
            yield source.in_table("document", what, "leave it out", key)
    lists = [("document", key, getattr(document, key)) for key in LISTS]
    lists += [("objective", "networks", objective.networks)] if objective else []
    for table, key, names in lists:
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice:
            yield source.in_table(table, f"'{twice}' twice in '{key}'", "name it once", key)
    if objective is not None:
        unknown = next((n for n in objective.networks if n not in document.networks), None)
        if unknown and document.networks:
            what = f"'{unknown}' is not one of the document's networks"
            remedy = nearest(unknown, list(document.networks))
            yield source.in_table("objective", what, remedy, "networks")
        for what, remedy, key in _unusable(objective):
            yield source.in_table("objective", what, remedy, key)


def _unusable(objective: Objective) -> Iterator[tuple[str, str, str]]:
    """What is wrong, the remedy, and the key it is about."""
    if msgspec.structs.replace(objective, networks=()) == Objective():
        remedy = "give a target and a rate, or a limit; or leave it out"
        yield "it has no target and no limit", remedy, ""
    if objective.rate is None and objective.target is not None:
        yield "a target without a rate", "say how many runs must reach it: rate = 0.9", "target"
    if objective.target is None and objective.rate is not None:
        yield "a rate without a target", "say what the runs must reach: target = 75.5", "rate"
    if objective.relation != "at_least" and objective.target is None:
        yield (
            "a relation without a target",
            "say what the runs must exceed: target = 75.5",
            "relation",
        )
    if objective.relation == "above" and objective.target == 100:
        yield "no run exceeds 100 %", 'write relation = "at_least"', "relation"
    if objective.parameters_below and objective.parameters_at_most:
        yield "two limits of parameters", "keep one of them", "parameters_at_most"

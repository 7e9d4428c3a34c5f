"""What a person says of a file of results: its columns, and what the file does not hold."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import msgspec

from bench.errors import UsageError, nearest, page
from bench.inputs.figures import NAMES, Unit
from bench.machine import toml_of
from bench.spec import Name, PositiveInt

WHERE = "import"
# Columns that are no figures; `run` is the name that an experiment tracker gives a run.
OF_RUNS = ("network", "seed", "status", "run")
COLUMNS = (*OF_RUNS, *NAMES)
SHORT = {"correct": "test_correct", "accuracy": "test_accuracy", "loss": "test_loss"}


class Mapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping's file; `docs/import.md` says what each line means."""

    dataset: Name
    n_test: PositiveInt
    n_validation: PositiveInt | None = None
    n_train: PositiveInt | None = None
    network: str | None = None  # of every row
    seed: Annotated[int, msgspec.Meta(ge=0)] | None = None  # of every row
    epoch: PositiveInt | None = None  # of every row
    run: str | None = None  # a pattern with the groups network and seed, of a run's name
    columns: dict[str, str] = {}  # ours -> the file's
    settings: tuple[str, ...] = ()  # columns that tell arms of one network apart
    accuracy: Unit | None = None
    first_epoch: Annotated[int, msgspec.Meta(ge=0, le=1)] = 1

    def column(self, name: str) -> str | None:
        """Our name of a file's column; None for one that means nothing here."""
        by_theirs = {theirs: ours for ours, theirs in self.columns.items()}
        found = by_theirs.get(name) or SHORT.get(name, name)
        is_taken = found in self.columns and name not in by_theirs
        return found if found in COLUMNS and not is_taken else None


def load(path: Path | None, dataset: str | None, n_test: int | None) -> Mapping:
    """The mapping of that file, or one of the two options alone.

    Raises:
        UsageError: the file cannot be used, or nobody says what the counts are counts of.
    """
    given: dict[str, object] = {"dataset": dataset, "n_test": n_test}
    given = {name: value for name, value in given.items() if value is not None}
    written: dict[str, object] = {}
    where = str(path) if path else WHERE
    if path is not None:
        try:
            written = toml_of(path)
        except (OSError, ValueError) as error:
            remedy = f"make it a TOML file, as in {page('import')}"
            raise UsageError(f"cannot be read: {error}", where=where, remedy=remedy) from error
    missing = [name for name in ("dataset", "n_test") if name not in written | given]
    if missing:
        what = "the data set of the results is not known, or its number of test images"
        remedy = "give --dataset NAME --test-images N"
        raise UsageError(what, where=where, remedy=remedy)
    try:
        mapping = msgspec.convert(written | given, Mapping)
    except msgspec.ValidationError as error:
        remedy = f"{page('import')} explains every line of a mapping"
        raise UsageError(str(error), where=where, remedy=remedy) from error
    _check(mapping, where)
    return mapping


def _check(mapping: Mapping, where: str) -> None:
    for name in mapping.columns:
        if name not in COLUMNS:
            what = f"there is no column '{name}'"
            raise UsageError(what, where=where, remedy=nearest(name, list(COLUMNS)))
    if mapping.run is None:
        return
    try:
        groups = set(re.compile(mapping.run).groupindex)
    except re.error as error:
        what = f"bad pattern '{mapping.run}': {error}"
        raise UsageError(what, where=where, remedy="mend it") from error
    if not groups or groups - {"network", "seed"}:
        remedy = "name its groups (?P<network>...) and (?P<seed>...)"
        raise UsageError(f"bad pattern '{mapping.run}'", where=where, remedy=remedy)

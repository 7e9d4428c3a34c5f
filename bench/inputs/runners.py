"""Runners: training that is not ours, a command in `runners/NAME.toml`.

`docs/runners.md` shows a file and says what each line means.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import msgspec

from bench.errors import UsageError, nearest, page
from bench.inputs.figures import NAMES, SIZES, BadFigures, Figures, Unit
from bench.machine import MOST_STATE_BYTES, folder_in_use, is_own, read_plain, toml_of
from bench.records.foreign import dataset_info
from bench.spec import (
    NAME,
    DatasetInfo,
    Foreign,
    ForeignSpec,
    Name,
    Positive,
    PositiveInt,
    canonical_json,
    digest,
)

FOLDER = "runners"
PLACEHOLDERS = ("seed", "epochs", "folder")
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b\x0e-\x1f\x7f]")
PLACEHOLDER = re.compile(r"\{([a-z_]*)\}")


class Metrics(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How figures are read: JSON lines of standard output, unless said otherwise."""

    file: str | None = None  # a file in {folder} instead of standard output
    patterns: tuple[str, ...] = ()  # regular expressions with named groups instead of JSON
    names: dict[str, str] = {}  # a figure -> its key in a JSON line
    accuracy: Unit | None = None  # None: the values tell
    first_epoch: Annotated[int, msgspec.Meta(ge=0, le=1)] = 1


class Data(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the command trains on; a size that is not given is not known."""

    name: Name
    n_test: PositiveInt
    n_validation: PositiveInt | None = None
    n_train: PositiveInt | None = None


class Written(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A runner's file, as it is written."""

    command: str
    epochs: PositiveInt
    limit_seconds: Positive
    files: tuple[str, ...]
    dataset: Data
    folder: str = "."
    at_once: PositiveInt = 1
    metrics: Metrics = Metrics()


@dataclass(frozen=True)
class Runner:
    """A runner's file, checked.

    Attributes:
        folder: Where the command runs; `files` are paths in it.
        digests: File -> sha256 of its content.
    """

    name: str
    path: Path
    written: Written
    folder: Path
    digests: Mapping[str, str]
    epochs: int

    @property
    def dataset(self) -> DatasetInfo:
        of = self.written.dataset
        return dataset_info(of.name, of.n_test, of.n_validation, of.n_train)

    def spec(self, seed: int) -> ForeignSpec:
        """What tells the run of that seed from others."""
        foreign = Foreign(
            origin="command",
            epochs=self.epochs,
            command=self.written.command,
            files=dict(self.digests),
        )
        # How the figures are read decides them as much as the command does.
        of = (foreign, self.written.metrics)
        return ForeignSpec(
            architecture=self.name,
            architecture_digest=digest(canonical_json(of)),
            seed=seed,
            dataset=self.dataset,
            foreign=foreign,
        )

    def words(self, seed: int, folder: Path) -> list[str]:
        """The command of one run; `folder` is an empty one of its own."""
        values = {"seed": seed, "epochs": self.epochs, "folder": folder}
        return [_filled(word, values) for word in shlex.split(self.written.command)]

    def metrics_file(self, seed: int, folder: Path) -> Path | None:
        """The file that the run's figures are read from; None for standard output."""
        if self.written.metrics.file is None:
            return None
        values = {"seed": seed, "epochs": self.epochs, "folder": folder}
        return Path(_filled(self.written.metrics.file, values))

    def with_epochs(self, epochs: int) -> Runner:
        """The same, asked for so many epochs.

        Raises:
            UsageError: its command takes no number of epochs.
        """
        if "{epochs}" not in self.written.command:
            raise UsageError(
                f"the command of '{self.name}' takes no number of epochs",
                where="--epochs",
                remedy=f"write {{epochs}} into the command of {self.path}",
            )
        return Runner(self.name, self.path, self.written, self.folder, self.digests, epochs)


def _filled(text: str, values: Mapping[str, object]) -> str:
    return PLACEHOLDER.sub(lambda match: str(values.get(match[1], match[0])), text)


def scan(folder: Path) -> list[Path]:
    """The runners' files of a folder, sorted; none where there is no such folder."""
    return sorted(path for path in folder.glob("*.toml") if not path.name.startswith("_"))


def scan_in_use() -> list[Path]:
    """The runners' files of the working folder, sorted."""
    return scan(folder_in_use(FOLDER))


def stand_alone() -> bool:
    """Whether the working folder has runners and no networks of its own: it means those alone."""
    return is_own(FOLDER) and not is_own("architectures") and bool(scan_in_use())


def data_sets() -> set[str]:
    """What these runners train on; a file that cannot be read names none, as `train` tells."""
    found = set()
    for path in scan_in_use():
        with suppress(UsageError):
            found.add(load(path).dataset.name)
    return found


def load(path: Path) -> Runner:
    """Reads and checks a runner's file, and takes the digests of the files that it names.

    Raises:
        UsageError: the file, or one that it names, cannot be used.
    """
    try:
        written = msgspec.convert(toml_of(path), Written)
    except msgspec.ValidationError as error:
        raise _error(
            path, str(error), f"{page('runners')} explains every line of such a file"
        ) from error
    except (OSError, ValueError) as error:
        raise _error(path, f"cannot be read: {error}", "make it a TOML file") from error
    if not re.fullmatch(NAME, path.stem):
        raise _error(path, f"bad name '{path.stem}'", "use lower case letters, digits and _")
    _check_command(path, written)
    _check_metrics(path, written.metrics)
    folder = Path(written.folder)
    if not folder.is_dir():
        remedy = "give a folder relative to the one that you work in"
        raise _error(path, f"there is no folder '{folder}'", remedy)
    digests = {name: _digest(path, folder / name) for name in written.files}
    return Runner(path.stem, path, written, folder, digests, written.epochs)


def _check_command(path: Path, written: Written) -> None:
    try:
        words = shlex.split(written.command)
    except ValueError as error:
        raise _error(path, f"bad command: {error}", "close the quotation marks") from error
    if not words:
        raise _error(path, "the command is empty", "write command = 'python train.py ...'")
    _check_placeholders(path, written.command)
    if "{seed}" not in written.command:
        remedy = (
            "write --seed {seed}, or whatever the script takes; "
            f"{page('runners')} seeds a script that takes none"
        )
        raise _error(path, "the command takes no {seed}, so all its runs would be the same", remedy)
    if not written.files:
        remedy = "name the script: then runs of a changed script are kept apart"
        raise _error(path, "files names no file", remedy)


def _check_placeholders(path: Path, text: str) -> None:
    for name in PLACEHOLDER.findall(text):
        if name not in PLACEHOLDERS:
            remedy = nearest(name, list(PLACEHOLDERS))
            raise _error(path, f"unknown placeholder {{{name}}}", remedy)


def _check_metrics(path: Path, metrics: Metrics) -> None:
    if metrics.file is not None:
        _check_placeholders(path, metrics.file)
        if "{folder}" not in metrics.file:
            what = "metrics.file is not in {folder}, so it may hold an older run's figures"
            raise _error(path, what, "write file = '{folder}/metrics.jsonl', and give it {folder}")
    told = set(metrics.names)
    for pattern in metrics.patterns:
        try:
            told |= set(re.compile(pattern).groupindex)
        except re.error as error:
            raise _error(path, f"bad pattern '{pattern}': {error}", "mend it") from error
    for name in sorted(told - set(NAMES)):
        raise _error(path, f"there is no figure '{name}'", nearest(name, list(NAMES)))
    if metrics.patterns and not told & {"test_correct", "test_accuracy"}:
        remedy = "name a group (?P<test_correct>...) or (?P<test_accuracy>...)"
        raise _error(path, "no pattern reads the test split", remedy)
    if metrics.patterns and metrics.names:
        remedy = "leave out one of them: the groups of a pattern already name the figures"
        raise _error(path, "metrics has both patterns and names", remedy)


def _digest(path: Path, named: Path) -> str:
    try:
        return digest(read_plain(named, MOST_STATE_BYTES))
    except OSError as error:
        remedy = "name files relative to the runner's folder"
        raise _error(path, f"cannot read '{named}': {error.strerror}", remedy) from error


def _error(path: Path, what: str, remedy: str) -> UsageError:
    return UsageError(f"runner '{path.stem}': {what}", where=str(path), remedy=remedy)


def without_escapes(text: str) -> str:
    """The text without the colours and other controls of a terminal."""
    return ESCAPE.sub("", text)


@dataclass
class LineReader:
    """Reads figures from the lines that a command prints.

    Where no line names an epoch, each line with a figure of the test split ends an epoch.
    """

    metrics: Metrics
    figures: Figures
    _patterns: list[re.Pattern[str]] = field(default_factory=list)
    _keys: dict[str, str] = field(default_factory=dict)  # key in a JSON line -> figure
    _pending: dict[str, Any] = field(default_factory=dict)
    _has_numbers: bool = True  # whether lines name their epoch
    _epoch: object = None

    def __post_init__(self) -> None:
        self._patterns = [re.compile(pattern) for pattern in self.metrics.patterns]
        self._keys = {self.metrics.names.get(name, name): name for name in NAMES}
        if self._patterns:
            self._has_numbers = any("epoch" in each.groupindex for each in self._patterns)

    def feed(self, line: str) -> int | None:
        """Reads one line; returns the epoch, from 1, whose test figure it holds.

        Raises:
            BadFigures: the line contradicts itself or an earlier one.
        """
        line = without_escapes(line)
        row = self._matched(line) if self._patterns else self._json(line)
        if not row:
            return None
        if not self._has_numbers:
            return self._unnumbered(row)
        epoch = row.pop("epoch", None)
        if epoch is None and self._patterns:
            epoch = self._epoch  # of the line before, such as "Train Epoch: 3"
        if epoch is None:
            return None
        self._epoch = epoch
        at = self.figures.add(epoch, row)
        return at if _has_test(row) else None

    def _unnumbered(self, row: dict[str, Any]) -> int | None:
        both = sorted((self._pending.keys() & row.keys()) - set(SIZES))
        if both:
            at = len(self.figures.found) + 1
            raise BadFigures(f"epoch {at} has {both[0]} twice")
        self._pending |= row
        if not _has_test(row):
            return None
        row, self._pending = self._pending, {}
        return self.figures.add(len(self.figures.found) + self.figures.first_epoch, row)

    def _matched(self, line: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for pattern in self._patterns:
            if match := pattern.search(line):
                found |= {k: v for k, v in match.groupdict().items() if v is not None}
        return found

    def _json(self, line: str) -> dict[str, Any]:
        """The figures of a JSON object; other lines hold none."""
        if not line.lstrip().startswith("{"):
            return {}
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            return {}
        if not isinstance(found, dict):
            return {}
        named = ((self._keys.get(key), value) for key, value in found.items())
        return {name: value for name, value in named if name and value is not None}


def _has_test(row: Mapping[str, Any]) -> bool:
    return "test_correct" in row or "test_accuracy" in row

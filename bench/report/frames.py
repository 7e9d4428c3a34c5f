"""A suite's records as tidy pandas frames: of runs, of epochs, and of what was measured beside.

The unit is in a column's name. Counts are exact. Percents are floats of exact fractions, never
rounded here. What is missing is pandas' missing value.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from statistics import median
from typing import Any

import msgspec
import pandas as pd

from bench.evidence.claims.ledger import Row, row
from bench.records.arms import Arm
from bench.records.layers import merged
from bench.report.summary import Summary
from bench.spec import Epoch, Portrait, RunRecord
from bench.stats.format import integer, plain, ranges
from bench.stats.format import percent as shown_percent
from bench.stats.means import Accuracy, accuracy
from bench.stats.rates import RateVerdict

Record = dict[Hashable, Any]  # a row's values by its frame's columns
PARAMETERS = "parameters"
BY_COMPONENT = "by_component"
RUNS = (
    *("suite", "dataset", "architecture", "arm", "label", "seed", "role", "status", "reason"),
    *("n_parameters", "epochs_declared", "epochs_finished"),
    *("n_test", "last_test_correct", "last_test_accuracy_percent", "reached_target"),
    *("n_validation", "last_validation_correct", "best_validation_correct"),
    *("selected_epoch", "selected_test_correct", "train_seconds"),
    *("engine_version", "device_type", "environment", "processor", "torch", "python"),
    *("commit", "uncommitted_changes", "command", "finished_on"),
    *("architecture_digest", "data_digest", "weights_sha256", "key"),
)
EPOCHS = (
    *("dataset", "architecture", "arm", "label", "seed", "key", "epoch", "learning_rate"),
    *("train_loss", "train_correct", "train_percent"),
    *("validation_loss", "validation_correct", "validation_percent"),
    *("test_loss", "test_correct", "test_percent", "train_seconds"),
)
NAMES = {  # a field of a record, flattened -> its column
    "dataset.name": "dataset",
    "dataset.digest": "data_digest",
    "dataset.n_test": "n_test",
    "dataset.n_validation": "n_validation",
    "numerics.device_type": "device_type",
    "environment.fingerprint": "environment",
    "environment.processor": "processor",
    "environment.torch": "torch",
    "environment.python": "python",
    "environment.commit": "commit",
    "environment.dirty": "uncommitted_changes",
    "environment.command": "command",
}
# Columns in which a value may be missing: whole numbers stay whole beside it.
MAY_MISS = {
    **dict.fromkeys(("last_test_correct", "last_validation_correct", "selected_epoch"), "Int64"),
    **dict.fromkeys(("best_validation_correct", "selected_test_correct", "test_correct"), "Int64"),
    **dict.fromkeys(("reached_target", "uncommitted_changes"), "boolean"),
    **dict.fromkeys(("last_test_accuracy_percent", "test_loss", "test_percent"), "float64"),
}
# Those that only a run which is not ours lacks, or one without validation images.
MAY_BE_UNKNOWN = {
    **dict.fromkeys(("n_parameters", "engine_version", "n_validation"), "Int64"),
    **dict.fromkeys(("train_correct", "validation_correct"), "Int64"),
    **dict.fromkeys(("learning_rate", "train_seconds", "train_loss", "train_percent"), "float64"),
    **dict.fromkeys(("validation_loss", "validation_percent"), "float64"),
}


def runs(summaries: Sequence[Summary]) -> pd.DataFrame:
    """A row a run; `arm` is six hex digits over what runs share that differ in the seed alone."""
    rows = [
        {
            "suite": summary.suite,
            "arm": digits(arm),
            "label": arm.label,
            "role": arm.role,
            **_run(arm, run),
        }
        for summary, arm in _each(summaries)
        for run in arm.runs
    ]
    return _typed(pd.json_normalize(rows).rename(columns=NAMES), RUNS)


def _each(summaries: Sequence[Summary]) -> list[tuple[Summary, Arm]]:
    """Every arm once: two documents may speak of one network."""
    found = {
        (arm.name, arm.role, arm.first.evaluate_test): (summary, arm)
        for summary in reversed(summaries)
        for arm in reversed(summary.every_arm)
    }
    return list(reversed(found.values()))


def _run(arm: Arm, run: RunRecord) -> dict[str, Any]:
    """The record, and what its epochs say at the last one, the best and the selected one."""
    ends = run.epochs if run.completed else []
    test = ends[-1].test_correct if ends else None
    selected = ends[run.selected_epoch - 1] if ends and run.selected_epoch else None
    return {
        **msgspec.to_builtins(msgspec.structs.replace(run, epochs=[], test_misses=None)),
        "epochs_declared": run.n_epochs,
        "epochs_finished": len(run.epochs),
        "last_test_correct": test,
        "last_test_accuracy_percent": percent(test, run.dataset.n_test),
        # A failed run is a miss; one that never looked at the test split is neither.
        "reached_target": test is not None and test >= arm.target if arm.has_target else None,
        "last_validation_correct": ends[-1].validation_correct if ends else None,
        "best_validation_correct": max(
            (e.validation_correct for e in ends if e.validation_correct is not None), default=None
        ),
        "selected_test_correct": selected.test_correct if selected else None,
    }


def tested_runs(arm: Arm) -> pd.DataFrame:
    """A row a run that looked at the test split: `percent`, and `says` for its dot."""
    n, rows = arm.n_test, []
    for run, right in arm.tested:
        found = f"{shown_percent(right, n)}, {integer(right)} of {integer(n)}"
        rows.append((100 * right / n, f"{arm.label}, seed {run.seed}: {found}"))
    return pd.DataFrame(rows, columns=["percent", "says"])


def epochs(summaries: Sequence[Summary]) -> pd.DataFrame:
    """A row an epoch of a run: losses are means over images, counts are exact."""
    return _epochs([arm for _, arm in _each(summaries)])


def epochs_of(arm: Arm) -> pd.DataFrame:
    """The same for one arm."""
    return _epochs([arm])


def _epochs(arms: Sequence[Arm]) -> pd.DataFrame:
    """By columns: a dict for each of many thousand epochs would take most of the memory."""
    rows = [(arm, run, epoch) for arm in arms for run in arm.runs for epoch in run.epochs]
    shown = {arm.name: digits(arm) for arm in arms}
    columns: dict[str, list[Any]] = {
        "dataset": [arm.dataset.name for arm, _, _ in rows],
        "architecture": [arm.architecture for arm, _, _ in rows],
        "arm": [shown[arm.name] for arm, _, _ in rows],
        "label": [arm.label for arm, _, _ in rows],
        "seed": [run.seed for _, run, _ in rows],
        "key": [run.key for _, run, _ in rows],
    }
    for name in Epoch.__struct_fields__:
        columns[name] = [getattr(epoch, name) for _, _, epoch in rows]
    for split in ("train", "validation", "test"):
        sizes = [getattr(arm.dataset, f"n_{split}") for arm, _, _ in rows]
        columns[f"{split}_percent"] = list(map(percent, columns[f"{split}_correct"], sizes))
    return _typed(pd.DataFrame(columns), EPOCHS)


def _typed(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """These columns alone, in this order, also where there is no row."""
    dtypes = {name: dtype for name, dtype in MAY_MISS.items() if name in columns}
    found = frame.reindex(columns=list(columns))
    unknown = {name: dtype for name, dtype in MAY_BE_UNKNOWN.items() if name in columns}
    dtypes |= {name: dtype for name, dtype in unknown.items() if found[name].isna().any()}
    return found.astype(dtypes)


@dataclass(frozen=True)
class ArmOf:
    """An arm of a summary, and what its runs come to."""

    summary: Summary
    arm: Arm

    @cached_property
    def test(self) -> Accuracy:
        return self.arm.accuracy()

    @cached_property
    def best(self) -> Accuracy:
        """Of each run's best epoch on the validation split."""
        return accuracy(self.arm.best_validation_counts, self.arm.n_images("validation"))

    @property
    def median(self) -> float | None:
        counts = self.test.counts
        return percent(median(counts), self.arm.n_test) if counts else None

    @cached_property
    def verdict(self) -> RateVerdict | None:
        """None without a target, and where no run looked at the test split."""
        return self.arm.verdict if self.arm.has_target else None

    @property
    def judged(self) -> RateVerdict | None:
        """None, too, where something else was declared before the runs."""
        return self.verdict if self.arm.is_decidable else None


RESULTS: dict[str, Callable[[ArmOf], Any]] = {
    "suite": lambda of: of.summary.suite,
    "dataset": lambda of: of.arm.first.dataset.name,
    "architecture": lambda of: of.arm.architecture,
    "display_name": lambda of: of.summary.display_name(of.arm.architecture),
    "arm": lambda of: digits(of.arm),
    "label": lambda of: of.arm.label,
    "seeds": lambda of: plain(ranges([run.seed for run in of.arm.runs])),
    "n_runs": lambda of: len(of.arm.runs),
    "n_completed": lambda of: len(of.arm.completed),
    "n_parameters": lambda of: of.arm.first.n_parameters,
    "epochs": lambda of: of.arm.first.n_epochs,
    "n_test": lambda of: of.arm.n_test,
    "mean_test_accuracy_percent": lambda of: _float(of.test.mean_percent),
    "sd_test_accuracy_points": lambda of: of.test.sd_points,
    # Student's t interval of the mean
    "mean_low_percent": lambda of: of.test.interval and of.test.interval.low,
    "mean_high_percent": lambda of: of.test.interval and of.test.interval.high,
    "median_test_accuracy_percent": lambda of: of.median,
    "minimum_test_accuracy_percent": lambda of: _float(of.test.lowest_percent),
    "maximum_test_accuracy_percent": lambda of: _float(of.test.highest_percent),
    "n_validation": lambda of: of.arm.first.dataset.n_validation,
    "mean_best_validation_accuracy_percent": lambda of: _float(of.best.mean_percent),
    "sd_best_validation_accuracy_points": lambda of: of.best.sd_points,
    "target_percent": lambda of: of.arm.objective.target,
    "target_correct": lambda of: of.arm.target if of.arm.has_target else None,
    "n_reached": lambda of: of.verdict and of.arm.n_reached,
    "declared_rate": lambda of: of.arm.objective.rate,
    "rate_lower_bound": lambda of: of.verdict and of.verdict.lower,
    "rate_upper_bound": lambda of: of.verdict and of.verdict.upper,
    "n_declared": lambda of: of.arm.standing.n_declared or None,
    "judged_by": lambda of: of.verdict and of.arm.standing.kind,
    "n_attempts": lambda of: of.verdict and of.arm.standing.n_attempts,
    "verdict": lambda of: of.judged and of.judged.verdict,
    "verdict_alone": lambda of: of.judged and of.arm.alone.verdict,
    "more_runs_to_confirm": lambda of: of.judged and of.judged.more_to_confirm,
}


def results(summaries: Sequence[Summary]) -> pd.DataFrame:
    """A row an arm: spreads are over completed runs, rates over all."""
    found = [ArmOf(summary, arm) for summary in summaries for arm in summary.arms]
    columns = {name: [of(each) for each in found] for name, of in RESULTS.items()}
    return pd.DataFrame(columns, dtype=object)


def parameters(summaries: Sequence[Summary]) -> pd.DataFrame:
    """A row a part of the trainable parameters; the parts of a view add up to the total."""
    rows = [
        (one.architecture, one.display_name, one.architecture_digest, view, part, n, found.at_least)
        for one in portraits(summaries)
        if (found := one.measures.get(PARAMETERS))
        for view, parts in ({BY_COMPONENT: found.components} | found.views).items()
        for part, n in parts.items()
    ]
    columns = ["architecture", "display_name", "architecture_digest"]
    columns += ["view", "part", "n_parameters", "at_least"]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def layers(summaries: Sequence[Summary]) -> pd.DataFrame:
    """A row a layer, in the order of a forward pass; the measures' own columns stand last."""
    rows = [
        {"architecture": one.architecture, "architecture_digest": one.architecture_digest}
        | {"position": position, "layer": layer, **found}
        for one in portraits(summaries)
        for position, (layer, found) in enumerate(merged(one).items(), start=1)
    ]
    columns = None if rows else ["architecture", "architecture_digest", "position", "layer"]
    return pd.DataFrame(rows, columns=columns, dtype=object)


def measures(summaries: Sequence[Summary]) -> pd.DataFrame:
    """A row a measured figure; `error` says why there is none."""
    rows = [
        (
            *(one.architecture, one.architecture_digest, name, field.name, field.title, field.unit),
            *(found.values.get(field.name), found.at_least, found.error),
        )
        for one in portraits(summaries)
        for name, found in one.measures.items()
        for field in found.fields
    ]
    columns = ["architecture", "architecture_digest", "measure", "figure", "title", "unit"]
    return pd.DataFrame(rows, columns=[*columns, "value", "at_least", "error"], dtype=object)


def claims(summaries: Sequence[Summary]) -> pd.DataFrame:
    """A row a claim with its verdict, as `bench claims --json` gives it."""
    entries = [entry for summary in summaries if summary.opens for entry in summary.ledger]
    rows = [msgspec.structs.asdict(row(entry)) for entry in entries]
    return pd.DataFrame(rows, columns=list(Row.__struct_fields__), dtype=object)


# Every frame, in the order in which they are told, by the name of its file.
FRAMES: dict[str, Callable[[Sequence[Summary]], pd.DataFrame]] = {
    "results": results,
    "runs": runs,
    "epochs": epochs,
    PARAMETERS: parameters,
    "layers": layers,
    "measures": measures,
    "claims": claims,
}


def portraits(summaries: Sequence[Summary]) -> tuple[Portrait, ...]:
    """What was measured of the suite's architectures, whatever the data set."""
    found = [portrait for summary in summaries if summary.opens for portrait in summary.portraits]
    return tuple({(p.architecture, p.architecture_digest): p for p in found}.values())


def digits(arm: Arm) -> str:
    """The beginning of the arm's digest, as `bench compare` takes it."""
    return arm.identity[:6]


def percent(images: float | None, n_images: int | None) -> float | None:
    """A number of images in percent of all."""
    return None if images is None or not n_images else 100 * images / n_images


def _float(exact: Fraction | None) -> float | None:
    return None if exact is None else float(exact)


def records(frame: pd.DataFrame) -> list[Record]:
    """A mapping a row, of plain values: what is missing is None."""
    return frame.astype(object).where(frame.notna(), None).to_dict("records")

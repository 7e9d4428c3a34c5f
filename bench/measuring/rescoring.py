"""Stored weights of a suite, scored again: the record must have the same answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from bench.errors import BenchError
from bench.inputs.datasets import Dataset
from bench.inputs.discover import Found
from bench.measuring import given_weights, observe
from bench.measuring.scoring import scored
from bench.records.arms import Split
from bench.records.store import RESTORE, Suite
from bench.records.verifying import Fault
from bench.spec import Environment, RunRecord
from bench.stats.format import count, integer
from bench.training.engine.untouched import load

# Of the images of a split: on another machine so many answers may be other ones, for two classes
# may be nearly equal. In the environment of the record none may.
SHARE_ELSEWHERE = 1 / 1000


def score_again(
    suite: Suite,
    runs: Sequence[RunRecord],
    found: Sequence[Found],
    data_dir: Path | None,
    here: Environment,
) -> tuple[list[Fault], list[str]]:
    """Scores the weights of each of the runs.

    Args:
        suite: Theirs.
        runs: Runs with weights.
        found: The architectures at hand.
        data_dir: Where the data sets lie.
        here: Of the device that scores.

    Returns:
        The faults; and a line for each run that could not be scored here.
    """
    loaded, _ = observe.datasets_at_hand(suite, data_dir)
    by_name = {each.info.name: each for each in loaded}
    at_hand = {each.name: each for each in found}
    faults, skipped = list[Fault](), list[str]()
    for run in runs:
        path = suite.path_of(run).with_suffix(".safetensors")
        name = path.relative_to(suite.folder).as_posix()
        try:
            problem = _problem(run, path, at_hand.get(run.architecture), by_name, here)
        except _NotHere as error:
            skipped.append(f"{name}: {error}")
        except BenchError as error:
            faults.append(Fault(name, error.what, error.remedy))
        else:
            faults += [Fault(name, problem, RESTORE)] if problem else []
    return faults, skipped


class _NotHere(Exception):
    """What the run needs is not on this machine."""


def _problem(
    run: RunRecord,
    path: Path,
    found: Found | None,
    by_name: dict[str, Dataset],
    here: Environment,
) -> str | None:
    """How the weights' answers differ from the record's."""
    dataset = by_name.get(run.dataset.name)
    if dataset is None or dataset.info != run.dataset:
        raise _NotHere(f"its data set '{run.dataset.name}' is not here")
    architecture = load(found) if found else None
    if architecture is None or architecture.digest != run.architecture_digest:
        raise _NotHere(f"its architecture '{run.architecture}' is not here as it was")
    split: Split = "test" if run.evaluate_test else "validation"
    assert run.recipe is not None, "a run with weights is ours"
    if not len(getattr(dataset, split)):
        raise _NotHere("it was trained without looking at a split that could be scored")
    given = given_weights.read(path)
    outcome = scored(replace(architecture, recipe=run.recipe), given, dataset, split, here)
    recorded = run.epochs[-1].test_correct if split == "test" else run.epochs[-1].validation_correct
    n_other = abs(outcome.correct - (recorded or 0))
    if run.test_misses is not None:
        answers = {(index, answer) for index, _, answer in outcome.misses}
        n_other = len({index for index, _ in answers ^ set(run.test_misses)})
    is_same_place = here.fingerprint == run.environment.fingerprint
    if n_other <= (0 if is_same_place else SHARE_ELSEWHERE * outcome.n_images):
        return None
    right = f"{integer(outcome.correct)} of {integer(outcome.n_images)} right"
    told = f"the record says {integer(recorded or 0)}, and {count(n_other, 'answer')} differ"
    return f"scored again, these weights have {right}; {told}"

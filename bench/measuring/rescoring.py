"""Stored weights of a suite, scored again: the record must have the same answers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from bench.inputs.datasets import Dataset
from bench.inputs.discover import Found
from bench.measuring import given_weights
from bench.measuring.scoring import scored
from bench.records.arms import Split
from bench.spec import Environment, RunRecord
from bench.stats.format import count, integer
from bench.training.engine.untouched import load

# On another machine this share of the answers may differ, for two classes may be nearly equal. In
# the environment of the record none may.
SHARE_ELSEWHERE = 1 / 1000


class NotHere(Exception):
    """What the run needs is not on this machine."""


def problem_of(
    run: RunRecord,
    weights: Path,
    found: Mapping[str, Found],
    loaded: Mapping[str, Dataset],
    here: Environment,
) -> str | None:
    """How the answers of the run's stored weights differ from its record; None where they agree.

    Args:
        run: A completed run of ours.
        weights: Its file.
        found, loaded: The architectures and the data sets at hand, by name.
        here: Of the device that scores.

    Raises:
        NotHere: the architecture or the data set is not here as it was.
        WeightsError: the weights do not fit.
    """
    dataset, file = loaded.get(run.dataset.name), found.get(run.architecture)
    if dataset is None or dataset.info != run.dataset:
        raise NotHere(f"its data set '{run.dataset.name}' is not here as it was")
    architecture = load(file) if file else None
    if architecture is None or architecture.digest != run.architecture_digest:
        raise NotHere(f"its architecture '{run.architecture}' is not here as it was")
    split: Split = "test" if run.evaluate_test else "validation"
    recorded = getattr(run.epochs[-1], f"{split}_correct")
    if recorded is None:
        raise NotHere(f"its data set has no {split} images")
    assert run.recipe is not None, "a run with weights is ours"
    given = given_weights.read(weights)
    outcome = scored(replace(architecture, recipe=run.recipe), given, dataset, split, here)
    n_other = abs(outcome.correct - recorded)
    if run.test_misses is not None:
        answers = {(index, answer) for index, _, answer in outcome.misses}
        n_other = len({index for index, _ in answers ^ set(run.test_misses)})
    is_same_place = here.fingerprint == run.environment.fingerprint
    if n_other <= (0 if is_same_place else SHARE_ELSEWHERE * outcome.n_images):
        return None
    right = f"{integer(outcome.correct)} of {integer(outcome.n_images)} right"
    told = f"the record says {integer(recorded)}, and {count(n_other, 'answer')} differ"
    return f"scored again, these weights have {right}; {told}"

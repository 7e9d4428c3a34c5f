"""Records of runs that are not ours: what a run has told, and None for what nobody can know."""

from __future__ import annotations

from collections.abc import Sequence

from bench.spec import (
    NOT_KNOWN,
    DatasetInfo,
    Environment,
    Epoch,
    ForeignSpec,
    RunRecord,
    Source,
    Status,
)

# Of runs of which nobody knows where they were made.
NOWHERE = Environment(
    fingerprint=NOT_KNOWN,
    device=NOT_KNOWN,
    processor=NOT_KNOWN,
    torch=NOT_KNOWN,
    python=NOT_KNOWN,
    packages={},
    commit=None,
    dirty=None,
    command=NOT_KNOWN,
)


def dataset_info(
    name: str, n_test: int, n_validation: int | None = None, n_train: int | None = None
) -> DatasetInfo:
    """A data set of which only sizes are known."""
    return DatasetInfo(
        name=name,
        digest=NOT_KNOWN,
        n_train=n_train,
        n_validation=n_validation,
        n_test=n_test,
        split_seed=None,
        shape=None,
        n_classes=None,
        noun="image",
    )


def record_of(
    spec: ForeignSpec,
    environment: Environment,
    status: Status,
    reason: str | None,
    *,
    epochs: Sequence[Epoch] = (),
    source: Source | None = None,
) -> RunRecord:
    """The record of a run that is not ours.

    Args:
        spec: What tells the run from others.
        environment: Where it was made, as far as that is known.
        status: How it ended.
        reason: Why it did not complete.
        epochs: What it told, from epoch 1 without gaps.
        source: Where its figures stand.
    """
    counts = [(epoch.validation_correct, -epoch.epoch) for epoch in epochs]
    known = [(count, at) for count, at in counts if count is not None]
    return RunRecord(
        engine_version=None,
        key=spec.key,
        status=status,
        reason=reason,
        architecture=spec.architecture,
        architecture_digest=spec.architecture_digest,
        n_parameters=None,
        recipe=None,
        seed=spec.seed,
        evaluate_test=True,
        dataset=spec.dataset,
        numerics=None,
        environment=environment,
        epochs=list(epochs),
        selected_epoch=-max(known)[1] if known and status == "completed" else None,
        test_misses=None,
        weights_sha256=None,
        train_seconds=None,
        foreign=spec.foreign,
        source=source,
    )

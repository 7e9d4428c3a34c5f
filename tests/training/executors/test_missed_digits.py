"""A finished run leaves the digits that it missed, so that a report needs no data set."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from bench.inputs.datasets import Dataset
from bench.records.observations import MissedDigit
from bench.records.store import Suite
from bench.training.engine.run import Result
from bench.training.executors import worker
from tests import factories


def test_missed_digits_are_kept_with_their_labels(tmp_path: Path, small_data: Dataset) -> None:
    suite = Suite(tmp_path, "local")
    wrong = [(3, 0), (41, 7)]
    record = replace(factories.record(dataset=small_data.info), test_misses=wrong)
    worker.keep(suite, worker.finished(Result(record, None), small_data))
    kept = suite.missed_digits(small_data.info.name)
    assert kept == {
        index: MissedDigit(
            label=int(small_data.test.labels[index]),
            pixels="".join(f"{level:02x}" for level in small_data.test.images[index].ravel()),
        )
        for index, _ in wrong
    }

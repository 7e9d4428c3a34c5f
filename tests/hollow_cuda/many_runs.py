"""Trains one network many times on one device, and tells of each run, a JSON line a run.

python -m tests.hollow_cuda.many_runs NAME N_RUNS N_SIDE_BY_SIDE
"""

from __future__ import annotations

import json
import sys
from typing import Any

import torch
from msgspec.structs import replace

from bench.inputs import discover
from bench.spec import RunSpec
from bench.training import provenance
from bench.training.engine.data import prepare
from bench.training.engine.gpu import Slots, TrainingContext, run_in_turns
from bench.training.engine.settings import numerics_of
from bench.training.plan import Matrix, run_spec
from tests.hollow_cuda.networks import GPU, noise
from tests.support import ROOT
from tests.training.engine.stepping import Kept

N_IMAGES = 600


def main(name: str, n_runs: int, n_side_by_side: int) -> None:
    """Each turn of each run comes after the others', as in the process that holds a GPU."""
    (found,) = discover.select(discover.scan_all(ROOT / "architectures"), [name])
    architecture, dataset = discover.load(found), noise(N_IMAGES)
    environment = provenance.environment(GPU, "tests")
    matrix = Matrix([], [], dataset.info, environment, paths={name: "graph"})
    context = TrainingContext(slots=Slots(GPU))
    waiting = [run_spec(architecture, seed, matrix) for seed in range(n_runs)]
    waiting = [replace(spec, recipe=spec.recipe.with_epochs(1)) for spec in waiting]

    def run(spec: RunSpec) -> Any:
        return run_in_turns(architecture, spec, lambda: data, environment, Kept(), context)

    with numerics_of(waiting[0].numerics, GPU):
        data = prepare(dataset, waiting[0], GPU)
        running: list[Any] = []
        while waiting or running:
            while waiting and len(running) < n_side_by_side:
                running.append(run(waiting.pop(0)))
            running = [each for each in running if goes_on(each)]


def goes_on(run: Any) -> bool:
    """Gives the run its turn; where it has ended, tells what torch holds."""
    try:
        next(run)
    except StopIteration as end:
        record = end.value.record
        told = {"status": record.status, "reason": record.reason}
        told |= {"reserved": torch.cuda.memory_reserved(), "peak": torch.cuda.max_memory_reserved()}
        print(json.dumps(told), flush=True)
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

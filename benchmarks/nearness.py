"""How near a step is to float64, for every network that loads: fused, eager, contiguous.

    python benchmarks/nearness.py [FOLDER ...] > nearness.md

A FOLDER holds architectures; without one, this project's. The table has the distance from float64
over the size of what is compared: the outputs of five steps, all their gradients as one vector (in
the median step, for rounding sends a few to the other side of a ReLU), the worst buffer.
"""

from __future__ import annotations

import argparse
import copy
import math
import statistics
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # runs from a clone without an installation

from bench.errors import in_one_line  # noqa: E402
from bench.inputs import discover  # noqa: E402
from bench.spec import Architecture  # noqa: E402
from bench.training.engine.cpu.agreement import NUMERICS, moved  # noqa: E402
from bench.training.engine.cpu.observation import (  # noqa: E402
    Observed,
    in_float64,
    observed,
    share_dropout,
)
from bench.training.engine.cpu.rewriting import Rewritten  # noqa: E402
from bench.training.engine.settings import numerics_of, seed_global_generators  # noqa: E402

WAYS = ("fused", "eager", "contiguous")
PARTS = ("outputs", "gradients", "buffers")
Errors = tuple[float, float, float]  # of each part
LAST, FIRST = torch.channels_last, torch.contiguous_format


def errors(architecture: Architecture) -> dict[str, Errors | None]:
    """By way, how far each part is from float64; None where the network cannot be computed so."""
    with numerics_of(NUMERICS, torch.device("cpu")):
        seed_global_generators(0)
        network = moved(architecture.build())
        exact = in_float64(network)
        share_dropout(exact, torch.float64)
        witness = observed(exact, architecture.input_shape, torch.float64)
        found: dict[str, Errors | None] = {}
        for way in WAYS:
            try:
                found[way] = _apart(_observed(network, way, architecture.input_shape), witness)
            except (Exception, SystemExit):  # the network's own
                found[way] = None
    return found


def _observed(network: nn.Module, way: str, shape: tuple[int, ...]) -> Observed:
    each = copy.deepcopy(network)
    if way == "fused":
        return observed(Rewritten(each), shape)
    memory_format = LAST if way == "eager" else FIRST
    each = each.to(memory_format=memory_format)
    share_dropout(each)
    return observed(each, shape, memory_format=memory_format)


def _apart(found: Observed, exact: Observed) -> Errors:
    outputs = zip(found.outputs, exact.outputs, strict=True)
    gradients = [
        _relative(each.values(), [witness[name] for name in each])
        for each, witness in zip(found.gradients, exact.gradients, strict=True)
    ]
    buffers = ((each, exact.buffers[name]) for name, each in found.buffers.items())
    return (
        max(_relative([ours], [theirs]) for ours, theirs in outputs),
        statistics.median(gradients),
        max((_relative([ours], [theirs]) for ours, theirs in buffers), default=0.0),
    )


def _relative(found: Iterable[Tensor], exact: Iterable[Tensor]) -> float:
    exact = list(exact)
    pairs = zip(found, exact, strict=True)
    apart = math.hypot(*(float((a.double() - b.double()).norm()) for a, b in pairs))
    return apart / (math.hypot(*(float(b.double().norm()) for b in exact)) or 1.0)


def rows(folders: Iterable[Path]) -> Iterator[str]:
    """Lines of a Markdown table; the reasons of networks without a row go to stderr."""
    names = [f"{part}: {way}" for part in PARTS for way in WAYS]
    yield f"| network | {' | '.join(names)} |"
    yield "|---" + "|---:" * len(names) + "|"
    for each in (each for folder in folders for each in discover.scan_all(folder)):
        try:
            found = errors(discover.load(each))
        except (Exception, SystemExit) as error:  # a file of anybody's
            print(f"{each.name}: {in_one_line(error)}", file=sys.stderr)
            continue
        triples = [found[way] for way in WAYS]
        cells = [f"{one[i]:.1e}" if one else "" for i in range(len(PARTS)) for one in triples]
        yield f"| {each.name} | {' | '.join(cells)} |"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    folder = ROOT / "architectures"
    parser.add_argument("folders", type=Path, nargs="*", default=[folder], metavar="FOLDER")
    for row in rows(parser.parse_args().folders):
        print(row, flush=True)


if __name__ == "__main__":
    main()

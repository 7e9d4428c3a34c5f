"""Whether a rewritten network computes what the network computes, found out by a trial.

Torch's own way is the measure as long as both agree. Where they differ, float64 is: torch's
BatchNorm in channels_last is the less exact one. The path is in a run's key (`Numerics.path`), so a
network that this trial sends another way has other keys, and ENGINE_VERSION stays.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from contextlib import redirect_stderr
from io import StringIO

import torch
from torch import Tensor, nn

from bench.errors import in_one_line
from bench.spec import Architecture, Numerics
from bench.training.engine.cpu.observation import (
    N_STEPS,
    Observed,
    in_float64,
    observed,
    share_dropout,
)
from bench.training.engine.cpu.rewriting import NotRewritable, Rewritten
from bench.training.engine.settings import numerics_of, seed_global_generators

NUMERICS = Numerics(memory_format="channels_last", path="fused")
TOLERANCE = 1e-4  # of outputs and buffers, by their norm; float32 over a whole network leaves 1e-6
# Of gradients, in most steps: in a few, rounding puts a pixel on the other side of a ReLU, or of
# its neighbour in a maximum, and its gradient goes elsewhere. A wrong rewriting is off in all.
GRADIENT_TOLERANCE = 1e-3
FAR = 1e-2  # from float64: neither way computes the network, so neither is the nearer


def refusal(architecture: Architecture) -> str | None:
    """Why the architecture's network cannot be rewritten; None where it can."""
    if architecture.memory_format != "channels_last":
        return "its MEMORY_FORMAT is not channels_last"
    try:
        require_agreement(architecture.build, architecture.input_shape)
    except NotRewritable as reason:
        return str(reason)
    return None


def require_agreement(build: Callable[[], nn.Module], example_shape: tuple[int, ...]) -> None:
    """Compares a rewritten network with the original: outputs, gradients, buffers.

    Where they differ, both are compared with the original in float64: the rewritten one is refused
    if it is the farther one. All drop the same values. Their parameters are moved from where they
    start, so that nothing hides behind a zero. It runs under a run's numerics, whatever the process
    has set, so that every process finds the same; the global generators come back.

    Args:
        build: Makes the network.
        example_shape: (channels, height, width).

    Raises:
        NotRewritable: not traceable, not equal, or its trial failed; says which.
    """
    with numerics_of(NUMERICS, torch.device("cpu")):
        seed_global_generators(0)
        try:
            with redirect_stderr(StringIO()):  # torch.fx prints there what it also raises
                _require_agreement(build(), example_shape)
        except NotRewritable:
            raise
        except (Exception, SystemExit) as error:  # the network's own; its run will tell
            reason = in_one_line(error)[:200]
            raise NotRewritable(f"its trial failed with {reason}") from error


def _require_agreement(network: nn.Module, example_shape: tuple[int, ...]) -> None:
    network = moved(network)
    rewritten, plain = Rewritten(copy.deepcopy(network)), copy.deepcopy(network)
    share_dropout(plain)
    pair = observed(plain, example_shape), observed(rewritten, example_shape)
    try:
        _require_near(pair)
    except NotRewritable:
        exact = _witness(network, pair[0], example_shape)
        if exact is None:
            raise
        _require_near((*pair, exact))


@torch.no_grad()
def moved(network: nn.Module) -> nn.Module:
    """The network in channels_last, each parameter a little off where it starts."""
    network = network.to(memory_format=torch.channels_last)
    for parameter in network.parameters():
        parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return network


def _witness(
    network: nn.Module, plain: Observed, example_shape: tuple[int, ...]
) -> Observed | None:
    """The network in float64; None where that fails or draws other values than `plain` did."""
    try:
        double = in_float64(network)
        share_dropout(double, torch.float64)
        exact = observed(double, example_shape, torch.float64)
    except (Exception, SystemExit):  # the network's own: it may know float32 alone
        return None
    drawn = zip(plain.generators, exact.generators, strict=True)
    return exact if all(torch.equal(*states) for states in drawn) else None


def _require_near(all_ways: tuple[Observed, ...]) -> None:
    """Compares torch's way, ours and, where it is given, the way in float64."""
    complaints = []
    for step in range(N_STEPS):
        _require_near_tensor([each.outputs[step] for each in all_ways], "training output")
        try:
            _require_near_gradients([each.gradients[step] for each in all_ways])
        except NotRewritable as reason:
            complaints.append(reason)
    if len(complaints) > N_STEPS // 2:
        raise complaints[0]
    _require_near_tensor([each.evaluation for each in all_ways], "evaluation output")
    for name in all_ways[0].buffers:
        _require_near_tensor([each.buffers[name] for each in all_ways], name)


def _require_near_gradients(all_ways: list[dict[str, Tensor]]) -> None:
    """A bias before BatchNorm has a gradient of 0 and rounding errors, hence the slack."""
    expected = all_ways[0]
    if any(each.keys() != expected.keys() for each in all_ways):
        raise NotRewritable("other parameters have gradients")
    slack = 1e-5 * math.hypot(*(_norm(each) for each in expected.values()))
    for name in expected:
        gradients, what = [each[name] for each in all_ways], f"gradient of {name}"
        _require_near_tensor(gradients, what, GRADIENT_TOLERANCE, slack)


def _require_near_tensor(
    all_ways: list[Tensor], what: str, tolerance: float = TOLERANCE, slack: float = 1e-6
) -> None:
    expected, found, *exact = all_ways
    if expected.shape != found.shape:
        raise NotRewritable(f"{what} is {tuple(found.shape)}, not {tuple(expected.shape)}")
    difference, size = _distance(expected, found), _norm(expected)
    if exact:
        size = _norm(exact[0])
        ours, torchs = (_distance(exact[0], each) for each in (found, expected))
        is_near = ours <= tolerance * size + slack or ours <= min(torchs, FAR * size)
    else:
        is_near = difference <= tolerance * size + slack  # not a number is not close
    if not is_near:
        raise NotRewritable(
            f"in a trial of the faster step, {what} differs by {difference:.2g} of {size:.2g}"
        )


def _norm(x: Tensor) -> float:
    return float(x.double().norm())


def _distance(x: Tensor, y: Tensor) -> float:
    return _norm(x.double() - y.double())

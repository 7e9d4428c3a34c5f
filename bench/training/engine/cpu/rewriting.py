"""A faster equal of a network on a CPU: chains of its modules computed as one (`fused.py`).

The network is traced by torch.fx, once for training and once for evaluation, since a forward may
look at `self.training`. Parameters, buffers and modules stay the network's own. A trace holds
tensor operations alone, so what else a forward does is looked for and refused: hooks, attributes
that change, random numbers that no image decides. What it does that cannot be seen from outside is
the trial's to find (`agreement.py`).
"""

from __future__ import annotations

import operator
import pickle
import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from bench.errors import in_one_line
from bench.training.engine.cpu.fused import Chain, Fused, Words
from bench.training.engine.cpu.fused_gate import global_mean, product
from bench.training.engine.modes import in_mode

Matcher = Callable[[fx.Node, nn.Module | None], object | None]

HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")


class NotRewritable(Exception):
    """Why a network is trained as it is written."""


class Rewritten(nn.Module):
    """A network in two graphs that share its modules, parameters and buffers.

    Args:
        network: (n, channels, height, width) -> (n, classes); traceable by torch.fx. Its mode is
            left as it is, and follows this module's from then on.

    Raises:
        NotRewritable: torch.fx cannot trace it, or its trace would not hold all that it does.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        _require_plain_calls(network)
        self.words = Words()
        self.network = network
        self.for_training = _rewritten(network, self.words, training=True)
        self.for_evaluation = _rewritten(network, self.words, training=False)
        self.training = network.training

    def forward(self, images: Tensor) -> Tensor:
        """What the network computes, in the mode that this module is in."""
        out = self.for_training(images) if self.training else self.for_evaluation(images)
        if not isinstance(out, Tensor):
            raise NotRewritable(f"its output is a {type(out).__name__}, not a tensor")
        return out

    def train(self, mode: bool = True) -> Rewritten:
        """Switches the mode, by the network's own `train`: it may leave parts as they are."""
        self.training = mode
        self.network.train(mode)
        return self


def _require_plain_calls(network: nn.Module) -> None:
    """A call of a fused module is its forward and nothing else."""
    for name, module in network.named_modules():
        where = f"module '{name}'" if name else "the network"
        if any(getattr(module, kind) for kind in HOOKS):
            raise NotRewritable(f"{where} has hooks")
        if "forward" in vars(module):
            raise NotRewritable(f"{where} has a forward of its own, beside its class's")


def _rewritten(network: nn.Module, words: Words, *, training: bool) -> fx.GraphModule:
    with in_mode(network, training=training):
        graph = _traced(network)
        module = fx.GraphModule(network, graph)
        chains = list(_chains(module, training))
    for number, (nodes, chain) in enumerate(chains):
        name = f"_fused_chain_{number}"
        module.add_submodule(name, Fused(chain, words, training=training))
        with graph.inserting_before(nodes[0]):
            fused = graph.call_module(name, tuple(nodes[0].all_input_nodes))
        nodes[-1].replace_all_uses_with(fused)
        for node in reversed(nodes):
            graph.erase_node(node)
    _use_fast_gates(module, training)
    graph.lint()
    module.recompile()
    return module


def _use_fast_gates(module: fx.GraphModule, training: bool) -> None:
    for node in list(module.graph.nodes):
        called = _module_of(node, module, training)
        if node.op == "call_function" and node.target in (operator.mul, torch.mul):
            if len(node.args) == 2 and not node.kwargs:
                node.target = product
        elif type(called) is nn.AdaptiveAvgPool2d and called.output_size in (1, (1, 1)):
            with module.graph.inserting_before(node):
                mean = module.graph.call_function(global_mean, node.args)
            node.replace_all_uses_with(mean)
            module.graph.erase_node(node)


def _traced(network: nn.Module) -> fx.Graph:
    before = _state(network)
    try:
        graph = fx.Tracer().trace(network)
    except (Exception, SystemExit) as error:  # whatever the forward does with a proxy
        reason = in_one_line(error)[:200]
        raise NotRewritable(f"torch.fx cannot trace it: {reason}") from error
    after = _state(network)
    changed = sorted(name for name in before.keys() | after if before.get(name) != after.get(name))
    if changed:
        raise NotRewritable(f"its forward changes {changed[0]}")
    return graph


def _state(network: nn.Module) -> dict[str, object]:
    """What a forward could change beside its output, by name; comparable."""
    state: dict[str, object] = {
        "torch's random generator": bytes(torch.get_rng_state().numpy()),
        "Python's random generator": random.getstate(),
        "numpy's random generator": pickle.dumps(np.random.get_state()),  # noqa: NPY002 - read, not drawn from
    }
    for name, module in network.named_modules():
        attributes = vars(module) | module._parameters | module._buffers
        for key in attributes.keys() - {"_parameters", "_buffers", "_modules"}:
            if not key.startswith("_tensor_constant"):  # fx's own: constants of the forward
                state[f"'{name}.{key}'".replace("'.", "'")] = _fingerprint(attributes[key])
    return state


def _fingerprint(value: object) -> object:
    if isinstance(value, Tensor):
        return id(value), value._version
    try:
        return pickle.dumps(value)
    except Exception:  # a pickler raises whatever it meets
        return repr(value)


def _chains(module: fx.GraphModule, training: bool) -> Iterator[tuple[list[fx.Node], Chain]]:
    """Chains worth fusing: the longest from each node, each node in at most one."""
    taken: set[fx.Node] = set()
    for node in module.graph.nodes:
        if node in taken:
            continue
        nodes, chain = _chain_from(node, module, training)
        if chain.norm is not None or chain.pool or chain.dropout:
            taken.update(nodes)
            yield nodes, replace(chain, owns_input=_owns_input(nodes[0], module, training))


def _chain_from(
    node: fx.Node, module: fx.GraphModule, training: bool
) -> tuple[list[fx.Node], Chain]:
    nodes: list[fx.Node] = []
    parts: dict[str, object] = {}
    current = None if _is_seen_by_others(node, module) else node
    for part, matches in PARTS.items():
        found = matches(current, _module_of(current, module, training)) if current else None
        if found is None or current is None:
            continue
        nodes.append(current)
        parts[part] = found
        current = _only_user(current)
    norm, dropout = parts.get("norm"), parts.get("dropout", 0.0)
    assert norm is None or isinstance(norm, nn.BatchNorm2d)
    assert isinstance(dropout, float)
    return nodes, Chain(norm, "relu" in parts, "pool" in parts, dropout)


def _is_seen_by_others(node: fx.Node, module: fx.GraphModule) -> bool:
    """Whether the node writes into a tensor that is read elsewhere, too."""
    own = module.get_submodule(str(node.target)) if node.op == "call_module" else None
    in_place = getattr(own, "inplace", False) or node.target == "relu_" or len(node.args) > 1
    in_place = in_place or bool(node.kwargs.get("inplace"))
    return in_place and any(len(source.users) > 1 for source in node.all_input_nodes)


def _owns_input(node: fx.Node, module: fx.GraphModule, training: bool) -> bool:
    """Whether it is a convolution's output, which neither its backward nor another node reads."""
    (source,) = node.all_input_nodes
    return type(_module_of(source, module, training)) is nn.Conv2d and len(source.users) == 1


def _only_user(node: fx.Node) -> fx.Node | None:
    """The next node, where nothing else reads this one's result."""
    users = list(node.users)
    return users[0] if len(users) == 1 and users[0].all_input_nodes == [node] else None


def _module_of(node: fx.Node, module: fx.GraphModule, training: bool) -> nn.Module | None:
    if node.op != "call_module" or len(node.args) != 1 or node.kwargs:
        return None
    called = module.get_submodule(str(node.target))
    return called if called.training == training else None  # some are kept in their own mode


def _norm(node: fx.Node, module: nn.Module | None) -> object | None:
    if type(module) is not nn.BatchNorm2d or not module.affine:
        return None
    return module if module.track_running_stats and module.momentum is not None else None


def _relu(node: fx.Node, module: nn.Module | None) -> object | None:
    function = node.op == "call_function" and node.target in (functional.relu, torch.relu)
    method = node.op == "call_method" and node.target in ("relu", "relu_")
    return True if type(module) is nn.ReLU or function or method else None


def _pool(node: fx.Node, module: nn.Module | None) -> object | None:
    if type(module) is not nn.MaxPool2d or module.return_indices or module.ceil_mode:
        return None
    sides = module.kernel_size, module.stride, module.padding, module.dilation
    square = [_pair(side) for side in sides]
    return True if square == [(2, 2), (2, 2), (0, 0), (1, 1)] else None


def _dropout(node: fx.Node, module: nn.Module | None) -> object | None:
    return float(module.p) if type(module) is nn.Dropout and 0 < module.p < 1 else None


def _pair(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return (value, value) if isinstance(value, int) else tuple(value)


# In the order in which one chain may hold them.
PARTS: dict[str, Matcher] = {"norm": _norm, "relu": _relu, "pool": _pool, "dropout": _dropout}

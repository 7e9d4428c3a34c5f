"""The operators that run in a forward pass: their flops, their module, and whether they matter.

torch's formulas (`torch.utils.flop_counter`) count two flops a multiply-add. A product of two
tensors that the same module sums right away counts, as `einsum` would: it is the same arithmetic.
An operator that no formula knows and that may hold products is told by name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter
from torch.utils.flop_counter import flop_registry

from bench.measuring.counting.fvcore import NO_PRODUCTS, WHY_FREE
from bench.training.engine.uncompiled import without_compiler

ATEN = torch.ops.aten
SUMMED_PRODUCT = "multiply and sum"

# Our formulas for operators that torch's counter does not know.
ADDITIONS: dict[Any, Callable[..., int]] = {
    ATEN.mv: lambda matrix, *_, **__: 2 * matrix.numel(),
    ATEN.addmv: lambda _, matrix, *__, **___: 2 * matrix.numel(),
    ATEN.dot: lambda vector, *_, **__: 2 * vector.numel(),
    ATEN.vdot: lambda vector, *_, **__: 2 * vector.numel(),
    # torch 2.7 has no formula: queries by keys, and weights by values.
    ATEN._scaled_dot_product_flash_attention_for_cpu: lambda query, key, value, *_, **__: (
        2 * query.numel() * key.shape[-2]
        + 2 * math.prod(query.shape[:-1]) * key.shape[-2] * value.shape[-1]
    ),
    # Each of its steps multiplies by both matrices; its input is (steps, batch, features).
    ATEN.mkldnn_rnn_layer: lambda x, of_input, of_state, *_, **__: (
        2 * x.shape[0] * x.shape[1] * (of_input.numel() + of_state.numel())
    ),
}
MULTIPLIES = (ATEN.mul, ATEN.mul_)
WEIGHS = (*MULTIPLIES, ATEN.addcmul, ATEN.addcmul_, ATEN.lerp)
SUMS = (ATEN.sum, ATEN.mean)

# Names of operators without products, beside those with torch's tag "pointwise", the views, and
# what fvcore's tables know; "native" and underscores around a name are left out.
WITHOUT_PRODUCTS = re.compile(
    r"(cudnn_|miopen_)?batch_norm.*|fused_rms_norm|weight_norm_interface|glu|cum\w+|logcumsumexp"
    r"|(fractional_)?(adaptive_)?(max|avg)_(un)?pool\dd(_with_indices)?|norm|median|mode|aminmax"
    r"|safe_softmax|sort|topk|kthvalue|arg\w+|max|min|any|all|nonzero|unique\w*|bucketize|searchsorted"
    r"|cat|stack|(constant|reflection|replication)_pad\w*|index\w*|gather|scatter\w*|select\w*"
    r"|slice\w*|masked_\w+|roll|rot90|tri[lu]|diag\w*|\w*copy|copy|lift\w*|embedding\w*|unsafe_\w+"
    r"|empty\w*|zeros?\w*|ones?\w*|full\w*|new_\w+|fill|arange|linspace|eye|scalar_tensor|rand\w*"
    r"|bernoulli|uniform|normal|dropout|upsample\w*|grid_sampler\w*|im2col|col2im|resize\w*"
    r"|local_scalar_dense|detach|view_as_\w+|complex|real|imag|conj\w*|resolve_\w+|set_data|dim"
)


@dataclass(frozen=True)
class Step:
    """One operator that ran.

    Attributes:
        module: Dotted name of the module whose forward ran it; '' is the model.
        operator: torch's name of it, or `SUMMED_PRODUCT`.
        flops: Two a multiply-add.
        opaque: No formula knows it, and it may hold products.
        complex: The flops are of complex numbers.
        weighs: It multiplies what depends on the image by what does not.
        reads: The storages of its arguments.
        writes: The storages of its results.
    """

    module: str
    operator: str
    flops: int
    opaque: bool
    complex: bool
    weighs: bool
    reads: set[int]
    writes: set[int]


class Recorder(TorchDispatchMode):
    """Notes every operator that runs inside, and in which module."""

    def __init__(self, model: nn.Module, image: Tensor) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.steps: list[Step] = []
        self._names = {id(module): name for name, module in model.named_modules()}
        self._inside = [""]
        self._of_image = _storages([image])
        self._kept: list[Any] = [image]  # a storage that is held keeps its address
        # Storage -> the module that multiplies, a, b, a * b.
        self._products: dict[int, tuple[str, Tensor, Tensor, Tensor]] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Runs the operator and notes it."""
        result = func(*args, **(kwargs or {}))
        self._note(func, args, kwargs or {}, result)
        return result

    def _note(self, func: Any, args: Any, kwargs: dict[str, Any], result: Any) -> None:
        tensors = _tensors((args, kwargs))
        reads, packet = _storages(tensors), func._overloadpacket
        writes = _storages(_tensors(result)) | (reads if func._schema.is_mutable else set())
        flops = self._flops(packet, args, kwargs, result)
        name = SUMMED_PRODUCT if packet in SUMS and flops else packet.__name__
        weights = [tensor for tensor in tensors if not self._depends(tensor)]
        weighs = packet in WEIGHS and len(weights) < len(tensors)
        self.steps.append(
            Step(
                module=self._inside[-1],
                operator=name,
                flops=flops,
                opaque=_formula(packet) is None and not _is_free(func),
                complex=any(t.is_complex() for t in tensors),
                weighs=weighs and any(weight.dim() for weight in weights),
                reads=reads,
                writes=writes,
            )
        )
        self._kept.append((args, kwargs, result))
        if reads & self._of_image:
            self._of_image |= writes
        if not func.is_view:
            for storage in writes:
                self._products.pop(storage, None)
        if packet in MULTIPLIES and len(tensors) == 2 and _is_whole(result):
            made = (self._inside[-1], args[0], args[1], result)
            self._products |= dict.fromkeys(writes, made)

    def _depends(self, tensor: Tensor) -> bool:
        return bool(_storages([tensor]) & self._of_image)

    def _flops(self, packet: Any, args: Any, kwargs: dict[str, Any], result: Any) -> int:
        if (formula := _formula(packet)) is not None:
            return int(formula(*args, **kwargs, out_val=result))
        if packet not in SUMS or not (found := _storages([args[0]]) & self._products.keys()):
            return 0
        module, first, second, product = self._products[found.pop()]
        # A norm's factor in front of a pooling layer is no product of matrices.
        if args[0].numel() != product.numel() or module != self._inside[-1]:
            return 0
        alike = self._depends(first) == self._depends(second)
        gate = alike and first.shape == second.shape  # an activation by hand, or a square
        dims = args[1] if len(args) > 1 and args[1] else range(args[0].dim())
        summed = not gate and all(_varies(t, product, args[0], dims) for t in (first, second))
        return 2 * product.numel() * summed

    def entering(self, module: nn.Module) -> None:
        """The module's forward begins."""
        self._inside.append(self._names.get(id(module), self._inside[-1]))

    def leaving(self) -> None:
        """The module's forward ends."""
        self._inside.pop()


without_compiler(Recorder)


@contextmanager
def recording(model: nn.Module, image: Tensor) -> Iterator[Recorder]:
    """A recorder of what runs inside."""
    recorder = Recorder(model, image)
    before = register_module_forward_pre_hook(lambda module, _: recorder.entering(module))
    after = register_module_forward_hook(lambda *_: recorder.leaving(), always_call=True)
    with before, after, recorder:
        yield recorder


def live(steps: Iterable[Step], output: Any) -> list[Step]:
    """The steps on which the output depends, last one first.

    Args:
        steps: In the order in which they ran.
        output: What forward has returned.
    """
    wanted, found = _storages(_tensors(output)), []
    for step in reversed(list(steps)):
        if step.writes & wanted:
            wanted |= step.reads
            found.append(step)
    return found


def _formula(packet: Any) -> Callable[..., int] | None:
    return flop_registry.get(packet) or ADDITIONS.get(packet)


def _is_free(func: Any) -> bool:
    """True for an operator that holds no products of matrices."""
    name = func._schema.name.rpartition("::")[2].strip("_").removeprefix("native_")
    name = name.removesuffix("_forward").removesuffix("_kernel")
    known = name in WHY_FREE or name in NO_PRODUCTS or WITHOUT_PRODUCTS.fullmatch(name)
    tagged = {torch.Tag.pointwise, torch.Tag.inplace_view} & set(func.tags)
    return func.is_view or bool(tagged or known)


def _is_whole(tensor: Tensor) -> bool:
    """True where the tensor is all that its storage holds."""
    return tensor.untyped_storage().nbytes() == tensor.numel() * tensor.element_size()


def _varies(operand: Tensor, product: Tensor, view: Tensor, dims: Iterable[int]) -> bool:
    """Whether the operand of a product differs along these dims of a view of the product."""
    places = torch.arange(operand.numel()).reshape(operand.shape).expand(product.shape)
    stored = torch.empty_strided(product.shape, product.stride(), dtype=torch.long).copy_(places)
    seen = stored.as_strided(view.shape, view.stride(), view.storage_offset())
    dims = tuple(dims)
    return bool((seen.amin(dims) != seen.amax(dims)).any())


def _tensors(values: Any) -> list[Tensor]:
    return [value for value in tree_iter(values) if isinstance(value, Tensor)]


def _storages(tensors: Iterable[Tensor]) -> set[int]:
    return {tensor.untyped_storage()._cdata for tensor in tensors}

"""A rewritten network computes what the network computes, or it is refused; never a third thing."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.inputs import discover
from bench.training.engine.cpu import kernels, pooling
from bench.training.engine.cpu.agreement import require_agreement
from bench.training.engine.cpu.fused import Fused
from bench.training.engine.cpu.rewriting import NotRewritable, Rewritten
from bench.training.engine.path import engine_path
from tests.support import ROOT

SHAPE = (1, 8, 8)
BUILT_IN = sorted((ROOT / "architectures").glob("*.py"))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


class Base(nn.Module):
    """What most of the networks below are made of."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(6)
        self.conv2 = nn.Conv2d(6, 6, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(6)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.head = nn.Linear(6, 10)

    def features(self, x: Tensor) -> Tensor:
        return self.pool(self.relu(self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x).mean((2, 3)))


# Networks that are rewritten, each with the number of chains that are found in it.


class FunctionalRelu(Base):
    def features(self, x: Tensor) -> Tensor:
        x = functional.relu(self.norm1(self.conv1(x)), inplace=True)
        return self.pool(torch.relu(self.norm2(self.conv2(x))))


class NamedArguments(Base):
    def features(self, x: Tensor) -> Tensor:
        return self.pool(functional.relu(input=self.conv2(functional.relu(self.conv1(x), True))))


class MethodRelu(Base):
    def features(self, x: Tensor) -> Tensor:
        return self.pool(self.norm2(self.conv2(self.norm1(self.conv1(x)).relu())).relu_())


class InPlaceRelu(Base):
    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)


class ReluThenDropout(Base):
    """A chain without a norm and without a pool: the ReLU still counts."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.2)

    def features(self, x: Tensor) -> Tensor:
        return self.dropout(self.relu(self.conv2(self.dropout(self.relu(self.conv1(x))))))


class EveryPart(Base):
    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.2, inplace=True)

    def features(self, x: Tensor) -> Tensor:
        return self.dropout(super().features(x))


class OddSides(EveryPart):
    def features(self, x: Tensor) -> Tensor:
        return super().features(x[:, :, :7, :5])


class DropoutOfLogits(EveryPart):
    def forward(self, x: Tensor) -> Tensor:
        return self.dropout(super().forward(x))


class Skip(Base):
    """The first norm's output has two readers, the second's too."""

    def features(self, x: Tensor) -> Tensor:
        first = self.norm1(self.conv1(x))
        second = self.norm2(self.conv2(self.relu(first)))
        return self.pool(self.relu(second + first)) + self.pool(second)


class SkipFromAnInPlaceRelu(InPlaceRelu):
    """The skip reads what the ReLU wrote over."""

    def features(self, x: Tensor) -> Tensor:
        first = self.conv1(x)
        return self.pool(self.relu(first)) + functional.avg_pool2d(first, 2)


class Shared(Base):
    """One norm after two convolutions: its statistics move twice a step."""

    def features(self, x: Tensor) -> Tensor:
        x = self.relu(self.norm1(self.conv1(x)))
        return self.pool(self.relu(self.norm1(self.conv2(self.relu(self.norm1(self.conv2(x)))))))


class TwoNames(Base):
    def __init__(self) -> None:
        super().__init__()
        self.norm2 = self.norm1


class LooksAtTraining(Base):
    def features(self, x: Tensor) -> Tensor:
        x = self.relu(self.norm1(self.conv1(x)))
        if self.training:
            return self.pool(self.relu(self.norm2(self.conv2(x))))
        return 0.5 * self.pool(self.norm2(self.conv2(x)))


class FrozenNorm(Base):
    """A common way to keep statistics as they are: the network's own `train`."""

    def train(self, mode: bool = True) -> FrozenNorm:
        super().train(mode)
        self.norm1.eval()
        return self


class FrozenDropout(EveryPart):
    def train(self, mode: bool = True) -> FrozenDropout:
        super().train(mode)
        self.dropout.eval()
        return self


class FinerInEvaluation(Base):
    """Pools with stride in training alone; its mode is more than a flag."""

    def train(self, mode: bool = True) -> FinerInEvaluation:
        super().train(mode)
        self.pool.stride = 2 if mode else 1
        return self


class ZeroGamma(Base):
    """A branch that starts at 0 hides what is computed in it."""

    def __init__(self) -> None:
        super().__init__()
        nn.init.zeros_(self.norm2.weight)


class RandomTensor(Base):
    """Noise of the image's shape is an operation in the trace."""

    def features(self, x: Tensor) -> Tensor:
        return super().features(x) + 0.1 * torch.randn_like(x[:, :, :4, :4]) * self.training


class FunctionalDropout(Base):
    def features(self, x: Tensor) -> Tensor:
        return functional.dropout(super().features(x), 0.3, self.training)


class OtherPools(Base):
    """Pools and norms that look like ours and are not."""

    def __init__(self) -> None:
        super().__init__()
        self.overlapping = nn.MaxPool2d(3, 2, 1)
        self.dilated = nn.MaxPool2d(2, 1, dilation=2)
        self.rounding_up = nn.MaxPool2d(2, ceil_mode=True)
        self.bare = nn.BatchNorm2d(6, affine=False)
        self.statless = nn.BatchNorm2d(6, track_running_stats=False)
        self.cumulative = nn.BatchNorm2d(6, momentum=None)

    def features(self, x: Tensor) -> Tensor:
        x = self.overlapping(self.relu(self.bare(self.conv1(x))))
        x = self.dilated(self.relu(self.statless(self.conv2(x))))
        return self.rounding_up(self.relu(self.cumulative(x)))


class Constant(Base):
    def features(self, x: Tensor) -> Tensor:
        return super().features(x - torch.tensor(0.13))


class AttributeInTheWay(Base):
    def __init__(self) -> None:
        super().__init__()
        self.fused_0 = nn.Conv2d(6, 6, 1)

    def features(self, x: Tensor) -> Tensor:
        return self.fused_0(super().features(x))


class FrozenWeights(Base):
    def __init__(self) -> None:
        super().__init__()
        self.norm1.requires_grad_(False)
        self.conv1.requires_grad_(False)


class ClampsItsWeights(Base):
    def features(self, x: Tensor) -> Tensor:
        self.conv1.weight.data.clamp_(-0.1, 0.1)
        return super().features(x)


class ReadTwice(Base):
    """A skip connection: conv2's output is read by a norm and by a sum."""

    def features(self, x: Tensor) -> Tensor:
        x = self.conv2(self.relu(self.norm1(self.conv1(x))))
        return self.pool(x + self.relu(self.norm2(x)))


EQUAL: tuple[tuple[type[nn.Module], int], ...] = (
    (ReadTwice, 3),
    (Base, 2),
    (FunctionalRelu, 2),
    (NamedArguments, 1),
    (MethodRelu, 2),
    (InPlaceRelu, 2),
    (ReluThenDropout, 2),
    (EveryPart, 2),
    (OddSides, 2),
    (DropoutOfLogits, 3),
    (Skip, 4),
    (SkipFromAnInPlaceRelu, 1),
    (Shared, 3),
    (TwoNames, 2),
    (LooksAtTraining, 2),
    (FrozenNorm, 1),
    (FrozenDropout, 2),
    (FinerInEvaluation, 2),
    (ZeroGamma, 2),
    (RandomTensor, 2),
    (FunctionalDropout, 2),
    (OtherPools, 0),
    (Constant, 2),
    (AttributeInTheWay, 2),
    (FrozenWeights, 2),
    (ClampsItsWeights, 2),
)


# Networks that are refused, each with what is said.


class DataDependent(Base):
    def features(self, x: Tensor) -> Tensor:
        x = super().features(x)
        return x if x.mean() > 0 else -x


class DependsOnTheBatch(Base):
    def features(self, x: Tensor) -> Tensor:
        return super().features(x) * (2 if x.shape[0] > 100 else 1)


class Counts(Base):
    """A schedule by calls: a trace holds its first value for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    def features(self, x: Tensor) -> Tensor:
        self.calls += 1
        return super().features(x) * (1 if self.calls < 1000 else 0)


class CountsInABuffer(Base):
    """Not traced, since no image is in it; two traces and two passes count alike."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def features(self, x: Tensor) -> Tensor:
        self.calls.add_(1)
        return super().features(x)


class WritesIntoAParameter(Base):
    def features(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            self.conv1.weight.clamp_(-0.1, 0.1)
        return super().features(x)


class RemembersAnImage(Base):
    def features(self, x: Tensor) -> Tensor:
        self.last = super().features(x)
        return self.last


class GathersInAList(Base):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[object] = []

    def features(self, x: Tensor) -> Tensor:
        self.seen.append(x)
        return super().features(x)


class StochasticDepth(Base):
    def features(self, x: Tensor) -> Tensor:
        return super().features(x) * (random.random() < 0.9999)


class NumpyNoise(Base):
    def features(self, x: Tensor) -> Tensor:
        return super().features(x) * (1 + 1e-6 * np.random.rand())  # noqa: NPY002


class TorchNoise(Base):
    """Too small for any trial to see."""

    def features(self, x: Tensor) -> Tensor:
        return super().features(x) + 1e-7 * torch.randn(1)


class OwnGenerator(Base):
    def __init__(self) -> None:
        super().__init__()
        self.stream = torch.Generator().manual_seed(0)

    def features(self, x: Tensor) -> Tensor:
        return super().features(x) + 1e-7 * torch.randn(1, generator=self.stream)


class OwnNumpyGenerator(Base):
    def __init__(self) -> None:
        super().__init__()
        self.stream = np.random.default_rng(0)

    def features(self, x: Tensor) -> Tensor:
        return super().features(x) + 1e-7 * self.stream.random()


class Hooked(Base):
    def __init__(self) -> None:
        super().__init__()
        self.norm1.register_forward_hook(lambda module, inputs, output: output * 2)


class HookedAtTheTop(Base):
    def __init__(self) -> None:
        super().__init__()
        self.register_forward_pre_hook(lambda module, inputs: None)


class HookedBackward(Base):
    def __init__(self) -> None:
        super().__init__()
        self.relu.register_full_backward_hook(lambda module, inputs, outputs: None)


class OtherForward(Base):
    def __init__(self) -> None:
        super().__init__()
        self.norm1.forward = lambda x: 2 * x  # type: ignore[method-assign]


class ReturnsATuple(Base):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return super().forward(x), x


class WithoutGradient(Base):
    """The trace forgets where gradients were off."""

    def features(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            x = self.relu(self.norm1(self.conv1(x)))
        return self.pool(self.relu(self.norm2(self.conv2(x))))


class AsksForGradients(Base):
    """Evaluation runs without gradients, a trace with them."""

    def features(self, x: Tensor) -> Tensor:
        return super().features(x) * (1.0 if torch.is_grad_enabled() else 2.0)


class AsksForATensor(Base):
    def features(self, x: Tensor) -> Tensor:
        return super().features(x) * (1.0 if isinstance(x, Tensor) else 2.0)


class Raises(Base):
    def features(self, x: Tensor) -> Tensor:
        return self.norm1(super().features(x)[:, :2])


class AView(Base):
    """A ReLU in place on half of a tensor that is read as a whole."""

    def features(self, x: Tensor) -> Tensor:
        x = self.conv1(x)
        half = x[:, :3]
        pooled = self.pool(half.relu_())
        return torch.cat([pooled, self.pool(x)[:, :3]], dim=1)


REFUSED: tuple[tuple[type[nn.Module], str], ...] = (
    (
        DataDependent,
        "torch.fx cannot trace it: TraceError: symbolically traced variables cannot be used as",
    ),
    (DependsOnTheBatch, "torch.fx cannot trace it: TraceError: symbolically traced variables"),
    (Counts, "its forward changes 'calls'"),
    (CountsInABuffer, "its forward changes 'calls'"),
    (WritesIntoAParameter, "its trial failed with RuntimeError: a leaf Variable that requires"),
    (RemembersAnImage, "its forward changes 'last'"),
    (GathersInAList, "its forward changes 'seen'"),
    (StochasticDepth, "its forward changes Python's random generator"),
    (NumpyNoise, "its forward changes numpy's random generator"),
    (TorchNoise, "its forward changes torch's random generator"),
    (OwnGenerator, "its forward changes 'stream'"),
    (OwnNumpyGenerator, "its forward changes 'stream'"),
    (Hooked, "module 'norm1' has hooks"),
    (HookedAtTheTop, "the network has hooks"),
    (HookedBackward, "module 'relu' has hooks"),
    (OtherForward, "module 'norm1' has a forward of its own"),
    (ReturnsATuple, "its output is a tuple, not a tensor"),
    (WithoutGradient, "other parameters have gradients"),
    (AsksForGradients, "in a trial of the faster step, evaluation output differs by"),
    (AsksForATensor, "in a trial of the faster step, training output differs by"),
    (Raises, "its trial failed with RuntimeError: running_mean should contain 2 elements"),
    (AView, "in a trial of the faster step, training output differs by"),
)


def build(kind: type[nn.Module], seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return kind().to(memory_format=torch.channels_last)


def n_chains(rewritten: Rewritten) -> int:
    return sum(isinstance(module, Fused) for module in rewritten.for_training.modules())


@pytest.mark.parametrize(("kind", "n"), EQUAL, ids=[kind.__name__ for kind, _ in EQUAL])
def test_the_trial_accepts_it(kind: type[nn.Module], n: int) -> None:
    require_agreement(lambda: build(kind), SHAPE)
    assert n_chains(Rewritten(build(kind))) == n


@pytest.mark.parametrize("kind", [kind for kind, _ in EQUAL])
def test_three_steps_of_training_are_equal(kind: type[nn.Module]) -> None:
    """Without dropout's two streams: outputs, gradients, buffers, weights; then evaluation."""
    plain = without_dropout(build(kind))
    original = copy.deepcopy(plain)
    rewritten = Rewritten(original)
    pair = ((plain, plain), (rewritten, original))
    optimizers = [torch.optim.SGD(owner.parameters(), lr=0.05) for _, owner in pair]
    for step in range(3):
        images = torch.randn(16, *SHAPE, generator=torch.Generator().manual_seed(step))
        labels = torch.arange(16) % 10
        outputs = []
        for (network, _), optimizer in zip(pair, optimizers, strict=True):
            torch.manual_seed(step)
            outputs.append(network.train()(images))
            optimizer.zero_grad()
            functional.cross_entropy(outputs[-1], labels).backward()
            optimizer.step()
        assert torch.allclose(outputs[0], outputs[1], rtol=1e-4, atol=1e-5)
        for (name, left), right in zip(
            plain.named_parameters(), original.parameters(), strict=True
        ):
            assert (left.grad is None) == (right.grad is None), name
            if left.grad is not None:
                assert torch.allclose(left.grad, right.grad, rtol=1e-3, atol=1e-5), name
    assert_same_state(plain, original)
    with torch.inference_mode():
        torch.manual_seed(0)
        expected = plain.eval()(images)
        torch.manual_seed(0)
        assert torch.allclose(rewritten.eval()(images), expected, rtol=1e-4, atol=1e-5)
    assert_same_state(plain, original)


def without_dropout(network: nn.Module) -> nn.Module:
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return network


def assert_same_state(left: nn.Module, right: nn.Module) -> None:
    found = right.state_dict()
    assert found.keys() == left.state_dict().keys()
    for name, value in left.state_dict().items():
        assert torch.allclose(value.double(), found[name].double(), rtol=1e-4, atol=1e-5), name


@pytest.mark.parametrize(("kind", "said"), REFUSED, ids=[kind.__name__ for kind, _ in REFUSED])
def test_the_trial_refuses_it(
    kind: type[nn.Module], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NotRewritable) as refused:
        require_agreement(kind, SHAPE)
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)
    assert capfd.readouterr() == ("", "")  # torch.fx would tell of its own accord


def test_a_network_that_cannot_be_built_is_refused() -> None:
    def fails() -> nn.Module:
        raise ValueError("no layers\nat all")

    with pytest.raises(NotRewritable, match="its trial failed with ValueError: no layers at all"):
        require_agreement(fails, SHAPE)


@pytest.mark.parametrize("path", BUILT_IN, ids=[path.stem for path in BUILT_IN])
def test_the_shipped_architectures_are_rewritten(path: Path) -> None:
    found = discover.Found(name=path.stem, group="", path=path)
    assert engine_path(discover.load(found), torch.device("cpu")) == ("fused", None)


# The original stays as it is


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", [kind for kind, _ in EQUAL])
def test_the_network_keeps_its_parameters_names_and_mode(
    kind: type[nn.Module], training: bool
) -> None:
    network = build(kind).train(training)
    modes = {name: module.training for name, module in network.named_modules()}
    tensors = dict(network.state_dict(keep_vars=True))
    values = {name: tensor.clone() for name, tensor in tensors.items()}
    rewritten = Rewritten(network)
    assert {name: module.training for name, module in network.named_modules()} == modes
    after = network.state_dict(keep_vars=True)
    assert list(after) == list(tensors)
    assert all(after[name] is tensor for name, tensor in tensors.items())
    assert all(torch.equal(after[name], value) for name, value in values.items())
    assert rewritten.training == training
    assert {id(p) for p in rewritten.parameters()} == {id(p) for p in network.parameters()}


def test_modes_follow_in_both_directions() -> None:
    network = build(DropoutOfLogits)
    rewritten = Rewritten(network)
    for mode in (False, True, False):
        rewritten.train(mode)
        assert all(module.training == mode for module in network.modules())


def test_a_rewritten_network_trains_before_any_word_about_its_mode() -> None:
    """Dropout on logits is torch's own module, which both graphs share."""
    network = build(DropoutOfLogits)
    torch.manual_seed(0)
    assert (Rewritten(network)(torch.randn(64, *SHAPE)) == 0).any()


def test_what_a_network_changes_with_its_mode_comes_back_with_it() -> None:
    for training, stride in ((True, 2), (False, 1)):
        network = build(FinerInEvaluation).train(training)
        Rewritten(network)
        assert network.pool.stride == stride


def test_a_frozen_norm_stays_frozen() -> None:
    network = build(FrozenNorm)
    before = network.norm1.running_mean.clone()
    Rewritten(network).train()(torch.randn(4, *SHAPE))
    assert torch.equal(network.norm1.running_mean, before)
    assert network.norm2.num_batches_tracked == 1


def test_a_frozen_dropout_stays_frozen() -> None:
    rewritten = Rewritten(build(FrozenDropout)).train()
    images = torch.randn(4, *SHAPE)
    assert torch.equal(rewritten(images), rewritten(images))


def test_a_gradient_takes_the_place_of_what_nothing_else_reads() -> None:
    def owners(kind: type[nn.Module]) -> list[bool]:
        graph = Rewritten(build(kind)).for_training
        return [part.chain.owns_input for part in graph.modules() if isinstance(part, Fused)]

    assert owners(Base) == [True, True]
    assert owners(ReadTwice) == [True, False, False]  # the last is the pool of a sum


def test_a_second_way_back_through_a_graph_is_refused() -> None:
    loss = Rewritten(build(Base)).train()(torch.randn(4, *SHAPE)).sum()
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="took its place"):
        loss.backward()


def test_the_trial_moves_no_generator_of_torch() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    require_agreement(lambda: build(EveryPart), SHAPE)
    assert torch.equal(torch.get_rng_state(), before)


def test_dropout_is_at_work_in_training_alone() -> None:
    rewritten = Rewritten(build(ReluThenDropout))
    images = torch.randn(4, *SHAPE)
    assert not torch.equal(rewritten(images), rewritten(images))
    rewritten.words.reseed(1)
    first = rewritten(images)
    rewritten.words.reseed(1)
    assert torch.equal(rewritten(images), first)
    rewritten.eval()
    assert torch.equal(rewritten(images), rewritten(images))


# The trial itself can fail: one part broken at a time

Kernel = Callable[..., None]


def broken(kernel: Kernel, **changes: Callable[[object], object]) -> Kernel:
    """The kernel with some of its arguments changed, by their name."""
    names = kernel.py_func.__code__.co_varnames

    def call(*arguments: object) -> None:
        given = dict(zip(names, arguments, strict=False))
        kernel(*(changes[k](v) if k in changes else v for k, v in given.items()))

    return call


def bent(values: object) -> object:
    """An array with its first channel a tenth larger."""
    assert isinstance(values, np.ndarray)
    other = values.copy()
    other[0] += 0.1 * abs(other[0]) + 0.01
    return other


BREAKS: dict[str, tuple[str, dict[str, Callable[[object], object]], str]] = {
    "a shift": ("affine", {"shift": bent}, "training output"),
    "a forgotten ReLU": ("affine", {"relu": lambda _: False}, "training output"),
    "a pool's scale": ("pool", {"scale": bent}, "training output"),
    "other dropped values": (
        "pool_dropout",
        {"words": lambda w: w[::-1].copy()},
        "training output",
    ),
    "another share": ("pool_dropout", {"threshold": lambda t: t // 2}, "training output"),
    "dropout unscaled": ("pool", {"factor": lambda _: np.float32(1)}, "training output"),
    "a gradient's slope": ("affine_backward", {"slope": bent}, "gradient of"),
    "a gradient's ReLU": ("affine_backward", {"relu": lambda _: False}, "gradient of"),
    "a gradient's place": (
        "pool_backward",
        {"index": lambda i: np.where(i == 4, i, i ^ 1)},
        "gradient of",
    ),
    "a gradient's mask": ("pool_sums", {"factor": lambda _: np.float32(0.5)}, "gradient of"),
}


@pytest.mark.parametrize("what", BREAKS)
def test_a_broken_kernel_is_found(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, changes, said = BREAKS[what]
    module = pooling if name.startswith("pool") else kernels
    monkeypatch.setattr(module, name, broken(getattr(module, name), **changes))
    with pytest.raises(NotRewritable, match=f"{said}.* differs by"):
        require_agreement(lambda: build(EveryPart), SHAPE)


def test_broken_statistics_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = kernels.moments

    def biased(x: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> None:
        whole(x, mean, variance)
        variance *= 1.01

    monkeypatch.setattr(kernels, "moments", biased)
    with pytest.raises(NotRewritable, match="differs by"):
        require_agreement(lambda: build(Base), SHAPE)


def test_unmoved_running_statistics_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "bench.training.engine.cpu.batch_norm._move_running_statistics", lambda *_: None
    )
    with pytest.raises(NotRewritable, match="evaluation output differs"):
        require_agreement(lambda: build(Base), SHAPE)

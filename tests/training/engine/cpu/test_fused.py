"""Fused chains against torch's own modules in float64, which round eight digits later."""

from __future__ import annotations

import copy
import hashlib
import itertools
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from bench.training.engine.cpu.fused import Chain, Fused, Words
from tests.support import ROOT, environment

CHAINS = list(itertools.product((False, True), repeat=4))  # norm, relu, pool, dropout
P = 0.3


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def normaliser(channels: int, seed: int = 0, **settings: float) -> nn.BatchNorm2d:
    """Gammas of both signs, betas, and running statistics that are not the initial ones."""
    norm = nn.BatchNorm2d(channels, **settings)
    stream = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        norm.weight.copy_(torch.rand(channels, generator=stream) * 3 - 1.5)
        norm.bias.copy_(torch.randn(channels, generator=stream))
        norm.running_mean.copy_(torch.randn(channels, generator=stream))
        norm.running_var.copy_(torch.rand(channels, generator=stream) + 0.2)
    return norm


def chain_of(norm: nn.BatchNorm2d | None, relu: bool, pool: bool, dropout: bool) -> Chain:
    return Chain(norm, relu, pool, P if dropout else 0.0)


def reference(chain: Chain, x: Tensor, *, training: bool, kept: Tensor | None = None) -> Tensor:
    """The plain modules, one after another; `kept` is dropout's mask."""
    if chain.norm is not None:
        x = chain.norm.train(training)(x)
    if chain.relu:
        x = nn.ReLU()(x)
    if chain.pool:
        x = nn.MaxPool2d(2)(x)
    return x if kept is None else x * kept / (1 - chain.dropout)


def kept_of(shape: torch.Size, seed: int, p: float) -> Tensor:
    """The mask that the words of that seed make: one word a value, channels last."""
    n, channels, height, width = shape
    count = n * channels * height * width
    raw = np.random.SFC64(seed).random_raw(-(-count // 2)).view(np.uint32)[:count]
    kept = torch.from_numpy(raw.astype(np.float64) / 2**32 >= p)
    return kept.view(n, height, width, channels).permute(0, 3, 1, 2)


def assert_close(found: Tensor, expected: Tensor, what: str, tolerance: float = 2e-5) -> None:
    """Each value, by the size of the largest."""
    assert found.shape == expected.shape, what
    difference = (found.double() - expected.double()).abs().max()
    size = expected.double().abs().max()
    assert difference <= tolerance * size + 1e-6, f"{what}: {difference:.2g} of {size:.2g}"


def distinct(stream: np.random.Generator, shape: tuple[int, ...], sd: float) -> Tensor:
    """Values of about that spread, no two alike within a channel, none near another.

    A maximum, or the side of a ReLU, is then no matter of rounding.
    """
    n, channels, height, width = shape
    count = n * height * width
    ranks = np.stack([stream.permutation(count) for _ in range(channels)], axis=1)
    values = (ranks + 0.5) / count * 2 - 1
    flat = torch.from_numpy(values * sd).view(n, height, width, channels)
    return flat.permute(0, 3, 1, 2)


def check(chain: Chain, x: Tensor, *, training: bool, tolerance: float = 2e-5) -> None:
    """Output, gradients and buffers of one step, against float64."""
    exact = replace(chain, norm=copy.deepcopy(chain.norm).double() if chain.norm else None)
    words = Words()
    words.reseed(5)
    if chain.norm is not None:
        chain.norm.train(training)
    ours = x.clone().requires_grad_()
    theirs = x.double().requires_grad_()
    found = Fused(chain, words, training=training)(ours)
    kept = kept_of(found.shape, 5, chain.dropout) if chain.dropout and training else None
    expected = reference(exact, theirs, training=training, kept=kept)
    assert_close(found, expected, "output", tolerance)
    gradient = torch.randn(found.shape, generator=torch.Generator().manual_seed(7))
    found.backward(gradient)
    expected.backward(gradient.double())
    assert ours.grad is not None
    assert theirs.grad is not None
    assert_close(ours.grad, theirs.grad, "gradient of x", tolerance * 10)
    if chain.norm is None or exact.norm is None:
        return
    for (name, left), right in zip(
        chain.norm.named_parameters(), exact.norm.parameters(), strict=True
    ):
        assert left.grad is not None
        assert right.grad is not None
        # A sum over pixels of both signs: its error goes with their number.
        size = float(gradient.abs().sum()) / x.shape[1] * 1e-6
        assert torch.allclose(left.grad.double(), right.grad, rtol=1e-4, atol=size), name
    for (name, left), right in zip(chain.norm.named_buffers(), exact.norm.buffers(), strict=True):
        assert_close(left, right, name)


def is_clear_of_zero(norm: nn.BatchNorm2d, x: Tensor, training: bool) -> bool:
    """No value so near to ReLU's edge that float32 and float64 may differ on its side."""
    with torch.no_grad():
        exact = copy.deepcopy(norm).double().train(training)(x.double())
    return bool(exact.abs().min() > 1e-5)


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize(("norm", "relu", "pool", "dropout"), CHAINS)
def test_every_chain(norm: bool, relu: bool, pool: bool, dropout: bool, training: bool) -> None:
    x = distinct(np.random.default_rng(0), (5, 6, 8, 10), 1.7).float() + 0.0003
    chain = chain_of(normaliser(6) if norm else None, relu, pool, dropout)
    check(chain, x, training=training)


@settings(max_examples=120)
@given(
    parts=st.sampled_from(CHAINS),
    shape=st.tuples(
        st.integers(1, 5), st.integers(1, 33), st.integers(1, 9), st.integers(1, 9)
    ).filter(lambda s: s[0] * s[2] * s[3] > 1),
    mean=st.sampled_from([0.0, -3.0, 1e3]),
    sd=st.sampled_from([1.0, 1e-1, 20.0]),
    momentum=st.sampled_from([0.1, 0.0, 1.0, 0.37]),
    eps=st.sampled_from([1e-5, 1e-3, 1.0]),
    training=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_any_shape_and_distribution(
    parts: tuple[bool, bool, bool, bool],
    shape: tuple[int, int, int, int],
    mean: float,
    sd: float,
    momentum: float,
    eps: float,
    training: bool,
    seed: int,
) -> None:
    norm, relu, pool, dropout = parts
    pool = pool and min(shape[2:]) > 1  # torch itself refuses to pool one pixel
    if pool and norm and (shape[2] % 2 or shape[3] % 2):
        pool = False  # torch's own modules, whose float32 makes ties of near values
    x = (mean + distinct(np.random.default_rng(seed), shape, sd)).float()
    module = normaliser(shape[1], seed, momentum=momentum, eps=eps) if norm else None
    if module is not None and relu and not is_clear_of_zero(module, x, training):
        relu = False
    check(
        chain_of(module, relu, pool, dropout),
        x,
        training=training,
        tolerance=2e-5 if training or module is None else 1e-4,
    )


@pytest.mark.parametrize("pool", [False, True])
def test_a_large_mean_with_a_small_spread_keeps_its_digits(pool: bool) -> None:
    """Torch's own float32 is off by 2 % here: x * scale alone has no digits left."""
    x = (1e3 + 1 / 3 + distinct(np.random.default_rng(1), (16, 8, 12, 12), 1e-2)).float()
    norm = normaliser(8)
    check(chain_of(norm, False, pool, False), x, training=True)


def test_a_first_pixel_far_from_all_others() -> None:
    """The moments are gathered about it."""
    x = distinct(np.random.default_rng(2), (16, 3, 16, 16), 1.0).float()
    x[0, :, 0, 0] = 1e4
    check(chain_of(normaliser(3), False, False, False), x, training=True, tolerance=1e-4)


@pytest.mark.parametrize("value", [0.0, 1.0, -1e3, 1e-3])
def test_constant_channels(value: float) -> None:
    x = distinct(np.random.default_rng(3), (4, 5, 6, 6), 1.0).float()
    x[:, 2] = value
    norm = normaliser(5)
    norm.bias.data[2] = 0.25  # on one side of ReLU
    check(chain_of(norm, True, True, False), x, training=True, tolerance=1e-4)


def test_running_statistics_over_several_batches() -> None:
    norm, exact = normaliser(4), normaliser(4).double()
    fused = Fused(Chain(norm, True, True, 0.0), Words(), training=True)
    for seed in range(5):
        x = distinct(np.random.default_rng(seed), (3, 4, 6, 6), 2.0)
        fused(x.float())
        exact(x)
    assert norm.num_batches_tracked.item() == 5
    assert norm.num_batches_tracked.dtype == torch.int64
    assert_close(norm.running_mean, exact.running_mean, "mean", 1e-6)
    assert_close(norm.running_var, exact.running_var, "variance", 1e-6)


def test_evaluation_moves_no_statistics_and_draws_nothing() -> None:
    norm, words = normaliser(4), Words()
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    Fused(Chain(norm, True, True, P), words, training=False)(torch.randn(3, 4, 6, 6))
    assert all(torch.equal(value, before[name]) for name, value in norm.state_dict().items())
    assert np.array_equal(words.draw(6), first_words(6))


def test_the_mode_of_the_forward_pass_is_that_of_the_backward_pass() -> None:
    x = distinct(np.random.default_rng(4), (3, 4, 6, 6), 1.0).float()
    gradients = []
    for switched in (False, True):
        fused = Fused(Chain(normaliser(4), True, False, 0.0), Words(), training=True)
        leaf = x.clone().requires_grad_()
        out = fused(leaf)
        fused.training = not switched
        (out * torch.arange(out.numel()).view(out.shape)).sum().backward()
        gradients.append(leaf.grad)
    assert torch.equal(gradients[0], gradients[1])


# What is not finite, and ties


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("norm", "relu", "pool", "dropout"), CHAINS)
@pytest.mark.parametrize("place", [(0, 0), (0, 1), (1, 0), (1, 1), (3, 2)])
def test_not_a_number_comes_through(
    place: tuple[int, int], norm: bool, relu: bool, pool: bool, dropout: bool, training: bool
) -> None:
    x = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    x[0, 1, place[0], place[1]] = torch.nan
    chain = chain_of(normaliser(3) if norm else None, relu, pool, dropout)
    out = Fused(chain, Words(), training=training)(x)
    assert torch.equal(out.isnan().any(dim=0).any(dim=1).any(dim=1), torch.tensor([0, 1, 0]) > 0)
    assert functional.cross_entropy(out.flatten(1), torch.tensor([0, 1])).isnan()


@pytest.mark.parametrize("value", [torch.inf, -torch.inf])
@pytest.mark.parametrize(("norm", "relu", "pool", "dropout"), CHAINS)
def test_infinity_is_treated_as_torch_does(
    value: float, norm: bool, relu: bool, pool: bool, dropout: bool
) -> None:
    """Under pytest's filter numpy's warnings would be errors, too."""
    x = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    x[0, 0, 0, 0] = value  # where the moments' pivot is
    x[0, 1, 1, 2] = value
    module = normaliser(3) if norm else None
    chain = chain_of(module, relu, pool, dropout)
    exact = replace(chain, norm=copy.deepcopy(module))
    leaf = x.clone().requires_grad_()
    words = Words()
    words.reseed(5)
    out = Fused(chain, words, training=True)(leaf)
    kept = kept_of(out.shape, 5, P) if dropout else None
    expected = reference(exact, x, training=True, kept=kept)
    assert torch.equal(out.isfinite(), expected.isfinite())
    out.sum().backward()
    if norm:
        assert out[:, :2].isnan().any()
        assert not leaf.grad[:, :2].isfinite().all()


@pytest.mark.parametrize("gamma", [1.0, -1.0, 0.0])
@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize("relu", [False, True])
def test_the_first_of_equals_takes_the_gradient(relu: bool, norm: bool, gamma: float) -> None:
    """Small integers: most maxima are shared, and the gradient goes where torch's goes."""
    x = torch.randint(-1, 2, (6, 4, 8, 8), generator=torch.Generator().manual_seed(3)).float()
    module = nn.BatchNorm2d(4) if norm else None
    if module:
        nn.init.constant_(module.weight, gamma)
        nn.init.constant_(module.bias, 0.125)
    check(chain_of(module, relu, True, False), x, training=True)


# Dropout


def first_words(count: int, seed: int = 0) -> np.ndarray:
    return np.random.SFC64(seed).random_raw((count + 1) // 2).view(np.uint32)[:count]


def dropped(p: float, *, pool: bool, seed: int = 0) -> Tensor:
    words = Words()
    words.reseed(seed)
    side = 80 if pool else 40
    return Fused(Chain(None, False, pool, p), words, training=True)(torch.ones(8, 5, side, side))


@pytest.mark.parametrize("pool", [False, True])
@pytest.mark.parametrize("p", [0.001, 0.02, 0.5, 0.97])
def test_the_share_of_dropped_values(p: float, pool: bool) -> None:
    out = dropped(p, pool=pool)
    n_dropped, count = int((out == 0).sum()), out.numel()
    # Five standard deviations of the binomial: one in 1.7 million, and the seed is fixed.
    assert abs(n_dropped - p * count) <= 5 * (count * p * (1 - p)) ** 0.5
    assert set(out.unique().tolist()) == {0.0, float(np.float32(1 / (1 - p)))}


@pytest.mark.parametrize("pool", [False, True])
def test_each_word_decides_one_value(pool: bool) -> None:
    out = dropped(0.25, pool=pool, seed=11)
    assert torch.equal(out != 0, kept_of(out.shape, 11, 0.25))


@pytest.mark.parametrize("pool", [False, True])
def test_the_same_seed_drops_the_same_values(pool: bool) -> None:
    assert torch.equal(dropped(P, pool=pool, seed=1), dropped(P, pool=pool, seed=1))
    assert not torch.equal(dropped(P, pool=pool, seed=1), dropped(P, pool=pool, seed=2))


def test_the_next_batch_drops_other_values() -> None:
    fused = Fused(Chain(None, False, False, P), Words(), training=True)
    x = torch.ones(2, 3, 8, 8)
    assert not torch.equal(fused(x), fused(x))


@pytest.mark.parametrize("pool", [False, True])
@pytest.mark.parametrize("norm", [False, True])
def test_the_gradient_has_the_mask_of_the_output(norm: bool, pool: bool) -> None:
    module = nn.BatchNorm2d(3).eval() if norm else None
    fused = Fused(Chain(module, False, pool, 0.5), Words(), training=True)
    x = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0)).add(1).requires_grad_()
    out = fused(x)
    zero = out == 0
    if norm:  # through the batch's statistics every pixel has a gradient; its bias tells the mask
        out.backward(torch.ones_like(out))
        assert_close(module.bias.grad, (~zero).sum((0, 2, 3)) * 2.0, "gradient of the bias", 1e-6)
        return
    out.backward(torch.ones_like(out))
    received = functional.max_pool2d(x.grad, 2) if pool else x.grad
    assert torch.equal(received == 0, zero)
    assert set(x.grad.unique().tolist()) == {0.0, 2.0}


def test_no_global_generator_moves() -> None:
    before = (torch.get_rng_state(), np.random.get_state()[1].tobytes(), random.getstate())  # noqa: NPY002
    out = Fused(Chain(normaliser(3), True, True, P), Words(), training=True)(torch.ones(2, 3, 4, 4))
    out.sum().backward()
    after = (torch.get_rng_state(), np.random.get_state()[1].tobytes(), random.getstate())  # noqa: NPY002
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]


@pytest.mark.parametrize("pool", [False, True])
def test_a_share_of_zero_draws_nothing(pool: bool) -> None:
    words = Words()
    x = torch.randn(2, 3, 4, 4)
    out = Fused(Chain(None, False, pool, 0.0), words, training=True)(x)
    assert torch.equal(out, functional.max_pool2d(x, 2) if pool else x)
    assert np.array_equal(words.draw(8), first_words(8))


def test_words_are_one_stream() -> None:
    """Odd counts leave half a pair behind, always the same one."""
    words = Words()
    words.reseed(3)
    parts = [words.draw(n) for n in (2, 4, 0, 3, 2)]
    whole = first_words(12, seed=3)
    assert np.array_equal(np.concatenate(parts), whole[[0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11]])


# Memory formats, edges, refusals

FORMATS: dict[str, Callable[[Tensor], Tensor]] = {
    "contiguous": lambda x: x.contiguous(),
    "channels_last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "transposed": lambda x: x.transpose(2, 3).contiguous().transpose(2, 3),
    "every other": lambda x: x.repeat_interleave(2, dim=3)[..., ::2],
    "a slice": lambda x: torch.cat([x, x], dim=1)[:, x.shape[1] :],
}


@pytest.mark.parametrize(("norm", "relu", "pool", "dropout"), CHAINS)
def test_the_memory_format_decides_nothing(
    norm: bool, relu: bool, pool: bool, dropout: bool
) -> None:
    x = torch.randn(3, 5, 6, 8, generator=torch.Generator().manual_seed(0))
    weight = torch.randn(3, 5, 3 if pool else 6, 4 if pool else 8)
    digests = set()
    for form in FORMATS.values():
        for spread in FORMATS.values():
            leaf = form(x).detach().requires_grad_()
            assert torch.equal(leaf, x)
            chain = chain_of(normaliser(5) if norm else None, relu, pool, dropout)
            out = Fused(chain, Words(), training=True)(leaf)
            out.backward(spread(weight))
            digests.add(bits(out, leaf.grad))
    assert len(digests) == 1


@pytest.mark.parametrize("shape", [(1, 1, 2, 2), (1, 3, 4, 4), (1, 16, 2, 6), (7, 1, 2, 2)])
@pytest.mark.parametrize(("norm", "relu", "pool", "dropout"), CHAINS)
def test_one_image_and_one_channel(
    shape: tuple[int, int, int, int], norm: bool, relu: bool, pool: bool, dropout: bool
) -> None:
    x = distinct(np.random.default_rng(8), shape, 1.3).float() + 0.001
    module = normaliser(shape[1], 4) if norm else None
    check(chain_of(module, relu, pool, dropout), x, training=True, tolerance=1e-4)


@pytest.mark.parametrize("shape", [(64, 5, 1, 1), (2, 64, 1, 1), (1, 7, 1, 2)])
def test_one_pixel_an_image(shape: tuple[int, int, int, int]) -> None:
    x = distinct(np.random.default_rng(9), shape, 1.0).float()
    check(chain_of(normaliser(shape[1]), False, False, True), x, training=True, tolerance=1e-4)


def test_one_pixel_in_all_has_no_spread() -> None:
    """Torch refuses it; a variance of nothing would go unseen otherwise."""
    fused = Fused(Chain(nn.BatchNorm2d(3), True, False, 0.0), Words(), training=True)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        fused(torch.ones(1, 3, 1, 1))


def test_other_channels_than_the_norm_has_are_refused() -> None:
    for training in (True, False):
        norm = nn.BatchNorm2d(3).train(training)
        with pytest.raises(RuntimeError, match="running_mean"):
            Fused(Chain(norm, True, False, 0.0), Words(), training=training)(torch.ones(2, 5, 4, 4))


def test_an_odd_side_goes_to_the_plain_modules() -> None:
    x = distinct(np.random.default_rng(10), (3, 4, 7, 5), 1.0).float()
    check(chain_of(normaliser(4), False, True, True), x, training=True)


def test_float64_goes_to_the_plain_modules() -> None:
    norm = normaliser(4).double()
    x = torch.randn(3, 4, 6, 6, dtype=torch.float64)
    expected = reference(Chain(copy.deepcopy(norm), True, True, 0.0), x, training=True)
    out = Fused(Chain(norm, True, True, 0.0), Words(), training=True)(x)
    assert out.dtype == torch.float64
    assert torch.equal(out, expected)


def test_float64_drops_by_torchs_generator() -> None:
    x = torch.ones(2, 3, 4, 4, dtype=torch.float64)
    torch.manual_seed(0)
    expected = functional.dropout(x, P)
    torch.manual_seed(0)
    out = Fused(Chain(None, False, False, P), Words(), training=True)(x)
    assert torch.equal(out, expected)


def test_three_dimensions_go_to_the_plain_modules() -> None:
    x = torch.randn(3, 6, 6)
    out = Fused(Chain(None, True, True, 0.0), Words(), training=True)(x)
    assert torch.equal(out, functional.max_pool2d(x.relu(), 2))
    with pytest.raises(ValueError, match="4D"):
        Fused(Chain(nn.BatchNorm2d(3), True, True, 0.0), Words(), training=True)(x)


def test_an_empty_batch_goes_to_the_plain_modules() -> None:
    out = Fused(Chain(None, True, False, P), Words(), training=True)(torch.ones(0, 3, 4, 4))
    assert out.shape == (0, 3, 4, 4)


@pytest.mark.parametrize("chain", [(True, True, True, True), (False, False, False, True)])
def test_a_gradient_of_a_gradient_is_refused(chain: tuple[bool, bool, bool, bool]) -> None:
    norm, *rest = chain
    x = torch.randn(2, 3, 4, 4, requires_grad=True)
    out = Fused(chain_of(normaliser(3) if norm else None, *rest), Words(), training=True)(x)
    (first,) = torch.autograd.grad(out.square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


def test_backward_twice_gives_the_same_gradient() -> None:
    x = torch.randn(2, 3, 4, 4, requires_grad=True)
    out = Fused(Chain(normaliser(3), True, True, P), Words(), training=True)(x).sum()
    first, second = (torch.autograd.grad(out, x, retain_graph=True)[0] for _ in range(2))
    assert torch.equal(first, second)


def test_the_input_is_left_alone() -> None:
    x = torch.randn(2, 3, 4, 4).contiguous(memory_format=torch.channels_last)
    kept = x.clone()
    for parts in CHAINS:
        module = normaliser(3) if parts[0] else None
        Fused(chain_of(module, *parts[1:]), Words(), training=True)(x)
    assert torch.equal(x, kept)


# Same bits


def bits(*tensors: Tensor | None) -> str:
    total = hashlib.sha256()
    for each in tensors:
        assert each is not None
        total.update(each.detach().contiguous().numpy().tobytes())
    return total.hexdigest()


def test_the_same_inputs_twice_give_the_same_bits() -> None:
    x = torch.randn(16, 7, 14, 14, generator=torch.Generator().manual_seed(0))
    digests = set()
    for _ in range(3):
        leaf, norm = x.clone().requires_grad_(), normaliser(7)
        out = Fused(Chain(norm, True, True, P), Words(), training=True)(leaf)
        out.square().sum().backward()
        digests.add(bits(out, leaf.grad, norm.weight.grad, norm.bias.grad, *norm.buffers()))
    assert len(digests) == 1


def test_the_last_bits_do_not_hang_on_where_an_array_lies() -> None:
    """Vector loops have heads and tails that start elsewhere for another address."""
    source = torch.randn(3 * 5 * 6 * 6 + 16, generator=torch.Generator().manual_seed(0))
    base = source[:540].clone()
    digests = set()
    for shift in range(16):
        source[shift : shift + 540] = base
        x = source[shift : shift + 540].view(3, 6, 6, 5).permute(0, 3, 1, 2)
        assert x.is_contiguous(memory_format=torch.channels_last)
        norm = normaliser(5)
        leaf = x.detach().requires_grad_()
        out = Fused(Chain(norm, True, True, P), Words(), training=True)(leaf)
        out.square().sum().backward()
        digests.add(bits(out, leaf.grad, norm.weight.grad, *norm.buffers()))
    assert len(digests) == 1


TWENTY_STEPS = """
import warnings; warnings.simplefilter("error")
import torch
from torch.nn import functional
from architectures.model_1 import Network
from bench.training.engine.cpu import pooling
from bench.training.engine.network import weights_sha256
from bench.training.engine.cpu.rewriting import Rewritten
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
torch.manual_seed(0)
network = Network().to(memory_format=torch.channels_last)
run = Rewritten(network).train()
run.words.reseed(3)
optimizer = torch.optim.Adam(network.parameters(), lr=0.01, fused=True)
for _ in range(20):
    images = torch.randn(16, 1, 28, 28).contiguous(memory_format=torch.channels_last)
    loss = functional.cross_entropy(run(images), torch.randint(10, (16,)))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
stats = pooling.pool.stats
print(weights_sha256(network), sum(stats.cache_hits.values()), sum(stats.cache_misses.values()))
"""


def twenty_steps(**extra: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", TWENTY_STEPS],
        env=environment(**extra),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_a_fresh_process_ends_with_the_same_bits_compiled_or_cached(tmp_path: Path) -> None:
    """Twenty steps of Model_1: once with kernels compiled on the spot, once from the disk."""
    compiled = twenty_steps(NUMBA_CACHE_DIR=str(tmp_path))
    cached = twenty_steps(NUMBA_CACHE_DIR=str(tmp_path))
    assert compiled[1:] == ["0", "1"]
    assert cached[1:] == ["1", "0"]
    assert compiled[0] == cached[0]


ONE_KERNEL = """
import numpy as np
from bench.training.engine.cpu import kernels
x = np.ones(4, np.float32)
kernels.dropout(x, np.zeros(4, np.uint32), 1, np.float32(2), x)
print(x.tolist())
"""


def test_without_a_folder_to_cache_in_the_kernels_are_compiled_all_the_same() -> None:
    """An installed package that nobody may write to, and no home."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ONE_KERNEL],
        env=environment(NUMBA_CACHE_LOCATOR_CLASSES="UserProvidedCacheLocator", NUMBA_CACHE_DIR=""),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stderr, done.stdout.strip()) == ("", "[0.0, 0.0, 0.0, 0.0]")

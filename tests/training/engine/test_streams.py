from __future__ import annotations

import torch

from bench.training.engine.streams import generator, stream_seed

PURPOSES = ("init", "order", "augment", "dropout")


def draws(seed: int, purpose: str, epoch: int) -> list[float]:
    return torch.rand(4, generator=generator(seed, purpose, epoch)).tolist()  # type: ignore[arg-type]


def test_the_same_stream_draws_the_same() -> None:
    assert draws(3, "order", 2) == draws(3, "order", 2)


def test_streams_differ_by_seed_purpose_and_epoch() -> None:
    cases = [(s, p, e) for s in (0, 1, 11) for p in PURPOSES for e in (0, 1, 10)]
    assert len({stream_seed(s, p, e) for s, p, e in cases}) == len(cases)  # type: ignore[arg-type]


def test_a_stream_leaves_the_global_generator_untouched() -> None:
    before = torch.get_rng_state()
    draws(0, "augment", 1)
    assert torch.equal(before, torch.get_rng_state())

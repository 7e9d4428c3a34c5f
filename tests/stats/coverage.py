"""How often something happened in a simulation, against how often it should."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def assert_share(
    hits: Sequence[bool] | np.ndarray, least: float, most: float, sigmas: float = 3.0
) -> None:
    """The observed share lies in [least, most], but for the simulation's binomial error."""
    n, share = len(hits), float(np.mean(hits))
    slack = [sigmas * (edge * (1 - edge) / n) ** 0.5 for edge in (least, most)]
    assert least - slack[0] <= share <= most + slack[1]


def counts(
    rng: np.random.Generator, size: tuple[int, ...], mean: float = 9940.0, sd: float = 8.0
) -> np.ndarray:
    """Right answers of 10,000 as runs give them; (n_simulations, n_runs)."""
    return np.rint(rng.normal(mean, sd, size)).astype(np.int64)

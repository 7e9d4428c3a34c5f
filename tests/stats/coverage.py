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

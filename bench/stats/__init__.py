"""Statistics of few runs: pure functions over counts and arrays, numpy and scipy only.

The unit is one training run. Arrays have shape (n_runs,) or (n_runs, n_epochs), tables of right
answers (n_runs, n_images). What cannot be said, for want of runs or of spread, is None. Every
function that draws takes its seed as an argument.
"""

from __future__ import annotations

from bench.stats.comparison import Comparison, Design, compare, corrected, holm, runs_to_reach
from bench.stats.declared import (
    CONFIDENCE,
    DECLARED_RATE,
    DRAW_SEED,
    FEWEST_RUNS,
    MARGIN_POINTS,
    PARAMETER_LIMIT,
    RATE_ALPHA,
    TARGET,
    TEST_ALPHA,
)
from bench.stats.images import Crossed, crossed_difference
from bench.stats.means import (
    Accuracy,
    accuracy,
    placement,
    prediction_interval,
    spread,
    standard_deviation,
    t_interval,
)
from bench.stats.noise import NoiseFloor, independent_sd_points, noise_floor
from bench.stats.outcomes import Outcomes, count_outcomes
from bench.stats.planning import (
    MarginPlan,
    RateChances,
    RatePlan,
    difference_power,
    margin_plan,
    rate_chances,
    rate_plan,
    seeds_for_difference,
    seeds_for_margin,
    seeds_for_misses,
)
from bench.stats.rates import RateVerdict, lower_bound, published_count, rate_verdict, target_count
from bench.stats.sequences import SequenceVerdict, until_decided
from bench.stats.values import MISSING, Interval

__all__ = [
    "CONFIDENCE",
    "DECLARED_RATE",
    "DRAW_SEED",
    "FEWEST_RUNS",
    "MARGIN_POINTS",
    "MISSING",
    "PARAMETER_LIMIT",
    "RATE_ALPHA",
    "TARGET",
    "TEST_ALPHA",
    "Accuracy",
    "Comparison",
    "Crossed",
    "Design",
    "Interval",
    "MarginPlan",
    "NoiseFloor",
    "Outcomes",
    "RateChances",
    "RatePlan",
    "RateVerdict",
    "SequenceVerdict",
    "accuracy",
    "compare",
    "corrected",
    "count_outcomes",
    "crossed_difference",
    "difference_power",
    "holm",
    "independent_sd_points",
    "lower_bound",
    "margin_plan",
    "noise_floor",
    "placement",
    "prediction_interval",
    "published_count",
    "rate_chances",
    "rate_plan",
    "rate_verdict",
    "runs_to_reach",
    "seeds_for_difference",
    "seeds_for_margin",
    "seeds_for_misses",
    "spread",
    "standard_deviation",
    "t_interval",
    "target_count",
    "until_decided",
]

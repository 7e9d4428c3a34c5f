"""What a suite holds beside runs and portraits: timings, what weights see, which digits they miss.

Weights that were trained elsewhere are scored; each outcome is a record of its own.

A portrait is the same wherever it is taken, so it is written once. Timings differ at every call
and between machines: they are records of their own, one for each environment, that only `bench
measure` renews. An effective receptive field belongs to trained weights and goes with their runs.
Nothing here imports torch.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec

from bench.spec import SCHEMA, Count, DatasetInfo, Environment, Frozen, Hex, Numerics, PositiveInt


class Timing(Frozen, frozen=True, kw_only=True):
    """Seconds of one call of the network on a batch, over repetitions after a warm-up."""

    batch_size: int
    n_repetitions: int
    median_seconds: float
    lower_quartile_seconds: float
    upper_quartile_seconds: float
    minimum_seconds: float

    @property
    def images_per_second(self) -> float:
        """Throughput of the median call."""
        return self.batch_size / self.median_seconds


class Latency(Frozen, frozen=True, kw_only=True):
    """One architecture on one machine: inference timed, memory of one training step measured."""

    schema: int = SCHEMA
    architecture: str
    architecture_digest: str
    environment: Environment  # hardware and torch
    n_threads: int  # of torch on the CPU
    timings: list[Timing]
    training_batch_size: int
    training_peak_bytes: int  # at once during a warm step, parameters and optimiser included
    # tensors: storages alive, counted at every operator; allocator: the device's own account
    training_peak_of: Literal["tensors", "allocator"]


class FieldOfRun(Frozen, frozen=True, kw_only=True):
    """The effective receptive field of one run's weights."""

    seed: int
    key: str
    share_in_box: float | None  # of the gradient's mass; None where no rule gives a box
    sd_pixels: float  # root of the mean variance along the two axes
    size_pixels: float  # root of the number of pixels above THRESHOLD of the largest


class EffectiveField(Frozen, frozen=True, kw_only=True):
    """What the centre of the last convolution's map reacts to, over the runs of one arm.

    Source: Luo, Li, Urtasun, Zemel, "Understanding the Effective Receptive Field in Deep
    Convolutional Neural Networks", 2016, arXiv 1701.04128.
    """

    schema: int = SCHEMA
    architecture: str
    architecture_digest: str
    dataset: str
    arm: str  # 64 hex digits over what the runs share
    layer: str  # dotted name
    map_shape: tuple[int, int]
    position: tuple[int, int]  # row and column of the unit
    box: tuple[int, int, int, int] | None  # analytic: top, left, bottom, right pixel, inclusive
    n_images: int  # the first of the validation split, or of training where that is empty
    runs: list[FieldOfRun]  # by seed
    gradient: list[list[float]]  # (height, width), mean over the runs, adds up to 1


# Levels of one image in hex, two characters each, in the order of the data set's shape.
Pixels = Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{2})*$")]
MOST_PIXEL_BYTES = 4 << 20  # of one data set in a suite; of images beyond it the labels alone


class MissedDigit(Frozen, frozen=True, kw_only=True):
    """A test image that some run missed, so that a report can show it without the data set."""

    label: Annotated[int, msgspec.Meta(ge=0)] | None = None  # true; None in older suites
    pixels: Pixels  # empty where the suite kept enough of them


class ScoredWeights(Frozen, frozen=True, kw_only=True):
    """How a given file of weights does on one split: right answers counted, wrong ones listed."""

    schema: int = SCHEMA
    architecture: str
    architecture_digest: Hex
    dataset: DatasetInfo
    split: Literal["test", "validation"]
    file: str  # its name, without its folder
    file_sha256: Hex  # 64 digits over its bytes, as `sha256sum` prints them
    weights_sha256: Hex  # over names, shapes and values in the network, as a run's record has it
    pixel_mean: tuple[float, ...]  # one for each channel, as the architecture's recipe has it
    pixel_std: tuple[float, ...]
    numerics: Numerics
    environment: Environment
    n_images: PositiveInt
    correct: Count
    misses: list[tuple[int, int, int]]  # (index, label, label given), by index
    scored_on: date  # in UTC

    def is_of(self, sha256: str) -> bool:
        """Whether these are the first digits of the file's digest, or of the weights'."""
        return self.file_sha256.startswith(sha256) or self.weights_sha256.startswith(sha256)


THRESHOLD = 1 - 0.9545  # Luo et al.: above it a pixel belongs to the effective field


class Findings(Frozen, frozen=True, kw_only=True):
    """All of them in one suite."""

    latencies: tuple[Latency, ...] = ()
    fields: tuple[EffectiveField, ...] = ()
    # data set -> test index -> digit
    missed_digits: dict[str, dict[int, MissedDigit]] = msgspec.field(default_factory=dict)
    scored: tuple[ScoredWeights, ...] = ()

    def only(self, architecture: str) -> Findings:
        """Those of one architecture; missed digits, and what judges claims, belong to all."""
        return Findings(
            latencies=tuple(t for t in self.latencies if t.architecture == architecture),
            fields=tuple(f for f in self.fields if f.architecture == architecture),
            missed_digits=self.missed_digits,
            scored=self.scored,
        )

"""How often each statistical procedure is right: the table of docs/protocol.md.

    python -m benchmarks.calibration            # the table, in about four minutes on one core
    python -m benchmarks.calibration --quick    # a fiftieth of the trials, in a few seconds

A trial draws runs whose truth is known, applies the procedure as the report and the commands use
it, and asks whether the answer was right. Every case has its own stream of random numbers, so the
table is the same on every call, and a new case changes no other one.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain, product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, ndtr

from bench.records.arms import arms
from bench.records.store import Suite
from bench.stats.comparison import Design, compare, probability_of_improvement
from bench.stats.declared import TEST_ALPHA
from bench.stats.images import crossed_difference
from bench.stats.means import accuracy, bca_interval
from bench.stats.noise import noise_floor
from bench.stats.permutation import permutation_test
from bench.stats.rates import lower_bound, upper_bound
from bench.stats.sequences import decision_chances, log_evidence
from bench.stats.sweeps import left, rate_verdict
from bench.stats.values import Interval, middle

ROOT = Path(__file__).resolve().parent.parent
SEED = 20
QUICK_SHARE = 50  # of the trials, one in so many
FEWEST_TRIALS = 20

N_IMAGES = 10_000
MEAN, SD = 9940.0, 8.0  # right answers of 10,000
# Near the ceiling: misses of 1,000 images, beta-binomial, with a skewness of 1.4.
MISSES, SHAPE, N_SMALL = 6.0, 2.0, 1000
RESAMPLES = 2_000  # of a bootstrap in a trial; the report draws 10,000
HARD = 150  # of 10,000 images; the others are right in every run

Counts = NDArray[np.int64]
Table = NDArray[np.bool_]
Trial = Callable[[np.random.Generator], bool]


@dataclass(frozen=True)
class Row:
    """One line of the table; shares from 0 to 1."""

    procedure: str
    situation: str
    n: str  # runs, of both arms where there are two
    promised: float
    observed: float
    error: float | None  # Monte Carlo standard error; None where the chance is computed exactly

    def cells(self) -> tuple[str, ...]:
        """Its text in each column."""
        digits = 2 if self.promised > 0.99 else 1
        error = "exact" if self.error is None else f"± {100 * self.error:.2f}"
        promised, observed = (f"{100 * one:.{digits}f} %" for one in (self.promised, self.observed))
        return self.procedure, self.situation, self.n, promised, observed, error


@dataclass(frozen=True)
class Case:
    """A row that is still to be found.

    Attributes:
        trial: Whether the procedure did what is counted, once.
        n_trials: How often it is tried.
    """

    procedure: str
    situation: str
    n: str
    promised: float
    trial: Trial
    n_trials: int = 10_000

    def row(self, share: int = 1) -> Row:
        """Tries it; a share of 50 is a fiftieth of the trials."""
        name = f"{self.procedure}/{self.situation}/{self.n}"
        rng = np.random.default_rng([SEED, zlib.crc32(name.encode())])
        n = max(self.n_trials // share, FEWEST_TRIALS)
        observed = sum(self.trial(rng) for _ in range(n)) / n
        # Of no failure at all the binomial error would be 0: half a failure is added.
        likely = min(max(observed, 0.5 / n), 1 - 0.5 / n)
        error = (likely * (1 - likely) / n) ** 0.5
        return Row(self.procedure, self.situation, self.n, self.promised, observed, error)


# --- runs whose truth is known -------------------------------------------------------------------


@dataclass(frozen=True)
class Population:
    """Where runs come from."""

    name: str
    n_images: int
    mean: float  # right answers
    draw: Callable[[np.random.Generator, int], Counts]


def normal(
    rng: np.random.Generator, n: int | tuple[int, ...], mean: float = MEAN, sd: float = SD
) -> Counts:
    """Counts of n runs, or of a table of runs, rounded to whole images."""
    return np.rint(rng.normal(mean, sd, n)).astype(np.int64)


def near_the_ceiling(rng: np.random.Generator, n: int) -> Counts:
    """Counts of 1,000 whose misses are skewed: beta-binomial."""
    shares = rng.beta(SHAPE, SHAPE * (N_SMALL / MISSES - 1), n)
    return (N_SMALL - rng.binomial(N_SMALL, shares)).astype(np.int64)


@cache
def reference_counts() -> Counts:
    """Counts of the runs of P4m stack 4,988 in the reference suite, (n_runs,)."""
    runs = Suite(ROOT / "results", "reference").runs()
    found = [each for each in arms("reference", runs, "test") if each.architecture == "p4m_4988"]
    return np.array(max((arm.test_counts for arm in found), key=len))


def populations() -> tuple[Population, ...]:
    """The three of them."""
    recorded = reference_counts()

    def again(rng: np.random.Generator, n: int) -> Counts:
        return rng.choice(recorded, n)

    name = f"drawn from {len(recorded)} recorded runs"
    return (
        Population("normal", N_IMAGES, MEAN, normal),
        Population(name, N_IMAGES, float(recorded.mean()), again),
        Population("skewed, near 100 %", N_SMALL, N_SMALL - MISSES, near_the_ceiling),
    )


def holds(interval: Interval | None, truth: float) -> bool:
    """Whether there is an interval, and the truth lies inside."""
    return interval is not None and truth in interval


# --- one arm -------------------------------------------------------------------------------------


def means() -> Iterator[Case]:
    """Student's t interval of the mean."""
    for of, n in product(populations(), (3, 5, 10, 30)):

        def trial(rng: np.random.Generator, of: Population = of, n: int = n) -> bool:
            found = accuracy(of.draw(rng, n).tolist(), of.n_images)
            return holds(found.interval, 100 * of.mean / of.n_images)

        yield Case("t interval of the mean", of.name, str(n), 0.95, trial)


def bootstraps() -> Iterator[Case]:
    """BCa of the mean; the report shows it from 30 runs on, and why not before."""
    normally, _, skewed = populations()
    for of, n in ((normally, 5), *product((normally, skewed), (20, 30, 60))):

        def trial(rng: np.random.Generator, of: Population = of, n: int = n) -> bool:
            seed = int(rng.integers(2**32))
            return holds(bca_interval(of.draw(rng, n), seed, RESAMPLES), of.mean)

        procedure = "BCa bootstrap of the mean" + (" (not used below 30 runs)" if n < 30 else "")
        yield Case(procedure, of.name, str(n), 0.95, trial, 20_000)


def predictions() -> Iterator[Case]:
    """One more run, and the mean of three more runs."""
    for of, n in product(populations(), (3, 5, 10, 30)):
        yield _prediction(of, n, n_new=1, confidence=0.95)
    for of, n, n_new in product(populations(), (5, 10, 61), (1, 3)):
        yield _prediction(of, n, n_new, confidence=0.999)


def _prediction(of: Population, n: int, n_new: int, confidence: float) -> Case:
    def trial(rng: np.random.Generator) -> bool:
        found = accuracy(of.draw(rng, n).tolist(), of.n_images)
        return holds(found.prediction(n_new, confidence), float(of.draw(rng, n_new).mean()))

    what = "one more run" if n_new == 1 else f"the mean of {n_new} more runs"
    n_trials = 10_000 if confidence == 0.95 else 40_000
    procedure = f"{100 * confidence:g} % prediction interval of {what}"
    return Case(procedure, of.name, str(n), confidence, trial, n_trials)


def spreads() -> Iterator[Case]:
    """The interval of the standard deviation over seeds."""
    for n in (5, 30):

        def trial(rng: np.random.Generator, n: int = n) -> bool:
            return holds(noise_floor(normal(rng, n), N_IMAGES).sd_interval, 100 * SD / N_IMAGES)

        yield Case("interval of the sd over seeds", "normal", str(n), 0.95, trial)


# --- two arms ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Two:
    """Two normal arms, in right answers."""

    name: str
    n: tuple[int, int]
    sds: tuple[float, float] = (SD, SD)
    gap: float = 0.0

    @property
    def sizes(self) -> str:
        return f"{self.n[0]} and {self.n[1]}"

    def draw(self, rng: np.random.Generator) -> tuple[Counts, Counts]:
        first = normal(rng, self.n[0], MEAN + self.gap, self.sds[0])
        return first, normal(rng, self.n[1], MEAN, self.sds[1])


WITHOUT_BOOTSTRAP = Design(N_IMAGES, n_resamples=0)


def differences() -> Iterator[Case]:
    """Welch's interval of the difference of two means."""
    for two in (
        *(Two("equal spread", (n, n)) for n in (3, 5, 10)),
        Two("equal spread", (5, 30)),
        Two("first arm spreads three times as much", (5, 5), (3 * SD, SD)),
        Two("first arm spreads three times as much", (5, 30), (3 * SD, SD)),
        Two("second arm spreads three times as much", (5, 30), (SD, 3 * SD)),
    ):

        def trial(rng: np.random.Generator, two: Two = two) -> bool:
            return holds(compare(*two.draw(rng), WITHOUT_BOOTSTRAP).interval, 0.0)

        # The comparison draws its permutation test too, where it cannot count every deal.
        n_trials = 10_000 if sum(two.n) <= 20 else 2_000
        yield Case("Welch interval of a difference", two.name, two.sizes, 0.95, trial, n_trials)
    *_, skewed = populations()
    for n_other in (5, 10):

        def trial_of_skewed(rng: np.random.Generator, n_other: int = n_other) -> bool:
            design = Design(N_SMALL, n_resamples=0)
            found = compare(skewed.draw(rng, 5), skewed.draw(rng, n_other), design)
            return holds(found.interval, 0.0)

        sizes, n_trials = f"5 and {n_other}", 10_000 if n_other == 5 else 5_000
        procedure = "Welch interval of a difference"
        yield Case(procedure, skewed.name, sizes, 0.95, trial_of_skewed, n_trials)


def tests() -> Iterator[Case]:
    """Two arms of one mean: how often the permutation test says p < 0.05."""
    for two in (
        Two("equal spread", (5, 5)),
        Two("equal spread", (5, 61)),
        Two("first arm spreads twice as much", (5, 5), (2 * SD, SD)),
        Two("first arm spreads twice as much", (5, 61), (2 * SD, SD)),
    ):

        def trial(rng: np.random.Generator, two: Two = two) -> bool:
            found = permutation_test(*two.draw(rng), seed=int(rng.integers(2**32)))
            return found is not None and found.p < TEST_ALPHA

        n_trials = 10_000 if sum(two.n) <= 20 else 2_000
        procedure = "permutation test, false alarms"
        yield Case(procedure, two.name, two.sizes, TEST_ALPHA, trial, n_trials)


def improvements() -> Iterator[Case]:
    """Newcombe's score interval of the probability that a run of one arm beats the other's."""
    spread = 80.0  # so wide that runs hardly ever tie, and the truth is that of normal numbers
    for n, gap in product((5, 20), (0, 1, 2)):
        two = Two(f"means {gap} sd apart", (n, n), (spread, spread), spread * gap)

        def trial(rng: np.random.Generator, two: Two = two, gap: int = gap) -> bool:
            first, second = (each - 1000 for each in two.draw(rng))
            found = probability_of_improvement(first, second, seed=0, n_resamples=0)
            return found is not None and holds(found.interval, float(ndtr(gap / 2**0.5)))

        procedure = "score interval of the probability of improvement"
        yield Case(procedure, two.name, two.sizes, 0.95, trial)


def equivalences() -> Iterator[Case]:
    """Two arms exactly the margin apart: how often they are called equivalent."""
    for points, n in product((0.05, 0.25), (5, 12)):
        two = Two(f"a true difference of the margin, {points} points", (n, n), gap=100 * points)
        design = Design(N_IMAGES, margin_points=points, n_resamples=0)

        def trial(rng: np.random.Generator, two: Two = two, design: Design = design) -> bool:
            found = compare(*two.draw(rng), design).equivalence
            return found is not None and found.verdict == "equivalent"

        n_trials = 10_000 if n == 5 else 2_000
        procedure = "equivalence test, false alarms"
        yield Case(procedure, two.name, two.sizes, TEST_ALPHA, trial, n_trials)


# --- new digits ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Digits:
    """Two arms on the same images, of which some are hard.

    A hard image has its own ease, normal; an arm has another one beside it, and every run its own
    quality on all images.

    Attributes:
        alike: Correlation of an image's ease between the arms.
        gap: What the first arm has ahead on every hard image, in sds of the ease.
        quality: Sd over runs of one arm.
    """

    name: str
    alike: float
    gap: float = 0.0
    quality: float = 0.05

    def accuracy(self, gap: float) -> float:
        """Over all runs and all images, from 0 to 1."""
        easy = 1 - HARD / N_IMAGES
        return easy + (1 - easy) * float(ndtr((0.5 + gap) / (1 + 1 + self.quality**2) ** 0.5))

    def truth(self) -> float:
        """The true difference, in points."""
        return 100 * (self.accuracy(self.gap) - self.accuracy(0.0))

    def draw(self, rng: np.random.Generator, n: tuple[int, int]) -> list[Table]:
        """Right answers of both arms, (n_runs, n_images) each; the hard images come first."""
        n_hard = int(rng.binomial(N_IMAGES, HARD / N_IMAGES))
        shared = rng.normal(size=n_hard)
        tables = []
        for n_runs, gap in zip(n, (self.gap, 0.0), strict=True):
            own = rng.normal(size=n_hard)
            ease = 0.5 + gap + self.alike * shared + (1 - self.alike**2) ** 0.5 * own
            quality = rng.normal(0, self.quality, (n_runs, 1))
            table = np.ones((n_runs, N_IMAGES), dtype=bool)
            table[:, :n_hard] = rng.random((n_runs, n_hard)) < ndtr(ease + quality)
            tables.append(table)
        return tables


DIGITS = (
    Digits("no difference on any image", 1.0),
    Digits("no difference, runs of uneven quality", 1.0, quality=0.2),
    Digits("images of their own, alike by 0.8", 0.8),
    Digits("images of their own, first arm ahead", 0.8, gap=0.3),
)


def crossed() -> Iterator[Case]:
    """A difference over new runs on new images: by mean squares, and as it was before."""
    sizes = ((3, 3), (5, 5), (10, 10), (30, 30), (5, 30))
    for digits, n in product(DIGITS, sizes):

        def trial(
            rng: np.random.Generator, digits: Digits = digits, n: tuple[int, int] = n
        ) -> bool:
            return holds(crossed_difference(*digits.draw(rng, n)).interval, digits.truth())

        procedure = "interval of a difference on new digits"
        yield Case(procedure, digits.name, f"{n[0]} and {n[1]}", 0.95, trial, 2_000)
    for digits, n_each in product((DIGITS[0], DIGITS[2]), (5, 30)):

        def before(rng: np.random.Generator, digits: Digits = digits, n_each: int = n_each) -> bool:
            return holds(pigeonhole(rng, digits.draw(rng, (n_each, n_each))), digits.truth())

        procedure = "bootstrap of runs and images (replaced)"
        yield Case(procedure, digits.name, f"{n_each} and {n_each}", 0.95, before, 300)
    yield from one_arm()


def one_arm() -> Iterator[Case]:
    """One arm's own accuracy: its difference from an arm that is never right."""
    digits = DIGITS[0]
    for n in (5, 10, 30):

        def trial(rng: np.random.Generator, n: int = n) -> bool:
            table, _ = digits.draw(rng, (n, 0))
            found = crossed_difference(table, np.zeros_like(table))
            return holds(found.interval, 100 * digits.accuracy(0.0))

        procedure = "interval of an accuracy on new digits"
        yield Case(procedure, "some images are hard", str(n), 0.95, trial, 2_000)


def pigeonhole(
    rng: np.random.Generator, tables: list[Table], n_resamples: int = 300
) -> Interval | None:
    """Runs and images drawn again (Owen 2007), in points: what the mean squares replace."""
    both = np.concatenate(tables)
    hard = both[:, ~both.all(axis=0)]
    # Images that every run got right are drawn as one.
    patterns = np.concatenate([hard, np.ones((len(both), 1), dtype=bool)], axis=1)
    repeats = np.append(np.ones(hard.shape[1]), N_IMAGES - hard.shape[1])
    images = rng.multinomial(N_IMAGES, repeats / N_IMAGES, size=n_resamples)
    drawn = []
    for table in np.split(patterns.astype(float), [len(tables[0])]):
        n = len(table)
        runs = rng.multinomial(n, np.full(n, 1 / n), size=n_resamples).astype(float)
        drawn.append(100 * ((runs @ table) * images).sum(axis=1) / (n * N_IMAGES))
    return middle(drawn[0] - drawn[1])


# --- rates: computed, not simulated --------------------------------------------------------------


def bounds() -> Iterator[Row]:
    """Each of the two exact bounds of a rate."""
    for rate, n in product((0.90, 0.97), (5, 29, 61)):
        chances = np.diff(bdtr(np.arange(-1, n + 1), n, rate), prepend=0.0)[1:]
        chances[0] = (1 - rate) ** n
        ks = range(n + 1)
        low = sum(chances[k] for k in ks if lower_bound(k, n) <= rate)
        high = sum(chances[k] for k in ks if upper_bound(k, n) >= rate)
        for name, observed in (("lower", low), ("upper", high)):
            procedure = f"{name} bound of a rate (Clopper-Pearson)"
            yield Row(procedure, f"true rate {rate:.2f}", str(n), 0.95, float(observed), None)


def looking() -> Iterator[Row]:
    """A sweep that is judged after every run, at exactly the declared rate."""
    for n_most in (200, 1_000):
        chances = decision_chances(0.90, n_most)
        for name, reached in (("confirmed", chances.confirmed), ("refuted", chances.refuted)):
            yield Row(
                f"confidence sequence, falsely {name}",
                "true rate 0.90, a look after every run",
                f"up to {n_most:,}",
                0.05,
                float(reached[-1]),
                None,
            )


def advice_followed(n_most: int = 200) -> Iterator[Row]:
    """A declared number of runs, then as many more as the verdict asks for."""
    for rate, declared in product((0.90, 0.88), (5, 10, 29)):
        k = np.arange(declared + 1)
        verdicts = np.array([rate_verdict(int(each), declared).verdict for each in k])
        chance = np.diff(bdtr(np.arange(-1, declared + 1), declared, rate), prepend=0.0)[1:]
        chance[0] = (1 - rate) ** declared
        confirmed = chance[verdicts == "confirmed"].sum()
        chance[verdicts != "undecided"] = 0.0
        levels = left(declared, 0.90)
        for n in range(declared + 1, n_most + 1):
            chance = np.append(chance, 0.0) * (1 - rate) + np.append(0.0, chance) * rate
            k = np.arange(n + 1)
            confirms = log_evidence(k, n, 0.90) >= -np.log(levels.confirm)
            refutes = log_evidence(n - k, n, 0.10) >= -np.log(levels.refute)
            confirmed += chance[confirms].sum()
            chance[confirms | refutes] = 0.0
        yield Row(
            "advice followed, falsely confirmed",
            f"true rate {rate:.2f}, extended after {declared} runs",
            f"up to {n_most}",
            0.05,
            float(confirmed),
            None,
        )


SIMULATED = (
    *(means, bootstraps, predictions, spreads),
    *(differences, tests, improvements, equivalences, crossed),
)
COMPUTED = (bounds, looking, advice_followed)


def rows(share: int = 1) -> Iterator[Row]:
    """Every line of the table, in its order."""
    for cases in SIMULATED:
        yield from (case.row(share) for case in cases())
    for found in COMPUTED:
        yield from found()


HEAD = (
    "| Procedure | Situation | Runs | Promised | Observed | Error |",
    "| :--- | :--- | ---: | ---: | ---: | ---: |",
)


def line(row: Row) -> str:
    """One line of the Markdown table."""
    return f"| {' | '.join(row.cells())} |"


def main() -> int:
    """Prints the table as Markdown, line by line as it is found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="fewer trials, for a test")
    share = QUICK_SHARE if parser.parse_args().quick else 1
    for text in chain(HEAD, map(line, rows(share))):
        print(text, flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

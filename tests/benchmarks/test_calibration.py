"""The command prints the table of the document, and the table says what is promised."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from scipy import stats as oracle

from benchmarks import calibration
from tests.support import ROOT, environment, text_of

SIGMAS = 4.5  # of a hundred rows, none should lie so far off by chance
SKEWED = "skewed, near 100 %"


@dataclass(frozen=True)
class Line:
    """A row of the printed table, in percent."""

    procedure: str
    situation: str
    n: str
    promised: float
    observed: float
    error: float  # 0 where the chance was computed

    @property
    def name(self) -> tuple[str, str, str]:
        return self.procedure, self.situation, self.n


def table(text: str) -> list[Line]:
    found = []
    lines = text.splitlines()
    for line in lines[lines.index(calibration.HEAD[0]) + 2 :]:
        if not line.startswith("|"):
            break
        *name, promised, observed, error = (cell.strip() for cell in line.strip("|").split("|"))
        promised, observed = (each.removesuffix(" %") for each in (promised, observed))
        error = "0" if error == "exact" else error.removeprefix("± ")
        found.append(Line(*name, float(promised), float(observed), float(error)))
    return found


@cache
def documented() -> list[Line]:
    return table(text_of("docs/protocol.md"))


def of(*procedures: str, apart: str = "nothing") -> list[Line]:
    """The document's lines of some procedures, but for those of one situation."""
    found = [
        each
        for each in documented()
        if any(each.procedure.startswith(one) for one in procedures) and each.situation != apart
    ]
    assert found, procedures
    return found


@pytest.mark.process
def test_the_command_prints_the_documents_table() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.calibration", "--quick"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    printed = table(done.stdout)
    assert [each.name for each in printed] == [each.name for each in documented()]
    for now, before in zip(printed, documented(), strict=True):
        assert now.promised == before.promised, now
        slack = SIGMAS * float(np.hypot(now.error, before.error)) + 0.1  # the last digit
        assert now.observed == pytest.approx(before.observed, abs=slack), now


def test_intervals_that_are_shown_cover_93_to_97_of_100() -> None:
    shown = (
        *("t interval", "95 % prediction", "interval of the sd", "Welch", "score interval"),
        *("interval of a difference on new digits", "interval of an accuracy on new digits"),
    )
    for line in of(*shown, apart=SKEWED):
        assert 93 <= line.observed <= 97 + 3 * line.error, line
    for line in of("BCa bootstrap of the mean"):
        if "not used" not in line.procedure:
            assert 92.5 <= line.observed <= 97, line


def test_what_is_not_used_covers_too_little_or_too_much() -> None:
    few = {line.n: line for line in of("BCa bootstrap of the mean (not used")}
    assert few["5"].observed < 86
    before = {line.name[1:]: line for line in of("bootstrap of runs and images (replaced)")}
    assert before["no difference on any image", "5 and 5"].observed > 98.5
    assert before["no difference on any image", "30 and 30"].observed > 98.5


def test_skewed_counts_cost_a_t_interval_of_few_runs_what_the_report_says() -> None:
    skewed = [line for line in of("t interval of the mean") if line.situation == SKEWED]
    assert {line.n for line in skewed} == {"3", "5", "10", "30"}
    for line in skewed:
        assert (line.observed < 93) is (line.n != "30"), line


def test_false_alarms_stay_near_5_of_100() -> None:
    for line in of("permutation test", "equivalence test", "confidence sequence"):
        most = 7 if "spreads" in line.situation else line.promised + 3 * line.error
        assert line.observed <= most, line


def test_a_rerun_is_wrongly_refused_once_in_a_thousand_times() -> None:
    for line in of("99.9 % prediction interval", apart=SKEWED):
        least = 99.85 if line.situation == "normal" else 99.5
        assert line.observed >= least, line


def test_exact_bounds_hold_at_least_as_often_as_they_promise() -> None:
    for line in of("lower bound", "upper bound"):
        assert line.error == 0
        assert line.observed >= line.promised


def test_the_computed_bounds_are_those_of_a_binomial() -> None:
    """Five runs at a rate of 0.90: the upper bound misses where 0, 1 or 2 succeed."""
    found = {(row.procedure.split()[0], row.situation, row.n): row for row in calibration.bounds()}
    row = found["upper", "true rate 0.90", "5"]
    assert row.observed == pytest.approx(1 - oracle.binom.cdf(2, 5, 0.9))
    # Of 29 runs only 29 successes reach 0.90: the lower bound misses with a chance of 0.9 ** 29.
    assert found["lower", "true rate 0.90", "29"].observed == pytest.approx(1 - 0.9**29)


def test_digits_have_the_accuracy_that_is_taken_for_true() -> None:
    rng = np.random.default_rng(0)
    digits = calibration.Digits("any", 0.8, gap=0.3)
    drawn = [[table.mean() for table in digits.draw(rng, (3, 3))] for _ in range(400)]
    first, second = np.array(drawn).T
    slack = 4 * np.std(first - second) / 20
    assert 100 * (first - second).mean() == pytest.approx(digits.truth(), abs=100 * slack)


def test_a_case_has_its_own_stream_of_numbers() -> None:
    first, *_ = calibration.means()
    assert first.row(50) == first.row(50)

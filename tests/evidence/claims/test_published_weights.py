"""A published file of weights: its exact count judges the published percent, to its digits."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bench.evidence.claims.gather import SuiteContents
from bench.evidence.claims.ledger import Entry, row
from bench.evidence.claims.load import read
from bench.records.observations import ScoredWeights
from bench.records.store import Suite
from bench.report.parts import cards
from bench.spec import digest
from tests import factories
from tests.evidence.claims.evidences import SUBJECT, claim, evidence, judge

METRIC = "published_weights_test_accuracy_percent"
COMMAND = "python -m bench evaluate model_1 --weights FILE --dataset mnist --suite local"
OURS = factories.scored(correct=9952)
OTHER = factories.scored(correct=9931, file_sha256="b" * 64, weights_sha256="f" * 64)


def judged(published: float, *scored: ScoredWeights, **keys: Any) -> Any:
    said = claim(METRIC, published, **keys)
    return judge(said, evidence(said, scored=scored))


@pytest.mark.parametrize(
    ("published", "keys", "verdict"),
    [
        (99.52, {}, "confirmed"),
        (99.52, {"tolerance": 0.005}, "confirmed"),
        (99.5, {"tolerance": 0.05}, "confirmed"),
        (99.5, {}, "refuted"),  # exact: 9,950
        (99.53, {"tolerance": 0.005}, "refuted"),  # 99.525 and more
        (99.51, {"tolerance": 0.005}, "refuted"),
        (99.5, {"relation": "above"}, "confirmed"),
        (99.52, {"relation": "above"}, "refuted"),
        (99.52, {"relation": "at_least"}, "confirmed"),
    ],
)
def test_the_percent_is_held_against_the_exact_count(
    published: float, keys: dict[str, Any], verdict: str
) -> None:
    found = judged(published, OURS, **keys)
    assert (found.verdict, found.measured, found.n) == (verdict, Fraction(9952, 100), None)
    assert found.measured_words == "99.52 % (9,952 of 10,000)"
    (place,) = found.stands_on
    assert place.startswith("local/mnist/model_1/scored-weights-")


def test_a_third_of_a_percent_agrees_to_its_digits() -> None:
    thirds = replace(OURS, n_images=3, correct=2, misses=[(0, 1, 2)])
    assert judged(66.67, thirds, tolerance=0.005).verdict == "confirmed"  # 66.666...
    assert judged(66.66, thirds, tolerance=0.005).verdict == "refuted"  # below 66.665


def test_without_a_record_it_is_not_checkable_and_the_rule_is_the_command() -> None:
    found = judged(99.52)
    assert (found.verdict, found.measured, found.stands_on) == ("not checkable", None, ())
    assert found.rule == f"no file of weights of 'model_1' was scored: {COMMAND}"
    other_split = replace(OURS, split="validation")
    assert judged(99.52, other_split).verdict == "not checkable"
    named = judged(99.52, OURS, text="0123456789ab")
    assert named.verdict == "not checkable"
    assert named.rule.startswith("no file of weights with the SHA-256 0123456789ab… was")


def test_of_several_files_the_claim_names_one() -> None:
    found = judged(99.52, OURS, OTHER)
    assert found.verdict == "not checkable"
    assert "2 files of weights were scored, aaaaaaaaaaaa and bbbbbbbbbbbb: name" in found.rule
    for text in ("a" * 12, "a" * 64, f"sha256:{'a' * 64}", "e" * 64):  # of the weights themselves
        assert judged(99.52, OURS, OTHER, text=text).verdict == "confirmed"
    assert judged(99.52, OURS, OTHER, text="b" * 12).verdict == "refuted"


def test_one_network_in_two_files_or_on_two_machines_is_one() -> None:
    copy = replace(OURS, file_sha256="c" * 64)
    elsewhere = replace(OURS, environment=factories.WORKSTATION)
    found = judged(99.52, OURS, copy, elsewhere)
    assert (found.verdict, len(found.stands_on)) == ("confirmed", 3)
    one_less = replace(elsewhere, correct=9951)
    found = judged(99.52, OURS, one_less)
    assert found.verdict == "undecided"
    assert found.rule.endswith("differently: 9,951 of 10,000, 9,952 of 10,000")


def test_another_source_or_another_data_set_is_not_comparable() -> None:
    older = replace(OURS, architecture_digest=digest(b"older"))
    assert judged(99.52, older).verdict == "not comparable"
    assert judged(99.52, older, OURS).verdict == "confirmed"
    elsewhere = replace(OURS, dataset=factories.MNIST5K)
    found = judged(99.52, elsewhere)
    assert found.verdict == "not comparable"
    assert found.rule == f"weights scored on mnist5k, claim of mnist: {COMMAND}"


def test_its_row_has_the_number_that_was_published() -> None:
    said = claim(METRIC, 99.52, text="a" * 64)
    entry = Entry(said, judge(said, evidence(said, scored=(OURS,))))
    assert (entry.published, entry.published_words) == (99.52, "99.52")
    assert (row(entry).measured, row(entry).kind) == (99.52, "runs")
    assert cards.change(entry) == "another file of weights, or another source"


TABLE = """[[claim]]
id = "net.weights"
line = 3
quote = "99.52%"
metric = "published_weights_test_accuracy_percent"
subject = "model_1"
"""


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("published = 99.52", None),
        (f'published = 99.52\ntext = "{"a" * 64}"', None),
        (f'published = 99.52\ntext = "sha256:{"a" * 12}"', None),
        ("", "needs the key 'published'"),
        (f'text = "{"a" * 64}"', "needs the key 'published'"),
        ("published = 0.9952", "did you mean 99.52?"),
        ('published = 99.52\ntext = "aaaa"', "12 to 64 digits"),
        ('published = 99.52\ntext = "model.pt"', "12 to 64 digits"),
    ],
)
def test_what_a_file_of_claims_may_say(tmp_path: Path, keys: str, problem: str | None) -> None:
    path = tmp_path / "net.toml"
    path.write_text(TABLE + keys + "\n", encoding="utf-8")
    claims, problems = read([path])
    found = [str(each.error()) for each in problems]
    assert (len(claims), len(found)) == ((0, 1) if problem else (1, 0)), found
    assert problem is None or problem in found[0]


def test_a_suite_is_read_with_its_outcomes(tmp_path: Path) -> None:
    suite = Suite(tmp_path, "local")
    suite.add_scored(OURS)
    held = SuiteContents.read(suite)
    assert held.scored == (OURS,)
    said = claim(METRIC, 99.52)
    found = evidence(said, scored=held.scored, runs=[], portraits=[])
    assert found.subjects == {SUBJECT}
    assert judge(said, found).verdict == "confirmed"

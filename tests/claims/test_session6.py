"""The shipped claims: faithful to the document, and judged right where it can be worked by hand."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bench import claims, shipped
from bench.claims.evidence import Held, arranged
from bench.claims.ledger import VERDICTS, Entry, ledger
from bench.claims.metrics import METRICS, entry
from bench.spec import Claim, Measured, Portrait, RunRecord
from bench.store import Suite
from tests.support import ROOT

CLAIMS = claims.load_file(shipped.folder("claims") / "session6.toml")
ROUNDED = re.compile(r"(~?)(\d[\d,]*(?:\.\d+)?)(%?)")
WORDS_ALONE = ("not_checkable", "accuracy_gain_points")


def test_there_are_many_and_few_that_cannot_be_checked() -> None:
    assert len(CLAIMS) >= 90
    assert sum(claim.metric == "not_checkable" for claim in CLAIMS) <= 10
    assert [claim.line for claim in CLAIMS] == sorted(claim.line for claim in CLAIMS)


def test_no_verdict_is_typed_in() -> None:
    text = (shipped.folder("claims") / "session6.toml").read_text(encoding="utf-8")
    keys = set(re.findall(r"^(\w+) =", text, re.MULTILINE))
    assert keys <= set(Claim.__struct_fields__)
    assert not any(re.search(rf'"{verdict}"', text) for verdict in VERDICTS)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_a_published_value_is_in_its_quote_or_derived_from_it(claim: Claim) -> None:
    if claim.metric in WORDS_ALONE:
        return
    if claim.derivation:
        reckoned = eval(claim.derivation.rpartition(": ")[2], {"max": max})
        assert reckoned == (claim.text or claim.published)
        return
    if claim.text:
        assert claim.text in claim.quote
        return
    numbers = {Decimal(digits.replace(",", "")) for _, digits, _ in ROUNDED.findall(claim.quote)}
    assert abs(Decimal(str(claim.published))) in numbers


@pytest.mark.parametrize(
    "claim", [c for c in CLAIMS if c.tolerance and not c.derivation], ids=lambda claim: claim.id
)
def test_a_tolerance_is_half_of_the_last_digit_given(claim: Claim) -> None:
    published = abs(Decimal(str(claim.published)))
    allowed = set()
    for about, digits, percent in ROUNDED.findall(claim.quote):
        number = Decimal(digits.replace(",", ""))
        if number != published:
            continue
        exponent = number.as_tuple().exponent
        assert isinstance(exponent, int)
        if about and exponent == 0:  # "~8,500": zeros at the end are no digits
            exponent = len(digits.replace(",", "")) - len(digits.replace(",", "").rstrip("0"))
        if about or percent or exponent < 0:
            allowed.add(Decimal(1).scaleb(exponent) / 2)
    # "~0.05-0.07%" has one sign for both of its ends
    assert Decimal(str(claim.tolerance)) in allowed


def test_every_kind_of_statement_is_there() -> None:
    used = {entry(claim.metric) for claim in CLAIMS}
    assert used >= set(METRICS) - {"multiply_adds", "best_test_accuracy_percent"}


def reference_runs() -> list[RunRecord]:
    """The ten seeds a network that this repository ships."""
    return Suite(ROOT / "results", "reference").runs()


def judged(portraits: list[Portrait], runs: list[RunRecord]) -> dict[str, Entry]:
    held = Held("reference", runs, portraits)
    return {each.claim.id: each for each in ledger(CLAIMS, arranged([held], CLAIMS))}


@pytest.fixture(scope="module")
def structure(portraits: list[Portrait]) -> dict[str, Entry]:
    return judged(portraits, [])


# Worked by hand. A 3x3 kernel widens a field by 2 jumps: pool 2 leaves 16 pixels with jump 4, so
# the fifth convolution sees 16 + 2 * 4 = 24 and the sixth 32. A depthwise 3x3 on 8 channels has 9
# weights a channel, 72, and 8 * 3 * 3 * 8 is 576: neither is 672. Conv layers of Model_1: 54 + 648
# + 1,728 + 2,880 + 2,880 + 1,440 weights and 80 biases. BatchNorm: two for each of 70 (72)
# channels. A skip of 12 to 20 channels: 240 weights, 20 biases.
BY_HAND: tuple[tuple[str, Any, Any, str], ...] = (
    ("model_1.receptive_field.conv4", 14, 14, "confirmed"),
    ("model_1.receptive_field.conv5", 20, 24, "refuted"),
    ("model_1.receptive_field.conv6", 24, 32, "refuted"),
    ("model_1.receptive_field", 32, 32, "confirmed"),
    ("model_1.receptive_field.summary_and_listing", 32, 24, "inconsistent"),
    ("depthwise.arithmetic.depthwise", 672, 576, "refuted"),
    ("depthwise.weights.depthwise", 672, 72, "refuted"),
    ("depthwise.arithmetic.pointwise", 96, 96, "confirmed"),
    ("depthwise.weights.pointwise", 96, 96, "confirmed"),
    ("depthwise.arithmetic.sum", 768, 768, "confirmed"),
    ("depthwise.weights.sum", 768, 168, "refuted"),
    ("depthwise.arithmetic.standard", 864, 864, "confirmed"),
    ("depthwise.weights.standard", 864, 864, "confirmed"),
    ("depthwise.saving", 11, 80.555556, "refuted"),
    ("model_2.separable_saving", 40, 29.835749, "refuted"),  # 7,262 of 10,350
    ("model_3.se1.parameters", 96, 96, "confirmed"),
    ("model_3.se2.parameters", 160, 160, "confirmed"),
    ("model_3.se1.about_parameters", 3, 96, "refuted"),
    ("model_3.se2.about_parameters", 5, 160, "refuted"),
    ("model_1.components.conv_layers", 8500, 9710, "refuted"),
    ("model_2.components.conv_layers", 6200, 6858, "refuted"),
    ("model_1.components.batchnorm", 68, 140, "refuted"),
    ("model_3.components.se_attention", 256, 256, "confirmed"),
    ("model_2.components.skip_connections", 240, 260, "refuted"),
    ("model_1.components.column_sum", 9850, 8568, "inconsistent"),
    ("model_2.components.column_sum", 7262, 6508, "inconsistent"),
    ("model_3.components.column_sum", 7518, 6964, "inconsistent"),
    ("model_3.about_parameters_and_table", 7800, 7518, "inconsistent"),
    ("model_1.target_shortfall", 0.05, 0.05, "confirmed"),
    ("model_1.target_shortfall.test", 0.05, 0.01, "refuted"),
    ("model_1.limit_excess", 1850, 1850, "confirmed"),
    ("model_3.limit_excess", -482, -482, "confirmed"),
    ("model_3.objective.parameters", 8000, 7518, "confirmed"),
    ("model_3.dropout.3", 0.02, 0.02, "confirmed"),
    ("model_1.output_shape.pool2", "7x7x20", "7x7x20", "confirmed"),
    ("model_1.recipe.schedule", "one_cycle", "one_cycle", "confirmed"),
)


@pytest.mark.parametrize(("name", "published", "measured", "verdict"), BY_HAND)
def test_what_was_worked_by_hand(
    structure: dict[str, Entry], name: str, published: Any, measured: Any, verdict: str
) -> None:
    found = structure[name]
    assert found.published == published
    assert found.judged.verdict == verdict
    if isinstance(measured, str):
        assert found.judged.measured == measured
    else:
        value = found.judged.measured
        assert value is not None
        assert not isinstance(value, str)
        assert float(value) == pytest.approx(measured, abs=1e-6)


def test_structure_needs_no_run(structure: dict[str, Entry]) -> None:
    over_runs = {"undecided"} & {e.judged.verdict for e in structure.values() if e.judged.n}
    assert over_runs == set()
    undecided = [e.claim for e in structure.values() if e.judged.verdict == "undecided"]
    about_runs = ("accuracy", "shortfall_points", "validation_share")
    assert all(any(word in claim.metric for word in about_runs) for claim in undecided)


def test_the_shipped_runs_judge_the_accuracies(portraits: list[Portrait]) -> None:
    found = judged(portraits, reference_runs())
    for name in ("model_1", "model_2", "model_3"):
        test = found[f"{name}.test_accuracy"].judged
        assert test.n == 10
        assert test.verdict == "confirmed"
        assert "optimistic" in found[f"{name}.validation_accuracy"].judged.rule
    assert found["model_1.objective.accuracy"].judged.verdict == "undecided"  # 9 of 10
    assert found["model_2.objective.accuracy"].judged.verdict == "undecided"  # 7 of 10
    assert found["model_3.target.consistent"].judged.verdict == "refuted"
    assert found["model_2.expected_accuracy"].judged.verdict == "refuted"  # ~99.1%
    assert {e.judged.verdict for e in found.values()} >= set(VERDICTS) - {"not comparable"}


def test_a_changed_record_changes_the_verdict(portraits: list[Portrait]) -> None:
    def lifted(run: RunRecord) -> RunRecord:
        if run.architecture != "model_1":
            return run
        last = replace(run.epochs[-1], test_correct=run.epochs[-1].test_correct - 60)  # type: ignore[operator]
        return replace(run, epochs=[*run.epochs[:-1], last])

    before = judged(portraits, reference_runs())
    after = judged(portraits, [lifted(run) for run in reference_runs()])
    for name, was, becomes in (
        ("model_1.test_accuracy", "confirmed", "refuted"),
        ("model_1.objective.accuracy", "undecided", "refuted"),
        ("model_1.target_mark", "refuted", "confirmed"),
        ("model_1.finding.gap.least", "refuted", "confirmed"),
    ):
        assert (before[name].judged.verdict, after[name].judged.verdict) == (was, becomes)
    assert after["model_2.test_accuracy"].judged == before["model_2.test_accuracy"].judged


def mutated(portraits: list[Portrait], measure: str, layer: str, **cells: Any) -> list[Portrait]:
    def changed(found: Measured) -> Measured:
        rows = {**found.layers, layer: {**found.layers[layer], **cells}}
        return replace(found, layers=rows)

    return [
        replace(p, measures={**p.measures, measure: changed(p.measures[measure])})
        if p.architecture == "model_1"
        else p
        for p in portraits
    ]


def test_a_changed_measure_changes_the_verdict(
    portraits: list[Portrait], structure: dict[str, Entry]
) -> None:
    narrow = judged(mutated(portraits, "receptive_field", "block3.0.0", receptive_field=20), [])
    assert structure["model_1.receptive_field.conv5"].judged.verdict == "refuted"
    assert narrow["model_1.receptive_field.conv5"].judged.verdict == "confirmed"
    other = judged(mutated(portraits, "parameters", "block2.2", output_shape=[20, 8, 8]), [])
    assert structure["model_1.output_shape.pool2"].judged.verdict == "confirmed"
    assert other["model_1.output_shape.pool2"].judged.verdict == "refuted"


def test_a_changed_recipe_changes_the_verdict(portraits: list[Portrait]) -> None:
    def longer(portrait: Portrait) -> Portrait:
        return replace(portrait, recipe=portrait.recipe.with_epochs(16))

    found = judged([longer(portrait) for portrait in portraits], [])
    assert found["model_2.objective.epochs"].judged.verdict == "refuted"

"""The course README's claims: complete, and judged right where it can be worked by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace
from scipy import stats

from bench import machine
from bench.evidence import claims
from bench.evidence.claims.gather import SuiteContents, arranged
from bench.evidence.claims.ledger import VERDICTS, Entry, ledger
from bench.evidence.claims.metrics import METRICS, entry
from bench.records.store import Suite
from bench.spec import Measured, Portrait, RunRecord
from tests.support import ROOT

SAID = claims.load_files([machine.folder("claims") / "session6.toml"])
CLAIMS, OBJECTIVES = SAID.claims, claims.Objectives(tuple(SAID.documents))
ELSEWHERE = {  # what other documents speak of
    *("multiply_adds", "weights_bytes", "n_non_trainable_parameters", "step_size_epochs"),
    *("best_test_accuracy_percent", "best_test_epoch", "sustained_test_accuracy_percent"),
    *("last_train_accuracy_percent", "mean_train_accuracy_percent", "best_validation_epoch"),
    *("last_train_loss", "last_validation_loss", "last_test_loss", "mean_test_loss"),
    *("mean_test_accuracy_percent", "mean_test_shortfall_points"),
    *("test_accuracy_sd_points", "mean_test_accuracy_gain_points"),
    "published_weights_test_accuracy_percent",
    *("multiply_adds.*", "multiply_adds_share_percent", "multiply_adds_share_percent.*"),
    *("parameters_share_percent", "parameters_share_percent.*"),
}
SHORT = {"finding.gap.least": "at least .05", "finding.gap.most": "at most .07"}


def test_there_are_many_and_few_that_cannot_be_checked() -> None:
    assert len(CLAIMS) >= 90
    assert sum(claim.metric == "not_checkable" for claim in CLAIMS) <= 15


@pytest.mark.parametrize("line", [21, 26, 33, 120, 121])
def test_every_line_that_states_something_has_a_claim_or_a_reason(line: int) -> None:
    said = [claim for claim in CLAIMS if claim.line == line]
    assert said
    assert all(claim.reason or claim.published or claim.text for claim in said)


@pytest.mark.parametrize(
    ("line", "quote"),
    [(150, "Depthwise separable"), (152, "Lightweight design"), (155, "Progressive optimization")],
)
def test_the_last_column_of_the_components_has_a_claim_or_a_reason(line: int, quote: str) -> None:
    assert [claim for claim in CLAIMS if (claim.line, claim.quote) == (line, quote)]


def test_every_kind_of_statement_is_there() -> None:
    used = {entry(claim.metric) for claim in CLAIMS}
    assert used >= set(METRICS) - ELSEWHERE


def reference_runs() -> list[RunRecord]:
    """The ten seeds a network that this repository ships."""
    return Suite(ROOT / "results", "reference").runs()


def judged(portraits: list[Portrait], runs: list[RunRecord]) -> dict[str, Entry]:
    held = SuiteContents("reference", runs, portraits)
    evidence = arranged([held], CLAIMS, objectives=OBJECTIVES)
    return {each.claim.id: each for each in ledger(CLAIMS, evidence)}


@pytest.fixture(scope="module")
def structure(portraits: list[Portrait]) -> dict[str, Entry]:
    return judged(portraits, [])


# Worked by hand. A 3x3 kernel widens a field by 2 jumps: pool 2 leaves 16 pixels with jump 4, so
# the fifth convolution sees 16 + 2 * 4 = 24 and the sixth 32. A depthwise 3x3 on 8 channels has 9
# weights a channel, 72, and 8 * 3 * 3 * 8 is 576: neither is 672. Conv layers of Model_1: 54 + 648
# + 1,728 + 2,880 + 2,880 + 1,440 weights and 80 biases. BatchNorm: two for each of 70 (72)
# channels. A skip of 12 to 20 channels: 240 weights, 20 biases. Gates of 12 and of 20 channels have
# 4 neurons each, 48 and 80 weights a layer and no biases. 7,262 rounds to 7,300, 99.35 to 99.4.
NORMED, BARE = "Conv2d, BatchNorm2d, ReLU", "Conv2d, AdaptiveAvgPool2d"
GATE = "AdaptiveAvgPool2d, Linear, ReLU, Linear, Sigmoid"
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
    ("model_1.n_weights.conv1", 54, 54, "confirmed"),
    ("model_1.n_weights.conv6", 1440, 1440, "confirmed"),
    ("model_1.sequence.conv1", NORMED, NORMED, "confirmed"),
    ("model_1.sequence.conv5", NORMED, NORMED, "confirmed"),
    ("model_1.sequence.conv6", BARE, BARE, "confirmed"),
    ("model_1.sequence.pool2", "MaxPool2d, Dropout", "MaxPool2d, Dropout", "confirmed"),
    ("model_1.n_layers.batchnorm", 5, 5, "confirmed"),
    ("model_1.n_layers.relu", 5, 5, "confirmed"),
    ("model_2.about_parameters_and_table", 7200, 7262, "inconsistent"),
    ("model_2.expected_accuracy_and_table", 99.1, 99.35, "inconsistent"),
    ("model_2.depthwise.n_weights", 72, 72, "confirmed"),
    ("model_2.pointwise.groups", 1, 1, "confirmed"),
    ("model_2.average_pooling", "1x1x10", "1x1x10", "confirmed"),
    ("model_3.se1.reduction", 48, 48, "confirmed"),
    ("model_3.se2.reduction", 80, 80, "confirmed"),
    ("model_3.se2.squeeze", "1x1x20", "1x1x20", "confirmed"),
    ("model_3.se1.sequence", GATE, GATE, "confirmed"),
    ("model_3.se2.sequence", GATE, GATE, "confirmed"),
    ("model_3.se2.output", "20", "20", "confirmed"),
    ("model_3.se1.output_biases", 12, 0, "refuted"),
    ("model_3.se2.output_biases", 20, 0, "refuted"),
    ("model_3.attention.depthwise", 0, 72 + 8 + 144 + 16, "confirmed"),
    ("model_3.attention.place", "ReLU, AdaptiveAvgPool2d", "ReLU, AdaptiveAvgPool2d", "confirmed"),
    ("model_3.residual.place", "Sigmoid, Conv2d", "Sigmoid, Conv2d", "confirmed"),
    ("model_3.average_pooling", "1x1x10", "1x1x10", "confirmed"),
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
    # 12 channels come into block 2 and 20 go out; its depthwise layer has 16
    ("model_2.skip.input", 240, 240, "confirmed"),
    ("model_2.residual.separable", "Conv2d, Conv2d", "Conv2d, Conv2d", "confirmed"),
    ("model_2.residual.groups", 16, 16, "confirmed"),
    # depthwise layers of 8 and 16 channels: 8 * 9 + 8 + 16 * 9 + 16
    ("model_2.components.conv_layers.separable", 0, 240, "confirmed"),
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
        assert test.verdict == "consistent"
        assert "optimistic" in found[f"{name}.validation_accuracy"].judged.rule
    assert found["model_1.objective.accuracy"].judged.verdict == "undecided"  # 9 of 10
    assert found["model_2.objective.accuracy"].judged.verdict == "undecided"  # 7 of 10
    assert found["model_3.target.consistent"].judged.verdict == "refuted"
    assert found["model_2.expected_accuracy"].judged.verdict == "not consistent"  # ~99.1%
    assert {e.judged.verdict for e in found.values()} >= set(VERDICTS) - {"not comparable"}


def test_the_gap_is_judged_by_validation(portraits: list[Portrait]) -> None:
    """Line 19 speaks of the Val column: the best epoch's validation accuracy."""
    runs = reference_runs()
    found = judged(portraits, runs)
    verdicts = {
        (name, words): found[f"{name}.{part}"].judged.verdict
        for name in ("model_1", "model_2", "model_3")
        for part, words in SHORT.items()
    }
    assert verdicts == {
        ("model_1", "at least .05"): "undecided",
        ("model_2", "at least .05"): "confirmed",
        ("model_3", "at least .05"): "undecided",
        ("model_1", "at most .07"): "undecided",
        ("model_2", "at most .07"): "refuted",
        ("model_3", "at most .07"): "undecided",
    }
    keys = set(found["model_2.finding.gap.least"].judged.stands_on)
    best = [
        max(epoch.validation_correct for epoch in run.epochs)
        for run in runs
        if any(run.key[:12] in place for place in keys)
    ]
    assert len(best) == 10
    short = [99.4 - right / 60 for right in best]
    interval = stats.ttest_1samp(short, 0).confidence_interval()
    assert (
        f"{interval.low:.3f} to {interval.high:.3f}"
        in found["model_2.finding.gap.most"].judged.rule
    )


def test_the_mark_beside_the_gap_is_judged_by_validation_too(portraits: list[Portrait]) -> None:
    found = judged(portraits, reference_runs())
    for name in ("model_1", "model_2", "model_3"):
        assert found[f"{name}.target_mark"].judged.verdict == "confirmed"


def test_a_changed_record_changes_the_verdict(portraits: list[Portrait]) -> None:
    def lifted(run: RunRecord) -> RunRecord:
        if run.architecture != "model_1":
            return run
        last = replace(run.epochs[-1], test_correct=run.epochs[-1].test_correct - 60)  # type: ignore[operator]
        return replace(run, epochs=[*run.epochs[:-1], last])

    before = judged(portraits, reference_runs())
    after = judged(portraits, [lifted(run) for run in reference_runs()])
    for name, was, becomes in (
        ("model_1.test_accuracy", "consistent", "not consistent"),
        ("model_1.objective.accuracy", "undecided", "refuted"),
        ("model_2.target.accuracy_gain", "undecided", "confirmed"),
    ):
        assert (before[name].judged.verdict, after[name].judged.verdict) == (was, becomes)
    assert after["model_2.test_accuracy"].judged == before["model_2.test_accuracy"].judged


Rows = dict[str, dict[str, Any]]


def with_rows(
    portraits: list[Portrait], name: str, measure: str, change: Callable[[Rows], Rows]
) -> list[Portrait]:
    def changed(found: Measured) -> Measured:
        return replace(found, layers=change(found.layers))

    return [
        replace(p, measures={**p.measures, measure: changed(p.measures[measure])})
        if p.architecture == name
        else p
        for p in portraits
    ]


def mutated(portraits: list[Portrait], measure: str, layer: str, **cells: Any) -> list[Portrait]:
    def change(rows: Rows) -> Rows:
        return {**rows, layer: {**rows[layer], **cells}}

    return with_rows(portraits, "model_1", measure, change)


def test_a_changed_measure_changes_the_verdict(
    portraits: list[Portrait], structure: dict[str, Entry]
) -> None:
    narrow = judged(mutated(portraits, "receptive_field", "block3.0.0", receptive_field=20), [])
    assert structure["model_1.receptive_field.conv5"].judged.verdict == "refuted"
    assert narrow["model_1.receptive_field.conv5"].judged.verdict == "confirmed"
    other = judged(mutated(portraits, "parameters", "block2.2", output_shape=[20, 8, 8]), [])
    assert structure["model_1.output_shape.pool2"].judged.verdict == "confirmed"
    assert other["model_1.output_shape.pool2"].judged.verdict == "refuted"


def test_a_norm_more_or_another_order_is_seen(portraits: list[Portrait]) -> None:
    def normed(rows: Rows) -> Rows:  # the sixth convolution too
        last = {"extra": {**rows["block3.0.1"], "output_shape": [10, 7, 7]}}
        names = list(rows)
        at = names.index("block3.1") + 1
        return {n: rows[n] for n in names[:at]} | last | {n: rows[n] for n in names[at:]}

    found = judged(with_rows(portraits, "model_1", "parameters", normed), [])
    measured = found["model_1.sequence.conv6"].judged.measured
    assert measured == "Conv2d, BatchNorm2d, AdaptiveAvgPool2d"
    for name in ("model_1.sequence.conv6", "model_1.n_layers.batchnorm"):
        assert found[name].judged.verdict == "refuted"

    def skipped_first(rows: Rows) -> Rows:  # the gate would then see the sum
        return {"skip": rows["skip"]} | {n: row for n, row in rows.items() if n != "skip"}

    found = judged(with_rows(portraits, "model_3", "parameters", skipped_first), [])
    assert found["model_3.residual.place"].judged.verdict == "refuted"


def test_a_changed_recipe_changes_the_verdict(portraits: list[Portrait]) -> None:
    def longer(portrait: Portrait) -> Portrait:
        return replace(portrait, recipe=portrait.recipe.with_epochs(16))

    found = judged([longer(portrait) for portrait in portraits], [])
    assert found["model_2.objective.epochs"].judged.verdict == "refuted"

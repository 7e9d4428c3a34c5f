"""Each variation against its own network: whose it is, and the effect worked by hand."""

from __future__ import annotations

import re

import numpy as np
import pytest
from msgspec.structs import replace
from scipy import stats as scipy_stats

from bench.inputs.recipes import Changes, parsed
from bench.report.figures.svg import svg
from bench.report.labels import changes
from bench.report.model import Section
from bench.report.sections import comparisons, variations
from bench.report.summary import Summary, summarise
from bench.spec import Augmentation, Portrait, RunRecord
from tests import factories
from tests.factories import runs

MINUS = "\N{MINUS SIGN}"
RECIPE = {"recipe": replace(factories.recipe(), ema_decay=0.5)}
OWN = (9940, 9942, 9941, 9943, 9940, 9942)
CHANGED = (9930, 9933, 9930, 9935, 9928, 9932)


def portrait(name: str, group: str = "") -> Portrait:
    """As the factory's of model_1, of a file of that name; its digest is that of its runs."""
    digest = factories.record(name, 0).architecture_digest
    return replace(
        factories.portrait("model_1"),
        architecture=name,
        architecture_digest=digest,
        display_name=name,
        group=group,
    )


def summary_of(records: list[RunRecord], *portraits: Portrait) -> Summary:
    return summarise("local", records, list(portraits), factories.published(), {}, "command")[0]


def rows(section: Section | None) -> list[list[str]]:
    assert section is not None
    return [[cell.text for cell in row] for row in section.tables[0].rows]


def test_another_recipe_is_compared_with_its_own_network_by_hand() -> None:
    records = [*runs("net", OWN), *runs("net", CHANGED, **RECIPE), *runs("other", OWN)]
    section = variations.section(summary_of(records, portrait("net"), portrait("other")))
    ((first, second, difference, interval, n, *_),) = rows(section)
    apart = (np.mean(CHANGED) - np.mean(OWN)) / 100
    welch = scipy_stats.ttest_ind(CHANGED, OWN, equal_var=False).confidence_interval(0.95)
    assert (first, second) == ("net · ema_decay=0.5", "net")
    assert difference == f"{MINUS}{abs(apart):.3f}"
    low, high = welch.low / 100, welch.high / 100
    assert interval == f"{MINUS}{abs(low):.3f} to {MINUS}{abs(high):.3f}"
    assert n == "6 and 6"
    assert section is not None
    assert section.text[0].endswith(
        "1 differs at p < 0.05, corrected by Holm for 1 comparison of this section: "
        f"{first} by {difference} points."
    )
    assert "Holm p: corrected by Holm for 1 comparison of this section." in section.notes[0]
    drawn = svg(section.plots[0].draw(), "variations")
    assert "ema_decay=0.5" in drawn


def test_arms_of_different_environments_are_named_as_such() -> None:
    here = runs("net", OWN)
    there = runs("net", CHANGED, **RECIPE, environment=factories.WORKSTATION)
    for records, n_notes in (([*here, *there], 2), ([*here, *runs("net", CHANGED, **RECIPE)], 1)):
        section = variations.section(summary_of(records, portrait("net")))
        assert section is not None
        assert len(section.notes) == n_notes
        said = "The runs of the pair were made in different environments" in section.notes[-1]
        assert said == (n_notes == 2)


def test_a_label_names_a_recipe_as_the_command_takes_it() -> None:
    own = portrait("net")
    recipe = replace(
        own.recipe,
        schedule="cosine",
        weight_decay=1e-05,
        decay_norm_and_bias=not own.recipe.decay_norm_and_bias,
        ema_decay=0.1 + 0.2,
        batch_size=64,
        peak_learning_rate=1.0,
    )
    told = changes(own, factories.record("net", 0, recipe=recipe))
    assert Changes(fields=parsed(told.split(", "))).applied(own.recipe) == recipe
    assert "peak_learning_rate=1," in told


MILD = Augmentation(
    rotation_degrees=6.0, translate=0.08, scale_min=0.9, scale_max=1.1, shear_degrees=2.0
)


@pytest.mark.parametrize(
    ("fields", "said", "note"),
    [
        (
            {"rotation_degrees": 0.0, "translate": 0.0, "scale_min": 1.0, "scale_max": 1.0}
            | {"shear_degrees": 0.0},
            "no augmentation",
            "rotation_degrees=0, translate=0, scale_min=1, scale_max=1, shear_degrees=0",
        ),
        (
            {"scale_min": 0.8, "scale_max": 1.2, "rotation_degrees": 9.0},
            "stronger augmentation",
            "rotation_degrees=9, scale_min=0.8, scale_max=1.2",
        ),
        (
            {"scale_min": 0.95, "scale_max": 1.05, "rotation_degrees": 3.0},
            "weaker augmentation",
            "rotation_degrees=3, scale_min=0.95, scale_max=1.05",
        ),
        (
            {"crop_padding": 4, "flip_probability": 0.5, "brightness": 0.2},
            "stronger augmentation",
            "crop_padding=4, flip_probability=0.5, brightness=0.2",
        ),
        ({"rotation_degrees": 9.0, "translate": 0.1}, "rotation_degrees=9, translate=0.1", ""),
    ],
)
def test_a_changed_augmentation_has_a_word_and_its_fields_below(
    fields: dict[str, float], said: str, note: str
) -> None:
    own = replace(factories.recipe(), augmentation=MILD)
    other = replace(own, augmentation=replace(MILD, **fields))
    records = [*runs("net", OWN, recipe=own), *runs("net", CHANGED, recipe=other)]
    section = variations.section(summary_of(records, replace(portrait("net"), recipe=own)))
    assert section is not None
    ((first, second, *_),) = section.tables[0].rows
    assert (first.text, first.note) == (f"net · {said}", note)
    assert (second.text, second.note) == ("net", "")


def test_an_augmentation_stronger_in_one_part_and_weaker_in_another_has_no_word() -> None:
    own = replace(factories.recipe(), augmentation=MILD)
    mixed = replace(MILD, rotation_degrees=9.0, translate=0.04, shear_degrees=4.0)
    records = [
        *runs("net", OWN, recipe=own),
        *runs("net", CHANGED, recipe=replace(own, augmentation=mixed)),
    ]
    section = variations.section(summary_of(records, replace(portrait("net"), recipe=own)))
    ((first, *_),) = rows(section)
    assert re.fullmatch("net · recipe [0-9a-f]{6}", first)


def test_a_recipe_of_several_is_named_after_the_network_with_the_most_runs_of_it() -> None:
    shared = replace(factories.recipe(), ema_decay=0.5, batch_size=64, weight_decay=0.1)
    records = [
        *runs("net", OWN),
        *runs("net", CHANGED, recipe=shared),
        *runs("first", OWN[:2], recipe=shared),
        *runs("second", OWN, recipe=shared),
    ]
    givers = [replace(portrait(name), recipe=shared) for name in ("first", "second")]
    section = variations.section(summary_of(records, portrait("net"), *givers))
    ((label, *_),) = rows(section)
    assert label == "net · recipe of second"


def test_an_ablation_is_compared_with_the_network_whose_name_it_begins_with() -> None:
    """The longest such name; one that begins with none is compared with nothing."""
    records = [
        *runs("net", OWN),
        *runs("net_2", CHANGED),
        *runs("net_2_without", OWN),
        *runs("without", OWN),
    ]
    found = summary_of(
        records,
        portrait("net"),
        portrait("net_2"),
        portrait("net_2_without", "ablations"),
        portrait("without", "ablations"),
    )
    assert [row[:2] for row in rows(variations.section(found))] == [["net_2_without", "net_2"]]


def test_networks_alone_have_no_variations() -> None:
    found = summary_of([*runs("net", OWN), *runs("net_2", OWN)], portrait("net"), portrait("net_2"))
    assert variations.section(found) is None


def test_of_many_arms_only_the_networks_are_compared_with_one_another() -> None:
    """Twelve arms are compared in all pairs; a thirteenth leaves the two networks alone."""
    records = [*runs("net", OWN[:2]), *runs("other", CHANGED[:2])]
    for number in range(1, 11):
        recipe = replace(factories.recipe(), weight_decay=number / 100)
        records += runs("net", OWN[:2], recipe=recipe)
    portraits = portrait("net"), portrait("other")
    assert n_pairs(summary_of(records, *portraits)) == 12 * 11 / 2
    records += runs("net", OWN[:2], **RECIPE)
    assert n_pairs(summary_of(records, *portraits)) == 1


def n_pairs(summary: Summary) -> int:
    section = comparisons.section(summary)
    assert section is not None
    return len(section.tables[-1].rows)


def test_of_many_that_differ_the_lower_and_the_higher_are_counted() -> None:
    own = [9940 + seed % 3 for seed in range(9)]  # no run overlaps: two of 48,620 deals
    records = runs("net", own)
    for tens, apart in enumerate((-9, -8, -7, 6), start=1):
        recipe = replace(factories.recipe(), ema_decay=tens / 10)
        records += runs("net", [count + apart for count in own], recipe=recipe)
    section = variations.section(summary_of(records, portrait("net")))
    assert section is not None
    assert section.text[0].endswith(
        "4 differ at p < 0.05, corrected by Holm for 4 comparisons of this section: 3 lower and 1 "
        "higher."
    )

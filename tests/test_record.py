"""Our own networks: their size by hand, one recipe, and sweeps that are what was declared."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from statistics import fmean
from typing import Any

import pytest
import torch
from msgspec.structs import replace
from scipy.stats import ttest_ind

from bench.inputs import discover
from bench.measuring.effective_field import with_weights
from bench.records.store import Suite
from bench.spec import Architecture, Recipe, RunRecord
from bench.training.engine.network import initialised, require_trainable
from tests.support import ROOT, text_of

Changes = dict[str, Any]
# 3x3 weights, then a scale and a shift a channel, then the linear layer.
SHAPE_7344 = (90 + 900 + 1440 + 2304 + 2304) + 2 * (10 + 10 + 16 + 16 + 16) + (160 + 10)
BY_HAND = dict.fromkeys(("stack_7344", "silu_7344", "averaged_7344", "fine_7344"), SHAPE_7344)
# Kernels of eight orientations: weights of one, a scale and a shift for each of eight.
BY_HAND |= {
    "p4m_4988": 9 * (2 + 32 + 64 + 3 * 128) + 2 * 8 * (2 + 2 + 4 * 4) + (320 + 10),
    "p4m_3772": 9 * (2 + 32 + 64 + 2 * 128) + 2 * 8 * (2 + 2 + 3 * 4) + (320 + 10),
    # Factored: 9 + 8 weights a pair of kernels.
    "p4m_2576": 9 * (2 + 32) + 17 * (12 + 36 + 36) + 2 * 8 * (2 + 2 + 3 * 6) + (480 + 10),
    "p4m_2492": 9 * (2 + 32 + 48 + 2 * 72) + 2 * 8 * (2 + 2 + 3 * 3) + (240 + 10),
    "fine_4578": 9 * (8 + 64 + 96 + 144 + 168) + 2 * (8 + 8 + 12 + 12 + 14) + (140 + 10),
    "fine_3408": 9 * (6 + 48 + 80 + 100 + 120) + 2 * (6 + 8 + 10 + 10 + 12) + (120 + 10),
    "fine_2292": 9 * (6 + 36 + 48 + 64 + 80) + 2 * (6 + 6 + 8 + 8 + 10) + (100 + 10),
}
# Smaller ones of the same layers as another; no run of the search chose them.
FRONTIER = dict.fromkeys(("fine_4578", "fine_3408", "fine_2292"), "fine_7344")
FRONTIER["p4m_2492"] = "p4m_3772"
# Evaluated with the stride that the other is trained with, too.
STRIDED = {"fine_7344": "averaged_7344", "p4m_4988": "p4m_strided_4988"}
BY_HAND |= {strided: BY_HAND[fine] for fine, strided in STRIDED.items()}
AVERAGED: Changes = {
    "schedule": "cosine",
    "warmup_fraction": 0.1,
    "final_fraction": 0.2,
    "ema_decay": 0.9995,
}
# The file of the search, and what `--with` changed of its recipe.
CANDIDATE: dict[str, tuple[str, Changes]] = {
    "stack_7344": ("try_7344", {}),
    "silu_7344": ("try_7344_silu", {}),
    "averaged_7344": ("try_7344_silu", AVERAGED),
    "fine_7344": ("try_7344_silu_fine", AVERAGED),
    "p4m_4988": ("try_4988_mirrored", AVERAGED),
    "p4m_3772": ("try_3772_mirrored", AVERAGED),
    "p4m_2576": ("try_2576_factored", AVERAGED),
}
# Of the declared seeds, where not all were run.
SO_FAR = {"silu_7344": 10, "p4m_2576": 25, "p4m_3772": 34, "p4m_strided_4988": 29}
# Every run reaches the target, says docs/search-log.md, and at least so many.
EVERY_RUN = {"fine_7344": 30, "p4m_4988": 30, "p4m_strided_4988": 29, "p4m_3772": 29}
# What the ingredients change of p4m_4988's recipe: five runs each (docs/search-log.md).
AUGMENTATIONS: tuple[Changes, ...] = (
    {
        "rotation_degrees": 0.0,
        "translate": 0.0,
        "scale_min": 1.0,
        "scale_max": 1.0,
        "shear_degrees": 0.0,
    },
    {
        "rotation_degrees": 12.0,
        "translate": 0.16,
        "scale_min": 0.88,
        "scale_max": 1.12,
        "shear_degrees": 4.0,
    },
)
INGREDIENTS: tuple[Changes, ...] = (
    {"ema_decay": 0.0},
    {"final_fraction": 0.0},
    {"weight_decay": 0.0},
    {"batch_size": 64},
    {"batch_size": 256},
)
ROW = re.compile(r"^\| .* \| (`\w+`(?:, `\w+`)*) \| .* \| (\d+) to (\d+) \|$", re.MULTILINE)
FOUND = {each.name: each for each in discover.scan_all(ROOT / "architectures")}
NAMES = sorted(each.name for each in discover.scan(ROOT / "architectures", "record"))
SWEPT = [name for name in NAMES if SO_FAR.get(name) != 0]
PUBLIC = sorted(each.name for each in discover.scan(ROOT / "architectures", "public"))
ALL_SWEPT = [*SWEPT, *(name for name in PUBLIC if SO_FAR.get(name) != 0)]
SUITE = Suite(ROOT / "results", "reference")
RUNS = SUITE.runs()
SEARCH_RUNS = Suite(ROOT / "results", "search").runs()
PORTRAITS = SUITE.portraits()


def sweep(name: str) -> list[RunRecord]:
    """The runs of a network, less those that the ingredients are judged by."""
    varied = ingredients() if name == "p4m_4988" else []
    return [run for run in RUNS if run.architecture == name and run.recipe not in varied]


def judging(name: str) -> list[RunRecord]:
    """Those of a sweep that its verdict is read from: five of p4m_3772 chose it."""
    return [run for run in sweep(name) if name != "p4m_3772" or run.seed >= 400]


def ingredients() -> list[Recipe]:
    own = loaded("p4m_4988").recipe
    augmentations = (replace(own.augmentation, **changes) for changes in AUGMENTATIONS)
    return [
        loaded("model_2").recipe,
        *(replace(own, **changes) for changes in INGREDIENTS),
        *(replace(own, augmentation=each) for each in augmentations),
    ]


def correct_at_the_end(run: RunRecord) -> int:
    """Of 10,000 test images; a run that did not end well has none right."""
    correct = run.epochs[-1].test_correct if run.status == "completed" else None
    return correct or 0


@cache
def loaded(name: str) -> Architecture:
    return discover.load(FOUND[name])


def declared(text: str) -> dict[str, list[int]]:
    """Network -> seeds, in the table of that page; a network may have several rows."""
    seeds: dict[str, list[int]] = {}
    for names, low, high in ROW.findall(text):
        for name in names.replace("`", "").split(", "):
            seeds.setdefault(name, []).extend(range(int(low), int(high) + 1))
    return seeds


def search_page() -> str:
    """It declares the sweeps."""
    return text_of("docs/search-log.md")


def spans(seeds: list[int]) -> str:
    """As a network's head names them: "200 to 204 and 400 to 428"."""
    lows = [seed for seed in seeds if seed - 1 not in seeds]
    highs = [seed for seed in seeds if seed + 1 not in seeds]
    return " and ".join(f"{low} to {high}" for low, high in zip(lows, highs, strict=True))


def in_words(text: str) -> str:
    """Without its generated tables."""
    return re.sub(r"<!-- ([\w=,-]+) -->.*?<!-- /\1 -->", "", text, flags=re.DOTALL)


def section_of(text: str, heading: str, following: str) -> str:
    """From one heading to the next."""
    return text[text.index(f"\n{heading}\n") : text.index(f"\n{following}\n")]


def declaring_page_at(commit: str | None) -> str:
    """The page that declared the sweeps when a run began; docs/record.md did so first."""
    for name in ("search-log.md", "record.md"):
        command = ["git", "show", f"{commit}:docs/{name}"]
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if found.returncode == 0:
            return found.stdout
    raise AssertionError(found.stderr)


def test_every_network_is_worked_out_here_and_declared() -> None:
    assert NAMES == sorted(BY_HAND) == sorted({*CANDIDATE, *FRONTIER, *STRIDED.values()})
    assert {*NAMES, *PUBLIC} <= set(declared(search_page()))


@pytest.mark.parametrize("name", NAMES)
def test_a_network_has_the_parameters_that_it_names(name: str) -> None:
    own = loaded(name)
    assert require_trainable(own) == BY_HAND[name] == int(name.rpartition("_")[2])
    assert f"{BY_HAND[name]:,} parameters" in own.docstring


@pytest.mark.parametrize("name", FRONTIER)
def test_a_network_of_the_frontier_has_the_recipe_and_the_layers_of_a_larger_one(name: str) -> None:
    own, larger = loaded(name), loaded(FRONTIER[name])
    assert own.recipe == larger.recipe
    assert BY_HAND[name] < BY_HAND[larger.name]
    kinds = [[type(layer).__name__ for layer in each.build().modules()] for each in (own, larger)]
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize("name", CANDIDATE)
def test_a_network_is_the_candidate_that_was_chosen(name: str) -> None:
    tried, changes = CANDIDATE[name]
    own, candidate = loaded(name), loaded(tried)
    assert own.recipe == replace(candidate.recipe, **changes)
    assert own.recipe.epochs == 15
    nets = [initialised(each, seed=3).eval() for each in (own, candidate)]
    images = torch.rand(2, 1, 28, 28)
    outputs = [net(images) for net in nets]
    assert outputs[0].shape == (2, 10)
    assert torch.equal(*outputs)


def test_a_network_that_is_not_swept_yet_has_no_runs() -> None:
    assert not {run.architecture for run in RUNS} & (set(NAMES) - set(SWEPT))


@pytest.mark.parametrize("name", ALL_SWEPT)
def test_a_sweep_holds_the_declared_seeds_of_one_recipe_and_no_other(name: str) -> None:
    runs = sweep(name)
    assert sorted(run.seed for run in runs) == declared(search_page())[name][: SO_FAR.get(name)]
    assert all(run.recipe == loaded(name).recipe for run in runs)
    assert all(run.dataset.n_train == 54_000 for run in runs)
    assert len({run.architecture_digest for run in runs}) == 1
    assert not any(run.environment.dirty for run in runs)


def test_every_ingredient_has_its_five_seeds() -> None:
    winning = loaded("p4m_4988").recipe
    declared_seeds = {(f"model_{n}", winning): range(5) for n in (1, 2, 3)}
    declared_seeds |= {("p4m_4988", recipe): range(100, 105) for recipe in ingredients()}
    declared_seeds |= {
        (f"p4m_4988_{changed}", winning): range(100, 105)
        for changed in ("strided", "padded", "momentum")
    }
    assert len(declared_seeds) == 14
    seeds: dict[tuple[str, Recipe], list[int]] = {}
    for run in RUNS:
        is_own = run.recipe == loaded(run.architecture).recipe
        if not is_own or run.architecture.startswith("p4m_4988_"):
            seeds.setdefault((run.architecture, run.recipe), []).append(run.seed)
    assert {place: sorted(found) for place, found in seeds.items()} == {
        place: list(five) for place, five in declared_seeds.items()
    }


@pytest.mark.parametrize("name", SWEPT)
def test_a_networks_head_states_what_its_sweep_gave(name: str) -> None:
    runs = sweep(name)
    seeds = sorted(run.seed for run in runs)
    counts = [correct_at_the_end(run) for run in runs]
    n_reached = sum(count >= 9_940 for count in counts)
    assert (
        f"Evidence: {len(runs)} runs, seeds {spans(seeds)}, none left out: {n_reached} "
        f"with 9,940 or more of 10,000 right, the worst {min(counts):,}, mean "
        f"{sum(counts) / len(counts) / 100:.3f} %; records in `results/reference/mnist/{name}/`."
    ) in " ".join(loaded(name).docstring.split())


@pytest.mark.parametrize("name", ALL_SWEPT)
def test_a_portrait_shows_the_head_and_the_source_of_the_file(name: str) -> None:
    own = loaded(name)
    kept = [each for each in PORTRAITS if each.architecture == name]
    assert [(each.docstring, each.source) for each in kept] == [(own.docstring, own.source)]


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="a copy without its history")
@pytest.mark.parametrize("name", ALL_SWEPT)
def test_a_sweep_was_declared_before_its_records(name: str) -> None:
    """By the page at the commit that each of its runs was trained from."""
    seeds: dict[str | None, set[int]] = {}
    for run in sweep(name):
        seeds.setdefault(run.environment.commit, set()).add(run.seed)
    for commit, trained in seeds.items():
        assert trained <= set(declared(declaring_page_at(commit))[name])


def test_the_means_in_the_pages_words_are_of_the_records() -> None:
    """Of an arm's runs after the last epoch, on the test or the validation images."""
    arms: dict[tuple[str, Recipe], list[RunRecord]] = {}
    for run in (*RUNS, *SEARCH_RUNS):
        arms.setdefault((run.architecture, run.recipe), []).append(run)
    judged = ("p4m_3772, by its fresh seeds", loaded("p4m_3772").recipe)
    arms[judged] = judging("p4m_3772")
    found: set[str] = set()
    for runs in arms.values():
        validated = [run.epochs[-1].validation_correct for run in runs]
        found.add(f"{sum(validated) / len(runs) / 60:.3f}")
        if all(run.evaluate_test for run in runs):
            found.add(f"{sum(map(correct_at_the_end, runs)) / len(runs) / 100:.3f}")
    for name, fewest in (("search-log.md", 20), ("record.md", 3)):
        stated = re.findall(r"(?<!\d)99\.\d{3}(?!\d)", in_words(text_of(f"docs/{name}")))
        assert len(stated) >= fewest
        assert set(stated) <= found


def test_the_effects_in_words_are_of_the_records() -> None:
    """Those of an ingredient stand in the table; those of the network are worked out by scipy."""
    section = section_of(search_page(), "## The ingredients", "## The public networks")
    short = section_of(text_of("docs/record.md"), "### Network or recipe?", "## How it was judged")
    found = set(re.findall(r"0\.\d{3}", section.split("<!-- variations -->")[1]))
    winning = loaded("p4m_4988").recipe
    for name in ("model_1", "model_2", "model_3"):
        theirs = [run for run in RUNS if run.architecture == name and run.recipe == winning]
        both = (sweep("p4m_4988"), theirs)
        counts = [[correct_at_the_end(run) / 100 for run in runs] for runs in both]
        effect = fmean(counts[0]) - fmean(counts[1])
        interval = ttest_ind(*counts, equal_var=False).confidence_interval()
        found |= {f"{value:.3f}" for value in (effect, *interval)}
    readme = text_of("README.md")
    for text, fewest in ((section, 20), (short, 4), (readme, 1)):
        stated = re.findall(r"(?<![\d.])0\.\d{3}(?!\d)", in_words(text))
        assert len(stated) >= fewest
        assert set(stated) <= found


def test_the_search_never_looked_at_the_test_images() -> None:
    """Nor has it a seed in common with a sweep."""
    assert SEARCH_RUNS
    for run in SEARCH_RUNS:
        assert not run.evaluate_test
        assert run.test_misses is None
        assert all(epoch.test_correct is None for epoch in run.epochs)
        assert (run.dataset.n_train, run.dataset.n_validation) == (54_000, 6_000)
        assert run.seed >= 1_000
    swept = {seed for seeds in declared(search_page()).values() for seed in seeds}
    assert not swept & {run.seed for run in SEARCH_RUNS}


@pytest.mark.parametrize("name", EVERY_RUN)
def test_every_run_that_judges_reaches_the_target(name: str) -> None:
    runs = judging(name)
    assert len(runs) >= EVERY_RUN[name]
    assert all(correct_at_the_end(run) >= 9_940 for run in runs)


@pytest.mark.parametrize("name", ALL_SWEPT)
def test_the_weights_of_the_median_run_are_here(name: str) -> None:
    runs = sorted(sweep(name), key=correct_at_the_end)
    worth = correct_at_the_end(runs[(len(runs) - 1) // 2])  # of an even number, the lower
    medians = [run for run in runs if correct_at_the_end(run) == worth]
    kept = [(run, weights) for run in medians if (weights := SUITE.weights(run))]
    assert kept
    for run, weights in kept:  # raises where they are not the record's
        with_weights(initialised(loaded(name), seed=0), weights, run)


@pytest.mark.parametrize("fine", STRIDED)
def test_a_fine_stack_averages_the_four_ways_to_lay_its_pooling_grid(fine: str) -> None:
    """Worked out by the strided network, on the image without its first row, column, or both."""
    whole, strided = (
        initialised(loaded(name), seed=3).double().eval() for name in (fine, STRIDED[fine])
    )
    side = {"fine_7344": 6, "p4m_4988": 4}[fine]  # of the strided map that is averaged
    images = torch.rand(4, 1, 28, 28, dtype=torch.float64)
    expected = torch.zeros(4, 10, dtype=torch.float64)
    for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
        positions = (side - down) * (side - right)
        expected += strided(images[:, :, down:, right:]) * positions / (2 * side - 1) ** 2
    torch.testing.assert_close(whole(images), expected)
    assert not torch.allclose(strided(images), expected)


@pytest.mark.parametrize("fine", STRIDED)
def test_a_fine_stack_trains_as_the_strided_one(fine: str) -> None:
    images = torch.rand(4, 1, 28, 28)
    assert loaded(fine).recipe == loaded(STRIDED[fine]).recipe
    outputs = []
    for name in (fine, STRIDED[fine]):
        network = initialised(loaded(name), seed=3)
        network.eval()(images)
        outputs.append(network.train()(images))
    assert torch.equal(*outputs)

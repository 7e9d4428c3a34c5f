"""Runs of another recipe or source than the file's: no README number beside them, no seeds owed."""

from __future__ import annotations

import dataclasses
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bench.evidence import claims as published
from bench.inputs.digest import source_digest
from bench.machine import folder
from bench.records.protocol import Protocol
from bench.records.store import Suite
from bench.report.figures.svg import svg
from bench.report.model import Section
from bench.report.parts.banners import banners
from bench.report.reading import read
from bench.report.sections import answer, distribution, leaderboard, pareto, results
from bench.report.sections import readme_results as readme
from bench.report.summary import Summary, summarise
from bench.spec import Numerics, RunRecord
from tests import factories
from tests.support import write_architecture

CLAIMS = published.load_files([folder("claims") / "session6.toml"])
RECIPE = {"recipe": replace(factories.recipe(), ema_decay=0.5)}
GPU = Numerics(device_type="cuda", memory_format="channels_last")
SOURCE = {"architecture_digest": "0" * 64}
OWN = [factories.record("model_1", seed, test_correct=9938 + seed) for seed in range(3)]
NEIGHBOUR = factories.record("model_2", 0, test_correct=9930)


def variant(**changes: Any) -> RunRecord:
    return factories.record("model_1", 0, test_correct=9950, **changes)


def summary(*runs: RunRecord, groups: tuple[str, ...] = ("", "public", "")) -> Summary:
    """Of networks in these groups; without any group, of networks that nobody has measured."""
    names = factories.NAMES[: len(groups)]
    portraits = [
        replace(factories.portrait(name), group=group)
        for name, group in zip(names, groups, strict=True)
    ]
    return summarise("local", list(runs), portraits, CLAIMS, {}, "command")[0]


def rows(section: Section | None) -> dict[str, tuple[str, str]]:
    """An arm's label -> the text and the note of its row's last cell."""
    assert section is not None
    return {row[0].text: (row[-1].text, row[-1].note) for row in section.tables[0].rows}


def tips(section: Section | None) -> str:
    assert section is not None
    (plot,) = section.plots
    return svg(plot.draw(), plot.name)


@pytest.mark.parametrize("changes", [RECIPE, SOURCE], ids=["recipe", "source"])
def test_the_readmes_number_stands_beside_the_networks_own_runs_alone(
    changes: dict[str, Any],
) -> None:
    found = summary(*OWN, variant(**changes), NEIGHBOUR)
    own, other, _ = (arm.label for arm in found.arms)
    parts = found.only(found.arms[0].architecture).by_arm()
    first, second = (answer.section(part).lanes[0].rows[0].cells[0].note for part in parts)
    assert (first, second) == ("README 99.39", "")
    # 99.39 % is 9,939: of 9,938, 9,939 and 9,940 one lies below and one is equal, which counts half
    ranked, board = rows(results.section(found)), rows(leaderboard.section(found))
    # 9,939 +- 4.303 x 1 x (4 / 3)^0.5
    said = "higher than 1 of 3 runs, equal to 1; one more run: 99.34 to 99.44"
    assert ranked[own] == board[own] == ("99.39", said)
    assert ranked[other] == ("", "")
    assert other not in board
    for drawn in (tips(distribution.section(found)), tips(pareto.section(found))):
        assert f"{own}: the README says 99.39" in drawn
        assert f"{other}: the README says" not in drawn


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ((RECIPE,), ["ema_decay=0.5"]),
        ((SOURCE,), ["source 000000"]),
        ((SOURCE, RECIPE), ["source 000000", "ema_decay=0.5"]),
        ((RECIPE | SOURCE,), ["ema_decay=0.5"]),
        (({"recipe": replace(factories.recipe(), epochs=2)},), ["2 epochs"]),
        (({"numerics": GPU} | SOURCE,), ["GPU"]),
    ],
)
def test_the_present_network_has_the_plain_name_and_others_say_what_differs(
    changes: tuple[dict[str, Any], ...], words: list[str]
) -> None:
    found = summary(*OWN, *(variant(**each) for each in changes), groups=("",))
    labels = {arm.label for arm in found.arms}
    assert labels == {"Model_1", *(f"Model_1 · {each}" for each in words)}


def test_two_arms_of_the_present_network_are_told_apart_and_an_older_one_from_both() -> None:
    """An older one that looked at the test images beside present ones that did not."""
    on_gpu = variant(numerics=GPU)
    found = summary(*OWN, on_gpu, variant(**SOURCE), groups=("",))
    labels = {arm.label for arm in found.arms}
    assert labels == {"Model_1 · CPU", "Model_1 · GPU", "Model_1 · CPU · source 000000"}
    blind = [replace(run, evaluate_test=False) for run in OWN]
    labels = {arm.label for arm in summary(*blind, variant(**SOURCE), groups=("",)).arms}
    assert labels == {"Model_1", "Model_1 · source 000000"}


def test_of_two_measured_versions_the_present_files_has_the_plain_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the file it is the version that ran last, whatever their digests."""
    monkeypatch.chdir(tmp_path)
    file, suite = write_architecture(tmp_path, "net"), Suite(tmp_path / "results", "local")
    now = source_digest(file, file.read_text(encoding="utf-8"))
    days = {now: date(2026, 1, 1), "0" * 64: date(2026, 1, 2), "f" * 64: date(2025, 1, 1)}
    for digest, day in days.items():
        own = replace(factories.portrait("model_1"), architecture="net", display_name="Net")
        suite.add_portrait(replace(own, architecture_digest=digest))
        run = factories.record("net", 0, architecture_digest=digest)
        suite.add_run(replace(run, finished_on=day), None)

    def plain() -> str:
        (found,) = read(suite, tmp_path / "reports", "command")
        (arm,) = [arm for arm in found.arms if arm.label == "Net"]
        assert [each.label for each in found.arms if found.is_own(each)] == ["Net"]
        return arm.first.architecture_digest

    assert plain() == now
    file.unlink()
    assert plain() == "0" * 64


def test_a_network_that_nobody_measured_has_nothing_to_tell_by() -> None:
    found = summary(*OWN, variant(**RECIPE), groups=())
    assert [text for text, _ in rows(results.section(found)).values()] == ["99.39"] * 2


def test_a_network_that_another_document_speaks_of_is_not_in_the_readmes_table() -> None:
    said = [c for c in CLAIMS.claims if c.subject != "model_2" or c.metric == "n_parameters"]
    found = dataclasses.replace(summary(*OWN, NEIGHBOUR), claims=tuple(said))
    assert list(rows(readme.section(found))) == ["Model_1"]


def test_the_readmes_table_has_the_arms_that_the_readme_has() -> None:
    found = readme.section(summary(*OWN, variant(**RECIPE), NEIGHBOUR))
    assert list(rows(found)) == ["Model_1", "Model_2"]


def test_the_readmes_table_without_any_of_its_arms_has_all() -> None:
    found = rows(readme.section(summary(variant(**RECIPE), variant(**SOURCE))))
    assert [note for _, note in found.values()] == ["", ""]


@pytest.mark.parametrize("changes", [RECIPE, SOURCE], ids=["recipe", "source"])
@pytest.mark.parametrize("protocol", [None, Protocol(rate=0.9, target=99.4, cap=60, alpha=0.05)])
def test_a_variant_owes_no_seed_and_asks_for_none(
    changes: dict[str, Any], protocol: Protocol | None
) -> None:
    beyond = replace(variant(**changes), seed=7, key="7")
    found = summary(*OWN, beyond, groups=("",)).judged_by(protocol)
    assert "incomplete" not in " ".join(banners([found]))
    gap = summary(*OWN[::2], OWN[1], beyond, NEIGHBOUR, groups=("", "")).judged_by(None)
    assert "Some runs are missing: Model_2 lacks seed 1–2." in " ".join(banners([gap]))


def test_more_seeds_of_one_network_alone_are_owed_by_no_other() -> None:
    command = "python -m bench train --arch model_1 --seeds 7-9"
    alone = replace(factories.LAPTOP, command=command)
    more = replace(OWN[0], seed=7, key="7", environment=alone)
    whole = [replace(NEIGHBOUR, seed=run.seed, key=f"n{run.seed}") for run in OWN]
    found = summary(*OWN, more, *whole, groups=("", ""))
    assert len(found.arms) == 2
    assert "incomplete" not in " ".join(banners([found]))


def test_sweeps_of_two_commands_owe_each_other_nothing() -> None:
    elsewhere = replace(factories.LAPTOP, command="python -m bench train --arch model_2 --seeds 1")
    apart = replace(NEIGHBOUR, environment=elsewhere)
    assert "incomplete" not in " ".join(banners([summary(*OWN, apart, groups=("", ""))]))
    together = summary(*OWN, NEIGHBOUR, groups=("", ""))
    assert "Model_2 lacks seed 1–2" in " ".join(banners([together]))

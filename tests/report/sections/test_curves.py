"""Of each arm of a network its page shows every seed; report.md shows none of these figures."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bench.report.sections import SectionFile, accuracy_curves, loss, slug
from bench.report.summary import Summary, summarise
from tests import factories

every_section = pytest.mark.parametrize("file", [accuracy_curves, loss], ids=slug)


def summary_of(*names: str) -> Summary:
    """Networks, and model_1 by another recipe, too."""
    varied = replace(factories.recipe(), weight_decay=0.5)
    runs = [factories.record(name, seed) for name in names for seed in range(2)]
    runs.append(factories.record("model_1", recipe=varied))
    portraits = [factories.portrait(name) for name in names]
    return summarise("local", runs, portraits, factories.published(), {}, "command")[0]


@every_section
def test_each_arm_of_a_network_has_a_figure_of_its_own_seeds(file: SectionFile) -> None:
    own, other = summary_of(*factories.NAMES).only("model_1").by_arm()
    for summary, name, n in (
        (own, "mnist-model_1", "2 seeds"),
        (other, "mnist-model_1-2", "1 seed"),
    ):
        section = file.section(summary)
        assert section is not None
        (plot,) = section.plots
        assert plot.name.rpartition("-")[0] == name
        assert f"one line for each of {n}: " in plot.alt


@every_section
def test_they_are_drawn_for_an_architectures_page_alone(file: SectionFile) -> None:
    assert set(file.PAGES) <= {"architecture", "arm"}

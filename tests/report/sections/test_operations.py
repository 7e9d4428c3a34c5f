"""The operations' tables, from what the measures found on true networks and by hand."""

from __future__ import annotations

from functools import cache

import torch
from msgspec.structs import replace
from torch import Tensor, nn

from bench.inputs import discover
from bench.measuring import measures
from bench.report.model import Section, Table
from bench.report.sections import operations, parameters
from bench.report.summary import summarise
from bench.spec import Measured, Portrait
from tests import factories
from tests.support import ROOT

PLUG_INS = {found.name: found for found in discover.scan_all(ROOT / "architectures")}


class Apart(nn.Module):
    """Scores by distances, whose products no counter knows."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(28, 10)

    def forward(self, images: Tensor) -> Tensor:
        rows = images.squeeze(1)
        seen = torch.cdist(rows, rows)
        scores: Tensor = self.head(seen.mean(1))
        return scores


@cache
def measured(name: str) -> dict[str, Measured]:
    images = torch.zeros(2, 1, 28, 28)
    if name == "apart":
        return measures.measure_all(Apart(), images, {})
    architecture = discover.load(PLUG_INS[name])
    return measures.measure_all(architecture.build(), images, architecture.components)


def portrait(name: str, display_name: str) -> Portrait:
    return replace(
        factories.portrait(), architecture=name, display_name=display_name, measures=measured(name)
    )


def operations_of(*portraits: Portrait) -> Section:
    section = operations.section(
        summarise("local", [], list(portraits), factories.published(), {}, "command")[0]
    )
    assert section is not None
    return section


def table_of(section: Section, caption: str) -> dict[str, list[str]]:
    """First cell of each row -> the others."""
    (table,) = [each for each in section.tables if each.caption == caption]
    return {row[0].text: [cell.text for cell in row[1:]] for row in (*table.rows, *table.total)}


def test_the_three_counts_of_model_3() -> None:
    section = operations_of(portrait("model_3", "Model_3"))
    assert table_of(section, "Operations of one forward pass") == {
        "Model_3": ["876,768", "876,512", "256", "937,626"]
    }
    assert table_of(section, "fvcore's total by operator") == {
        "adaptive_avg_pool2d": ["13,818"],
        "batch_norm": ["47,040"],
        "conv": ["876,512"],
        "linear": ["256"],
        "Total": ["937,626"],
    }
    reconciled = table_of(section, "Three counts of Model_3's forward pass")
    assert reconciled["convolution"][:4] == ["876,512", "876,512", "1,753,024", "876,512"]
    assert reconciled["batch_norm"][:4] == ["0", "47,040", "0", "0"]
    assert reconciled["total"][:4] == ["876,768", "937,626", "1,753,536", "876,768"]
    left_out = table_of(section, "Calls of operators that fvcore does not count")
    assert left_out["sigmoid"] == ["2", "elementwise arithmetic: no product of matrices"]


def test_models_stand_side_by_side() -> None:
    section = operations_of(portrait("model_1", "Model_1"), portrait("model_3", "Model_3"))
    assert table_of(section, "fvcore's total by operator")["Total"] == ["1,709,610", "937,626"]
    left_out = table_of(section, "Calls of operators that fvcore does not count")
    assert left_out["mul"][:2] == ["0", "2"]
    assert [table.caption for table in section.tables].count(
        "Three counts of Model_1's forward pass"
    )


def test_missing_parts_make_it_at_least() -> None:
    section = operations_of(portrait("apart", "Apart"))
    (values,) = table_of(section, "Operations of one forward pass").values()
    assert values[0] == "at least 280"  # 28 * 10 of the head; the distances are missing
    left_out = table_of(section, "Calls of operators that fvcore does not count")
    assert left_out["cdist"][0] == "1"


def test_an_old_portrait_without_tables_has_the_headline_alone() -> None:
    section = operations_of(factories.portrait())
    assert [table.caption for table in section.tables] == ["Operations of one forward pass"]


def parameters_of(*portraits: Portrait) -> tuple[Table, ...]:
    section = parameters.section(
        summarise("local", [], list(portraits), factories.published(), {}, "command")[0]
    )
    assert section is not None
    return section.tables


def test_every_view_of_the_parameters_adds_up_to_the_readmes_total() -> None:
    tables = parameters_of(portrait("model_1", "Model_1"), portrait("model_3", "Model_3"))
    assert len(tables) == 5
    for table in tables:
        (total,) = table.total
        assert [cell.text for cell in total[1:]] == ["9,850", "7,518"]
        for column, expected in ((1, 9850), (2, 7518)):
            parts = [int(row[column].text.replace(",", "")) for row in table.rows]
            assert sum(parts) == expected
    by_type = {row[0].text: row[2].text for row in tables[1].rows}
    assert by_type["Depthwise convolution"] == "240"  # 8 * 9 + 8 and 16 * 9 + 16


def test_views_that_nobody_measured_are_left_out() -> None:
    assert len(parameters_of(factories.portrait())) == 1

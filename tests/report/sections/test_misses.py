"""Missed digits and confusions, counted by hand and by a slow second way."""

from __future__ import annotations

import base64
import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from PIL import Image

from bench.records.observations import Findings, MissedDigit
from bench.report.figures.svg import svg
from bench.report.model import Section
from bench.report.parts.misses import misses
from bench.report.sections import confusion, hardest_digits
from bench.report.summary import Summary, summarise
from bench.spec import RunRecord
from tests import factories

TIMES = "\N{MULTIPLICATION SIGN}"
LABELS = {247: 4, 321: 2, 9: 5}
Misses = Sequence[tuple[int, int]]


def pixels(index: int) -> bytes:
    """A pattern of its own for each index."""
    return bytes((index + k) % 256 for k in range(784))


def digits(labels: Mapping[int, int | None]) -> dict[int, MissedDigit]:
    return {i: MissedDigit(pixels=pixels(i).hex(), label=label) for i, label in labels.items()}


def summary_of(
    runs: Sequence[RunRecord], labels: Mapping[int, int | None] | None = LABELS
) -> Summary:
    kept = {} if labels is None else {"mnist": digits(labels)}
    portraits = [factories.portrait("model_1")]
    summary = summarise("local", list(runs), portraits, factories.published(), {}, "command")[0]
    return summary.with_findings(Findings(missed_digits=kept))


def runs_of(*lists: Misses, name: str = "model_1") -> list[RunRecord]:
    return [
        replace(factories.record(name, seed), test_misses=list(misses))
        for seed, misses in enumerate(lists)
    ]


def three() -> list[RunRecord]:
    """247 is missed by all, as 6, 6 and 9; 321 by two; 9 by one."""
    return runs_of(
        [(247, 6), (321, 7)],
        [(9, 3), (247, 6)],
        [(247, 9), (321, 7)],
    )


def hardest(summary: Summary) -> Section:
    section = hardest_digits.section(summary)
    assert section is not None
    return section


def confused(summary: Summary) -> Section:
    section = confusion.section(summary)
    assert section is not None
    return section


def test_the_hardest_come_first_with_what_they_were_taken_for() -> None:
    section = hardest(summary_of(three()))
    assert section.text == (
        (
            "3 digits of 10,000 in the test split were missed by at least one of 3 completed runs, "
            "each judged by its last epoch. 1 of them was missed by every run, 1 by a single run. "
            "The 2 digits that more than half of the runs missed make up "
            "83\N{NARROW NO-BREAK SPACE}% of all wrong answers."
        ),
    )
    (table,) = section.tables
    assert table.folded
    assert [tuple(cell.text for cell in row) for row in table.rows] == [
        ("247", "4", "3 of 3", "100\N{NARROW NO-BREAK SPACE}%", f"6 (2{TIMES}), 9 (1{TIMES})"),
        ("321", "2", "2 of 3", "67\N{NARROW NO-BREAK SPACE}%", f"7 (2{TIMES})"),
        ("9", "5", "1 of 3", "33\N{NARROW NO-BREAK SPACE}%", f"3 (1{TIMES})"),
    ]


def test_the_drawn_pixels_are_the_kept_ones() -> None:
    (plot,) = hardest(summary_of(three())).plots
    text = svg(plot.draw(), plot.name)
    images = re.findall(r"base64,\s*([^\"]+)\"", text)
    seen = [Image.open(io.BytesIO(base64.b64decode(each))).convert("L") for each in images]
    assert [np.asarray(image).tobytes() for image in seen] == [
        pixels(index) for index in (247, 321, 9)
    ]
    tips = re.findall(r'data-tip="([^"]+)"', text)
    assert tips[0] == (
        f"Test digit 247, a 4: missed by 3 of 3 runs; labels given: 6 (2{TIMES}), 9 (1{TIMES})"
    )
    words = re.findall(r"<text[^>]*>([^<]+)</text>", text)
    assert words[:4] == ["4", "#247", "3 of 3", "as 6 (2), 9 (1)"]


def test_an_architectures_page_shows_its_own_runs() -> None:
    runs = [*three(), *runs_of([(9, 3)], name="model_2")]
    own = summary_of(runs).only("model_2")
    assert "1 digit of 10,000" in hardest(own).text[0]
    assert hardest(own).notes == confused(own).notes == ()
    assert hardest(own).plots[0].name == "mnist-model_2-hardest-digits"
    assert confused(own).plots[0].name == "mnist-model_2-confusion"
    assert hardest(own).downloads[0].file == "data/mnist-model_2-missed-digits.csv"


def test_no_page_pools_the_misses_of_several_arms() -> None:
    assert hardest_digits.PAGES == confusion.PAGES == ("architecture",)


def test_files_are_called_by_what_an_image_shows() -> None:
    run = factories.record("model_1", 0, dataset=replace(factories.MNIST, noun="hand sign"))
    shown = hardest(summary_of([replace(run, test_misses=[(9, 3)])]))
    assert shown.downloads[0].file == "data/mnist-missed-hand-signs.csv"
    assert shown.plots[0].name == "mnist-hardest-hand-signs"


def test_the_download_holds_every_digit() -> None:
    lists = [[(index, (index + seed) % 10) for index in range(100)] for seed in range(2)]
    section = hardest(summary_of(runs_of(*lists)))
    assert len(section.tables[0].rows) == 60
    rows = list(csv.DictReader(io.StringIO(section.downloads[0].content())))
    assert len(rows) == 100
    nine = next(row for row in rows if row["test_index"] == "9")
    assert (nine["label"], nine["n_missed"], nine["n_runs"]) == ("5", "2", "2")
    assert (nine["given_9"], nine["given_0"], nine["given_1"]) == ("1", "1", "0")


def test_without_labels_only_what_was_given_is_said() -> None:
    unlabelled = summary_of(three(), dict.fromkeys(LABELS))
    section = hardest(unlabelled)
    assert [row[1].text for row in section.tables[0].rows] == ["n/a"] * 3
    assert "keeps no true labels of its missed digits" in section.notes[0]
    assert len(section.plots) == 1
    table = confused(unlabelled).tables[0]
    assert [row[1].text for row in table.rows] == ["0", "0", "0", "1", "0", "0", "2", "2", "0", "1"]
    assert table.rows[6][2].text == "0.67"


def test_without_pixels_there_is_a_table_and_no_figure() -> None:
    section = hardest(summary_of(three(), None))
    assert section.plots == ()
    assert len(section.tables[0].rows) == 3


def test_confusions_by_hand() -> None:
    section = confused(summary_of(three()))
    assert section.text == (
        (
            "The commonest errors are 2 taken for 7 (0.67 a run), 4 taken for 6 (0.67 a run) and 4 "
            "taken for 9 (0.33 a run)."
        ),
    )
    (plot,) = section.plots
    text = svg(plot.draw(), plot.name)
    assert set(re.findall(r'data-tip="([^"]+)"', text)) == {
        "2 taken for 7: 0.67 a run, 2 times in 3 runs",
        "4 taken for 6: 0.67 a run, 2 times in 3 runs",
        "4 taken for 9: 0.33 a run, 1 time in 3 runs",
        "5 taken for 3: 0.33 a run, 1 time in 3 runs",
    }
    words = re.findall(r"<text[^>]*>([^<]+)</text>", text)
    assert words.count("0.7") == 5  # two cells, the sums of row 2 and of columns 6 and 7
    assert "2.0" in words  # 6 wrong answers in 3 runs


def test_digits_without_a_label_are_left_out_and_counted() -> None:
    section = confused(summary_of(three(), {247: 4, 321: None, 9: 5}))
    assert "2 of 6 wrong answers are left out" in section.notes[0]


def test_nothing_missed_nothing_said() -> None:
    for runs in ([], runs_of([], []), [factories.failed("model_1")]):
        assert hardest_digits.section(summary_of(runs)) is None
        assert confusion.section(summary_of(runs)) is None
    blind = [factories.record("model_1", evaluate_test=False)]
    assert hardest_digits.section(summary_of(blind)) is None


def test_runs_on_other_data_of_that_name_are_left_out() -> None:
    """Their indices mean other images."""
    other = replace(factories.MNIST, digest="0" * 64)
    foreign = replace(factories.record("model_1", 7, dataset=other), test_misses=[(5, 5)])
    found = misses(summary_of([foreign, *three()]))
    assert found is not None
    assert 5 not in found.indices
    assert len(found.runs) == 3


@given(
    st.lists(
        st.dictionaries(st.integers(0, 30), st.integers(0, 9), max_size=8), min_size=1, max_size=6
    )
)
def test_counts_agree_with_counting_one_by_one(lists: list[dict[int, int]]) -> None:
    labels = {index: index % 10 for index in range(31)}
    summary = summary_of(runs_of(*(sorted(each.items()) for each in lists)), labels)
    found = misses(summary)
    assert found is not None
    slow = Counter(index for each in lists for index in each)
    counted = dict(zip(found.indices.tolist(), found.n_missed.tolist(), strict=True))
    assert counted == dict(slow)
    assert list(counted) == sorted(slow, key=lambda index: (-slow[index], index))
    pairs = Counter((index % 10, given) for each in lists for index, given in each.items())
    table = found.confusion()
    assert {(t, g): table[t, g] for t, g in np.argwhere(table)} == dict(pairs)

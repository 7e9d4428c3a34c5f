"""The first screen beside its headline: networks that meet the target, and the document itself.

All of 29 runs confirm a rate of 0.9 at 95 %: 0.9 ** 29 is 0.047. None of 29 refutes it, and five of
five leave it undecided.
"""

from __future__ import annotations

from dataclasses import replace as changed

from msgspec.structs import replace

from bench.evidence.claims.stored import Text
from bench.report.parts.first_screen import first_screen
from bench.report.summary import Summary, summarise
from bench.spec import Claim
from tests import factories

GOOD, BAD = 9945, 9930  # right answers of 10,000; the target of 99.4 % is 9,940
OTHERS = {"never": [BAD] * 29, "few": [GOOD] * 5, "high": [GOOD + 9] * 5, "sure": [GOOD] * 29}
SAID = Claim(
    id="one.run",
    file="session6",
    line=2,
    quote="99.45 %",
    metric="last_test_accuracy_percent",
    subject="model_1",
    published=99.45,
    tolerance=0.005,
)


def summary(others: dict[str, list[int]]) -> Summary:
    counts = {"model_1": [GOOD - 2, GOOD - 1, GOOD, GOOD + 1, GOOD + 2], **others}
    runs = [run for each in counts.items() for run in factories.runs(*each)]
    portraits = [factories.portrait("model_1")]
    (found,) = summarise("local", runs, portraits, factories.published(SAID), {}, "command")
    text = Text("0" * 64, 2, True, {1: "# A README", 2: "It reaches 99.45 % once."})
    return changed(found.judged_by(None), texts={"session6": text}).of_document()


def test_other_networks_show_whether_the_target_can_be_met() -> None:
    own, others = first_screen(summary(OTHERS)).lanes
    assert [row.name.text for row in own.rows] == ["Model_1"]
    assert others.caption.startswith("Can the target be met at all?")
    # The confirmed one first, then by the mean; three of four.
    assert [row.name.text for row in others.rows] == ["sure", "high", "few"]
    assert [row.badge.text for row in others.rows if row.badge] == [
        "confirmed",
        "undecided",
        "undecided",
    ]
    assert own.axis is not None
    assert others.axis is None  # one axis for all


def test_without_others_the_documents_networks_stand_alone() -> None:
    (own,) = first_screen(summary({})).lanes
    assert own.caption == ""


def test_the_document_stands_beside_with_its_number_underlined() -> None:
    (marked,) = first_screen(summary({})).marked
    assert marked.title == "Session-6: MNIST CNN Optimization"
    (line,) = marked.lines
    assert [piece.text for piece in line.pieces] == ["It reaches ", "99.45 %", " once."]
    assert line.pieces[1].verdict == "consistent"
    assert line.pieces[1].href == "document.html#claim-one.run"


def test_a_network_that_the_target_is_not_asked_of_has_no_verdict() -> None:
    """Neither does the goal judge it that its suite declared while the document asked all."""
    counts = {"model_1": [GOOD] * 29, "model_2": [BAD] * 29}
    runs = [run for each in counts.items() for run in factories.runs(*each)]
    asked = replace(factories.OBJECTIVE, networks=("model_1",))
    document = replace(factories.DOCUMENT, objective=asked)
    found = changed(factories.published(SAID), documents=[document])
    badges = {}
    for name, published in {"all": factories.published(SAID), "one": found}.items():
        (made,) = summarise("local", runs, [], published, {}, "command")
        (lanes,) = first_screen(made.of_document()).lanes
        badges[name] = [row.badge and row.badge.text for row in lanes.rows]
        cells = [row.cells[1].text for row in lanes.rows]
    assert badges == {"all": ["confirmed", "refuted"], "one": ["confirmed", None]}
    assert cells == ["29 of 29", "29"]
    assert "Model_2" not in first_screen(made.of_document()).title

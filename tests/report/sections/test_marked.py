"""The marked document, its cards, and the excerpt for a first screen."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import msgspec
import pytest
from markupsafe import Markup

from bench.evidence.claims.ledger import tally
from bench.evidence.claims.load import Published
from bench.evidence.claims.stored import Text
from bench.report.model import Card, Marked, Plot
from bench.report.pages import copied
from bench.report.parts.marking import excerpt, tally_words
from bench.report.sections import claim_cards, marked
from bench.report.summary import Summary, summarise
from bench.spec import Claim
from tests import factories
from tests.evidence.claims.evidences import OTHER, OUR_COUNTS, SUBJECT, claim, portrait
from tests.factories import runs

RECORD = "../results/local/mnist/{0.architecture}/seed-{0.seed:04}.json"
LINES = {1: "aims at 99.4 % consistently", 2: "15 epochs", 3: "It has 268 parameters, -7000 over."}
SAID = [
    claim("n_parameters", 268, id="size", line=3, quote="268 parameters"),
    claim("parameters_over_limit", -7000, id="over", line=3, quote="-7000 over"),
    claim("consistent_test_accuracy_percent", 99.4, id="aim", line=1, quote="99.4 %"),
    claim("recipe.epochs", 15, id="epochs", line=2, quote="15 epochs"),
    claim("last_test_accuracy_percent", 99.1, id="off", line=7, quote="99.10"),
    claim("same_as_claim", 99.2, id="odd", line=8, quote="99.2", terms=("off",)),
]


def summary(
    *said: Claim, stored: bool = True, file: str = "session6", others: tuple[int | None, ...] = ()
) -> Summary:
    own = [msgspec.structs.replace(each, file=file) for each in said or SAID]
    records = [*runs(SUBJECT, OUR_COUNTS), *runs(OTHER, others)]
    links = {run.key: RECORD.format(run) for run in records}
    published = factories.published(*own)
    (found,) = summarise("local", records, [portrait(), portrait(OTHER)], published, links, "c")
    texts = {file: Text("0" * 64, 9, False, LINES)} if stored else {}
    return replace(found, texts=texts)


def document(found: Summary) -> Marked:
    section = marked.section(found)
    assert section is not None
    (one,) = section.marked
    return one


def card(found: Summary, claim_id: str) -> Card:
    section = claim_cards.section(found)
    assert section is not None
    anchor = f"claim-{claim_id}"
    every = (each for group in section.cards for each in group.cards)
    return next(each for each in every if anchor in [part.anchor for part in each.parts])


def test_each_line_is_there_with_its_verdicts_and_links() -> None:
    found = document(summary())
    assert found.title == "Session-6: MNIST CNN Optimization"
    assert [line.number for line in found.lines] == [1, 2, 3, 7, 8]
    third = found.lines[2]
    assert third.anchor == "line-session6-3"
    assert [(p.text, p.verdict, p.href) for p in third.pieces] == [
        ("It has ", "", ""),
        ("268 parameters", "confirmed", "#claim-size"),
        (", ", "", ""),
        ("-7000 over", "refuted", "#claim-over"),
        (".", "", ""),
    ]
    assert third.pieces[1].tip == "confirmed. Model_1: 268. exact"
    assert [piece.verdict for piece in found.lines[1].pieces] == ["setting"]
    assert [piece.text for piece in found.lines[3].pieces] == ["99.10"]  # not stored: its quote
    first = found.lines[0].pieces[1]
    assert first.tip.startswith("undecided. Model_1: 6 of 6. 6 of 6 runs reach it; exact one-sided")


def test_what_differs_by_network_says_which_is_what() -> None:
    row = {"line": 3, "quote": "It has 268 parameters"}
    said = [
        claim("n_parameters", 268, id="first", **row),
        claim("n_parameters", 269, id="second", subject=OTHER, **row),
        claim("last_test_accuracy_percent", 99, id="third", subject=OTHER, **row),
    ]
    found = summary(*said)
    (piece,) = [piece for line in document(found).lines for piece in line.pieces if piece.href]
    assert piece.verdict == "differs"
    told = (
        "differs by network: refuted for Model_2; confirmed for Model_1. Model_2, parameters: 268; "
    )
    assert piece.tip.startswith(told)
    assert "; Model_2, last test accuracy percent: not measured; Model_1, parameters" in piece.tip
    shown = card(found, "first")
    assert (shown.verdict.text, shown.verdict.kind) == ("differs by network", "mixed")
    assert [part.verdict.text for part in shown.parts] == ["confirmed", "refuted", "undecided"]


@pytest.mark.parametrize(
    ("quote", "published"),
    [
        ("a mean of 93.8 %", "93.8 %"),
        ("93.80 ± 0.25 %", "93.8 %"),
        ("at least 93.8 %", "at least 93.8 %"),
        ("≥93.80%", "at least 93.8 %"),
        ("93.8%+", "at least 93.8 %"),
        ("under 8,000 parameters and 93.8 %", "93.8 %"),
    ],
)
def test_a_card_says_a_relation_only_where_the_document_does(quote: str, published: str) -> None:
    said = claim("mean_test_accuracy_percent", 93.8, id="m", quote=quote, relation="at_least")
    assert card(summary(said), "m").parts[0].published == published


def test_parts_that_measured_the_same_are_told_once() -> None:
    row = {"line": 3, "quote": "It has 268 parameters"}
    said = [claim("n_parameters", 268, id=f"part{n}", **row) for n in range(5)]
    (piece,) = [p for line in document(summary(*said)).lines for p in line.pieces if p.href]
    assert piece.tip == "confirmed. Model_1: 268. exact"


def test_it_says_what_is_not_shown() -> None:
    assert document(summary(*SAID[:4])).note == "Lines without a claim are left out."
    assert "2 quotes are not on the stored line" in document(summary()).note
    alone = document(summary(stored=False))
    assert alone.note == "Its text is not stored, so only its quotes are shown."
    assert [line.pieces[0].text for line in alone.lines[:2]] == ["99.4 %", "15 epochs"]


LONG = {1: f"aims at {'x ' * 3500}99.4 % consistently", 2: f"15 epochs {'y ' * 3500}"}
LONG |= {4: f"{'z ' * 1000}99.1{', and 268' * 800}"}


def test_a_line_of_7000_letters_is_whole_on_its_page_and_short_on_the_first_screen() -> None:
    said = [SAID[2], SAID[3], msgspec.structs.replace(SAID[4], line=4, quote=LONG[4])]
    found = replace(summary(*said), texts={"session6": Text("0" * 64, 9, True, LONG)})
    whole = document(found)
    assert ["".join(piece.text for piece in line.pieces) for line in whole.lines] == [
        *LONG.values()
    ]
    shown = excerpt(found)
    assert shown is not None
    first, second, fourth = ([piece.text for piece in line.pieces] for line in shown.lines)
    assert first == [f" … {'x ' * 30}", "99.4 %", " consistently"]
    assert second == ["15 epochs", f" {'y ' * 29}y … "]
    assert len(fourth) == 1
    assert len(fourth[0]) < 200
    assert "z 99.1, and 268" in fourth[0]
    assert card(found, "off").quote == LONG[4]  # whole, too


def test_an_excerpt_says_which_lines_are_only_quotes() -> None:
    stale = excerpt(summary())  # lines 7 and 8 are not stored
    assert stale is not None
    assert stale.note.endswith(
        " 2 quotes are not on the stored line: the line then shows only its quotes."
    )
    unknown = excerpt(summary(stored=False))
    assert unknown is not None
    assert unknown.note.endswith(" Its text is not stored, so only its quotes are shown.")
    good = excerpt(summary(*SAID[:4]))
    assert good is not None
    assert "stored" not in good.note


def test_the_two_tallies_of_an_excerpt_have_each_line_once() -> None:
    """Line 3 has a number of runs that could hold, and one of structure that does not."""
    mixed = claim("last_test_accuracy_percent", 99.44, id="mixed", line=3, quote="It has")
    entries = summary(*SAID, mixed).ledger
    words = tally_words(entries)
    assert words.startswith(
        "3 lines need training: 1 refuted, 1 not consistent, 1 undecided. 1 line"
    )
    n_needing, n_resting = (int(n) for n in re.findall(r"(\d+) lines? (?:needs?|rests?) ", words))
    assert n_needing + n_resting == sum(tally(entries).values()) == 4


def test_documents_of_one_title_are_told_apart_by_their_labels_or_files() -> None:
    """Two of one title and label, one of the same title, and one of its own."""
    first = msgspec.structs.replace(factories.DOCUMENT, name="first", objective=None)
    documents = [
        first,
        msgspec.structs.replace(first, name="second"),
        msgspec.structs.replace(first, name="third", label="article"),
        msgspec.structs.replace(first, name="fourth", title="Another"),
    ]
    said = [msgspec.structs.replace(SAID[0], id=each.name, file=each.name) for each in documents]
    published = Published(said, documents)
    records = runs(SUBJECT, OUR_COUNTS)
    links = {run.key: RECORD.format(run) for run in records}
    (found,) = summarise("local", records, [portrait()], published, links, "c")
    section = marked.section(found)
    assert section is not None
    title = first.title
    assert [each.title for each in section.marked] == [
        *(f"{title} ({name})" for name in ("first.toml", "second.toml", "article")),
        "Another",
    ]


def test_a_card_has_what_was_measured_the_rule_and_what_would_change_it() -> None:
    found = card(summary(), "aim")
    assert (found.quote, found.place.text, found.place.href) == (
        "99.4 %",
        "line 1",
        "#line-session6-1",
    )
    assert (found.verdict.text, found.verdict.kind) == ("undecided", "open")
    (part,) = found.parts
    assert (part.about.text, part.about.href) == ("Model_1", "architectures/model_1.html")
    assert (part.published, part.measured, part.n) == ("99.4 %", "6 of 6", "6")
    assert "exact one-sided 95% bounds of the rate" in part.rule
    seeds = "at least 37 more seeds to be confirmed, 5 to be refuted"
    assert "needs" not in part.rule  # the same would stand twice
    assert part.change == f"under this rule {seeds}"
    assert [(cell.text, cell.href) for cell in part.records] == [
        ("local/mnist/model_1: 6 runs", "../results/local/mnist/model_1"),
        ("the first: seed 0", f"../results/{first_record()}"),
    ]


def first_record() -> str:
    """As the evidence names it."""
    entries = [entry for entry in summary().ledger if entry.claim.id == "aim"]
    return entries[0].judged.stands_on[0]


def test_what_no_seed_changes_says_what_would() -> None:
    found = summary()
    assert card(found, "size").parts[0].change == "a change in the network's file"
    assert card(found, "off").parts[0].change == "runs of another source or recipe"
    odd = card(found, "odd").parts[0]
    assert odd.change == "another text of the document"
    assert odd.metric == "the number of another claim"
    assert [(cell.text, cell.href) for cell in odd.records] == [("line 7: off", "#claim-off")]


def test_cards_stand_by_verdict_and_settings_apart() -> None:
    section = claim_cards.section(summary())
    assert section is not None
    groups = [(each.caption.partition(": what")[0], each.folded) for each in section.cards]
    assert [folded for _, folded in groups] == [False, True, True]
    assert [len(each.cards) for each in section.cards] == [4, 1, 1]
    assert "no evidence" in section.cards[2].caption


def test_an_id_with_odd_characters_is_still_reached() -> None:
    odd = claim("n_parameters", 268, id='a "b"?#%', line=3, quote="268")
    found = summary(odd)
    (line,) = [line for line in document(found).lines if line.anchor]
    assert line.pieces[1].href == "#claim-a%20%22b%22%3F%23%25"
    assert card(found, 'a "b"?#%').parts[0].anchor == 'claim-a "b"?#%'


def test_the_excerpt_has_what_fails_then_the_aims_then_numbers_of_runs() -> None:
    more = [
        claim("last_test_accuracy_percent", 99.44, id="ok", line=4, quote="ok"),
        claim("last_test_accuracy_percent", 99.44, id="pair", line=5, quote="pair"),
        claim("mean_test_accuracy_percent", 99.447, id="mean", line=5, quote="mean"),
        claim("n_parameters", 8000, id="limit", line=6, quote="limit", relation="below"),
        claim("recipe.epochs", 16, id="setting", line=9, quote="16"),  # refuted, and no evidence
    ]
    found = summary(*SAID, *more)

    def lines(most: int) -> list[int]:
        shown = excerpt(found, most)
        assert shown is not None
        return [line.number for line in shown.lines]

    # 3 is refuted, 7 not consistent, and 8 contradicts itself; 1, 2 and 6 are the objective.
    assert lines(10) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert lines(7) == [1, 2, 3, 5, 6, 7, 8]  # two numbers of runs on 5
    assert lines(4) == [1, 3, 7, 8]
    assert lines(2) == [3, 7]
    assert lines(1) == [3]
    few = excerpt(found, most=7)
    assert few is not None
    assert few.lines[0].pieces[1].href == "document.html#claim-aim"
    assert few.note.startswith(
        "7 of 9 marked lines, in the document's order. Lines that do not hold were chosen first, "
        "the worst before the others. Then came the target and the limits, then lines with several "
        "numbers. All lines are on the page “Document”. "
        "4 lines need training: 1 not consistent, 2 undecided, 1 consistent."
    )
    assert "3 lines rest on structure, arithmetic or words: 1 refuted, 1 contradicts" in few.note


def test_there_is_no_excerpt_without_a_document() -> None:
    assert excerpt(summary(file="elsewhere")) is None
    assert excerpt(replace(summary(), document=None)) is None


def test_both_are_silent_where_nothing_is_claimed() -> None:
    (nothing,) = summarise("local", runs(SUBJECT, (9940,)), [], factories.published(), {}, "c")
    assert marked.section(nothing) is None
    assert claim_cards.section(nothing) is None


def spoken(plot: Plot) -> dict[str, float]:
    """What each mark of the figure says, and where it stands on the axis."""
    drawn = {}
    for line in plot.draw().axes[0].lines:
        gid = str(line.get_gid() or "")
        says = json.loads(bytes.fromhex(gid.removeprefix("mark-")))["says"] if gid else []
        words = [says] if isinstance(says, str) else says
        drawn |= dict(zip(words, map(float, line.get_xdata()), strict=False))
    return drawn


def test_a_card_draws_the_runs_beside_the_published_number() -> None:
    strip = card(summary(), "off").parts[0].strip
    assert strip is not None
    assert strip.name == "judged-mnist-model_1-last_test_accuracy_percent-equals-99.1"
    assert strip.alt == "Model_1: a single run's test accuracy after the last epoch, 6 runs"
    drawn = spoken(strip)
    assert {says: round(x, 3) for says, x in drawn.items()} == {
        "mean 99.447": 99.447,
        "Model_1, seed 0: 99.44 %": 99.44,
        "Model_1, seed 1: 99.5 %": 99.5,
        "Model_1, seed 2: 99.42 %": 99.42,
        "Model_1, seed 3: 99.41 %": 99.41,
        "Model_1, seed 4: 99.46 %": 99.46,
        "Model_1, seed 5: 99.45 %": 99.45,
        "published: 99.1": 99.1,
    }
    (band,) = strip.draw().axes[0].patches  # 9944.667 ± 2.571 x 3.204 x sqrt(7 / 6) of 10,000
    box = band.get_extents().transformed(strip.draw().axes[0].transData.inverted())
    assert (round(box.x0, 3), round(box.x1, 3)) == (99.358, 99.536)


def test_a_rate_has_a_line_to_reach_and_no_triangle() -> None:
    part = card(summary(), "aim").parts[0]
    assert part.strip is not None
    (line,) = [one for one in part.strip.draw().axes[0].lines if one.get_linestyle() == "--"]
    assert line.get_xdata() == [99.4, 99.4]
    assert not any(says.startswith("published") for says in spoken(part.strip))
    assert card(summary(), "size").parts[0].strip is None


def test_a_gain_shows_the_other_networks_runs_below() -> None:
    gain = claim("accuracy_gain_points", None, id="gain", against=OTHER, quote="better")
    part = card(summary(gain, others=(9930, 9940, None)), "gain").parts[0]
    assert (part.published, part.n) == ("in words", "6; below them 2 of Model_2")
    assert part.strip is not None
    axes = part.strip.draw().axes[0]
    heights = {round(float(line.get_ydata()[0]), 2) for line in axes.lines if line.get_gid()}
    assert heights == {-0.85, -0.5, -1.85, -1.5}  # the strokes and the dots of both rows
    drawn = spoken(part.strip)  # nine records, eight numbers: whose seed is not told
    assert drawn["Model_2: 99.3 %"] == 99.3
    assert drawn["mean 99.35"] == 99.35


@pytest.mark.parametrize(
    ("metric", "keys", "measured"),
    [
        ("test_accuracy_sd_points", {}, "0.032 points"),
        ("mean_test_accuracy_gain_points", {"against": OTHER}, "0.097 points"),
    ],
)
def test_what_lies_between_runs_is_no_number_of_a_run(
    metric: str, keys: dict[str, str], measured: str
) -> None:
    """Points and their interval are not drawn on the axis of the accuracies."""
    said = claim(metric, 0.3, id="size", quote="size", relation="at_least", **keys)
    part = card(summary(said, others=(9930, 9940, 9935)), "size").parts[0]
    assert (part.published, part.measured) == ("at least 0.3 points", measured)
    assert part.strip is not None
    assert not any(says.startswith("published") for says in spoken(part.strip))
    assert not part.strip.draw().axes[0].patches


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (claim("recipe.batch_size", 128), "a field of the recipe: batch size"),
        (claim("n_layers.Conv2d", 3), "calls of layers of a kind: Conv2d"),
        (claim("n_parameters.skip_connections", 68), "parameters of a component: skip connections"),
        (
            claim("parameters_share_percent.skip_connections", 25),
            "parameters of a component, in percent of the network's parameters: skip connections",
        ),
        (
            claim("output_shape", text="28x28x12", layers=("point",)),
            "a layer's output as height x width x channels: point",
        ),
    ],
)
def test_a_card_names_its_thing_without_an_example_of_another(said: Claim, words: str) -> None:
    part = card(summary(msgspec.structs.replace(said, id="it")), "it").parts[0]
    assert part.metric == words


def test_cards_of_one_claim_share_a_figure_and_each_has_ids_of_its_own() -> None:
    again = claim("last_test_accuracy_percent", 99.1, id="again", line=9, quote="99.1 again")
    found = summary(*SAID, again)
    first, second = (card(found, each).parts[0] for each in ("off", "again"))
    assert first.strip is not None
    assert second.strip is not None
    assert (first.strip.name, first.copy) == (second.strip.name, 0)
    assert second.copy == 1
    drawing = Markup('<svg><path id="a-m1"/><use href="#a-m1"/></svg>')
    copy = copied(drawing, "a", 1)
    assert copy == '<svg><path id="a-1-m1"/><use href="#a-1-m1"/></svg>'
    assert copied(drawing, "a", 0) == drawing

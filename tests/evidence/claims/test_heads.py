"""The tables that a file of claims begins with, and what they ask of which network."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from bench.evidence.claims import Objectives, load, load_files
from bench.evidence.claims.load import read
from bench.records.protocol import NO_GOAL, Goal
from bench.spec import Document, Objective
from tests import factories
from tests.evidence.claims.test_load import GOOD, written

DOCUMENT = """[document]
title = "Petals: a first network"
dataset = "petals"
"""
OBJECTIVE = """
[objective]
target = 70
rate = 0.8
parameters_at_most = 5000

"""


def test_a_head_is_read_and_its_data_set_is_the_claims(tmp_path: Path) -> None:
    found = load_files([written(tmp_path, DOCUMENT + OBJECTIVE + GOOD)])
    assert found.documents == [
        Document(
            title="Petals: a first network",
            dataset="petals",
            networks=("a",),
            name="bad",
            objective=Objective(target=70.0, rate=0.8, parameters_at_most=5000),
        )
    ]
    assert [claim.dataset for claim in found.claims] == ["petals"]
    own = load_files([written(tmp_path, DOCUMENT + GOOD + 'dataset = "leaves"')])
    assert [claim.dataset for claim in own.claims] == ["leaves"]


def test_a_file_without_a_head_asks_for_nothing(tmp_path: Path) -> None:
    (found,) = load_files([written(tmp_path, GOOD)]).documents
    assert found == Document(title="bad", networks=("a",), name="bad")


BAD = [
    (DOCUMENT.replace("title", "titel"), ":2:1", "unknown key 'titel' .*did you mean 'title'"),
    ('[document]\nlabel = "it"\n', ":1:1", "missing required field `title`"),
    (DOCUMENT + 'networks = ["A b"]\n', ":4:1", "'networks'"),
    (DOCUMENT + 'sections = ["losses"]\n', ":4:1", "'sections'"),
    (DOCUMENT + 'networks = ["a", "a"]\n', ":4:1", "'a' twice in 'networks'"),
    ("document = 3\n", "", "no table"),
    ("[objectives]\ntarget = 3\n", ":1", "unknown table 'objectives' .*'objective'"),
    ("[objective]\n", ":1:1", "it has no target and no limit"),
    ("[objective]\ntarget = 70\n", ":2:1", "a target without a rate .*rate = 0.9"),
    ("[objective]\nrate = 0.8\n", ":2:1", "a rate without a target"),
    ("[objective]\ntarget = 170\nrate = 0.8\n", ":2:1", "<= 100.*'target'"),
    ("[objective]\ntarget = 70\nrate = 1\n", ":3:1", "< 1.*'rate'"),
    ('[objective]\ntarget = "70 %"\n', ":2:1", "'target'"),
    ("[objective]\nmetric = 'loss'\n", ":2:1", "'metric'"),
    ("[objective]\nnetworks = ['a']\n", ":1:1", "it has no target and no limit"),
    (
        DOCUMENT
        + 'networks = ["ab", "cd"]\n[objective]\nparameters_below = 9\nnetworks = ["abc"]\n',
        ":7:1",
        "'abc' is not one of the document's networks .*did you mean 'ab'",
    ),
    (
        "[objective]\nparameters_below = 9\nnetworks = ['a', 'a']\n",
        ":3:1",
        "'a' twice in 'networks'",
    ),
    ("[objective]\nparameters_below = 0\n", ":2:1", "'parameters_below'"),
    (
        '[objective]\nrelation = "above"\nparameters_below = 9\n',
        ":2:1",
        "a relation without a target",
    ),
    ('[objective]\ntarget = 70\nrate = 0.8\nrelation = "below"\n', ":4:1", "'relation'"),
    (
        '[objective]\ntarget = 100\nrate = 0.8\nrelation = "above"\n',
        ":4:1",
        "no run exceeds 100 %",
    ),
    (
        "[objective]\nparameters_below = 9\nparameters_at_most = 8\n",
        ":3:1",
        "two limits of parameters",
    ),
]


@pytest.mark.parametrize(("head", "place", "message"), BAD, ids=[str(n) for n in range(len(BAD))])
def test_a_bad_head_is_told_where_it_is_bad(
    tmp_path: Path, head: str, place: str, message: str
) -> None:
    path = written(tmp_path, head + GOOD)
    _, problems = read([path])
    error = str(problems[0].error())
    assert f"{path}{place}" in error
    assert len(error.splitlines()) == 1
    with pytest.raises(Exception, match=message):
        load_files([path])


ASKED = Objective(target=70.0, rate=0.8)
OURS = Document(title="ours", networks=("a", "b"), dataset="petals", objective=ASKED)
SILENT = Document(title="theirs", networks=("c",), dataset="petals")


def test_an_objective_is_that_of_the_document_that_names_the_network() -> None:
    other = replace(SILENT, objective=replace(ASKED, target=80.0))
    found = Objectives((OURS, other))
    assert found.of("a", "petals") == ASKED
    assert found.of("c", "petals") == other.objective
    assert found.of("d", "petals") is None  # the documents ask for different things
    assert found.of("a", "leaves") is None


def test_documents_that_differ_in_a_limit_alone_have_one_goal() -> None:
    limited = replace(OURS, objective=replace(ASKED, parameters_below=9))
    small = replace(OURS, objective=Objective(parameters_below=9))
    assert Objectives((OURS, limited, small)).goal("a", "petals") == Goal(70.0, 0.8)
    other = Objectives((OURS, replace(OURS, objective=replace(ASKED, target=80.0))))
    assert other.disagree("a", "petals")
    assert other.goal("a", "petals") == NO_GOAL
    assert not Objectives((OURS,)).disagree("a", "petals")


def test_what_all_documents_ask_alike_holds_for_the_networks_beside_theirs() -> None:
    found = Objectives((OURS, SILENT))
    assert found.of("c", "petals") == found.of("d", "petals") == ASKED
    about = Objectives.about([OURS, SILENT], ["c", "d"])
    assert about.documents == (SILENT,)
    assert about.of("d", "petals") is None


def test_the_shipped_documents_have_one_objective() -> None:
    documents = load(Path(__file__).parents[3] / "claims").documents
    assert Objectives(tuple(documents)).asked() == [factories.OBJECTIVE]


def test_a_limit_itself_is_allowed_where_it_says_so() -> None:
    below, at_most = Objective(parameters_below=8), Objective(parameters_at_most=8)
    assert [below.allows(n) for n in (7, 8, 9)] == [True, False, False]
    assert [at_most.allows(n) for n in (7, 8, 9)] == [True, True, False]
    assert [Objective(epochs_at_most=8).allows_epochs(n) for n in (8, 9)] == [True, False]


def test_an_objective_may_be_asked_of_some_networks_alone() -> None:
    found = Objectives((replace(OURS, objective=replace(ASKED, networks=("b",))),))
    assert found.of("b", "petals") == found.of("d", "petals") == ASKED  # d stands beside them
    assert (found.of("a", "petals"), found.goal("a", "petals")) == (None, NO_GOAL)
    assert [found.leaves_out(name) for name in "abd"] == [True, False, False]
    both = Objectives((*found.documents, replace(OURS, networks=("a",))))
    assert both.of("a", "petals") == ASKED  # the second document asks it
    assert len(both.asked()) == 1  # one objective, for all that it is asked of others

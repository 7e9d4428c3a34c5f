"""Which runs speak for the network that a reader finds in its file."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bench.records.arms import is_of_file
from bench.spec import Portrait, RunRecord
from tests import factories

RUN = factories.record("model_1", 0)
OWN, OLDER = RUN.architecture_digest, "0" * 64
PORTRAIT = replace(
    factories.portrait("model_1"), architecture_digest=OWN, recipe=factories.recipe()
)
OTHER_RECIPE = replace(RUN, recipe=factories.recipe(epochs=2))
OTHER_SOURCE = replace(RUN, architecture_digest=OLDER)


@pytest.mark.parametrize(
    ("run", "portraits", "at_hand", "expected"),
    [
        (RUN, [PORTRAIT], OWN, True),
        (OTHER_RECIPE, [PORTRAIT], OWN, False),
        (OTHER_SOURCE, [PORTRAIT], OWN, False),
        # The file was edited after the runs: nobody measured it yet, and no run is of it.
        (RUN, [PORTRAIT], OLDER, False),
        (RUN, [], OLDER, False),
        # Without a portrait no recipe is known, so the source alone tells.
        (OTHER_RECIPE, [], OWN, True),
        # Without a file every measured version speaks for itself.
        (RUN, [PORTRAIT], None, True),
        (OTHER_SOURCE, [PORTRAIT], None, False),
        (OTHER_SOURCE, [PORTRAIT, replace(PORTRAIT, architecture_digest=OLDER)], None, True),
        # What was measured of another network says nothing.
        (OTHER_RECIPE, [replace(PORTRAIT, architecture="model_2")], OWN, True),
    ],
)
def test_runs_of_the_file_at_hand(
    run: RunRecord, portraits: list[Portrait], at_hand: str | None, expected: bool
) -> None:
    assert is_of_file(run, portraits, at_hand) is expected

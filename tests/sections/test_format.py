"""Words made of numbers and lists."""

from __future__ import annotations

import pytest

from bench.sections._format import listed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (["a", "b", "c"], "a, b and c"),
        (["a", "b, with c", "d"], "a; b, with c and d"),
        (["a 7,344", "b", "c"], "a 7,344, b and c"),
    ],
)
def test_a_list_keeps_its_members_apart(words: list[str], said: str) -> None:
    assert listed(words) == said

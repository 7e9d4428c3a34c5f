from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UsageError
from bench.inputs.seeds import parse_seeds


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("5", [0, 1, 2, 3, 4]),
        ("1", [0]),
        ("3-5", [3, 4, 5]),
        ("0,3,7", [0, 3, 7]),
        ("7, 0-2", [7, 0, 1, 2]),
        ("4-4", [4]),
    ],
)
def test_seeds_are_a_count_a_range_or_a_list(text: str, seeds: list[int]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "-1",
        "a",
        "5-2",
        "1,1",
        "0-3,2",
        "",
        ",",
        "1,",
        "1.5",
        "²",
        "1-2-3",
        "9" * 30,
        f"0,{10**18}",
        f"0-{'9' * 5000}",
    ],
)
def test_bad_seeds_are_refused_with_the_text_and_the_remedy(text: str) -> None:
    with pytest.raises(UsageError, match=r"--seeds.*give 5, 0-29 or 0,3,7"):
        parse_seeds(text)


@pytest.mark.parametrize(
    ("most", "more"), [("100000", "100001"), ("0-99999", "0-100000"), ("7-100006", "7-100007")]
)
def test_a_hundred_thousand_seeds_are_the_most(most: str, more: str) -> None:
    assert len(parse_seeds(most)) == 100_000
    with pytest.raises(UsageError, match="more than 100000 seeds"):
        parse_seeds(more)


@given(st.lists(st.integers(0, 10**6), min_size=2, unique=True))
def test_any_list_of_seeds_is_read_back(seeds: list[int]) -> None:
    assert parse_seeds(",".join(map(str, seeds))) == seeds


@given(st.text())
def test_any_text_is_seeds_or_a_usage_error(text: str) -> None:
    try:
        seeds = parse_seeds(text)
    except UsageError:
        return
    assert seeds
    assert len(set(seeds)) == len(seeds)
    assert min(seeds) >= 0

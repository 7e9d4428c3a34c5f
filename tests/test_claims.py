"""Claims files: what session 6 published, and files that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import claims, shipped

GOOD = """[[claim]]
id = "a.parameters"
line = 3
quote = '| 9,850 |'
metric = "n_parameters"
subject = "a"
published = 9850
"""


def test_session6_holds_both_tables() -> None:
    found = claims.by_id(claims.load_file(shipped.folder("claims") / "session6.toml"))
    assert found["model_1.parameters"].published == 9850
    assert found["model_2.test_accuracy"].published == 99.35
    assert found["model_1.validation_accuracy"].published == 99.35
    assert found["model_3.components.se_attention"].published == 256
    assert found["model_3.components.conv_layers"].tolerance == 50
    assert (found["model_3.parameters"].line, found["model_3.components.total"].line) == (15, 155)


def test_a_published_number_is_in_its_quote() -> None:
    for claim in claims.load_file(shipped.folder("claims") / "session6.toml"):
        number = abs(claim.published)
        digits = f"{number:,.0f}" if number % 1 == 0 else f"{number:.2f}"
        assert digits in claim.quote


def test_a_missing_folder_holds_no_claims(tmp_path: Path) -> None:
    assert claims.load(tmp_path / "none") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[claim]", "unreadable claims"),
        ("title = 'x'", "no claims in the file"),
        (GOOD.replace("published = 9850", ""), "bad claim: .*published"),
        (GOOD.replace("9850", "'many'"), "bad claim"),
        (GOOD + "valeu = 1\n", "unknown key 'valeu'"),
        (GOOD + GOOD, "two claims with the id 'a.parameters'"),
    ],
)
def test_a_bad_file_is_one_clear_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(claims.ClaimError, match=said) as caught:
        claims.load(tmp_path)
    assert "bad" in str(caught.value)
    assert "\n" not in str(caught.value)

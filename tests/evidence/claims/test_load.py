"""Files of claims that cannot be used: every mistake with its line and column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bench.evidence import claims
from bench.evidence.claims import schema
from bench.evidence.claims.load import misquoted, read
from bench.spec import Claim
from tests.support import ROOT, text_of

GOOD = """[[claim]]
id = "a.parameters"
line = 3
quote = '| 9,850 |'
metric = "n_parameters"
subject = "a"
published = 9850
"""
GAIN = GOOD.replace("n_parameters", "accuracy_gain_points").replace(
    "published = 9850", 'against = "b"'
)


def written(folder: Path, text: str) -> Path:
    path = folder / "bad.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_missing_folder_holds_no_claims(tmp_path: Path) -> None:
    assert claims.load(tmp_path / "none") == claims.Published()


def test_a_claim_is_read_as_it_is_written(tmp_path: Path) -> None:
    (claim,) = claims.load_files([written(tmp_path, GOOD)]).claims
    assert claim == Claim(
        id="a.parameters",
        file="bad",
        line=3,
        quote="| 9,850 |",
        metric="n_parameters",
        subject="a",
        published=9850.0,
    )


RECIPE = """\
[[claim]]
id = 'a'
line = 3
quote = 'b'
subject = 'a'
metric = 'recipe."""
MALFORMED = [
    ("[[claim]", ":1:8", "unreadable claims: Expected"),
    (GOOD + "x = [1,", ":8:8", "unreadable claims"),
    (GOOD.replace("line = 3", "line = = 3"), ":3:8", "unreadable claims"),
    ("title = 'x'", "", "no claims in the file"),
    ("claim = []", "", "no claims in the file"),
    ("claim = [1]", "", "claim 1: bad claim: no table"),
    (GOOD.replace("published = 9850", ""), ":5:1", "bad claim: .*needs the key 'published'"),
    (GOOD.replace("9850", "'many'"), ":7:1", "bad claim: Expected `float`, got `str`"),
    (GOOD.replace("line = 3", "  line = 'x'"), ":3:3", "bad claim: .*'line'"),
    (GOOD.replace("line = 3", "line = 0"), ":3:1", "bad claim: .*>= 1"),
    (GOOD.replace('subject = "a"', ""), ":1:1", "bad claim: missing required field `subject`"),
    (GOOD + "tolerance = -1\n", ":8:1", "bad claim: .*>= 0"),
    (GOOD + "relation = 'about'\n", ":8:1", "bad claim: Invalid enum value 'about'"),
    (GOOD + "file = 'x'\n", ":8:1", "unknown key 'file'"),
    (GOOD + "valeu = 1\n", ":8:1", "unknown key 'valeu'"),
    (GOOD + "tolerence = 1\n", ":8:1", "unknown key 'tolerence'.*did you mean 'tolerance'"),
    (GOOD + "text = 'x'\n", ":8:1", "both 'published' and 'text'"),
    (GOOD + "\n# second\n" + GOOD, ":11:1", "two claims with the id 'a.parameters'"),
    (GOOD.replace("n_parameters", "n_parametres"), ":5:1", "did you mean 'n_parameters'"),
    (GOOD.replace("n_parameters", "recipe.epoch"), ":5:1", "did you mean 'epochs'"),
    (GOOD.replace("n_parameters", "recipe.augmentation"), ":5:1", "no such field of a recipe"),
    (GOOD.replace("n_parameters", "recipe.nesterov"), ":7:1", "give 'text': true, false"),
    (GOOD.replace("n_parameters", "recipe.step_epochs"), ":7:1", "is several numbers"),
    (
        GOOD.replace("n_parameters", "recipe.learning_rate_table"),
        ":5:1",
        "neither a number nor a word",
    ),
    (RECIPE + "pixel_mean'\ntext = '0.50,0.4'\n", ":7:1", "can never be .*write 0.5, 0.4"),
    (RECIPE + "step_epochs'\ntext = 'late'\n", ":7:1", "write the numbers as 15, 25"),
    (RECIPE + "centered'\ntext = 'yes'\n", ":7:1", "can never be 'yes'"),
    (RECIPE + "epochs'\ntext = '15, 25'\n", ":7:1", "is a number, not a word"),
    (GOOD.replace("n_parameters", "groups"), ":5:1", "needs the key 'layers'"),
    (GOOD.replace("n_parameters", "not_checkable"), ":5:1", "needs the key 'reason'"),
    (GOOD.replace("n_parameters", "accuracy_gain_points"), ":5:1", "needs the key 'against'"),
    (GOOD.replace("n_parameters", "sum_of_claims"), ":5:1", "needs the key 'terms'"),
    (
        GOOD.replace("n_parameters", "sum_of_claims") + "terms = ['a.parametres']\n",
        ":8:1",
        "the term 'a.parametres' is not the id of another claim",
    ),
    (
        GOOD.replace("n_parameters", "saved_percent") + "numbers = [1]\n",
        ":8:1",
        "not two numbers",
    ),
    (
        GOOD.replace("n_parameters", "consistent_test_accuracy_percent") + "relation = 'below'\n",
        ":8:1",
        "a rate is the share of runs that reach a number",
    ),
    (
        GOOD.replace("n_parameters", "mean_test_accuracy_percent") + "relation = 'equals'\n",
        ":8:1",
        "a mean never equals a number exactly",
    ),
    (
        GOOD.replace("n_parameters", "test_accuracy_sd_points") + "relation = 'equals'\n",
        ":8:1",
        "a standard deviation never equals a number exactly",
    ),
    (
        GAIN.replace("accuracy_gain", "mean_test_accuracy_gain") + "published = 0.3\n",
        ":5:1",
        "needs the key 'relation'",
    ),
    (GOOD.replace("9850", "nan"), ":7:1", "published is nan"),
    (GOOD.replace("9850", "-inf"), ":7:1", "published is -inf"),
    (GOOD.replace("9850", "1e400"), ":7:1", "published is inf"),
    (GOOD.replace("9850", "1e300"), ":7:1", "published is 1e\\+300"),
    (GOOD.replace("9850", "9" * 400), ":7:1", "bad claim: Number out of range in 'published'"),
    (GOOD.replace("9850", "9" * 5000), "", "unreadable claims: Exceeds the limit"),
    (GOOD.replace("line = 3", f"line = {'9' * 400}"), ":3:1", "no document has so many lines"),
    (GOOD + "tolerance = inf\n", ":8:1", "tolerance is inf"),
    (GOOD.replace("n_parameters", "sum") + "numbers = [1, nan]\n", ":8:1", "numbers is nan"),
    (GOOD.replace("| 9,850 |'", "a\0b'"), ":4:11", r"unreadable claims: .* character '\\x00'"),
    (GOOD.replace("'| 9,850 |'", r'"a\u0000b"'), ":4:1", "a control character in 'quote'"),
    (GOOD.replace("'| 9,850 |'", r'"a\u001b[1mb"'), ":4:1", "a control character in 'quote'"),
    (
        GAIN + "published = 2.0\ntolerance = 0.5",
        ":8:1",
        "metric 'accuracy_gain_points' does not judge 'published'",
    ),
    (GOOD + r'layers = ["\u0000"]', ":8:1", "a control character in 'layers'"),
    (GOOD + r'"\u0000" = 1', ":1:1", r"unknown key '\\x00'"),
    (GOOD.replace("'| 9,850 |'", r'"\ud800"'), ":4:16", "not a Unicode scalar value"),
    ("x = " + "[" * 5000 + "]" * 5000, "", "nested too deeply"),
    (GOOD + "x = " + "{a = " * 5000 + "1" + "}" * 5000, "", "nested too deeply"),
    ("", "", "no claims in the file"),
]


@pytest.mark.parametrize(("text", "place", "said"), MALFORMED)
def test_a_bad_file_is_one_clear_line(tmp_path: Path, text: str, place: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(claims.ClaimError, match=said) as caught:
        claims.load(tmp_path)
    assert caught.value.where == f"{path}{place}"
    assert "\n" not in str(caught.value)
    assert caught.value.remedy


def test_every_mistake_is_found_and_the_good_claims_are_kept(tmp_path: Path) -> None:
    bad = GOOD.replace("9850", "'many'").replace("a.par", "b.par")
    worse = GOOD.replace("n_parameters", "nothing").replace("a.par", "c.par") + "x = 1\n"
    kept, problems = read([written(tmp_path, GOOD + bad + worse)])
    assert [claim.id for claim in kept] == ["a.parameters"]
    assert [problem.line for problem in problems] == [14, 22, 19]


def test_a_file_that_is_no_text_or_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    with pytest.raises(claims.ClaimError, match="No such file"):
        claims.load_files([path])
    for content in (b"\xff\xfe", b'x = "\xed\xa0\x80"'):  # the second is a lone surrogate
        path.write_bytes(content)
        with pytest.raises(claims.ClaimError, match="UTF-8"):
            claims.load_files([path])
    path.unlink()
    path.mkdir()
    with pytest.raises(claims.ClaimError, match="Is a directory"):
        claims.load(tmp_path)


def test_a_header_inside_a_quote_does_not_lead_astray(tmp_path: Path) -> None:
    odd = GOOD.replace("'| 9,850 |'", "'''\n[[claim]]\n'''")
    path = written(tmp_path, odd + GOOD.replace("line = 3", "line = 'x'").replace("a.p", "b.p"))
    with pytest.raises(claims.ClaimError, match="bad claim"):
        claims.load_files([path])


def test_quotes_are_looked_for_on_their_lines(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD)
    document = tmp_path / "README.md"
    document.write_text("Title\n\n| M | 9,850 |\n", encoding="utf-8")
    assert misquoted([path], document) == []
    document.write_text("Title\n| M | 9,850 |\n\n", encoding="utf-8")
    (problem,) = misquoted([path], document)
    assert (problem.line, problem.column, problem.remedy) == (
        3,
        1,
        "it is on line 2; --renumber writes it",
    )
    document.write_text("Title\n", encoding="utf-8")
    (problem,) = misquoted([path], document)
    assert (problem.line, problem.remedy) == (4, "quote its exact words")
    with pytest.raises(claims.ClaimError, match="No such file"):
        misquoted([path], tmp_path / "none.md")


def test_the_schema_in_the_docs_is_current() -> None:
    assert (ROOT / schema.FILE).read_bytes() == schema.as_json()


def test_the_schema_knows_every_key() -> None:
    table: dict[str, Any] = schema.schema()["properties"]["claim"]["items"]
    assert set(table["properties"]) == set(Claim.__struct_fields__) - {"file"}
    assert table["required"] == ["id", "line", "quote", "metric", "subject"]
    assert all(each["description"] for each in table["properties"].values())


def test_the_docs_name_every_key_and_metric() -> None:
    text = text_of("docs/claims.md")
    for name, metric in schema.METRICS.items():
        assert f"| `{name.replace('.*', '.NAME')}` | {metric.about} | {metric.kind} |" in text
    for key in set(Claim.__struct_fields__) - {"file"}:
        assert f"`{key}`" in text

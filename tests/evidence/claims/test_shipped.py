"""Every shipped file of claims: its numbers stand in its quotes, and no verdict is typed in."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from bench import machine
from bench.evidence import claims
from bench.evidence.claims.heads import keys_of
from bench.evidence.claims.ledger import NO_NUMBER, VERDICTS
from bench.spec import Claim, Document, Objective

FILES = sorted(machine.folder("claims").glob("*.toml"))
CLAIMS = claims.load_files(FILES).claims
ROUNDED = re.compile(r"(~?)(\d[\d,]*(?:\.\d+)?)(%?)")


def test_the_course_readme_and_the_public_ones_are_there() -> None:
    names = [path.stem for path in FILES]
    public = {path.stem for path in machine.folder("architectures").glob("public/*.py")}
    assert set(names) == {"session6", *public}
    assert len(public) == 6
    assert {claim.file for claim in CLAIMS} == set(names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_verdict_is_typed_in(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    keys = set(re.findall(r"^(\w+) =", text, re.MULTILINE))
    assert keys <= {*Claim.__struct_fields__, *keys_of(Document), *keys_of(Objective)}
    assert not any(re.search(rf'"{verdict}"', text) for verdict in VERDICTS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_claims_stand_in_the_order_of_their_document(path: Path) -> None:
    lines = [claim.line for claim in CLAIMS if claim.file == path.stem]
    assert lines == sorted(lines)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_a_published_value_is_in_its_quote_or_derived_from_it(claim: Claim) -> None:
    if claim.metric in NO_NUMBER:
        return
    if claim.derivation:
        reckoned = eval(claim.derivation.rpartition(": ")[2], {"max": max})
        assert reckoned == (claim.text or claim.published)
        return
    if claim.text:
        assert claim.text in claim.quote
        return
    numbers = {Decimal(digits.replace(",", "")) for _, digits, _ in ROUNDED.findall(claim.quote)}
    assert abs(Decimal(str(claim.published))) in numbers


@pytest.mark.parametrize(
    "claim", [c for c in CLAIMS if c.tolerance and not c.derivation], ids=lambda claim: claim.id
)
def test_a_tolerance_is_half_of_the_last_digit_given(claim: Claim) -> None:
    published = abs(Decimal(str(claim.published)))
    allowed = set()
    for about, digits, percent in ROUNDED.findall(claim.quote):
        number = Decimal(digits.replace(",", ""))
        if number != published:
            continue
        exponent = number.as_tuple().exponent
        assert isinstance(exponent, int)
        if about and exponent == 0:  # "~8,500": zeros at the end are no digits
            exponent = len(digits.replace(",", "")) - len(digits.replace(",", "").rstrip("0"))
        if about or percent or exponent < 0:
            allowed.add(Decimal(1).scaleb(exponent) / 2)
    # "~0.05-0.07%" has one sign for both of its ends
    assert Decimal(str(claim.tolerance)) in allowed


@pytest.mark.parametrize(
    "claim",
    [c for c in CLAIMS if c.metric.startswith(("consistent_", "sustained_"))],
    ids=lambda claim: claim.id,
)
def test_a_rate_is_strict_where_its_words_are(claim: Claim) -> None:
    assert (claim.relation == "above") == (">" in claim.quote)

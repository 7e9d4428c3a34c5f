"""What a person reads on a terminal: what does not hold first, with its quote, and no line lost."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from bench.evidence.claims.ledger import ledger
from bench.evidence.claims.show import show
from bench.spec import Claim
from tests.evidence.claims.evidences import claim, evidence
from tests.support import environment

LONG = "| **Model_1** | 9,850 | 99.35% | 99.39% | ❌ (0.05% short) | ❌ (1,850 over) | " * 2
SAID = (
    claim("n_parameters", 268, id="right", line=1, quote="It has 268 parameters"),
    claim("recipe.epochs", 15, id="typed", line=2, quote="15 epochs"),
    claim("recipe.epochs", 16, id="typo", line=9, quote="16 epochs"),
    claim("not_checkable", id="words", line=3, quote="It is elegant", reason="no measure"),
    claim("consistent_test_accuracy_percent", 99.4, id="often", line=4, quote="99.4% often"),
    claim("last_test_accuracy_percent", 99.44, id="near", line=5, quote="99.44%"),
    claim("last_test_accuracy_percent", 99.1, id="far", line=6, quote="about 99.1%"),
    claim("same_as_claim", 5, id="odd", line=7, quote="5", terms=("right",)),
    claim("n_parameters", 9850, id="wrong", line=8, quote=LONG),
    claim("n_parameters", 1, id="other", file="yours", line=1, quote="one parameter"),
)


def shown(*said: Claim, every: bool = False, width: int = 80) -> str:
    out = io.StringIO()
    terminal = Console(
        file=out, force_terminal=True, width=width, color_system=None, soft_wrap=True
    )
    show(ledger(said, evidence(*said)), terminal, every)
    return out.getvalue()


def places(text: str, *words: str) -> list[int]:
    return [text.index(word) for word in words]


def test_what_does_not_hold_comes_first_document_by_document() -> None:
    text = shown(*SAID)
    order = places(
        text,
        *("mine\n", "refuted, line 8", 'refuted, line 9: "16 epochs"'),
        *('not consistent, line 6: "about 99.1%"', 'contradicts itself, line 7: "5"'),
        *('undecided, line 4: "99.4% often"', "yours\n", 'refuted, line 1: "one parameter"'),
    )
    assert order == sorted(order)
    for quote in ("It has 268", "99.44%", "elegant", '"15 epochs"'):
        assert quote not in text
    rest = "3 statements hold or cannot be checked; 1 setting of the rebuild, no evidence"
    assert rest in " ".join(text.split())


def test_all_lists_what_holds_too() -> None:
    text = shown(*SAID, every=True)
    for words in ('consistent, line 5: "99.44%"', 'confirmed, line 1: "It has 268 parameters"'):
        assert words in text
    assert 'confirmed, line 2: "15 epochs"' in text
    assert "--all" not in text


def test_parts_stand_below_their_sentence_with_their_own_verdicts() -> None:
    parts = [claim("n_parameters", n, id=f"part.{n}", quote="both") for n in (268, 269)]
    lines = [line.strip() for line in shown(*parts).splitlines()]
    at = lines.index('refuted, line 3: "both"')
    assert lines[at + 1].startswith("part.268 confirmed: published 268; measured 268; exact")
    assert any(line.startswith("part.269 refuted: ") for line in lines[at + 2 :])


@pytest.mark.parametrize("width", [40, 80])
def test_long_quotes_wrap_and_lose_nothing(width: int) -> None:
    text = shown(*SAID, width=width)
    assert max(cell_len(line) for line in text.splitlines()[:-1]) <= width
    assert "".join(LONG.split()) in "".join(text.split())


def test_markup_and_control_characters_of_a_quote_do_nothing() -> None:
    odd = "[bold]9,850[/] \x1b[31mred\x1b[0m :smile:\n[link=x]two\tlines"
    said = claim("n_parameters", 9850, quote=odd)
    text = shown(said)
    assert '"[bold]9,850[/] [31mred [0m :smile: [link=x]two lines"' in " ".join(text.split())
    assert "\x1b" not in text
    out = io.StringIO()
    show(ledger([said], evidence(said)), Console(file=out))
    row, _tally = out.getvalue().splitlines()
    assert row.count("\t") == 9


def test_the_tally_stands_below_by_kind() -> None:
    *_, runs, structure, document, words, whole = shown(*SAID, width=300).splitlines()
    assert runs.strip() == "runs: 1 not consistent, 1 undecided, 1 consistent"
    assert structure.strip() == "structure: 2 refuted, 1 confirmed"
    assert document.strip() == "document: 1 contradicts itself"
    assert words.strip() == "words: 1 not checkable"
    assert whole.startswith("8 lines: 2 refuted, 1 not consistent, 1 contradicts itself, ")
    assert whole.endswith(
        "; 2 lines of settings, typed from the document and no evidence, 1 of them not as published"
    )


@pytest.mark.process
def test_a_real_terminal_lists_what_fails_and_all_lists_everything(
    results: Path, tmp_path: Path
) -> None:
    """In a pseudo-terminal of 80 columns; `measured` holds the structure and no run."""

    def told(*more: str) -> str:
        parent, child = pty.openpty()
        words = [sys.executable, "-m", "bench", "claims", "--suite", "measured", *more]
        process = subprocess.Popen(
            words,
            cwd=tmp_path,
            env={**environment(), "COLUMNS": "80", "TERM": "dumb"},
            stdout=child,
            stderr=subprocess.DEVNULL,
        )
        os.close(child)
        parts = []
        while True:
            try:
                part = os.read(parent, 65536)
            except OSError:  # Linux: the other end is closed
                break
            if not part:
                break
            parts.append(part)
        os.close(parent)
        assert process.wait() == 0
        return b"".join(parts).decode("utf-8")

    short, long = told(), told("--all")
    assert 'refuted, line 104: "RF: 20x20"' in short
    assert '"RF: 14x14"' not in short
    assert 'confirmed, line 100: "RF: 14x14"' in long
    assert "(--all lists them)" in " ".join(short.split())
    assert long.count("\n") > 2 * short.count("\n")

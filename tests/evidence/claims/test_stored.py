"""The text that claims quote, stored beside them by the command, and read back."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.evidence import claims
from bench.evidence.claims import stored
from bench.evidence.claims.sources import ClaimError
from tests import factories
from tests.support import ROOT

Bench = Callable[..., subprocess.CompletedProcess[str]]
DOCUMENT = "# Mine\n\nIt has 1,442 parameters.\nAnd\tmore.\n"
SHA256 = hashlib.sha256(DOCUMENT.encode()).hexdigest()
CLAIM = """
[[claim]]
id = "mine"
line = 3
quote = "1,442 parameters"
metric = "n_parameters"
subject = "document"
published = 1442
"""
HEAD = f"document of 4 lines, sha256 {SHA256}"
QUOTED = f"{HEAD}; lines without a claim are left out\n    3| It has 1,442 parameters.\n"
WHOLE = f"{HEAD}\n    1| # Mine\n    2| \n    3| It has 1,442 parameters.\n    4| And\tmore.\n"
CHECK = ("claims", "--check", "--file", "mine.toml", "--document", "README.md")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A document, and a claim about it."""
    (tmp_path / "README.md").write_text(DOCUMENT, encoding="utf-8")
    (tmp_path / "mine.toml").write_text(CLAIM, encoding="utf-8")
    (tmp_path / "architectures").mkdir()
    return tmp_path


def test_the_check_stores_the_lines_that_claims_quote(bench: Bench, folder: Path) -> None:
    done = bench(*CHECK)
    assert (done.returncode, done.stderr) == (0, "")
    said = "stored 1 of 4 lines of the document in mine.lines.txt"
    assert done.stdout.splitlines()[-1] == said
    assert (folder / "mine.lines.txt").read_text() == QUOTED
    assert bench(*CHECK).stdout == "no mistakes in mine.toml\n"  # nothing new to store


def test_a_licence_permits_the_whole_text(bench: Bench, folder: Path) -> None:
    (folder / "mine.lines.txt").write_text(QUOTED)
    head = '[document]\ntitle = "Mine"\nlicence = "MIT"\n'
    (folder / "mine.toml").write_text(head + CLAIM, encoding="utf-8")
    done = bench(*CHECK)
    said = "stored 4 of 4 lines of the document in mine.lines.txt; it held another text"
    assert done.stdout.splitlines()[-1] == said
    assert (folder / "mine.lines.txt").read_text() == WHOLE
    assert stored.read_all(folder) == {
        "mine": stored.Text(
            SHA256, 4, True, {1: "# Mine", 2: "", 3: "It has 1,442 parameters.", 4: "And\tmore."}
        )
    }


def test_an_edited_document_is_noticed_by_claims_and_by_the_report(
    bench: Bench, folder: Path
) -> None:
    (folder / "claims").mkdir()
    head = '[document]\ntitle = "Mine"\nfile = "README.md"\n'
    path = folder / "claims" / "mine.toml"
    path.write_text(head + CLAIM, encoding="utf-8")
    factories.suite(folder / "results")
    assert "was edited" not in bench("claims").stderr
    assert bench("report").returncode == 0
    assert "was edited" not in (folder / "reports/index.html").read_text()
    (folder / "README.md").write_text(DOCUMENT.replace("1,442", "1,443"))
    said = "Notice: README.md was edited: 1 quote of claims/mine.toml is no longer on the line"
    judged, report = bench("claims"), bench("report")
    assert (judged.returncode, judged.stderr.count(said)) == (0, 1)
    assert (report.returncode, report.stderr.count(said)) == (0, 1)
    page = (folder / "reports/index.html").read_text()
    assert said.removeprefix("Notice: ") in page
    (folder / "README.md").unlink()
    assert "was edited" not in bench("claims").stderr


def test_a_failed_check_stores_nothing(bench: Bench, folder: Path) -> None:
    (folder / "README.md").write_text(DOCUMENT.replace("1,442", "1,443"))
    assert bench(*CHECK).returncode == 2
    assert not (folder / "mine.lines.txt").exists()


def test_what_cannot_be_written_is_a_notice(bench: Bench, folder: Path) -> None:
    (folder / "mine.lines.txt").mkdir()
    done = bench(*CHECK)
    assert done.returncode == 0
    assert done.stderr.startswith("Notice: the document's text is not stored: cannot write: ")


def test_a_check_without_the_document_reads_what_is_stored(bench: Bench, folder: Path) -> None:
    (folder / "mine.lines.txt").write_text(QUOTED.replace("    3|", "    5|"))
    done = bench(*CHECK[:-2])
    assert (done.returncode, done.stdout) == (2, "")
    why = "unusable text of a document: line 5 after line 0 of 4"
    assert done.stderr.startswith(f"error: {why} (mine.lines.txt:2): remove it, or store it again")
    assert bench(*CHECK).returncode == 0
    assert bench(*CHECK[:-2]).returncode == 0


LINES = st.lists(
    st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.just("\t")), max_size=9
)


@given(lines=LINES, quoted=st.sets(st.integers(1, 9)), is_whole=st.booleans())
def test_what_is_stored_is_read_back(lines: list[str], quoted: set[int], is_whole: bool) -> None:
    content = "".join(f"{line}\n" for line in lines)
    text = stored.of_document(content.encode(), quoted, is_whole)
    shown = enumerate(content.splitlines(), start=1)
    assert text.lines == {n: line for n, line in shown if is_whole or n in quoted}
    assert stored.loads(stored.dumps(text), Path("a.lines.txt")) == text


@given(content=st.text())
def test_control_characters_are_not_stored(content: str) -> None:
    kept = content.encode("utf-8", "ignore")
    text = stored.of_document(kept, (), is_whole=True)
    assert not stored.CONTROL.search("".join(text.lines.values()))
    assert stored.loads(stored.dumps(text), Path("a.lines.txt")) == text


LEFT_OUT = "no number and text of a line, or a control character"
BAD = [
    ("", 1, "no document with its sha256 and number of lines"),
    (QUOTED.replace("sha256", "md5"), 1, "no document with"),
    (QUOTED.replace("of 4", "of 99999999"), 1, "no document with"),
    (QUOTED.replace("    3|", "   -3|"), 2, LEFT_OUT),
    (QUOTED.replace("    3|", "    0|"), 2, "line 0 after line 0 of 4"),
    (QUOTED.replace("It", "\x1b[31mIt"), 2, LEFT_OUT),
    (QUOTED + "    3| again\n", 3, "line 3 after line 3 of 4"),
    (WHOLE.replace("    2| \n", ""), 1, "3 of 4 lines are here"),
    (QUOTED.replace("    3|", "\N{ARABIC-INDIC DIGIT THREE}|"), 2, LEFT_OUT),
]


@pytest.mark.parametrize(("content", "line", "why"), BAD)
def test_a_wrong_file_is_one_clear_line(tmp_path: Path, content: str, line: int, why: str) -> None:
    (tmp_path / "mine.toml").write_text(CLAIM)
    path = tmp_path / "mine.lines.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ClaimError) as error:
        stored.read_all(tmp_path)
    said = str(error.value)
    assert said.startswith(f"unusable text of a document: {why}")
    assert f"({path}:{line})" in said
    assert "\n" not in said
    assert said.isprintable()


def test_bytes_that_are_no_text_and_a_huge_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(CLAIM)
    path = tmp_path / "mine.lines.txt"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ClaimError, match=r"unusable text of a document: .*decode"):
        stored.read_all(tmp_path)
    with path.open("wb") as stream:
        stream.truncate(2 * stored.MOST_BYTES + 1)
    with pytest.raises(ClaimError, match="too large"):
        stored.read_all(tmp_path)
    with (tmp_path / "README.md").open("wb") as stream:
        stream.truncate(stored.MOST_BYTES + 1)
    with pytest.raises(ClaimError, match="more than 4,194,304 bytes"):
        stored.store([tmp_path / "mine.toml"], tmp_path / "README.md")


def test_the_course_readmes_stored_lines_hold_every_quote() -> None:
    text = stored.read_all(ROOT / "claims")["session6"]
    said = claims.load_files([ROOT / "claims" / "session6.toml"]).claims
    assert {claim.line for claim in said} == set(text.lines)
    assert [claim.id for claim in said if claim.quote not in text.lines[claim.line]] == []
    assert not text.is_whole  # its licence is not known

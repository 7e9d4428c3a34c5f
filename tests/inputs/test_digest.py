from __future__ import annotations

from pathlib import Path

import pytest

from bench.inputs.digest import _slice, source_digest


def digest(path: Path) -> str:
    return source_digest(path, path.read_text(encoding="utf-8"))


def test_comments_docstrings_and_blank_lines_leave_the_digest_as_it_is(tmp_path: Path) -> None:
    bare = tmp_path / "a.py"
    bare.write_text('def f(x):\n    return x + 1\n\n\ndef g():\n    return "text"\n')
    told = tmp_path / "b.py"
    told.write_text(
        '"""Evidence: 5 seeds."""\n# why\n\ndef f(x):\n  """Adds."""\n\n  return x + 1  # one\n'
        'def g():\n    return "text"\n'
    )
    assert digest(bare) == digest(told)


@pytest.mark.parametrize(
    ("old", "new"), [("x + 1", "x + 2"), ('"text"', '"other"'), ("return x", "y = x")]
)
def test_a_change_of_the_code_changes_the_digest(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "a.py"
    path.write_text('def f(x):\n    return x + 1\n\ndef g():\n    return "text"\n')
    before = digest(path)
    path.write_text(path.read_text().replace(old, new))
    assert digest(path) != before


@pytest.mark.parametrize("file", ["blocks.py", "blocks/__init__.py", "blocks/inner/se.py"])
def test_a_change_of_a_local_import_changes_the_digest(tmp_path: Path, file: str) -> None:
    path, neighbour = tmp_path / "a.py", tmp_path / file
    path.write_text("from blocks import block\n")
    neighbour.parent.mkdir(parents=True, exist_ok=True)
    neighbour.write_text("block = 1\n")
    before = digest(path)
    neighbour.write_text("block = 2\n")
    assert digest(path) != before


def test_modules_that_import_each_other_have_a_digest(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import b\n")
    (tmp_path / "b.py").write_text("import a\n")
    assert len(digest(tmp_path / "a.py")) == 64


PINNED = 'def f(x, y=f"{1:>{2}} {{}}"):\n    """Doc."""\n    return f"a{x!r}b" + y\n'


def test_the_digest_is_the_same_for_every_python(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(PINNED)
    # Python 3.12 and newer split f-strings into many tokens; records must outlive that.
    assert digest(path)[:12] == "875fabcc5019"


def test_a_slice_of_the_source_begins_and_ends_between_its_places() -> None:
    # Used from Python 3.12 on, where an f-string is many tokens.
    source = 'x = f"ab" + y\nz = f"""c\nd""" + e\n'
    assert _slice(source, (1, 4), (1, 9)) == 'f"ab"'
    assert _slice(source, (2, 4), (3, 4)) == 'f"""c\nd"""'

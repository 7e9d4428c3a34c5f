from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.errors import ArchitectureError, UsageError
from bench.inputs import discover
from bench.spec import TOP

Write = Callable[..., Path]


def digest(path: Path) -> str:
    return discover.source_digest(path, path.read_text(encoding="utf-8"))


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


def test_a_change_of_a_local_import_changes_the_digest(tmp_path: Path) -> None:
    path, neighbour = tmp_path / "a.py", tmp_path / "blocks.py"
    path.write_text("from blocks import block\n")
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


def test_a_group_is_a_folder_and_one_name_stands_once(
    tmp_path: Path, write_architecture: Write
) -> None:
    write_architecture("tiny")
    write_architecture("other", group="ablations")
    place = tmp_path / "architectures"
    assert [found.name for found in discover.scan(place)] == ["tiny"]
    assert [(f.group, f.name) for f in discover.scan_all(place)] == [
        ("", "tiny"),
        ("ablations", "other"),
    ]
    write_architecture("tiny", group="ablations")
    with pytest.raises(ArchitectureError, match="two architectures named 'tiny'"):
        discover.scan_all(place)


def test_no_group_has_the_name_of_the_files_at_the_top(
    tmp_path: Path, write_architecture: Write
) -> None:
    write_architecture("tiny", group=TOP)
    place = tmp_path / "architectures"
    line = rf"bad name '{TOP}' of a group \({place / TOP}\): rename the folder"
    with pytest.raises(ArchitectureError, match=line):
        discover.scan(place, TOP)
    with pytest.raises(ArchitectureError, match=line):
        discover.scan_all(place)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    found = [discover.Found("model_1", "", Path("model_1.py"))]
    with pytest.raises(UsageError, match="did you mean 'model_1'"):
        discover.select(found, ["modell_1"])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("class Network(:\n", r"syntax error.*tiny.py:1"),
        ("x = 1\n", "no class Network"),
        ("class Network: pass\n", "no RECIPE"),
        ("1 / 0\n", "ZeroDivisionError on import"),
        (
            (
                "from bench.spec import Recipe\nclass Network: pass\n"
                "RECIPE = Recipe(peak_learning_rate=-1.0, warmup_fraction=0.1)\n"
            ),
            "bad RECIPE.*peak_learning_rate",
        ),
        (
            (
                "from bench.spec import Recipe\nclass Network: pass\n"
                "RECIPE = Recipe(peak_learning_rate=1.0, warmup_fraction=0.1)\n"
                "MEMORY_FORMAT = 'x'\n"
            ),
            "bad MEMORY_FORMAT",
        ),
        (
            (
                "from bench.spec import Recipe\nclass Network: pass\n"
                "RECIPE = Recipe(peak_learning_rate=1.0, warmup_fraction=0.1, schedule='step')\n"
            ),
            r"architecture 'tiny': bad RECIPE: schedule='step' needs step_fractions.*tiny.py",
        ),
    ],
)
def test_a_bad_file_is_named_with_its_remedy(
    write_architecture: Write, source: str, message: str
) -> None:
    path = write_architecture("tiny", source)
    with pytest.raises(ArchitectureError, match=message):
        discover.load(discover.Found("tiny", "", path))

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.errors import ArchitectureError, UsageError
from bench.inputs import discover
from bench.spec import TOP

Write = Callable[..., Path]


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
        ("raise SystemExit(0)\n", "SystemExit on import"),
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
        (
            "from bench.spec import Recipe\nRECIPE = Recipe(lr=0.1, warmup_fraction=0.1)\n",
            r"bad RECIPE: a recipe has no field 'lr' .*tiny.py:2.* 'peak_learning_rate'",
        ),
        (
            "from bench.spec import Augmentation\nAugmentation(translat=0.1)\n",
            r"no field 'translat' .*tiny.py:2.*did you mean 'augmentation.translate'",
        ),
    ],
)
def test_a_bad_file_is_named_with_its_remedy(
    write_architecture: Write, source: str, message: str
) -> None:
    path = write_architecture("tiny", source)
    with pytest.raises(ArchitectureError, match=message):
        discover.load(discover.Found("tiny", "", path))

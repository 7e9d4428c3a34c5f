"""Which files a command means."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import ArchitectureError
from bench.inputs.discover import Found
from bench.training.selection import find_networks, load_architectures
from tests.support import write_architecture

RUNNER = """command = "python train.py {seed}"
epochs = 1
limit_seconds = 9
files = ["train.py"]
[dataset]
name = "mnist"
n_test = 10000
"""


def test_files_that_a_command_does_not_mean_matter_to_runners_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group may repeat a name of the top, unless a runner's name is to be compared with all."""
    monkeypatch.chdir(tmp_path)
    for place in ("architectures", "architectures/wide"):
        Path(place).mkdir()
        Path(place, "tiny.py").write_text("", encoding="utf-8")
    for group in (None, "wide"):
        (found,), runners = find_networks([], group, builtin=False)
        assert (found.name, found.group, runners) == ("tiny", group or "", [])
    Path("train.py").write_text("", encoding="utf-8")
    Path("runners").mkdir()
    Path("runners", "mine.toml").write_text(RUNNER, encoding="utf-8")
    with pytest.raises(ArchitectureError, match="two architectures named 'tiny'"):
        find_networks([], None, builtin=False)


def test_two_networks_never_have_one_display_name(tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        shown = "Three" if name == "three" else "Same"
        write_architecture(tmp_path, name, after=f"\nDISPLAY_NAME = '{shown}'\n")
    found = [Found(each.stem, "", each) for each in (tmp_path / "architectures").glob("*.py")]
    one, three, two = sorted(found, key=lambda each: each.name)
    words = r"'two' has the name of 'one' .*: 'Same' .*: give one of them another DISPLAY_NAME"
    with pytest.raises(ArchitectureError, match=words):
        load_architectures([one, two], named=True)
    selection = load_architectures([one, two, three], named=False)
    assert [each.name for _, each in selection.usable] == ["one", "three"]
    assert [str(error.where) for error in selection.broken] == [str(two.path)]

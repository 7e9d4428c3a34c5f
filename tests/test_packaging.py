"""The wheel carries what an empty folder needs, and nothing but `bench`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

import bench
from tests.support import ROOT

MY_MEASURE = """
from bench.spec import Field, Measured
FIELDS = (Field(name="mine", title="My measure", unit=""),)
def measure(): return Measured(fields=FIELDS, values={"mine": 7})
"""
SHIPPED = ("architectures", "claims", "templates", "results/reference")


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel, built by the backend that is installed here."""
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", out, ROOT, cwd=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def project() -> dict[str, object]:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert isinstance(table["project"], dict)
    return table["project"]


def test_only_bench_lands_in_site_packages(names: set[str]) -> None:
    tops = {name.split("/")[0] for name in names}
    assert tops == {"bench", f"manyseeds-{bench.__version__}.dist-info"}


@pytest.mark.parametrize("folder", SHIPPED)
def test_the_shipped_folders_are_whole(names: set[str], folder: str) -> None:
    files = [path for path in (ROOT / folder).rglob("*") if path.is_file()]
    expected = {
        f"bench/_shipped/{path.relative_to(ROOT).as_posix()}"
        for path in files
        if "__pycache__" not in path.parts and not path.name.startswith(".tmp-")
    }
    assert expected
    assert {name for name in names if name.startswith(f"bench/_shipped/{folder}/")} == expected


def test_every_module_is_in_the_wheel_and_no_cache(names: set[str]) -> None:
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "bench").rglob("*.py")}
    assert modules <= names
    assert "bench/py.typed" in names
    assert [name for name in names if "__pycache__" in name or name.endswith(".pyc")] == []


def test_the_licence_travels(names: set[str]) -> None:
    assert f"manyseeds-{bench.__version__}.dist-info/licenses/LICENSE" in names


def test_the_packages_readme_links_to_no_file_and_shows_no_picture(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"manyseeds-{bench.__version__}.dist-info/METADATA").decode()
    head, _, text = metadata.partition("\n\n")
    assert "Description-Content-Type: text/markdown" in head
    assert text.startswith("# manyseeds\n")
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    inline = [child for token in tokens for child in token.children or []]
    links = [child.attrGet("href") for child in inline if child.type == "link_open"]
    assert all(str(link).startswith("https://") for link in links)
    assert not [child for child in inline if child.type == "image"]
    assert not re.search(r"<(img|a)\b|\]\(", text)
    assert "\n| P4m stack 4,988 | 4,988 |" in text  # the words of a link stay


def test_an_installed_bench_works_in_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    site, empty = tmp_path / "site", tmp_path / "empty"
    (empty / "measures").mkdir(parents=True)
    (empty / "measures" / "my_measure.py").write_text(MY_MEASURE)
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index")
    run(*pip, "--target", site, wheel, cwd=empty)
    python = (sys.executable, "-P")  # the working folder is not on the path
    place = run(
        *python, "-c", "import bench; print(bench.__file__)", cwd=empty, PYTHONPATH=str(site)
    )
    assert Path(place.strip()) == site / "bench" / "__init__.py"
    listing = run(*python, "-m", "bench", "list", cwd=empty, PYTHONPATH=str(site))
    for path in (ROOT / "architectures").glob("*.py"):
        assert path.stem in listing
    assert "measure my_measure" in listing.splitlines()
    shown = run(*python, "-m", "bench", "inspect", "model_2", cwd=empty, PYTHONPATH=str(site))
    assert "My measure: 7" in shown
    script = run(site / "bin" / "manyseeds", "--help", cwd=empty, PYTHONPATH=str(site))
    assert "report" in script


def test_the_matrix_starts_at_the_declared_minimum(project: dict[str, object]) -> None:
    tox = ConfigParser()
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    lines = tox["testenv:torch{27,29,211,213,215}"]["deps"].split("\n")
    pins = [line.split("torch===")[1] for line in lines if ": torch===" in line]
    assert pins[0] == min(pins, key=lambda pin: [int(part) for part in pin.split(".")])
    assert isinstance(project["dependencies"], list)
    assert f"torch>={pins[0].removesuffix('.0')}" in project["dependencies"]


def test_every_dependency_says_what_it_is_for() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text.split("\ndependencies = [\n")[1].split("\n]\n")[0].splitlines()
    assert [line for line in block if " # " not in line] == []

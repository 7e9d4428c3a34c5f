"""The wheel carries what an empty folder needs, and nothing but `bench`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from configparser import ConfigParser
from functools import partial
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

import bench
from tests.support import ROOT, fences, text_of, words_of

MY_MEASURE = """
from bench.spec import Field, Measured
FIELDS = (Field(name="mine", title="My measure", unit=""),)
def measure(): return Measured(fields=FIELDS, values={"mine": 7})
"""
MY_SECTION = """
from bench.report.model import Section
ORDER, SCOPE, PAGES = 15, "dataset", ("index", "markdown")
def section(summary): return Section(title="My section", text=(f"Runs: {len(summary.runs)}.",))
"""
SHIPPED = ("architectures", "claims", "examples", "templates", "results/reference")


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
    table = tomllib.loads(text_of("pyproject.toml"))
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
    assert "\n| P4m stack 4,988 | 99.605 ± 0.043 |" in text  # the words of a link stay


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the wheel is installed in, without its dependencies: the tests have them."""
    folder = tmp_path_factory.mktemp("site")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index")
    run(*pip, "--target", folder, wheel, cwd=folder)
    return folder


def test_an_installed_bench_works_in_an_empty_folder(site: Path, tmp_path: Path) -> None:
    (tmp_path / "measures").mkdir()
    (tmp_path / "measures" / "my_measure.py").write_text(MY_MEASURE)
    there = partial(run, cwd=tmp_path, PYTHONPATH=str(site))
    python = (sys.executable, "-P")  # the working folder is not on the path
    place = there(*python, "-c", "import bench; print(bench.__file__)")
    assert Path(place.strip()) == site / "bench" / "__init__.py"
    listing = there(*python, "-m", "bench", "list")
    for path in (ROOT / "architectures").glob("*.py"):
        assert path.stem in listing
    assert "measure my_measure" in listing.splitlines()
    assert "My measure: 7" in there(*python, "-m", "bench", "inspect", "model_2")
    assert "report" in there(site / "bin" / "manyseeds", "--help")


def test_an_installed_bench_shows_a_section_of_the_working_folder(
    site: Path, tmp_path: Path
) -> None:
    (tmp_path / "sections").mkdir()
    (tmp_path / "sections" / "my_section.py").write_text(MY_SECTION)
    (tmp_path / "runs.csv").write_text("network,seed,epoch,correct\nsmall,0,1,9788\n")
    there = partial(run, cwd=tmp_path, PYTHONPATH=str(site))
    command = (sys.executable, "-P", "-m", "bench")  # the working folder is not on the path
    words = ("--dataset", "mnist", "--test-images", "10000")
    there(*command, "import", "runs.csv", "--as", "theirs", *words)
    shown = there(*command, "report", "--suite", "theirs", "--only", "my-section", "--format", "md")
    assert shown == "Runs: 1.\n"


def test_the_readmes_way_for_ones_own_readme_works_word_for_word(
    site: Path, tmp_path: Path
) -> None:
    """Sentence, claims and commands as they are printed; a shell reads each line."""
    said = re.search(r"its line 3 says: “([^”]+)”", words_of("README.md"))
    (claims,) = fences("README.md", "toml")
    (lines,) = [each.splitlines() for each in fences("README.md") if each.startswith("manyseeds")]
    more = re.search(
        r"The first claim is confirmed. .* at least (\d+) more seeds", words_of("README.md")
    )
    assert said is not None
    assert more is not None
    folder = tmp_path / "empty"
    (folder / "claims").mkdir(parents=True)
    (folder / "claims" / "readme.toml").write_text(claims, encoding="utf-8")
    (folder / "README.md").write_text(f"# Mine\n\n{said[1]}\n", encoding="utf-8")
    path = os.pathsep.join([str(site / "bin"), os.environ["PATH"]])
    variables = {"PATH": path, "PYTHONPATH": str(site), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    told = {line.split()[1]: run("sh", "-c", line, cwd=folder, **variables) for line in lines}
    assert list(told) == ["new", "claims", "inspect", "all", "reproduce"]
    first, second, _ = (row.split("\t") for row in told["claims"].splitlines())
    assert first[:2] == ["confirmed", "tiny.parameters"]
    assert second[:2] == ["undecided", "tiny.consistently"]
    assert second[5] == "5"
    assert "5 of 5 runs reach it; " in second[6]
    assert f"needs at least {more[1]} more seeds to be confirmed" in second[6]
    assert "Parameters: 1,442 parameters" in told["inspect"]
    assert told["reproduce"].splitlines()[-1].startswith("reproduced: the same bits ")
    title = tomllib.loads(claims)["document"]["title"]
    for name in ("index.html", "report.md"):
        page = (folder / "reports" / name).read_text(encoding="utf-8")
        assert f"Document “{title}” · " in page
        assert "No target is declared" not in page
    assert (folder / "reports" / "data" / "runs.csv").is_file()


def test_the_matrix_starts_at_the_declared_minimum(project: dict[str, object]) -> None:
    tox = ConfigParser()
    tox.read(ROOT / "tox.ini", encoding="utf-8")
    lines = tox["testenv:torch{27,29,211,213,215}"]["deps"].split("\n")
    pins = [line.split("torch===")[1] for line in lines if ": torch===" in line]
    assert pins[0] == min(pins, key=lambda pin: [int(part) for part in pin.split(".")])
    assert isinstance(project["dependencies"], list)
    assert f"torch>={pins[0].removesuffix('.0')}" in project["dependencies"]


def test_every_dependency_says_what_it_is_for() -> None:
    text = text_of("pyproject.toml")
    block = text.split("\ndependencies = [\n")[1].split("\n]\n")[0].splitlines()
    assert [line for line in block if " # " not in line] == []

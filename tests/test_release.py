"""A release: one version, packages that an index takes, workflows whose actions are pinned."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import bench
from tests.support import ROOT, text_of

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def run(*command: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    words = [str(word) for word in command]
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The source package, and the wheel that is built from it."""
    out = tmp_path_factory.mktemp("dist")
    done = run(sys.executable, "-m", "build", "--no-isolation", "-o", out, ROOT, cwd=out)
    assert done.returncode == 0, done.stdout + done.stderr
    return sorted(out.iterdir())


def test_a_package_index_takes_both_packages(packages: list[Path]) -> None:
    assert [path.suffix for path in packages] == [".whl", ".gz"]
    done = run(sys.executable, "-m", "twine", "check", "--strict", *packages)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PASSED") == 2


def test_the_source_package_holds_what_the_tests_need(packages: list[Path]) -> None:
    with tarfile.open(packages[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for name in ("tests/conftest.py", "tox.ini", "claims/session6.toml", "CITATION.cff"):
        assert name in names
    for path in (ROOT / "examples").rglob("*.toml"):
        assert path.relative_to(ROOT).as_posix() in names
    assert [name for name in names if name.startswith((".venv", ".tox", "data/"))] == []


def test_the_version_stands_in_one_place_and_is_told() -> None:
    done = run(sys.executable, "-m", "bench", "--version")
    assert done.stdout == f"manyseeds {bench.__version__}\n"
    cited = yaml.safe_load(text_of("CITATION.cff"))
    assert cited["version"] == bench.__version__
    assert cited["cff-version"] == "1.2.0"
    assert {"title", "message", "authors", "license"} <= cited.keys()
    first = re.search(r"^## (.*)$", text_of("CHANGELOG.md"), re.M)
    assert first is not None
    released, _, day = first[1].partition(" - ")
    assert released in (bench.__version__, "Unreleased")
    assert not day or date.fromisoformat(day)


def test_workflows_are_valid_by_githubs_schema() -> None:
    assert len(WORKFLOWS) == 2
    command = ("check_jsonschema", "--builtin-schema", "vendor.github-workflows")
    done = run(sys.executable, "-m", *command, *WORKFLOWS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_workflow_that_is_not_valid_is_refused(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yml"
    bad.write_text("on: push\njobs:\n  one:\n    steps: []\n", encoding="utf-8")
    command = ("check_jsonschema", "--builtin-schema", "vendor.github-workflows")
    assert run(sys.executable, "-m", *command, bad).returncode == 1


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_and_permissions_are_least(path: Path) -> None:
    workflow: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        assert job["timeout-minutes"] <= 90, name
        assert set(job.get("permissions", {})) <= {"id-token", "pages"}, name
        for step in job["steps"]:
            used = step.get("uses", "")
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", used) or (not used and step["run"]), step
            if used.startswith("actions/checkout"):
                assert step["with"]["persist-credentials"] is False


def test_the_commands_of_workflows_are_those_of_the_readme_and_tox() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    tox = text_of("tox.ini")
    for name in yaml.safe_load(WORKFLOWS[0].read_text(encoding="utf-8"))["jobs"]["matrix"][
        "strategy"
    ]["matrix"]["torch"]:
        assert re.search(rf"^\[testenv:{name}\]", tox, re.M) or name.removeprefix("torch") in tox
    assert "make test PYTHON=python TESTS=locked" in text
    assert "make check PYTHON=python" in text


# ---- what CI installs

LOCK = ".github/requirements.txt"


def pins() -> dict[str, list[Version]]:
    """Each package of the lock with its versions; a few have one more for newer Pythons."""
    found: dict[str, list[Version]] = {}
    for each in re.split(r"\n(?=\w)", re.sub(r"^#.*\n", "", text_of(LOCK), flags=re.M)):
        requirement, *hashes = re.split(r" \\\n\s+--hash=sha256:", each.strip())
        assert hashes, each
        assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in hashes), each
        parsed = Requirement(requirement)
        [pin] = parsed.specifier
        assert pin.operator == "=="
        found.setdefault(canonicalize_name(parsed.name), []).append(Version(pin.version))
    return found


def declared(extra: str = "") -> list[Requirement]:
    """What the project and an extra ask for; an extra may name others."""
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    words = project["optional-dependencies"][extra] if extra else project["dependencies"]
    own, others = [], [Requirement(each) for each in words]
    for each in others:
        if each.name == project["name"]:
            own += [one for name in sorted(each.extras) for one in declared(name)]
    return own + [each for each in others if each.name != project["name"]]


def test_the_lock_has_each_dependency_within_its_bounds() -> None:
    locked = pins()
    assert len(locked) > 100
    for each in [*declared(), *declared("dev")]:
        for version in locked[canonicalize_name(each.name)]:
            assert version in each.specifier, f"{each} (make it anew: tox run -e relock)"


def test_the_lock_names_no_place_but_the_package_index() -> None:
    assert "://" not in text_of(LOCK)
    assert [each for each in text_of(LOCK).splitlines() if each.startswith("-")] == []

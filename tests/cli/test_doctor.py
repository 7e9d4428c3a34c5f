"""The doctor tells the truth about a machine, and nothing about its owner."""

from __future__ import annotations

import getpass
import platform
import re
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from bench.cli import doctor
from bench.cli.doctor import Check, checks


def by_name(found: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in found}


def ask(code: str, folder: Path) -> str:
    """Standard output of a fresh Python that runs the code in the folder."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, a home of its own, and no BENCH_DATA."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.delenv("BENCH_DATA", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    return work


def test_versions_are_those_of_the_installed_distributions(empty: Path) -> None:
    found = by_name(checks())
    assert found["Python"] == Check("Python", True, platform.python_version())
    assert found["torch"].ok is True
    assert found["torch"].value.split("+")[0] == metadata.version("torch").split("+")[0]
    assert found["torchvision"].ok is True
    assert found["torchvision"].value.split("+")[0] == metadata.version("torchvision").split("+")[0]


def test_packages_lists_every_declared_dependency(empty: Path) -> None:
    value = by_name(checks())["packages"].value
    assert {"fvcore", "msgspec", "safetensors", "scipy", "torch"} <= set(
        re.findall(r"[\w-]+", value)
    )
    assert f"scipy {metadata.version('scipy')}" in value
    assert "pytest" not in value


def test_data_that_is_not_here_is_a_notice_with_a_remedy(empty: Path) -> None:
    found = by_name(checks())
    assert found["data: mnist5k"].ok is True
    assert found["data: mnist"] == Check(
        "data: mnist", None, "not here", "fetched on first use, or name a folder by --data-dir"
    )


def test_a_named_data_folder_that_does_not_exist_is_a_fault(empty: Path) -> None:
    found = by_name(checks(data_dir=empty / "nowhere"))["data: mnist"]
    assert found.ok is False
    assert "nowhere" in found.value
    assert found.remedy


def test_a_named_data_folder_without_a_data_set_is_a_notice(empty: Path) -> None:
    found = by_name(checks(data_dir=empty))["data: mnist"]
    assert found.ok is None
    assert "missing" in found.value


def test_a_results_folder_below_a_file_cannot_be_written(empty: Path) -> None:
    (empty / "taken").write_text("a file", encoding="utf-8")
    found = by_name(checks(results=empty / "taken" / "results"))
    assert found["results"].ok is False
    assert found["results"].remedy.endswith("taken must be a writable folder")
    assert found["reports"].ok is True


def test_it_writes_nothing(empty: Path) -> None:
    checks()
    assert list(empty.iterdir()) == []


def test_little_disk_is_a_fault(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "ENOUGH_DISK_GB", 1e9)
    assert by_name(checks())["disk"].ok is False


def test_every_fault_and_notice_has_a_remedy_and_nothing_else_has(empty: Path) -> None:
    for check in checks(results=Path("/dev/null/results"), data_dir=empty / "nowhere"):
        assert (check.ok is True) == (check.remedy == ""), check


@pytest.mark.parametrize("hidden", ["torch", "torchvision"])
def test_a_missing_torch_is_one_line_not_a_traceback(empty: Path, hidden: str) -> None:
    code = (
        f"import sys; sys.modules[{hidden!r}] = None\n"
        "from bench.cli.doctor import checks\n"
        "for check in checks(): print(check.name, check.ok, check.remedy, sep='|')"
    )
    lines = ask(code, empty).splitlines()
    assert f"{hidden}|False|{doctor.INSTALL_TORCH}" in lines


def test_it_names_neither_user_nor_host_nor_home(
    empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = empty.parent / "home"
    monkeypatch.setenv("HOME", str(home))
    found = checks(home / "results", home / "reports", home / "data")
    text = "\n".join(f"{check.name} {check.value} {check.remedy}" for check in found)
    assert str(home) not in text
    assert "~/results" in text
    for private in {getpass.getuser(), socket.gethostname()}:
        assert not re.search(rf"(?<![\w/]){re.escape(private)}(?!\w)", text), private

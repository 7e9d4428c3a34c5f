"""What tells two environments apart."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest
import torch

from bench.errors import UsageError
from bench.training import provenance

CPU = torch.device("cpu")


@pytest.mark.parametrize("package", ["numba", "llvmlite", "numpy"])
def test_what_compiles_a_cpus_kernels_is_in_its_fingerprint(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = provenance.environment(CPU, "tests")
    assert known.packages[package] == metadata.version(package)
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "0.0" if name == package else real(name))
    assert provenance.fingerprint.__wrapped__(CPU) != known.fingerprint


SHA256 = "0123456789abcdef" * 4
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a copy of the code; it has no `.git`."""
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path / "bench")
    monkeypatch.delenv("BENCH_COMMIT", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("named", "commit", "dirty"),
    [
        (COMMIT, COMMIT, False),
        (f"{COMMIT}-dirty", COMMIT, True),
        (SHA256, SHA256, False),
        ("", None, None),
    ],
)
def test_a_copy_without_git_is_told_its_commit(
    copied: Path,
    monkeypatch: pytest.MonkeyPatch,
    named: str,
    commit: str | None,
    dirty: bool | None,
) -> None:
    assert provenance.environment(CPU, "tests").commit is None
    monkeypatch.setenv("BENCH_COMMIT", named)
    found = provenance.environment(CPU, "tests")
    assert (found.commit, found.dirty) == (commit, dirty)


@pytest.mark.parametrize(
    "named", [COMMIT[:12], COMMIT.upper(), f"{COMMIT}-changed", f"{COMMIT}\n", "main"]
)
def test_what_names_no_commit_is_refused(
    copied: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.setenv("BENCH_COMMIT", named)
    with pytest.raises(UsageError, match=r"bad commit .* \(\$BENCH_COMMIT\): give what"):
        provenance.environment(CPU, "tests")


def test_where_git_cannot_say_the_commit_is_told(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copied worktree names a repository that is not there."""
    (copied / ".git").write_text("gitdir: /gone/worktrees/copied\n", encoding="utf-8")
    monkeypatch.setenv("BENCH_COMMIT", COMMIT)
    provenance._checkout.cache_clear()
    try:
        assert provenance.environment(CPU, "tests").commit == COMMIT
    finally:
        provenance._checkout.cache_clear()


def test_a_checkout_knows_its_commit_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_COMMIT", "main")
    assert provenance.environment(CPU, "tests").commit != "main"

"""What tells two environments apart."""

from __future__ import annotations

from importlib import metadata

import pytest
import torch

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

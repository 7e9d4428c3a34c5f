"""The committed evidence against the committed list: what is new or stale fails."""

from __future__ import annotations

import pytest

from tests import support
from tests.support import ROOT


@pytest.mark.process
def test_the_reference_refutes_what_the_list_names_and_nothing_else() -> None:
    words = ["claims", "--suite", "reference", "--strict", "--known", "claims/known-refuted.txt"]
    done = support.bench(ROOT, *words)
    assert done.returncode == 0, done.stderr
    assert "known as refuted, but" not in done.stderr
    assert "\nrefuted\t" in done.stdout
    assert "\nnot consistent\tmodel_2.expected_accuracy\t" in done.stdout

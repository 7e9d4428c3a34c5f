"""What options mean before anything is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cli.request import Options, parse
from bench.errors import UsageError
from bench.records.protocol import Goal

DOCUMENT = """[document]
title = "{name}"
networks = ["{name}"]
[objective]
target = {target}
rate = 0.8
parameters_below = {limit}
[[claim]]
id = "{name}.parameters"
line = 1
quote = "5"
metric = "n_parameters"
subject = "{name}"
published = 5
"""


def goal_of(folder: Path, *documents: tuple[str, float, int]) -> Goal:
    """What --until-decided declares for the networks of these documents: name, target, limit."""
    (folder / "claims").mkdir()
    for name, target, limit in documents:
        text = DOCUMENT.format(name=name, target=target, limit=limit)
        (folder / "claims" / f"{name}.toml").write_text(text, encoding="utf-8")
    options = Options(
        seeds="3",
        arch=[name for name, *_ in documents],
        dataset="mnist5k",
        group=None,
        builtin=False,
        recipe_of=None,
        with_=None,
        epochs=None,
        device="cpu",
        jobs=1,
        tf32=False,
        suite="local",
        results=folder / "results",
        data_dir=None,
        until_decided=True,
    )
    protocol = parse(options).protocol
    assert protocol is not None
    return protocol.goal


def test_documents_that_differ_in_their_limits_alone_share_their_goal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert goal_of(tmp_path, ("one", 80, 5000), ("two", 80, 9000)) == Goal(80.0, 0.8)


def test_documents_of_other_targets_declare_none_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="claims/ declares none for these networks"):
        goal_of(tmp_path, ("one", 80, 5000), ("two", 81, 5000))

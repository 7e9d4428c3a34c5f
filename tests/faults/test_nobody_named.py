"""What a run writes names neither its user, nor the user's home, nor the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import support

HOME, USER, HOST = "home-of-ottilie", "ottilie-the-user", "ottilies-machine"
FEW = ("--dataset", "mnist5k", "--arch", "tiny", "--epochs", "1", "--jobs", "1", "--seeds", "2")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a process another host name")
def test_records_and_report_name_no_home_user_or_host(tmp_path: Path) -> None:
    home = tmp_path / HOME
    place = home / "work"
    place.mkdir(parents=True)
    support.write_architecture(place, "tiny")
    own = support.environment(
        HOME=str(home), USER=USER, LOGNAME=USER, HOSTNAME=HOST, XDG_CACHE_HOME=str(home / "cache")
    )
    words = ("all", *FEW, "--results", str(place / "results"), "--reports", str(place / "reports"))
    with_name = f'hostname {HOST} 2>/dev/null || exit 77; exec "$0" -m bench "$@"'
    done = subprocess.run(
        ["unshare", "--uts", "sh", "-c", with_name, sys.executable, *words],
        cwd=place,
        env=own,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 77 or "unshare failed" in done.stderr:
        pytest.skip("no name of its own for a process here")
    assert done.returncode == 0, done.stderr
    written = [path for path in (place / "results").rglob("*") if path.is_file()]
    written += [path for path in (place / "reports").rglob("*") if path.is_file()]
    assert len(written) > 20
    for path in written:
        content = path.read_bytes()
        for name in (HOME, USER, HOST):
            assert name.encode() not in content, f"{name} in {path}"

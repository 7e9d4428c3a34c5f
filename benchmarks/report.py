"""How long a report takes, how much memory it needs and how large it becomes.

    python benchmarks/report.py                                5 architectures of 60 runs
    python benchmarks/report.py --architectures 10 --seeds 200 --json benchmarks/report.json

The suite is made of the committed reference runs, copied under other seeds and counts; the
command is timed as a person types it, in a process of its own, the median of three.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # runs from a clone without an installation

from playwright.sync_api import sync_playwright  # noqa: E402

from bench.records.store import Suite  # noqa: E402
from benchmarks.scale import NAMES, fill  # noqa: E402
from tests.chromium import executable  # noqa: E402

ROUNDS = 3


def measured(n_architectures: int, n_seeds: int) -> dict[str, float]:
    """Renders a made-up suite a few times; what a person waits for, and what it takes."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        suite = Suite(folder / "results", "synthetic")
        fill(suite, NAMES[:n_architectures], n_seeds)
        seconds = [_seconds(folder) for _ in range(ROUNDS)]
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024  # before Chromium
        index = folder / "reports" / "index.html"
        return {
            "architectures": n_architectures,
            "runs_each": n_seeds,
            "seconds": round(statistics.median(seconds), 1),
            "peak_mebibytes": peak,
            "index_megabytes": round(index.stat().st_size / 1e6, 2),
            "first_paint_seconds": round(statistics.median(_paints(index)), 2),
        }


def _seconds(folder: Path) -> float:
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "bench", "report", "--suite", "synthetic"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": paths},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - start


def _paints(index: Path) -> list[float]:
    """Seconds from opening the file to the first content on a fresh Chromium's screen."""
    # Asked of the browser, not of the page: its policy lets no text run as a script.
    observed = """new Promise(done => new PerformanceObserver(list => {
        const first = list.getEntriesByName("first-contentful-paint")[0];
        if (first) done(first.startTime);
    }).observe({type: "paint", buffered: true}))"""
    seconds = []
    with sync_playwright() as playwright:
        for _ in range(ROUNDS):
            browser = playwright.chromium.launch(
                executable_path=executable(), args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(index.as_uri())
            seconds.append(page.evaluate(observed) / 1000)
            browser.close()
    return seconds


def main() -> int:
    """Prints the figures, and keeps them where a file is named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--architectures", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=60)
    parser.add_argument("--json", type=Path, help="a file that keeps one row a size")
    asked = parser.parse_args()
    row: dict[str, Any] = {**measured(asked.architectures, asked.seeds)}
    for name, value in row.items():
        print(f"{name.replace('_', ' ')}: {value}")
    if asked.json:
        rows = json.loads(asked.json.read_text()) if asked.json.exists() else []
        size = ("architectures", "runs_each")
        kept = [each for each in rows if any(each[name] != row[name] for name in size)]
        import torch  # late: a child that is forked begins with its parent's memory

        from bench.training.provenance import environment

        here = environment(torch.device("cpu"), "benchmarks/report.py")
        made = {"processor": here.processor, "commit": here.commit, "dirty": here.dirty}
        row |= {"cores": os.cpu_count(), **made}
        asked.json.write_text(json.dumps([*kept, row], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

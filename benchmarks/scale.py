"""How long ten thousand records take to read, plan, judge, compare, export and report.

    python benchmarks/scale.py
    python benchmarks/scale.py --networks 10 --seeds 100 --json benchmarks/scale.json

The records are committed ones of the reference suite under other seeds and counts, each of which
agrees with itself. Every command is a process of its own. Its processor seconds include those of
its children.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # runs from a clone without an installation

from msgspec.structs import replace  # noqa: E402

from bench.records.store import Suite  # noqa: E402
from tests.factories import sound  # noqa: E402

NAMES = (
    *("model_1", "model_2", "model_3", "p4m_4988", "p4m_strided_4988", "p4m_3772"),
    *("fine_7344", "stack_7344", "averaged_7344", "p4m_2576"),
)
SUITE = "scale"
BENCH = (sys.executable, "-m", "bench")
READ = f"""
from pathlib import Path
from bench.records.store import Suite
print(len(Suite(Path("results"), "{SUITE}").runs()))
"""


def fill(suite: Suite, names: tuple[str, ...], n_seeds: int) -> None:
    """A suite of the networks by their own recipes, a record a seed from 0 on."""
    source, stream = Suite(ROOT / "results", "reference"), random.Random(0)
    runs = source.runs()
    for portrait in source.portraits():  # of all, so that no command has to measure one
        suite.add_portrait(portrait)
    for name in names:
        own = [run for run in runs if run.architecture == name and run.completed]
        newest = own[-1].spec
        own = [run for run in own if replace(run.spec, seed=0) == replace(newest, seed=0)]
        for seed in range(n_seeds):
            run = own[seed % len(own)]
            last = run.epochs[-1]
            count = (last.test_correct or 0) + stream.randint(-8, 8)
            epochs = [*run.epochs[:-1], replace(last, test_correct=count)]
            suite.add_run(sound(replace(run, seed=seed, epochs=epochs)), None)
    shutil.copy(source.folder / "mnist" / "missed-digits.json", suite.folder / "mnist")


def commands(names: tuple[str, ...], n_seeds: int) -> dict[str, tuple[str, ...]]:
    """What is measured, by the name of its row."""
    chosen = [word for name in names for word in ("--arch", name)]
    first, second = (f"{SUITE}/mnist/{name}" for name in names[:2])
    return {
        "read all records": (sys.executable, "-c", READ),
        "plan, all there": (*BENCH, "train", *chosen, "--seeds", str(n_seeds), "--suite", SUITE),
        "claims": (*BENCH, "claims", "--suite", SUITE),
        "compare two networks": (*BENCH, "compare", first, second),
        "export as Parquet": (*BENCH, "export", "--format", "parquet", "--suite", SUITE),
        "report": (*BENCH, "report", "--suite", SUITE),
    }


def measured(folder: Path, command: tuple[str, ...]) -> dict[str, Any]:
    """Processor seconds, and the memory of the largest process."""
    extra = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    child = subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | extra,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert child.stdout is not None
    said = child.stdout.read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    exit_code = os.waitstatus_to_exitcode(status)
    if exit_code not in (0, 1) or "Traceback" in said:
        raise SystemExit(f"{' '.join(command)} ended with {exit_code}:\n{said}")
    return {
        "processor_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "mebibytes": usage.ru_maxrss // 1024,
    }


def main() -> None:
    """Prints a row a command, and keeps them where a file is named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--networks", type=int, default=len(NAMES))
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--only", action="append", help="rows, by their first letters")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    names = NAMES[: options.networks]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        fill(Suite(folder / "results", SUITE), names, options.seeds)
        rows = {}
        for row, command in commands(names, options.seeds).items():
            if options.only and not row.startswith(tuple(options.only)):
                continue
            rows[row] = measured(folder, command)
            found = rows[row]
            print(
                f"{row:24} {found['processor_seconds']:8.1f} s {found['mebibytes']:6} MiB",
                flush=True,
            )
        pages = {
            path.name: path.stat().st_size
            for path in [
                *folder.glob("reports/*.html"),
                *folder.glob("reports/architectures/*.html"),
            ]
        }
    if pages:
        print(f"index {pages['index.html']:,} bytes; largest page {max(pages.values()):,} bytes")
    if options.json:
        found = {"networks": len(names), "seeds": options.seeds, "rows": rows, "pages": pages}
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

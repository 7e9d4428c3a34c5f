"""Makes what a borrowed GPU machine without a network is sent, and prints what to type there.

    python -m benchmarks.gpu_prepare --data-dir PATH

Such a machine has Python and the packages of gpu_machine_packages.txt, and is sent the checkout's
files: those that git tracks, new ones that it does not ignore, and two folders that are made here.

.mnist   MNIST's four files, compressed
.whl     the wheels of packages that this project needs and that machine lacks

What travels may hold 64 MiB, and a command 2,000 characters. Both are checked.
"""

from __future__ import annotations

import argparse
import gzip
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from bench.training.provenance import CODE

ROOT = Path(__file__).resolve().parent.parent
DATA, WHEELS = ".mnist", ".whl"
SITE = "/tmp/manyseeds-site"  # where the session unpacks the wheels, there
MOST_BYTES = 64 * 2**20
MOST_CHARACTERS = 2_000
MOST_FILES = 8  # that come back
FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)

PYTHON = "3.12"  # that machine's
MARKERS = {"python_version": PYTHON, "sys_platform": "linux", "platform_system": "Linux"}
MARKERS |= {"platform_machine": "x86_64", "python_full_version": f"{PYTHON}.3", "extra": ""}
# pip matches the number exactly.
PLATFORMS = [f"manylinux_2_{n}_x86_64" for n in (17, 24, 27, 28, 31, 34, 35)]
PLATFORMS += ["manylinux2014_x86_64", "manylinux1_x86_64"]

SMOKE_SECONDS = 130
SESSION_SECONDS = 540


# --- packages -------------------------------------------------------------------------------------


def packages_there() -> set[str]:
    """The packages of that machine."""
    lines = (ROOT / "benchmarks" / "gpu_machine_packages.txt").read_text(encoding="utf-8")
    return {line for line in lines.splitlines() if line and not line.startswith("#")}


def project_requirements() -> list[str]:
    """As pyproject.toml writes them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return list(project["dependencies"])


def packages_to_carry(requirements: Iterable[str] | None = None) -> set[str]:
    """The requirements and all that these need, without what is there.

    Args:
        requirements: As in pyproject.toml; this project's, unless said otherwise.

    Raises:
        PackageNotFoundError: one is not installed here, so what it needs is unknown.
    """
    there, found = packages_there(), set[str]()
    waiting = list(project_requirements() if requirements is None else requirements)
    while waiting:
        requirement = Requirement(waiting.pop())
        name = canonical(requirement.name)
        if requirement.marker and not requirement.marker.evaluate(MARKERS):
            continue
        if name not in there | found:
            found.add(name)
            waiting += metadata.requires(name) or []
    return found


def canonical(name: str) -> str:
    """As the list and PyPI write a package's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def fetch_wheels(folder: Path, names: Iterable[str]) -> None:
    """The versions that are installed here, as wheels for that machine's Python."""
    shutil.rmtree(folder, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    chosen = ["--python-version", PYTHON, "--implementation", "cp", "--only-binary=:all:"]
    chosen += [word for each in PLATFORMS for word in ("--platform", each)]
    for name in sorted(names):
        pinned = f"{name}=={metadata.version(name)}"
        download = [*pip, "download", "--no-deps", *chosen, "-d", str(folder), pinned]
        if subprocess.run(download, stderr=subprocess.DEVNULL).returncode:  # it has no wheel
            subprocess.run([*pip, "wheel", "--no-deps", "-w", str(folder), pinned], check=True)


# --- data -----------------------------------------------------------------------------------------


def fetch_data(source: Path, folder: Path) -> None:
    """MNIST's files from somewhere below the source, compressed.

    Raises:
        FileNotFoundError: names the file that is missing.
    """
    contents = {f"{name}.gz": _compressed(name, source) for name in FILES}
    # The source may be the folder itself, and may be wrong: it is read before anything goes.
    shutil.rmtree(folder, ignore_errors=True)
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name, content in contents.items():
        (raw / name).write_bytes(content)


def _compressed(name: str, source: Path) -> bytes:
    packed, plain = next(source.rglob(f"{name}.gz"), None), next(source.rglob(name), None)
    if packed:
        return packed.read_bytes()
    if plain:
        return gzip.compress(plain.read_bytes())
    raise FileNotFoundError(f"no {name}.gz in {source}: give --data-dir")


# --- what travels ---------------------------------------------------------------------------------


def tracked_bytes() -> Counter[str]:
    """Bytes by the first part of the path, of the files that git tracks or would track."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    sizes: Counter[str] = Counter()
    for name in filter(None, names.split("\0")):
        path = ROOT / name
        if path.is_file():  # one that was deleted is tracked until the next commit
            sizes[name.split("/")[0]] += path.stat().st_size
    return sizes


def folder_bytes(folder: Path) -> int:
    """Of all its files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def commands(commit: str) -> tuple[str, str]:
    """The two commands: the smoke test, and the session.

    Args:
        commit: The checkout's, with -dirty where files have changed; the records name it, for no
            history travels.
    """
    before = f"set -o pipefail; export BENCH_COMMIT={commit} PYTHONUNBUFFERED=1; "
    smoke = (
        "python3 benchmarks/gpu_session --parts packages && "
        f"PYTHONPATH={SITE} python3 benchmarks/gpu_smoke.py --limit {SMOKE_SECONDS} --out $OUT "
        "2>&1 | tee -a $OUT/session.log"
    )
    session = f"python3 benchmarks/gpu_session --data-dir {DATA} --deadline {SESSION_SECONDS}"
    return before + smoke, before + session


def told(sizes: Counter[str]) -> str:
    """One line a folder, the largest first, and the sum."""
    lines = [f"{n_bytes / 2**20:7.2f} MiB  {name}" for name, n_bytes in sizes.most_common(8)]
    lines.append(f"{sizes.total() / 2**20:7.2f} MiB  in all, of {MOST_BYTES // 2**20}")
    return "\n".join(lines)


def main() -> int:
    """Makes the two folders, and tells what travels and what to type."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument(
        "--data-dir", type=Path, default=os.environ.get("BENCH_DATA", "data"), help="holds MNIST"
    )
    given = parser.parse_args()
    try:
        fetch_data(Path(given.data_dir), ROOT / DATA)
        fetch_wheels(ROOT / WHEELS, packages_to_carry())
    except (OSError, metadata.PackageNotFoundError, subprocess.CalledProcessError) as error:
        parser.exit(1, f"{error}\n")
    sizes = tracked_bytes() + Counter({n: folder_bytes(ROOT / n) for n in (DATA, WHEELS)})
    print(told(sizes))
    if sizes.total() > MOST_BYTES:
        name = next(name for name, _ in sizes.most_common() if name not in (DATA, WHEELS))
        print(
            f"too large: leave out what is not needed there, `git rm -r --quiet --cached {name}` "
            f"with /{name}/ in .git/info/exclude; afterwards `git reset --quiet {name}`",
            file=sys.stderr,
        )
        return 1
    print(f"\nSend the checkout with {DATA} and {WHEELS}, and type there:")
    for command, seconds in zip(commands(_commit()), (SMOKE_SECONDS, SESSION_SECONDS), strict=True):
        print(f"\n# at most {seconds + 30} s\n{command}")
    return 0


def _commit() -> str:
    """By the rule of the records: what the project writes itself is no change."""
    changes = _git("status", "--porcelain", *CODE)
    return _git("rev-parse", "HEAD") + ("-dirty" if changes else "")


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())

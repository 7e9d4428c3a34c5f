"""What this machine has and lacks, for `python -m bench doctor`.

It shows no user name, host name or home folder, so that its output can be pasted into a report.
Torch is imported inside the checks, so that a missing torch is one line and no traceback.
"""

from __future__ import annotations

import importlib
import os
import platform
import re
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from bench.errors import BenchError, without_home
from bench.inputs import datasets
from bench.machine import nearest_existing, usable_cores
from bench.records.store import Suite
from bench.records.verifying import verify
from bench.stats.format import count

LOWEST_PYTHON = (3, 11)
LOWEST_TORCH = (2, 7)
ENOUGH_DISK_GB = 1.0  # a run keeps about 0.1 MB, MNIST takes 12 MB, a report a few MB
DISTRIBUTION = "manyseeds"
INSTALL_TORCH = "pip install --upgrade torch torchvision (both in one command, so that they match)"


@dataclass(frozen=True)
class Check:
    """One line of the report.

    Attributes:
        name: The thing that was checked.
        ok: True; False where work cannot go on; None where it can, but with a notice.
        value: The finding.
        remedy: What the user can do; empty where all is well.
    """

    name: str
    ok: bool | None
    value: str
    remedy: str = ""


def checks(
    results: Path = Path("results"),
    reports: Path = Path("reports"),
    data_dir: Path | None = None,
) -> list[Check]:
    """Every check, in reading order; it writes nothing and fetches nothing.

    Args:
        results: The folder for records; it need not exist.
        reports: The folder for the report; it need not exist.
        data_dir: The folder given by ``--data-dir``.
    """
    cores = Check("cores", True, str(usable_cores()))
    found = [_python(), _imported("torch", LOWEST_TORCH), _imported("torchvision"), _packages()]
    found += [_device(), cores]
    found += [_data(name, data_dir) for name in datasets.names()]
    found += [_disk(results), _writable("results", results), _writable("reports", reports)]
    return found


def records(results: Path) -> list[Check]:
    """A line for each suite: whether every file of it is sound."""
    suites = sorted(path.name for path in results.glob("[!.]*") if path.is_dir())
    faults = {name: len(verify(Suite(results, name)).faults) for name in suites}
    return [
        Check(f"records: {name}", not n, count(n, "fault"), f"python -m bench verify {name}")
        for name, n in faults.items()
    ]


def _python() -> Check:
    lowest = ".".join(map(str, LOWEST_PYTHON))
    if sys.version_info >= LOWEST_PYTHON:
        return Check("Python", True, platform.python_version())
    return Check("Python", False, platform.python_version(), f"use Python {lowest} or newer")


def _imported(name: str, lowest: tuple[int, ...] = ()) -> Check:
    """Torch or torchvision: a torchvision that was built for another torch cannot be imported."""
    try:
        version = str(importlib.import_module(name).__version__)
    except (ImportError, OSError, RuntimeError) as error:  # OSError: a shared library is missing
        return Check(name, False, f"cannot be imported: {_line(error)}", INSTALL_TORCH)
    recent = tuple(map(int, re.findall(r"\d+", version)[:2])) >= lowest
    return Check(name, recent, version, "" if recent else INSTALL_TORCH)


def _packages() -> Check:
    """The project's dependencies, from the metadata of its own distribution."""
    try:
        lines = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return Check("packages", None, f"{DISTRIBUTION} is not installed", "pip install -e .")
    always = [line for line in lines if "extra ==" not in line]
    names = sorted(match[0] for line in always if (match := re.match(r"[\w.-]+", line)))
    versions = {name: _version(name) for name in names}
    missing = [name for name, version in versions.items() if version is None]
    if missing:
        return Check("packages", False, f"missing: {', '.join(missing)}", "pip install -e .")
    return Check("packages", True, ", ".join(f"{name} {v}" for name, v in versions.items()))


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _device() -> Check:
    try:
        import torch
    except (ImportError, OSError):
        return Check("device", False, "unknown without torch", INSTALL_TORCH)
    n_devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if n_devices:
        return Check("device", True, ", ".join(map(torch.cuda.get_device_name, range(n_devices))))
    value = f"CPU only, {platform.machine()} ({torch.backends.cpu.get_cpu_capability()})"
    if shutil.which("nvidia-smi") is None:
        return Check("device", True, value)
    return Check("device", None, value, "this torch sees no GPU: install one built for the driver")


def _data(name: str, data_dir: Path | None) -> Check:
    title = f"data: {name}"
    try:
        place = datasets.locate(name, data_dir)
    except datasets.MissingDataError as error:  # the folder is there, this data set is not in it
        return Check(title, None, without_home(error.what), without_home(error.remedy))
    except BenchError as error:
        return Check(title, False, without_home(error.what), without_home(error.remedy))
    except ImportError as error:
        return Check(title, False, _line(error), "pip install -e .")
    if place is not None:
        return Check(title, True, without_home(str(place.resolve())))
    return Check(title, None, "not here", "fetched on first use, or name a folder by --data-dir")


def _disk(folder: Path) -> Check:
    free_gb = shutil.disk_usage(nearest_existing(folder)).free / 1e9
    value = f"{free_gb:.1f} GB free"
    if free_gb >= ENOUGH_DISK_GB:
        return Check("disk", True, value)
    return Check("disk", False, value, f"free {ENOUGH_DISK_GB:.0f} GB, or use --results elsewhere")


def _writable(name: str, folder: Path) -> Check:
    value = without_home(str(folder.absolute()))
    place = nearest_existing(folder)
    if place.is_dir() and os.access(place, os.W_OK | os.X_OK):
        return Check(name, True, value)
    where = without_home(str(place))
    return Check(name, False, f"{value} cannot be written", f"{where} must be a writable folder")


def _line(error: Exception) -> str:
    """The error's first line, without the home folder."""
    return without_home((str(error).splitlines() or [type(error).__name__])[0])

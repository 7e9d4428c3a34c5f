"""Where a run was made: device, versions, commit. No user, host or home folder is recorded."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import subprocess
import sys
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import torch
from msgspec.structs import replace

from bench.errors import UsageError, typed
from bench.machine import PACKAGE
from bench.records.foreign import NOWHERE
from bench.spec import Environment

CODE = ("--", ".", ":!results", ":!reports")  # what the project writes itself is no change of it
SCHEDULER = re.compile(r"(?<![^=])dask:.+")  # the value of --executor
COMMIT_VARIABLE = "BENCH_COMMIT"
COMPILERS = ("numba", "llvmlite", "numpy")  # whose versions decide what a CPU's kernels compute
PACKAGES = ("torch", "torchvision", *COMPILERS, "fvcore", "safetensors", "msgspec", "mlxtend")


def environment(device: torch.device, command: str) -> Environment:
    """The environment of a run on that device.

    Raises:
        UsageError: git knows no commit here, and BENCH_COMMIT names none.
    """
    # A folder above a copy may be a checkout of something else.
    is_checkout = (PACKAGE.parent / ".git").exists()
    commit, dirty = (_checkout() if is_checkout else None) or _named_commit()
    return Environment(
        fingerprint=fingerprint(device),
        device=str(device),
        processor=processor(device),
        torch=str(torch.__version__),
        python=platform.python_version(),
        packages={name: version for name in PACKAGES if (version := _version(name))},
        commit=commit,
        dirty=dirty,
        command=command,
    )


def of_command(ours: Environment, folder: Path) -> Environment:
    """The environment of a command of the user's: the machine, and the commit of its folder.

    Which interpreter, libraries and device the command uses, nobody can tell.

    Args:
        ours: The environment of the command line that starts it.
        folder: Where it runs.
    """
    name = _cpu_name()
    commit, dirty = _commit_of(folder) or (None, None)
    return replace(
        NOWHERE,
        fingerprint=hashlib.sha256(f"{platform.machine()}\n{name}".encode()).hexdigest()[:12],
        processor=name,
        commit=commit,
        dirty=dirty,
        command=ours.command,
    )


def command_line() -> str:
    """This process's command as a person would type it, with `~` for the home folder.

    A scheduler's address names a host, so it is left out.
    """
    given = [SCHEDULER.sub("dask:ADDRESS", word) for word in sys.argv[1:]]
    words = ["python", "-m", "bench", *given]
    return typed(words)


@lru_cache
def fingerprint(device: torch.device) -> str:
    """12 hex digits over what decides bits beside the spec: builds, processor, GPU, driver."""
    parts = [
        str(torch.__version__),
        str(torch.version.git_version),
        platform.machine(),
        processor(device),
    ]
    parts.append(torch.backends.cpu.get_cpu_capability())
    if device.type == "cpu":
        parts += [f"{name} {_version(name)}" for name in COMPILERS]
    if device.type == "cuda":
        parts += [str(torch.version.cuda), str(torch.backends.cudnn.version()), _driver()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


@lru_cache
def processor(device: torch.device) -> str:
    """The name of the processor or the GPU that trains, e.g. `AMD EPYC (AVX512)`."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{_cpu_name()} ({torch.backends.cpu.get_cpu_capability()})"


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _driver() -> str:
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return _output(*query).splitlines()[0].strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown driver"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


@lru_cache
def _checkout() -> tuple[str, bool] | None:
    """The commit of this checkout and whether it has changes; None where git cannot say."""
    return _commit_of(PACKAGE.parent)


def _commit_of(folder: Path) -> tuple[str, bool] | None:
    """The same of that folder."""
    git = ("git", "-C", str(folder))
    try:
        commit = _output(*git, "rev-parse", "HEAD").strip()
        return commit, bool(_output(*git, "status", "--porcelain", *CODE).strip())
    except (OSError, subprocess.SubprocessError):
        return None


def commit_of_results(folder: Path) -> str | None:
    """The commit of the checkout that the results lie in, or the one that BENCH_COMMIT names."""
    return (_commit_of(folder) or _named_commit())[0]


def _named_commit() -> tuple[str | None, bool | None]:
    """The same where git cannot say, by whoever made the copy; None where it is not said."""
    named = os.environ.get(COMMIT_VARIABLE)
    if not named:
        return None, None
    found = re.fullmatch("([0-9a-f]{40}|[0-9a-f]{64})(-dirty)?", named)
    if found is None:
        raise UsageError(
            f"bad commit '{named}'",
            where=f"${COMMIT_VARIABLE}",
            remedy="give what `git rev-parse HEAD` says, with -dirty where files had changed",
        )
    return found[1], found[2] is not None


def _output(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, timeout=20, check=True).stdout

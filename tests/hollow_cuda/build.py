"""The hollow CUDA: it answers each call that torch makes of a GPU, and computes nothing.

With it a machine without a GPU runs the project's own commands on `cuda`: torch's CUDA build does
everything as on a GPU up to the call into CUDA, which then does nothing. So tests can see what a
program asks of a GPU (captures, launches, copies, memory), and no number that a GPU would compute.

    with tempfile.TemporaryDirectory() as folder:
        hollow = build(Path(folder))
        hollow.run(sys.executable, "-m", "bench", "doctor", folder=..., timeout=60)

source/ holds the answers in C++; each file says which of CUDA's rules it keeps. They are compiled
against CUDA's headers, which come with torch's own wheels, so each torch gets the hollow CUDA of
its own version.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from tests.support import environment

SOURCE = Path(__file__).resolve().parent / "source"
# Where the wheels put CUDA's headers: CUDA 13 and newer; CUDA 12.
HEADERS = ("nvidia/cu[0-9]*/include", "nvidia/cuda_runtime/include")


class CannotBuild(Exception):
    """What is missing here."""


@dataclass(frozen=True)
class HollowCuda:
    """One that was built, in a folder of its own."""

    folder: Path

    def run(
        self, *words: str, folder: Path, timeout: float, **extra: str
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command on it.

        Args:
            words: The command.
            folder: Where it runs.
            timeout: Seconds, after which it is ended and `subprocess.TimeoutExpired` is raised.
            extra: Variables of its environment. HOLLOW_CUDA_LOG names a file for `told`;
                HOLLOW_CUDA_MEMORY sets the card's bytes.
        """
        libraries = [str(self.folder), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
        hollow = {
            "LD_PRELOAD": str(self.folder / "libhollow.so"),
            "LD_LIBRARY_PATH": os.pathsep.join(libraries),
            # cuDNN's older calls are few and plain; the newer ones describe graphs of operations.
            "TORCH_CUDNN_V8_API_DISABLED": "1",
            "CUDA_VISIBLE_DEVICES": "0",
            "XDG_CACHE_HOME": str(self.folder / "cache"),  # no trial is known
        }
        return subprocess.run(
            words,
            cwd=folder,
            env=environment(**(hollow | extra)),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


def told(log: Path, kind: str) -> list[str]:
    """What the processes of a command told: `violation`, or `memory` (the highest bytes so far)."""
    if not log.exists():
        return []
    lines = (line.split("\t") for line in log.read_text(encoding="utf-8").splitlines())
    return [text for _, each, text in lines if each == kind]


def build(folder: Path) -> HollowCuda:
    """Compiles it into the folder, for the torch of this environment; takes some seconds.

    Raises:
        CannotBuild: no compiler, no CUDA in torch, or no headers of CUDA.
    """
    compiler, headers = _compiler(), _headers()
    shared = ("-shared", "-fPIC", "-O1", "-Wall", "-Wextra")
    cuda = ("-std=c++17", "-fvisibility=hidden", f"-I{SOURCE}", f"-isystem{headers}")
    driver = SOURCE / "driver.cpp"
    answers = sorted(str(path) for path in SOURCE.glob("*.cpp") if path != driver)
    _compile(compiler, *shared, *cuda, "-o", str(folder / "libhollow.so"), *answers)
    name = ("-Wl,-soname,libcuda.so.1", "-o", str(folder / "libcuda.so.1"))
    _compile(compiler, *shared, *name, str(driver))
    return HollowCuda(folder)


def _compiler() -> str:
    for name in ("g++", "c++", "clang++"):
        if found := shutil.which(name):
            return found
    raise CannotBuild("no C++ compiler, with which the hollow CUDA is built: install g++")


def _headers() -> Path:
    import torch

    if torch.version.cuda is None:
        raise CannotBuild(f"torch {torch.__version__} has no CUDA built in")
    site = Path(sysconfig.get_path("purelib"))
    for pattern in HEADERS:
        for found in sorted(site.glob(pattern), reverse=True):
            if (found / "cuda_runtime_api.h").is_file():
                return found
    raise CannotBuild(f"no headers of CUDA below {site}/nvidia: install torch from PyPI")


def _compile(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"the hollow CUDA does not compile:\n{done.stderr}"

"""The machine that the project runs on: its cores, its files and the processes that it starts.

The file lies in `bench/` itself, because the package's own folder is found from its place.
"""

from __future__ import annotations

import ctypes
import errno
import io
import logging
import math
import multiprocessing
import os
import secrets
import shutil
import signal
import stat
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from datetime import UTC, date, datetime
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from bench.errors import StoreError

PACKAGE = Path(__file__).resolve().parent
SHIPPED = PACKAGE / "_shipped"  # in a wheel alone; a checkout has the folders beside the package
SPAWN = multiprocessing.get_context("spawn")  # a fork would copy torch's threads and locks
TEMPORARY, LOCK = "manyseeds-", ".lock"  # a folder in TMPDIR, held by the lock in it
SECONDS_TO_HOLD = 10.0  # from the lock's making on
MOST_TEXT_BYTES = 64 << 20  # of a text that is read whole
MOST_STATE_BYTES = 8 << 30  # of weights, of a checkpoint, or of images
OWN_GROUPS = Path("/proc/self/cgroup")  # see cgroups(7)
# What a pipe raises whose other end is gone.
GONE = (EOFError, BrokenPipeError, ConnectionResetError)
# <linux/prctl.h>
PR_SET_PDEATHSIG = 1  # the signal that a process gets when its parent ends
PR_SET_CHILD_SUBREAPER = 36  # orphans below a process become its children

# Without a home that can be written it keeps its fonts in TMPDIR, and each process would say so.
logging.getLogger("matplotlib").setLevel(logging.ERROR)


def folder(name: str) -> Path:
    """The shipped folder `name`: ``architectures``, ``claims``, ``examples``, ``results``..."""
    return (SHIPPED if SHIPPED.is_dir() else PACKAGE.parent) / name


def folder_in_use(name: str) -> Path:
    """The folder of that name in the working folder where it has one, else the shipped one.

    The shipped claims speak of the shipped networks: where the working folder has networks or
    runners of its own, its folder `claims` is meant, whether it is there or not.
    """
    own = Path.cwd() / name
    without_ours = name == "claims" and (is_own("architectures") or is_own("runners"))
    return own if own.is_dir() or without_ours else folder(name)


def is_own(name: str) -> bool:
    """Whether the working folder has a folder of that name which is not the shipped one."""
    own = Path.cwd() / name
    return own.is_dir() and own.resolve() != folder(name).resolve()


def nearest_existing(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    return next(each for each in (path, *path.absolute().parents) if each.exists())


class Lock(FileLock):
    """A lock on a file; where the file system has none, filelock puts the file itself in its place.

    Raises, when it is acquired:
        Timeout: another process holds it.
        StoreError: the file system refuses it.
    """

    def acquire(self, *arguments: Any, **named: Any) -> Any:
        """As in filelock."""
        try:
            return super().acquire(*arguments, **named)
        except Timeout:
            raise
        except OSError as error:
            raise StoreError(
                f"cannot lock: {error.strerror or error}",
                where=str(self.lock_file),
                remedy="choose a writable folder on a disk that has locks, such as a local one",
            ) from error


@contextmanager
def appearing_whole(path: Path) -> Iterator[Path]:
    """A file beside that path, to be written; it takes the path's place if nothing is raised.

    Who may read it is what the umask says, or what was true of the file that it replaces.
    """
    temporary = path.parent / f".tmp-{secrets.token_hex(8)}"
    temporary.touch(exist_ok=False)  # never through a link that somebody else has put there
    try:
        with suppress(OSError):  # there is none, or this file system keeps no such modes
            temporary.chmod(stat.S_IMODE(path.stat().st_mode) | stat.S_IWUSR)
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file that is either absent, old or whole, whenever the process dies.

    Raises:
        StoreError: the folder cannot be made or written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with appearing_whole(path) as temporary, temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise StoreError(
            f"cannot write: {error.strerror}",
            where=str(path),
            remedy="choose a writable folder with free space",
        ) from error


def read_plain(path: Path, most_bytes: int) -> bytes:
    """The content of a plain file, which a pipe or a device is not: to read one may never end.

    Raises:
        OSError: it cannot be read, is no plain file, or has more bytes.
    """
    with plain(path) as stream:
        n_bytes = os.fstat(stream.fileno()).st_size
        if n_bytes > most_bytes:
            raise OSError(errno.EFBIG, f"it has {n_bytes:,} bytes, more than {most_bytes:,}")
        return stream.read()


def plain(path: Path) -> io.BufferedReader:
    """The opened file.

    Raises:
        OSError: it cannot be opened, or is no plain file.
    """
    opened = open(path, "rb", opener=_without_waiting)  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
        opened.close()
        raise OSError(errno.EINVAL, "it is no plain file")
    return opened


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def text_of(path: Path, most_bytes: int = MOST_TEXT_BYTES) -> str:
    """The text of a plain file, without the mark that some editors begin it with.

    Raises:
        OSError: as `read_plain`.
        UnicodeDecodeError: it is not UTF-8.
    """
    content = io.BytesIO(read_plain(path, most_bytes))
    return io.TextIOWrapper(content, encoding="utf-8-sig").read()  # with line ends of Python


def toml_of(path: Path) -> dict[str, Any]:
    """The content of a TOML file.

    Raises:
        OSError: as `read_plain`.
        ValueError: it is no TOML in UTF-8, or holds what Python does not read.
    """
    try:
        return tomllib.loads(text_of(path))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def today() -> date:
    """The day in UTC, as a record keeps it."""
    return datetime.now(UTC).date()


@contextmanager
def prints_to_stderr() -> Iterator[None]:
    """What is printed goes to stderr: by Python, by libraries in C, and by other processes.

    In another thread than the main one by Python alone: the rest is all threads'.
    """
    answers = None
    if threading.current_thread() is threading.main_thread():
        sys.stdout.flush()
        with suppress(OSError):  # this process has no stdout
            answers = os.dup(1)
    try:
        with redirect_stdout(sys.stderr):
            if answers is not None:
                os.dup2(2, 1)
            yield
    finally:
        if answers is not None:
            with suppress(AttributeError, OSError, TypeError):  # not every system has this library
                ctypes.CDLL(None).fflush(None)  # what a script compiled by torch has printed
            os.dup2(answers, 1)
            os.close(answers)


@contextmanager
def without_ctrl_c() -> Iterator[None]:
    """Processes that begin within never see Ctrl-C: they answer their parent alone."""
    # It begins with the first such process, and would let Ctrl-C through again for that one.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ctrl-C waits until what stands below is done, and then has its usual effect."""
    if threading.current_thread() is not threading.main_thread():  # Ctrl-C interrupts no other
        yield
        return
    waiting: list[int] = []
    usual = signal.signal(signal.SIGINT, lambda number, _: waiting.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
        if waiting:
            signal.raise_signal(signal.SIGINT)


def require_writable(folders: Iterable[Path], n_bytes: int = 50 * 2**20) -> None:
    """Fails early, before any training, where a folder cannot be written or has no room.

    Args:
        folders: Folders that need not exist yet.
        n_bytes: The free space that each must have.

    Raises:
        StoreError: names the folder.
    """
    for folder in folders:
        total, _, free = shutil.disk_usage(nearest_existing(folder))
        if total and free < n_bytes:  # a pseudo file system has no size
            raise StoreError(
                f"only {free:,} bytes free, {n_bytes:,} needed",
                where=str(folder),
                remedy="free some space, or choose another folder",
            )
        probe = folder / ".write-probe"
        write_atomically(probe, b"")
        probe.unlink(missing_ok=True)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder in TMPDIR, gone afterwards; those that killed processes left go now.

    Raises:
        StoreError: TMPDIR cannot be written.
    """
    with ExitStack() as opened:
        with filling_tmpdir():
            place = Path(tempfile.gettempdir())
            for lock in place.glob(f"{TEMPORARY}*/{LOCK}"):
                _remove_if_left(lock)
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix=TEMPORARY)))
            opened.enter_context(Lock(folder / LOCK))
        yield folder


def _remove_if_left(lock: Path) -> None:
    """Removes the lock's folder if no process holds it; a new one may be about to be held."""
    with suppress(OSError, StoreError, Timeout):  # another user's, or held
        if time.time() - lock.stat().st_mtime > SECONDS_TO_HOLD:
            with Lock(lock, timeout=0):
                shutil.rmtree(lock.parent)


@contextmanager
def filling_tmpdir() -> Iterator[None]:
    """Raises StoreError where what is done within fails for want of room."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"cannot write temporary files: {error.strerror or error}",
            where=os.environ.get("TMPDIR", "TMPDIR"),
            remedy="free some space there, or set TMPDIR to another folder",
        ) from error


def usable_cores() -> int:
    """Cores that this process may use, which a container or `taskset` may have limited."""
    n_cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        n_cores = len(os.sched_getaffinity(0))
    return math.ceil(min(n_cores, _quota_cores(Path("/sys/fs/cgroup"), OWN_GROUPS)))


def _quota_cores(groups: Path, own_groups: Path) -> float:
    """Cores' worth of time that Linux gives this process and its like; infinite without a limit.

    Args:
        groups: Where the control groups lie.
        own_groups: The file that names those of this process, as proc(5) has it.
    """
    found = [math.inf]
    with suppress(OSError, ValueError):  # another system has no such file
        for line in own_groups.read_text().splitlines():
            _, controllers, name = line.split(":", 2)
            version_1 = "cpu" in controllers.split(",")
            if version_1 or not controllers:
                top = groups / "cpu" if version_1 else groups
                # In a container the folder may hold its own group, whatever the group's name is.
                own = top / name.strip("/")
                found += [_quota_of(each) for each in (own, *own.parents) if each != groups.parent]
    return min(found)


def _quota_of(group: Path) -> float:
    """That of one group, in files of version 2 or of version 1 of the control groups."""
    for files in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        with suppress(OSError, ValueError, ZeroDivisionError):  # not there, "max", or no limit
            quota, period = (
                int(each) for file in files for each in (group / file).read_text().split()
            )
            return quota / period if quota > 0 else math.inf
    return math.inf


def begin_process(
    work: Callable[..., None], *arguments: Any, daemon: bool = True
) -> tuple[BaseProcess, Connection]:
    """A new process that calls ``work(pipe, *arguments)``, and this end of its pipe.

    The process does not answer Ctrl-C: whoever began it ends it. When it dies, the pipe ends. On
    Linux it is killed when the thread that began it ends, and so are the processes that it began
    in the same way: a process that waits for a broken device reads no pipe.

    Args:
        work: A function at the top of a module.
        arguments: They are pickled.
        daemon: False for a process that begins processes of its own.
    """
    ours, theirs = SPAWN.Pipe()
    everything = (work, theirs, os.getpid(), *arguments)
    process = SPAWN.Process(target=_work, args=everything, daemon=daemon)
    with without_ctrl_c():
        process.start()
    theirs.close()  # so that a dead process shows as the end of the pipe
    return process, ours


def _work(work: Callable[..., None], pipe: Connection, parent: int, *arguments: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends us
    die_with(parent)
    with prints_to_stderr():  # it answers by its pipe; what it prints is no answer
        work(pipe, *arguments)


def die_with(parent: int) -> None:
    """Has the system kill this process when that one, its parent, ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it ended before it was asked for
            os.kill(os.getpid(), signal.SIGKILL)


def outlive_parent() -> None:
    """Takes `die_with` back: this process sees its pipe end, and has something to end first."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, 0)


def adopt_orphans() -> None:
    """Makes orphans below this process its children, whatever session they moved to."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def children() -> list[int]:
    """The processes whose parent is this one; none where there is no `/proc`."""
    found = []
    for state in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            pid, _, rest = state.read_text(errors="replace").partition(" ")
            if int(rest.rpartition(")")[2].split()[1]) == os.getpid():
                found.append(int(pid))
    return found

"""The connection to a Dask scheduler; what is wrong with it is one line."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module, metadata
from typing import Any

from bench.errors import UsageError, in_one_line

SECONDS_TO_CONNECT = 10
LOGGERS = ("distributed", "distributed.client", "tornado.application")


def require(address: str) -> None:
    """Raises UsageError unless a scheduler answers there that this process can talk to."""
    with connected(address):
        pass


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """A client of that scheduler; it prints nothing of its own.

    Raises:
        UsageError: no scheduler answers, or it has another version of Dask.
    """
    try:
        distributed: Any = import_module("distributed")
    except ImportError as error:
        what, remedy = f"the package 'distributed' cannot be imported: {error}", "manyseeds[dask]"
        raise _bad(what, f"pip install '{remedy}'") from error
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    client: Any = None
    try:
        with warnings.catch_warnings(action="ignore"):  # of other versions: see below
            client = distributed.Client(
                address, timeout=SECONDS_TO_CONNECT, set_as_default=False, name="manyseeds"
            )
            there = client.sync(client.scheduler.versions)["packages"]["distributed"]
    except Exception as error:  # an address may be wrong in any way
        if client is not None:
            client.close()
        what = f"no scheduler answers within {SECONDS_TO_CONNECT} seconds: {in_one_line(error)}"
        raise _bad(what, f"start `dask scheduler`, or mend the address {address}") from error
    try:
        here = metadata.version("distributed")
        if there != here:
            what = f"the scheduler has distributed {there}, this is {here}"
            raise _bad(what, "install the same version everywhere")
        yield client
    finally:
        client.close()


def _bad(what: str, remedy: str) -> UsageError:
    return UsageError(what, where="--executor", remedy=remedy)

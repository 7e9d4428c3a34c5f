"""Architectures measured for a command alone: nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.errors import BenchError, in_one_line
from bench.evidence.claims.gather import Anew
from bench.inputs.discover import Found
from bench.machine import prints_to_stderr

if TYPE_CHECKING:
    from bench.spec import Portrait


def measured(files: Sequence[Found]) -> Anew:
    """The measures of these files, and why others cannot be measured; torch is imported for them.

    What a file prints goes to stderr, so that `--json` stays JSON.
    """
    portraits: list[Portrait] = []
    failed: dict[str, str] = {}
    for found in files:
        try:
            with prints_to_stderr():
                portraits.append(_measured(found))
        except BenchError as error:
            failed[found.name] = str(error)
        except (Exception, SystemExit) as error:  # an architecture may raise anything
            failed[found.name] = f"{in_one_line(error)} ({found.path})"
    return Anew(tuple(portraits), failed)


def _measured(found: Found) -> Portrait:
    from bench.measuring import portraits
    from bench.training import provenance
    from bench.training.engine.settings import resolve_device
    from bench.training.selection import load_architectures

    selection = load_architectures([found], named=True)
    environment = provenance.environment(resolve_device("cpu"), provenance.command_line())
    return portraits.portrait(selection.usable[0][1], environment)

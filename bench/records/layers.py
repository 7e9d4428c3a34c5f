"""One table of an architecture's layers, joined from every measure that knows them. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bench.spec import Portrait

Rows = dict[str, dict[str, Any]]  # layer's dotted name -> column -> value

# The receptive field follows the path of the data, functions included, so its order leads; the
# parameters' rows are all layers.
LEADS = ("receptive_field", "parameters")


def merged(portrait: Portrait) -> Rows:
    """Layer -> the columns of every measure, in the order of a forward pass.

    A layer that only a later measure knows stands behind the one that it follows there. Where two
    measures have a column, what is known replaces what is not.
    """
    names = [name for name in LEADS if name in portrait.measures]
    names += sorted(portrait.measures.keys() - set(LEADS))
    tables = [portrait.measures[name].layers for name in names]
    rows: Rows = {layer: {} for layer in _order(tables)}
    for table in tables:
        for layer, columns in table.items():
            row = rows[layer]
            row.update({k: v for k, v in columns.items() if v is not None or k not in row})
    return rows


def _order(tables: Iterable[Mapping[str, object]]) -> list[str]:
    order: list[str] = []
    for table in tables:
        place = 0  # behind the last layer that was met
        for layer in table:
            if layer in order:
                place = order.index(layer) + 1
            else:
                order.insert(place, layer)
                place += 1
    return order

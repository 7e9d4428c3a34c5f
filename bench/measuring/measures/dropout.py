"""Dropout: the share of values that each dropout layer sets to zero while training.

Convention: only layers of `torch.nn` count; dropout that forward calls as a function has no setting
that could be read.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from bench.measuring import subject
from bench.spec import Field, Measured

FIELDS = (Field(name="n_dropout_layers", title="Dropout layers", unit="layers"),)
NOTE = "dropout that forward calls as a function is not counted"


def measure(model: nn.Module, example: Tensor, components: Mapping[str, str]) -> Measured:
    """A row for each call of a dropout layer, in the order of the calls.

    Raises:
        MeasureError: the model does not accept the example.
    """
    known = subject.layers(model)
    rows = {}
    for call in subject.calls(model, example):
        layer = known[call.layer]
        if isinstance(layer, nn.modules.dropout._DropoutNd | nn.AlphaDropout):
            rows[call.name] = {"operation": call.operation, "dropout_probability": layer.p}
    distinct = {name.split(" (call ")[0] for name in rows}
    return Measured(
        fields=FIELDS, values={"n_dropout_layers": len(distinct)}, layers=rows, notes=[NOTE]
    )

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
    kind = nn.modules.dropout._DropoutNd
    calls = [c for c in subject.calls(model, example) if isinstance(known[c.layer], kind)]
    rows = {
        call.name: {"operation": call.operation, "dropout_probability": known[call.layer].p}
        for call in calls
    }
    values = {"n_dropout_layers": len({call.layer for call in calls})}
    return Measured(fields=FIELDS, values=values, layers=rows, notes=[NOTE])

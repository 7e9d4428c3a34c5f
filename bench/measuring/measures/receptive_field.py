"""Receptive field: how many input pixels one position of a layer can see, along the path of data.

Convention: the theoretical size in pixels, padding included, so it may be wider than the image;
after upsampling it is the largest over the output's phases. A gate (squeeze-and-excitation, a norm
over positions) scales a map by what it saw everywhere. The main column follows the local path;
`receptive_field_with_gates` follows any path. The headline is that of the last feature map before
everything is pooled; a row behind the pooling holds the pixels of the image that are seen.
Source: Araujo et al., Distill 2019, https://distill.pub/2019/computing-receptive-fields
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from bench.errors import MeasureError
from bench.measuring import subject
from bench.measuring.receptive.path import Path
from bench.measuring.receptive.walk import GraphWalk, LiveWalk, traced
from bench.spec import Field, Measured

FIELDS = (
    Field(name="receptive_field_pixels", title="Receptive field", unit="pixels", better="neither"),
    Field(
        name="receptive_field_with_gates_pixels",
        title="Receptive field, gates included",
        unit="pixels",
    ),
)


def measure(model: nn.Module, example: Tensor, components: Mapping[str, str]) -> Measured:
    """Receptive fields of the layers and of the last feature map.

    Raises:
        MeasureError: the model cannot be run, does not return one tensor, or holds an operation
            without a rule.
    """
    path = walked(model, example)
    final = path.final
    local = max(axis.map_size for axis in final)
    gated = max(local, *(axis.gate for axis in final))
    sides = "x".join(str(axis.image) for axis in final)
    notes = [f"theoretical size in pixels, padding included; an image is {sides} pixels"]
    if path.gates:
        gates = ", ".join(path.gates)
        notes.append(f"the main column does not follow gates, which see everything: {gates}")
    if path.on_this_input is not None:
        notes.append(path.on_this_input)
    if not any(row["kernel"] for row in path.rows.values()):
        local = gated = max(axis.size for axis in final)
        notes.append("no convolution and no pooling: the first layer sees the whole image")
    if len({axis.map_size for axis in final}) > 1:
        sizes = " x ".join(str(axis.map_size) for axis in final)
        notes.append(f"the headline is the longer side of {sizes}")
    sequences = [axes for axes in path.views.values() if axes[0].sequence]
    if sequences and (size := sequences[-1][0].size) == local:
        box = " x ".join(str(axis.box) for axis in sequences[-1])
        notes.append(
            f"the pixels lie in a row: {size} of them, one after another, are at most {box} pixels"
        )
    values = {"receptive_field_pixels": local, "receptive_field_with_gates_pixels": gated}
    return Measured(fields=FIELDS, values=values, layers=path.rows, notes=notes)


def walked(model: nn.Module, example: Tensor) -> Path:
    """What a walk along the graph finds; without a graph, a walk along this input's calls.

    Raises:
        MeasureError: as `measure`.
    """
    with subject.at_rest(model, example):
        try:
            graph = traced(model)
        except MeasureError as error:
            path = LiveWalk(model, example[:1]).go()
            path.on_this_input = subject.on_this_input(error.what)
            return path
        return GraphWalk(graph, example[:1]).go()

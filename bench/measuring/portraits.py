"""The portrait of an architecture: what every measure found, as one record."""

from __future__ import annotations

import torch

from bench.measuring import measures
from bench.records.store import Suite
from bench.spec import Architecture, Environment, Portrait
from bench.training.engine.network import initialised
from bench.training.engine.settings import generators_kept
from bench.training.selection import Selection


def portrait(architecture: Architecture, environment: Environment) -> Portrait:
    """Measures one architecture; a measure that fails leaves its reason, and the others run."""
    with generators_kept(torch.device("cpu")):
        model = initialised(architecture, seed=0)
    # What training costs.
    batch = torch.zeros(architecture.recipe.batch_size, *architecture.input_shape)
    return Portrait(
        architecture=architecture.name,
        architecture_digest=architecture.digest,
        display_name=architecture.display_name,
        group=architecture.group,
        docstring=architecture.docstring,
        source=architecture.source,
        recipe=architecture.recipe,
        measures=measures.measure_all(model, batch, architecture.components, architecture.recipe),
        environment=environment,
        input_shape=architecture.input_shape,
        n_classes=architecture.n_classes,
    )


def measure(selection: Selection, environment: Environment, suite: Suite) -> list[Portrait]:
    """Measures every usable architecture and keeps the results in the suite."""
    portraits = [portrait(architecture, environment) for _, architecture in selection.usable]
    for each in portraits:
        suite.add_portrait(each)
    return portraits

"""The folder scan, the contract of every measure, and the published figures."""

from __future__ import annotations

import importlib.util
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.errors import MeasureError
from bench.inputs import discover
from bench.measuring import measures
from bench.spec import Field, Measured
from tests.support import ROOT, environment

IMAGES = torch.zeros(2, 1, 28, 28)

# From the README and its authors' public code.
PUBLISHED: dict[str, dict[str, Any]] = {
    "model_1": {
        "n_parameters": 9_850,
        "components": (9_710, 140, 0, 0, 0),
        "convolution_multiply_adds": 1_665_216,
        "linear_multiply_adds": 0,
        "fvcore_total": 1_709_610,
    },
    "model_2": {
        "n_parameters": 7_262,
        "components": (6_858, 144, 0, 260, 0),
        "convolution_multiply_adds": 876_512,
        "linear_multiply_adds": 0,
        "fvcore_total": 924_042,
    },
    "model_3": {
        "n_parameters": 7_518,
        "components": (6_858, 144, 256, 260, 0),
        "convolution_multiply_adds": 876_512,
        "linear_multiply_adds": 256,  # two gates: 2 * 12 * 4 + 2 * 20 * 4
        "fvcore_total": 937_626,
    },
}
# (receptive field, jump) of each 3x3 convolution and each max-pooling, in order
PROGRESSION = [(3, 1), (5, 1), (6, 2), (10, 2), (14, 2), (16, 4), (24, 4), (32, 4)]


def published(name: str) -> dict[str, Measured]:
    """Every measure of one of the README's networks."""
    path = ROOT / "architectures" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return measures.measure_all(module.Network(), IMAGES, module.COMPONENTS)


class Small(nn.Module):
    """A convolution, a norm, dropout as a function, and a linear head."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.norm = nn.BatchNorm2d(2)
        self.head = nn.Linear(2, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.dropout(self.norm(self.conv(x)), 0.5, training=True)  # draws, always
        logits: Tensor = self.head(x.mean((2, 3)))
        return logits


class Branching(Small):
    """Cannot be traced: which way it goes depends on the image."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x if x.sum() > 0 else -x)


def generators() -> tuple[object, ...]:
    """The states of torch's, Python's and numpy's global generators."""
    return torch.get_rng_state().tolist(), random.getstate(), str(np.random.get_state())  # noqa: NPY002


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_networks_have_their_published_figures(name: str) -> None:
    found, expected = published(name), PUBLISHED[name]
    parameters, arithmetic = found["parameters"], found["multiply_adds"]
    assert parameters.values["n_parameters"] == expected["n_parameters"]
    assert tuple(parameters.components.values()) == expected["components"]
    for figure in ("convolution_multiply_adds", "linear_multiply_adds", "fvcore_total"):
        assert arithmetic.values[figure] == expected[figure]
    assert arithmetic.values["multiply_adds"] == (
        expected["convolution_multiply_adds"] + expected["linear_multiply_adds"]
    )


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_networks_see_32_pixels(name: str) -> None:
    measured = published(name)["receptive_field"]
    rows = [
        row
        for row in measured.layers.values()
        if (row["operation"], row["kernel"]) in {("Conv2d", 3), ("MaxPool2d", 2)}
    ]
    assert [(row["receptive_field"], row["jump"]) for row in rows] == PROGRESSION
    assert measured.values["receptive_field_pixels"] == 32


PLUG_INS = {found.name: found for found in discover.scan_all(ROOT / "architectures")}


@pytest.mark.parametrize("name", PLUG_INS)
def test_components_layers_and_views_add_up_and_join_by_name(name: str) -> None:
    architecture = discover.load(PLUG_INS[name])
    found = measures.measure_all(architecture.build(), IMAGES, architecture.components)
    for measure, column in (("parameters", "n_parameters"), ("multiply_adds", "multiply_adds")):
        total = found[measure].values[column]
        assert sum(found[measure].components.values()) == total
        assert sum(row[column] for row in found[measure].layers.values()) == total
        for view, parts in found[measure].views.items():
            assert sum(parts.values()) == total, view
        non_zero = {part: n for part, n in found[measure].components.items() if n}
        assert found[measure].views["by_component"] == non_zero
        assert not found[measure].at_least
    assert list(found["parameters"].layers) == list(found["receptive_field"].layers)
    assert found["multiply_adds"].layers.keys() <= found["parameters"].layers.keys()


@pytest.mark.parametrize("name", measures.names())
def test_every_measure_keeps_the_contract(name: str) -> None:
    plugin = importlib.import_module(f"bench.measuring.measures.{name}")
    assert plugin.__doc__
    assert all(isinstance(field, Field) for field in plugin.FIELDS)
    measured = measures.measure_all(Small(), IMAGES, {})[name]
    assert measured.error is None
    assert measured.fields == plugin.FIELDS
    assert measured.values.keys() == {field.name for field in plugin.FIELDS}
    assert measured.notes, "a measure says its convention"


def test_the_scan_finds_the_files_without_an_underscore() -> None:
    files = {path.stem for path in (ROOT / "bench" / "measuring" / "measures").glob("[!_]*.py")}
    assert set(measures.names()) == files
    assert {"parameters", "multiply_adds", "receptive_field"} <= files


def test_the_package_does_not_import_torch() -> None:
    code = "import sys, bench.measuring.measures as m; m.names(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_measuring_prints_nothing_and_warns_of_nothing() -> None:
    code = (
        "import torch; from torch import nn; from bench.measuring import measures\n"
        "model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Sigmoid(), nn.MaxPool2d(2), nn.Flatten())\n"
        "model.never = nn.Linear(1, 1)\n"
        "model.forward = lambda x: model[3](model[2](model[1](model[0](x))))\n"
        "found = measures.measure_all(model, torch.zeros(1, 1, 8, 8), {})\n"
        "assert found['multiply_adds'].error is None, found['multiply_adds'].error\n"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_model_and_the_generators_come_back_as_they_were() -> None:
    model = Small().train()
    model.norm.eval()  # a frozen norm inside of a model in training
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    before = generators()
    measures.measure_all(model, torch.rand(2, 1, 28, 28, generator=torch.Generator()), {})
    assert generators() == before
    assert (model.training, model.conv.training, model.norm.training) == (True, True, False)
    for name, value in model.state_dict().items():
        assert torch.equal(value, weights[name]), name
    assert not model.conv._forward_hooks
    assert all(parameter.grad is None for parameter in model.parameters())


class FinerInEvaluation(nn.Sequential):
    """Pools with stride in training alone; its mode is more than a flag."""

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        self[1].stride = 2 if mode else 1
        return self


def test_the_network_of_evaluation_is_measured_and_that_of_training_comes_back() -> None:
    model = FinerInEvaluation(
        nn.Conv2d(1, 2, 3),
        nn.MaxPool2d(2),
        nn.Conv2d(2, 2, 3),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    found = measures.measure_all(model, IMAGES, {})
    # 26 * 26 * 2 * 9, then 23 * 23 * 2 * 2 * 9; with stride it would be 11 * 11.
    assert found["multiply_adds"].values["multiply_adds"] == 12_168 + 19_044
    assert found["receptive_field"].values["receptive_field_pixels"] == 3 + 1 + 2
    assert model.training
    assert model[1].stride == 2


class Twisted(Small):
    """Holds an operation that no receptive-field rule knows."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.cumsum(2))


class Wordy(Small):
    """Returns no tensor."""

    def forward(self, x: Tensor) -> Any:
        return {"logits": super().forward(x), "note": 3}


class Demanding(Small):
    """Needs another input size."""

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[-1] != 32:
            raise ValueError("images must be 32 x 32")
        return super().forward(x)


class Picking(Small):
    """How many numbers it returns depends on the image."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x[x > 0]


def test_a_measure_that_fails_says_why_and_the_others_run() -> None:
    found = measures.measure_all(Twisted(), IMAGES, {})
    assert found["receptive_field"].error == str(
        MeasureError(
            "no receptive-field rule for 'cumsum'",
            where="step 'cumsum' of (model)",
            remedy="add it to a line of TABLE in bench.measuring.receptive.operations, with the "
            "rule that it follows (pointwise, a window, a reshape ...)",
        )
    )
    assert found["receptive_field"].values == {}
    assert found["receptive_field"].fields  # a report still knows the column's titles
    assert found["parameters"].values["n_parameters"] == 20 + 4 + 30


def test_a_way_that_depends_on_the_image_is_followed_and_marked() -> None:
    found = measures.measure_all(Branching(), IMAGES, {})
    assert [measured.error for measured in found.values()] == [None] * len(found)
    assert found["receptive_field"].values["receptive_field_pixels"] == 3
    assert found["multiply_adds"].values["convolution_multiply_adds"] == 26 * 26 * 2 * 9
    for name in ("receptive_field", "multiply_adds"):
        assert any(note.startswith("traced on this input, ") for note in found[name].notes)


@pytest.mark.parametrize(
    ("model", "errors"),
    [
        (
            Wordy(),
            {
                "multiply_adds": (
                    "forward returns dict, not a tensor (Wordy): return the class scores alone"
                ),
                "receptive_field": (
                    "forward does not return one tensor that depends on the image "
                    "(receptive field): return the class scores alone"
                ),
            },
        ),
        (
            Picking(),
            {
                "receptive_field": (
                    "getitem: several arguments depend on the image (receptive field): "
                    "use a fixed weight or index"
                ),
            },
        ),
        (
            Demanding(),
            dict.fromkeys(
                ("multiply_adds", "receptive_field"),
                "forward raised ValueError: images must be 32 x 32 "
                "(on an input of shape (1, 1, 28, 28)): make forward accept such a batch",
            ),
        ),
    ],
    ids=["no tensor", "dynamic shape", "another input size"],
)
def test_bad_input_is_one_line_and_the_others_run(model: nn.Module, errors: dict[str, str]) -> None:
    found = measures.measure_all(model, IMAGES, {})
    known = ("parameters", "multiply_adds", "receptive_field")
    assert {n: found[n].error for n in known if found[n].error} == errors
    assert found["parameters"].values["n_parameters"] == sum(p.numel() for p in model.parameters())


def test_parameters_are_counted_where_forward_fails() -> None:
    found = measures.measure_all(nn.Sequential(nn.Linear(3, 2)), IMAGES, {})["parameters"]
    assert found.layers["0"]["n_parameters"] == 8
    assert found.layers["0"]["output_shape"] is None
    assert any(note.startswith("layers in module order, without output") for note in found.notes)


NEW_MEASURE = """
from bench.spec import Field, Measured

FIELDS = (Field(name="n_modules", title="Modules", unit="modules"),)

def measure(model, example, components):
    {body}
"""


@pytest.mark.parametrize(
    ("body", "values", "error"),
    [
        (
            "return Measured(fields=FIELDS, values={'n_modules': len(list(model.modules()))})",
            {"n_modules": 4},
            None,
        ),
        (
            "return 1 / 0",
            {},
            (
                "ZeroDivisionError: division by zero (measure extra): the model or the measure "
                "raised this; run the model's forward once to see"
            ),
        ),
        (
            "return Measured(fields=FIELDS, values={})",
            {},
            (
                "fields and values differ in: n_modules (bench/measuring/measures/extra.py): "
                "return one value for each of FIELDS"
            ),
        ),
    ],
)
def test_a_new_measure_is_one_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    body: str,
    values: dict[str, int],
    error: str | None,
) -> None:
    (tmp_path / "extra.py").write_text(NEW_MEASURE.format(body=body))
    monkeypatch.setattr(measures, "__path__", [*measures.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "bench.measuring.measures.extra", raising=False)
    found = measures.measure_all(Small(), IMAGES, {})
    sys.modules.pop("bench.measuring.measures.extra")
    assert (found["extra"].values, found["extra"].error) == (values, error)
    assert [field.name for field in found["extra"].fields] == ["n_modules"]
    assert found["parameters"].error is None


def test_a_new_measure_reaches_the_json_and_the_terminal_with_no_other_edit(
    tmp_path: Path,
) -> None:
    shutil.copytree(ROOT / "bench", tmp_path / "bench", ignore=shutil.ignore_patterns("*.pyc"))
    shutil.copytree(ROOT / "architectures", tmp_path / "architectures")
    body = "return Measured(fields=FIELDS, values={'n_modules': len(list(model.modules()))})"
    new = tmp_path / "bench" / "measuring" / "measures" / "extra.py"
    new.write_text(NEW_MEASURE.format(body=body), encoding="utf-8")
    command = [sys.executable, "-m", "bench", "inspect", "model_1"]
    there = {"cwd": tmp_path, "env": environment(PYTHONPATH=str(tmp_path))}
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True, **there)
    extra = json.loads(done.stdout)["measures"]["extra"]
    assert extra["values"]["n_modules"] > 10
    shown = subprocess.run(command, capture_output=True, text=True, check=True, **there)
    assert f"Modules: {extra['values']['n_modules']} modules" in shown.stdout


def test_a_component_that_names_no_module_is_refused() -> None:
    found = measures.measure_all(Small(), IMAGES, {"skp": "Skip Connections"})
    assert found["parameters"].error == str(
        MeasureError(
            "component prefix 'skp' names no module",
            where="Small",
            remedy="use a module's dotted name, or a leading part of it, in COMPONENTS",
        )
    )

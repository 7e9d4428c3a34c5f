"""`bench inspect` on networks that other tools, or an earlier bench, measured wrongly.

Each right value was worked out by hand or by gradients.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import support

HEAD = '''"""{name}"""
import torch
from bench.spec import Recipe
from torch import nn
from torch.nn import functional as F

RECIPE = Recipe(peak_learning_rate=0.01, warmup_fraction=0.2)
DISPLAY_NAME = {display_name!r}
COMPONENTS = {components!r}


'''
MODULE = """class Network(nn.Module):
    def __init__(self):
        super().__init__()
        {init}

    def forward(self, x):
        {forward}
"""
SEQUENTIAL = """class Network(nn.Sequential):
    def __init__(self):
        super().__init__({layers}, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10))
"""
KAN = """class Kan(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.register_buffer("centres", torch.linspace(-2, 2, 5))
        self.weight = nn.Parameter(torch.randn(n_out, n_in, 5))

    def forward(self, x):
        basis = torch.exp(-((x.unsqueeze(-1) - self.centres) ** 2))
        return {product}


"""
BLOCK = """class Block(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.c = nn.Conv2d(n_in, n_out, 3, padding=1)
        self.n = nn.BatchNorm2d(n_out)

    def __call__(self, x, layers=1):
        return F.relu(self.n(self.c(x)))


"""


@dataclass(frozen=True)
class Case:
    """A network and its right values.

    Attributes:
        network: Python text.
        multiply_adds: The headline.
        n_parameters: The headline.
        field: Pixels of the last feature map; None where it cannot be followed.
        at_least: Whether the multiply-adds are a lower bound.
        columns: (Layer, column) -> value.
        notes: Parts of notes of any measure.
        components: COMPONENTS.
        display_name: DISPLAY_NAME.
    """

    network: str
    multiply_adds: int
    n_parameters: int
    field: int | None
    at_least: bool = False
    columns: dict[tuple[str, str], Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    components: dict[str, str] = field(default_factory=dict)
    display_name: str = "Case"


def module(init: str, forward: str) -> str:
    return MODULE.format(
        init=init.replace("; ", "\n        "), forward=forward.replace("; ", "\n        ")
    )


def sequential(layers: str) -> str:
    return SEQUENTIAL.format(layers=layers)


TWO = "self.a = {}(nn.Conv2d(1, 8, 3)); self.b = {}(nn.Conv2d(8, 8, 3)); self.fc = nn.Linear(8, 10)"
MEAN = "return self.fc(F.relu(self.b(F.relu(self.a(x)))).mean((2, 3)))"
PATCHES = "self.patch = nn.Conv2d(1, 16, 4, stride=4); self.qkv = nn.Linear(16, 48)"
TOKENS = "q, k, v = self.qkv(self.patch(x).flatten(2).transpose(1, 2)).chunk(3, -1)"
KANS = module(
    "self.a = Kan(49, 16); self.b = Kan(16, 10)",
    "return self.b(self.a(F.avg_pool2d(x, 4).flatten(1)))",
)

CASES = {
    "same_pad": Case(
        sequential(
            "nn.Conv2d(1, 8, 3, padding='same'), nn.ReLU(), nn.Conv2d(8, 8, 4, padding='same')"
        ),
        *(859_344, 1_202, 6),
    ),
    "kwargs_call": Case(
        module(
            "self.a = nn.Conv2d(1, 8, 3); self.fc = nn.Linear(8, 10)",
            "return self.fc(input=F.relu(self.a(x)).mean((2, 3)))",
        ),
        *(48_752, 170, 3),
    ),
    "conv1d_rows": Case(
        module(
            "self.a, self.b = (nn.Conv1d(28, 28, 3, padding=1) for _ in range(2)); "
            "self.fc = nn.Linear(784, 10)",
            "x = F.relu(self.a(x.view(-1, 28, 28))); return self.fc(F.relu(self.b(x)).flatten(1))",
        ),
        *(139_552, 12_610, 28),
        columns={("a", "receptive_field"): "28x3", ("b", "receptive_field"): "28x5"},
        notes=("the headline is the longer side of 28 x 5",),
    ),
    "tcn_pixels": Case(
        module(
            "self.convs = nn.Sequential(*(m for d in range(8) for m in (nn.Conv1d(8 if d else 1, "
            "8, 3, padding=2**d, dilation=2**d), nn.ReLU()))); self.fc = nn.Linear(8, 10)",
            "return self.fc(self.convs(x.flatten(2)).mean(-1))",
        ),
        *(1_072_592, 1_522, 511),
        columns={("convs.0", "receptive_field"): 3, ("convs.14", "receptive_field"): 511},
        notes=("511 of them, one after another, are at most 20 x 28 pixels",),
    ),
    "conv3d": Case(
        module(
            "self.a = nn.Conv3d(1, 4, (1, 3, 3)); self.fc = nn.Linear(4, 10)",
            "return self.fc(F.relu(self.a(x.unsqueeze(2))).mean((2, 3, 4)))",
        ),
        *(24_376, 90, 3),
        columns={("a", "kernel"): "1x3x3"},
    ),
    "adaptive3": Case(
        sequential(
            "nn.Conv2d(1, 4, 3, stride=2), nn.ReLU(), nn.Conv2d(4, 4, 3, stride=2, padding=1), "
            "nn.ReLU(), nn.AdaptiveAvgPool2d(3), nn.Conv2d(4, 8, 3)"
        ),
        *(13_508, 574, 31),
    ),
    "scripted": Case(
        module(
            "self.body = torch.jit.script(nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), "
            "nn.Conv2d(8, 8, 3), nn.ReLU())); self.fc = nn.Linear(8, 10)",
            "return self.fc(self.body(x).mean((2, 3)))",
        ),
        *(380_528, 754, None),
        columns={("body", "n_parameters"): 664, ("body", "multiply_adds"): 380_448},
        notes=("fvcore cannot follow forward, torch's counter stands in",),
    ),
    "attention_layer": Case(
        module(
            "self.patch = nn.Conv2d(1, 16, 7, stride=7); self.pos = nn.Parameter(torch.zeros(16)); "
            "self.att = nn.MultiheadAttention(16, 4, batch_first=True); "
            "self.norm = nn.LayerNorm(16); self.fc = nn.Linear(16, 10)",
            "t = self.patch(x).flatten(2).transpose(1, 2) + self.pos; "
            "t = t + self.att(t, t, t, need_weights=False)[0]; "
            "return self.fc(self.norm(t).mean(1))",
        ),
        *(37_280, 2_106, 7),
        columns={("att", "multiply_adds"): 16_384 + 8_192},
    ),
    "attention_function": Case(
        module(
            f"{PATCHES}; self.fc = nn.Linear(16, 10)",
            f"{TOKENS}; return self.fc(F.scaled_dot_product_attention(q, k, v).mean(1))",
        ),
        *(127_168, 1_258, 4),
        columns={("qkv", "receptive_field"): 4},
    ),
    "attention_by_hand": Case(
        module(
            f"{PATCHES}; self.fc = nn.Linear(16, 10)",
            f"{TOKENS}; w = (q @ k.transpose(-2, -1) / 4).softmax(-1); "
            "return self.fc((w @ v).mean(1))",
        ),
        *(127_168, 1_258, 4),
    ),
    "sines": Case(
        module(
            TWO.format("", ""),
            "return self.fc(torch.cos(self.b(torch.sin(30 * self.a(x)))).mean((2, 3)))",
        ),
        *(380_528, 754, 5),
    ),
    "weight_norm": Case(
        module(
            TWO.format(*["nn.utils.parametrizations.weight_norm"] * 2),
            MEAN,
        ),
        *(380_528, 770, 5),
    ),
    "weight_norm_old": Case(
        "import warnings\nwarnings.simplefilter('ignore')\n"
        + module(TWO.format(*["nn.utils.weight_norm"] * 2), MEAN),
        *(380_528, 770, 5),
    ),
    "bn1d_head": Case(
        module(
            "self.a = nn.Conv2d(1, 8, 3); self.bn = nn.BatchNorm1d(8); self.fc = nn.Linear(8, 10)",
            "return self.fc(self.bn(F.relu(self.a(x)).mean((2, 3))))",
        ),
        *(48_752, 186, 3),
    ),
    "buffer_view": Case(
        module(
            "self.a = nn.Conv2d(1, 8, 3); self.fc = nn.Linear(8, 10); "
            "grid = torch.linspace(-1, 1, 26).expand(26, 26).contiguous(); "
            "self.register_buffer('grid', grid); self.register_buffer('first_row', grid[0])",
            "x = F.relu(self.a(x)) * (1 + 0.1 * self.grid) + self.first_row; "
            "return self.fc(x.mean((2, 3)))",
        ),
        *(48_752, 170, 3),
    ),
    "forward_flag": Case(
        BLOCK
        + module(
            "self.b1 = Block(1, 4); self.b2 = Block(4, 8); self.drop = nn.Dropout(0.01); "
            "self.flat = nn.Conv2d(8, 10, 1)",
            "x = F.max_pool2d(self.b1(x, layers=3), 2); "
            "x = self.drop(x) if dropout else x; x = F.adaptive_avg_pool2d(self.b2(x), 1); "
            "return F.log_softmax(self.flat(x).view(-1, 10), dim=1)",
        ).replace("forward(self, x)", "forward(self, x, dropout=True)"),
        *(84_752, 450, 8),
    ),
    "glu": Case(
        sequential("nn.Conv2d(1, 16, 3), nn.GLU(1), nn.Conv2d(8, 8, 3)"), *(429_200, 834, 5)
    ),
    "rms_norm": Case(
        sequential("nn.Conv2d(1, 8, 3), nn.RMSNorm([8, 26, 26])"), *(48_752, 5_578, 3)
    ),
    "kan": Case(
        KAN.format(product="torch.einsum('nik,oik->no', basis, self.weight)") + KANS,
        *(4_720, 4_720, 4),
    ),
    "kan_by_hand": Case(
        KAN.format(product="(basis.unsqueeze(1) * self.weight).sum((-1, -2))") + KANS,
        *(4_720, 4_720, 4),
    ),
    "maxima_of_products": Case(
        module(
            "self.weight = nn.Parameter(torch.ones(10, 784))",
            "return (x.flatten(1).unsqueeze(1) * self.weight).amax(-1)",
        ),
        *(0, 7_840, 28),
        at_least=True,
        notes=("at least: weights are multiplied element by element only",),
    ),
    "idle_head": Case(
        module(
            f"{TWO.format('', '')}; self.aux = nn.Linear(8, 10)",
            "x = F.relu(self.a(x)); aux = self.aux(x.mean((2, 3))); "
            "y = self.fc(F.relu(self.b(x)).mean((2, 3))); "
            "return (y, aux) if self.training else y",
        ),
        *(380_528, 844, 5),
        notes=("not counted, since the output does not depend on it: aux: 80",),
    ),
    "complex": Case(
        module(
            "self.w = nn.Parameter(torch.randn(4, 28, 15, dtype=torch.cfloat)); "
            "self.fc = nn.Linear(4, 10)",
            "x = torch.fft.irfft2(torch.fft.rfft2(x) * self.w, s=(28, 28)); "
            "return self.fc(F.relu(x).mean((2, 3)))",
        ),
        *(40, 1_730, 28),
        at_least=True,
        notes=("1,680 of them, so 3,410 real numbers in all",),
    ),
    "lazy": Case(
        module(
            "self.a = nn.LazyConv2d(8, 3); self.bn = nn.LazyBatchNorm2d(); "
            "self.fc = nn.LazyLinear(10)",
            "return self.fc(F.max_pool2d(F.relu(self.bn(self.a(x))), 4).flatten(1))",
        ),
        *(51_552, 2_986, 6),
    ),
    "shared_memory": Case(
        module(
            "self.a = nn.Conv2d(1, 8, 3); self.b = nn.Conv2d(1, 8, 3); "
            "self.b.weight = nn.Parameter(self.a.weight.data); self.fc = nn.Linear(8, 10)",
            "return self.fc((self.a(x) + self.b(x)).mean((2, 3)))",
        ),
        *(2 * 48_672 + 80, 178, 3),
        notes=("views of parameters that count already: b.weight",),
    ),
    "printing": Case(
        "print('imported')\n"
        + module(
            "print('built'); self.a = nn.Conv2d(1, 8, 3); self.fc = nn.Linear(8, 10)",
            "x = F.relu(self.a(x)); print('shape', x.shape); return self.fc(x.mean((2, 3)))",
        ),
        *(48_752, 170, 3),
    ),
    "markup": Case(
        sequential("nn.Conv2d(1, 8, 3), nn.ReLU()"),
        *(48_752, 170, 3),
        components={"0": "Conv [stem]"},
        display_name="Stack [bn] v2 [/x] :smile:",
    ),
}


def inspected(folder: Path, name: str, case: Case, *words: str) -> subprocess.CompletedProcess[str]:
    """What the command says of the network, written into the folder."""
    head = HEAD.format(name=name, components=case.components, display_name=case.display_name)
    support.write_architecture(folder, name, head + case.network)
    return support.bench(folder, "inspect", name, *words)


@pytest.mark.parametrize("name", CASES)
def test_inspect_says_the_right_values(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    done = inspected(tmp_path, name, case, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)  # and nothing but JSON
    measures = found["measures"]
    assert measures["multiply_adds"]["values"]["multiply_adds"] == case.multiply_adds
    assert measures["multiply_adds"]["at_least"] == case.at_least
    assert found["n_parameters"] == case.n_parameters
    assert measures["receptive_field"]["values"].get("receptive_field_pixels") == case.field
    layers = {layer["name"]: layer for layer in found["layers"]}
    for (layer, column), value in case.columns.items():
        assert layers[layer][column] == value, (layer, column)
    notes = [note for measured in measures.values() for note in measured["notes"]]
    for part in case.notes:
        assert any(part in note for note in notes), part
    errors = {name for name, measured in measures.items() if measured["error"]}
    assert errors == ({"receptive_field"} if case.field is None else set())


def test_brackets_in_names_are_shown_as_written(tmp_path: Path) -> None:
    done = inspected(tmp_path, "m", CASES["markup"])
    assert (done.returncode, done.stderr) == (0, "")
    assert "Stack [bn] v2 [/x] :smile: (m)" in done.stdout
    assert "Conv [stem]" in done.stdout


def test_each_of_two_folders_imports_its_own_module(tmp_path: Path) -> None:
    case = Case(sequential("nn.Conv2d(1, 8, WIDTH)"), 0, 0, 0)
    head = HEAD.format(name="", components={}, display_name="Case")
    for width in (3, 5):
        path = support.write_architecture(
            tmp_path,
            f"net_{width}",
            f"{head}from _blocks import WIDTH\n{case.network}",
            group=f"lab_{width}",
        )
        path.with_name("_blocks.py").write_text(f"WIDTH = {width}\n", encoding="utf-8")
    for width in (3, 5):
        done = support.bench(tmp_path, "inspect", f"net_{width}", "--json")
        assert json.loads(done.stdout)["n_parameters"] == 8 * width**2 + 8 + 90

"""What a run would fail at is found before it; what is our choice gives way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from msgspec.structs import replace
from safetensors.torch import load as read_weights
from torch import nn

from bench.errors import ArchitectureError
from bench.inputs import datasets
from bench.inputs.discover import Found
from bench.spec import Architecture, Numerics, RunSpec
from bench.training.engine.average import Average
from bench.training.engine.data import prepare
from bench.training.engine.network import (
    initialised,
    require_trainable,
    sharing_memory,
    weights_bytes,
    weights_sha256,
)
from bench.training.engine.probe import Way, few_of, probe
from bench.training.engine.train import Parted, run_epoch, start
from bench.training.engine.untouched import load

Write = Callable[..., Path]
CPU = torch.device("cpu")

NETWORK = """
import torch
from torch import nn
from torch.nn import functional as F
from bench.spec import Recipe
RECIPE = Recipe(peak_learning_rate=0.01, warmup_fraction=0.3, epochs=2, batch_size=500)

class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(1, 8, 3)
        {init}
        self.fc = nn.Linear(8, 10)

    def forward(self, x):
        x = F.relu(self.a(x))
        {forward}

OWN, OWN_LAYER = torch.ones(8, 1, 1), nn.Conv2d(8, 8, 1)
"""
MEAN = "return self.fc(x.mean((2, 3)))"
TIED = (
    "self.b = nn.Conv2d(8, 8, 3); self.c = nn.Conv2d(8, 8, 3); "
    "self.c.weight = nn.Parameter(self.b.weight.data)"
)
VIEWS = (
    "grid = torch.linspace(-1, 1, 26).expand(26, 26).contiguous(); "
    "self.register_buffer('grid', grid); self.register_buffer('row', grid[0])"
)
BY_W = f"x = x * self.w; {MEAN}"
OLD_NORM = "self.b = nn.utils.weight_norm(nn.Conv2d(8, 8, 3))"
COMPLEX = "self.w = nn.Parameter(torch.ones(8, 26, 14, dtype=torch.cfloat))"
FILTERED = "x = torch.fft.irfft2(torch.fft.rfft2(x) * self.w, s=(26, 26)); "


@pytest.fixture
def written(write_architecture: Write) -> Callable[..., Architecture]:
    def write(init: str = "pass", forward: str = MEAN, **recipe: object) -> Architecture:
        source = NETWORK.replace("{init}", init).replace("{forward}", forward)
        architecture = load(Found("mine", "", write_architecture("mine", source)))
        return replace(architecture, recipe=replace(architecture.recipe, **recipe))

    return write


def spec_of(architecture: Architecture) -> RunSpec:
    return RunSpec(
        architecture="mine",
        architecture_digest=architecture.digest,
        recipe=architecture.recipe,
        seed=0,
        dataset=datasets.load("mnist5k").info,
        numerics=Numerics(memory_format=architecture.memory_format),
    )


def probed(architecture: Architecture) -> Way:
    spec = spec_of(architecture)
    return probe(architecture, spec, few_of(datasets.load("mnist5k"), spec), CPU)


REFUSED = {  # a network and its recipe -> the line, the message, the remedy
    "auxiliary output": (
        {"forward": "y = self.fc(x.mean((2, 3))); return (y, y) if self.training else y"},
        (15, "in training mode is a tuple", "one tensor in training mode"),
    ),
    "raises in training": (
        {"forward": f"assert not self.training, 'on purpose'; {MEAN}"},
        (17, "on purpose", "mend its Network class"),
    ),
    "ends the process": (
        {"forward": f"import sys; self.training and sys.exit(0); {MEAN}"},
        (17, "SystemExit: 0", "mend its Network class"),
    ),
    "fixed batch": (
        {
            "forward": "return self.fc(x.mean((2, 3)).view(500 if len(x) > 400 else 2, 8))",
            "batch_size": 450,
        },
        (17, "is invalid for input of size 3600", "mend its Network class"),
    ),
    "last batch of one image": (
        {
            "init": "self.n = nn.BatchNorm1d(8)",
            "forward": "return self.fc(self.n(x.mean((2, 3))))",
            "batch_size": 3499,
        },
        (17, "Expected more than 1 value per channel", "the last batch of an epoch has 1 of 3500"),
    ),
    "average": (
        {"init": OLD_NORM, "forward": f"x = self.b(x); {MEAN}", "ema_decay": 0.9},
        (None, "deepcopy protocol", "torch.nn.utils.parametrizations"),
    ),
    "average of a lock": (
        {"init": "import threading; self.lock = threading.Lock()", "ema_decay": 0.9},
        (None, "cannot pickle '_thread.lock'", "give ema_decay=0"),
    ),
    "expanded parameter": (
        {"init": "self.w = nn.Parameter(torch.ones(8, 1, 1).expand(8, 26, 26))", "forward": BY_W},
        (None, "parameter 'w' share their memory", "nn.Parameter(x.clone())"),
    ),
    "parameter of the file's own tensor": (
        {"init": "self.w = nn.Parameter(OWN)", "forward": BY_W},
        (None, "a second start with one seed has another 'w'", "each tensor and layer in __init__"),
    ),
    "layer of the file's own": (
        {"init": "self.w = OWN_LAYER", "forward": f"x = self.w(x); {MEAN}"},
        (
            None,
            "a second start with one seed has another 'w.bias'",
            "each tensor and layer in __init__",
        ),
    ),
    "drawn without a seed": (
        {"init": "import os; self.w = nn.Parameter(torch.tensor(os.urandom(1)[0] / 255))"},
        (None, "a second start with one seed has another 'w'", "torch's global generator"),
    ),
    "buffer that grows": (
        {
            "init": "self.register_buffer('seen', torch.zeros(0))",
            "forward": f"self.seen = torch.cat([self.seen, x.detach().mean()[None]]); {MEAN}",
        },
        (None, "a checkpoint of it cannot be read back", "its shape and type in __init__"),
    ),
    "sparse gradients": (
        {
            "init": "self.w = nn.Embedding(8, 8, sparse=True)",
            "forward": f"x = x * self.w(torch.arange(8)).mean(); {MEAN}",
        },
        (None, "does not support sparse gradients", "optimizer='sgd'"),
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", REFUSED)
def test_what_a_run_would_fail_at_is_refused_with_its_line_and_a_remedy(
    written: Callable[..., Architecture], case: str
) -> None:
    words, (line, message, remedy) = REFUSED[case]
    architecture = written(**words)
    with pytest.raises(ArchitectureError) as refused:
        probed(architecture)
    assert message in refused.value.what
    assert remedy in refused.value.remedy
    assert refused.value.where == (
        f"{architecture.path}:{line}" if line else str(architecture.path)
    )


@pytest.mark.parametrize(("trial", "seconds"), [(require_trainable, "0.5"), (probed, "5")])
def test_an_endless_forward_is_refused_with_its_line(
    written: Callable[..., Architecture],
    monkeypatch: pytest.MonkeyPatch,
    trial: Callable[[Architecture], object],
    seconds: str,
) -> None:
    only = "self.training" if trial is probed else "True"
    architecture = written(forward=f"while {only}: pass\n        {MEAN}")
    monkeypatch.setenv("BENCH_LIMIT_SECONDS", "0.5")
    with pytest.raises(ArchitectureError, match=f"end within {seconds} seconds") as refused:
        trial(architecture)
    assert refused.value.where == f"{architecture.path}:17"


def test_what_training_alone_changes_for_others_is_refused(
    written: Callable[..., Architecture],
) -> None:
    """The faster step's trial trains first: what it changes is not taken for what was there."""
    own = torch.relu
    change = f"if self.training: torch.relu = torch.sigmoid\n        {MEAN}"
    with pytest.raises(ArchitectureError, match=r"its code changes torch\.relu") as refused:
        probed(written(forward=change))
    assert "change only what the network itself owns" in refused.value.remedy
    assert torch.relu is own


def test_a_view_of_pixels_and_channels_trains_contiguous(
    written: Callable[..., Architecture],
) -> None:
    """It fails in channels_last, which is our choice."""
    init = "self.w = nn.Parameter(torch.randn(10, 8 * 6 * 6))"
    forward = "return F.linear(F.max_pool2d(x, 4).view(-1, 8 * 6 * 6), self.w)"
    found = probed(written(init=init, forward=forward))
    assert found.memory_format == "contiguous_format"
    assert found.path == "eager"
    assert "channels_last failed with RuntimeError: view size" in str(found.slow)


def test_weights_that_are_views_of_one_memory_stay_tied(
    written: Callable[..., Architecture],
) -> None:
    architecture = written(init=TIED, forward=f"x = self.c(self.b(x)); {MEAN}")
    with pytest.raises(Parted, match=r"b\.weight and c\.weight"):
        start(architecture, spec_of(architecture), CPU)
    found = probed(architecture)
    assert found.memory_format == "contiguous_format"
    suited = replace(architecture, memory_format=found.memory_format)
    network = start(suited, spec_of(suited), CPU).network
    assert sharing_memory(network) == [("b.weight", "c.weight")]


def test_a_view_of_a_buffer_is_saved_and_averaged_once(
    written: Callable[..., Architecture],
) -> None:
    architecture = written(
        init=VIEWS, forward=f"x = x * self.grid + self.row; {MEAN}", ema_decay=0.9
    )
    assert probed(architecture).path == "fused"
    network = initialised(architecture, 0)
    saved = read_weights(weights_bytes(network))
    assert torch.equal(saved["row"], saved["grid"][0])
    average = Average(network)
    before = network.get_buffer("row").clone()
    network.get_buffer("grid").add_(1)
    average.update(0.25)
    assert torch.allclose(average.module.get_buffer("row"), before + 0.25)


def test_an_expanded_buffer_trains_and_comes_back_from_a_checkpoint(
    written: Callable[..., Architecture],
) -> None:
    init = "self.register_buffer('grid', torch.ones(1).expand(26))"
    assert probed(written(init=init, forward=f"x = x * self.grid; {MEAN}", ema_decay=0.9))


@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_complex_weights_train_without_the_fused_optimiser(
    written: Callable[..., Architecture], optimizer: str, ema_decay: float
) -> None:
    recipe = {"optimizer": optimizer, "ema_decay": ema_decay}
    found = probed(written(init=COMPLEX, forward=FILTERED + MEAN, **recipe))
    assert "no complex or whole numbers" in found.notices[0]


def test_the_average_of_complex_weights() -> None:
    network = nn.Module()
    network.w = nn.Parameter(torch.zeros(2, dtype=torch.cfloat))
    average = Average(network)
    with torch.no_grad():
        network.w.fill_(4 + 8j)
    average.update(0.25)
    assert average.module.w.tolist() == [1 + 2j, 1 + 2j]


def test_lazy_layers_train(written: Callable[..., Architecture]) -> None:
    architecture = written(init="self.b = nn.LazyConv2d(8, 3)", forward=f"x = self.b(x); {MEAN}")
    assert probed(architecture)
    first, again, other = (initialised(architecture, seed).b.weight for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("dtype", ["bfloat16", "float64"])
def test_weights_of_another_precision_train(
    written: Callable[..., Architecture], dtype: str
) -> None:
    init = f"self.w = nn.Parameter(torch.ones(8, 1, 1, dtype=torch.{dtype}))"
    architecture = written(init=init, forward=f"x = x * self.w.float(); {MEAN}", ema_decay=0.9)
    assert probed(architecture).notices == ()
    first, again, other = (weights_sha256(initialised(architecture, seed)) for seed in (0, 0, 1))
    assert first == again != other


def test_a_train_method_that_returns_nothing_will_do(
    written: Callable[..., Architecture],
) -> None:
    own = "\n\n    def train(self, mode=True):\n        super().train(mode)\n        self.a.eval()"
    architecture = written(forward=MEAN + own)
    require_trainable(architecture)
    assert probed(architecture).notices == ()


def test_what_a_network_keeps_of_an_evaluation_trains_with_it(
    written: Callable[..., Architecture],
) -> None:
    architecture = written(
        init="self.kept = torch.ones(1)",
        forward="x = x * self.kept\n        if not self.training: self.kept = x.mean()\n        "
        + MEAN,
    )
    spec = spec_of(architecture)
    few = few_of(datasets.load("mnist5k"), spec)
    spec = replace(spec, dataset=few.info)
    state, data = start(architecture, spec, CPU), prepare(few, spec, CPU)
    assert [run_epoch(state, data, spec, epoch).epoch for epoch in (1, 2)] == [1, 2]


def test_what_no_seed_decides_is_told(written: Callable[..., Architecture]) -> None:
    forward = f"import os; x = x + os.urandom(1)[0]; {MEAN}"
    assert "do not have the same bits" in probed(written(forward=forward)).notices[0]
    for forward in ("x = F.dropout(x, 0.5, self.training)", "x = x * float('nan')"):
        assert probed(written(forward=f"{forward}; {MEAN}")).notices == ()


def test_a_network_whose_layers_are_hidden_in_a_list_has_nothing_to_train(
    write_architecture: Write,
) -> None:
    source = """
import torch
from torch import nn
from bench.spec import Recipe
RECIPE = Recipe(peak_learning_rate=0.01, warmup_fraction=0.3, epochs=2, batch_size=500)

class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Flatten(), nn.Linear(784, 10)]

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x
"""
    with pytest.raises(ArchitectureError, match="no parameter to train") as refused:
        probed(load(Found("mine", "", write_architecture("mine", source))))
    assert "nn.ModuleList" in refused.value.remedy


def test_a_network_that_is_built_already_is_refused(write_architecture: Write) -> None:
    source = NETWORK.replace("{init}", "pass").replace("{forward}", MEAN)
    path = write_architecture("mine", f"{source}\nNetwork = Network()\n")
    with pytest.raises(ArchitectureError, match="built already") as refused:
        require_trainable(load(Found("mine", "", path)))
    assert "a function that returns a new one" in refused.value.remedy

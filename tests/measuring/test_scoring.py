"""Given weights: their right answers worked by hand, and every file that cannot be used."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from safetensors.torch import save_file
from torch import Tensor, nn

from bench.errors import BenchError, UsageError, WeightsError
from bench.inputs import discover
from bench.inputs.datasets import Dataset, Split
from bench.inputs.discover import Found
from bench.measuring import given_weights, scoring
from bench.spec import Architecture, DatasetInfo
from tests import factories

# The answer is 1 where the four pixels, each 2p - 1 by the recipe and then 0.75 more by the norm's
# running mean, add up to more than 0.
SOURCE = """
from torch import nn
from bench.spec import Recipe

RECIPE = Recipe(peak_learning_rate=0.01, warmup_fraction=0.3, pixel_mean=0.5, pixel_std=0.5)
INPUT, CLASSES = (1, 2, 2), 2

class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(4, eps=0)
        self.head = nn.Linear(4, 2)

    def forward(self, images):
        return self.head(self.norm(images.flatten(1)))
"""
STATE = {
    "norm.weight": torch.ones(4),
    "norm.bias": torch.zeros(4),
    "norm.running_mean": torch.full((4,), -0.75),
    "norm.running_var": torch.ones(4),
    "norm.num_batches_tracked": torch.tensor(7),
    "head.weight": torch.tensor([[0.0] * 4, [1.0] * 4]),
    "head.bias": torch.zeros(2),
}
# White pixels and label; the sums are 7, -1, 1, 5. Without the running mean the third would be -2,
# and without the recipe's mean and deviation the second would be 3.
IMAGES = ((4, 1), (0, 0), (1, 0), (3, 1))
Save = Callable[[dict[str, Any], Path], None]


def dataset() -> Dataset:
    images = np.zeros((4, 4), dtype=np.uint8)
    for image, (n_white, _) in zip(images, IMAGES, strict=True):
        image[:n_white] = 255
    labels = np.array([label for _, label in IMAGES], dtype=np.int64)
    every, empty = Split(images.reshape(4, 2, 2), labels), np.zeros((0, 2, 2), dtype=np.uint8)
    info = DatasetInfo(
        name="squares",
        digest="ab" * 32,
        n_train=4,
        n_validation=0,
        n_test=4,
        split_seed=None,
        shape=(1, 2, 2),
        n_classes=2,
    )
    return Dataset(info, every, Split(empty, labels[:0]), every)


@pytest.fixture
def network(tmp_path: Path) -> Architecture:
    path = tmp_path / "square.py"
    path.write_text(SOURCE, encoding="utf-8")
    return discover.load(Found("square", "", path))


def score(network: Architecture, path: Path, split: Any = "test") -> Any:
    weights = given_weights.read(path)
    return scoring.scored(network, weights, dataset(), split, factories.LAPTOP)


FORMS: dict[str, tuple[str, Save]] = {
    "safetensors": ("net.safetensors", lambda state, path: save_file(state, path)),
    "a state dict": ("net.pt", torch.save),
    "an older torch's": (
        "net.pth",
        lambda state, path: torch.save(state, path, _use_new_zipfile_serialization=False),
    ),
    "a checkpoint": ("net.pt", lambda s, path: torch.save({"epoch": 3, "state_dict": s}, path)),
    "the tutorial's": ("net.pt", lambda s, path: torch.save({"model_state_dict": s}, path)),
    "DataParallel's": (
        "net.pt",
        lambda s, path: torch.save({f"module.{name}": each for name, each in s.items()}, path),
    ),
    "compiled and parallel": (
        "net.pt",
        lambda s, path: torch.save(
            {f"_orig_mod.module.{name}": each for name, each in s.items()}, path
        ),
    ),
    "named otherwise": ("net", lambda state, path: save_file(state, path)),
    "float64": ("net.pt", lambda s, p: torch.save({n: doubled(each) for n, each in s.items()}, p)),
    "without the count of batches": (
        "net.pt",
        lambda s, path: torch.save({n: e for n, e in s.items() if "tracked" not in n}, path),
    ),
}


def doubled(tensor: Tensor) -> Tensor:
    return tensor.double() if tensor.is_floating_point() else tensor


@pytest.mark.parametrize("form", FORMS)
def test_the_right_answers_are_those_worked_by_hand(
    network: Architecture, tmp_path: Path, form: str
) -> None:
    name, save = FORMS[form]
    save(STATE, tmp_path / name)
    found = score(network, tmp_path / name)
    assert (found.correct, found.n_images, found.misses) == (3, 4, [(2, 0, 1)])
    assert (found.pixel_mean, found.pixel_std) == ((0.5,), (0.5,))
    assert found.file == name


def test_an_expanded_buffer_takes_the_files_values(network: Architecture, tmp_path: Path) -> None:
    """The network's zeros lie in one place, where no two values can be written."""
    grid = 'self.register_buffer("grid", torch.zeros(1).expand(4))'
    source = SOURCE.replace("from torch import nn", "import torch\nfrom torch import nn")
    source = source.replace("super().__init__()", f"super().__init__()\n        {grid}")
    source = source.replace(
        "self.norm(images.flatten(1))", "self.grid * self.norm(images.flatten(1))"
    )
    network.path.write_text(source, encoding="utf-8")
    torch.save({**STATE, "grid": torch.ones(4)}, tmp_path / "net.pt")
    found = score(discover.load(Found("square", "", network.path)), tmp_path / "net.pt")
    assert (found.correct, found.misses) == (3, [(2, 0, 1)])


def test_two_files_of_the_same_weights_have_one_digest_of_weights(
    network: Architecture, tmp_path: Path
) -> None:
    save_file(STATE, tmp_path / "net.safetensors")
    torch.save(STATE, tmp_path / "net.pt")
    first, second = (score(network, tmp_path / f"net.{end}") for end in ("safetensors", "pt"))
    assert first.weights_sha256 == second.weights_sha256
    assert first.file_sha256 != second.file_sha256
    assert replace(first, file="", file_sha256="") == replace(second, file="", file_sha256="")


def without(*names: str) -> dict[str, Any]:
    return {name: each for name, each in STATE.items() if name not in names}


MISFITS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "missing": (
        without("head.bias", "head.weight", "norm.bias", "norm.weight"),
        ["the file lacks 'norm.weight', 'norm.bias', 'head.weight' and 1 more"],
    ),
    "unknown": (
        {**STATE, "fc.weight": torch.ones(1), "a\x1b[2J": torch.ones(1)},
        ["the network lacks 'fc.weight', 'a\\x1b[2J'"],
    ),
    "shape": (
        {**STATE, "head.weight": torch.ones(3, 4)},
        ["'head.weight' is (3, 4) in the file and (2, 4) in the network"],
    ),
    "type": (
        {**STATE, "head.bias": torch.zeros(2, dtype=torch.int8)},
        ["'head.bias' is (2,) torch.int8 in the file and (2,) torch.float32 in the network"],
    ),
    "all at once": (
        {**without("head.bias"), "head.b": torch.zeros(2)},
        ["the file lacks 'head.bias'; the network lacks 'head.b'"],
    ),
    "no numbers": (
        {**STATE, "head.bias": torch.tensor([0.0, float("nan")])},
        ["the network's answers are no numbers", "finite"],
    ),
}


@pytest.mark.parametrize("case", MISFITS)
def test_weights_that_do_not_fit_are_one_line(
    network: Architecture, tmp_path: Path, case: str
) -> None:
    state, words = MISFITS[case]
    torch.save(state, tmp_path / "net.pt")
    refused(lambda: score(network, tmp_path / "net.pt"), "net.pt", *words)


def refused(call: Callable[[], Any], *words: str) -> None:
    with pytest.raises(WeightsError) as caught:
        call()
    assert caught.value.exit_code == 2
    line = str(caught.value)
    assert "\n" not in line
    for word in words:
        assert word in line


class Elsewhere:
    """What a training script pickles whole; reading it would import and call."""


def whole(path: Path) -> None:
    torch.save(Elsewhere(), path)


def bare(path: Path) -> None:
    path.write_bytes(pickle.dumps({"head": Elsewhere()}))


def script(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch wants people to leave it
        torch.jit.save(torch.jit.script(nn.Linear(1, 1)), path)


def cut(form: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        FORMS[form][1](STATE, path)
        path.write_bytes(path.read_bytes()[:-40])

    return write


UNREADABLE: dict[str, tuple[str, Callable[[Path], Any], list[str]]] = {
    "a whole network": ("net.pt", whole, ["would run code", "Elsewhere", "net.state_dict()"]),
    "a bare pickle": ("net.pkl", bare, ["net.pkl", "torch.save"]),
    "a script": ("net.pt", script, ["TorchScript", "net.state_dict()"]),
    "safetensors cut short": ("n.safetensors", cut("safetensors"), ["cut short", "complete"]),
    "a zip cut short": ("net.pt", cut("a state dict"), ["cut short", "complete"]),
    "an old file cut short": ("net.pt", cut("an older torch's"), ["cut short", "complete"]),
    "empty": ("net.pt", lambda path: path.write_bytes(b""), ["cut short"]),
    "empty safetensors": ("n.safetensors", lambda path: path.write_bytes(b""), ["cut short"]),
    "a text": ("net.pt", lambda path: path.write_text("weights"), ["no file of weights"]),
    "a folder": ("net.pt", Path.mkdir, ["cannot read weights: Is a directory"]),
    "nothing": ("net.pt", lambda path: None, ["No such file", "--weights"]),
    "one tensor": ("net.pt", lambda path: torch.save(torch.ones(2), path), ["a Tensor, no state"]),
    "a checkpoint without weights": (
        "net.pt",
        lambda path: torch.save({"epoch": 3, "loss": 0.5}, path),
        ["no tensors: 'epoch', 'loss'", "'state_dict'"],
    ),
    "an empty state dict": ("net.pt", lambda path: torch.save({}, path), ["holds no weights"]),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_file_that_cannot_be_used_is_one_line(tmp_path: Path, case: str) -> None:
    name, write, words = UNREADABLE[case]
    write(tmp_path / name)
    refused(lambda: given_weights.read(tmp_path / name), name, *words)


class Shared(nn.Module):
    """One tensor under two names, a buffer that no state dict holds, and a layer named module."""

    def __init__(self) -> None:
        super().__init__()
        self.module = nn.ModuleDict({"a": nn.Linear(1, 1), "b": nn.Linear(1, 1)})
        self.module["b"].weight = self.module["a"].weight
        self.module["a"].register_buffer("table", torch.zeros(1), persistent=False)


def given(state: dict[str, Any], path: Path) -> given_weights.GivenWeights:
    torch.save(state, path)
    return given_weights.read(path)


def test_shared_tensors_stay_shared_and_one_name_is_enough(tmp_path: Path) -> None:
    network, path = Shared(), tmp_path / "net.pt"
    state = {f"module.{name}": torch.full((1,), 2.0) for name in ("a.bias", "b.bias")}
    state["module.a.weight"] = torch.full((1, 1), 3.0)
    given_weights.put_into(network, given(state, path))
    assert network.module["b"].weight is network.module["a"].weight
    assert [float(each) for each in network.state_dict().values()] == [3.0, 2.0, 3.0, 2.0]
    given_weights.put_into(network, given({f"module.{n}": e for n, e in state.items()}, path))
    both = {**state, "module.b.weight": torch.full((1, 1), 4.0)}
    words = "'module.a.weight', 'module.b.weight' are one tensor"
    refused(lambda: given_weights.put_into(network, given(both, path)), words)
    assert network.module["a"].weight.item() == 3.0  # a misfit changes nothing
    table = {**state, "module.a.table": torch.ones(1)}  # as the suite's own files hold it
    given_weights.put_into(network, given(table, path))
    assert float(network.module["a"].table) == 1.0


def test_a_split_without_images_is_refused(network: Architecture, tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "net.pt")
    with pytest.raises(UsageError, match=r"'squares' has no validation images \(--split\)"):
        score(network, tmp_path / "net.pt", "validation")


def test_a_network_that_cannot_answer_names_its_file(network: Architecture, tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "net.pt")
    network.path.write_text(SOURCE.replace("(1))", "(1)) if len(images) < 3 else 1 / 0"))
    broken = discover.load(Found("square", "", network.path))
    with pytest.raises(BenchError, match=r"'square' cannot answer .*ZeroDivision.*square\.py"):
        score(broken, tmp_path / "net.pt")

"""Three networks of people who have not read our pages: trained and reported as they wrote them.

Beside each of their files stands one of ours, which names the network and a recipe.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from bench.spec import RunRecord
from tests import support

RECIPE = """from bench.spec import Recipe
RECIPE = Recipe(peak_learning_rate=0.01, warmup_fraction=0.2, batch_size=500)
"""

# A script in the manner of torch's first examples.
SCRIPT = """
from __future__ import print_function
import argparse
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(1)
torch.set_num_threads(2)

class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, 1)
        self.conv2 = nn.Conv2d(8, 16, 3, 1)
        self.dropout1 = nn.Dropout2d(0.25)
        self.fc1 = nn.Linear(16 * 12 * 12, 10)

    def forward(self, x):
        x = self.conv1(x)
        x = F.relu(x)
        x = F.relu(self.conv2(x))
        x = F.max_pool2d(x, 2)
        x = self.dropout1(x)
        x = x.view(-1, 16 * 12 * 12)
        return F.log_softmax(self.fc1(x), dim=1)

def main():
    parser = argparse.ArgumentParser()
    parser.parse_args()
    optim.Adadelta(Net().parameters(), lr=1.0)

if __name__ == '__main__':
    main()
"""

# A package with settings, a registry, relative imports and a factory.
SETTINGS = """
from dataclasses import dataclass, field

@dataclass
class Config:
    widths: list = field(default_factory=lambda: [8, 16])
    classes: int = 10
    stochastic_depth: float = 0.2
"""
LAYERS = """
import random
from torch import nn

REGISTRY = {}

def register(cls):
    REGISTRY[cls.__name__.lower()] = cls
    return cls

class SE(nn.Module):
    def __init__(self, n, r=4):
        super().__init__()
        self.f = nn.Sequential(nn.Linear(n, n // r), nn.SiLU(inplace=True), nn.Linear(n // r, n))

    def forward(self, x):
        return x * self.f(x.mean(dim=[-2, -1])).sigmoid()[..., None, None]

@register
class Residual(nn.Module):
    def __init__(self, i, o, p):
        super().__init__()
        self.p = p
        self.body = nn.Sequential(
            nn.Conv2d(i, i, 3, padding="same", groups=i, bias=False),
            nn.Conv2d(i, o, 1), nn.BatchNorm2d(o), nn.GELU(), SE(o))
        self.skip = nn.Identity() if i == o else nn.Conv2d(i, o, 1)

    def forward(self, x):
        if self.training and random.random() < self.p:
            return self.skip(x)
        return self.skip(x) + self.body(x)
"""
MODEL = """
from torch import nn
from .layers import REGISTRY
from .settings import Config

class Model(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        block, widths = REGISTRY["residual"], config.widths
        self.stem = nn.Conv2d(1, widths[0], 4, stride=4)
        self.blocks = nn.ModuleList(
            block(a, b, config.stochastic_depth) for a, b in zip(widths, widths[1:]))
        self.head = nn.Linear(widths[-1], config.classes)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out")

    def forward(self, x, return_features: bool = False):
        x = self.stem(x)
        for b in self.blocks:
            x = b(x)
        features = x.mean((-2, -1))
        return (features, self.head(features)) if return_features else self.head(features)

    def train(self, mode=True):
        super().train(mode)
        for m in self.modules():
            if isinstance(m, nn.Dropout):
                m.eval()

def build_model(**changes):
    return Model(Config(**changes))
"""

# What a notebook exports: everything at the top, one cell after the other.
NOTEBOOK = """
# %%
import os, warnings
os.environ["CUDA_VISIBLE_DEVICES"] = "0"
os.environ["KMP_DUPLICATE_LIB_OK"] = "TRUE"
warnings.filterwarnings("ignore")
import numpy as np, random, torch
from torch import nn
SEED = 42
random.seed(SEED); np.random.seed(SEED); torch.manual_seed(SEED)
torch.backends.cudnn.deterministic = True
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
print("device", device)
HIDDEN = 16
# %%
class Lambda(nn.Module):
    def __init__(self, f):
        super().__init__()
        self.f = f
    def forward(self, x):
        return self.f(x)

def make():
    return nn.Sequential(
        Lambda(lambda x: x.squeeze(1)), nn.GRU(28, HIDDEN, batch_first=True),
        Lambda(lambda out: out[0][:, -1]),
        nn.utils.parametrizations.weight_norm(nn.Linear(HIDDEN, 10)))
# %%
model = make().to(device)
print(model)
print(sum(p.numel() for p in model.parameters()), "parameters")
model(torch.zeros(2, 1, 28, 28).to(device)).shape
"""

FILES = {
    "_script.py": SCRIPT,
    "theirs/__init__.py": "from .model import build_model\n",
    "theirs/settings.py": SETTINGS,
    "theirs/layers.py": LAYERS,
    "theirs/model.py": MODEL,
    "_notebook.py": NOTEBOOK,
    "script.py": f"from _script import Net as Network\n{RECIPE}",
    "package.py": f"from theirs import build_model as Network\n{RECIPE}",
    "notebook.py": f"from _notebook import make as Network\n{RECIPE}",
}


def test_three_networks_of_strangers_from_their_files_to_the_report(tmp_path: Path) -> None:
    for name, text in FILES.items():
        path = tmp_path / "architectures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    words = ("--dataset", "mnist5k", "--seeds", "2", "--epochs", "2")
    done = support.bench(tmp_path, "all", *words)
    assert done.returncode == 0, done.stderr
    assert "device cpu" not in done.stdout
    records = [
        msgspec.json.decode(path.read_bytes(), type=RunRecord)
        for path in tmp_path.glob("results/local/mnist5k/*/seed-*.json")
    ]
    assert sorted((each.architecture, each.status) for each in records) == [
        (name, "completed") for name in ("notebook", "package", "script") for _ in range(2)
    ]
    page = (tmp_path / "reports" / "index.html").read_text(encoding="utf-8")
    for name in ("notebook", "package", "script"):
        assert name in page
    again = support.bench(tmp_path, "reproduce", "local/mnist5k/package/seed-0001")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "the same bits" in again.stdout
    for name, text in FILES.items():
        assert (tmp_path / "architectures" / name).read_text(encoding="utf-8") == text

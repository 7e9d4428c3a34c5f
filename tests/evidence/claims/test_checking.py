"""`claims --check`: names that nothing at hand has, and values that no metric can have."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.errors import UsageError
from bench.evidence.claims.checking import check
from bench.evidence.claims.gather import Anew
from bench.records.store import Suite
from tests import factories
from tests.evidence.claims.evidences import portrait

Bench = Callable[..., subprocess.CompletedProcess[str]]
DATASETS = ("mnist", "mnist5k")
GOOD = """[[claim]]
id = "a"
line = 3
quote = "its very words"
metric = "groups"
subject = "model_1"
published = 8
layers = ["deep", "Conv2d 2"]
"""
RUNNER = """command = "python train.py {seed}"
epochs = 1
limit_seconds = 60
files = ["train.py"]
dataset = {name = "letters", n_test = 100}
"""


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """The mistakes in a file, with its folder left out; of a suite with one small network."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "architectures").mkdir()
    suite = Suite(tmp_path / "results", "local")
    suite.add_portrait(portrait())
    suite.add_run(factories.record("trained", 0), None)

    def mistakes(text: str) -> list[str]:
        path = Path("mine.toml")
        path.write_text(text, encoding="utf-8")
        found = check([path], [suite], DATASETS, builtin=False).mistakes(Anew(), None)
        return [str(each) for each in found]

    return mistakes


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ('"model_1"', '"trained"'),  # known from its runs; not measured, so its layers are not
        ('"deep", "Conv2d 2"', '"drop (call 2)", "Dropout 2"'),
        ('"groups"', '"sum"\nnumbers = [8]\ndataset = "mnist5k"'),
        ('subject = "model_1"', 'subject = "document"'),
    ],
)
def test_what_is_right_is_no_mistake(told: Callable[[str], list[str]], old: str, new: str) -> None:
    assert told(GOOD.replace(old, new)) == []


def test_a_runner_and_its_data_set_are_known_before_its_first_run(
    told: Callable[[str], list[str]], tmp_path: Path
) -> None:
    """`told` stands in the folder."""
    (tmp_path / "runners").mkdir()
    (tmp_path / "train.py").touch()
    (tmp_path / "runners" / "mine.toml").write_text(RUNNER, encoding="utf-8")
    text = GOOD.replace("model_1", "mine").replace('"groups"', '"groups"\ndataset = "letters"')
    assert told(text) == []
    (tmp_path / "train.py").unlink()
    with pytest.raises(UsageError, match=r"runner 'mine': cannot read 'train\.py'"):
        told(text)


LISTS = "python -m bench inspect model_1 lists the layers"
OF = 'in the claim "its very words"'
MISTAKES = [
    (
        ('"model_1"', '"model_l"'),
        [f"unknown network 'model_l' {OF} (mine.toml:6:1): did you mean 'model_1'?"],
    ),
    (
        ('"groups"', '"groups"\nagainst = "trainer"'),
        [f"unknown network 'trainer' {OF} (mine.toml:6:1): did you mean 'trained'?"],
    ),
    (
        ('"groups"', '"groups"\ndataset = "mnist5"'),
        [f"unknown data set 'mnist5' {OF} (mine.toml:6:1): did you mean 'mnist5k'?"],
    ),
    (
        ('"deep", "Conv2d 2"', '"deeep"'),
        [f"'model_1' has no layer 'deeep' {OF} (mine.toml:8:1): did you mean 'deep'?; {LISTS}"],
    ),
    (
        ('"deep", "Conv2d 2"', '"Conv2d 4", "Conv2d 0"'),
        [
            f"'model_1' has no layer 'Conv2d {n}' {OF} (mine.toml:8:1): "
            "its last Conv2d is 'Conv2d 3'"
            for n in (4, 0)
        ],
    ),
]


@pytest.mark.parametrize(("change", "said"), MISTAKES)
def test_a_name_that_nothing_has_is_told_with_its_place(
    told: Callable[[str], list[str]], change: tuple[str, str], said: list[str]
) -> None:
    assert told(GOOD.replace(*change)) == said


NEVER = [
    ('metric = "last_test_accuracy_percent"\npublished = 0.994', ":7:1", "did you mean 99.4?"),
    ('metric = "validation_share_percent"\npublished = 0.2', ":7:1", "did you mean 20?"),
    ('metric = "last_test_accuracy_percent"\npublished = 994', ":7:1", "from 0 to 100"),
    ('metric = "recipe.optimizer"\ntext = "adamm"', ":7:1", "did you mean 'adam'?"),
    ('metric = "recipe.optimizer"\npublished = 1', ":7:1", "'text': adam, adamw, rmsprop, sgd"),
    ('metric = "recipe.epochs"\ntext = "fifteen"', ":7:1", "give 'published'"),
    ('metric = "recipe.augmentation.interpolation"\ntext = "linear"', ":7:1", "'bilinear'?"),
    ('metric = "recipe.cycle_momentum"\npublished = 1', ":7:1", "give 'text': true, false"),
    ('metric = "recipe.step_fractions"\npublished = 1', ":7:1", "give 'text', such as"),
    (
        'metric = "output_shape"\ntext = "28*28"\nlayers = ["deep"]',
        ":7:1",
        "height x width x channels, such as 28x28x6",
    ),
    ('metric = "output_shape"\ntext = "28x28x8"\nlayers = ["a", "b"]', ":7:1", "for each layer"),
    ('metric = "layer_sequence"\ntext = "Conv2d -> ReLU"\nlayers = ["a"]', ":7:1", "Conv2d, ReLU"),
]


@pytest.mark.parametrize(("keys", "place", "remedy"), NEVER)
def test_a_value_that_the_metric_can_never_have_is_told_with_its_place(
    told: Callable[[str], list[str]], keys: str, place: str, remedy: str
) -> None:
    head = GOOD.partition("metric")[0]
    (line,) = told(f'{head}subject = "model_1"\n{keys}\n')
    assert f"(mine.toml{place}): " in line
    assert remedy in line.rpartition("): ")[2]


def test_a_saving_below_one_percent_is_no_share(told: Callable[[str], list[str]]) -> None:
    keys = 'metric = "saved_percent"\npublished = 0.5\nnumbers = [200, 199]\n'
    assert told(f'{GOOD.partition("metric")[0]}subject = "model_1"\n{keys}') == []


def test_layers_of_a_file_that_was_never_measured_are_looked_for(
    bench: Bench, tmp_path: Path
) -> None:
    assert bench("new", "model_1").returncode == 0
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "mine.toml").write_text(GOOD, encoding="utf-8")
    done = bench("claims", "--check")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: 'model_1' has no layer 'deep'")
    assert "claims/mine.toml:8:1)" in line
    assert not (tmp_path / "results").exists()


def test_the_shipped_claims_need_the_shipped_networks(bench: Bench) -> None:
    assert bench("new", "mine").returncode == 0
    alone = bench("claims", "--check", "--builtin")
    assert (alone.returncode, alone.stderr) == (0, "")

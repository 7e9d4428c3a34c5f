"""Drafts of claims: measured on the course README, worked by hand on single lines, and hostile."""

from __future__ import annotations

import tempfile
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import machine
from bench.errors import BenchError
from bench.evidence import claims
from bench.evidence.claims.load import misquoted, read
from bench.evidence.drafts.heading import DataSets
from bench.evidence.drafts.proposing import GAIN, proposals
from bench.evidence.drafts.reading import Names, Part, parts, plain
from bench.evidence.drafts.writing import MOST_BYTES, Draft, draft, write
from bench.spec import Claim

COURSE = Path(__file__).with_name("course_readme.txt")
MODELS = {f"model_{n}": f"Model_{n}" for n in (1, 2, 3)}


AT_HAND = DataSets(("fashion_mnist", "mnist", "mnist5k"))


def drafted(text: str, folder: Path, known: tuple[str, ...] = ()) -> Draft:
    document = folder / "README.md"
    document.write_bytes(text.encode())
    return draft(
        document, "net", dict(zip(known, known, strict=True)), AT_HAND, folder / "net.toml"
    )


def loaded(found: Draft, folder: Path, document: Path) -> list[Claim]:
    """The claims of the draft, which holds no mistake and quotes its document alone."""
    path = folder / "net.toml"
    path.write_text(found.text, encoding="utf-8")
    every, mistakes = read([path])
    assert mistakes == []
    assert misquoted([path], document) == []
    assert len(every) == found.n_claims
    return every


def test_the_course_readme_is_covered_and_the_proposals_agree_with_a_persons_claims(
    tmp_path: Path,
) -> None:
    """Lines that a person's claims stand on, and how many proposals on them are among those."""
    found = draft(COURSE, "course", MODELS, AT_HAND, tmp_path / "net.toml")
    proposed = loaded(found, tmp_path, COURSE)
    persons = claims.load_files([machine.folder("claims") / "session6.toml"]).claims
    lines = {claim.line for claim in persons}
    covered = lines & {claim.line for claim in proposed}
    said = {(c.line, c.metric, c.published, c.text) for c in persons}
    on_them = [c for c in proposed if c.line in lines]
    agree = [c for c in on_them if (c.line, c.metric, c.published, c.text) in said]
    about = {(*key, claim.subject) for claim in persons for key in [(claim.line, claim.metric)]}
    whose = [c for c in agree if (c.line, c.metric, c.subject) in about]
    print(f"{len(covered)} of {len(lines)} lines; {len(agree)} of {len(on_them)} proposals agree")
    assert len(covered) / len(lines) >= 0.6  # 47 of 71
    assert len(agree) / len(on_them) >= 0.9
    assert len(whose) / len(agree) >= 0.9
    assert found.n_absent == 0
    assert found.subjects <= {*MODELS, "document"}


Row = tuple[str, Any, str, float]  # metric, published or text, relation, tolerance

SAME = ("equals", 0)
CHANGED = "recipe.augmentation"
FLIP = (f"{CHANGED}.flip_probability", 0.5, *SAME)
CUTOUT = (f"{CHANGED}.cutout_pixels", 16, *SAME)
SGD = ("recipe.optimizer", "sgd", *SAME)
NO_NESTEROV = ("recipe.nesterov", "false", *SAME)
RMSPROP = (("recipe.optimizer", "rmsprop", *SAME), ("recipe.peak_learning_rate", 0.01, *SAME))
SPREAD = [
    ("mean_test_accuracy_percent", 99.4, "at_least", 0.005),
    ("test_accuracy_sd_points", 0.06, "at_most", 0.005),
]
# A line, and all that is proposed of it.
LINES: tuple[tuple[str, list[Row]], ...] = (
    ("Test accuracy: 99.41%", [("last_test_accuracy_percent", 99.41, "equals", 0.005)]),
    ("about ~99.1% accuracy", [("last_test_accuracy_percent", 99.1, "equals", 0.05)]),
    ("val acc of 99.3%", [("selected_validation_accuracy_percent", 99.3, "equals", 0.05)]),
    ("Best test accuracy **99.52%**", [("best_test_accuracy_percent", 99.52, "equals", 0.005)]),
    ("99.4% consistently reached", [("consistent_test_accuracy_percent", 99.4, "equals", 0)]),
    ("reaches >99.4% consistently", [("consistent_test_accuracy_percent", 99.4, "above", 0)]),
    ("accuracy of 99.4%+ on test", [("mean_test_accuracy_percent", 99.4, "at_least", 0)]),
    (
        "accuracy 99.3-99.5%",
        [
            ("mean_test_accuracy_percent", 99.3, "at_least", 0),
            ("mean_test_accuracy_percent", 99.5, "at_most", 0),
        ],
    ),
    ("accuracy of 99.40 ± 0.06 %", SPREAD),
    ("| Net | **99.40 ± 0.06** test accuracy |", []),
    ("reaches 99.40% ± 0.06% over five seeds", SPREAD),
    (
        "val accuracy 99.3 +/- 0.1 %",
        [("mean_best_validation_accuracy_percent", 99.3, "at_least", 0.05)],
    ),
    ("It has 9,850 parameters.", [("n_parameters", 9850, "equals", 0)]),
    ("Total params: 7,262", [("n_parameters", 7262, "equals", 0)]),
    ("**Parameters:** ~8,500", [("n_parameters", 8500, "equals", 50)]),
    ("7.2k parameters", [("n_parameters", 7200, "equals", 50)]),
    ("a model of 8K trainable parameters", [("n_parameters", 8000, "equals", 500)]),
    ("It needs 188,160 MACs.", [("multiply_adds", 188_160, "equals", 0)]),
    ("MACs: 1.2M", [("multiply_adds", 1_200_000, "equals", 50_000)]),
    ("1.2M params", [("n_parameters", 1_200_000, "equals", 50_000)]),
    ("with <8000 parameters", [("n_parameters", 8000, "below", 0)]),
    ("Model size: ≤8,000 parameters", [("n_parameters", 8000, "at_most", 0)]),
    ("**≤ 15 epochs** of training", [("recipe.epochs", 15, "at_most", 0)]),
    ("Epochs: 20", [("recipe.epochs", 20, "equals", 0)]),
    ("Batch Size: 128 (fast)", [("recipe.batch_size", 128, "equals", 0)]),
    (
        "OneCycleLR with max_lr=0.01, pct_start=0.2",
        [
            ("recipe.schedule", "one_cycle", "equals", 0),
            ("recipe.peak_learning_rate", 0.01, "equals", 0),
            ("recipe.warmup_fraction", 0.2, "equals", 0),
        ],
    ),
    ("`weight_decay=1e-4`", [("recipe.weight_decay", 0.0001, "equals", 0)]),
    ("Optimizer: AdamW", [("recipe.optimizer", "adamw", "equals", 0)]),
    ("Dropout of 5%", [("dropout_probability", 0.05, "equals", 0)]),
    ("dropout rate 0.03", [("dropout_probability", 0.03, "equals", 0)]),
    ("Validation split: 10%", [("validation_share_percent", 10, "equals", 0)]),
    ("a final RF of 32x32", [("receptive_field_pixels", 32, "equals", 0)]),
    ("It sees 24x24 pixels", [("receptive_field_pixels", 24, "equals", 0)]),
    ("a pixel is seen through 24×24 others", [("receptive_field_pixels", 24, "equals", 0)]),
    ("receptive field: 28", [("receptive_field_pixels", 28, "equals", 0)]),
    ("Random rotation: ±7°", [("recipe.augmentation.rotation_degrees", 7, "equals", 0)]),
    ("(3*4) + (2*5) = 12 + 10", [("product", 12, "equals", 0), ("product", 10, "equals", 0)]),
    ("12 + 10 = 22", [("sum", 22, "equals", 0)]),
    ("RMSprop(params, lr=0.01, alpha=0.9)", [*RMSPROP, ("recipe.rmsprop_alpha", 0.9, "equals", 0)]),
    ("SGD with Nesterov momentum", [SGD, ("recipe.nesterov", "true", "equals", 0)]),
    ("SGD(lr=0.1, nesterov=False)", [SGD, NO_NESTEROV, ("recipe.peak_learning_rate", 0.1, *SAME)]),
    ("SGD without Nesterov", [SGD]),
    (
        "MultiStepLR(optimizer, milestones=[60, 120], gamma=0.2)",
        [
            ("recipe.schedule", "step", *SAME),
            ("recipe.step_factor", 0.2, *SAME),
            ("recipe.step_epochs", "60, 120", *SAME),
        ],
    ),
    ("The LR decays at epochs 60, 120 and 160", [("recipe.step_epochs", "60, 120, 160", *SAME)]),
    (
        "StepLR(optimizer, step_size=10, gamma=0.1)",
        [
            ("recipe.schedule", "step", *SAME),
            ("step_size_epochs", 10, *SAME),
            ("recipe.step_factor", 0.1, *SAME),
        ],
    ),
    ("learning rate divided by ten every 20 epochs", [("step_size_epochs", 20, *SAME)]),
    (
        "ReduceLROnPlateau(optimizer, factor=0.5, patience=3)",
        [
            ("recipe.schedule", "plateau", *SAME),
            ("recipe.step_factor", 0.5, *SAME),
            ("recipe.plateau_patience", 3, *SAME),
        ],
    ),
    (
        "ReduceLROnPlateau and early stopping with patience 7",
        [("recipe.schedule", "plateau", *SAME)],
    ),
    (
        "CosineAnnealingWarmRestarts(optimizer, T_0=10, T_mult=2)",
        [
            ("recipe.schedule", "cosine_restarts", *SAME),
            ("recipe.restart_epochs", 10, *SAME),
            ("recipe.restart_factor", 2, *SAME),
        ],
    ),
    ("Cosine annealing with warm restarts", [("recipe.schedule", "cosine_restarts", *SAME)]),
    ("CosineAnnealingLR", [("recipe.schedule", "cosine", *SAME)]),
    ("RandomCrop(32, padding=4)", [(f"{CHANGED}.crop_padding", 4, *SAME)]),
    (
        'RandomCrop(32, padding=4, padding_mode="reflect")',
        [
            (f"{CHANGED}.crop_padding_mode", "reflect", *SAME),
            (f"{CHANGED}.crop_padding", 4, *SAME),
        ],
    ),
    ("random crops with 4-pixel padding", [(f"{CHANGED}.crop_padding", 4, *SAME)]),
    ("RandomHorizontalFlip()", [FLIP]),
    ("HorizontalFlip(p=0.5)", [FLIP]),
    ("horizontal flips (50%)", [FLIP]),
    ("Random horizontal flip", [(f"{CHANGED}.flip_probability", 0, "above", 0)]),
    (
        "ColorJitter(brightness=0.2, contrast=0.3)",
        [(f"{CHANGED}.brightness", 0.2, *SAME), (f"{CHANGED}.contrast", 0.3, *SAME)],
    ),
    (
        "ColorJitter(0.1, 0.2, 0.3, 0.4)",
        [
            (f"{CHANGED}.brightness", 0.1, *SAME),
            (f"{CHANGED}.contrast", 0.2, *SAME),
            (f"{CHANGED}.saturation", 0.3, *SAME),
        ],
    ),
    (
        "RandomErasing(p=0.25, scale=(0.02, 0.2), ratio=(0.5, 2))",
        [
            (f"{CHANGED}.erasing_probability", 0.25, *SAME),
            (f"{CHANGED}.erasing_scale_min", 0.02, *SAME),
            (f"{CHANGED}.erasing_scale_max", 0.2, *SAME),
            (f"{CHANGED}.erasing_ratio_min", 0.5, *SAME),
            (f"{CHANGED}.erasing_ratio_max", 2, *SAME),
        ],
    ),
    ("RandomErasing()", [(f"{CHANGED}.erasing_probability", 0.5, *SAME)]),
    ("Cutout(n_holes=1, length=16)", [CUTOUT]),
    ("Cutout(16)", [CUTOUT]),
    ("16x16 cutout", [CUTOUT]),
    ("with Cutout", [(f"{CHANGED}.cutout_pixels", 0, "above", 0)]),
    (
        "CoarseDropout(max_holes=1, max_height=16, max_width=16, p=0.1)",
        [CUTOUT, (f"{CHANGED}.erasing_probability", 0.1, *SAME)],
    ),
    (
        "Normalize((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616))",
        [
            ("recipe.pixel_mean", "0.4914, 0.4822, 0.4465", *SAME),
            ("recipe.pixel_std", "0.247, 0.2435, 0.2616", *SAME),
        ],
    ),
    ("mean=[0.5, 0.5, 0.5],", [("recipe.pixel_mean", "0.5, 0.5, 0.5", *SAME)]),
    (
        "Normalize((0.1307,), (0.3081,))",
        [("recipe.pixel_mean", 0.1307, *SAME), ("recipe.pixel_std", 0.3081, *SAME)],
    ),
    ("no more than 8,000 parameters", [("n_parameters", 8000, "at_most", 0)]),
    ("Less than or equal to 15 epochs", [("recipe.epochs", 15, "at_most", 0)]),
    (
        "~0.05-0.07% short of the target",
        [
            ("mean_test_shortfall_points", 0.05, "at_least", 0.005),
            ("mean_test_shortfall_points", 0.07, "at_most", 0.005),
        ],
    ),
)
NO_CLAIM = (
    "Needs torch 2.1.0, Python 3.10 and numpy>=1.26",
    "Released 2024-01-05, last changed 05/01/2024 at 12:30, since 2019",
    "v1.2 of https://example.org/accuracy/99.4%/8000",
    "[99.4% accuracy](https://example.org/9850)",
    "the last 5 epochs, from epoch 9 on",
    "Epoch 12: test accuracy 99.41%",
    "training accuracy 99.8%",
    "28x28 images of 10 classes, seed 42",
    "short of the 99.4% target",
    "RandomResizedCrop(32, scale=(0.08, 1.0))",
    "saved every 10 epochs, without cutout and no random horizontal flip",
    "snapshots at epochs 60, 120 and 160",
    "VerticalFlip(p=0.5), padding=4, fill_value=(1, 2, 3)",
    "",
)


def rows(text: str) -> list[Row]:
    lines = text.splitlines()
    found = proposals(parts(lines, Names.of(lines, {}, "net")))
    return [
        (each.metric, each.text or each.published, each.relation, each.tolerance) for each in found
    ]


@pytest.mark.parametrize(("line", "expected"), LINES, ids=[line for line, _ in LINES])
def test_what_is_proposed_of_a_line(line: str, expected: list[Row]) -> None:
    assert rows(line) == expected


@pytest.mark.parametrize("line", NO_CLAIM)
def test_what_is_a_number_and_no_claim(line: str) -> None:
    assert rows(line) == []


def test_a_table_gives_a_mean_and_a_standard_deviation(tmp_path: Path) -> None:
    table = "| Model | Test accuracy |\n|---|---|\n| Net A | **99.40 ± 0.06** |\n"
    every = loaded(drafted(table, tmp_path, ("net_a",)), tmp_path, tmp_path / "README.md")
    assert [(c.subject, c.metric, c.published, c.relation, c.tolerance) for c in every] == [
        ("net_a", metric, published, relation, tolerance)
        for metric, published, relation, tolerance in SPREAD
    ]


COLUMNS = """\
| Model | Params (K) | MACs (M) | RF | Test acc. (%) | Best val acc |
|---|---|---|---|---|---|
| Net A | 7.2 | 1.8 | 28×28 | 99.4 | 99.3 |
"""
ROWS = """\
| | Net A |
|---|---|
| Params (K) | 7.2 |
| MACs (M) | 1.8 |
| Receptive field | 28×28 |
| Remarks | |
| Test acc. (%) | 99.4 |
| Best val acc | 99.3 |
"""


@pytest.mark.parametrize("table", [COLUMNS, ROWS], ids=["columns", "rows"])
def test_the_heads_of_a_table_say_what_its_numbers_are_and_in_which_unit(
    tmp_path: Path, table: str
) -> None:
    every = loaded(drafted(table, tmp_path, ("net_a",)), tmp_path, tmp_path / "README.md")
    assert [(c.subject, c.metric, c.published, c.tolerance) for c in every] == [
        ("net_a", "n_parameters", 7200, 50),
        ("net_a", "multiply_adds", 1_800_000, 50_000),
        ("net_a", "receptive_field_pixels", 28, 0),
        ("net_a", "last_test_accuracy_percent", 99.4, 0.05),
        ("net_a", "selected_validation_accuracy_percent", 99.3, 0.05),
    ]


def test_an_empty_cell_moves_no_number_below_another_head(tmp_path: Path) -> None:
    table = "| Model | Accuracy | Epochs |\n|---|---|---|\n| Net A | | 15 |\n"
    (claim,) = loaded(drafted(table, tmp_path, ("net_a",)), tmp_path, tmp_path / "README.md")
    assert (claim.metric, claim.published) == ("recipe.epochs", 15)


@pytest.mark.parametrize(
    ("words", "subject"),
    [
        ("Net B is 0.5 points better than Net A", "net_b"),
        ("Net B: 0.5 percentage points more accurate than Net A", "net_b"),
        ("Net A is 0.5 pp below Net B", "net_b"),
        ("Net B reaches 0.5% higher accuracy than Net A", "net_b"),
        ("Net A has a 0.5 points lower accuracy than Net B", "net_b"),
        ("Net B beats Net A by 0.5 points", "net_b"),
        ("It is in fact 0.5 points better than Net A", "net_b"),
        ("It is 0.5 points worse than Net B", "net_b"),
    ],
)
def test_a_network_that_is_better_by_some_points_has_a_gain(
    tmp_path: Path, words: str, subject: str
) -> None:
    found = drafted(f"Net A and Net B\n{words}.\n", tmp_path, ("net_a", "net_b"))
    (gain,) = loaded(found, tmp_path, tmp_path / "README.md")
    assert (gain.metric, gain.subject, gain.against) == (GAIN, subject, "net_a")
    assert (gain.published, gain.relation, gain.tolerance) == (0.5, "at_least", 0.05)


@pytest.mark.parametrize(
    "line", ["It trains 3 points better", "2 points lower than the target", "0.5% more parameters"]
)
def test_points_without_a_second_network_are_no_gain(tmp_path: Path, line: str) -> None:
    found = drafted(f"7,262 parameters\n{line}\n", tmp_path)
    assert [c.metric for c in loaded(found, tmp_path, tmp_path / "README.md")] == ["n_parameters"]


@pytest.mark.parametrize("points", ["0.3 points", "0.3%", "+0.3 percentage points"])
def test_the_size_of_a_gain_is_of_the_first_network_over_the_second(
    tmp_path: Path, points: str
) -> None:
    text = (
        f"# Net A\n7,262 parameters\n# Net B\nNet B improves the accuracy by {points} over Net A\n"
    )
    found = drafted(text, tmp_path, ("net_a", "net_b"))
    gain = loaded(found, tmp_path, tmp_path / "README.md")[-1]
    assert (gain.metric, gain.subject, gain.against) == (
        "mean_test_accuracy_gain_points",
        "net_b",
        "net_a",
    )
    assert (gain.published, gain.relation, gain.tolerance) == (0.3, "at_least", 0.05)


TABLE = """\
# Two nets

| Model | Params | Test Accuracy | Limit |
|---|:---:|---|---|
| **Net A** | 9,850 | 99.39% | (1,850 over) |
| net-b | 7,262 | 99.35% | (738 under) |

| Component | net_a | net_b |
|---|---|---|
| Conv Layers | ~8,500 | 6,200 |
| Total | 9,850 | 7,262 |
"""


def test_a_tables_head_gives_the_metric_and_its_row_or_column_the_subject(tmp_path: Path) -> None:
    found = drafted(TABLE, tmp_path, ("net_a", "net_b"))
    every = loaded(found, tmp_path, tmp_path / "README.md")
    assert {(c.line, c.subject, c.metric, c.published, c.tolerance) for c in every} == {
        (5, "net_a", "n_parameters", 9850, 0),
        (5, "net_a", "last_test_accuracy_percent", 99.39, 0.005),
        (5, "net_a", "parameters_over_limit", 1850, 0),
        (6, "net_b", "n_parameters", 7262, 0),
        (6, "net_b", "last_test_accuracy_percent", 99.35, 0.005),
        (6, "net_b", "parameters_over_limit", -738, 0),
        (10, "net_a", "n_parameters.conv_layers", 8500, 50),
        (10, "net_b", "n_parameters.conv_layers", 6200, 0),
        (11, "net_a", "n_parameters.total", 9850, 0),
        (11, "net_b", "n_parameters.total", 7262, 0),
    }
    assert [c.quote for c in every if c.line == 6][1] == "net-b | 7,262 | 99.35%"


LISTING = """\
## Net A
```python
Conv2d(1→6, 3x3) + BN + ReLU    # 28x28x6, RF: 3x3
MaxPool2d(2x2) + Dropout(0.05)  # 14x14x6, RF: 4x4
Conv2d(6→6, 3x3, groups=6)      # 14x14x6, RF: 8x8
```
"""


def test_numbers_without_a_proposal_are_listed_as_comments(tmp_path: Path) -> None:
    text = (
        "# 2. My net\n1. It has 7,262 parameters, a batch size of 64 and a gain of 2.5\n\n"
        "| model | latency |\n|---|---|\n| Model 1 | 12.5 ms |\n"
        "\nIt trains on 3 GPUs, dropout 5%.\n"
    )
    found = drafted(text, tmp_path)
    loaded(found, tmp_path, tmp_path / "README.md")
    assert found.n_remaining == 3
    assert found.text.endswith(
        "#\n"
        '# line 2: 2.5 in "It has 7,262 parameters, a batch size of 64 and a gain of 2.5"\n'
        '# line 6: 12.5 in "Model 1 | 12.5 ms"\n'
        '# line 8: 3 in "It trains on 3 GPUs, dropout 5%."\n'
    )
    assert "# Numbers without a proposal: 3. To judge one" in found.text
    many = drafted("7,262 parameters\n" + "It took 9 hours\n" * 201, tmp_path)
    assert many.n_remaining == 201
    assert many.text.endswith("# and 1 more\n")
    none = drafted("7,262 parameters\n", tmp_path)
    assert (none.n_remaining, "without a proposal" in none.text) == (0, False)


def test_a_number_with_letters_close_to_it_is_listed_too(tmp_path: Path) -> None:
    text = (
        "7,262 parameters on 28x28 images; its RF is 24×24 at the end of the network\n"
        "24x32px and 1x1x28x28 in 12ms, 90° turned, 2D, the 1st of 5k\n"
        "```\nConv2d(1→6, 3x3) # 28x28x6\n```\n"
    )
    found = drafted(text, tmp_path)
    listed = [line.split(" in ")[0] for line in found.text.splitlines() if line[:7] == "# line "]
    assert listed == [
        "# line 1: 28x28",
        "# line 2: 24x32px",
        "# line 2: 1x1x28x28",
        "# line 2: 12ms",
        "# line 2: 90",
        "# line 2: 5k",
        "# line 4: 1",
    ]  # of line 4, the size of the kernel and the shape are proposed


def test_a_listing_names_its_layers_by_kind_and_place(tmp_path: Path) -> None:
    found = drafted(LISTING, tmp_path, ("net_a", "net_b"))
    every = loaded(found, tmp_path, tmp_path / "README.md")
    assert {(c.line, *c.layers, c.metric, c.text or c.published) for c in every} == {
        (3, "Conv2d 1", "output_shape", "28x28x6"),
        (3, "Conv2d 1", "receptive_field_pixels", 3),
        (3, "Conv2d 1", "kernel_pixels", 3),
        (4, "MaxPool2d 1", "output_shape", "14x14x6"),
        (4, "MaxPool2d 1", "receptive_field_pixels", 4),
        (4, "MaxPool2d 1", "kernel_pixels", 2),
        (4, "Dropout 1", "dropout_probability", 0.05),
        (5, "Conv2d 2", "output_shape", "14x14x6"),
        (5, "Conv2d 2", "receptive_field_pixels", 8),
        (5, "Conv2d 2", "kernel_pixels", 3),
        (5, "Conv2d 2", "groups", 6),
    }
    assert found.subjects == {"net_a"}


def test_networks_that_are_not_at_hand_are_commented_out(tmp_path: Path) -> None:
    text = "# Model_1\n1,000 parameters\n# Model 2\n2,000 parameters\n"
    found = drafted(text, tmp_path, ("model_1",))
    (claim,) = loaded(found, tmp_path, tmp_path / "README.md")
    assert (claim.subject, claim.published) == ("model_1", 1000)
    assert found.n_absent == 1
    assert (
        "Claims that count: 1. Commented out: 1, for no architecture is called model_2."
        in found.text
    )
    _, claims_of_it = found.text.split("\n\n", maxsplit=2)[1:]
    uncommented = "\n".join(line.removeprefix("# ") for line in claims_of_it.splitlines())
    assert [c["subject"] for c in tomllib.loads(uncommented)["claim"]] == ["model_1", "model_2"]


def test_a_document_that_names_no_network_at_hand_is_about_the_first_one(tmp_path: Path) -> None:
    document = tmp_path / "README.md"
    document.write_text("# Model 3\n99.5% test accuracy\n")
    subjects = []
    for known in ({}, {"other": ""}, {"slim": "", "other": ""}, {"net": "", "another": ""}):
        found = draft(document, "net", known, AT_HAND, tmp_path / "net.toml")
        (claim,) = loaded(found, tmp_path, document)
        assert f"names no network at hand: each claim is about {claim.subject}." in found.text
        subjects.append(claim.subject)
    assert subjects == ["net", "other", "other", "net"]


SHOWN = {"plain": "PlainNet", "slim": "SlimNet 2", "se_net": "SE-Net (ours)"}


@pytest.mark.parametrize(
    ("words", "subjects"),
    [
        ("PlainNet", ["plain"]),
        ("plain_net", ["plain"]),
        ("Plain Net", ["plain"]),
        ("PLAIN-NET", ["plain"]),
        ("SlimNet2 and plain", ["slim", "plain"]),
        ("`slim net 2`", ["slim"]),
        ("SE-Net (ours)", ["se_net"]),
        ("SENet", ["se_net"]),
        ("PlainNets", ["plain"]),  # names none, so it is about all that the document names
    ],
)
def test_a_network_is_named_by_its_file_or_by_its_display_name(
    tmp_path: Path, words: str, subjects: list[str]
) -> None:
    document = tmp_path / "README.md"
    more = "" if words != "PlainNets" else "About PlainNet.\n"
    document.write_text(f"{more}{words}: 7,262 parameters\n")
    found = draft(document, "readme", SHOWN, AT_HAND, tmp_path / "net.toml")
    assert [c.subject for c in loaded(found, tmp_path, document)] == subjects
    assert "names no network" not in found.text


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "\u2028"])
def test_line_ends_and_a_byte_order_mark_change_no_line(tmp_path: Path, end: str) -> None:
    found = drafted(f"\ufeff# One{end}{end}7,262 parameters{end}", tmp_path)
    (claim,) = loaded(found, tmp_path, tmp_path / "README.md")
    assert (claim.line, claim.quote, claim.published) == (3, "7,262 parameters", 7262)


@pytest.mark.parametrize("odd", ['"', "\\", "\t", "'" * 3, "é", "\\u007f"])
def test_a_quote_holds_any_letter_that_a_line_can_hold(tmp_path: Path, odd: str) -> None:
    line = f"It has {odd} 7,262 parameters"
    (claim,) = loaded(drafted(line, tmp_path), tmp_path, tmp_path / "README.md")
    assert claim.quote == line


@pytest.mark.parametrize("odd", ["\x7f", "\x01", "\x9b"])
def test_a_line_with_a_control_character_is_passed_over(tmp_path: Path, odd: str) -> None:
    text = f"It has {odd} 7,262 parameters\n9,850 parameters"
    (claim,) = loaded(drafted(text, tmp_path), tmp_path, tmp_path / "README.md")
    assert (claim.line, claim.published) == (2, 9850)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"# A net\n\nNo number at all.\n", "no number that a claim can use"),
        (b"", "no number that a claim can use"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe 99.4% accuracy", "unreadable"),
        (b"99.4% accuracy\n\0\0", "binary data"),
        (b"99.4% accuracy\n" * (MOST_BYTES // 10), "larger than 4,000,000 bytes"),
    ],
    ids=["no number", "empty", "binary", "zeros", "huge"],
)
def test_a_document_of_which_no_claim_can_be_made_is_one_line(
    tmp_path: Path, content: bytes, what: str
) -> None:
    document = tmp_path / "README.md"
    document.write_bytes(content)
    with pytest.raises(BenchError, match=what) as raised:
        write(document, "net", {}, AT_HAND, tmp_path / "claims")
    assert "\n" not in str(raised.value)
    assert str(document) in str(raised.value)
    assert not (tmp_path / "claims").exists()


WORDS = st.sampled_from(
    [
        *("99.4%", "~99.1 %", "0.05-0.07% short", "7,262", "7.2k", "<8000", "≤ 15 epochs", "1e-4"),
        *("accuracy", "consistently", "parameters", "Parameters:", "dropout 0.05", "batch size 64"),
        *("| Model_1 | 9,850 |", "|---|---|", "# Model_1", "## net", "```", "|", "max_lr=0.1"),
        *(
            "Conv2d(1→6, 3x3) # 28x28x6, RF: 3x3",
            "(8*3) + 2 = 24",
            '"quoted"',
            "\\",
            "reduce by 9%",
        ),
        *(
            "\t",
            "\x7f",
            "\x0b",
            "\u2028",
            "\n",
            "\n",
            "\n",
            "'''",
            '"""',
            "é",
            "\U0001d518",
            "#",
            "v1.2.3",
        ),
    ]
)


@given(st.lists(st.one_of(WORDS, st.text(max_size=20)), max_size=40), st.booleans())
def test_whatever_the_text_the_draft_loads_and_quotes_it(words: list[str], named: bool) -> None:
    """Any text: a file without mistakes whose quotes stand on their lines, or one line of error."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = " ".join(words).encode("utf-8", "replace").decode()
        known = ("model_1", "model_2") if named else ()
        with suppress(BenchError):  # no number that a claim can use, or binary data
            assert loaded(drafted(text, folder, known), folder, folder / "README.md")


HOSTILE = (
    "1",
    "1,111",
    "9.9",
    "<",
    "|",
    "*",
    "(",
    "1x",
    "# ",
    "param ",
    "1*",
    "1+",
    "[",
    "](",
    "epochs §",
    "1, ",
    ".1,",
    "milestones=[1, ",
    "normalize((.1, ",
    "decay at epochs ",
    "cutout ",
    "plateau ",
    "randomerasing(1",
    "crop 1",
)


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_pattern_tries_a_long_line_again_from_each_of_its_places(piece: str) -> None:
    """A pattern that did would take minutes here; through a document such a line is passed over."""
    text = (piece * 50_000)[:50_000]
    assert len(plain(text)) == len(text)
    assert len(proposals([Part(1, text, plain(text), 0, len(text), 0, ("net",))])) >= 0


def test_a_line_of_a_megabyte_holds_no_statement_and_hides_none(tmp_path: Path) -> None:
    long = "99.4% accuracy, 7,262 parameters; " * 30_000
    found = drafted(f"{long}\n7,262 parameters\n{long}\n", tmp_path)
    assert [claim.line for claim in loaded(found, tmp_path, tmp_path / "README.md")] == [2]

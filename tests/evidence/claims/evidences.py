"""A small network's measures and runs, made up so that each figure can be checked by hand."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from bench.evidence.claims import Objectives
from bench.evidence.claims.gather import Evidence, SuiteContents, arranged
from bench.evidence.claims.ledger import ledger
from bench.evidence.claims.rules import Judgement
from bench.spec import Claim, Measured, Portrait
from tests import factories

SUBJECT, OTHER = "model_1", "model_2"
# name, operation, output shape, kernel, groups, weights, biases, multiply-adds, receptive field
ROWS = (
    ("conv", "Conv2d", [8, 28, 28], 3, 1, 72, 8, 56448, 3),
    ("deep", "Conv2d", [8, 28, 28], 3, 8, 72, 8, 56448, 5),
    ("point", "Conv2d", [12, 28, 28], 1, 1, 96, 12, 75264, 5),
    ("drop", "Dropout", [12, 28, 28], None, None, 0, 0, 0, 5),
    ("drop (call 2)", "Dropout", [12, 28, 28], None, None, 0, 0, 0, 5),
)
N_PARAMETERS = 72 + 8 + 72 + 8 + 96 + 12  # 268


def measures(n_parameters: int = N_PARAMETERS) -> dict[str, Measured]:
    parameters = {
        name: {
            "operation": operation,
            "output_shape": shape,
            "kernel": kernel,
            "groups": groups,
            "n_weights": weights,
            "n_biases": biases,
            "n_parameters": weights + biases,
        }
        for name, operation, shape, kernel, groups, weights, biases, _, _ in ROWS
    }
    fields = {row[0]: {"receptive_field": row[8]} for row in ROWS}
    adds = {row[0]: {"multiply_adds": row[7]} for row in ROWS}
    drops = {row[0]: {"dropout_probability": 0.25} for row in ROWS if row[1] == "Dropout"}
    return {
        "parameters": Measured(
            fields=(),
            values={
                "n_parameters": n_parameters,
                "n_trainable": n_parameters - 8,
                "n_weights": 240,
                "n_biases": 28,
            },
            layers=parameters,
            components={"Conv Layers": 200, "Skip Connections": 68},
            views={"by_type": {"Depthwise convolution": 80, "Pointwise convolution": 108}},
        ),
        "multiply_adds": Measured(
            fields=(),
            values={"multiply_adds": 188160},
            layers=adds,
            components={"Conv Layers": 141120, "Skip Connections": 47040},
        ),
        "receptive_field": Measured(fields=(), values={"receptive_field_pixels": 5}, layers=fields),
        "cost": Measured(fields=(), values={"fp32_bytes": 4 * (n_parameters + 2)}),
        "dropout": Measured(fields=(), values={"n_dropout_layers": 1}, layers=drops),
    }


def portrait(architecture: str = SUBJECT, **changes: Any) -> Portrait:
    own = {"measures": measures(), **changes}
    return replace(factories.portrait(architecture), **own)


OUR_COUNTS = (9944, 9950, 9942, 9941, 9946, 9945)
THEIR_COUNTS = (9938, 9938, 9933, 9936, 9941, 9935)


def held(**changes: Any) -> SuiteContents:
    portraits = [portrait(SUBJECT), portrait(OTHER, measures=measures(n_parameters=1072))]
    own = {
        "suite": "local",
        "runs": factories.runs(SUBJECT, OUR_COUNTS) + factories.runs(OTHER, THEIR_COUNTS),
        "portraits": portraits,
        **changes,
    }
    return SuiteContents(**own)


def claim(metric: str, published: float = 0.0, **keys: Any) -> Claim:
    own = {"id": "the.claim", "file": "mine", "line": 3, "quote": "words", "subject": SUBJECT}
    return Claim(**{**own, "metric": metric, "published": published, **keys})


def evidence(*claims: Claim, **changes: Any) -> Evidence:
    return arranged([held(**changes)], claims, objectives=Objectives((factories.DOCUMENT,)))


def judge(said: Claim, found: Evidence) -> Judgement:
    """The verdict on a claim that is the only one of its file."""
    (entry,) = ledger([said], found)
    return entry.judged

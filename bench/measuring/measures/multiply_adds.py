"""Arithmetic of one forward pass: fvcore's counts, and what fvcore did not count.

Convention: one multiply-add = 1, for one image. The headline counts convolutions and matrix
products (linear layers) without their bias additions. `fvcore_total` adds fvcore's counts for
BatchNorm (2 an element) and global pooling (1 an input element). torch's own counter and a closed
form count the same pass: the table `reconciliation` holds all three counts. Where fvcore does not
know an operator, torch's count completes it; any other difference fails the measure. A product that
the same module sums right away counts, however it is written; other element-wise arithmetic does
not count.
Work on which the output does not depend is left out and told.
Source: https://github.com/facebookresearch/fvcore/blob/main/docs/flop_count.md
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from bench.errors import MeasureError
from bench.measuring import subject
from bench.measuring.counting import fvcore, witnesses
from bench.measuring.receptive.walk import traced
from bench.spec import Field, Measured

FIELDS = (
    Field(
        name="multiply_adds", title="Multiply-adds", unit="multiply-adds an image", better="lower"
    ),
    Field(
        name="convolution_multiply_adds",
        title="Multiply-adds in convolutions",
        unit="multiply-adds an image",
    ),
    Field(
        name="linear_multiply_adds",
        title="Multiply-adds in linear layers",
        unit="multiply-adds an image",
    ),
    Field(name="fvcore_total", title="fvcore's total", unit="fvcore flops an image"),
)


def measure(model: nn.Module, example: Tensor, components: Mapping[str, str]) -> Measured:
    """Multiply-adds of one image's forward pass in eval mode; every view adds up to the headline.

    Raises:
        MeasureError: torch cannot trace the model, or the counts differ and no table says why.
    """
    with subject.at_rest(model, example):
        calls = subject.calls(model, example)
        called = witnesses.called(model, example[:1])
        count = witnesses.completed(fvcore.count(model, example[:1]), called, model)
        on_this_input = _on_this_input(model)
        own = _by_call(model, example[:1], calls, count)
    products = {name: fvcore.total(own, fvcore.PRODUCTS) for name, own in count.own.items()}
    values = {
        "multiply_adds": fvcore.total(count.by_operator, fvcore.PRODUCTS),
        "convolution_multiply_adds": fvcore.total(count.by_operator, fvcore.CONVOLUTION),
        "linear_multiply_adds": fvcore.total(count.by_operator, fvcore.LINEAR),
        "fvcore_total": None if count.failed else fvcore.without_completion(count.by_operator),
    }
    missing = _missing(count, called)
    unknown_zero = not values["multiply_adds"] and any(step.weighs for step in called.steps)
    reconciliation = witnesses.reconciled(count, called, type(model).__name__)
    return Measured(
        fields=FIELDS,
        values=values,
        layers=_rows(calls, count, own),
        components=subject.grouped(model, products, components),
        views=_views(model, count, products, components),
        tables={"reconciliation": reconciliation, **_tables(count, missing)},
        notes=[
            *_notes(count, missing),
            *_of_witnesses(count, called),
            *([UNKNOWN_ZERO] if unknown_zero else []),
            *on_this_input,
        ],
        at_least=bool(missing) or unknown_zero,
    )


UNKNOWN_ZERO = (
    "at least: weights are multiplied element by element only, which counts as no multiply-add"
)


def _missing(count: fvcore.Count, called: witnesses.Witnesses) -> list[str]:
    """Operators that neither fvcore nor torch's formulas can count."""
    return called.opaque if count.unknown or count.failed else []


def _of_witnesses(count: fvcore.Count, called: witnesses.Witnesses) -> list[str]:
    """What only torch's counter has seen."""
    notes = []
    beyond = {n: v for n, v in count.by_operator.items() if n in fvcore.COMPLETED.values() and v}
    if count.failed:
        notes.append(f"fvcore cannot follow forward, torch's counter stands in: {count.failed}")
    elif beyond:
        notes.append("fvcore misses products; by torch's counter: " + _listing(beyond))
    if called.idle:
        idle = {subject.display_name(name): n // 2 for name, n in called.idle.items()}
        notes.append("not counted, since the output does not depend on it: " + _listing(idle))
    if any(step.complex and step.flops for step in called.steps):
        notes.append("a multiply-add of complex numbers counts as one; it is four of real numbers")
    return notes


def _on_this_input(model: nn.Module) -> list[str]:
    """A note where forward may take another way for another input; else nothing."""
    try:
        traced(model)
    except MeasureError as error:
        return [subject.on_this_input(error.what)]
    return []


def _by_call(
    model: nn.Module, image: Tensor, calls: Sequence[subject.Call], count: fvcore.Count
) -> dict[str, Counter[str]]:
    """Row's name -> operator -> count; a call of a shared layer has a row where it costs something.

    Where fvcore cannot count the calls one by one, the first one's row holds them together.
    """
    found = {}
    for layer, rows in _grouped(calls).items():
        whole = count.own.get(layer, Counter())
        each = fvcore.by_call(model, image, layer, whole) if len(rows) > 1 and +whole else []
        found[rows[0]] = each[0] if each else whole
        found |= dict(zip(rows[1:], each[1:], strict=False))
    return found


def _grouped(calls: Sequence[subject.Call]) -> dict[str, list[str]]:
    """Layer -> the rows of its calls, both in the order of a forward pass."""
    rows: dict[str, list[str]] = {}
    for call in calls:
        rows.setdefault(call.layer, []).append(call.name)
    return rows


def _rows(
    calls: Sequence[subject.Call], count: fvcore.Count, by_call: Mapping[str, Counter[str]]
) -> dict[str, dict[str, Any]]:
    """One row for each call in order; then the work outside layers."""
    known = {call.layer for call in calls}
    ordered = {call.name: by_call[call.name] for call in calls if call.name in by_call}
    outside = {
        subject.display_name(name): own
        for name, own in count.own.items()
        if name not in known and any(own.values())
    }
    total = fvcore.total(count.by_operator, fvcore.PRODUCTS)
    return {
        name: {
            "multiply_adds": fvcore.total(own, fvcore.PRODUCTS),
            "multiply_adds_percent": subject.percent(fvcore.total(own, fvcore.PRODUCTS), total),
            "fvcore_count": None if count.failed else fvcore.without_completion(own),
        }
        for name, own in (ordered | outside).items()
    }


def _views(
    model: nn.Module,
    count: fvcore.Count,
    products: Mapping[str, int],
    components: Mapping[str, str],
) -> dict[str, dict[str, int]]:
    views = {
        name: subject.summed(model, products, of)
        for name, of in subject.groupings(model, components).items()
    }
    by_operator = {n: v for n, v in count.by_operator.items() if n in fvcore.PRODUCTS and v}
    return {**views, "by_operator": by_operator}


def _tables(count: fvcore.Count, missing: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """fvcore's count by layer and operator, and the operators that it leaves out."""
    split = [
        {
            "layer": subject.display_name(name),
            "operator": operator,
            "fvcore_count": int(n),
            "multiply_adds": int(n) if operator in fvcore.PRODUCTS else 0,
        }
        for name, own in count.own.items()
        for operator, n in own.items()
        if n and operator not in fvcore.COMPLETED.values()
    ]
    why = "unknown: parts are missing" if missing else "torch's counter holds its products"
    reasons = {**fvcore.WHY_FREE, **dict.fromkeys(count.unknown, why)}
    left_out = [
        {"operator": operator, "times": n, "why": reasons[operator]}
        for operator, n in sorted({**count.free, **count.unknown}.items())
    ]
    return {"fvcore_by_layer_and_operator": split, "not_counted_by_fvcore": left_out}


def _notes(count: fvcore.Count, missing: Sequence[str]) -> list[str]:
    completions = fvcore.COMPLETED.values()
    notes = [
        "one multiply-add = 1, one image, bias additions not counted",
        "multiply_adds = convolutions + matrix products (linear layers)",
        "fvcore by operator: "
        + _listing({n: v for n, v in count.by_operator.items() if n not in completions}),
        "torch's counter and the closed form agree; what each leaves out stands in a table",
    ]
    uncounted = {**count.free, **count.unknown}
    if uncounted:
        notes.append("not counted by fvcore (operator: times): " + _listing(uncounted))
    if missing:
        notes.append(f"at least: the multiply-adds inside of {', '.join(missing)} are missing")
    if count.uncalled:
        notes.append("never called, so not counted: " + ", ".join(count.uncalled))
    return notes


def _listing(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name}: {counts[name]:,}" for name in sorted(counts)) or "nothing"

"""What a claim's metric asks for: keys, and values that the metric can have."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import inspect

from bench.errors import nearest
from bench.evidence.claims.lookup import listed
from bench.evidence.claims.metrics import METRICS, entry
from bench.evidence.claims.rules import SHAPE, deviation, difference, mean, rate
from bench.inputs.recipes import nearest_field
from bench.spec import Claim, Recipe
from bench.stats.format import count

KEYS = tuple(field.name for field in msgspec.structs.fields(Claim) if field.name != "file")
VALUES = {"published", "text"}
NUMBERS = ("published", "tolerance", "numbers")
LARGEST = 1e15  # a number beyond it has digits that no float holds
MOST_LINES = 10**9
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
ACCURACIES = ("_accuracy_percent", "validation_share_percent")  # ends of metrics from 0 to 100
QUOTED_CHARACTERS = 70
# What a text can be at all: 28x28x6 for each layer, Conv2d, ReLU.
TEXTS = {
    "output_shape": (re.compile(r"\d+(x\d+)*(, \d+(x\d+)*)*"), SHAPE),
    "published_weights_test_accuracy_percent": (
        re.compile(r"((sha256:)?[0-9a-f]{12,64})?"),
        "give 12 to 64 digits of the file's SHA-256, as sha256sum prints them",
    ),
    "layer_sequence": (re.compile(r"\w+(, \w+)*"), "kinds of layers are written Conv2d, ReLU"),
}
NEVER_EQUAL = {mean: "a mean", deviation: "a standard deviation", difference: "a difference"}

Want = tuple[str, str, str]  # what is wrong, remedy, the key it is about


def quoted(words: str) -> str:
    """The document's words in quotation marks, on one line and cut where they are many."""
    words = " ".join(words.split())
    cut = len(words) > QUOTED_CHARACTERS
    return f'"{words[: QUOTED_CHARACTERS - 3]}..."' if cut else f'"{words}"'


def _unusable(claim: Claim) -> Iterator[Want]:
    """Values that nothing can be reckoned with, and texts that no terminal should be sent."""
    for key in NUMBERS:
        value: Any = getattr(claim, key)
        for number in value if isinstance(value, tuple) else [value]:
            if not math.isfinite(number):
                yield f"{key} is {number}", "give a finite number", key
            elif abs(number) > LARGEST:
                yield f"{key} is {number:g}", f"give a number up to {LARGEST:g}", key
    if claim.line > MOST_LINES:
        yield "no document has so many lines", "give the line of the quote", "line"
    for key in KEYS:
        value = getattr(claim, key)
        texts = value if isinstance(value, tuple) else [value]
        if any(isinstance(text, str) and CONTROL.search(text) for text in texts):
            yield f"a control character in '{key}'", "leave it out", key


def wants(claim: Claim, given: Iterable[str]) -> list[Want]:
    """What is wrong with a claim by itself.

    Args:
        claim: Its keys have the right types.
        given: The keys that its table has.
    """
    return list(_unusable(claim)) or list(_wants(claim, given))


def _wants(claim: Claim, given: Iterable[str]) -> Iterator[Want]:
    """What the claim's metric asks for."""
    name = entry(claim.metric)
    if name is None:
        remedy = nearest(claim.metric, [name.replace(".*", ".NAME") for name in METRICS])
        yield f"unknown metric '{claim.metric}'", remedy, "metric"
        return
    needed = METRICS[name].keys
    keys = {key for key in given if key == "published" or getattr(claim, key, None)}
    missing = [k for k in needed if not keys & (VALUES if k == "value" else {k})]
    for key in missing:
        wanted = "published' or 'text" if key == "value" else key
        remedy = "give at_least, at_most, above or below" if key == "relation" else "add it"
        yield f"metric '{claim.metric}' needs the key '{wanted}'", remedy, "metric"
    if keys >= VALUES and not VALUES & set(METRICS[name].beside):
        yield "both 'published' and 'text'", "give the one that the document says", "text"
    for key in sorted(keys & VALUES - _used(name)):
        yield f"metric '{claim.metric}' does not judge '{key}'", "leave it out", key
    if not missing:
        yield from _misfits(claim, name)


def _used(name: str) -> set[str]:
    """The values that a metric judges, or that say which thing it judges."""
    keys = {*METRICS[name].keys, *METRICS[name].beside}
    return VALUES if "value" in keys else keys & VALUES


def _misfits(claim: Claim, name: str) -> Iterator[Want]:
    """Keys that are there and make no sense for the metric."""
    if name == "recipe.*":
        yield from _misfits_recipe(claim)
    if name == "saved_percent" and len(claim.numbers) != 2:
        yield "not two numbers", "give the whole and the part", "numbers"
    if "relation" in METRICS[name].keys and claim.relation == "equals":
        remedy = "use below, at_most, above or at_least"
        yield f"{NEVER_EQUAL[METRICS[name].rule]} never equals a number exactly", remedy, "relation"
    if METRICS[name].rule is rate and claim.relation in ("below", "at_most"):
        yield "a rate is the share of runs that reach a number", "use above or at_least", "relation"
    if name.endswith(ACCURACIES):
        yield from _misfits_percent(claim)
    if name in TEXTS:
        yield from _misfits_text(claim, *TEXTS[name])


def _misfits_recipe(claim: Claim) -> Iterator[Want]:
    """A field that no recipe has, or a value that the field can never have."""
    path = claim.metric.partition(".")[2]
    kind = _recipe_field(path)
    if kind is None or isinstance(kind, inspect.StructType):
        yield f"no such field of a recipe: '{path}'", nearest_field(path), "metric"
    elif words := _words_of(kind):
        yield from _misfits_word(claim, path, words)
    elif claim.text and _is_list(kind):
        yield from _misfits_list(claim, path)
    elif claim.text and _is_number(kind):
        yield f"{path} is a number, not a word", "give 'published' instead of 'text'", "text"
    elif not _is_number(kind):
        yield _no_number(path, kind)


def _no_number(path: str, kind: inspect.Type) -> Want:
    if _is_list(kind):
        return f"{path} is several numbers", "give 'text', such as \"15, 25\"", "published"
    remedy = 'no metric fits it: use "not_checkable" and a reason'
    return f"{path} is neither a number nor a word", remedy, "metric"


def _misfits_word(claim: Claim, path: str, words: list[str]) -> Iterator[Want]:
    """A word that the field can never be."""
    if not claim.text:
        yield f"{path} is a word, not a number", f"give 'text': {', '.join(words)}", "published"
    elif claim.text not in words:
        what = f"{path} can never be '{claim.text}'"
        yield f"{what}, in the quote {quoted(claim.quote)}", nearest(claim.text, words), "text"


def _words_of(kind: inspect.Type) -> list[str]:
    """The words that a field can be; none for a field that is no word."""
    if isinstance(kind, inspect.BoolType):
        return ["true", "false"]
    return [str(word) for word in kind.values] if isinstance(kind, inspect.LiteralType) else []


def _kinds(kind: inspect.Type) -> tuple[inspect.Type, ...]:
    return tuple(kind.types) if isinstance(kind, inspect.UnionType) else (kind,)


def _is_number(kind: inspect.Type) -> bool:
    """Whether the field may be one number, as `pixel_mean`, which may also be one a channel."""
    return any(isinstance(each, inspect.IntType | inspect.FloatType) for each in _kinds(kind))


def _is_list(kind: inspect.Type) -> bool:
    """Whether the field may be several numbers, as `pixel_mean` and `step_epochs`."""
    items = (each.item_type for each in _kinds(kind) if isinstance(each, inspect.VarTupleType))
    return any(map(_is_number, items))


def _misfits_list(claim: Claim, path: str) -> Iterator[Want]:
    """Several numbers in another form than the recipe's are told in: the texts are compared."""
    try:
        form = listed(float(number) for number in claim.text.split(","))
    except ValueError:
        form = ""
    if claim.text != form:
        what = f"{path} can never be '{claim.text}', in the quote {quoted(claim.quote)}"
        yield what, f"write {form or 'the numbers as 15, 25'}", "text"


def _misfits_percent(claim: Claim) -> Iterator[Want]:
    """An accuracy in percent that was given as a share, or that no accuracy can have."""
    what = f"published {claim.published:g} for a percent metric"
    quote = f"in the quote {quoted(claim.quote)}"
    if 0 < claim.published <= 1:
        percent = f"{100 * claim.published:g}"
        yield f"{what}, {quote}", f"did you mean {percent}?", "published"
    elif not 0 <= claim.published <= 100:
        yield f"{what}, {quote}", "give a number from 0 to 100", "published"


def _misfits_text(claim: Claim, form: re.Pattern[str], remedy: str) -> Iterator[Want]:
    """A text of another form than what is measured has."""
    if not form.fullmatch(claim.text):
        what = f"{claim.metric} can never be '{claim.text}'"
        yield f"{what}, in the quote {quoted(claim.quote)}", remedy, "text"
    elif claim.metric == "output_shape" and len(claim.text.split(", ")) != len(claim.layers):
        shapes = count(len(claim.text.split(", ")), "shape")
        what = f"{shapes} for {count(len(claim.layers), 'layer')}"
        yield what, "give one shape for each layer, as 28x28x6, 14x14x8", "text"


def _recipe_field(path: str) -> inspect.Type | None:
    """The type of a recipe's field, as `augmentation.translate`; None where there is none."""
    kind: inspect.Type = inspect.type_info(Recipe)
    for name in path.split("."):
        fields = kind.fields if isinstance(kind, inspect.StructType) else ()
        found = [field.type for field in fields if field.name == name]
        if not found:
            return None
        kind = found[0]
    return kind

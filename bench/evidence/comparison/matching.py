"""Which arm of one side stands against which of the other."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import to_builtins

from bench.errors import UsageError
from bench.records.arms import Arm
from bench.spec import DatasetInfo

FIELDS = 3  # of a recipe, named where arms are to be told apart


@dataclass(frozen=True)
class Matched:
    """Pairs to compare, and what stands on one side alone, in words."""

    pairs: tuple[tuple[Arm, Arm], ...]
    left_out: tuple[str, ...]


def match(first: list[Arm], second: list[Arm], *, across: bool) -> Matched:
    """Pairs the arms of two sides.

    Args:
        first: Arms of the first side.
        second: Arms of the second.
        across: Each side names one architecture, and they need not be the same one.

    Raises:
        UsageError: other test images, several arms where one is meant, or nothing in common.
    """
    _refuse_other_images(first, second)
    if across:
        return Matched((_distinct(_only(first), _only(second)),), ())
    pairs, left_out = [], []
    for subject in sorted({_subject(arm) for arm in (*first, *second)}):
        sides = ([arm for arm in side if _subject(arm) == subject] for side in (first, second))
        found, alone = _pairs(*sides)
        pairs += found
        left_out += [f"{arm.name} (n = {len(arm.runs)})" for arm in alone]
    if not pairs:
        raise UsageError(
            "the two sides have no architecture in common that can be paired",
            where=", ".join(left_out),
            remedy="name one arm a side: suite/dataset/architecture[/digest]",
        )
    return Matched(tuple(_distinct(*pair) for pair in pairs), tuple(left_out))


def _distinct(ours: Arm, theirs: Arm) -> tuple[Arm, Arm]:
    """An arm against itself proves nothing."""
    if ours.name == theirs.name:
        what, remedy = f"both sides are '{ours.name}'", "give two suites, or two arms of one"
        raise UsageError(what, where="compare", remedy=remedy)
    return ours, theirs


def _refuse_other_images(first: list[Arm], second: list[Arm]) -> None:
    """Accuracies on different images say nothing of each other."""
    ours, theirs = _datasets(first), _datasets(second)
    common = ours.keys() & theirs.keys()
    if not common:
        raise UsageError(
            f"{first[0].suite} has runs on {' and '.join(sorted(ours))}, {second[0].suite} has "
            f"runs on {' and '.join(sorted(theirs))}: accuracies on different images cannot be "
            "compared",
            where="compare",
            remedy="compare runs of one data set",
        )
    for name in sorted(common):
        if not ours[name].has_images_of(theirs[name]):
            raise UsageError(
                f"the two sides have different images under the name '{name}' "
                f"({_told(ours[name])}; {_told(theirs[name])})",
                where="compare",
                remedy="compare runs of one data set and split",
            )


def _datasets(arms: list[Arm]) -> dict[str, DatasetInfo]:
    return {arm.dataset.name: arm.dataset for arm in arms}


def _told(info: DatasetInfo) -> str:
    return f"{info.n_test} test images, split {info.split_seed}, digest {info.digest[:6]}"


def _only(arms: list[Arm]) -> Arm:
    """The one arm of a side that names an architecture."""
    if len(arms) > 1:
        raise UsageError(
            f"{len(arms)} arms of '{arms[0].architecture}', which differ in recipe, source or "
            "device",
            where=f"{arms[0].suite}/{arms[0].dataset.name}",
            remedy=f"give one: {', '.join(_choices(arms))}",
        )
    return arms[0]


def _choices(arms: list[Arm]) -> list[str]:
    """Each arm's name, its runs, and the first fields in which the recipes differ."""
    recipes = [to_builtins(arm.first.recipe) or {} for arm in arms]
    plain = [name for name, value in recipes[0].items() if not isinstance(value, dict)]
    differ = [name for name in plain if len({str(recipe.get(name)) for recipe in recipes}) > 1]
    said = [
        "".join(f", {name} {recipe[name]}" for name in differ[:FIELDS] if name in recipe)
        for recipe in recipes
    ]
    pairs = zip(arms, said, strict=True)
    return [f"{arm.name} (n = {len(arm.runs)}{fields})" for arm, fields in pairs]


def _subject(arm: Arm) -> tuple[str, str]:
    return arm.dataset.name, arm.architecture


def _pairs(ours: list[Arm], theirs: list[Arm]) -> tuple[list[tuple[Arm, Arm]], list[Arm]]:
    """One arm a side is a pair; of several, those that differ in nothing but place and time."""
    if len(ours) == len(theirs) == 1:
        return [(ours[0], theirs[0])], []
    same = {arm.identity: arm for arm in theirs}
    pairs = [(arm, same[arm.identity]) for arm in ours if arm.identity in same]
    paired = {arm.identity for arm, _ in pairs}
    return pairs, [arm for arm in (*ours, *theirs) if arm.identity not in paired]

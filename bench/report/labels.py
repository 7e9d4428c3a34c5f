"""What the arms of one architecture are called: its name, and what tells them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from bench.inputs.recipes import difference, written
from bench.records.arms import is_of_file
from bench.spec import Augmentation, Portrait, RunRecord, canonical_json, digest, essence

Portraits = Mapping[str, Portrait]  # architecture -> what was measured of it
Feature = Callable[[RunRecord, Portraits], str]
MOST_CHANGES_NAMED = 2


def _recipe(run: RunRecord, portraits: Portraits) -> str:
    """What differs from the recipe in the architecture's file; nothing where nothing does."""
    return _told(run, portraits)[0]


def untold(run: RunRecord, portraits: Portraits) -> str:
    """The fields of the augmentation, with their values, where a label has a word for them."""
    return _told(run, portraits)[1]


def _told(run: RunRecord, portraits: Portraits) -> tuple[str, str]:
    """The label's word for a recipe, and the fields that the word stands for."""
    if run.recipe is None:
        return "", ""
    own = portraits.get(run.architecture)
    changed = _changed(own, run) if own else {}
    if own and len(changed) <= MOST_CHANGES_NAMED:
        return _in_words(changed), ""
    giver = next((p for p in portraits.values() if not _changed(p, run)), None)
    if giver:
        return f"recipe of {giver.display_name}", ""
    if own and all(name.startswith("augmentation.") for name in changed):
        word = _compared(own.recipe.augmentation, run.recipe.augmentation)
        if word:
            return word, _in_words(changed)
    return f"recipe {_short_digest(run.recipe)}", ""


def _compared(own: Augmentation, other: Augmentation) -> str:
    """In a word how the other differs; nothing where it is both stronger and weaker."""
    ours, theirs = _reaches(own), _reaches(other)
    if not any(theirs):
        return "no augmentation"
    pairs = list(zip(ours, theirs, strict=True))
    if all(their >= our for our, their in pairs):
        return "stronger augmentation"
    return "weaker augmentation" if all(their <= our for our, their in pairs) else ""


def _reaches(augmentation: Augmentation) -> tuple[float, ...]:
    """How far each part can take an image from what it was."""
    return (
        augmentation.rotation_degrees,
        augmentation.translate,
        abs(1 - augmentation.scale_min),
        abs(1 - augmentation.scale_max),
        augmentation.shear_degrees,
        augmentation.crop_padding,
        augmentation.flip_probability,
        augmentation.brightness,
        augmentation.contrast,
        augmentation.saturation,
        augmentation.erasing_probability,
    )


def changes(portrait: Portrait, run: RunRecord) -> str:
    """Every field, but the epochs, in which a run's recipe differs from the file's."""
    return _in_words(_changed(portrait, run))


def _in_words(changed: Mapping[str, Any]) -> str:
    """As `--with` takes them, less the `augmentation.` before a name."""
    return ", ".join(f"{name.split('.')[-1]}={written(value)}" for name, value in changed.items())


def _changed(portrait: Portrait, run: RunRecord) -> dict[str, Any]:
    """All but the epochs, which are told anyway; nothing where nobody knows the recipe."""
    if run.recipe is None:
        return {}
    changed = difference(portrait.recipe, run.recipe)
    changed.pop("epochs", None)
    return changed


def _short_digest(value: Any) -> str:
    """Six hex digits, to tell two of a kind apart."""
    return digest(canonical_json(essence(value)))[:6]


def _settings(run: RunRecord, _: Portraits) -> str:
    """The columns of an imported file that tell its arms apart."""
    found = run.foreign.settings.items() if run.foreign else ()
    return ", ".join(f"{name}={value}" for name, value in found)


def marked(name: str, run: RunRecord) -> str:
    """The name; runs that are not ours are marked wherever they are shown."""
    return f"{name} ({run.foreign.words})" if run.foreign else name


# What tells two arms of one architecture apart, in words, the plainest first.
FEATURES: tuple[Feature, ...] = (
    lambda run, _: {"cpu": "CPU", "cuda": "GPU", None: ""}[run.device_type],
    lambda run, _: f"{run.n_epochs} epochs",
    lambda run, _: "" if run.evaluate_test else "validation only",
    _recipe,
    _settings,
    lambda run, _: f"source {run.architecture_digest[:6]}",
    lambda run, _: f"numerics {_short_digest(run.numerics)}" if run.numerics else "",
    lambda run, _: f"data {_short_digest(run.dataset)}",
    lambda run, _: f"engine {run.engine_version}" if run.engine_version else "",
)


def labels(name: str, runs: Sequence[RunRecord], portraits: Portraits) -> list[str]:
    """One label an arm, such as `Network` or `Network · 2 epochs`.

    Arms of the file's own source and recipe say only what tells them apart from each other, so a
    single one has the plain name. Every other arm says how it differs from them.

    Args:
        name: The architecture's, as it is displayed.
        runs: One of each of its arms.
        portraits: Of the whole suite, those of the present files.
    """
    own = [run for run in runs if _is_own(run, portraits)]
    of_own, of_all = _telling(own, portraits), _telling(runs, portraits)
    words = [
        [of(run, portraits) for of in of_own]
        if run in own
        else _differing(run, of_all, own, portraits)
        for run in runs
    ]
    return [
        " · ".join([marked(name, run), *filter(None, said)])
        for run, said in zip(runs, words, strict=True)
    ]


def _is_own(run: RunRecord, portraits: Portraits) -> bool:
    """Whether the run is of the source and the recipe in the architecture's file."""
    portrait = portraits.get(run.architecture)
    return portrait is not None and is_of_file(run, [portrait], portrait.architecture_digest)


def _differing(
    run: RunRecord, telling: Sequence[Feature], own: Sequence[RunRecord], portraits: Portraits
) -> list[str]:
    """The run's words, without those that hold for all of its network's own runs."""

    def differing(features: Iterable[Feature]) -> Iterator[str]:
        for of in features:
            if {of(each, portraits) for each in own} != {word := of(run, portraits)} and word:
                yield word

    said = list(differing(telling))
    return said if said or not own else list(islice(differing(FEATURES), 1))


def _telling(runs: Sequence[RunRecord], portraits: Portraits) -> list[Feature]:
    """The features that tell these runs apart, none that says no more than those before it."""
    chosen: list[Feature] = []
    n_apart = 1
    for feature in FEATURES:
        n = len({tuple(of(run, portraits) for of in (*chosen, feature)) for run in runs})
        if n > n_apart:
            chosen.append(feature)
            n_apart = n
    return chosen

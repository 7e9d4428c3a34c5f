"""Which architectures a command means, loaded and tried, and the recipes they are trained by."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from dataclasses import replace as dataclass_replace
from pathlib import Path

import torch
from msgspec.structs import replace

from bench.errors import ArchitectureError, TrainingError, UsageError
from bench.inputs import discover, runners
from bench.inputs.datasets import Dataset
from bench.inputs.discover import Found
from bench.inputs.image_data import stored_shape
from bench.inputs.recipes import Changes
from bench.inputs.runners import Runner
from bench.machine import folder, folder_in_use
from bench.spec import Architecture, DatasetInfo, EnginePath, Recipe, RunSpec
from bench.training import augment
from bench.training.engine import probe
from bench.training.engine.apart import Trials, tried_apart
from bench.training.engine.data import NORMALISATION, of_channels
from bench.training.engine.network import require_trainable
from bench.training.engine.path import nondeterministic
from bench.training.engine.probe import Way, few_of
from bench.training.engine.untouched import load
from bench.training.plan import Matrix, run_spec

Named = tuple[Found, Architecture]  # an architecture and the file that it comes from


@dataclass(frozen=True)
class Selection:
    """The architectures of a command, as they are written, and the files that cannot be used."""

    usable: list[Named] = field(default_factory=list)
    broken: list[ArchitectureError] = field(default_factory=list)


def find_architectures(names: list[str], group: str | None, builtin: bool) -> list[Found]:
    """The architecture files that a command means.

    Raises:
        ArchitectureError, UsageError: no folder, an unknown name, two files of one name.
    """
    place = folder_in_use("architectures")
    found = discover.scan_all(place) if names else discover.scan(place, group)
    shipped = folder("architectures")
    if builtin and shipped.resolve() != place.resolve():
        found += discover.scan_all(shipped) if names else discover.scan(shipped, group)
    discover.refuse_duplicates(found)
    if not found:
        raise ArchitectureError(
            "no architecture files",
            where=str(place),
            remedy="make one with `python -m bench new NAME`",
        )
    return discover.select(found, names) if names else found


def find_networks(
    names: list[str], group: str | None, builtin: bool
) -> tuple[list[Found], list[Runner]]:
    """The architecture files that a command means, and the runners, which are loaded.

    A folder with runners and without networks of its own does not mean the shipped networks.

    Raises:
        ArchitectureError, UsageError: as `find_architectures`; a runner that cannot be used.
    """
    files = [] if group else runners.scan_in_use()
    known = {path.stem: path for path in files}
    ours = [name for name in names if name not in known]
    chosen = [known[name] for name in dict.fromkeys(names) if name in known] if names else files
    means_ours = bool(ours) or (not names and (builtin or group or not runners.stand_alone()))
    found = find_architectures(ours, group, builtin) if means_ours else []
    _refuse_names_of_architectures(chosen)
    return found, [runners.load(path) for path in chosen]


def _refuse_names_of_architectures(chosen: list[Path]) -> None:
    """Raises UsageError where a runner has an architecture's name; without runners reads none."""
    place = folder_in_use("architectures")
    if not chosen or not place.is_dir():
        return
    at_hand = {each.name: each.path for each in discover.scan_all(place)}
    for path in chosen:
        if path.stem in at_hand:
            raise UsageError(
                f"a runner and an architecture are named '{path.stem}'",
                where=f"{path} and {at_hand[path.stem]}",
                remedy="rename one of the files",
            )


def load_architectures(
    found: list[Found],
    named: bool,
    device: torch.device | None = None,
    info: DatasetInfo | None = None,
) -> Selection:
    """Loads and tries each file.

    Args:
        found: The files.
        named: True where the user named them: a bad file is then an error, else it is reported.
        device: Where they will be trained; None where they will not be.
        info: The data set that they will be trained on.

    Raises:
        ArchitectureError: a named file cannot be used.
        TrainingError: the device is full, busy or broken.
    """
    selection = Selection()
    with tried_apart() as trials:
        for each in found:
            try:
                architecture = _tried(each, trials)
                if info is not None:
                    require_fit(architecture, info)
                _require_own_name(architecture, selection.usable)
                selection.usable.append((each, architecture))
            except ArchitectureError as error:
                if named:
                    raise
                selection.broken.append(error)
    return _deterministic(selection, named, device) if device else selection


def _require_own_name(architecture: Architecture, others: list[tuple[Found, Architecture]]) -> None:
    """Raises ArchitectureError where a reader could not tell two networks apart by their names."""
    for other, known in others:
        if known.display_name == architecture.display_name:
            raise ArchitectureError(
                f"architecture '{architecture.name}' has the name of '{known.name}' "
                f"({other.path}): '{known.display_name}'",
                where=str(architecture.path),
                remedy="give one of them another DISPLAY_NAME",
            )


def _tried(found: Found, trials: Trials | None) -> Architecture:
    """The file's architecture; a trial runs the file's code before this process does."""
    if trials is None:
        architecture = load(found)
        require_trainable(architecture)
        return architecture
    trials.ask(found, _load_and_build)
    return load(found)


def _load_and_build(found: Found) -> None:
    require_trainable(load(found))


def require_fit(architecture: Architecture, info: DatasetInfo) -> None:
    """Raises ArchitectureError where the network takes other images, or gives other classes."""
    told = (
        ("INPUT", architecture.input_shape, info.shape),
        ("CLASSES", architecture.n_classes, info.n_classes),
    )
    for name, own, wanted in told:
        if own != wanted:
            raise ArchitectureError(
                f"architecture '{architecture.name}': its {name} is {own}, the data set "
                f"'{info.name}' has {wanted}",
                where=str(architecture.path),
                remedy=f"set {name} = {wanted} and build the network for it, or give another "
                "--dataset",
            )


def suited(
    selection: Selection, changed: Iterable[Named], info: DatasetInfo, *, named: bool
) -> tuple[Selection, list[Named]]:
    """Without the architectures whose recipe the data set does not suit; those are broken.

    Args:
        selection: The architectures as they are written.
        changed: The same ones with the recipes that they are trained by.
        info: The data set.
        named: Whether the command asked for these very architectures or recipes.

    Raises:
        ArchitectureError: a recipe does not suit, and it was asked for.
    """
    left, trained = Selection(broken=list(selection.broken)), []
    for own, each in zip(selection.usable, changed, strict=True):
        try:
            require_usable_recipe(each[1], info)
        except ArchitectureError as error:
            if named:
                raise
            left.broken.append(error)
        else:
            left.usable.append(own)
            trained.append(each)
    return left, trained


def probed(
    selection: Selection, matrix: Matrix, dataset: Dataset, *, named: bool
) -> tuple[Selection, Matrix, list[str]]:
    """Tries a step of each network of the matrix; without those that cannot be trained.

    Args:
        selection: The architectures as they are written.
        matrix: The same ones with the recipes that they are trained by.
        dataset: The matrix's.
        named: Whether the command asked for these very architectures.

    Returns:
        Both, with the memory format and the path of each network; and what a person should know.

    Raises:
        ArchitectureError: a network cannot be trained, and it was asked for.
        TrainingError: the device is full, busy or broken.
    """
    left, trained = Selection(broken=list(selection.broken)), list[Named]()
    paths: dict[str, EnginePath] = {}
    notices: list[str] = []
    with _trials(matrix.environment.device) as trials:
        for own, each in zip(selection.usable, matrix.architectures, strict=True):
            found, architecture = each
            try:
                way = _way(each, matrix, dataset, trials)
            except ArchitectureError as error:
                if named:
                    raise
                left.broken.append(error)
                continue
            name, memory_format = architecture.name, way.memory_format
            left.usable.append((found, replace(own[1], memory_format=memory_format)))
            trained.append((found, replace(architecture, memory_format=memory_format)))
            paths[name] = way.path
            if way.slow:
                notices.append(f"'{name}' trains without the faster step: {way.slow}")
            notices += [f"'{name}': {notice}" for notice in way.notices]
    return left, dataclass_replace(matrix, architectures=trained, paths=paths), notices


def _trials(device: str) -> AbstractContextManager[Trials | None]:
    """A process of their own for the trials of a CPU: a fork can use no GPU."""
    return tried_apart() if torch.device(device).type == "cpu" else nullcontext()


def _way(each: Named, matrix: Matrix, dataset: Dataset, trials: Trials | None) -> Way:
    found, architecture = each
    spec, device = run_spec(architecture, 0, matrix), torch.device(matrix.environment.device)
    few = few_of(dataset, spec)
    if trials is None:
        return probe.probe(architecture, spec, few, device)
    return trials.ask(found, _load_and_probe, spec, few, str(device))


def _load_and_probe(found: Found, spec: RunSpec, few: Dataset, device: str) -> Way:
    architecture = replace(load(found), recipe=spec.recipe)
    return probe.probe(architecture, spec, few, torch.device(device))


def require_trains(
    found: Found, architecture: Architecture, spec: RunSpec, dataset: Dataset
) -> None:
    """Tries a step of a recorded run.

    Raises:
        ArchitectureError: it cannot be trained in the way of the record.
    """
    few = few_of(dataset, spec)
    with tried_apart() as trials:
        if trials is None:
            probe.require_trains(architecture, spec, few)
        else:
            trials.ask(found, _load_and_train, spec, few)


def _load_and_train(found: Found, spec: RunSpec, few: Dataset) -> None:
    probe.require_trains(load(found), spec, few)


def require_usable_recipe(architecture: Architecture, info: DatasetInfo) -> None:
    """Raises ArchitectureError where the data set lacks what the recipe needs."""
    recipe = architecture.recipe
    try:
        for field in NORMALISATION:
            of_channels(recipe, field, info.known_shape[0])
        _augment_one(recipe, info)
    except TrainingError as error:
        raise _bad_recipe(architecture, error.what, error.remedy) from error
    if recipe.schedule == "plateau" and not info.n_validation:
        what = f"schedule='plateau' needs validation images, and '{info.name}' has none"
        remedy = "take another schedule, or give the data set's [split] a validation share"
        raise _bad_recipe(architecture, what, remedy)


def _augment_one(recipe: Recipe, info: DatasetInfo) -> None:
    """Raises TrainingError where the augmentation does not suit such images."""
    shape = stored_shape(info.known_shape)
    maps = augment.drawn(recipe.augmentation, 1, info.known_shape[1:], torch.Generator())
    augment.apply(torch.zeros((1, *shape), dtype=torch.uint8), maps)


def _bad_recipe(architecture: Architecture, what: str, remedy: str) -> ArchitectureError:
    return ArchitectureError(
        f"the recipe of '{architecture.name}': {what}",
        where=str(architecture.path),
        remedy=remedy,
    )


def _deterministic(selection: Selection, named: bool, device: torch.device) -> Selection:
    """Without the architectures that have no fixed bits on the device."""
    bad = nondeterministic([architecture for _, architecture in selection.usable], device)
    for error in bad.values():
        if named:
            raise error
    usable = [each for each in selection.usable if each[1].name not in bad]
    return Selection(usable, [*selection.broken, *bad.values()])


def recipe_of(name: str, builtin: bool) -> Recipe:
    """The recipe in an architecture's file.

    Raises:
        ArchitectureError, UsageError: no such architecture, or a file that cannot be used.
    """
    return load(find_architectures([name], None, builtin)[0]).recipe


def changed(architectures: Iterable[Named], changes: Changes) -> list[Named]:
    """The architectures with the recipes that they are trained by; the digests stay the files'.

    Raises:
        UsageError: a value that its field does not take, or fields that contradict each other.
    """
    return [
        (found, replace(each, recipe=changes.applied(each.recipe))) for found, each in architectures
    ]

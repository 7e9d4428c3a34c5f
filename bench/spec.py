"""The project's vocabulary: frozen, typed, validated records. Nothing here imports torch.

A field that joins a struct later must have a default that keeps the old behaviour: a run's key
is the digest of the fields that differ from their defaults, so old records keep their keys.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from datetime import date
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

SCHEMA = 1
ENGINE_VERSION = 1  # raise it when a change of bench/training/engine/ alters the bits of a run

Positive = Annotated[float, msgspec.Meta(gt=0)]
NonNegative = Annotated[float, msgspec.Meta(ge=0)]
Fraction = Annotated[float, msgspec.Meta(gt=0, lt=1)]
Share = Annotated[float, msgspec.Meta(ge=0, lt=1)]
Probability = Annotated[float, msgspec.Meta(gt=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Jitter = Annotated[float, msgspec.Meta(ge=0, le=7)]  # up to 7 float32 is exact in it
GreyLevel = Annotated[int, msgspec.Meta(ge=0, le=255)]
PositiveInt = Annotated[int, msgspec.Meta(gt=0)]
MOST_EPOCHS = 1_000_000
Shape = tuple[PositiveInt, PositiveInt, PositiveInt]  # (channels, height, width) of one image
# Names and keys become names of files: none may lead out of its folder.
NAME = "[a-z][a-z0-9_]{0,99}"
Name = Annotated[str, msgspec.Meta(pattern=rf"^{NAME}$(?!\n)")]
TOP = "top"  # `report --group top`: the files at the top, so no sub-folder may have this name
Hex = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]+$(?!\n)")]

Status = Literal["completed", "diverged", "failed"]
# How the step is computed: as the network is written, with fused chains on a CPU, as CUDA graphs.
EnginePath = Literal["eager", "fused", "graph"]

NOT_KNOWN = "not known"  # a text of a record that nobody can tell; a number is then None

S = TypeVar("S", bound=msgspec.Struct)


class Frozen(msgspec.Struct, frozen=True):
    """Base of every record. Construction does not validate; `checked` and decoding do."""


def checked(value: S) -> S:
    """The same value, its fields validated against their types and bounds.

    Raises:
        msgspec.ValidationError: names the field and the bound that it breaks.
    """
    return msgspec.convert(msgspec.to_builtins(value), type(value))


class RecipeError(ValueError):
    """Fields of a recipe that contradict each other; decoding turns it into a ValidationError."""


class Augmentation(Frozen, frozen=True, kw_only=True):
    """What is done to each training image, in this order. The defaults change no image.

    The operations are torchvision's. Each probability is that of a `RandomApply` around one:

    * `RandomCrop(side, crop_padding, padding_mode=crop_padding_mode)` and
      `RandomHorizontalFlip(flip_probability)`.
    * `RandomRotation(+-rotation_degrees)`, then `RandomAffine(0, (translate, translate),
      (scale_min, scale_max), shear_degrees)` with fill 0: on PIL images where it is nearest
      (torchvision's default), on uint8 tensors where bilinear.
    * `ColorJitter(brightness, contrast, saturation)` on PIL images, its factors in steps of
      1 / 4096; brightness and contrast take grey images too.
    * `RandomErasing(erasing_probability, scale, ratio)`. Where `cutout_pixels` is above 0, a square
      of that side is erased instead, with its centre anywhere in the image (DeVries and Taylor,
      2017).
    """

    rotation_degrees: Annotated[float, msgspec.Meta(ge=0, le=180)] = 0.0
    rotation_probability: Probability = 1.0
    translate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0  #: fraction of the image's side
    scale_min: Positive = 1.0
    scale_max: Positive = 1.0
    shear_degrees: Annotated[float, msgspec.Meta(ge=0, lt=90)] = 0.0  #: along x only
    affine_probability: Probability = 1.0
    interpolation: Literal["nearest", "bilinear"] = "nearest"
    crop_padding: Count = 0  #: pixels on each side
    crop_padding_mode: Literal["constant", "reflect"] = "constant"  #: constant: zeros
    crop_probability: Probability = 1.0
    flip_probability: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0  #: left to right
    brightness: Jitter = 0.0  #: the factor is from max(0, 1 - brightness) to 1 + brightness
    contrast: Jitter = 0.0
    saturation: Jitter = 0.0  #: of images in colour
    jitter_probability: Probability = 1.0
    erasing_probability: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    erasing_scale_min: Probability = 0.02  #: fraction of the image's area
    erasing_scale_max: Probability = 0.33
    erasing_ratio_min: Positive = 0.3  #: height / width
    erasing_ratio_max: Positive = 3.3
    erasing_fill: tuple[GreyLevel, ...] = (0,)  #: one level, or one for each channel
    cutout_pixels: Count = 0

    def __post_init__(self) -> None:
        _refuse(self, _contradiction_of_augmentation)

    @property
    def unused(self) -> dict[str, str]:
        """The fields without an effect in this augmentation, with what each field needs."""
        affine = self.translate > 0 or self.shear_degrees > 0 or self.scale_min != 1
        affine = affine or self.scale_max != 1
        erases = self.erasing_probability > 0
        rectangles = erases and self.cutout_pixels == 0
        colours = max(self.brightness, self.contrast, self.saturation) > 0
        rectangle = "an erasing_probability above 0 without cutout_pixels"
        rules = (
            ("rotation_probability", self.rotation_degrees > 0, "rotation_degrees above 0"),
            ("affine_probability", affine, "translate, scale_min, scale_max or shear_degrees"),
            ("crop_padding_mode", self.crop_padding > 0, "crop_padding above 0"),
            ("crop_probability", self.crop_padding > 0, "crop_padding above 0"),
            ("jitter_probability", colours, "brightness, contrast or saturation above 0"),
            ("erasing_scale_min", rectangles, rectangle),
            ("erasing_scale_max", rectangles, rectangle),
            ("erasing_ratio_min", rectangles, rectangle),
            ("erasing_ratio_max", rectangles, rectangle),
            ("erasing_fill", erases, "an erasing_probability above 0"),
            ("cutout_pixels", erases, "an erasing_probability above 0"),
        )
        return {name: needs for name, acts, needs in rules if not acts}


def _refuse(value: S, problem_of: Callable[[S], str | None]) -> None:
    """Raises RecipeError with what is wrong with a recipe or with its augmentation."""
    try:
        problem = problem_of(value)
    except (TypeError, ValueError):  # a value of a wrong type or length: `checked` names it
        return
    if problem:
        raise RecipeError(problem)


def _contradiction_of_augmentation(augmentation: Augmentation) -> str | None:
    """What is wrong with it beyond the bounds of each field; scales are checked at the draw."""
    for name in ("erasing_scale", "erasing_ratio"):
        low, high = getattr(augmentation, f"{name}_min"), getattr(augmentation, f"{name}_max")
        if low > high:
            return f"{name}_min={low} is above {name}_max={high}"
    if not augmentation.erasing_fill:
        return "erasing_fill is empty: give one grey level, such as (0,)"
    return _without_effect(augmentation)


def _without_effect(value: Recipe | Augmentation) -> str | None:
    """The first field that is no finite number, or that is set and does not act."""
    unused = value.unused
    for name, default in fields(type(value)):
        content = getattr(value, name)
        if not _is_finite(content):
            return f"{name}={content} is no finite number"
        if name in unused and content != default:
            return f"{name}={content} has no effect: it needs {unused[name]}"
    return None


@cache
def fields(kind: type[msgspec.Struct]) -> tuple[tuple[str, Any], ...]:
    """The names and the defaults of its fields; msgspec finds them anew in every call."""
    return tuple((field.name, field.default) for field in msgspec.structs.fields(kind))


def _is_finite(content: Any) -> bool:
    """False for a number that is not finite, and for a tuple that holds one at any depth."""
    if isinstance(content, tuple):
        return all(_is_finite(each) for each in content)
    return not isinstance(content, float) or math.isfinite(content)


def _rise(values: tuple[float, ...]) -> bool:
    return all(a < b for a, b in pairwise(values))


class Recipe(Frozen, frozen=True, kw_only=True):
    """How a network is trained. Cross-entropy; the learning rate is set before every step.

    A field that acts under some schedule alone keeps its default under the others: it would
    change nothing but the key. That is checked at construction too.
    """

    peak_learning_rate: Positive
    warmup_fraction: Share  #: of the steps; OneCycleLR's pct_start, a linear rise elsewhere
    weight_decay: NonNegative = 0.0  #: adam and sgd add it to the gradient; adamw's is decoupled
    decay_norm_and_bias: bool = True  #: False spares norm layers and what has below two dimensions
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop"] = "adam"
    #: Of sgd and rmsprop, and Adam's beta1, where the schedule does not cycle it.
    momentum: Share = 0.9
    nesterov: bool = True  #: sgd: Nesterov's form of momentum
    rmsprop_alpha: Share = 0.99  #: rmsprop: the decay of its average of squared gradients
    centered: bool = False  #: rmsprop: less the square of its average of gradients
    # Adam's beta2 is 0.999 and every epsilon 1e-8, as in torch.
    schedule: Literal[
        "one_cycle", "cosine", "cosine_restarts", "linear", "step", "constant", "table", "plateau"
    ] = "one_cycle"
    div_factor: Positive = 25.0  #: peak / the warm-up's first learning rate
    final_div_factor: Positive = 1e4  #: one_cycle: the first learning rate / the last
    cycle_momentum: bool = True  #: one_cycle: from 0.95 to 0.85 at the peak, and back
    #: cosine, cosine_restarts, linear: the last learning rate / peak; plateau: the lowest / peak
    final_fraction: Share = 0.0
    by_epoch: bool = False  #: cosine, cosine_restarts, linear: it changes after each epoch alone
    step_fractions: tuple[Fraction, ...] = ()  #: step: the parts of the steps after which it falls
    step_epochs: tuple[PositiveInt, ...] = ()  #: step: the epochs after which it falls instead
    step_size_epochs: Count = 0  #: step: it falls after every so many epochs instead
    step_factor: Fraction = 0.1  #: step, plateau: what each fall multiplies the learning rate by
    restart_epochs: Count = 0  #: cosine_restarts: length of the first cosine
    restart_factor: PositiveInt = 1  #: cosine_restarts: each cosine's length / the one before it
    #: table: (epoch, the learning rate from that epoch on), from epoch 1
    learning_rate_table: tuple[tuple[PositiveInt, Positive], ...] = ()
    plateau_metric: Literal["validation_loss", "validation_accuracy"] = "validation_loss"
    plateau_patience: Count = 10  #: plateau: so many epochs without progress change nothing
    plateau_threshold: Share = 1e-4  #: plateau: progress is a relative change of more than this
    plateau_cooldown: Count = 0  #: plateau: after a fall, so many epochs are not counted
    label_smoothing: Share = 0.0
    ema_decay: Share = 0.0  #: above 0, a running average of the weights is what is evaluated
    ema_warmup: Positive = 9.0  #: after t steps the decay is at most (t + 1) / (t + 1 + ema_warmup)
    batch_size: PositiveInt = 128  #: the last, short batch is kept
    epochs: PositiveInt = 15
    augmentation: Augmentation = Augmentation()
    unaugmented_epochs: Count = 0  #: the last so many epochs train on the images as they are
    #: Of grey levels from 0 to 1: one number, or one for each channel.
    pixel_mean: float | tuple[float, ...] = 0.1307
    pixel_std: Positive | tuple[Positive, ...] = 0.3081

    def __post_init__(self) -> None:
        _refuse(self, _contradiction)

    def with_epochs(self, epochs: int) -> Recipe:
        """The same recipe over so many epochs; its unaugmented epochs are at most those."""
        unaugmented = min(self.unaugmented_epochs, epochs)
        return msgspec.structs.replace(self, epochs=epochs, unaugmented_epochs=unaugmented)

    @property
    def unused(self) -> dict[str, str]:
        """The fields that do not act in this recipe, with what each needs."""
        one_cycle = self.schedule == "one_cycle"
        anneals = self.schedule in ("cosine", "cosine_restarts", "linear")
        steps, restarts, table, plateau = (
            self.schedule == each for each in ("step", "cosine_restarts", "table", "plateau")
        )
        cosines = "schedule='cosine', 'cosine_restarts'"
        cycles = one_cycle and self.cycle_momentum
        sgd, rmsprop = self.optimizer == "sgd", self.optimizer == "rmsprop"
        nesterov = sgd and (cycles or self.momentum > 0)
        rules = (
            ("momentum", not cycles, "cycle_momentum=False or another schedule than one_cycle"),
            ("nesterov", nesterov, "optimizer='sgd' and a momentum above 0"),
            ("rmsprop_alpha", rmsprop, "optimizer='rmsprop'"),
            ("centered", rmsprop, "optimizer='rmsprop'"),
            ("div_factor", one_cycle or self.warmup_fraction != 0, "a warmup_fraction above 0"),
            ("final_div_factor", one_cycle, "schedule='one_cycle'"),
            ("cycle_momentum", one_cycle, "schedule='one_cycle'"),
            ("final_fraction", anneals or plateau, f"{cosines}, 'linear' or 'plateau'"),
            ("by_epoch", anneals, f"{cosines} or 'linear'"),
            ("step_fractions", steps, "schedule='step'"),
            ("step_epochs", steps, "schedule='step'"),
            ("step_size_epochs", steps, "schedule='step'"),
            ("step_factor", steps or plateau, "schedule='step' or 'plateau'"),
            ("restart_epochs", restarts, "schedule='cosine_restarts'"),
            ("restart_factor", restarts, "schedule='cosine_restarts'"),
            ("learning_rate_table", table, "schedule='table'"),
            ("plateau_metric", plateau, "schedule='plateau'"),
            ("plateau_patience", plateau, "schedule='plateau'"),
            ("plateau_threshold", plateau, "schedule='plateau'"),
            ("plateau_cooldown", plateau, "schedule='plateau'"),
            ("ema_warmup", self.ema_decay > 0, "an ema_decay above 0"),
        )
        return {name: needs for name, acts, needs in rules if not acts}


def _contradiction(recipe: Recipe) -> str | None:
    """What is wrong with the recipe beyond the bounds of each field."""
    if recipe.epochs > MOST_EPOCHS:
        return f"epochs={recipe.epochs} is more than {MOST_EPOCHS}"
    if recipe.unaugmented_epochs > recipe.epochs:
        return f"unaugmented_epochs={recipe.unaugmented_epochs} is more than epochs={recipe.epochs}"
    return _without_effect(recipe) or _contradiction_of_schedule(recipe)


def _contradiction_of_schedule(recipe: Recipe) -> str | None:
    given = [
        name
        for name in ("step_fractions", "step_epochs", "step_size_epochs")
        if getattr(recipe, name)
    ]
    if recipe.schedule == "step" and not given:
        return (
            "schedule='step' needs step_fractions, such as (0.5, 0.75), step_epochs, such as "
            "(5, 10), or step_size_epochs, such as 5"
        )
    if len(given) > 1:
        return f"{given[0]} and {given[1]} are both given: give one of them"
    for name in ("step_fractions", "step_epochs"):
        if not _rise(getattr(recipe, name)):
            return f"{name}={getattr(recipe, name)} do not rise"
    if recipe.schedule == "cosine_restarts" and not recipe.restart_epochs:
        return "schedule='cosine_restarts' needs restart_epochs, such as 5"
    return _contradiction_of_table(recipe) if recipe.schedule == "table" else None


def _contradiction_of_table(recipe: Recipe) -> str | None:
    table = recipe.learning_rate_table
    if not table:
        return "schedule='table' needs learning_rate_table, such as ((1, 0.1), (8, 0.01))"
    epochs, rates = zip(*table, strict=True)
    if epochs[0] != 1:
        return f"learning_rate_table={table} does not begin with epoch 1"
    if not _rise(epochs):
        return f"the epochs of learning_rate_table={table} do not rise"
    if max(rates) - recipe.peak_learning_rate:  # a word among them is a TypeError
        return (
            f"peak_learning_rate={recipe.peak_learning_rate} is not the largest learning rate of "
            f"learning_rate_table, {max(rates)}"
        )
    return None


class Architecture(Frozen, frozen=True, kw_only=True):
    """One architecture file, found by `bench.inputs.discover`."""

    name: str  # the file's stem
    display_name: str
    group: str  # "" for the files at the top, else the sub-folder's name
    path: Path
    docstring: str
    source: str
    digest: str  # over the tokens without comments and docstrings, and local imports
    recipe: Recipe
    components: Mapping[str, str]  # prefix of a module's dotted name -> component's name
    memory_format: Literal["channels_last", "contiguous_format"]
    build: Callable[[], Any]  # () -> torch.nn.Module: (n, *input_shape) -> (n, n_classes)
    input_shape: Shape = (1, 28, 28)
    n_classes: PositiveInt = 10


class Numerics(Frozen, frozen=True, kw_only=True):
    """What decides the bits beside the mathematics."""

    memory_format: Literal["channels_last", "contiguous_format"]
    n_threads: PositiveInt = 1
    flush_denormal: bool = True
    path: EnginePath = "eager"
    tf32: bool = False
    device_type: Literal["cpu", "cuda"] = "cpu"


class DatasetInfo(Frozen, frozen=True, kw_only=True, omit_defaults=True):
    """A data set with its split. Fields with defaults are left out, as they were before them."""

    name: Name
    digest: str  #: sha256 over images and labels of both parts
    n_train: int | None  #: None is not known, as of runs that are not ours
    n_validation: int | None  #: 0: nothing is chosen, and every epoch's validation is None
    n_test: int
    split_seed: int | None
    shape: Shape | None = (1, 28, 28)
    n_classes: PositiveInt | None = 10
    class_names: tuple[str, ...] = ()  #: by label; none: a label is its own name
    noun: str = "digit"  #: what an image shows; `shown` is what texts say

    @property
    def shown(self) -> str:
        """What an image shows. Records of Fashion-MNIST hold MNIST's noun, and their keys stay."""
        return "image" if self.name == "fashion_mnist" else self.noun

    @property
    def known_shape(self) -> Shape:
        """Of a data set that somebody has read: its runs are ours."""
        assert self.shape is not None
        return self.shape

    def has_images_of(self, other: DatasetInfo) -> bool:
        """Whether both are the same images, as far as anybody knows."""
        if NOT_KNOWN in (self.digest, other.digest):
            return (self.name, self.n_test) == (other.name, other.n_test)
        return self == other


class RunSpec(Frozen, frozen=True, kw_only=True):
    """Everything that decides the bits of one run inside one environment."""

    architecture: Name
    architecture_digest: Hex
    recipe: Recipe
    seed: Count
    dataset: DatasetInfo
    numerics: Numerics
    evaluate_test: bool = True
    engine_version: int = 1  # fixed, so that a raised ENGINE_VERSION differs from it in the key

    @property
    def key(self) -> str:
        """64 hex digits: sha256 of the canonical JSON."""
        return _key(self)

    @property
    def n_epochs(self) -> int:
        return self.recipe.epochs

    @property
    def n_train(self) -> int:
        """Of the data set, which the engine has read."""
        assert self.dataset.n_train is not None
        return self.dataset.n_train


class Foreign(Frozen, frozen=True, kw_only=True):
    """All that is known of how runs that are not ours were made: their arm is told by it."""

    origin: Literal["command", "import"]
    epochs: PositiveInt | None = None  # asked for; None is not known
    command: str | None = None  # with {seed} and {epochs} as they stand in the runner's file
    files: dict[str, Hex] = {}  # the files that the runner's file names -> sha256
    settings: dict[str, str] = {}  # column of the imported file -> value

    @property
    def words(self) -> str:
        """How such runs are marked wherever they are shown."""
        return {"command": "own command", "import": "imported"}[self.origin]


class ForeignSpec(Frozen, frozen=True, kw_only=True):
    """What tells one run that is not ours from others; nothing of it decides bits."""

    architecture: Name
    architecture_digest: Hex  # over `foreign`, and over how its figures are read
    seed: Count
    dataset: DatasetInfo
    foreign: Foreign

    @property
    def key(self) -> str:
        """64 hex digits, as a `RunSpec` has."""
        return _key(self)

    @property
    def n_epochs(self) -> int:
        """Epochs that the command is asked for."""
        assert self.foreign.epochs is not None
        return self.foreign.epochs


def _key(spec: RunSpec | ForeignSpec) -> str:
    return digest(msgspec.json.encode(essence(spec), order="sorted"))


def essence(value: Any) -> Any:
    """Nested dicts of the fields that differ from their defaults: a later field changes nothing."""
    if not isinstance(value, msgspec.Struct):
        return value
    items = [(name, getattr(value, name), default) for name, default in fields(type(value))]
    return {name: essence(item) for name, item, default in items if item != default}


def digest(content: bytes) -> str:
    """64 hex digits: sha256 of the bytes."""
    return hashlib.sha256(content).hexdigest()


class Environment(Frozen, frozen=True, kw_only=True):
    """Where a run was made; a text is `NOT_KNOWN` where a run from elsewhere does not say it."""

    fingerprint: str  #: 12 hex digits over torch build, processor or GPU, driver, cuDNN
    device: str
    processor: str
    torch: str
    python: str
    packages: dict[str, str]
    commit: str | None
    dirty: bool | None
    command: str


class Epoch(Frozen, frozen=True, kw_only=True):
    """One epoch's measurements: losses are means over images, counts are exact.

    In a run from elsewhere, None means that the value is not known.
    """

    epoch: int  #: from 1
    learning_rate: float | None = None  #: of the epoch's last step
    train_loss: float | None = None
    train_correct: int | None = None  #: counted on the augmented batches while training
    validation_loss: float | None = None  #: None where the data set has no validation images
    validation_correct: int | None = None
    test_loss: float | None = None  #: None where the run was made without looking at the test split
    test_correct: int | None = None
    #: Training alone, evaluation excluded. On a GPU: from the epoch's first operation there to its
    #: last, so it holds the work of the other runs that share the GPU meanwhile.
    train_seconds: float | None = 0.0


class Source(Frozen, frozen=True, kw_only=True):
    """Where the figures of a run that is not ours stand."""

    file: str  # the imported file's name, or that of the command's output, beside the record
    sha256: Hex
    seconds: float | None = None  # of the whole command, by the clock


class RunRecord(Frozen, frozen=True, kw_only=True):
    """One run as it lies in `results/`. Immutable.

    Of a run that is not ours, None is not known; `foreign` says what is.
    """

    schema: int = SCHEMA
    engine_version: int | None
    key: Hex
    status: Status
    reason: str | None  #: why a run is not completed
    architecture: Name
    architecture_digest: Hex
    n_parameters: int | None
    recipe: Recipe | None
    seed: int
    evaluate_test: bool
    dataset: DatasetInfo
    numerics: Numerics | None
    environment: Environment
    epochs: list[Epoch]
    #: The epoch with the best validation count, the first of equals; None without validation.
    selected_epoch: int | None
    test_misses: list[tuple[int, int]] | None  #: (test index, label given) of the last epoch
    weights_sha256: str | None
    train_seconds: float | None  #: the sum over its epochs
    declaration: str | None = None  #: 12 hex digits: where its suite's protocol declared this run
    foreign: Foreign | None = None  #: None: a run of this engine
    source: Source | None = None
    finished_on: date | None = None  #: in UTC; None: not known, as of what is imported

    @property
    def spec(self) -> RunSpec | ForeignSpec:
        """What tells the run from others; of a run of ours, all that decided its bits."""
        kind: type[RunSpec | ForeignSpec] = ForeignSpec if self.foreign else RunSpec
        return kind(**{name: getattr(self, name) for name in kind.__struct_fields__})

    @property
    def completed(self) -> bool:
        return self.status == "completed"

    @property
    def n_epochs(self) -> int:
        """Epochs that were asked for; the finished epochs where this is not known."""
        if self.recipe is not None:
            return self.recipe.epochs
        return (self.foreign and self.foreign.epochs) or len(self.epochs)

    @property
    def device_type(self) -> Literal["cpu", "cuda"] | None:
        return self.numerics.device_type if self.numerics else None


class Field(Frozen, frozen=True, kw_only=True):
    """One measured figure: how it is named, printed and ranked."""

    name: str  #: unit in the name, e.g. receptive_field_pixels
    title: str  #: for tables
    unit: str
    digits: int = 0
    better: Literal["lower", "higher", "neither"] = "neither"


class Measured(Frozen, frozen=True, kw_only=True):
    """What one measure found on one architecture."""

    fields: tuple[Field, ...]
    values: dict[str, Any]  #: field's name -> value
    layers: dict[str, dict[str, Any]] = {}  #: layer's dotted name -> column -> value, in call order
    components: dict[str, int] = {}  #: component -> value; adds up to the measure's total
    notes: list[str] = []  #: the convention, and what was not counted
    error: str | None = None  #: why this measure does not apply; values are then empty
    views: dict[str, dict[str, int]] = {}  #: view -> part -> value; each adds up to the total
    tables: dict[str, list[dict[str, Any]]] = {}  #: title -> rows of column -> value
    at_least: bool = False  #: parts are missing: the values are lower bounds


class Portrait(Frozen, frozen=True, kw_only=True):
    """One architecture as it lies in a suite: all that a report needs of it without torch."""

    schema: int = SCHEMA
    architecture: Name
    architecture_digest: Hex
    display_name: str
    group: str
    docstring: str
    source: str
    recipe: Recipe
    measures: dict[str, Measured]  # measure's name -> what it found
    environment: Environment
    input_shape: Shape = (1, 28, 28)
    n_classes: PositiveInt = 10

    @property
    def sides(self) -> tuple[int, int]:
        """(height, width) of the network's images, pixels."""
        return self.input_shape[1:]


Reproduced = Literal["results", "parameters"]  # a document's tables that the report can rebuild


AimRelation = Literal["at_least", "above"]  # words of a claim's relation


class Objective(Frozen, frozen=True, kw_only=True):
    """What a document sets out to reach: data, never a verdict.

    What is None was not asked for, so nothing is judged by it.
    """

    metric: Annotated[
        Literal["test_accuracy_percent"],
        msgspec.Meta(
            description="The target's quantity: a run's test accuracy after its last epoch"
        ),
    ] = "test_accuracy_percent"
    target: Annotated[
        Annotated[float, msgspec.Meta(gt=0, le=100)] | None,
        msgspec.Meta(description="What a run must reach, in the metric's unit"),
    ] = None
    relation: Annotated[
        AimRelation,
        msgspec.Meta(
            description="Whether a run that equals the target reaches it: at_least, or not: above"
        ),
    ] = "at_least"
    rate: Annotated[
        Fraction | None,
        msgspec.Meta(description="The share of runs that must reach the target: consistently"),
    ] = None
    parameters_below: Annotated[
        PositiveInt | None, msgspec.Meta(description="A network has fewer parameters")
    ] = None
    parameters_at_most: Annotated[
        PositiveInt | None, msgspec.Meta(description="A network has so many parameters or fewer")
    ] = None
    epochs_at_most: Annotated[
        PositiveInt | None, msgspec.Meta(description="A run has so many epochs or fewer")
    ] = None
    networks: Annotated[
        tuple[Name, ...],
        msgspec.Meta(
            description="Architectures of the document that it is asked of; default: all of them"
        ),
    ] = ()

    @property
    def limit(self) -> int | None:
        """The limit of parameters, whether it may be met or not."""
        return self.parameters_below or self.parameters_at_most

    def allows(self, n_parameters: int) -> bool:
        """Whether a network of that size keeps to the limit; True without a limit."""
        if self.parameters_below is not None:
            return n_parameters < self.parameters_below
        return self.parameters_at_most is None or n_parameters <= self.parameters_at_most

    def allows_epochs(self, n_epochs: int) -> bool:
        """Whether a run of so many epochs keeps to their limit; True without a limit."""
        return self.epochs_at_most is None or n_epochs <= self.epochs_at_most


class Document(Frozen, frozen=True, kw_only=True):
    """The text that a file of claims quotes. Its `[document]` table has all but the last two."""

    title: Annotated[str, msgspec.Meta(description="Its title", min_length=1)]
    label: Annotated[
        str,
        msgspec.Meta(description="Its name in tables, such as README", min_length=1),
    ] = "document"
    file: Annotated[str, msgspec.Meta(description="Its file, such as README.md")] = ""
    address: Annotated[str, msgspec.Meta(description="Its address on the web: https://...")] = ""
    licence: Annotated[
        str,
        msgspec.Meta(
            description="Its licence, such as MIT: its whole text may be stored beside the claims"
        ),
    ] = ""
    dataset: Annotated[
        Name, msgspec.Meta(description="The data set that its accuracies speak of")
    ] = "mnist"
    networks: Annotated[
        tuple[Name, ...],
        msgspec.Meta(description="Its architectures; default: the subjects of its claims"),
    ] = ()
    sections: Annotated[
        tuple[Reproduced, ...],
        msgspec.Meta(description="Its tables that the report reproduces"),
    ] = ()
    components: Annotated[
        tuple[str, ...],
        msgspec.Meta(description="The rows of its table of parameters, in their order"),
    ] = ()
    name: str = ""  # stem of the TOML file
    objective: Objective | None = None  # from the table `[objective]`


Relation = Literal["equals", "below", "at_most", "above", "at_least"]


class Claim(Frozen, frozen=True, kw_only=True):
    """One published statement: data, never a verdict.

    Descriptions and bounds go into the JSON Schema of a file of claims; which keys a metric needs
    stands in `bench.evidence.claims.metrics`.
    """

    id: Annotated[
        str, msgspec.Meta(description="A name of its own: network.parameters", min_length=1)
    ]
    file: str  # stem of the TOML file
    line: Annotated[int, msgspec.Meta(description="The line of the published document", ge=1)]
    quote: Annotated[
        str, msgspec.Meta(description="Its words, as they are on that line", min_length=1)
    ]
    metric: Annotated[str, msgspec.Meta(description="What is looked up", min_length=1)]
    subject: Annotated[
        str, msgspec.Meta(description="The claim's architecture, or document", min_length=1)
    ]
    published: Annotated[float, msgspec.Meta(description="The number, in the metric's unit")] = 0.0
    tolerance: Annotated[
        float,
        msgspec.Meta(
            description="Half a unit of the last digit given: agreement is from published - "
            "tolerance up to, and without, published + tolerance; 0 is exact",
            ge=0,
        ),
    ] = 0.0
    relation: Annotated[
        Relation, msgspec.Meta(description="How the measured value stands to the published one")
    ] = "equals"
    text: Annotated[
        str, msgspec.Meta(description="Instead of a number: a word, or a shape such as 28x28x6")
    ] = ""
    layers: Annotated[
        tuple[str, ...],
        msgspec.Meta(
            description="Layers by their name in `bench inspect`, or by kind and place, such as "
            "Conv2d 5; counts of several layers are added"
        ),
    ] = ()
    against: Annotated[
        str, msgspec.Meta(description="The architecture that the subject is compared with")
    ] = ""
    terms: Annotated[
        tuple[str, ...], msgspec.Meta(description="Ids of the claims that this one is checked by")
    ] = ()
    numbers: Annotated[
        tuple[float, ...], msgspec.Meta(description="Numbers in the document's calculation")
    ] = ()
    dataset: Annotated[str, msgspec.Meta(description="Data set of a published accuracy")] = "mnist"
    derivation: Annotated[
        str,
        msgspec.Meta(description="How the number follows from a quote that does not contain it"),
    ] = ""
    reason: Annotated[str, msgspec.Meta(description="Why it is not checkable")] = ""


def canonical_json(value: Any) -> bytes:
    """Indented JSON with a final newline: the form of every file that is committed."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"

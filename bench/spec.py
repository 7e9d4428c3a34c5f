"""The project's vocabulary: frozen, typed, validated records. Nothing here imports torch.

A field that joins a struct later must have a default that keeps the old behaviour: a run's key
is the digest of the fields that differ from their defaults, so old records keep their keys.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

SCHEMA = 1
ENGINE_VERSION = 1  # raise it when a change of bench/training/engine/ alters the bits of a run

Positive = Annotated[float, msgspec.Meta(gt=0)]
NonNegative = Annotated[float, msgspec.Meta(ge=0)]
Fraction = Annotated[float, msgspec.Meta(gt=0, lt=1)]
Share = Annotated[float, msgspec.Meta(ge=0, lt=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]
PositiveInt = Annotated[int, msgspec.Meta(gt=0)]
# Names and keys become names of files: none may lead out of its folder.
NAME = "[a-z][a-z0-9_]*"
Name = Annotated[str, msgspec.Meta(pattern=rf"^{NAME}$(?!\n)")]
TOP = "top"  # `report --group top`: the files at the top, so no sub-folder may have this name
Hex = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]+$(?!\n)")]

Status = Literal["completed", "diverged", "failed"]
# How the step is computed: as the network is written, with fused chains on a CPU, as CUDA graphs.
EnginePath = Literal["eager", "fused", "graph"]

S = TypeVar("S", bound=msgspec.Struct)


class Frozen(msgspec.Struct, frozen=True):
    """Base of every record. Construction does not validate; `checked` and decoding do."""


def checked(value: S) -> S:
    """The same value, its fields validated against their types and bounds.

    Raises:
        msgspec.ValidationError: names the field and the bound that it breaks.
    """
    return msgspec.convert(msgspec.to_builtins(value), type(value))


class Augmentation(Frozen, frozen=True, kw_only=True):
    """Rotation, then an affine map of each image; zeros switch a part off.

    The semantics are torchvision's `RandomRotation(+-rotation_degrees)` followed by
    `RandomAffine(0, (translate, translate), (scale_min, scale_max), shear_degrees)` with fill 0:
    on PIL images where it is nearest (torchvision's default), on uint8 tensors where bilinear.
    """

    rotation_degrees: Annotated[float, msgspec.Meta(ge=0, le=180)] = 0.0
    translate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0  # fraction of the image's side
    scale_min: Positive = 1.0
    scale_max: Positive = 1.0
    shear_degrees: Annotated[float, msgspec.Meta(ge=0, lt=90)] = 0.0  # along x only
    interpolation: Literal["nearest", "bilinear"] = "nearest"


class RecipeError(ValueError):
    """Fields of a recipe that contradict each other; decoding turns it into a ValidationError."""


class Recipe(Frozen, frozen=True, kw_only=True):
    """How a network is trained. Cross-entropy; the learning rate is set before every step.

    A field that acts under some schedule alone keeps its default under the others: it would
    change nothing but the key. That is checked at construction too.
    """

    peak_learning_rate: Positive
    warmup_fraction: Share  # of the steps; OneCycleLR's pct_start, a linear rise elsewhere
    weight_decay: NonNegative = 0.0  # adam and sgd add it to the gradient; adamw's is decoupled
    decay_norm_and_bias: bool = True  # False spares norm layers and what has below two dimensions
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"  # sgd: Nesterov momentum
    momentum: Share = 0.9  # sgd's, and Adam's beta1, where the schedule does not cycle it
    # Adam's beta2 is 0.999 and its epsilon 1e-8, as in torch.
    schedule: Literal["one_cycle", "cosine", "linear", "step"] = "one_cycle"
    div_factor: Positive = 25.0  # peak / the warm-up's first learning rate
    final_div_factor: Positive = 1e4  # one_cycle: the first learning rate / the last
    cycle_momentum: bool = True  # one_cycle: from 0.95 to 0.85 at the peak, and back
    final_fraction: Share = 0.0  # cosine, linear: the last learning rate / peak
    step_fractions: tuple[Fraction, ...] = ()  # step: the parts of the steps after which it falls
    step_factor: Fraction = 0.1  # step: what each fall multiplies the learning rate by
    label_smoothing: Share = 0.0
    ema_decay: Share = 0.0  # above 0, a running average of the weights is what is evaluated
    ema_warmup: Positive = 9.0  # after t steps the decay is at most (t + 1) / (t + 1 + ema_warmup)
    batch_size: PositiveInt = 128  # the last, short batch is kept
    epochs: PositiveInt = 15
    augmentation: Augmentation = Augmentation()
    unaugmented_epochs: Count = 0  # the last so many epochs train on the images as they are
    pixel_mean: float = 0.1307
    pixel_std: Positive = 0.3081

    def __post_init__(self) -> None:
        try:
            problem = _contradiction(self)
        except TypeError:  # a value of a wrong type: `checked` names it
            return
        if problem:
            raise RecipeError(problem)

    def with_epochs(self, epochs: int) -> Recipe:
        """The same recipe over so many epochs; its unaugmented epochs are at most those."""
        unaugmented = min(self.unaugmented_epochs, epochs)
        return msgspec.structs.replace(self, epochs=epochs, unaugmented_epochs=unaugmented)

    @property
    def unused(self) -> dict[str, str]:
        """The fields that do not act in this recipe, with what each needs."""
        one_cycle = self.schedule == "one_cycle"
        anneals = self.schedule in ("cosine", "linear")
        steps = self.schedule == "step"
        cycles = one_cycle and self.cycle_momentum
        rules = (
            ("momentum", not cycles, "cycle_momentum=False or another schedule than one_cycle"),
            ("div_factor", one_cycle or self.warmup_fraction != 0, "a warmup_fraction above 0"),
            ("final_div_factor", one_cycle, "schedule='one_cycle'"),
            ("cycle_momentum", one_cycle, "schedule='one_cycle'"),
            ("final_fraction", anneals, "schedule='cosine' or 'linear'"),
            ("step_fractions", steps, "schedule='step'"),
            ("step_factor", steps, "schedule='step'"),
            ("ema_warmup", self.ema_decay > 0, "an ema_decay above 0"),
        )
        return {name: needs for name, acts, needs in rules if not acts}


def _contradiction(recipe: Recipe) -> str | None:
    """What is wrong with the recipe beyond the bounds of each field."""
    values = {name: getattr(recipe, name) for name in recipe.__struct_fields__}
    defaults = {field.name: field.default for field in msgspec.structs.fields(Recipe)}
    for name, value in values.items():
        if isinstance(value, float) and not math.isfinite(value):
            return f"{name}={value} is no finite number"
    for name, needs in recipe.unused.items():
        if values[name] != defaults[name]:
            return f"{name}={values[name]} has no effect: it needs {needs}"
    if recipe.schedule == "step" and not recipe.step_fractions:
        return "schedule='step' needs step_fractions, such as (0.5, 0.75)"
    if any(a >= b for a, b in zip(recipe.step_fractions, recipe.step_fractions[1:], strict=False)):
        return f"step_fractions={recipe.step_fractions} do not rise"
    if recipe.unaugmented_epochs > recipe.epochs:
        return f"unaugmented_epochs={recipe.unaugmented_epochs} is more than epochs={recipe.epochs}"
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
    build: Callable[[], Any]  # () -> torch.nn.Module: (n, 1, 28, 28) -> (n, 10)


class Numerics(Frozen, frozen=True, kw_only=True):
    """What decides the bits beside the mathematics."""

    memory_format: Literal["channels_last", "contiguous_format"]
    n_threads: PositiveInt = 1
    flush_denormal: bool = True
    path: EnginePath = "eager"
    tf32: bool = False
    device_type: Literal["cpu", "cuda"] = "cpu"


class DatasetInfo(Frozen, frozen=True, kw_only=True):
    name: Name
    digest: str  # sha256 over images and labels of both parts
    n_train: int
    n_validation: int
    n_test: int
    split_seed: int


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
        return digest(msgspec.json.encode(_essence(self), order="sorted"))


def _essence(value: Any) -> Any:
    """Nested dicts of the fields that differ from their defaults."""
    if not isinstance(value, msgspec.Struct):
        return value
    pairs = [(field, getattr(value, field.name)) for field in msgspec.structs.fields(value)]
    return {field.name: _essence(item) for field, item in pairs if item != field.default}


def digest(content: bytes) -> str:
    """64 hex digits: sha256 of the bytes."""
    return hashlib.sha256(content).hexdigest()


class Environment(Frozen, frozen=True, kw_only=True):
    fingerprint: str  # 12 hex digits over torch build, processor or GPU, driver, cuDNN
    device: str
    processor: str
    torch: str
    python: str
    packages: dict[str, str]
    commit: str | None
    dirty: bool | None
    command: str


class Epoch(Frozen, frozen=True, kw_only=True):
    """One epoch's measurements: losses are means over images, counts are exact."""

    epoch: int  # from 1
    learning_rate: float  # of the epoch's last step
    train_loss: float
    train_correct: int  # counted on the augmented batches while training
    validation_loss: float
    validation_correct: int
    test_loss: float | None = None  # None where the run was made without looking at the test split
    test_correct: int | None = None
    # Training alone, evaluation excluded. On a GPU: from the epoch's first operation there to its
    # last, so it holds the work of the other runs that share the GPU meanwhile.
    train_seconds: float = 0.0


class RunRecord(Frozen, frozen=True, kw_only=True):
    """One run as it lies in `results/`. Immutable."""

    schema: int = SCHEMA
    engine_version: int
    key: Hex
    status: Status
    reason: str | None  # why a run is not completed
    architecture: Name
    architecture_digest: Hex
    n_parameters: int
    recipe: Recipe
    seed: int
    evaluate_test: bool
    dataset: DatasetInfo
    numerics: Numerics
    environment: Environment
    epochs: list[Epoch]
    selected_epoch: int | None  # the epoch with the best validation count, the first of equals
    test_misses: list[tuple[int, int]] | None  # (test index, label given) of the last epoch
    weights_sha256: str | None
    train_seconds: float  # the sum over its epochs
    declaration: str | None = None  # 12 hex digits: where its suite's protocol declared this run

    @property
    def completed(self) -> bool:
        return self.status == "completed"


class Field(Frozen, frozen=True, kw_only=True):
    """One measured figure: how it is named, printed and ranked."""

    name: str  # unit in the name, e.g. receptive_field_pixels
    title: str  # for tables
    unit: str
    digits: int = 0
    better: Literal["lower", "higher", "neither"] = "neither"


class Measured(Frozen, frozen=True, kw_only=True):
    """What one measure found on one architecture."""

    fields: tuple[Field, ...]
    values: dict[str, Any]  # field's name -> value
    layers: dict[str, dict[str, Any]] = {}  # layer's dotted name -> column -> value, in call order
    components: dict[str, int] = {}  # component -> value; adds up to the measure's total
    notes: list[str] = []  # the convention, and what was not counted
    error: str | None = None  # why this measure does not apply; values are then empty
    views: dict[str, dict[str, int]] = {}  # view -> part -> value; each adds up to the total
    tables: dict[str, list[dict[str, Any]]] = {}  # title -> rows of column -> value
    at_least: bool = False  # parts are missing: the values are lower bounds


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


Relation = Literal["equals", "below", "at_most", "above", "at_least"]


class Claim(Frozen, frozen=True, kw_only=True):
    """One published statement: data, never a verdict.

    Descriptions and bounds go into the JSON Schema of a file of claims; which keys a metric needs
    stands in `bench.evidence.claims.metrics`.
    """

    id: Annotated[
        str, msgspec.Meta(description="A name of its own: model_1.parameters", min_length=1)
    ]
    file: str  # stem of the TOML file
    line: Annotated[int, msgspec.Meta(description="Line of the published document", ge=1)]
    quote: Annotated[
        str, msgspec.Meta(description="Its words, to be found on that line", min_length=1)
    ]
    metric: Annotated[str, msgspec.Meta(description="What is looked up", min_length=1)]
    subject: Annotated[
        str, msgspec.Meta(description="The architecture it speaks of, or document", min_length=1)
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
        str, msgspec.Meta(description="Instead of a number: a word, or a shape as 28x28x6")
    ] = ""
    layers: Annotated[
        tuple[str, ...],
        msgspec.Meta(
            description="Layers as `bench inspect` names them, or by kind and place: Conv2d 5; "
            "counts of several are added"
        ),
    ] = ()
    against: Annotated[
        str, msgspec.Meta(description="The architecture that the subject is compared with")
    ] = ""
    terms: Annotated[
        tuple[str, ...], msgspec.Meta(description="Ids of the claims that this one is checked by")
    ] = ()
    numbers: Annotated[
        tuple[float, ...], msgspec.Meta(description="Numbers that the document reckons with")
    ] = ()
    dataset: Annotated[str, msgspec.Meta(description="Data set of a published accuracy")] = "mnist"
    derivation: Annotated[
        str, msgspec.Meta(description="How the number follows from a quote that does not hold it")
    ] = ""
    reason: Annotated[str, msgspec.Meta(description="Why it is not checkable")] = ""


def canonical_json(value: Any) -> bytes:
    """Indented JSON with a final newline: the form of every file that is committed."""
    return msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n"

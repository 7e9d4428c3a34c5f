"""Any content whatever is read, or refused in one line: no other exception, no hang.

`FUZZ_EXAMPLES` is how many inputs each test makes up; `tox run -e soak` makes up many more.
"""

from __future__ import annotations

import gzip
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from bench.cli.terminal import require_suite_name
from bench.errors import BenchError, SetAside
from bench.evidence.claims.load import placed
from bench.inputs import recipes, runners
from bench.inputs.declared.arrays import idx_array
from bench.inputs.declared.loading import parsed
from bench.inputs.imported import mapping
from bench.inputs.seeds import parse_seeds
from bench.records.store import Suite
from bench.spec import RecipeError
from tests import factories

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "60"))
SEED = int(os.environ.get("FUZZ_SEED", "28"))

numbers = st.one_of(
    st.integers(),
    st.sampled_from([-1, 0, 2**31, 2**53, 2**63, 2**64, 10**399, -(10**399)]),
    st.floats(),
    st.sampled_from([1e30, 1e308, -0.0, 5e-324]),
)
UNSEEN = set("\n\x00\x1b\u202e\ud800")
HOSTILE = ("$", "=cmd", "@", "\x1b[31m", "\x00", "\u202e", "\ud800", "<b>", "../x", "n" * 10_000)
texts = st.one_of(st.text(), st.text("0123456789abcdef", max_size=64), st.sampled_from(HOSTILE))
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=8,
)


def fuzzed(test: Callable[..., None]) -> Callable[..., None]:
    """Runs the test with so many made-up inputs, the same each time."""
    health = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    chosen = settings(
        max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=health
    )
    return seed(SEED)(chosen(test))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each value, at any depth."""
    items: Any = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    return [path] * bool(path) + [each for key, one in items for each in places(one, (*path, key))]


@st.composite
def changed(draw: st.DrawFn, good: bytes) -> bytes:
    """A good file with some values changed or taken out, or some bytes of it."""
    if draw(st.booleans()):
        content = bytearray(good)
        for _ in range(draw(st.integers(1, 4))):
            content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
        return bytes(content[: draw(st.sampled_from([len(content), len(content) // 2, 0]))])
    tree = json.loads(good)
    for _ in range(draw(st.integers(1, 3))):
        *outer, last = draw(st.sampled_from(places(tree)))
        inner = tree
        try:
            for key in outer:
                inner = inner[key]
            if draw(st.integers(0, 4)):
                inner[last] = draw(values)
            else:
                del inner[last]
        except (KeyError, IndexError, TypeError):  # an earlier change took it away
            continue
    return json.dumps(tree).encode()


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    """A suite with one file of each kind."""
    suite = factories.suite(tmp_path_factory.mktemp("fuzz"), architectures=["model_1"], seeds=[0])
    suite.add_latency(factories.latency("model_1"))
    suite.add_field(factories.effective_field(suite.runs()))
    suite.add_scored(factories.scored())
    return suite


KINDS = (
    *("*/*/seed-*.json", "portraits/*.json", "latency/*.json"),
    *("*/*/effective-field-*.json", "*/*/scored-weights-*.json"),
)


@pytest.mark.parametrize("kind", KINDS)
def test_any_file_of_a_suite(suite: Suite, kind: str) -> None:
    (path,) = suite.folder.glob(kind)
    good = path.read_bytes()

    @fuzzed
    @given(changed(good))
    def reads(content: bytes) -> None:
        path.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SetAside)
            runs = suite.runs()
            suite.portraits()
            suite.findings()
        for run in runs:  # what is believed agrees with its key and its counts
            assert run.key == run.spec.key
            assert 0 <= (run.epochs[-1].test_correct or 0) <= run.dataset.n_test

    try:
        reads()
    finally:
        path.write_bytes(good)


def refused_or(work: Callable[[], object]) -> None:
    """Does it; an expected error is one line."""
    said = ""
    try:
        work()
    except BenchError as error:
        said = str(error)
    assert not UNSEEN & set(said)


@fuzzed
@given(st.one_of(st.text(), st.text("0123456789,- x"), st.sampled_from(["9" * 5000, "0-" * 999])))
def test_any_seeds(text: str) -> None:
    refused_or(lambda: parse_seeds(text))


@fuzzed
@given(texts)
def test_any_suite_name(text: str) -> None:
    refused_or(lambda: require_suite_name(text))


FIELDS = (*recipes.FIELDS, "nothing")


@fuzzed
@given(
    st.lists(
        st.tuples(st.sampled_from(FIELDS), st.one_of(values.map(json.dumps), texts)), max_size=3
    )
)
def test_any_change_of_a_recipe(words: list[tuple[str, str]]) -> None:
    def applied() -> None:
        fields = recipes.parsed([f"{name}={value}" for name, value in words])
        found = recipes.Changes(fields=fields).applied(factories.recipe())
        msgspec.json.encode(found)

    refused_or(applied)


def toml(tree: Any) -> str:
    """A value as TOML, or what is none."""
    if isinstance(tree, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in tree.items()) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(map(toml, tree)) + "]"
    if isinstance(tree, float):
        return repr(tree)
    return json.dumps(tree)


CLAIM = (
    *("id", "line", "quote", "metric", "subject", "published", "reference", "dataset", "n_runs"),
    *("tolerance", "comparison", "layer", "epoch"),
)
DATA = ("kind", "path", "classes", "sha256", "split", "layout", "name", "mean", "std", "variant")
RUNNER = ("command", "folder", "files", "metrics", "dataset", "epochs", "at_once", "seconds")
MAPPING = ("dataset", "n_test", "columns", "arch", "recipe", "epochs", "n_train")


def rows(keys: tuple[str, ...], head: str = "") -> st.SearchStrategy[str]:
    """A TOML file with some of these keys, or any text."""
    known = st.dictionaries(st.one_of(st.sampled_from(keys), texts), values, max_size=8)
    written = known.map(
        lambda row: head + "".join(f"{json.dumps(k)} = {toml(v)}\n" for k, v in row.items())
    )
    return st.one_of(written, written, st.text(), st.just("x = " + "[" * 5_000))


READERS: dict[str, tuple[st.SearchStrategy[str], Callable[[Path], object]]] = {
    "claims": (rows(CLAIM, "[[claim]]\n"), lambda path: placed([path])),
    "data set": (rows(DATA, 'kind = "image_folder"\n'), parsed),
    "runner": (rows(RUNNER), runners.load),
    "mapping": (rows(MAPPING), lambda path: mapping.load(path, None, None)),
}


@pytest.mark.parametrize("name", READERS)
def test_any_file_that_a_person_writes(tmp_path: Path, name: str) -> None:
    written, read = READERS[name]
    path = tmp_path / "made_up.toml"

    @fuzzed
    @given(written)
    def reads(text: str) -> None:
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        refused_or(lambda: read(path))

    reads()


@fuzzed
@given(
    st.binary(max_size=64),
    st.sampled_from([b"", b"\0\0\x08\x01", b"\0\0\x08\x03\xff\xff\xff\xff"]),
    st.booleans(),
)
def test_any_images(content: bytes, head: bytes, packed: bool) -> None:
    whole = head + content
    refused_or(lambda: idx_array(gzip.compress(whole) if packed else whole, "images"))


def test_more_epochs_than_anybody_trains_are_refused() -> None:
    with pytest.raises(RecipeError):
        msgspec.structs.replace(factories.recipe(), epochs=10**12)

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from bench.errors import UsageError
from bench.inputs import discover
from bench.inputs.recipes import Changes
from bench.records.store import Suite
from bench.training import plan
from bench.training.plan import Matrix, make_plan, require_epochs, run_spec
from bench.training.selection import changed
from tests import factories
from tests.support import ROOT


@pytest.mark.parametrize("epochs", [0, -3])
def test_fewer_than_one_epoch_is_refused(epochs: int) -> None:
    with pytest.raises(UsageError, match=f"bad epochs '{epochs}'"):
        require_epochs(epochs)


def test_a_changed_recipe_is_the_runs_and_the_digest_stays_the_files() -> None:
    (found,) = discover.select(discover.scan(ROOT / "architectures"), ["model_2"])
    architecture = discover.load(found)
    changes = Changes(factories.recipe(), {"ema_decay": 0.5}, epochs=2)
    matrix = Matrix(
        changed([(found, architecture)], changes), [3], factories.MNIST, factories.LAPTOP
    )
    (job,) = make_plan(matrix, Suite(Path("results"), "local"), []).jobs
    assert job.spec == factories.run_spec(
        "model_2",
        3,
        architecture_digest=architecture.digest,
        recipe=replace(factories.recipe(), ema_decay=0.5, epochs=2),
    )


def test_a_plan_trains_what_is_missing_and_names_what_failed_before() -> None:
    (found,) = discover.select(discover.scan(ROOT / "architectures"), ["model_2"])
    architecture = discover.load(found)
    like = {"architecture_digest": architecture.digest, "recipe": architecture.recipe}
    completed = factories.record("model_2", 0, **like)
    diverged = factories.failed("model_2", 1, **like)
    matrix = Matrix([(found, architecture)], [0, 1, 2], factories.MNIST, factories.LAPTOP)
    suite = Suite(Path("results"), "local")
    made = make_plan(matrix, suite, [completed, diverged])
    assert [job.spec.seed for job in made.jobs] == [2]
    assert (made.n_present, made.failed_before) == (2, [suite.path_of(diverged)])


def test_a_raised_engine_version_makes_new_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = discover.select(discover.scan(ROOT / "architectures"), ["model_2"])
    architecture = discover.load(found)
    like = factories.run_spec("model_2", 3)
    matrix = Matrix([(found, architecture)], [3], like.dataset, factories.LAPTOP)
    before = run_spec(architecture, 3, matrix)
    monkeypatch.setattr(plan, "ENGINE_VERSION", plan.ENGINE_VERSION + 1)
    after = run_spec(architecture, 3, matrix)
    assert after.engine_version == before.engine_version + 1
    assert after.key != before.key


def test_a_plan_tells_which_runs_another_torch_has_trained() -> None:
    (found,) = discover.select(discover.scan(ROOT / "architectures"), ["model_2"])
    architecture = discover.load(found)
    like = {"architecture_digest": architecture.digest, "recipe": architecture.recipe}
    older = replace(factories.LAPTOP, torch="2.6.0")
    runs = [factories.record("model_2", 0, **like)]
    runs += [factories.record("model_2", seed, environment=older, **like) for seed in (1, 2, 9)]
    matrix = Matrix([(found, architecture)], [0, 1, 2, 3], factories.MNIST, factories.LAPTOP)
    made = make_plan(matrix, Suite(Path("results"), "local"), runs)
    assert made.by_other_torch(factories.LAPTOP.torch) == {"2.6.0": 2}  # seed 9 is not wanted
    assert [job.spec.seed for job in made.jobs] == [3]

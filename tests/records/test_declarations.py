"""What a suite declares before its runs, and how that judges them."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from msgspec.structs import replace

from bench.errors import StoreError, UsageError
from bench.records.arms import Arm, arms
from bench.records.declarations import JUDGES, Purpose, Wanted, declare, foresee
from bench.records.protocol import Goal, Protocol, Sweep, arm_key
from bench.records.standing import standing
from bench.records.store import Suite
from bench.report.parts.banners import banners
from bench.report.sections import answer, target
from bench.report.summary import Summary, summarise
from bench.spec import Objective, RunRecord
from bench.stats.rates import lower_bound
from bench.stats.sequences import confidence_sequence
from tests import factories
from tests.support import ROOT

Bench = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., Path]
TRAIN = ("train", "--dataset", "mnist5k", "--epochs", "1", "--jobs", "1")
DECLARED = Objective(target=99.0, rate=0.9)
HEAD = Protocol(rule="declared", rate=0.9, target=99.4, alpha=0.05)


def runs(
    seeds: Iterable[int], missed: Iterable[int] = (), name: str = "model_1"
) -> list[RunRecord]:
    misses = set(missed)
    return [
        factories.record(name, seed, test_correct=9939 if seed in misses else 9941)
        for seed in seeds
    ]


def sweep(of: list[RunRecord], first: int, last: int, **fields: object) -> Sweep:
    known = {"arm": arm_key(of[0]), "dataset": "mnist", "architecture": of[0].architecture}
    return Sweep(**known, seeds=((first, last),), **fields)  # type: ignore[arg-type]


def arm_of(every: list[RunRecord], *sweeps: Sweep, attempts: tuple[str, ...] = ()) -> Arm:
    protocol = replace(HEAD, sweeps=sweeps, attempts=attempts)
    (found,) = arms("local", every, "test", protocol)
    return found


def summary_of(every: list[RunRecord], protocol: Protocol) -> Summary:
    links = {run.key: "record.json" for run in every}
    (found,) = summarise("local", every, [], factories.published(), links, "command")
    return found.judged_by(protocol)


def test_a_whole_sweep_has_exact_bounds() -> None:
    every = runs(range(29))
    arm = arm_of(every, sweep(every, 0, 28))
    assert (arm.standing.kind, arm.verdict.verdict) == ("declared", "confirmed")
    assert arm.verdict.lower == lower_bound(29, 29)
    assert arm.standing.note(29) == ""


def test_what_a_target_asks_of_a_tie_is_declared(tmp_path: Path) -> None:
    """An older protocol, and one for "at least", have the same bytes; "above" is kept too."""
    above, at_least = Goal(99.0, 0.9, "above"), Goal(99.0, 0.9)
    suite = Suite(tmp_path, "local")
    for number, goal in enumerate((at_least, above)):
        name = f"model_{number + 1}"
        arm = arm_key(factories.record(name))
        declare(suite, [Wanted(arm, "mnist", name, [0, 1], goal)], JUDGES, [])
    protocol = suite.protocol()
    assert protocol is not None
    assert [protocol.goal_of(each) for each in protocol.sweeps] == [at_least, above]
    kept = json.loads((suite.folder / "protocol.json").read_text())
    assert "relation" not in kept
    assert [each.get("relation") for each in kept["sweeps"]] == [None, "above"]
    ties = factories.runs("model_2", [9900] * 2)
    arm = replace(DECLARED, relation="above")
    found = arms("local", ties, "test", protocol)[0]
    assert found.objective == arm
    assert (found.target, found.n_reached) == (9901, 0)


def test_a_sweep_of_which_runs_are_missing_is_incomplete() -> None:
    every = runs(range(29))
    arm = arm_of(every, sweep(every, 0, 48))
    assert (arm.standing.kind, arm.verdict.verdict) == ("declared", "undecided")
    assert arm.standing.note(29) == "incomplete, 29 of 49"
    assert arm.verdict.more_to_confirm == 20
    found = summary_of(every, replace(HEAD, sweeps=(sweep(every, 0, 48),)))
    assert "model_1 lacks seed 29\N{EN DASH}48 (29 of 49)" in " ".join(banners([found]))


RENEWED = (
    "While “bench all” trains the others, or “bench report --watch” runs, this page is renewed: "
    "reload it."
)


def test_while_declared_runs_are_missing_the_page_says_how_many_are_there() -> None:
    first, other = runs(range(9)), runs(range(3), name="model_2")
    protocol = replace(HEAD, sweeps=(sweep(first, 0, 9), sweep(other, 0, 9)))

    def said(every: list[RunRecord]) -> tuple[str, ...]:
        return banners([summary_of(every, protocol)])

    lacks = "model_1 lacks seed 9 (9 of 10) and model_2 lacks seed 3\N{EN DASH}9 (3 of 10)"
    assert said([*first, *other]) == (f"12 of 20 declared runs are there: {lacks}. {RENEWED}",)
    whole = [*runs(range(10)), *runs(range(10), name="model_2")]
    assert said(whole) == ()
    assert said(whole[1:])[0].startswith("19 of 20 declared runs are there: model_1 lacks seed 0 ")


def test_a_network_of_the_document_whose_first_run_is_to_come_is_counted() -> None:
    first, other = runs(range(9)), runs(range(3), name="model_2")
    protocol = replace(HEAD, sweeps=(sweep(first, 0, 9), sweep(other, 0, 9)))
    portraits = [factories.portrait(name) for name in ("model_1", "model_2")]
    links = {run.key: "record.json" for run in first}
    for made, n in (([], "0"), (first, "9")):
        (found,) = summarise("local", made, portraits, factories.published(), links, "command")
        (line,) = banners([found.judged_by(protocol)])
        assert line.startswith(f"{n} of 20 declared runs are there")
        assert line.endswith(RENEWED)


def test_many_networks_without_all_their_runs_are_not_listed() -> None:
    names = [f"net_{number}" for number in range(4)]
    every = [run for name in names for run in runs(range(2), name=name)]
    sweeps = tuple(sweep(runs([0], name=name), 0, 2) for name in names)
    (line,) = banners([summary_of(every, replace(HEAD, sweeps=sweeps))])
    assert line == f"8 of 12 declared runs are there. {RENEWED}"


def test_runs_that_a_stopped_sweep_lacks_are_not_waited_for() -> None:
    every = runs(range(9))
    stopped = replace(HEAD, sweeps=(sweep(every, 0, 9, stopped="it was good enough"),))
    assert not any("declared runs" in line for line in banners([summary_of(every, stopped)]))


def test_runs_that_were_added_after_a_look_have_a_confidence_sequence() -> None:
    every = runs(range(42))
    arm = arm_of(every, sweep(every, 0, 29), sweep(every, 30, 41, n_seen=30))
    assert (arm.standing.kind, arm.verdict.verdict) == ("extended", "undecided")
    assert arm.verdict.lower < confidence_sequence([True] * 42)[-1].low
    assert arm.standing.note(42) == "extended after 30 runs"
    assert dataclasses.replace(arm.standing, n_declared=1).note(42) == "extended after 1 run"
    found = summary_of(every, replace(HEAD, sweeps=(*_sweeps(every),)))
    assert any("Judged by a confidence sequence: model_1" in line for line in banners([found]))
    section = target.section(found)
    assert section is not None
    assert "judges them (beta-binomial" in section.text[0]


def _sweeps(every: list[RunRecord]) -> tuple[Sweep, ...]:
    return sweep(every, 0, 29), sweep(every, 30, 41, n_seen=30)


def test_added_seeds_change_nothing_before_their_first_run() -> None:
    every = runs(range(29))
    arm = arm_of(every, sweep(every, 0, 28), sweep(every, 29, 48, n_seen=29))
    assert (arm.standing.kind, arm.verdict.verdict) == ("declared", "confirmed")
    assert arm.standing.note(29) == "incomplete, 29 of 49"


def test_a_run_that_nobody_declared_extends_the_arm() -> None:
    every = runs(range(30))
    assert arm_of(every, sweep(every, 0, 28)).standing.kind == "extended"


def test_a_sweep_that_was_stopped_on_a_result_says_so() -> None:
    every = runs(range(10), missed=[3])
    arm = arm_of(every, sweep(every, 0, 29, stopped="one of ten had missed"))
    assert (arm.standing.kind, arm.verdict.verdict) == ("stopped", "undecided")
    assert arm.standing.note(10) == "stopped because of a result, 30 declared"
    reached = [seed != 3 for seed in range(10)]
    assert arm.verdict.lower == confidence_sequence(reached)[-1].low


def test_runs_that_chose_an_arm_are_apart_from_those_that_judge_it() -> None:
    every = runs(range(34), missed=[1])
    sweeps = (sweep(every, 0, 4, role="chooses"), sweep(every, 5, 33))
    arm = arm_of(every, *sweeps)
    assert arm.seeds == list(range(5, 34))
    assert (arm.n_reached, arm.verdict.verdict) == (29, "confirmed")
    assert arm.test_counts == [9941] * 29
    found = summary_of(every, replace(HEAD, sweeps=sweeps))
    (judging,), (choosing,) = found.arms, found.choosing
    assert (judging.n_reached, choosing.n_reached) == (29, 4)
    section = target.section(found)
    assert section is not None
    assert [cell.text for cell in section.tables[1].rows[0]][1:3] == ["0\N{EN DASH}4", "4 of 5"]


def test_eight_attempts_are_corrected_together() -> None:
    every = runs(range(29))
    others = tuple(f"{at:064x}" for at in range(7))
    mine = sweep(every, 0, 28)
    arm = arm_of(every, mine, attempts=(mine.arm, *others))
    assert (arm.verdict.verdict, arm.alone.verdict) == ("undecided", "confirmed")
    # 29 of 29 at 0.05 / 8: 0.00625^(1 / 29)
    assert arm.verdict.lower == pytest.approx(0.00625 ** (1 / 29))
    protocol = replace(HEAD, sweeps=(mine,), attempts=(mine.arm, *others))
    found = summary_of(every, protocol)
    (lanes,) = answer.section(found).lanes
    badge = lanes.rows[0].badge
    assert (badge.text, badge.note.partition(";")[0]) == ("undecided", "uncorrected: confirmed")
    assert "38 more" in badge.note
    assert "undecided (uncorrected: confirmed)" in answer.section(found.only("model_1")).text[0]
    everyone = runs(range(61))
    mine = sweep(everyone, 0, 60)
    assert arm_of(everyone, mine, attempts=(mine.arm, *others)).verdict.verdict == "confirmed"


def wanted(of: list[RunRecord], seeds: Iterable[int]) -> list[Wanted]:
    return [Wanted(arm_key(of[0]), "mnist", of[0].architecture, list(seeds))]


def test_a_command_declares_what_is_new_and_tells_of_an_extension(tmp_path: Path) -> None:
    suite, every = Suite(tmp_path, "local"), runs(range(5))
    assert declare(suite, wanted(every, range(5)), Purpose(), []) == []
    first = suite.protocol()
    assert first is not None
    assert [each.seeds for each in first.sweeps] == [((0, 4),)]
    assert declare(suite, wanted(every, range(3)), Purpose(), []) == []
    assert suite.protocol() == first
    (notice,) = declare(suite, wanted(every, range(8)), Purpose(), every)
    assert notice.startswith("'model_1' has 5 runs already: seed 5-7 extends them")
    second = suite.protocol()
    assert second is not None
    assert [(each.seeds, each.n_seen) for each in second.sweeps] == [(((0, 4),), 0), (((5, 7),), 5)]


def test_more_seeds_before_the_first_run_extend_nothing(tmp_path: Path) -> None:
    suite, every = Suite(tmp_path, "local"), runs(range(5))
    declare(suite, wanted(every, range(5)), Purpose(), [])
    assert declare(suite, wanted(every, range(9)), Purpose(), []) == []
    (found,) = arms("local", runs(range(9)), "test", suite.protocol())
    assert found.standing.kind == "declared"


@pytest.mark.parametrize(("first", "second"), [("chooses", "judges"), ("judges", "chooses")])
def test_no_seed_both_chooses_and_judges(tmp_path: Path, first: str, second: str) -> None:
    suite, every = Suite(tmp_path, "local"), runs(range(5))
    declare(suite, wanted(every, [3, 4]), Purpose(first), [])  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="by seed 4, so the same runs cannot be used"):
        declare(suite, wanted(every, [4, 5]), Purpose(second), [])  # type: ignore[arg-type]


def test_runs_that_are_there_cannot_be_declared_to_have_chosen(tmp_path: Path) -> None:
    suite, every = Suite(tmp_path, "local"), runs(range(5))
    with pytest.raises(UsageError, match="judged by seed 1-2"):
        declare(suite, wanted(every, [1, 2]), Purpose("chooses"), every)


def read(suite: Suite) -> tuple[list[RunRecord], Protocol | None]:
    return suite.runs(), suite.protocol()


def kept(suite: Suite, **fields: object) -> None:
    path = suite.folder / "protocol.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda suite: kept(suite, rate=0.5), "edited after it was declared"),
        (lambda suite: kept(suite, attempts=["ab" * 32]), "but it has no declared runs"),
        (lambda suite: (suite.folder / "protocol.json").unlink(), "protocol is missing"),
        (lambda suite: linked(suite), "symbolic link"),
        (lambda suite: exchanged(suite), "is not the protocol of its runs"),
        (lambda suite: contradicted(suite), "seed 2 of mnist/model_1/.* both chooses and judges"),
        (lambda suite: widened(suite), "a range of seeds is not a range"),
        (lambda suite: (suite.folder / "protocol.json").write_text("[" * 5000), "unreadable"),
    ],
)
def test_a_protocol_that_was_changed_is_told_in_one_line(
    tmp_path: Path, damage: Callable[[Suite], object], message: str
) -> None:
    suite, every = Suite(tmp_path, "local"), runs(range(5))
    declare(suite, wanted(every, range(5)), Purpose(), [])
    for run in every:
        suite.add_run(run, None)
    assert all(run.declaration for run in suite.runs())
    damage(suite)
    with pytest.raises(StoreError, match=message) as raised:
        read(suite)
    assert "\n" not in str(raised.value)
    assert raised.value.exit_code == 2


def linked(suite: Suite) -> None:
    path = suite.folder / "protocol.json"
    other = suite.folder / "other.json"
    path.rename(other)
    path.symlink_to(other)


def exchanged(suite: Suite) -> None:
    other = replace(HEAD, sweeps=(sweep(runs([0]), 0, 9),)).sealed()
    (suite.folder / "protocol.json").unlink()
    suite.declare(lambda _: other)


def contradicted(suite: Suite) -> None:
    protocol = suite.protocol()
    assert protocol is not None
    chose = replace(protocol.sweeps[0], role="chooses", seeds=((2, 2),))
    (suite.folder / "protocol.json").unlink()
    suite.declare(lambda _: replace(protocol, sweeps=(*protocol.sweeps, chose)))


def widened(suite: Suite) -> None:
    protocol = suite.protocol()
    assert protocol is not None
    (suite.folder / "protocol.json").unlink()
    wide = replace(protocol.sweeps[0], seeds=((0, 10**12),))
    suite.declare(lambda _: replace(protocol, sweeps=(wide,)))


def test_a_notice_of_the_plan_declares_nothing(tmp_path: Path) -> None:
    suite = Suite(tmp_path, "local")
    every = runs(range(5))
    wanted = [Wanted(arm_key(every[0]), "mnist", "model_1", range(8), Goal(99.4, 0.9))]
    (notice,) = foresee(suite, wanted, JUDGES, every)
    assert notice.startswith("'model_1' has 5 runs already: seed 5-7 extends them")
    assert suite.protocol() is None


def test_the_commands_declare_train_and_extend(
    bench: Bench, tmp_path: Path, write_architecture: Write
) -> None:
    write_architecture("tiny")
    path = tmp_path / "results" / "local" / "protocol.json"
    only = bench(*TRAIN, "--seeds", "2", "--attempt", "--declare-only")
    assert only.returncode == 0, only.stderr
    declared = json.loads(path.read_bytes())
    assert (declared["rate"], declared["target"], len(declared["attempts"])) == (None, None, 1)
    assert not list(tmp_path.glob("results/local/mnist5k/*/seed-*"))
    done = bench(*TRAIN, "--seeds", "2")
    assert done.returncode == 0, done.stderr
    assert "extends" not in done.stdout
    assert json.loads(path.read_bytes()) == declared
    more = bench(*TRAIN, "--seeds", "3")
    said = more.stdout.splitlines()
    starts = ("plan: 1 runs", "Notice: 'tiny' has 2 runs already: seed 2 extends them", "tiny seed")
    places = [next(at for at, line in enumerate(said) if line.startswith(s)) for s in starts]
    assert places == sorted(places)
    refused = bench(*TRAIN, "--seeds", "1-3", "--choosing")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    both = bench(*TRAIN, "--choosing", "--attempt")
    assert (both.returncode, "cannot be an attempt" in both.stderr) == (2, True)
    path.unlink()
    report = bench("report")
    assert (report.returncode, report.stderr.count("\n")) == (2, 1)
    assert "protocol is missing" in report.stderr


@pytest.mark.process  # git shows the commits
def test_the_references_declarations_stand_in_the_commits_that_they_name() -> None:
    protocol = Suite(ROOT / "results", "reference").protocol()
    assert protocol is not None
    assert len(protocol.attempts) == 8
    n_found = 0
    for each in protocol.sweeps:
        page, _, commit = each.source.partition(" at ")
        if not commit or not each.architecture.startswith(("p4m_3", "p4m_2", "fine", "stack")):
            continue
        text = subprocess.run(
            ["git", "show", f"{commit}:{page}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        rows = [row for row in text.splitlines() if f"| `{each.architecture}` |" in row]
        seeds = {seed for row in rows for seed in _seeds(row)}
        assert set(each.each_seed) <= seeds, each
        n_found += 1
    assert n_found >= 10


def _seeds(row: str) -> range:
    first, _, last = row.rstrip("| ").rpartition("|")[2].partition(" to ")
    return range(int(first), int(last) + 1)


def test_the_references_attempts_have_both_verdicts() -> None:
    suite = Suite(ROOT / "results", "reference")
    found = {
        arm.architecture: arm
        for arm in arms("reference", suite.runs(), "test", suite.protocol())
        if arm.standing.n_attempts == 8
    }
    said = {name: (arm.verdict.verdict, arm.alone.verdict) for name, arm in found.items()}
    assert said["p4m_4988"] == ("confirmed", "confirmed")
    assert said["p4m_3772"] == said["p4m_strided_4988"] == ("undecided", "confirmed")
    assert said["fine_7344"] == said["p4m_2576"] == ("undecided", "undecided")
    assert (found["p4m_3772"].n_reached, len(found["p4m_3772"].runs)) == (29, 29)
    assert found["p4m_3772"].standing.note(29) == "incomplete, 29 of 49"


def test_each_sweep_keeps_what_it_is_judged_against(tmp_path: Path) -> None:
    """The first goal is the protocol's; another stands in its sweep, and in no other's bytes."""
    suite = Suite(tmp_path, "local")
    goals = (Goal(99.4, 0.9), Goal(99.4, 0.9), Goal(70.0, 0.8), Goal())
    runs = [factories.record(f"net_{number}", 0) for number in range(4)]
    wanted = [
        Wanted(arm_key(run), "mnist", run.architecture, [0], goal)
        for run, goal in zip(runs, goals, strict=True)
    ]
    declare(suite, wanted, JUDGES, [])
    kept = json.loads((suite.folder / "protocol.json").read_bytes())
    assert (kept["target"], kept["rate"]) == (99.4, 0.9)
    own = [(sweep.get("target", "none"), sweep.get("rate", "none")) for sweep in kept["sweeps"]]
    assert own == [("none", "none"), ("none", "none"), (70.0, 0.8), (None, None)]
    protocol = suite.protocol()
    assert protocol is not None
    found = [standing(protocol, arm_key(run), [0]) for run in runs]
    assert [each.goal for each in found] == list(goals)
    assert [each.judges(Goal(70.0, 0.8)) for each in found] == [False, False, True, False]

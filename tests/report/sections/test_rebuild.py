"""The report's last act: commands, provenance, rules, files, failures."""

from __future__ import annotations

import csv
import hashlib
import io
import shlex
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench import __version__
from bench.records.protocol import Protocol, Sweep, arm_key
from bench.records.store import Suite
from bench.report.model import Section, Table
from bench.report.sections import appendix, files, protocol, provenance, rebuild, runs
from bench.report.summary import Summary, summarise
from bench.spec import ENGINE_VERSION, Foreign, RunRecord
from bench.stats.declared import RATE_ALPHA
from bench.training.reproduction import recorded
from tests import factories

COMMAND = "python -m bench report --suite local --results 'my results'"
TRAINED = factories.LAPTOP.command


def summary(records: list[RunRecord], command: str = COMMAND) -> Summary:
    links = {run.key: f"../results/{run.key}.json" for run in records}
    portraits = [factories.portrait("model_1")]
    return summarise("local", records, portraits, factories.published(), links, command)[0]


RUNS = [factories.record("model_1", seed) for seed in range(3)]


def there(section: Section | None) -> Section:
    assert section is not None
    return section


def table(section: Section | None, caption: str) -> Table:
    return next(each for each in there(section).tables if each.caption.startswith(caption))


def texts(found: Table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in found.rows]


def steps(of: Summary) -> list[str]:
    return rebuild.section(of).listings[0].text.split("\n\n")


def test_a_folder_of_ones_own_is_no_clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runners").mkdir()
    monkeypatch.chdir(tmp_path)
    code, train, *_ = steps(summary(RUNS))
    assert code.startswith(
        "# 1. the code that made the runs, in a clone of manyseeds\ngit checkout"
    )
    assert train.startswith("# 2. the runs, in the folder of your own files (3; existing runs")


def test_the_text_speaks_only_of_kinds_of_runs_that_are_there() -> None:
    asked = Foreign(origin="command", command="train", epochs=15)
    others = [msgspec.structs.replace(run, foreign=asked, recipe=None) for run in RUNS]
    ours, theirs, both = (
        " ".join(rebuild.section(summary(runs)).text)
        for runs in (RUNS, others, [RUNS[0], *others[1:]])
    )
    assert "bit for bit" in ours
    assert "own command" not in ours
    assert "bit for bit" not in theirs
    assert "must be inside the 99.9% prediction interval of one more run." in theirs
    assert "must be inside that interval." in both
    assert not any("Imported" in text for text in (ours, theirs, both))


def test_the_commands_are_the_records_own() -> None:
    code, train, report, again = steps(summary(RUNS))
    assert f"git checkout {factories.LAPTOP.commit}  # 3 runs" in code.splitlines()
    assert train.splitlines()[1:] == [TRAINED]
    assert report.splitlines()[1:] == [COMMAND]
    words = shlex.split(again.splitlines()[1])
    assert words[:5] == ["python", "-m", "bench", "reproduce", "local/mnist/model_1/seed-0000"]
    assert words[5:] == ["--results", "my results"]


@pytest.mark.parametrize("form", ["--data-dir 'my data'", "'--data-dir=my data'"])
def test_a_run_is_trained_again_on_the_folder_of_data_that_it_was_trained_on(form: str) -> None:
    trained = msgspec.structs.replace(factories.LAPTOP, command=f"{TRAINED} {form}")
    runs = [msgspec.structs.replace(run, environment=trained) for run in RUNS]
    again = steps(summary(runs))[3]
    assert shlex.split(again.splitlines()[1])[-2:] == ["--data-dir", "my data"]


def test_the_commands_stand_in_the_order_of_what_was_run_and_none_repeats_another() -> None:
    train = "python -m bench train --arch model_1 --dataset mnist"
    typed = [  # first run on, seed, command; the last three repeat an earlier one
        (date(2026, 1, 2), 1, f"{train} --seeds 0-4"),
        (date(2026, 1, 1), 0, f"{train} --seeds 1"),
        (date(2026, 1, 3), 7, "python -m bench all --arch model_1 --seeds 8"),
        (date(2026, 1, 4), 2, f"{train} --jobs 2 --seeds 0-4"),
        (date(2026, 1, 5), 3, "python -m bench train --dataset mnist --seeds 3,4 --arch model_1"),
        (date(2026, 1, 6), 4, train),
    ]
    runs = [
        msgspec.structs.replace(
            factories.record("model_1", seed),
            finished_on=on,
            environment=msgspec.structs.replace(factories.LAPTOP, command=command),
        )
        for on, seed, command in typed
    ]
    _, trained, *_ = steps(summary(runs))
    assert trained.splitlines()[1:] == [typed[1][2], typed[0][2], typed[2][2]]
    # On one day the order is that in which the seeds were declared.
    same_day = [msgspec.structs.replace(run, finished_on=date(2026, 1, 1)) for run in runs[:2]]
    sweeps = tuple(
        Sweep(
            arm=arm_key(run),
            dataset="mnist",
            architecture="model_1",
            seeds=((run.seed, run.seed),),
        )
        for run in reversed(same_day)
    )
    declared = Protocol(rule="declared", alpha=0.05, sweeps=sweeps)
    _, trained, *_ = steps(summary(same_day).judged_by(declared))
    assert trained.splitlines()[1:] == [typed[1][2], typed[0][2]]


def test_every_distinct_command_is_told_once() -> None:
    other = msgspec.structs.replace(factories.LAPTOP, command="python -m bench train --seeds 5-9")
    records = [*RUNS, factories.record("model_1", 5, environment=other)]
    assert steps(summary(records))[1].splitlines()[1:] == [TRAINED, other.command]


def test_of_many_commits_one_is_checked_out() -> None:
    def made_by(letters: str) -> list[RunRecord]:
        return [
            factories.record(
                "model_1",
                seed,
                environment=msgspec.structs.replace(factories.LAPTOP, commit=name * 40),
            )
            for seed, name in enumerate(letters)
        ]

    code = steps(summary(made_by("abcddd")))[0].splitlines()
    assert code[1:] == [
        f"git checkout {'d' * 40}  # 3 runs",
        "# 3 more runs, of 3 other commits: a run's record names its own",
        "pip install -e .",
    ]
    few = steps(summary(made_by("abb")))[0].splitlines()
    assert few[1:3] == [f"git checkout {'b' * 40}  # 2 runs", f"git checkout {'a' * 40}  # 1 run"]


def test_what_all_arms_have_alike_is_said_once() -> None:
    fewer = factories.recipe(epochs=2)
    two = [*RUNS, factories.record("model_1", 9, recipe=fewer)]
    section = there(provenance.section(summary(two)))
    columns = [column.title for column in table(section, "What was run").columns]
    assert columns[:3] == ["Model", "n", "Seeds"]
    assert "Device" not in columns
    assert section.notes[0].startswith("Of all runs: ")
    assert "device cpu" in section.notes[0]
    alone = there(provenance.section(summary(RUNS)))
    assert "Device" in [column.title for column in table(alone, "What was run").columns]


def test_code_that_was_changed_or_is_unknown_says_so() -> None:
    dirty = msgspec.structs.replace(factories.LAPTOP, dirty=True)
    code = steps(summary([factories.record(environment=dirty)]))[0]
    assert "made with changes that were not committed" in code
    unknown = msgspec.structs.replace(factories.LAPTOP, commit=None, dirty=None)
    installed = factories.record(environment=unknown)
    code = steps(summary([installed]))[0]
    assert code == f"# 1. the code that made the runs\npip install manyseeds=={__version__}"
    older = msgspec.structs.replace(installed, engine_version=ENGINE_VERSION - 1)
    code = steps(summary([older]))[0]
    assert "git checkout" not in code
    assert "name no commit: use the version of manyseeds that made them" in code
    assert "pip" not in code


def test_no_run_is_promised_where_all_failed() -> None:
    broken = msgspec.structs.replace(factories.failed("model_1"), status="failed")
    assert "reproduce" not in steps(summary([broken]))[3]
    assert (
        rebuild.section(summarise("local", [], [], factories.published(), {}, "c")[0])
        .listings[0]
        .text
        == "c"
    )


def test_a_run_is_found_by_its_command(tmp_path: Any) -> None:
    """Also where one seed was run by two recipes, so that the key must be named."""
    suite = Suite(tmp_path / "results", "local")
    records = [*RUNS, factories.record("model_1", 0, recipe=factories.recipe(epochs=2))]
    for record in records:
        suite.add_run(record, None)
    section = there(runs.section(summary(records, "python -m bench report")))
    commands = [row for each in section.tables[1::2] for row in texts(each)]
    found = []
    for _, command, _ in commands:
        assert command.startswith("python -m bench reproduce ")
        found.append(recorded.find(command.split()[-1], tmp_path / "results").record.key)
    assert sorted(found) == sorted(run.key for run in records)


def test_a_runs_row_links_sorts_and_says_whether_it_reached() -> None:
    right = [factories.record("model_1", s, test_correct=n) for s, n in enumerate([9940, 9939])]
    records = [*right, factories.failed("model_1", 2)]
    section = there(runs.section(summary(records)))
    rows = section.tables[0].rows
    assert [row[4].text for row in rows] == ["yes", "no", "no"]
    assert [row[2].sort for row in rows] == [9940, 9939, None]
    assert [row[0].href for row in rows] == [f"../results/{run.key}.json" for run in records]


def test_times_on_a_gpu_are_told_as_what_they_are() -> None:
    numerics = msgspec.structs.replace(RUNS[0].numerics, device_type="cuda", path="graph")
    on_gpu = summary([factories.record("model_1", 0, numerics=numerics)])
    for of, told in ((on_gpu, True), (summary(RUNS), False)):
        of_runs, of_all = there(runs.section(of)), there(provenance.section(of))
        assert ("on a GPU" in of_runs.tables[0].rows[0][7].note) is told
        assert ("on a GPU" in table(of_all, "What was run").rows[0][4].note) is told
        words = (*of_runs.notes, *of_all.notes, *there(rebuild.section(of)).text)
        assert sum("includes the work of the other runs" in text for text in words) == 3 * told


def test_environments_are_counted_and_versions_set_side_by_side() -> None:
    other = msgspec.structs.replace(factories.WORKSTATION, packages={"numpy": "1.0"})
    records = [*RUNS, factories.record("model_1", 3, environment=other)]
    section = provenance.section(summary(records))
    rows = texts(table(section, "Environments"))
    assert [row[:2] for row in rows] == [["0a1b2c3d4e5f", "3"], ["f5e4d3c2b1a0", "1"]]
    packages = {row[0]: row[1:] for row in texts(table(section, "Versions"))}
    assert packages == {"numpy": ["2.4.6", "1.0"], "torchvision": ["0.22.1", "n/a"]}


def test_the_records_digest_is_that_of_the_file_to_take_away() -> None:
    of = summary(RUNS)
    (records,) = [
        row for row in texts(table(provenance.section(of), "Digests")) if row[0] == "records"
    ]
    (download,) = [
        each for each in there(files.section(of)).downloads if each.file == "data/runs.csv"
    ]
    assert records[2] == hashlib.sha256(download.content().encode()).hexdigest()


def test_provenance_is_silent_without_runs() -> None:
    assert provenance.section(summary([])) is None


def rules(of: Summary) -> dict[str, str]:
    return {name: value for name, value, _ in texts(there(protocol.section(of)).tables[0])}


def test_rules_carry_what_the_document_asks_for() -> None:
    found = rules(summary(RUNS))
    assert found["Target"].startswith(f"{factories.OBJECTIVE.target:.2f}")
    assert found["Alpha"] == f"{RATE_ALPHA:g}"
    assert found["Number of runs"] == "fixed"
    assert found["Declared rate"] == f"{factories.OBJECTIVE.rate:.2f}"


def test_there_are_no_rules_before_there_is_a_run() -> None:
    assert protocol.section(summary([])) is None


def test_a_declared_suite_says_what_it_declared() -> None:
    declared = Protocol(rate=0.8, target=99.3, cap=60, alpha=0.05, first_seed=7)
    found = rules(summary(RUNS).judged_by(declared))
    assert found["Number of runs"] == "until decided"
    assert (found["Rate decided"], found["Cap"], found["First seed"]) == ("0.80", "60 runs", "7")
    assert found["At a target of"].startswith("99.30")


def test_files_are_named_by_data_set_only_where_there_are_several() -> None:
    both = [*RUNS, factories.record("model_1", 0, dataset=factories.MNIST5K)]
    links = {run.key: "r" for run in both}
    names = [
        [each.file for each in there(files.section(of)).downloads]
        for of in summarise("local", both, [], factories.published(), links, "c")
    ]
    assert "data/mnist-runs.csv" in names[0]
    assert "data/mnist5k-runs.csv" in names[1]
    assert not set(names[0]) & set(names[1])
    assert "data/runs.csv" in [each.file for each in there(files.section(summary(RUNS))).downloads]


def test_each_file_has_what_its_title_counts() -> None:
    section = there(files.section(summary(RUNS)))
    content = {each.file: each.content() for each in section.downloads}
    assert len(list(csv.reader(io.StringIO(content["data/epochs.csv"])))) == 1 + 45
    (title,) = [each.title for each in section.downloads if each.file == "data/epochs.csv"]
    assert "45 epochs" in title


def test_the_citation_names_suite_seeds_and_commit() -> None:
    (cited,) = [
        each for each in there(files.section(summary(RUNS))).listings if each.caption == "BibTeX"
    ]
    assert cited.text.startswith("@software{manyseeds,")
    assert cited.text.count("{") == cited.text.count("}")
    assert str(factories.LAPTOP.commit) in cited.text
    assert "3 runs, seeds 0--2" in cited.text


def test_failures_are_told_with_their_reasons_and_only_then() -> None:
    assert appendix.section(summary(RUNS)) is None
    section = there(appendix.section(summary([*RUNS, factories.failed("model_1", 7)])))
    (row,) = texts(section.tables[0])
    assert row[:5] == ["Model_1", "7", "diverged", "2", factories.failed().reason]

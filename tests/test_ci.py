"""docs/ci.md on a sample project: its workflow's own lines, each in a process of its own.

Whatever makes a document untrue, or leaves it unchecked, must fail there.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.report.badge import BADGE
from tests import support
from tests.support import fences

Bench = Callable[..., subprocess.CompletedProcess[str]]

README = """# My net

It has 1,442 parameters in batches of 128, and on average at least 20 % of the digits are right.
"""
# What counts as 20 % after three epochs on 3,500 digits: by guessing it would be 10 %.
CLAIMS = """
[[claim]]
id = "my_net.parameters"
line = 3
quote = "1,442 parameters"
metric = "n_parameters"
subject = "my_net"
published = 1442

[[claim]]
id = "my_net.batch_size"
line = 3
quote = "batches of 128"
metric = "recipe.batch_size"
subject = "my_net"
published = 128

[[claim]]
id = "my_net.accuracy"
line = 3
quote = "at least 20 %"
metric = "mean_test_accuracy_percent"
relation = "at_least"
subject = "my_net"
published = 20
dataset = "mnist5k"
"""
# The channels of the starter's last block, before and after somebody's change: a convolution of
# 8 x 3 x 3 weights, two numbers of the batch norm and ten of the linear layer for each.
CHANNELS, MORE_CHANNELS = 16, 32
REFUTED = (
    'refuted: readme:3 "1,442 parameters": published 1,442, measured 2,786 (my_net.parameters)'
)
WAITING = (
    "undecided: readme:3 \"at least 20 %\": published at least 20, no runs of 'my_net': "
    "python -m bench train --arch my_net --dataset mnist5k (my_net.accuracy)"
)
WAITS = (
    "Notice: no suite 'local' in results: the files in architectures/ judge the structure; claims "
    "about accuracy need runs: python -m bench train"
)


def workflow(name: str = "claims") -> dict[str, Any]:
    """The workflow of that name."""
    parsed: list[dict[str, Any]] = [yaml.safe_load(each) for each in fences("docs/ci.md", "yaml")]
    (found,) = [each for each in parsed if each["name"] == name]
    return found


def commands(job: str) -> Iterator[list[str]]:
    """The words behind `manyseeds` of each line that a job runs, but for the installation."""
    for step in workflow()["jobs"][job]["steps"]:
        if "run" in step and step["name"] != "Install":
            program, *words = shlex.split(step["run"])
            assert program == "manyseeds"
            yield words


def run_job(bench: Bench, job: str) -> list[subprocess.CompletedProcess[str]]:
    """What its steps gave, up to the first that fails."""
    done = []
    for words in commands(job):
        done.append(bench(*words))
        assert "Traceback" not in done[-1].stderr
        if done[-1].returncode:
            break
    return done


@pytest.fixture
def project(bench: Bench, tmp_path: Path) -> Path:
    """The sample project: a network, a README, its claims, and no records."""
    assert bench("new", "my_net").returncode == 0
    change(tmp_path, "warmup_fraction=0.2,", "warmup_fraction=0.2, epochs=3,")
    (tmp_path / "README.md").write_text(README, encoding="utf-8")
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "readme.toml").write_text(CLAIMS, encoding="utf-8")
    return tmp_path


def change(folder: Path, old: str, new: str) -> None:
    path = folder / "architectures" / "my_net.py"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def widen(folder: Path) -> None:
    """Somebody changes the network's channels and forgets the README."""
    for line in ("nn.Conv2d(8, {}, 3", "nn.BatchNorm2d({})", "nn.Linear({}, 10)"):
        change(folder, line.format(CHANNELS), line.format(MORE_CHANNELS))


def kept(folder: Path) -> dict[str, bytes]:
    """Everything below results/."""
    paths = [path for path in folder.glob("results/**/*") if path.is_file()]
    return {str(path): path.read_bytes() for path in paths}


def test_the_workflow_runs_on_pull_requests_and_at_night() -> None:
    parsed = workflow()
    assert set(parsed[True]) == {"pull_request", "schedule"}  # YAML 1.1 reads `on` as true
    assert "pull_request" in parsed["jobs"]["structure"]["if"]
    assert "schedule" in parsed["jobs"]["accuracy"]["if"]
    assert len(list(commands("structure"))) == 2
    assert len(list(commands("accuracy"))) == 2


def test_without_records_structure_is_judged_at_once(bench: Bench, project: Path) -> None:
    *_, verdicts = run_job(bench, "structure")
    assert (verdicts.returncode, verdicts.stderr) == (0, f"{WAITS}\n")
    rows = [line.split("\t")[:2] for line in verdicts.stdout.splitlines()[:-1]]
    assert ["confirmed", "my_net.parameters"] in rows
    assert ["confirmed", "my_net.batch_size"] in rows
    assert ["undecided", "my_net.accuracy"] in rows
    assert not (project / "results").exists()


def test_a_changed_network_fails_with_the_documents_words(bench: Bench, project: Path) -> None:
    widen(project)
    *_, verdicts = run_job(bench, "structure")
    assert (verdicts.returncode, verdicts.stderr.splitlines()) == (1, [WAITS, REFUTED])


def test_a_changed_readme_fails(bench: Bench, project: Path) -> None:
    (project / "README.md").write_text(README.replace("1,442", "1,443"), encoding="utf-8")
    (check,) = run_job(bench, "structure")
    assert check.returncode == 2
    assert "does not hold \"1,442 parameters\", the quote of 'my_net.parameters'" in check.stderr


def test_stale_measures_never_pass(bench: Bench, project: Path) -> None:
    assert bench("measure", "--arch", "my_net").returncode == 0
    before = kept(project)
    assert any("portraits" in name for name in before)
    current = bench("claims", "--strict")
    assert (current.returncode, current.stderr) == (0, "")
    widen(project)
    *_, verdicts = run_job(bench, "structure")
    notice, refuted = verdicts.stderr.splitlines()
    assert (verdicts.returncode, refuted) == (1, REFUTED)
    assert "suite 'local' has no measures of the files at hand" in notice
    assert "bench measure --suite local --arch my_net" in notice
    assert kept(project) == before


BROKEN = {
    "syntax": ("class Network(", "class Network(:(", "syntax error"),
    "import": ("from torch import", "import nothing_at_all\nfrom torch import", "nothing_at_all"),
    "forward": ("return self.head(x)", "return self.tail(x)", "AttributeError in forward"),
    "exit": ("from torch import", "raise SystemExit(0)\nfrom torch import", "SystemExit on import"),
    "exit_in_forward": ("return self.head(x)", "raise SystemExit(0)", "SystemExit in forward: 0"),
}


@pytest.mark.parametrize("measured_before", [False, True])
@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_cannot_run_fails(
    bench: Bench, project: Path, name: str, measured_before: bool
) -> None:
    if measured_before:
        assert bench("measure", "--arch", "my_net").returncode == 0
    old, new, said = BROKEN[name]
    change(project, old, new)
    check, verdicts = run_job(bench, "structure")
    assert check.returncode == 0
    assert verdicts.returncode == 1
    (line,) = [each for each in verdicts.stderr.splitlines() if not each.startswith("Notice")]
    assert line.startswith("not measured: ")
    assert said in line
    assert "my_net.py" in line
    loose = bench("claims")
    assert loose.returncode == 0
    assert f"Notice: {line}" in loose.stderr.splitlines()
    for row in loose.stdout.splitlines()[:-1]:
        assert row.startswith("undecided\t")
        assert "its file cannot be measured" in row


def test_what_a_file_prints_is_not_part_of_the_json(bench: Bench, project: Path) -> None:
    plain = bench("claims", "--json").stdout
    change(project, "from torch import", "print('hello')\nfrom torch import")
    done = bench("claims", "--json")
    assert done.stdout == plain
    assert "hello" in done.stderr


def test_undecided_claims_fail_where_that_is_asked_for(bench: Bench, project: Path) -> None:
    done = bench("claims", "--strict", "--fail-on", "undecided")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [WAITS, WAITING]
    known = bench("claims", "--strict", "--fail-on", "undecided", "--allow", "my_net.accuracy")
    assert (known.returncode, known.stderr) == (0, f"{WAITS}\n")
    assert bench("claims", "--strict", "--fail-on", "not-checkable").returncode == 0
    wrong = bench("claims", "--strict", "--fail-on", "undecidd")
    assert wrong.returncode == 2
    assert "unknown verdict 'undecidd' (--fail-on): did you mean 'undecided'?" in wrong.stderr
    loose = bench("claims", "--fail-on", "undecided")
    assert loose.returncode == 2
    assert "add --strict" in loose.stderr


def test_the_night_decides_accuracy_until_the_network_changes(bench: Bench, project: Path) -> None:
    train, verdicts = run_job(bench, "accuracy")
    assert train.returncode == 0, train.stderr
    assert (verdicts.returncode, verdicts.stderr) == (0, "")
    before = kept(project)
    change(project, "MaxPool2d(2),  # (batch, 16, 7, 7)", "AvgPool2d(2),")
    *_, day = run_job(bench, "structure")  # as many parameters, so no claim is refuted
    assert day.returncode == 0, day.stderr
    assert "not comparable\tmy_net.accuracy" in day.stdout
    night = bench("claims", "--strict", "--fail-on", "undecided")
    assert night.returncode == 1
    assert "the runs of 'my_net' come from an older version of its file" in night.stderr
    assert kept(project) == before


def test_a_network_without_its_file_is_told(bench: Bench, project: Path) -> None:
    assert bench("measure", "--arch", "my_net").returncode == 0
    (project / "architectures" / "my_net.py").rename(project / "architectures" / "your_net.py")
    done = bench("claims", "--strict")
    told = "Notice: no file in architectures/, so judged only by records: my_net"
    assert told in done.stderr.splitlines()


def test_a_check_of_nothing_says_so(bench: Bench, project: Path) -> None:
    accuracy = CLAIMS[CLAIMS.rindex("[[claim]]") :]
    (project / "claims" / "readme.toml").write_text(accuracy, encoding="utf-8")
    done = bench("claims", "--strict")
    assert done.returncode == 0
    assert "Notice: no claim was decided, so this check proves nothing" in done.stderr


def test_a_folder_with_its_own_networks_shows_none_of_our_claims(
    bench: Bench, tmp_path: Path
) -> None:
    assert bench("new", "model_1").returncode == 0  # a name that the shipped claims speak of
    done = bench("claims")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: no files of claims ({tmp_path}/claims): draft one: python -m bench new --from "
        "README.md; or name it with --file\n"
    )
    assert bench("measure", "--arch", "model_1").returncode == 0
    assert bench("report").returncode == 0
    report = (tmp_path / "reports" / "report.md").read_text(encoding="utf-8")
    assert "1,442" in report
    assert "9,850" not in report
    assert not re.search(r"^#+ Claims", report, re.MULTILINE)


def step(name: str) -> dict[str, Any]:
    """The step of that name of the workflow that writes a comment."""
    (found,) = [s for s in workflow("comment")["jobs"]["comment"]["steps"] if s.get("name") == name]
    return dict(found)


def test_the_comments_workflow_may_do_no_more_than_it_must() -> None:
    parsed = workflow("comment")
    assert set(parsed[True]) == {"pull_request"}  # never pull_request_target, which forks could use
    assert parsed["permissions"] == {"contents": "read"}
    (job,) = parsed["jobs"].values()
    assert job["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert "head.repo.full_name == github.repository" in job["if"]
    used = [each["uses"] for each in job["steps"] if "uses" in each]
    known = [s["uses"] for s in workflow()["jobs"]["structure"]["steps"] if "uses" in s]
    assert used == known
    # What a pull request's author may choose reaches a shell as a variable alone.
    assert not [each for each in job["steps"] if "${{" in each.get("run", "")]


@pytest.mark.parametrize("trained_before", [True, False])
def test_the_comment_says_what_the_pull_request_changed(
    bench: Bench, project: Path, trained_before: bool
) -> None:
    """Its own lines, in a checkout of a branch whose base has a run, or none."""
    checkout = project / "checkout"
    for name in ("architectures", "claims"):
        shutil.copytree(project / name, checkout / name)
    train = ("train", "--dataset", "mnist5k", "--arch", "my_net", "--results", "checkout/results")
    git(checkout, "init", "--initial-branch=main")
    if trained_before:
        assert bench(*train, "--seeds", "1").returncode == 0
    commit(checkout)
    git(checkout, "update-ref", "refs/remotes/origin/main", "main")
    git(checkout, "switch", "--create", "theirs")
    assert bench(*train, "--seeds", "2").returncode == 0
    commit(checkout)
    taken = shell(checkout, step("Take the records from before")["run"])
    assert taken.returncode == 0, taken.stderr
    program, *words = shlex.split(step("Write the comment")["run"])
    assert program == "manyseeds"
    written = support.bench(checkout, *words)
    assert (written.returncode, written.stderr) == (0, "")
    comment = (checkout / "comment.md").read_text(encoding="utf-8")
    n_new = 1 if trained_before else 2
    assert f"Runs: my_net has 2, {n_new} of them new." in comment
    assert "| my_net | 1,442 |" in comment


def test_the_comment_is_renewed_or_written_anew(tmp_path: Path) -> None:
    """Its own lines, with a `gh` that has no comment to edit at first."""
    gh = tmp_path / "gh"
    gh.write_text('#!/bin/sh\necho "$*" >> said\n[ -e there ] || [ "$4" != --edit-last ]\n')
    gh.chmod(0o755)
    post = step("Post the comment")
    assert set(post["env"]) == {"GH_TOKEN", "NUMBER"}
    edit = "pr comment 7 --edit-last --body-file comment.md"
    anew = "pr comment 7 --body-file comment.md"
    assert shell(tmp_path, post["run"], NUMBER="7").returncode == 0
    assert (tmp_path / "said").read_text().splitlines() == [edit, anew]
    (tmp_path / "there").touch()
    assert shell(tmp_path, post["run"], NUMBER="7").returncode == 0
    assert (tmp_path / "said").read_text().splitlines() == [edit, anew, edit]


def shell(folder: Path, lines: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """What GitHub does with a step's lines."""
    variables = {"GITHUB_BASE_REF": "main", "PATH": f"{folder}:{os.environ['PATH']}", **extra}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", lines],
        cwd=folder,
        env=support.environment(**variables),
        capture_output=True,
        text=True,
        check=False,
    )


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=A", "-c", "user.email=a@b.io", "-c", "core.hooksPath=/dev/null")
    subprocess.run(["git", *who, *words], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", "--all", ".")
    git(folder, "commit", "--message", "x")


def test_the_badge_is_embedded_by_its_own_name() -> None:
    (line,) = fences("docs/ci.md", "markdown")
    assert re.fullmatch(rf"\[!\[\w+\]\(reports/{BADGE}\)\]\(reports/report\.md\)\n", line)

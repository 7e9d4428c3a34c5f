"""`bench claims` as a person and as a CI job meet it, each in a real process."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.evidence.claims.gather import SuiteContents, arranged
from bench.evidence.claims.judging import suites
from bench.evidence.claims.ledger import ledger
from bench.records.store import Suite
from tests import factories
from tests.evidence.claims.evidences import claim
from tests.support import ROOT, environment

Bench = Callable[..., subprocess.CompletedProcess[str]]
KEYS = (
    *("id", "file", "line", "quote", "metric", "subject"),
    *("published", "measured", "n", "verdict", "rule", "stands_on", "kind"),
)
MEASURED_NOW = (
    "Notice: suite 'measured' has no measures of the files at hand, so they were measured now; "
    "to keep the measures: python -m bench measure --suite measured --arch raj\n"
)
NONE_OF_THEIRS = "Notice: left out, because the suite has no network of these documents: "
LEFT_OUT = f"{NONE_OF_THEIRS}firekind, hexhowells, nagalakshmi, raj, woolly_3762, woolly_4838\n"


def test_json_rows_are_as_they_are_declared(bench: Bench, results: Path) -> None:
    done = bench("claims", "--suite", "measured", "--json")
    assert (done.returncode, done.stderr) == (0, LEFT_OUT)
    rows = {row["id"]: row for row in json.loads(done.stdout)}
    assert all(tuple(row) == KEYS for row in rows.values())
    assert rows["model_1.receptive_field.conv5"] == {
        "id": "model_1.receptive_field.conv5",
        "file": "session6",
        "line": 104,
        "quote": "RF: 20x20",
        "metric": "receptive_field_pixels",
        "subject": "model_1",
        "published": 20,
        "measured": 24,
        "n": None,
        "verdict": "refuted",
        "rule": "exact",
        "stands_on": rows["model_1.receptive_field.conv5"]["stands_on"],
        "kind": "structure",
    }
    (place,) = rows["model_1.receptive_field.conv5"]["stands_on"]
    file, _, layer = place.partition("#")
    assert layer == "receptive_field/block3.0.0"
    assert (results / file).is_file()
    assert rows["model_1.status"]["published"] is None


def test_a_pipe_gets_plain_lines_and_a_tally(bench: Bench, results: Path) -> None:
    done = bench("claims", "--suite", "measured")
    assert (done.returncode, done.stderr) == (0, LEFT_OUT)
    *lines, tally = done.stdout.splitlines()
    cells = [line.split("\t") for line in lines]
    assert {len(row) for row in cells} == {10}
    assert " lines: " in tally
    assert "\x1b" not in done.stdout
    row = next(row for row in cells if row[1] == "model_1.components.conv_layers")
    assert row[:6] == ["refuted", row[1], "session6:150", "8,500", "9,710", ""]
    assert row[8:] == ["structure", "| **Conv Layers** | ~8,500 | ~6,200 | ~6,400 |"]
    verdicts = {row[0] for row in cells}
    assert "contradicts itself" in verdicts
    assert "inconsistent" not in verdicts  # "not consistent" is another verdict


def test_strict_guards_against_new_refutations(bench: Bench, results: Path, tmp_path: Path) -> None:
    words = ("claims", "--suite", "measured", "--strict")
    found = bench(*words)
    assert found.returncode == 1
    first, *failures = found.stderr.splitlines()
    assert f"{first}\n" == LEFT_OUT
    conv5 = 'refuted: session6:104 "RF: 20x20": published 20, measured 24'
    assert f"{conv5} (model_1.receptive_field.conv5)" in failures
    total = '"| **Total** | 9,850 | 7,262 | 7,518 |"'
    column = f"inconsistent: session6:155 {total}: published 9,850, its other numbers give 8,568"
    assert f"{column} (model_1.components.column_sum)" in failures

    ids = [each.rpartition("(")[2].rstrip(")") for each in failures]
    known = tmp_path / "known.txt"
    known.write_text("# of old\n" + "\n".join(f"{each}  # known" for each in ids))
    quiet = bench(*words, "--known", str(known))
    assert (quiet.returncode, quiet.stderr) == (0, LEFT_OUT)

    known.write_text("\n".join([*ids[1:], "model_1.parameters", "nothing"]))
    new = bench(*words, "--known", str(known))
    assert new.returncode == 1
    assert new.stderr.splitlines() == [
        LEFT_OUT.rstrip(),
        "Notice: known as refuted, but 'model_1.parameters' is confirmed",
        "Notice: known as refuted, but 'nothing' is no claim's id",
        failures[0],
    ]
    allowed = bench(*words, "--known", str(known), "--allow", ids[0], "--json")
    assert allowed.returncode == 0
    assert json.loads(allowed.stdout)


def test_the_shipped_list_knows_every_refutation_of_the_structure(
    bench: Bench, results: Path
) -> None:
    known = str(ROOT / "claims" / "known-refuted.txt")
    done = bench("claims", "--suite", "measured", "--strict", "--known", known)
    assert done.returncode == 0, done.stderr
    assert "no claim's id" not in done.stderr


def test_check_tells_every_mistake_with_its_place(bench: Bench, tmp_path: Path) -> None:
    good = bench("claims", "--check")
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.rstrip().endswith("claims/woolly_4838.toml")
    path = tmp_path / "mine.toml"
    path.write_text(
        '[[claim]]\nid = "a"\nline = 1\nquote = "x"\nmetric = "n_parametres"\nsubject = "a"\n'
        "published = 1\nvaleu = 2\n"
    )
    bad = bench("claims", "--check", "--file", "mine.toml")
    assert (bad.returncode, bad.stdout) == (2, "")
    first, second = bad.stderr.splitlines()
    assert first.startswith("error: unknown key 'valeu' (mine.toml:8:1)")
    assert second.startswith("error: bad claim: unknown metric 'n_parametres'")
    assert "(mine.toml:5:1): did you mean 'n_parameters'?" in second
    refused = bench("claims", "--file", "mine.toml")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.splitlines() == [first]


def test_check_looks_for_the_quotes_in_the_document(bench: Bench, tmp_path: Path) -> None:
    assert bench("new", "my_network").returncode == 0
    shutil.copy(ROOT / "templates" / "claims.toml", tmp_path / "mine.toml")
    words = ("claims", "--check", "--file", "mine.toml", "--document", "README.md")
    text = "# Mine\n\nIt has 1,442 parameters,\n~1,200 of them in convolutions, so it is\n"
    (tmp_path / "README.md").write_text(text)
    done = bench(*words)
    assert done.returncode == 2
    missing = "line 5 of README.md does not hold"
    assert f"{missing} \"under 2,000\", the quote of 'my_network.limit'" in done.stderr
    assert "my_network.parameters" not in done.stderr


MOVED = """# mine
[document]
title = "Mine"
file = "README.md"

[[claim]]
id = "once"
  "line"=3 # moved by two
quote = "1,442 parameters"
metric = "not_checkable"
subject = "document"
reason = "line = 3"

[[claim]]
id = "twice"
line = 4
quote = "it is"
metric = "not_checkable"
subject = "document"
reason = "why"

[[claim]]
id = "there"
line = 1
quote = "# Mine"
metric = "not_checkable"
subject = "document"
reason = "why"
"""


def test_lines_of_quotes_that_moved_are_written_anew(bench: Bench, tmp_path: Path) -> None:
    """A badge moves every line; the quote that stands on two lines is left to a person."""
    (tmp_path / "claims").mkdir()
    path, other = tmp_path / "claims/mine.toml", tmp_path / "claims/other.toml"
    path.write_bytes(MOVED.replace("\n", "\r\n").encode())
    elsewhere = MOVED.replace("README.md", "OTHER.md").replace('id = "', 'id = "other.')
    other.write_text(elsewhere)
    (tmp_path / "README.md").write_text("# Mine\n[badge]\n\n\n1,442 parameters\nit is\nit is\n")
    words = ("claims", "--check", "--document", "README.md", "--file", "claims/mine.toml")
    before = bench(*words)
    assert "it is on line 5; --renumber writes it\n" in before.stderr
    assert "it is on line 6, 7\n" in before.stderr
    done = bench("claims", "--check", "--document", "README.md", "--renumber")
    assert done.stdout == f"{path}: 1 claim has a new line\n"
    assert path.read_bytes() == MOVED.replace('"line"=3', '"line"=5').replace("\n", "\r\n").encode()
    assert other.read_text() == elsewhere
    (mistake,) = bench(*words, "--renumber").stderr.splitlines()
    assert "it is on line 6, 7" in mistake
    assert done.returncode == 2


def test_lines_are_written_anew_only_with_a_document(bench: Bench, results: Path) -> None:
    done = bench("claims", "--check", "--renumber")
    assert done.returncode == 2
    assert "applies only with --document (--renumber)" in done.stderr
    assert "add --document README.md" in done.stderr


def test_the_template_fits_the_starter(bench: Bench, tmp_path: Path) -> None:
    assert bench("new", "my_network").returncode == 0
    assert bench("measure", "--arch", "my_network").returncode == 0
    (tmp_path / "claims").mkdir()
    shutil.copy(ROOT / "templates" / "claims.toml", tmp_path / "claims" / "mine.toml")
    done = bench("claims", "--strict", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    verdicts = [row["verdict"] for row in json.loads(done.stdout)]
    assert verdicts == ["confirmed"] * 6 + ["undecided"] * 2 + ["not checkable"]
    both = bench("claims", "--builtin", "--json")
    assert len(json.loads(both.stdout)) > len(verdicts) + 90


def test_a_suite_that_was_named_must_be_there(bench: Bench, results: Path) -> None:
    done = bench("claims", "--suite", "measurd", "--strict")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no suite 'measurd'" in done.stderr
    assert "did you mean 'measured'?" in done.stderr


def test_without_a_suite_the_shipped_results_judge(bench: Bench) -> None:
    done = bench("claims", "--json")
    assert done.returncode == 0
    assert "judged by the shipped 'reference'" in done.stderr
    rows = {row["id"]: row for row in json.loads(done.stdout)}
    assert rows["model_1.test_accuracy"]["n"] == 10


def test_the_shipped_results_do_not_judge_a_folder_of_runners(tmp_path: Path) -> None:
    (tmp_path / "runners").mkdir()
    with contextlib.chdir(tmp_path):
        assert suites((), Path("results"))[0] == []


def test_an_unreadable_list_is_one_clear_line(bench: Bench, results: Path) -> None:
    done = bench("claims", "--suite", "measured", "--strict", "--known", "none.txt")
    assert done.returncode == 2
    assert done.stderr.startswith("error: unreadable list: No such file")


def test_several_suites_judge_together(bench: Bench, results: Path) -> None:
    factories.suite(results, "trained")
    words = ("claims", "--suite", "measured", "--suite", "trained", "--json")
    rows = {row["id"]: row for row in json.loads(bench(*words).stdout)}
    assert rows["model_1.receptive_field.conv5"]["measured"] == 24


def test_documents_that_were_left_out_are_named(
    bench: Bench, results: Path, tmp_path: Path
) -> None:
    named = [str(ROOT / "claims" / f"{name}.toml") for name in ("session6", "raj")]
    folder = tmp_path / "claims"
    folder.mkdir()
    for path in named:
        shutil.copy(path, folder)
    words = ("claims", "--suite", "measured", "--json")
    done = bench(*words)
    assert done.stderr == f"{NONE_OF_THEIRS}raj\n"
    assert {row["file"] for row in json.loads(done.stdout)} == {"session6"}
    asked = bench(*words, "--file", named[0], "--file", named[1])
    assert asked.stderr == MEASURED_NOW
    rows = {row["id"]: row for row in json.loads(asked.stdout)}
    assert {row["file"] for row in rows.values()} == {"session6", "raj"}
    assert rows["raj.parameters"]["measured"] == 7918
    assert rows["raj.parameters"]["stands_on"] == ["architectures/public/raj.py#parameters"]
    (folder / "session6.toml").unlink()
    alone = bench(*words)  # the ledger would be empty
    assert alone.stderr == MEASURED_NOW
    assert {row["file"] for row in json.loads(alone.stdout)} == {"raj"}


@pytest.mark.process
def test_no_torch_is_loaded(results: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['bench', 'claims', '--suite', 'measured', '--json']\n"
        "from bench.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment(), capture_output=True
    )
    assert done.returncode == 0


def test_stands_on_names_files_of_the_suite(tmp_path: Path) -> None:
    suite: Suite = factories.suite(tmp_path, "local")
    runs, portraits = suite.runs(), suite.portraits()
    said = claim("last_test_accuracy_percent", 99.4)
    (entry,) = ledger([said], arranged([SuiteContents("local", runs, portraits)], [said]))
    assert len(entry.judged.stands_on) == 5
    assert all((tmp_path / place).is_file() for place in entry.judged.stands_on)
    assert entry.stands_on_words == "local/mnist/model_1 (5)"

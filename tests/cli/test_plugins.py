"""Measures and sections of the user's own folder: they work, and broken ones are named."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Bench = Callable[..., subprocess.CompletedProcess[str]]
Write = Callable[..., Path]
pytestmark = pytest.mark.process

MEASURE = '''
"""How many modules a network has."""
from bench.spec import Field, Measured

FIELDS = (Field(name="n_modules", title="Modules", unit=""),)

def measure(model):
    return Measured(fields=FIELDS, values={"n_modules": len(list(model.modules()))})
'''
SECTION = '''
"""The seeds, in one sentence."""
from functools import partial
from matplotlib.figure import Figure
from bench.report.model import Plot, Section

ORDER, SCOPE, PAGES = 15, "dataset", ("index", "markdown")

def section(summary):
    seeds = sorted({run.seed for run in summary.runs})
    plot = Plot("my-seeds", "dots", "Dots of my seeds.", partial(drawn, seeds))
    return Section(title="My seeds", text=(f"These are the seeds {len(seeds)}.",), plots=(plot,))

def drawn(seeds):
    figure = Figure(figsize=(4, 1))
    figure.add_subplot().plot(seeds, seeds)
    return figure
'''
RUNS = "network,seed,epoch,correct\nsmall,0,1,9788\nsmall,4,1,9790\n"


def write(folder: Path, kind: str, name: str, text: str) -> None:
    (folder / kind).mkdir(exist_ok=True)
    (folder / kind / f"{name}.py").write_text(text, encoding="utf-8")


BROKEN = {
    "syntax": ("def", "SyntaxError: "),
    "raises": ("1 / 0", "ZeroDivisionError: division by zero"),
    "leaves": ("raise SystemExit(3)", "SystemExit: 3"),
    "Name": ("", "bad name"),
}


def skipped(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert "Traceback" not in done.stderr
    return sorted(line for line in done.stderr.splitlines() if line.startswith("skipped: "))


def test_a_measure_of_the_folder_is_measured_and_broken_ones_are_named(
    bench: Bench, tmp_path: Path, write_architecture: Write
) -> None:
    write_architecture("tiny")
    write(tmp_path, "measures", "modules", MEASURE)
    for name, (text, _) in BROKEN.items():
        write(tmp_path, "measures", name, text)
    write(tmp_path, "measures", "empty", "FIELDS = ()")
    write(tmp_path, "measures", "cost", MEASURE)
    write(tmp_path, "measures", "_helper", "1 / 0")
    done = bench("inspect", "tiny")
    assert done.returncode == 0, done.stderr
    assert "Modules: 4" in done.stdout
    lines = skipped(done)
    assert len(lines) == len(BROKEN) + 2
    for name, (_, reason) in BROKEN.items():
        (line,) = [line for line in lines if f"measure '{name}'" in line]
        assert reason in line
        assert f"measures/{name}.py" in line
    assert [line for line in lines if "'empty': it defines no measure" in line]
    assert [line for line in lines if "'cost': one of that name is built in" in line]
    assert "measure modules" in bench("list").stdout.splitlines()


def test_a_measure_that_fails_on_a_network_says_why(
    bench: Bench, tmp_path: Path, write_architecture: Write
) -> None:
    write_architecture("tiny")
    write(tmp_path, "measures", "fails", MEASURE.replace("len(list", "len(1, list"))
    write(tmp_path, "measures", "wrong", MEASURE.replace("return Measured", "return str"))
    write(tmp_path, "measures", "leaves", MEASURE.replace("return Meas", "raise SystemExit(0) #"))
    write(tmp_path, "measures", "a_list", MEASURE.replace("len(list(", "list(("))
    write(
        tmp_path, "measures", "not_finite", MEASURE.replace("len(list", "1e999 - 1e999 + len(list")
    )
    write(tmp_path, "measures", "no_fields", MEASURE.replace("FIELDS = (", "FIELDS = 3 #"))
    (tmp_path / "measures" / "nowhere.py").symlink_to("nothing")
    done = bench("inspect", "tiny")
    assert done.returncode == 0
    assert "fails: TypeError" in done.stdout
    assert "wrong: " in done.stdout
    assert "leaves: SystemExit" in done.stdout
    assert "a_list: TypeError: n_modules is a list" in done.stdout
    assert "not_finite: TypeError: n_modules is nan" in done.stdout
    assert "no_fields: TypeError: FIELDS is no tuple" in done.stdout
    (line,) = skipped(done)
    assert "measure 'nowhere': cannot be read" in line


def test_a_section_of_the_folder_stands_in_the_report_and_broken_ones_are_named(
    bench: Bench, tmp_path: Path
) -> None:
    (tmp_path / "runs.csv").write_text(RUNS)
    words = ("--dataset", "mnist", "--test-images", "10000")
    assert bench("import", "runs.csv", "--as", "theirs", *words).returncode == 0
    write(tmp_path, "sections", "my_seeds", SECTION)
    for name, (text, _) in BROKEN.items():
        write(tmp_path, "sections", name, text)
    write(tmp_path, "sections", "late", SECTION.replace("sorted({", "1 / 0 or sorted({"))
    write(tmp_path, "sections", "undrawn", SECTION.replace("figure = Figure", "figure = Fogure"))
    write(tmp_path, "sections", "words", SECTION.replace("return Section", "return str"))
    write(tmp_path, "sections", "ends", SECTION.replace("return Section", "raise SystemExit #"))
    write(tmp_path, "sections", "text", SECTION.replace("text=", "text='plain', notes="))
    write(tmp_path, "sections", "rows", SECTION.replace("text=", "tables=(3,), text="))
    away = "downloads=(Download('../x', 'x', str),), text="
    outside = SECTION.replace("import Plot", "import Download, Plot").replace("text=", away)
    write(tmp_path, "sections", "outside", outside)
    write(tmp_path, "sections", "nowhere", SECTION.replace('"dataset"', '"somewhere"'))
    done = bench("report", "--suite", "theirs")
    assert done.returncode == 3, done.stderr
    report = (tmp_path / "reports" / "report.md").read_text()
    assert "## My seeds" in report
    assert report.count("These are the seeds 2.") == 1
    assert (tmp_path / "reports" / "figures" / "my-seeds.svg").exists()
    reasons = {name: reason for name, (_, reason) in BROKEN.items()} | {
        "late": "ZeroDivisionError",
        "undrawn": "NameError: name 'Fogure' is not defined",
        "words": "TypeError",
        "ends": "SystemExit",
        "text": "TypeError: Section.text is 'plain', not tuple",
        "rows": "TypeError: Section.tables holds 3, not Table",
        "outside": "does not lie in the reports folder",
        "nowhere": "bad ORDER, SCOPE or PAGES",
    }
    lines = skipped(done)
    assert len(lines) == len(reasons)
    for name, reason in reasons.items():
        (line,) = [line for line in lines if f"section '{name}'" in line]
        assert reason in line
        assert f"sections/{name}.py" in line
    assert "## The section “late” could not be made\n\nZeroDivisionError" in report
    late = bench("report", "--suite", "theirs", "--only", "late")
    assert (late.returncode, late.stdout) == (2, "")
    assert late.stderr.startswith("error: section 'late': ZeroDivisionError: ")
    shown = bench("report", "--suite", "theirs", "--only", "my-seeds", "--format", "md")
    assert "Dots of my seeds." in shown.stdout

"""The command line: parses, calls the stages flat, prints.

Stages import torch, which takes seconds: they are imported inside the commands that need them,
so that `--help`, `new`, `report` and a typing error answer at once.
"""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

import bench
from bench.errors import BenchError, UsageError

if TYPE_CHECKING:
    from bench.claims.ledger import Entry
    from bench.deciding import Wish
    from bench.plan import Plan
    from bench.stages import Selection

RESULTS, REPORTS = Path("results"), Path("reports")
EXIT_SOME_FAILED = 3
EXIT_INTERRUPTED = 130
SEEDS_ON_A_GPU = 8  # at once, by default

app = typer.Typer(
    name="bench",
    help="Turns a README's accuracy claims into evidence: many seeds, measures, a report.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
console = Console(soft_wrap=True)
errors = Console(stderr=True, soft_wrap=True)

Seeds = Annotated[str, typer.Option(help="5 (seeds 0 to 4), 0-29 or 0,3,7.")]
Arch = Annotated[list[str] | None, typer.Option(help="An architecture's name; repeatable.")]
DatasetName = Annotated[str, typer.Option(help="auto, mnist, mnist5k or fashion_mnist.")]
Group = Annotated[str | None, typer.Option(help="A sub-folder of architectures/.")]
Builtin = Annotated[bool, typer.Option("--builtin", help="Add the shipped architectures.")]
Epochs = Annotated[int | None, typer.Option(help="Instead of each recipe's own number.")]
DeviceName = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]
Jobs = Annotated[
    int | None,
    typer.Option(help="Worker processes, default: the cores; on a GPU, seeds at once, default: 8."),
]
Tf32 = Annotated[
    bool, typer.Option("--tf32", help="On a GPU: shorter factors in convolutions and products.")
]
SuiteName = Annotated[str, typer.Option("--suite", help="The suite of results.")]
Results = Annotated[Path, typer.Option(help="The results folder.")]
Reports = Annotated[Path, typer.Option(help="The reports folder.")]
DataDir = Annotated[Path | None, typer.Option(help="Where the data sets lie.")]
Margin = Annotated[float | None, typer.Option(help="Points, such as 0.05.")]
SplitName = Annotated[
    str | None, typer.Option("--split", help="test or validation; default: test where it is there.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]


@app.command("all")
def all_(
    seeds: Seeds = "5",
    arch: Arch = None,
    dataset: DatasetName = "auto",
    group: Group = None,
    builtin: Builtin = False,
    epochs: Epochs = None,
    device: DeviceName = "auto",
    jobs: Jobs = None,
    tf32: Tf32 = False,
    suite: SuiteName = "local",
    results: Results = RESULTS,
    reports: Reports = REPORTS,
    data_dir: DataDir = None,
) -> None:
    """Measure, train what is missing, render the report."""
    _train_and_report(**locals())


@app.command()
def train(
    seeds: Seeds = "5",
    arch: Arch = None,
    dataset: DatasetName = "auto",
    group: Group = None,
    builtin: Builtin = False,
    epochs: Epochs = None,
    device: DeviceName = "auto",
    jobs: Jobs = None,
    tf32: Tf32 = False,
    suite: SuiteName = "local",
    results: Results = RESULTS,
    data_dir: DataDir = None,
    no_test: Annotated[
        bool,
        typer.Option("--no-test", help="Never look at the test split; searches, seeds from 1000."),
    ] = False,
    until_decided: Annotated[
        bool,
        typer.Option("--until-decided", help="Add seeds until the rate is confirmed or refuted."),
    ] = False,
    cap: Annotated[
        int | None, typer.Option(help="With --until-decided: seeds at most, usually 200.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="With --until-decided: the declared rate, usually 0.90.")
    ] = None,
    target: Annotated[
        float | None, typer.Option(help="With --until-decided: percent, usually 99.40.")
    ] = None,
) -> None:
    """Measure, and train the runs that the suite lacks."""
    from bench.deciding import Wish

    wish = Wish(rate=rate, target=target, cap=cap)
    if not until_decided and wish != Wish():
        what, remedy = "--cap, --rate and --target are of --until-decided", "give it as well"
        raise UsageError(what, where="train", remedy=remedy)
    if until_decided and no_test:
        what, remedy = "--no-test leaves nothing to decide by", "give one of the two"
        raise UsageError(what, where="--until-decided", remedy=remedy)
    _train_and_report(
        seeds=seeds,
        arch=arch,
        dataset=dataset,
        group=group,
        builtin=builtin,
        epochs=epochs,
        device=device,
        jobs=jobs,
        tf32=tf32,
        suite=suite,
        results=results,
        reports=None,
        data_dir=data_dir,
        evaluate_test=not no_test,
        wish=wish if until_decided else None,
    )


def _train_and_report(
    seeds: str,
    arch: list[str] | None,
    dataset: str,
    group: str | None,
    builtin: bool,
    epochs: int | None,
    device: str,
    jobs: int | None,
    tf32: bool,
    suite: str,
    results: Path,
    reports: Path | None,
    data_dir: Path | None,
    evaluate_test: bool = True,
    wish: Wish | None = None,
) -> None:
    from bench import deciding
    from bench.plan import Matrix, parse_seeds, require_epochs  # light, before torch
    from bench.store import Suite, require_writable

    require_epochs(epochs)
    seed_list, n_workers = parse_seeds(seeds), _workers(jobs)
    _require_suite_name(suite)
    kept = Suite(results, suite)
    protocol = deciding.declaration(kept, wish, seed_list)
    from bench import observing, provenance, stages
    from bench.engine.settings import resolve_device
    from bench.sweep import Sweep, Telling

    found = stages.find_architectures(arch or [], group, builtin)
    real_device = resolve_device(device)
    n_workers, how = _at_once(jobs, n_workers, real_device.type, tf32)
    loaded, notice = stages.load_dataset(dataset, data_dir)
    selection = stages.load_architectures(found, named=bool(arch))
    require_writable([results / suite, *([reports] if reports else [])])
    environment = provenance.environment(real_device, provenance.command_line())
    paths, reasons = stages.engine_paths(selection, real_device)
    _tell_notices(notice, selection, reasons)
    matrix = Matrix(
        architectures=selection.usable,
        seeds=seed_list,
        dataset=loaded.info,
        environment=environment,
        epochs=epochs,
        data_dir=data_dir,
        evaluate_test=evaluate_test,
        tf32=tf32,
        paths=paths,
    )
    work = Sweep(matrix, results, suite, n_workers, protocol)
    _say_all(work.declare())
    plan = work.first_plan()
    _say(f"{environment.device}: {environment.processor}, torch {environment.torch}")
    stages.measure(selection, environment, kept)
    seconds = stages.estimate_seconds(plan, loaded, n_workers)
    _tell_plan(plan, seconds, f"{min(n_workers, len(plan.jobs))} {how}")

    def render() -> None:
        if reports:
            _render(results, suite, reports)

    try:
        wrong = work.train(plan, loaded, Telling(console, _say, render))
    except KeyboardInterrupt:
        _complain("interrupted: finished runs are kept; the same command goes on from here")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    _say_all(work.state_lines())
    _say(f"records: {kept.folder}")
    for reason in observing.see(selection, loaded, kept):
        _say(f"Notice: {reason}")
    render()
    if wrong or plan.failed_before or selection.broken:
        for path in plan.failed_before:
            _complain(f"failed earlier: {path} (move the record away to try again)")
        raise typer.Exit(EXIT_SOME_FAILED)


def _workers(jobs: int | None) -> int:
    if jobs is None:
        return (
            len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count() or 1
        )
    if jobs < 1:
        raise UsageError(f"bad jobs '{jobs}'", where="--jobs", remedy="give 1 or more")
    return jobs


def _at_once(jobs: int | None, n_workers: int, device_type: str, tf32: bool) -> tuple[int, str]:
    """How many runs go on at once, and what they are called."""
    if device_type == "cuda":
        return jobs or SEEDS_ON_A_GPU, "seeds side by side"
    if tf32:
        raise UsageError("--tf32 is of GPUs", where="--device", remedy="leave it out here")
    return n_workers, "worker processes"


def _require_suite_name(name: str) -> None:
    if not name or Path(name).name != name or name.startswith("."):
        raise UsageError(
            f"bad suite name '{name}'", where="--suite", remedy="give one folder's name"
        )


def _tell_notices(notice: str | None, selection: Selection, reasons: dict[str, str]) -> None:
    """What a person should know before the work begins: data, broken files, slow paths."""
    if notice:
        _say(f"Notice: {notice}")
    _tell_broken(selection)
    for name, reason in reasons.items():
        _say(f"Notice: '{name}' trains as it is written, which is slower: {reason}")


def _tell_broken(selection: Selection) -> None:
    for error in selection.broken:
        _complain(f"skipped: {error}")


def _tell_plan(plan: Plan, seconds: float, how: str) -> None:
    from bench.progress import duration

    if not plan.jobs:
        _say(f"plan: all {plan.n_present} runs are there, nothing to train")
        return
    _say(
        f"plan: {len(plan.jobs)} runs ({plan.n_epochs} epochs) to train, {plan.n_present} there "
        f"already; about {duration(seconds)} on {how}"
    )


@app.command()
def reproduce(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="A record's path, suite/dataset/architecture/seed-0003[-key12], or the first "
            "digits of its key.",
        ),
    ],
    builtin: Builtin = False,
    device: Annotated[
        str | None, typer.Option(help="auto, cpu, cuda or cuda:N; default: the record's kind.")
    ] = None,
    results: Results = RESULTS,
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """Train one recorded run again and compare: bits here, the distribution elsewhere."""
    from bench.reproduce import recorded

    kept = recorded.find(run, results)
    recorded.require_reproducible(kept)
    from bench.progress import duration
    from bench.reproduce import outcome, retraining
    from bench.spec import canonical_json

    shown = errors if as_json else console
    rebuilt = retraining.rebuild(kept, device, builtin, data_dir)
    before, here = kept.record.environment, rebuilt.environment
    family = [] if outcome.is_same(before, here) else recorded.family(kept)
    _print(shown, outcome.environment_line(before, here))
    seconds = duration(rebuilt.estimate_seconds())
    _print(shown, f"plan: {kept.name}, epochs {rebuilt.spec.recipe.epochs}, about {seconds}")
    try:
        retrained = retraining.retrain(rebuilt, shown)
    except KeyboardInterrupt:
        _complain("interrupted: nothing is kept; the same command starts afresh")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    found = outcome.compare(kept.name, kept.record, retrained, family)
    if as_json:
        sys.stdout.buffer.write(canonical_json(found))
    else:
        for line in outcome.lines(found):
            _say(line)
    raise typer.Exit(found.exit_code)


@app.command()
def compare(
    first: Annotated[
        str, typer.Argument(metavar="A", help="A suite, or suite/dataset/architecture[/digest].")
    ],
    second: Annotated[str, typer.Argument(metavar="B", help="The same.")],
    margin: Margin = None,
    split: SplitName = None,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """Two suites, architectures or recipes: distributions, verdict, drift; 1 if bits differ."""
    from bench import stats
    from bench.arms import parse_place
    from bench.comparing import outcome, telling
    from bench.spec import canonical_json

    found = outcome.compare(
        outcome.Request(
            first=parse_place(first, results),
            second=parse_place(second, results),
            results=results,
            split=split,
            margin_points=stats.MARGIN_POINTS if margin is None else margin,
        )
    )
    if as_json:
        sys.stdout.buffer.write(canonical_json(found))
    else:
        telling.show(found, console)
    raise typer.Exit(found.exit_code)


@app.command("plan")
def plan_(
    margin: Margin = None,
    rate: Annotated[
        float | None, typer.Option(help="The share of runs that must meet the target, as 0.90.")
    ] = None,
    assume: Annotated[
        float | None, typer.Option(help="The chance with which each run is taken to meet it.")
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="So many runs: the chance that they bring a verdict.")
    ] = None,
    arch: Arch = None,
    suite: Annotated[str, typer.Option("--suite", help="The suite that is the pilot.")] = "local",
    split: SplitName = None,
    results: Results = RESULTS,
    as_json: AsJson = False,
) -> None:
    """How many seeds for a margin, from a pilot's spread, or for a verdict on a rate."""
    _require_suite_name(suite)
    from bench import stats
    from bench.forecast import questions, telling
    from bench.spec import canonical_json

    of_rate = rate is not None or assume is not None or seeds is not None
    if margin is None and not of_rate:
        margin, of_rate = stats.MARGIN_POINTS, True
    pilot = questions.Pilot(results, suite, tuple(arch or ()), split)
    declared = stats.DECLARED_RATE if rate is None else rate
    found = questions.Forecast(
        suite=None if margin is None else suite,
        rate=questions.for_rate(declared, assume, seeds) if of_rate else None,
        margin=None if margin is None else questions.for_margin(margin, pilot),
    )
    if as_json:
        sys.stdout.buffer.write(canonical_json(found))
    else:
        _say_all(telling.lines(found))


@app.command()
def report(
    suite: SuiteName = "local",
    results: Results = RESULTS,
    reports: Reports = REPORTS,
    update: Annotated[
        Path | None, typer.Option(help="A README whose results table is renewed.")
    ] = None,
) -> None:
    """Render the report from the records alone."""
    _require_suite_name(suite)
    _render(results, suite, reports, update)


def _render(results: Path, suite: str, reports: Path, document: Path | None = None) -> None:
    from bench import fragment
    from bench import report as stage
    from bench.store import Suite

    words = ["python", "-m", "bench", "report", "--suite", suite]
    words += ["--results", str(results)] if results != RESULTS else []
    words += ["--reports", str(reports)] if reports != REPORTS else []
    command = shlex.join(words).replace(str(Path.home()), "~")
    written = stage.render(Suite(results, suite), reports, command=command)
    if document:
        changed = fragment.update(document, reports / stage.MARKDOWN)
        _say(f"{document}: {'renewed' if changed else 'up to date'}")
    _say(f"report: {written[0]}")


@app.command()
def claims(
    suite: Annotated[
        list[str] | None,
        typer.Option(help="A suite of results, repeatable; default: local, else the shipped one."),
    ] = None,
    results: Results = RESULTS,
    file: Annotated[
        list[Path] | None, typer.Option(help="A file of claims, repeatable; default: claims/.")
    ] = None,
    builtin: Annotated[bool, typer.Option("--builtin", help="Add the shipped claims.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 where a claim is refuted.")
    ] = False,
    allow: Annotated[
        list[str] | None, typer.Option(help="With --strict: an id that may be refuted; repeatable.")
    ] = None,
    known: Annotated[
        Path | None, typer.Option(help="With --strict: a file of such ids, one a line.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only look for mistakes in the files of claims.")
    ] = False,
    document: Annotated[
        Path | None, typer.Option(help="With --check: the document whose lines hold the quotes.")
    ] = None,
) -> None:
    """The ledger: each published claim, what was measured, the verdict."""
    from bench import judging
    from bench.claims.ledger import as_json as rows_as_json
    from bench.claims.ledger import known_ids, show

    paths = judging.files(file or [], builtin)
    if check:
        _tell_mistakes(paths, document)
        return
    allowed = [*(allow or []), *(known_ids(known) if known else [])]
    suites, notice = judging.suites(suite or [], results)
    entries = judging.entries(paths, suites)
    if notice:
        _complain(f"Notice: {notice}")
    if as_json:
        sys.stdout.buffer.write(rows_as_json(entries))
    else:
        show(entries, console)
    if strict:
        _tell_refuted(entries, allowed)


def _tell_mistakes(paths: list[Path], document: Path | None) -> None:
    """Every mistake in the files of claims; exit 2 where there is one."""
    from bench import judging

    mistakes = judging.mistakes(paths, document)
    for mistake in mistakes:
        _complain(f"error: {mistake}")
    if mistakes:
        raise typer.Exit(UsageError.exit_code)
    _say(f"no mistakes in {', '.join(str(path) for path in paths)}")


def _tell_refuted(entries: list[Entry], allowed: list[str]) -> None:
    """Refutations that no list knows; exit 1 where there is one."""
    from bench.claims.ledger import strict

    found = strict(entries, allowed)
    for words in found.stale:
        _complain(f"Notice: known as refuted, but {words}")
    if found.new:
        _complain(f"refuted: {', '.join(found.new)}")
        raise typer.Exit(1)


@app.command()
def measure(
    arch: Arch = None,
    group: Group = None,
    builtin: Builtin = False,
    device: DeviceName = "auto",
    suite: SuiteName = "local",
    results: Results = RESULTS,
    data_dir: DataDir = None,
) -> None:
    """Measure the architectures, time them here, see what their trained runs react to."""
    _require_suite_name(suite)
    from bench import observing, provenance, stages
    from bench.engine.settings import resolve_device
    from bench.store import Suite

    real_device = resolve_device(device)
    found = stages.find_architectures(arch or [], group, builtin)
    selection = stages.load_architectures(found, named=bool(arch))
    _tell_broken(selection)
    environment = provenance.environment(resolve_device("cpu"), provenance.command_line())
    kept = Suite(results, suite)
    for portrait in stages.measure(selection, environment, kept):
        parameters = portrait.measures["parameters"].values.get("n_parameters")
        _say(f"{portrait.architecture}: {parameters:,} parameters")
    _say(f"measures: {kept.folder / 'portraits'}")
    here = provenance.environment(real_device, provenance.command_line())
    timings, notices = observing.time_all(selection, here, kept)
    for latency in timings:
        seconds = ", ".join(
            f"{timing.batch_size:,} in {1000 * timing.median_seconds:.3g} ms"
            for timing in latency.timings
        )
        _say(f"{latency.architecture} on {here.processor}, images and median: {seconds}")
    loaded, missing = observing.datasets_at_hand(kept, data_dir)
    notices += [f"data set '{name}' is not here: its runs were not looked at" for name in missing]
    for dataset in loaded:
        notices += observing.see(selection, dataset, kept)
    for notice in notices:
        _say(f"Notice: {notice}")
    if selection.broken:
        raise typer.Exit(EXIT_SOME_FAILED)


@app.command("list")
def list_(group: Group = None, builtin: Builtin = False) -> None:
    """The architectures, data sets and measures at hand."""
    from bench import datasets, discover, measures
    from bench.shipped import folder, folder_in_use

    place = folder_in_use("architectures")
    found = discover.scan(place, group) if group else discover.scan_all(place)
    if builtin and folder("architectures").resolve() != place.resolve():
        found += discover.scan_all(folder("architectures"))
    for each in found:
        label = f"{each.group}/{each.name}" if each.group else each.name
        _say(f"architecture {label}: {discover.headline(each)}")
    for name in datasets.names():
        _say(f"data set {name}")
    for name in measures.names():
        _say(f"measure {name}")


@app.command()
def inspect(
    architecture: Annotated[str, typer.Argument(help="The architecture's name.")],
    builtin: Builtin = False,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
) -> None:
    """One architecture: components, layers, operations, receptive field."""
    from bench import inspection, provenance, stages
    from bench.engine.settings import resolve_device

    found = stages.find_architectures([architecture], None, builtin)
    selection = stages.load_architectures(found, named=True)
    environment = provenance.environment(resolve_device("cpu"), provenance.command_line())
    portrait = stages.portrait(selection.usable[0][1], environment)
    if as_json:
        sys.stdout.buffer.write(inspection.as_json(portrait))
    else:
        inspection.show(portrait, console)


@app.command()
def new(name: Annotated[str, typer.Argument(help="Lower case letters, digits and _.")]) -> None:
    """A commented starter for your own network, in architectures/NAME.py."""
    from bench.shipped import folder
    from bench.starter import create

    path = create(name, Path("architectures"), folder("templates"))
    _say(f"made {path}; try it: python -m bench inspect {name}")


@app.command()
def doctor(
    results: Results = RESULTS, reports: Reports = REPORTS, data_dir: DataDir = None
) -> None:
    """Python, torch, device, cores, data, disk, versions: what is there and what to do."""
    from bench.doctor import checks

    failed = False
    for check in checks(results=results, reports=reports, data_dir=data_dir):
        mark = {True: "ok ", False: "BAD", None: "-  "}[check.ok]
        remedy = f"  -> {check.remedy}" if check.remedy and check.ok is not True else ""
        _say(f"{mark} {check.name}: {check.value}{remedy}")
        failed |= check.ok is False
    if failed:
        raise typer.Exit(1)


def _version(wanted: bool) -> None:
    if wanted:
        _say(f"manyseeds {bench.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Turns a README's accuracy claims into evidence: many seeds, measures, a report."""


def _say(text: str) -> None:
    _print(console, text)


def _say_all(lines: list[str]) -> None:
    for line in lines:
        _say(line)


def _complain(text: str) -> None:
    _print(errors, text)


def _print(place: Console, text: str) -> None:
    place.print(text, markup=False, highlight=False)


def main() -> None:
    """Runs a command; every expected error is one line on stderr and its exit code."""
    try:
        app()
    except BenchError as error:
        _complain(f"error: {error}")
        sys.exit(error.exit_code)

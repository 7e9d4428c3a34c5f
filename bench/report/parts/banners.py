"""What every page says at its top before anything else: why its numbers need care."""

from __future__ import annotations

from collections import Counter

from bench.errors import page
from bench.records.arms import Arm
from bench.report.summary import Summary
from bench.stats.format import count, integer, listed, listed_or_counted, ranges

RENEWED = (  # true of every page, whatever rendered it
    "While “bench all” trains the others, or “bench report --watch” runs, this page is renewed: "
    "reload it."
)
FEW_NAMES = 3  # more networks with missing seeds are counted


def banners(summaries: list[Summary]) -> tuple[str, ...]:
    """One line for each reason, of all data sets together; nothing where all is well."""
    several = len(summaries) > 1
    of_each = (
        f"{summary.title.removeprefix('On ')}: {line}" if several else line
        for summary in summaries
        for line in _of(summary)
    )
    return (*_damaged(summaries[0]), *summaries[0].edited, *of_each)


def _damaged(summary: Summary) -> tuple[str, ...]:
    """The files of the suite that could not be believed; nothing where there is none."""
    names = summary.set_aside
    if not names:
        return ()
    said = listed_or_counted(list(names), "file")
    are = "is left out and counts" if len(names) == 1 else "are left out and count"
    line = f"{count(len(names), 'damaged file')} {are} as missing: {said}."
    return (f"{line} To see what is wrong, run: python -m bench verify {summary.suite}",)


def _of(summary: Summary) -> list[str]:
    lines = [_data(summary), _older(summary), _shortened(summary), _failures(summary)]
    lines += [_progress(summary), _gaps(summary), _unseeded(summary), _standings(summary)]
    return [line for line in (*lines, _environments(summary), _variants(summary)) if line]


def _data(summary: Summary) -> str:
    if not summary.elsewhere:
        return ""
    spoken_of = listed(summary.elsewhere)
    return (
        f"The data set is {summary.prefix}, but the {summary.label} speaks of {spoken_of}. So its "
        "accuracy claims are not comparable. Parameters, operations and receptive fields are. To "
        f"compare accuracies, run with --dataset {summary.elsewhere[0]}."
    )


def _older(summary: Summary) -> str:
    """Networks whose every run is of an older source than the file's."""
    current = {arm.architecture for arm in summary.arms if not summary.is_older(arm)}
    names = dict.fromkeys(arm.architecture for arm in summary.arms)
    older = [summary.display_name(name) for name in names if name not in current]
    if not older:
        return ""
    return (
        f"The file was edited after the runs: {listed_or_counted(older, 'network')}. No claim is "
        "judged by these runs. To judge the file of today, train it again."
    )


def _shortened(summary: Summary) -> str:
    """Arms that trained for fewer epochs than their network's file says."""
    found: dict[str, list[str]] = {}
    for arm in summary.arms:
        if of_file := shortened(summary, arm):
            found.setdefault(of_file, []).append(arm.label)
    said = "; ".join(
        f"{listed_or_counted(labels, 'network')} ({of_file})" for of_file, labels in found.items()
    )
    return f"Trained for fewer epochs than the file of the network says: {said}." if said else ""


def shortened(summary: Summary, arm: Arm) -> str:
    """2 of 15: its epochs and those of the network's file; nothing where these are not more."""
    portrait, ran = summary.portrait_of_arm(arm), arm.first.n_epochs
    if portrait is None or ran is None or ran >= portrait.recipe.epochs:
        return ""
    return f"{integer(ran)} of {integer(portrait.recipe.epochs)}"


def _unseeded(summary: Summary) -> str:
    """Own commands whose runs are one run: they take a seed, and make nothing of it."""
    same = [
        arm.label
        for arm in summary.arms
        if arm.first.foreign and arm.first.foreign.origin == "command" and _is_one_run(arm)
    ]
    if not same:
        return ""
    return (
        f"Every seed gave the same figures after every epoch: {listed_or_counted(same, 'command')}."
        f" Does the script use its seed? {page('runners')} says how to seed a script."
    )


def _is_one_run(arm: Arm) -> bool:
    first, *others = [run.epochs for run in arm.completed] or [[]]
    return bool(others) and all(epochs == first for epochs in others)


def _failures(summary: Summary) -> str:
    failed = [run for run in summary.runs if not run.completed]
    if not failed:
        return ""
    return (
        f"{count(len(failed), 'run')} of {len(summary.runs)} failed or diverged; each counts as a "
        "miss. The reasons are in the appendix of the index."
    )


def _progress(summary: Summary) -> str:
    """How many of the declared runs are there; nothing where all are, or none was declared."""
    declared = _declared(summary)
    n, n_there = len(declared), len(declared & summary.recorded)
    if n_there == n:
        return ""
    lacks = [_lack(arm, gap) for arm, gap in _lacking(summary) if arm.standing.n_declared]
    more = f": {listed(lacks)}" if 0 < len(lacks) <= FEW_NAMES else ""
    return (
        f"{integer(n_there)} of {count(n, 'declared run')} {'is' if n_there == 1 else 'are'} there"
        f"{more}. {RENEWED}"
    )


def _declared(summary: Summary) -> set[tuple[str, int]]:
    """Arm and seed of every declared run; those of a stopped sweep are not waited for."""
    networks = {*summary.shown, *(summary.document.networks if summary.document else ())}
    sweeps = summary.protocol.sweeps if summary.protocol else ()
    return {
        (sweep.arm, seed)
        for sweep in sweeps
        if sweep.architecture in networks
        and (summary.dataset is None or sweep.dataset == summary.prefix)
        and not sweep.stopped
        for seed in sweep.each_seed
    }


def _gaps(summary: Summary) -> str:
    """Seeds that another architecture has, and architectures measured but never trained."""
    if summary.dataset is None:
        return ""
    missing = [_lack(arm, gap) for arm, gap in _lacking(summary) if not arm.standing.n_declared]
    known = {arm.architecture for arm in summary.arms} | _awaited(summary)
    untrained = [p.display_name for p in summary.portraits if p.architecture not in known]
    missing += [f"{name} has no run" for name in dict.fromkeys(untrained)]
    return f"Some runs are missing: {listed_or_counted(missing, 'gap')}." if missing else ""


def _awaited(summary: Summary) -> set[str]:
    """The architectures of which runs are declared on this data set."""
    sweeps = summary.protocol.sweeps if summary.protocol else ()
    return {each.architecture for each in sweeps if each.dataset == summary.prefix}


def _lacking(summary: Summary) -> list[tuple[Arm, set[int]]]:
    """Arms without some seeds that they should have."""
    found = [(arm, _wanted(summary, arm) - {run.seed for run in arm.runs}) for arm in summary.arms]
    return [(arm, gap) for arm, gap in found if gap]


def _lack(arm: Arm, gap: set[int]) -> str:
    return f"{arm.label} lacks seed {ranges(sorted(gap))}{_of_declared(arm)}"


def _of_declared(arm: Arm) -> str:
    n = len(arm.runs)
    whole = len(arm.standing.order)
    return f" ({integer(n)} of {integer(whole)})" if arm.standing.is_incomplete(n) else ""


def _wanted(summary: Summary, arm: Arm) -> set[int]:
    """The seeds that the arm should have.

    A variant of a network has those that somebody chose. An arm that was declared has those that
    were, unless it was stopped. Runs that go on until they are decided end where they are. Else an
    arm owes the seeds that a command which trained it gave others: a
    search on the validation split, a sweep on another kind of device and one of another network
    alone have seeds of their own.
    """
    standing = arm.standing
    if standing.kind in ("declared", "extended"):
        return set(standing.order)
    if standing.kind == "stopped" or not summary.is_own(arm):
        return set()
    if standing.kind == "until decided":
        return set(standing.order)
    commands = {run.environment.command for run in arm.runs}
    return {
        run.seed
        for other in summary.arms
        if summary.is_own(other) and _kind(other) == _kind(arm)
        for run in other.runs
        if run.environment.command in commands
    }


def _standings(summary: Summary) -> str:
    """Arms whose number of runs was not what was declared, because of what was found."""
    said = [
        f"{arm.label} ({arm.standing.note(len(arm.runs))})"
        for arm in summary.arms
        if arm.is_judged and arm.standing.kind in ("extended", "stopped")
    ]
    if not said:
        return ""
    return f"Judged by a confidence sequence: {listed_or_counted(said, 'network')}."


def _kind(arm: Arm) -> tuple[bool, str | None]:
    return arm.first.evaluate_test, arm.first.device_type


def _environments(summary: Summary) -> str:
    counts = Counter(run.environment.fingerprint for run in summary.runs)
    if len(counts) < 2:
        return ""
    said = listed([f"{key} (n = {counts[key]})" for key in sorted(counts)])
    mixed = [arm.label for arm in summary.arms if len(arm.environments) > 1]
    if not mixed:
        return f"Runs of {len(counts)} environments: {said}. No distribution mixes environments."
    within = (
        ""
        if len(mixed) == len(summary.arms)
        else f" Networks with runs of several environments: {listed_or_counted(mixed, 'network')}."
    )
    return f"Runs of {len(counts)} environments are mixed: {said}.{within}"


def _variants(summary: Summary) -> str:
    """Records of another recipe, source or device stand apart, and this says so."""
    names = [arm.architecture for arm in summary.arms]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if not twice:
        return ""
    said = listed_or_counted([summary.display_name(name) for name in twice], "network")
    return (
        f"{said}: the records differ in more than the seed (recipe, source or device). So they "
        "are shown apart and never averaged together."
    )

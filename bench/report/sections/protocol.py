"""The rules that the numbers were made by, with their parameters as the code has them."""

from __future__ import annotations

from bench.records import until_decided
from bench.records.protocol import Protocol
from bench.records.until_decided import CAP
from bench.report.model import Cell, Column, PageKind, Scope, Section, Table
from bench.report.parts.verdicts import limit_words, rate_words, target_words
from bench.report.summary import Summary
from bench.spec import Objective
from bench.stats.declared import (
    CONFIDENCE,
    DRAW_SEED,
    FEWEST_RUNS,
    MARGIN_POINTS,
    RATE_ALPHA,
)
from bench.stats.format import count, fixed, integer, percentage, points, written
from bench.stats.means import FEWEST_FOR_BOOTSTRAP, N_RESAMPLES
from bench.stats.outcomes import SUSTAINED_EPOCHS
from bench.stats.permutation import N_RESAMPLES as N_PERMUTATIONS

ORDER = 86
SCOPE: Scope = "document"
PAGES: tuple[PageKind, ...] = ("provenance", "markdown")
TEXT = (
    (
        "The unit is one training run, and every run counts. A run that diverged or failed is a "
        "miss. No seed is dropped or replaced."
    ),
    (
        "The primary number is the test count of the last epoch, compared as an integer. A number "
        "from an epoch that was chosen later stands beside it, with a name that says so."
    ),
    (
        "Runs that differ in more than the seed (recipe, source, data, device) are never averaged "
        "together. One run has no spread."
    ),
)
Rule = tuple[str, str, str]


def section(summary: Summary) -> Section | None:
    """The same for every suite but for what it declared; None where nothing is judged yet."""
    if not summary.runs:
        return None
    rules = (*_of_rates(summary), *_of_means(), *_of_comparisons())
    table = Table(
        caption="Parameters of the rules",
        columns=(
            Column("Parameter", numeric=False),
            Column("Value"),
            Column("What it decides", numeric=False),
        ),
        rows=tuple(tuple(Cell(text) for text in rule) for rule in rules),
        sortable=False,
    )
    return Section(title="Protocol", text=TEXT, tables=(table,))


def _of_rates(summary: Summary) -> tuple[Rule, ...]:
    rules = _of_objective(summary.objective)
    protocol = summary.protocol
    if protocol is not None and protocol.rule == "until-decided":
        return (*rules, *_until_decided(protocol))
    said = "declared before the first run of an arm" if protocol else "declared nowhere"
    rules = (
        *rules,
        ("Number of runs", "fixed", f"{said}; a confidence sequence judges an extended arm"),
        ("Alpha", written(RATE_ALPHA), "one-sided, of each bound of a rate"),
    )
    if protocol is None or not protocol.attempts:
        return rules
    n = count(len(protocol.attempts), "attempt")
    return (*rules, ("Family", n, "at the target: alpha is divided by their number"))


def _of_objective(objective: Objective) -> tuple[Rule, ...]:
    """What the runs are held against; nothing of what is not asked for."""
    rules: list[Rule] = []
    if objective.target is not None:
        what = "what a run's last epoch must reach, as a count of test images"
        share = "the share of runs that “consistently” asks for"
        rules.append(("Target", target_words(objective), what))
        rules.append(("Declared rate", rate_words(objective), share))
    if limit := limit_words(objective):
        rules.append(("Parameter limit", limit, "trainable parameters"))
    if objective.epochs_at_most is not None:
        limit = f"at most {integer(objective.epochs_at_most)}"
        rules.append(("Epoch limit", limit, "epochs of a run"))
    if objective.target is not None:
        what = "the last epochs that must all reach the target to count as sustained"
        rules.append(("Sustained", count(SUSTAINED_EPOCHS, "epoch"), what))
    return tuple(rules)


def _until_decided(protocol: Protocol) -> tuple[Rule, ...]:
    """Of a suite that went on until it was decided: judged by its confidence sequence only."""
    words = "one-sided, of each bound of the confidence sequence (Howard et al. 2021)"
    _, rate = until_decided.goal(protocol)
    return (
        ("Number of runs", "until decided", "declared before the first run"),
        ("Rate decided", fixed(rate, 2), "the rate that the runs had to decide"),
        ("At a target of", protocol.goal.words, "which a run counts for or against"),
        ("Cap", count(protocol.cap or CAP, "run"), "an architecture's runs at most"),
        ("First seed", str(protocol.first_seed), "runs are judged in the order of their seeds"),
        ("Alpha", written(protocol.alpha), words),
    )


def _of_means() -> tuple[Rule, ...]:
    return (
        ("Confidence", percentage(100 * CONFIDENCE, 0), "of a mean's Student t interval"),
        (
            "Bootstrap",
            f"from {count(FEWEST_FOR_BOOTSTRAP, 'run')}",
            f"BCa beside t (Efron 1987), {integer(N_RESAMPLES)} resamples, seed {DRAW_SEED}",
        ),
        (
            "Interval",
            f"from {count(FEWEST_RUNS, 'run')}",
            "of a mean, of a difference, and of one more run, which judges a published single run",
        ),
    )


def _of_comparisons() -> tuple[Rule, ...]:
    return (
        (
            "Margin",
            f"{points(MARGIN_POINTS, 2)} points",
            "two architectures that differ by less are equivalent",
        ),
        (
            "Permutations",
            integer(N_PERMUTATIONS),
            "of a test of a difference, if all permutations are too many; Holm over all pairs",
        ),
    )

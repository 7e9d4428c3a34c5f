"""What suites hold about each network: measures and runs. It knows no metric and no verdict."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any, Literal

from msgspec import to_builtins

from bench.evidence.claims.objectives import NO_DOCUMENT, Objectives
from bench.records.arms import Arm, Split, arms, is_of_file
from bench.records.observations import ScoredWeights
from bench.records.protocol import Protocol
from bench.records.store import Suite, portrait_file, run_file, scored_file
from bench.spec import Claim, Foreign, Measured, Objective, Portrait, RunRecord
from bench.stats.declared import CONSISTENT_RATE
from bench.stats.means import Accuracy, accuracy

Value = int | float | Fraction | str
MEASURE_AGAIN = "python -m bench measure"
DECLARE = "add '{}' to [objective] in claims/{}.toml"
LAYERS = "parameters"  # the measure whose rows are the calls of all layers, in their order
NAMED = 3  # fields of a recipe that are named where it is another than the file's
BY_PLACE = re.compile(r"(?P<operation>\w+) (?P<place>\d+)")


class NoEvidence(Exception):
    """Nothing to judge a claim by: it stays undecided, or cannot be compared or checked.

    Attributes:
        why: One line.
        verdict: What follows for the claim.
    """

    def __init__(
        self,
        why: str,
        verdict: Literal["undecided", "not comparable", "not checkable"] = "undecided",
    ) -> None:
        super().__init__(why)
        self.why, self.verdict = why, verdict


def fraction(value: Value) -> Fraction:
    """Exact in the decimals that were written: .08 is 8/100."""
    return Fraction(str(value))


@dataclass(frozen=True)
class Exact:
    """A value that no seed changes.

    Attributes:
        value: In the metric's unit.
        stands_on: The measures or records that it was read from.
        slack: Rounding of the published numbers it was reckoned from.
        words: The value in words, where it alone does not say it.
    """

    value: Value
    stands_on: tuple[str, ...]
    slack: Fraction = Fraction(0)
    words: str = ""


@dataclass(frozen=True)
class Sample:
    """Right answers of the runs of one arm.

    Attributes:
        arm: The runs.
        split: The images that the answers are about.
        counts: (n_runs,), in the order of the seeds; `MISSING` for a run without a count.
        note: How the counts were chosen.
        rate: The share of runs that "consistently" asks for.
    """

    arm: Arm
    split: Split
    counts: tuple[int, ...]
    note: str = ""
    rate: float = CONSISTENT_RATE

    @property
    def n_images(self) -> int:
        return self.arm.n_images(self.split)

    @property
    def accuracy(self) -> Accuracy:
        """Mean and spread of the runs that have a count."""
        return accuracy(self.counts, self.n_images)

    @property
    def stands_on(self) -> tuple[str, ...]:
        return records(self.arm)


@dataclass(frozen=True)
class SuiteContents:
    """What one suite holds."""

    suite: str
    runs: Sequence[RunRecord]
    portraits: Sequence[Portrait]
    protocol: Protocol | None = None  # None for a fixed number of runs
    scored: Sequence[ScoredWeights] = ()

    @classmethod
    def read(cls, suite: Suite) -> SuiteContents:
        """Raises StoreError where a record cannot be read."""
        runs, portraits = suite.runs(), suite.portraits()
        return cls(suite.name, runs, portraits, suite.protocol(), suite.scored_weights())


@dataclass(frozen=True)
class Anew:
    """What was measured now, because no suite holds measures of the files at hand.

    Attributes:
        portraits: Of the files that could be measured; they are kept nowhere.
        failed: Architecture's name -> why its file could not be measured, in one line.
    """

    portraits: tuple[Portrait, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Version:
    """One measured version of a network's source and recipe.

    Attributes:
        portrait: Its measures.
        place: Where they come from: a file below the results folder, or the architecture's own.
    """

    portrait: Portrait
    place: str

    @property
    def subject(self) -> str:
        return self.portrait.architecture

    def measure(self, name: str) -> Measured:
        """One measure; raises NoEvidence where it was not taken, or in part only."""
        found = self.portrait.measures.get(name)
        if found is None:
            raise NoEvidence(f"'{self.subject}' lacks the measure '{name}': {MEASURE_AGAIN}")
        if found.error or found.at_least:
            part = f"'{name}' counted only parts of '{self.subject}'"
            raise NoEvidence(found.error or part)
        return found

    def value(self, measure: str, name: str) -> Any:
        return self.known(self.measure(measure).values.get(name), f"value '{name}'")

    def cell(self, measure: str, layer: str, column: str) -> Any:
        row = self.measure(measure).layers.get(layer, {})
        return self.known(row.get(column), f"{column} of '{layer}'")

    def known(self, value: Any, what: str) -> Any:
        """The value itself; raises NoEvidence where there is none."""
        if value is None:
            raise NoEvidence(f"'{self.subject}' has no measured {what}: {MEASURE_AGAIN}")
        return value

    def layer(self, word: str) -> str:
        """A layer's own name: `Conv2d 5` is the fifth call of a Conv2d."""
        rows = self.measure(LAYERS).layers
        if word in rows:
            return word
        by_place = BY_PLACE.fullmatch(word)
        if by_place:
            kind, place = by_place["operation"], int(by_place["place"])
            names = [name for name, row in rows.items() if row.get("operation") == kind]
            if 1 <= place <= len(names):
                return names[place - 1]
        what = f"'{self.subject}' has no layer '{word}': python -m bench inspect {self.subject}"
        raise NoEvidence(what)

    def stands_on(self, part: str, layers: Sequence[str] = ()) -> tuple[str, ...]:
        """The place of a part of the portrait, or of these layers in it."""
        place = f"{self.place}#{part}"
        return tuple(f"{place}/{layer}" for layer in layers) or (place,)


@dataclass(frozen=True)
class Evidence:
    """All that claims are judged by.

    Attributes:
        suites: What each holds.
        claims: Id -> claim, for those that refer to each other.
        current: Architecture's name -> digest of its file at hand. Measures and runs of another
            source are then no evidence.
        anew: What was measured now.
        objectives: What the documents ask of their networks.
    """

    suites: tuple[SuiteContents, ...]
    claims: Mapping[str, Claim]
    current: Mapping[str, str]
    anew: Anew = Anew()
    objectives: Objectives = NO_DOCUMENT

    def objective(self, claim: Claim) -> Objective:
        """What the claim's document asks of the claim's subject; of nothing, an empty one."""
        own = (d.objective for d in self.objectives.documents if d.name == claim.file)
        return next(own, None) or self.objectives.of(claim.subject, claim.dataset) or Objective()

    def target(self, claim: Claim) -> Fraction:
        """The same document's target in percent; raises NoEvidence where it has none."""
        target = self.objective(claim).target
        if target is None:
            raise NoEvidence(f"the document has no target: {DECLARE.format('target', claim.file)}")
        return fraction(target)

    def rate(self, claim: Claim) -> float:
        """The share of runs that the same document means by "consistently"."""
        return self.objective(claim).rate or CONSISTENT_RATE

    def limit(self, claim: Claim) -> int:
        """The same document's limit of parameters; raises NoEvidence where it has none."""
        limit = self.objective(claim).limit
        if limit is None:
            key = "parameters_below"
            raise NoEvidence(f"the document has no limit: {DECLARE.format(key, claim.file)}")
        return limit

    @property
    def subjects(self) -> set[str]:
        """The architectures that the suites know."""
        runs = {run.architecture for held in self.suites for run in held.runs}
        measured = {each.architecture for held in self.suites for each in held.portraits}
        return runs | measured | {each.architecture for held in self.suites for each in held.scored}

    def _foreign(self, subject: str) -> Foreign | None:
        """What is known of its runs that are not ours; None where the suites have no such run."""
        runs = (run for held in self.suites for run in held.runs if run.architecture == subject)
        return next((run.foreign for run in runs if run.foreign), None)

    def versions(self, subject: str) -> list[Version]:
        """Every measured version of the subject; that of the file at hand alone, where it is there.

        Raises:
            NoEvidence: it was not measured, or cannot be.
        """
        every = self._measured(subject)
        found = self._of_file(subject, every)
        if not found:
            if foreign := self._foreign(subject):
                what = f"the runs of '{subject}' come from an {foreign.words}"
                if foreign.origin == "import":
                    what = f"the runs of '{subject}' are {foreign.words}"
                raise NoEvidence(f"{what}: its structure and its recipe are not known")
            what = f"'{subject}' is not measured"
            if every:
                what = f"the measures of '{subject}' come from an older version of its file"
            raise NoEvidence(f"{what}: {MEASURE_AGAIN} --arch {subject}")
        return found

    def arm(self, subject: str, dataset: str, split: Split) -> Arm:
        """The largest arm of the subject's own source and recipe.

        Raises:
            NoEvidence: no such runs; "not comparable" where there are others.
        """
        digest = self._digest(subject)
        runs = [(held, _runs_of(held, subject, digest)) for held in self.suites]
        names = sorted({run.dataset.name for _, its_runs in runs for run in its_runs})
        train = f"python -m bench train --arch {subject} --dataset {dataset}"
        if not names:
            if any(_runs_of(held, subject, None) for held in self.suites):
                why = f"the runs of '{subject}' come from an older version of its file: {train}"
                raise NoEvidence(why, "not comparable")
            raise NoEvidence(f"no runs of '{subject}': {train}")
        if dataset not in names:
            raise NoEvidence(
                f"the runs are on {', '.join(names)}, the claim is on {dataset}", "not comparable"
            )
        found = [
            arm
            for held, its_runs in runs
            for arm in arms(held.suite, its_runs, split, held.protocol)
            if arm.dataset.name == dataset
        ]
        if not found:
            raise NoEvidence(f"no run of '{subject}' looked at the test split")
        measured = self._of_file(subject, self._measured(subject))
        portraits = [version.portrait for version in measured]
        fitting = [arm for arm in found if is_of_file(arm.first, portraits, digest)]
        if not fitting:
            raise NoEvidence(_other_than_file(subject, found[0].first, measured), "not comparable")
        return max(fitting, key=lambda arm: len(arm.runs))

    def scored(self, subject: str, dataset: str, sha256: str) -> dict[str, ScoredWeights]:
        """Place -> outcome of a file of weights of the subject's own source on the test split.

        Args:
            subject: The architecture.
            dataset: Whose test images are meant.
            sha256: First digits of the file's digest; none are those of every file.

        Raises:
            NoEvidence: no such outcome; "not comparable" where there are others.
        """
        digest = self._digest(subject)
        measured = {v.portrait.architecture_digest for v in self._measured(subject)}
        own = {digest} if digest else measured
        every = {
            f"{held.suite}/{scored_file(each)}": each
            for held in self.suites
            for each in held.scored
            if each.architecture == subject and each.split == "test" and each.is_of(sha256)
        }
        fitting = {p: each for p, each in every.items() if each.dataset.name == dataset}
        found = {p: e for p, e in fitting.items() if not own or e.architecture_digest in own}
        suite = self.suites[0].suite if self.suites else "local"
        command = f"python -m bench evaluate {subject} --weights FILE --dataset {dataset}"
        command += f" --suite {suite}"
        if not every:
            which = f"with the SHA-256 {sha256}…" if sha256 else f"of '{subject}'"
            raise NoEvidence(f"no file of weights {which} was scored: {command}", "not checkable")
        if not found:
            why = f"the weights of '{subject}' were scored with another source than the file's"
            if not fitting:
                names = ", ".join(sorted({each.dataset.name for each in every.values()}))
                why = f"weights scored on {names}, claim of {dataset}"
            raise NoEvidence(f"{why}: {command}", "not comparable")
        return found

    def _measured(self, subject: str) -> list[Version]:
        """Its measures, of whatever source."""
        kept = [
            Version(each, f"{held.suite}/{portrait_file(each)}")
            for held in self.suites
            for each in held.portraits
        ]
        now = [Version(each, architecture_file(each)) for each in self.anew.portraits]
        return [version for version in kept + now if version.subject == subject]

    def _of_file(self, subject: str, versions: list[Version]) -> list[Version]:
        """Those of the file at hand; all of them where there is no such file."""
        digest = self._digest(subject)
        return [v for v in versions if digest in (None, v.portrait.architecture_digest)]

    def _digest(self, subject: str) -> str | None:
        """Of the file at hand; None where there is no such file.

        Raises:
            NoEvidence: the file cannot be measured, so nothing that was kept says what it is.
        """
        if subject in self.anew.failed:
            raise NoEvidence(f"its file cannot be measured: {self.anew.failed[subject]}")
        return self.current.get(subject)


def _other_than_file(subject: str, run: RunRecord, measured: Sequence[Version]) -> str:
    """Why runs do not judge the file: another source, or these fields of the recipe."""
    fitting = (v.portrait for v in measured)
    own = [p.recipe for p in fitting if p.architecture_digest == run.architecture_digest]
    if not own or run.recipe is None:
        return f"the runs of '{subject}' come from another version of its file"
    theirs, ours = (to_builtins(recipe) for recipe in (run.recipe, own[0]))
    changed = [name for name in ours if theirs[name] != ours[name]]
    named = [f"{name} {theirs[name]}, in the file {ours[name]}" for name in changed[:NAMED]]
    more = f" and {len(changed) - NAMED} more fields" if len(changed) > NAMED else ""
    return f"the runs of '{subject}' have another recipe: {'; '.join(named)}{more}"


def arranged(
    held: Iterable[SuiteContents],
    claims: Iterable[Claim],
    current: Mapping[str, str] | None = None,
    anew: Anew = Anew(),
    objectives: Objectives = NO_DOCUMENT,
) -> Evidence:
    """The evidence of suites that were read already.

    Args:
        held: What each suite holds; they may be empty.
        claims: All that are to be judged together.
        current: Architecture's name -> digest of its file at hand.
        anew: What was measured now.
        objectives: What the documents ask of their networks.
    """
    by_id = {claim.id: claim for claim in claims}
    return Evidence(tuple(held), by_id, current or {}, anew, objectives)


def _runs_of(held: SuiteContents, subject: str, digest: str | None) -> list[RunRecord]:
    """The subject's runs, of that source alone where a digest is given."""
    found = [run for run in held.runs if run.architecture == subject]
    return [run for run in found if digest in (None, run.architecture_digest)]


def architecture_file(portrait: Portrait) -> str:
    """Where the architecture's own file lies, from the folder that holds `architectures/`."""
    place = PurePosixPath("architectures", portrait.group, f"{portrait.architecture}.py")
    return str(place)


def records(arm: Arm) -> tuple[str, ...]:
    """The arm's records below the results folder, in the seeds' order."""
    return tuple(f"{arm.suite}/{run_file(run)}" for run in arm.runs)

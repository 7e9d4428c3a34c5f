"""Records, portraits and claims, arranged for the sections; no wording and no figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import msgspec

from bench.evidence.claims import Objectives, Published, about
from bench.evidence.claims.gather import SuiteContents, arranged
from bench.evidence.claims.ledger import Entry, ledger
from bench.evidence.claims.objectives import NO_DOCUMENT
from bench.evidence.claims.stored import Text
from bench.records.arms import Arm, identity, is_of_file
from bench.records.observations import EffectiveField, Findings
from bench.records.protocol import Protocol
from bench.records.standing import chosen
from bench.report.labels import labels, marked
from bench.spec import (
    Claim,
    DatasetInfo,
    Document,
    Objective,
    Portrait,
    Reproduced,
    RunRecord,
)

NO_RUN = ""  # instead of a data set's name
ABLATIONS = "ablations"  # the group of files that take one network apart
PUBLIC = "public"  # the group of other people's networks
# Where a network comes from, in the order in which a reader is offered them.
Origin = Literal["document", "public", "ours", "variations"]
ORIGINS: tuple[Origin, ...] = ("document", "public", "ours", "variations")


@dataclass(frozen=True)
class Summary:
    """One data set's part of a suite, or of one architecture in it, as far as a document goes.

    Documents that ask for different things are parts of their own, each with its networks.

    Attributes:
        base: From the page to the reports folder, "" or "../".
        record_links: A run's key -> its file, relative to the reports folder.
        shown: The architectures that it speaks of, sorted.
        document: Whose networks these are; None where no document, or several, speak of them.
        several: Whether the suite's report has parts of several documents.
        objectives: What all documents of the part ask for.
        opens: Whether it stands first of its document's: what is said once for a document.
        every_claim: Of all documents: a claim may be checked by another document's.
        suite_runs, suite_portraits: Of all data sets and architectures, shown or not: what claims
            are judged by.
        texts: Stem of a file of claims -> the text of its document, where that is stored.
        set_aside: The names of the suite's damaged files, which are left out.
        edited: What no longer stands in documents as their claims quote it, in words.
        at_hand: Architecture's name -> digest of its file; an architecture without a file has none.
    """

    suite: str
    dataset: DatasetInfo | None
    arms: tuple[Arm, ...]  # those that judge, and those that never looked at the test split
    portraits: tuple[Portrait, ...]
    claims: tuple[Claim, ...]
    record_links: Mapping[str, str]
    shown: tuple[str, ...]
    command: str
    base: str = ""
    portrait_of: Mapping[str, Portrait] = field(default_factory=dict)
    findings: Findings = field(default_factory=Findings)
    protocol: Protocol | None = None
    document: Document | None = None
    several: bool = False
    objectives: Objectives = NO_DOCUMENT
    opens: bool = True
    every_claim: tuple[Claim, ...] = ()
    suite_runs: tuple[RunRecord, ...] = ()
    suite_portraits: tuple[Portrait, ...] = ()
    texts: Mapping[str, Text] = field(default_factory=dict)
    set_aside: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    at_hand: Mapping[str, str] = field(default_factory=dict)
    recorded: frozenset[tuple[str, int]] = frozenset()
    choosing: tuple[Arm, ...] = ()  # runs that helped to choose an arm, with the test split
    beside: tuple[Arm, ...] = ()  # of networks that the document does not speak of

    def judged_by(self, protocol: Protocol | None) -> Summary:
        """The same, judged as the suite declared; None where nothing was declared."""
        parts = [part for arm in self.arms for part in _by_role(arm, protocol)]
        return replace(
            self,
            arms=tuple(arm for arm in parts if not _chose(arm)),
            choosing=tuple(arm for arm in parts if _chose(arm)),
            recorded=frozenset((arm.key, seed) for arm in parts for seed in arm.seeds),
            protocol=protocol,
        )

    @property
    def every_arm(self) -> tuple[Arm, ...]:
        return (*self.arms, *self.choosing)

    @property
    def runs(self) -> list[RunRecord]:
        return [run for arm in self.every_arm for run in arm.runs]

    @cached_property
    def ledger(self) -> tuple[Entry, ...]:
        """Every claim with its verdict; nothing where nothing is there to judge by."""
        scored = self.findings.scored
        if not self.claims or not (self.suite_portraits or self.suite_runs or scored):
            return ()
        held = SuiteContents(
            self.suite, self.suite_runs, self.suite_portraits, self.protocol, scored
        )
        evidence = arranged([held], self.every_claim, self.at_hand, objectives=self.objectives)
        return tuple(ledger(self.claims, evidence))

    @cached_property
    def objective(self) -> Objective:
        """What most of these arms are held against; an empty one where nothing is asked."""
        found = Counter(arm.objective for arm in self.arms if arm.first.evaluate_test)
        return found.most_common(1)[0][0] if found else Objective()

    def aims(self, arm: Arm) -> bool:
        """Whether the arm is held against the target of these pages."""
        ours, theirs = self.objective, arm.objective
        same = (theirs.target, theirs.relation) == (ours.target, ours.relation)
        return arm.has_target and same

    def judges(self, arm: Arm) -> bool:
        """Whether a verdict on that target follows from the arm's runs."""
        return self.aims(arm) and arm.is_decidable

    @property
    def target(self) -> float | None:
        """The target as a line in a figure: the count that it asks for, in percent."""
        aimed = next((arm for arm in self.arms if self.aims(arm)), None)
        return None if aimed is None else 100 * aimed.target / aimed.n_test

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """The data sets that the documents speak of, where this one is none of them."""
        names = dict.fromkeys(each.dataset for each in self.objectives.documents)
        return () if self.dataset is None or self.dataset.name in names else tuple(names)

    @property
    def noun(self) -> str:
        """What an image of the data set shows."""
        return self.dataset.shown if self.dataset else "image"

    @property
    def label(self) -> str:
        """What tables call the document."""
        return self.document.label if self.document else "document"

    @property
    def heading(self) -> str:
        """The same at the beginning of a heading."""
        return self.label[0].upper() + self.label[1:]

    @property
    def title(self) -> str:
        """What the part is about, where others stand beside it."""
        if not self.several:
            return f"On {self.prefix}"
        title = self.document.title if self.document else "Networks without a document"
        return title if self.opens else f"{title}, on {self.prefix}"

    def reproduces(self, table: Reproduced) -> bool:
        """Whether the report rebuilds that table of the document."""
        return self.document is not None and table in self.document.sections

    def speaks_of(self, claim: Claim) -> bool:
        """Whether a published accuracy is one on this data set."""
        return self.dataset is not None and claim.dataset == self.dataset.name

    @property
    def prefix(self) -> str:
        """The data set's name."""
        return self.dataset.name if self.dataset else "none"

    @property
    def place(self) -> str:
        """What the names of this part's figures and further sections begin with."""
        if not self.several:
            return self.prefix
        return f"{self.prefix}-{self.document.name if self.document else 'others'}"

    def published(self, subject: str, metric: str) -> Claim | None:
        """The number that was published about it, None where none was; the first of several."""
        matches = (
            claim
            for claim in self.claims
            if (claim.subject, claim.metric, claim.relation) == (subject, metric, "equals")
            and not claim.layers
        )
        return next(matches, None)

    def published_of(self, arm: Arm, metric: str) -> Claim | None:
        """The same, to stand beside the arm's runs; None where those are of a variant."""
        return self.published(arm.architecture, metric) if self.is_own(arm) else None

    def published_beside(self, arm: Arm) -> Claim | None:
        """What the document says of one run's last accuracy, where it speaks of this data set."""
        claim = self.published_of(arm, "last_test_accuracy_percent")
        return claim if claim and self.speaks_of(claim) else None

    def is_own(self, arm: Arm) -> bool:
        """Whether the runs are of the recipe and the source in the architecture's file.

        Where there is no file, they are of the measured version that ran last.
        """
        portrait = self.portrait_of.get(arm.architecture)
        return is_of_file(
            arm.first, [portrait] if portrait else [], self.at_hand.get(arm.architecture)
        )

    def is_older(self, arm: Arm) -> bool:
        """Whether the file of the architecture was edited after the runs."""
        return self.at_hand.get(arm.architecture) not in (None, arm.first.architecture_digest)

    def is_variation(self, arm: Arm) -> bool:
        """Whether it is there to be compared with: an ablation, or another recipe or source."""
        return self.group_of(arm.architecture) == ABLATIONS or not self.speaks_for(arm)

    def speaks_for(self, arm: Arm) -> bool:
        """Whether the arm is what a reader means by its architecture's name.

        That is the one of the file's own recipe; where only another was trained, such as one of
        fewer epochs, the one with the most runs.
        """
        if self.is_own(arm):
            return True
        of_it = [each for each in self.arms if each.architecture == arm.architecture]
        return bool(of_it) and of_it[0].slug == arm.slug and not any(map(self.is_own, of_it))

    def display_name(self, architecture: str) -> str:
        """Its name on a page; runs that are not ours have no portrait, and are marked."""
        portrait = self.portrait_of.get(architecture)
        if portrait:
            return portrait.display_name
        first = next((run for run in self.runs if run.architecture == architecture), None)
        return marked(architecture, first) if first else architecture

    def page_of(self, architecture: str) -> str:
        """The architecture's page, relative to the page at hand."""
        return f"{self.base}architectures/{architecture}.html"

    def with_findings(self, findings: Findings) -> Summary:
        """The same, with what the suite holds beside runs and portraits."""
        return replace(self, findings=findings)

    def portrait_of_arm(self, arm: Arm) -> Portrait | None:
        """What was measured of the very source that the arm's runs have trained."""
        source = (arm.architecture, arm.first.architecture_digest)
        fitting = (p for p in self.portraits if (p.architecture, p.architecture_digest) == source)
        return next(fitting, None)

    def effective_field(self, arm: Arm) -> EffectiveField | None:
        """What the arm's trained runs react to; None where nobody looked."""
        keys = {run.key for run in arm.runs}
        among = (f for f in self.findings.fields if any(run.key in keys for run in f.runs))
        return next(among, None)

    def record_link(self, run: RunRecord) -> str:
        return self.base + self.record_links[run.key]

    def group_of(self, architecture: str) -> str:
        """The sub-folder of architectures/ that it came from; "" at the top, or where unknown."""
        portrait = self.portrait_of.get(architecture)
        return portrait.group if portrait else ""

    def origin_of(self, architecture: str) -> Origin:
        """Whether the document speaks of it, and else where it comes from."""
        if self.document is not None and architecture in self.document.networks:
            return "document"
        group = self.group_of(architecture)
        if group == ABLATIONS:
            return "variations"
        return "public" if group == PUBLIC else "ours"

    def of_groups(self, groups: Collection[str]) -> Summary:
        """The same, about the architectures of some groups.

        Claims keep all they stand on.
        """
        shown = tuple(name for name in self.shown if self.group_of(name) in groups)
        return replace(
            self,
            arms=tuple(arm for arm in self.arms if arm.architecture in shown),
            choosing=tuple(arm for arm in self.choosing if arm.architecture in shown),
            portraits=tuple(p for p in self.portraits if p.architecture in shown),
            claims=tuple(about(shown, self.claims)),
            shown=shown,
        )

    def of_document(self) -> Summary:
        """The same, about the runs of the document's own networks; all where there is none."""
        document = self.document
        if document is None or not document.networks:
            return self
        shown = tuple(name for name in self.shown if name in document.networks)
        own = [arm for arm in self.arms if self.speaks_for(arm)]
        return self._part(
            arms=tuple(arm for arm in own if arm.architecture in shown),
            beside=self.beside or tuple(arm for arm in own if arm.architecture not in shown),
            choosing=(),
            portraits=tuple(p for p in self.portraits if p.architecture in shown),
            shown=shown,
        )

    def only(self, architecture: str) -> Summary:
        """The same, for one architecture's own page."""
        return self._part(
            arms=tuple(arm for arm in self.arms if arm.architecture == architecture),
            choosing=tuple(arm for arm in self.choosing if arm.architecture == architecture),
            portraits=tuple(p for p in self.portraits if p.architecture == architecture),
            findings=self.findings.only(architecture),
            document=self._document_of(architecture),
            base="../",
        )

    def _document_of(self, architecture: str) -> Document | None:
        """The one whose numbers stand on its page: the document that names it, if just one does."""
        naming = [d for d in self.objectives.documents if architecture in d.networks]
        if not naming or self.document in naming:
            return self.document
        return naming[0] if len(naming) == 1 else None

    def by_arm(self) -> tuple[Summary, ...]:
        """The same about one arm each: first that of the network's own recipe with most runs.

        Runs that helped to choose an arm go with it; on their own they are an arm like another.
        """
        first = sorted(
            self.arms, key=lambda arm: (not self.is_own(arm), not arm.first.evaluate_test)
        )
        keys = {arm.key for arm in first}
        alone = [arm for arm in self.choosing if arm.key not in keys]
        return tuple(
            self._part(
                arms=(arm,), choosing=tuple(each for each in self.choosing if each.key == arm.key)
            )
            for arm in (*first, *alone)
        )

    def _part(self, **changes: Any) -> Summary:
        """Some of it, about the same claims: these are judged once for all parts."""
        found = replace(self, **changes)
        vars(found)["ledger"] = self.ledger
        return found


def summarise(
    suite: str,
    runs: list[RunRecord],
    portraits: list[Portrait],
    published: Published,
    record_links: Mapping[str, str],
    command: str,
) -> list[Summary]:
    """One summary a document and a data set; a single empty one without runs.

    The data set that a document speaks of comes first. Of several portraits of one network the last
    is that of its present file.
    """
    # Our own runs know what the images are.
    ours_last = sorted(runs, key=lambda run: run.foreign is None)
    infos = {run.dataset.name: run.dataset for run in ours_last}
    portrait_of = _most_run_first({each.architecture: each for each in portraits}, runs)
    names = tuple(sorted({run.architecture for run in runs} | set(portrait_of)))
    in_order = tuple(sorted(portraits, key=lambda p: (p.architecture, p.architecture_digest)))
    said = tuple(about(names, published.claims))
    whole = Summary(
        suite=suite,
        dataset=None,
        arms=(),
        portraits=in_order,
        claims=said,
        record_links=record_links,
        shown=names,
        command=command,
        portrait_of=portrait_of,
        objectives=Objectives.about(_told_apart(published.documents), names),
        every_claim=said,
        suite_runs=tuple(runs),
        suite_portraits=in_order,
    )
    return [
        replace(
            part,
            dataset=infos.get(name),
            arms=_asked(_arms(part_runs, name, part), part.objectives),
            opens=number == 0,
        )
        for part, part_runs in ((part, _runs_of(part, runs)) for part in _parts(whole))
        for number, name in enumerate(_datasets(part, part_runs) or [NO_RUN])
    ]


def _told_apart(documents: Sequence[Document]) -> list[Document]:
    """Those of one title with their labels in it, or with their files' names where labels agree."""
    titles = Counter(each.title for each in documents)
    labels = Counter((each.title, each.label) for each in documents)
    return [
        each
        if titles[each.title] == 1
        else msgspec.structs.replace(
            each,
            title=f"{each.title} "
            f"({each.label if labels[each.title, each.label] == 1 else f'{each.name}.toml'})",
        )
        for each in documents
    ]


def _parts(whole: Summary) -> list[Summary]:
    """A part a document where documents ask for different things; else the whole suite."""
    documents = whole.objectives.documents
    if len(whole.objectives.asked()) < 2:
        with_objective = [each for each in documents if each.objective] or list(documents)
        only = with_objective[0] if len(with_objective) == 1 else None
        return [replace(whole, document=only)]
    named = {name for each in documents for name in each.networks}
    others = [name for name in whole.shown if name not in named]
    parts = [_part(whole, each, each.networks) for each in documents]
    return [*parts, *([_part(whole, None, others)] if others else [])]


def _part(whole: Summary, document: Document | None, networks: Collection[str]) -> Summary:
    """What one document speaks of, or what none does."""
    shown = tuple(name for name in whole.shown if name in networks)
    name = document.name if document else ""
    return replace(
        whole,
        document=document,
        several=True,
        objectives=Objectives((document,) if document else ()),
        claims=tuple(claim for claim in whole.claims if claim.file == name),
        portraits=tuple(p for p in whole.portraits if p.architecture in shown),
        shown=shown,
    )


def _runs_of(part: Summary, runs: list[RunRecord]) -> list[RunRecord]:
    return [run for run in runs if run.architecture in part.shown]


def _datasets(part: Summary, runs: list[RunRecord]) -> list[str]:
    """The data sets of the part's runs, those first that its documents speak of."""
    spoken_of = {each.dataset for each in part.objectives.documents}
    return sorted(
        {run.dataset.name for run in runs}, key=lambda name: (name not in spoken_of, name)
    )


def _asked(arms: Iterable[Arm], objectives: Objectives) -> tuple[Arm, ...]:
    """The arms with what is asked of them on their data set."""
    return tuple(
        replace(
            arm,
            asked=objectives.of(arm.architecture, arm.dataset.name),
            is_left_out=objectives.leaves_out(arm.architecture),
        )
        for arm in arms
    )


def _by_role(arm: Arm, protocol: Protocol | None) -> list[Arm]:
    """The arm's runs that judge, and apart from them those that chose it."""
    chose = chosen(protocol, arm.key)
    judging = tuple(run for run in arm.runs if run.seed not in chose)
    choosing = tuple(run for run in arm.runs if run.seed in chose)
    label = f"{arm.label}, runs that chose it" if judging else arm.label
    parts = [
        replace(arm, runs=judging, protocol=protocol),
        replace(arm, runs=choosing, protocol=protocol, role="chooses", label=label),
    ]
    return [part for part in parts if part.runs]


def _chose(arm: Arm) -> bool:
    return arm.role == "chooses" and arm.first.evaluate_test


def _most_run_first(
    portrait_of: dict[str, Portrait], runs: Iterable[RunRecord]
) -> dict[str, Portrait]:
    """By runs of the recipe in the file: an arm that borrows a recipe is named after the first."""
    n_own = Counter((run.architecture, run.recipe) for run in runs)
    ordered = sorted(portrait_of.items(), key=lambda item: -n_own[item[0], item[1].recipe])
    return dict(ordered)


def _arms(runs: Iterable[RunRecord], dataset: str, whole: Summary) -> tuple[Arm, ...]:
    """Runs that looked at the test split stand apart from the others of the same arm.

    So the number of runs behind a test accuracy is the number of runs in its row.
    """
    by_architecture: dict[str, dict[tuple[str, bool], list[RunRecord]]] = {}
    for run in runs:
        if run.dataset.name == dataset:
            arms = by_architecture.setdefault(run.architecture, {})
            arms.setdefault((identity(run), run.evaluate_test), []).append(run)
    return tuple(
        arm
        for name in sorted(by_architecture)
        for arm in _arms_of(name, list(by_architecture[name].values()), whole)
    )


def _arms_of(name: str, groups: list[list[RunRecord]], whole: Summary) -> list[Arm]:
    firsts = [group[0] for group in groups]
    portrait = whole.portrait_of.get(name)
    title = portrait.display_name if portrait else name
    found = labels(title, firsts, whole.portrait_of)
    arms = [
        Arm(whole.suite, tuple(sorted(group, key=lambda run: (run.seed, run.key))), label=label)
        for label, group in zip(found, groups, strict=True)
    ]
    arms.sort(key=lambda arm: (-len(arm.runs), arm.label))
    return [
        replace(arm, slug=name if number == 1 else f"{name}-{number}")
        for number, arm in enumerate(arms, start=1)
    ]

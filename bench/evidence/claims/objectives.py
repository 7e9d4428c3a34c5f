"""Which objective a network is held against: that of the document which names it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from msgspec.structs import replace

from bench.records.protocol import NO_GOAL, Goal
from bench.spec import Document, Objective


@dataclass(frozen=True)
class Objectives:
    """The documents that speak of some networks, and what they ask for.

    Attributes:
        documents: In their files' order.
    """

    documents: tuple[Document, ...] = ()

    @classmethod
    def about(cls, documents: Iterable[Document], networks: Collection[str]) -> Objectives:
        """Of the documents that name one of these networks at least."""
        return cls(tuple(d for d in documents if not set(networks).isdisjoint(d.networks)))

    def asked(self, on: str | None = None) -> list[Objective]:
        """The objectives that differ, in the documents' order.

        Args:
            on: The data set that they must speak of; None for any.
        """
        found = (d.objective for d in self.documents if on in (None, d.dataset) and d.objective)
        return list(dict.fromkeys(replace(each, networks=()) for each in found))

    def leaves_out(self, network: str) -> bool:
        """Whether each document that names the network asks something of its others alone."""
        asking = [d.objective for d in self.documents if network in d.networks and d.objective]
        return bool(asking) and not any(_is_asked(network, each) for each in asking)

    def of(self, network: str, on: str | None = None) -> Objective | None:
        """What is asked of a network on a data set; None where nothing is.

        It is what the document asks that names the network, else what all documents ask alike:
        a network of the same suite is there to be compared with theirs.
        """
        own = self._asked_of(network, on)
        return own[0] if len(own) == 1 else None

    def goal(self, network: str, on: str | None = None) -> Goal:
        """The target and the rate that the same documents ask for; none where theirs differ."""
        goals = self._goals(network, on)
        return goals.pop() if len(goals) == 1 else NO_GOAL

    def disagree(self, network: str, on: str | None = None) -> bool:
        """Whether these documents ask for different targets or rates."""
        return len(self._goals(network, on)) > 1

    def _goals(self, network: str, on: str | None) -> set[Goal]:
        asked = self._asked_of(network, on)
        return {Goal.of(each) for each in asked if each.target is not None}

    def _asked_of(self, network: str, on: str | None) -> list[Objective]:
        if self.leaves_out(network):
            return []
        naming = [
            d
            for d in self.documents
            if network in d.networks and d.objective and _is_asked(network, d.objective)
        ]
        return Objectives(tuple(naming)).asked(on) or self.asked(on)


def _is_asked(network: str, objective: Objective) -> bool:
    return not objective.networks or network in objective.networks


NO_DOCUMENT = Objectives()

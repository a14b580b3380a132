"""Where a rule was read, when, and how sure it is."""

from __future__ import annotations

from typing import Literal

from attrs import evolve, frozen

Certainty = Literal["documented", "reported", "assumed"]


@frozen
class Source:
    """A page, a specification, an SDK, a thread or recorded traffic.

    Attributes:
        where: An address, or the name of a package with its version and file.
        as_of: The date of what was read, ISO, as precise as it is known.
        certainty: `documented` by the provider or seen in traffic; `reported` by users in public; `assumed` because a
            well-known client acts as if it were so.
    """

    where: str
    as_of: str
    certainty: Certainty = "documented"

    def at(self, part: str) -> Source:
        """Name a part of the same source."""
        return evolve(self, where=f"{self.where} {part}")

    def reported(self) -> Source:
        """Mark a source as a report of users."""
        return evolve(self, certainty="reported")

    def assumed(self) -> Source:
        """Mark a source as what clients assume."""
        return evolve(self, certainty="assumed")


def thread(where: str, as_of: str) -> Source:
    """Name a public thread in which users report what the provider answered."""
    return Source(where, as_of, "reported")


def client(where: str, as_of: str) -> Source:
    """Name the code of a well-known client that acts as if the rule held."""
    return Source(where, as_of, "assumed")

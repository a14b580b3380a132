"""What every group of scenarios knows of the backend under test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_testing import running as of_running
from pipelex_testing.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pipelex_testing.running import Running


class Scenarios(Subject):
    """A group of scenarios; `Conformance` is made of them."""

    def run(self, use: Callable[[Running], Awaitable[None]], *, key: str | None = None) -> None:
        """Use the backend, running, in an event loop of its own."""
        of_running.run(self, use, key=key)

    @property
    def suite(self) -> Subject:
        """The backend under test."""
        return self

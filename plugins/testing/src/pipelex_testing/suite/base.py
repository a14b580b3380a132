"""What every group of scenarios knows of the backend under test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pipelex_testing import running as of_running

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pipelex_testing.running import Running
    from pipelex_testing.suite import Conformance


class Scenarios:
    """A group of scenarios; `Conformance` is made of them."""

    def run(self, use: Callable[[Running], Awaitable[None]], *, key: str | None = None) -> None:
        """Use the backend, running, in an event loop of its own."""
        of_running.run(self.suite, use, key=key)

    @property
    def suite(self) -> Conformance:
        """The backend under test."""
        suite: Any = self
        return cast("Conformance", suite)

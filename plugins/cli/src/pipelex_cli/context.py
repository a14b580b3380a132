"""The configuration that the global options name, and everything that is wrong with it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attrs import frozen

from pipelex_core.command_line import Context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipelex_cli.validation import Validation
    from pipelex_core.plugins import Plugins


@frozen(kw_only=True)
class TerminalContext(Context):
    """The global options, where progress is drawn as a bar on a terminal."""

    def note(self, text: str) -> None:
        """Print a line for people, on stderr; what would steer a terminal is written out there."""
        from pipelex_cli.output import note

        note(text)

    def print_json(self, document: Any) -> None:
        """Print one JSON document on stdout; what would steer a terminal is escaped there."""
        from pipelex_cli.output import print_json

        print_json(document)

    @contextmanager
    def progress(self, title: str) -> Iterator[Callable[[int, int | None], None]]:
        """A progress bar on stderr, where that is a terminal."""
        from pipelex_cli.fetching import shown_progress

        with shown_progress(title) as advance:
            yield advance


def validation_of(context: Context, plugins: Plugins) -> Validation:
    """The configuration, and everything that is wrong with it; further checks may be asked for."""
    from pipelex_cli.validation import Validation

    return Validation(**context.where(), plugins=plugins)

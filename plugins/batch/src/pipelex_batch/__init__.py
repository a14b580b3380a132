"""Ten or ten million calls that end, resume, and never pay twice.

`pipelex batch run questions.jsonl -o answers.jsonl -m smart_llm` on the command line, and `run` in a program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.commands import Command
from pipelex_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_batch.engine import run
    from pipelex_batch.report import Report
    from pipelex_batch.settings import BatchSettings

__all__ = ["BatchSettings", "Report", "pipelex_commands", "run"]

_COMMANDS = {
    "run": "Call a model for every row of a file, or for every file of a folder; the same command again goes on.",
    "status": "Show how far a run is, what it cost, and what failed.",
    "estimate": "Show what a run would cost; nothing is sent.",
    "results": "Write what a run has so far in another form.",
    "retry": "Call again for the rows that failed, and for those alone.",
    "cancel": "End a run: nothing further is sent, and jobs at a provider are cancelled.",
}


@hookimpl
def pipelex_commands() -> Mapping[str, Command]:
    """`batch run`, `batch status` and their kin."""
    return {
        f"batch {name}": Command(f"pipelex_batch.{name}_command:{name}", help=text) for name, text in _COMMANDS.items()
    }


_HOMES = {"BatchSettings": "settings", "Report": "report", "run": "engine"}


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first used."""
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)

"""`pipelex chat`, a conversation on the terminal, and `pipelex logs`, the calls of this machine in SQLite.

Logging is off until `pipelex logs on`, or the variable `PIPELEX_LOGS`, switches it on; until then nothing of it is imported.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pipelex_chat.places import VARIABLE, switch
from pipelex_core.commands import Command
from pipelex_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelex_core.calls import FinishedCall
    from pipelex_core.hookspecs import Middleware

_recorder: Any = None


def _is_on() -> bool:
    return bool(os.environ.get(VARIABLE)) or switch().is_file()


@hookimpl
def pipelex_commands() -> Mapping[str, Command]:
    """`chat` and `logs`."""
    return {
        "chat": Command("pipelex_chat.chat_command:chat", help="Have a conversation with a model."),
        "logs": Command("pipelex_chat.logs_command:logs", help="Show, search and switch the log of calls."),
    }


@hookimpl(tryfirst=True)
def pipelex_middleware() -> Sequence[Middleware]:
    """What keeps a call's request until the call has ended, where the log is on and is to have contents."""
    global _recorder  # noqa: PLW0603 -- the hooks of one plugin share it
    if not _is_on():
        return []
    from pipelex_chat.recorder import Recorder

    _recorder = Recorder.of_switch()
    return [_recorder.around]


@hookimpl
def pipelex_call_finished(call: FinishedCall) -> None:
    """Write a call into the log."""
    if _recorder is not None:
        _recorder.finished(call)

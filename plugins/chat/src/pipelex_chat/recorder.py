"""What writes calls into the log, where it is on."""

from __future__ import annotations

import json
import logging
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attrs import define, field

from pipelex_chat.places import VARIABLE, database, switch
from pipelex_chat.store import Store
from pipelex_core.errors import PipelexError

if TYPE_CHECKING:
    from pipelex_core.calls import Call, FinishedCall
    from pipelex_core.hookspecs import Proceed
    from pipelex_core.results import Answer

_log = logging.getLogger("pipelex_core.logs")
_MOST_WAITING = 1_000


def settings() -> dict[str, Any]:
    """What `pipelex logs on` has switched on; nothing where it is off. The variable may say `contents` after a comma."""
    try:
        found = json.loads(switch().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    return found if isinstance(found, dict) else {}


@define
class Recorder:
    """Writes calls.

    Attributes:
        store: Where.
        contents: Whether prompts and answers are written too.
    """

    store: Store
    contents: bool
    _prompts: dict[int, str] = field(factory=dict)
    _is_broken: bool = False

    @classmethod
    def of_switch(cls) -> Recorder:
        """The recorder that the switch asks for."""
        by_variable = os.environ.get("PIPELEX_LOGS_CONTENTS") == "1" if os.environ.get(VARIABLE) else False
        return cls(Store(database()), bool(settings().get("contents")) or by_variable)

    async def around(self, call: Call, proceed: Proceed) -> Answer:
        """Keep what the first attempt of a call says, until the call has ended."""
        if self.contents and call.attempt == 1 and len(self._prompts) < _MOST_WAITING:
            self._prompts[call.call_id] = call.redact(_said(call.request))
        return await proceed(call)

    def finished(self, call: FinishedCall) -> None:
        """Write a call; a log that cannot be written costs nobody an answer: the failure is reported once, and the call goes on without."""
        prompt = self._prompts.pop(call.call_id, None)
        if self._is_broken:
            return
        try:
            self.store.add(_row(call, prompt, contents=self.contents))
        except PipelexError as error:
            self._is_broken = True
            _log.warning("calls are not logged: %s", error)


def _said(request: Any) -> str:
    """What a request says, as text."""
    messages = getattr(request, "messages", None)
    if messages is None:
        return str(getattr(request, "prompt", ""))
    system = f"system: {request.system}\n" if getattr(request, "system", None) else ""
    return system + "\n".join(f"{message.role}: {message.text}" for message in messages)


def _row(call: FinishedCall, prompt: str | None, *, contents: bool) -> dict[str, Any]:
    last = call.attempts[-1] if call.attempts else None
    usage = call.result.usage if call.result is not None else None
    cost = call.result.cost if call.result is not None else None
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "operation": call.operation,
        "handle": call.handle,
        "model": last.model if last else None,
        "backend": last.backend if last else None,
        "input_tokens": usage.input_tokens if usage else None,
        "output_tokens": usage.output_tokens if usage else None,
        "cost": f"{cost.amount:f} {cost.currency}" if cost else None,
        "seconds": round(call.seconds, 3),
        "outcome": "ok" if call.result is not None else type(call.error).__name__ if call.error else "left",
        "prompt": prompt,
        "answer": str(getattr(call.result, "text", "")) if contents and call.result is not None else None,
    }

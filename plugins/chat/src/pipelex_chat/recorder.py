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
from pipelex_core import Message, TextPart
from pipelex_core.errors import PipelexError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
    _requested: dict[int, tuple[dict[str, Any], Callable[[str], str]]] = field(factory=dict)
    _is_broken: bool = False

    @classmethod
    def of_switch(cls) -> Recorder:
        """The recorder that the switch asks for."""
        by_variable = os.environ.get("PIPELEX_LOGS_CONTENTS") == "1" if os.environ.get(VARIABLE) else False
        return cls(Store(database()), bool(settings().get("contents")) or by_variable)

    async def around(self, call: Call, proceed: Proceed) -> Answer:
        """Keep what the first attempt of a call says, until the call has ended."""
        if self.contents and call.attempt == 1 and len(self._requested) < _MOST_WAITING:
            try:
                self._requested[call.call_id] = _stated(call.request), call.redact
            except (PipelexError, RecursionError) as error:
                _without_contents(error)
        return await proceed(call)

    def finished(self, call: FinishedCall) -> None:
        """Write a call; a log that cannot be written costs nobody an answer: it is reported once, and goes on without."""
        requested = self._requested.pop(call.call_id, None)
        if self._is_broken:
            return
        contents: dict[str, Any] = {}
        if requested is not None:
            try:
                contents = _contents(call, *requested)
            except (PipelexError, RecursionError) as error:
                _without_contents(error)
        try:
            self.store.add({**_row(call), **contents})
        except PipelexError as error:
            self._is_broken = True
            _log.warning("calls are not logged: %s", error)


def _without_contents(error: Exception) -> None:
    """A text that has no plain form, such as arguments nested too deeply, is left out of the log; its call is in it, and goes on."""
    _log.warning("a call is logged without its contents: %s", str(error) or type(error).__name__)


def _stated(request: Any) -> dict[str, Any]:
    """What a request says: a conversation of text, where pictures and documents are noted; or a prompt alone."""
    messages = getattr(request, "messages", None)
    if messages is None:
        return {"prompt": str(getattr(request, "prompt", ""))}
    return {"system": getattr(request, "system", None), "messages": [_without_media(message) for message in messages]}


def _without_media(message: Message) -> dict[str, Any]:
    parts: list[Any] = []
    for part in message.parts:
        media = getattr(part, "media", None)
        parts.append(part if media is None else TextPart(f"[attached: {media.name or media.media_type}]\n"))
    return Message(role=message.role, parts=tuple(parts)).to_dict()


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:
    """The same without keys, in every text of it."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {name: _redacted(inner, redact) for name, inner in value.items()}
    return [_redacted(inner, redact) for inner in value] if isinstance(value, list) else value


def _contents(call: FinishedCall, requested: Mapping[str, Any], redact: Callable[[str], str]) -> dict[str, Any]:
    """The content of a call, as text to search in; and as a conversation to go on with, where there was an answer to go on from."""
    answer = getattr(call.result, "message", None)
    requested = _redacted(dict(requested), redact)
    messages = [Message.from_dict(each) for each in requested.get("messages", ())]
    system = f"system: {requested['system']}\n" if requested.get("system") else ""
    stated = system + "\n".join(f"{message.role}: {message.text}" for message in messages)
    found = {"prompt": requested.get("prompt", stated)}
    if call.result is not None:
        found["answer"] = redact(str(getattr(call.result, "text", "")))
    if messages and answer is not None:
        whole = [*requested["messages"], _redacted(answer.to_dict(), redact)]
        found["conversation"] = json.dumps({"system": requested["system"], "messages": whole})
    return found


def _row(call: FinishedCall) -> dict[str, Any]:
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
    }

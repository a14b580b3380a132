"""Scenarios: the key is in nothing that a program may show or keep."""

from __future__ import annotations

import asyncio
import base64
import logging
import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from attrs import evolve

from pipelex_core.errors import CallError
from pipelex_testing.absence import absent
from pipelex_testing.calls import Kind  # noqa: TC001 -- read by pytest
from pipelex_testing.marks import each_call
from pipelex_testing.running import running
from pipelex_testing.server import Reply
from pipelex_testing.suite.base import Scenarios

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_testing.running import Running

CANARY = "sk-canary/0123+456=789~x"
FORMS = {
    "as it is": CANARY,
    "in a URL": quote(CANARY, safe=""),
    "in base64": base64.b64encode(CANARY.encode()).decode().rstrip("="),
}
_ECHO = " ".join(FORMS.values())
_HEADERS = {"x-echo": _ECHO, "x-request-id": CANARY, "www-authenticate": f'Bearer realm="{CANARY}"'}
_BODY = {"error": {"message": f"the key {_ECHO} is wrong", "code": CANARY, "type": CANARY}, "message": _ECHO}


class Secrets(Scenarios):
    """A provider echoes the key in every way it can."""

    @each_call
    def test_no_key_in_an_error_or_log(self, call: Kind, caplog: pytest.LogCaptureFixture) -> None:
        """Message, arguments, causes, notes, ledger, repr, and every logger at DEBUG."""
        if not self.suite.takes_key:
            absent("a key")
        found: list[str] = []

        async def use(at: Running) -> None:
            for name, reply in _echoes(at):
                at.server.queue(*[reply] * 3)
                with pytest.raises(CallError) as caught:
                    await call.make(at, retries=0)
                at.server.forget()
                found.extend(f"{name}: {leak}" for leak in leaks_of(caught.value))

        with caplog.at_level(logging.DEBUG):
            self._with_key(use)
        for record in caplog.records:
            found.extend(found_in(f"log of {record.name}", record.getMessage() + repr(record.args)))
        assert found == []

    @each_call
    def test_no_key_in_a_repr(self, call: Kind) -> None:
        """Of the configuration, the client, its parts, and a result whose headers echo it."""
        if not self.suite.takes_key:
            absent("a key")
        found: list[str] = []

        async def use(at: Running) -> None:
            call.queue(at)
            result = await call.make(at)
            found.extend(found_in("result", repr(result)))
            shown = [at.client, vars(at.client), at.client.deck, self.suite.config(at.server.url, CANARY)]
            found.extend(found_in("repr", repr(shown)))

        self._with_key(use)
        assert found == []

    @each_call
    def test_the_key_is_not_carried_to_another_host(self, call: Kind) -> None:
        """A redirect to somewhere else does not take it along."""
        if not self.suite.takes_key:
            absent("a key")

        async def main() -> None:
            async with asyncio.timeout(60), self.suite.spoken.server() as other, running(self.suite, key=CANARY) as at:
                elsewhere = other.url.replace("127.0.0.1", "localhost")
                for status in (301, 302, 307, 308):
                    at.server.queue(Reply(status=status, headers={"Location": f"{elsewhere}/taken"}))
                    with pytest.raises(CallError):
                        await call.make(at, retries=0)
                    at.server.forget()
                reported = [f"{request.path} {request.query} {request.headers}" for request in other.received]
                assert found_in("the other host", " ".join(reported)) == []

        asyncio.run(main())

    def _with_key(self, use: Any) -> None:
        self.run(use, key=CANARY)


def _echoes(at: Running) -> Iterator[tuple[str, Reply]]:
    for status in (400, 401, 403, 404, 429, 500):
        yield str(status), Reply.json(_BODY, status=status, headers=_HEADERS)
        shaped = at.wire.error(status, f"the key {_ECHO} is wrong")
        yield f"{status}, worded", evolve(shaped, headers={**shaped.headers, "x-echo": _ECHO})
    yield "html", Reply.text(f"<html>{_ECHO}</html>", headers=_HEADERS)
    yield "other json", Reply.json(_BODY, headers=_HEADERS)
    yield "broken json", Reply(chunks=(f'{{"echo": "{_ECHO}"'.encode(),), headers=_HEADERS)
    yield "drop", Reply(fault="drop")


def found_in(what: str, text: str) -> list[str]:
    """Where a text holds the key, in any form."""
    return [f"{what} holds the key {form}" for form, word in FORMS.items() if word in text]


def leaks_of(error: BaseException) -> list[str]:
    """Where an error, or one behind it, holds the key."""
    found = found_in("the traceback", "".join(traceback.format_exception(error)))
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        waiting += [one.__cause__, one.__context__]
        kept = {name: value for name, value in vars(one).items() if name != "raw" or isinstance(value, str)}
        for what, value in {"str": str(one), "repr": repr(one), "args": repr(one.args), "fields": repr(kept)}.items():
            found += found_in(f"{type(one).__name__}'s {what}", value)
    return found

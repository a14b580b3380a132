"""One attempt of a stream: as `asking.py`, event by event."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from pipelex_core.backend import TextStreamer
from pipelex_core.errors import CallError, PipelexError
from pipelex_core.execution.bounded import bounded
from pipelex_core.execution.clocks import Silence
from pipelex_core.execution.faults import broken, check_answer, wrong_answer
from pipelex_core.execution.plan import fell_silent
from pipelex_core.execution.preparing import prepare
from pipelex_core.execution.redaction import without_key
from pipelex_core.execution.sending import sending
from pipelex_core.results import TextAnswer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from contextvars import Token

    from pipelex_core.calls import Call
    from pipelex_core.deck import ChainMember
    from pipelex_core.execution.asking import Asking
    from pipelex_core.execution.attempts import Attempting, Ledger
    from pipelex_core.execution.plan import Plan


async def stream_member(
    asking: Asking, plan: Plan, member: ChainMember, ledger: Ledger
) -> AsyncGenerator[str | TextAnswer, None]:
    """The events of one member's stream, the answer last; closing this closes the connection.

    Raises:
        CallError: What went wrong, with the ledger so far, and in `partial_text` what had come.
        PluginError: The plugin broke its contract.
    """
    spec, call, backend = await prepare(plan, member, ledger, asking.backends, asking.configs)
    assert isinstance(backend, TextStreamer)  # noqa: S101 -- `prepare` checked it; this tells the type checker
    attempting = ledger.begin(spec, plan, asking.configs[spec.backend])
    events: Any = None
    try:
        events = await asking.around(partial(_send, asking, backend, attempting))(call)
        while True:
            event = await anext(events, None)
            if not isinstance(event, str):
                break
            attempting.text.append(event)
            yield event
        check_answer(event, TextAnswer, spec)
    except CallError as error:
        error.partial_text = error.partial_text or attempting.partial_text
        raise asking.failed(error, attempting, ledger) from error.__cause__
    except (asyncio.CancelledError, GeneratorExit):
        ledger.write(attempting, "cancelled")
        raise
    except Exception as error:
        ledger.write(attempting, "error", error)
        raise
    finally:
        if hasattr(events, "aclose"):
            await events.aclose()
    attempting.answered(event)
    ledger.write(attempting, "ok")
    yield event  # type: ignore[misc]  # checked above


async def _send(
    asking: Asking, backend: TextStreamer, attempting: Attempting, call: Call
) -> AsyncIterator[str | TextAnswer]:
    """The plugin's events; nothing is sent before the first is asked for."""
    attempting.request = call.request
    events = backend.stream_text(call.request)  # type: ignore[arg-type]  # the plan matched it
    if not hasattr(events, "__aiter__") or not hasattr(events, "aclose"):
        if hasattr(events, "close"):
            events.close()  # a coroutine, which would complain
        raise wrong_answer(call.request.spec, events)
    answering = _events(asking, events, attempting)
    admitted = asking.admission(attempting)
    return answering if admitted is None else _admitted(admitted, events, answering)


async def _admitted(
    admitted: AbstractAsyncContextManager[Any], events: Any, answering: AsyncIterator[str | TextAnswer]
) -> AsyncIterator[str | TextAnswer]:
    """The plugin's events, once the request is let in."""
    try:
        async with admitted:
            async for event in answering:
                yield event
    finally:
        await events.aclose()  # also of one that was not let in


async def _events(asking: Asking, events: Any, attempting: Attempting) -> AsyncIterator[str | TextAnswer]:
    """The plugin's events; what is no error of ours becomes one."""
    attempting.sent = True
    token: Token[Any] | None = sending.set(attempting.sending)
    seconds = attempting.idle_timeout
    if seconds is not None:
        events = bounded(Silence(seconds, partial(fell_silent, seconds)), events)
    try:
        async for event in events:
            if token is not None:
                sending.reset(token)  # before the first `yield`: what reads on may do so in another context
                token = None
            if not isinstance(event, str):
                event = without_key(event, asking.configs[attempting.spec.backend])  # noqa: PLW2901 -- the same, cleaned
                attempting.answered(event)
            elif not event:
                continue  # a sign of life
            yield event
    except CallError as error:
        attempting.failed(error)
        raise
    except PipelexError:
        raise
    except Exception as error:  # noqa: BLE001 -- as in `asking.py`
        spec = attempting.spec
        raise broken(error, spec, asking.configs[spec.backend]) from None
    finally:
        if token is not None:
            sending.reset(token)
        await events.aclose()

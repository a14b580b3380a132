"""Streams as callers hold them: left early, let go of, outlived by their client."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import Any

import pytest

from pipelex_core import AsyncClient, Client, PluginError, RateLimitError
from pipelex_core.results import TextAnswer
from tests.support.scripted import USAGE, Script, ScriptedBackend, deck_of, plugins_for, spec

ANSWER = TextAnswer(text="ab", finish_reason="stop", usage=USAGE)


def _heard_by(script: Script, **more: Any) -> tuple[list[Any], Any]:
    heard: list[Any] = []
    return heard, plugins_for({"scripted": script}, pipelex_call_finished=lambda call: heard.append(call), **more)


def _wait_until(true: Any) -> None:
    until = time.monotonic() + 5
    while not true() and time.monotonic() < until:
        time.sleep(0.01)
    assert true()


def test_letting_go_of_a_stream_closes_its_connection() -> None:
    """A loop that is left without `with` keeps nothing open, and listeners hear of the call."""
    script = Script(answers=["a", 20.0, "b"])
    heard, plugins = _heard_by(script)
    with Client(deck_of(spec("smart")), plugins) as client:
        for _ in client.stream_text("x", model="smart"):
            break
        gc.collect()
        _wait_until(lambda: script.abandoned == 1)
        _wait_until(lambda: [call.attempts[0].outcome for call in heard] == ["cancelled"])


def test_letting_go_of_an_asynchronous_stream_closes_its_connection() -> None:
    """As in synchronous code; also where the task that reads it is cancelled."""
    script = Script(answers=["a", 20.0, "b"])
    heard, plugins = _heard_by(script)
    client = AsyncClient(deck_of(spec("smart")), plugins)

    async def read() -> None:
        async for _ in client.stream_text("x", model="smart"):
            pass

    async def main() -> None:
        async for _ in client.stream_text("x", model="smart"):
            break
        gc.collect()
        await asyncio.sleep(0.05)
        assert script.abandoned == 1
        script.answers = ["a", 20.0, "b"]
        task = asyncio.create_task(read())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert script.abandoned == 2
    assert [(call.result, call.error) for call in heard] == [(None, None)] * 2


def test_a_stream_whose_client_is_closed_does_not_end_as_if_it_were_whole() -> None:
    """The reader gets an error, not a shorter text; closing the stream then starts nothing anew."""
    script = Script(answers=["a", 20.0, "b"])
    client = Client(deck_of(spec("smart")), plugins_for({"scripted": script}))
    stream = client.stream_text("x", model="smart")
    assert next(stream) == "a"
    client.close()
    with pytest.raises(RuntimeError, match="the client was closed"):
        next(stream)
    stream.close()
    assert client._thread._loop is None


def test_a_stream_that_was_never_read_sends_nothing_and_is_no_call() -> None:
    """Closing it, twice, leaves nothing to read and nothing to hear of."""
    script = Script(answers=["a", ANSWER])
    heard, plugins = _heard_by(script)
    with Client(deck_of(spec("smart")), plugins) as client:
        stream = client.stream_text("x", model="smart")
        stream.close()
        stream.close()
        assert list(stream) == []
        assert client._thread._loop is None
    assert (script.requests, heard) == ([], [])


def test_a_closed_stream_gives_nothing_more() -> None:
    """What had come and was not taken is gone."""
    script = Script(answers=["a", "b", "c", ANSWER])
    with Client(deck_of(spec("smart")), plugins_for({"scripted": script})) as client:
        stream = client.stream_text("x", model="smart")
        assert next(stream) == "a"
        time.sleep(0.05)
        stream.close()
        assert list(stream) == []


def test_a_stream_is_heard_of_once_with_its_result_or_its_error() -> None:
    """Read to the end: the result; failed: the error."""
    script = Script(answers=["a", "b", ANSWER])
    heard, plugins = _heard_by(script)
    with Client(deck_of(spec("smart")), plugins) as client:
        with client.stream_text("x", model="smart") as stream:
            assert list(stream) == ["a", "b"]
        assert [call.result for call in heard] == [stream.result]
        script.answers = [RateLimitError("slow down")]
        with pytest.raises(RateLimitError) as caught, client.stream_text("x", model="smart") as stream:
            next(stream)
        assert [call.error for call in heard] == [None, caught.value]


def test_a_plugin_whose_stream_is_none_is_named() -> None:
    """A coroutine where a generator was due is the plugin's fault, and does not complain of never being awaited."""

    class Wrong(ScriptedBackend):
        async def stream_text(self, request: Any) -> Any:  # type: ignore[override]
            return []

    with Client(deck_of(spec("smart")), plugins_for({"scripted": Script()}, kind=Wrong)) as client:
        with pytest.raises(PluginError, match="sdk 'scripted' ended with coroutine"):
            next(client.stream_text("x", model="smart"))
        gc.collect()

"""Calls through a cache, to a backend that answers from a script."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pipelex_core import AsyncClient
from pipelex_core.plugins import Plugins, discover
from pipelex_core.results import TextAnswer
from pipelex_middleware_cache import Cache
from tests.support.scripted import OCR, PAINTER, USAGE, Script, ScriptedBackend, deck_of, plugin, spec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

DONE = TextAnswer(text="abc", finish_reason="stop", usage=USAGE, request_id="req-1", raw={"said": "abc"})


def plugins_of(script: Script, *extra: object) -> Plugins:
    """Plugins whose sdk is a script, and these."""
    made = plugin({"scripted": lambda config: ScriptedBackend(config, script)})
    return discover(entry_points=(), extra=[made, *extra])


@contextmanager
def cache_in(folder: Path, **options: Any) -> Iterator[Cache]:
    """A cache in a folder, closed at the end."""
    cache = Cache(folder / "answers.sqlite", **options)
    yield cache
    cache.close()


def run(script: Script, cache: object, *calls: Callable[[AsyncClient], Awaitable[Any]]) -> list[Any]:
    """What calls give, one after the other."""

    async def main() -> list[Any]:
        async with AsyncClient(deck_of(spec("m"), OCR, PAINTER), plugins_of(script, cache)) as client:
            return [await call(client) for call in calls]

    return asyncio.run(main())


def text(prompt: str = "Hi", **arguments: Any) -> Callable[[AsyncClient], Awaitable[Any]]:
    """A call for a text."""
    return lambda client: client.generate_text(prompt, **{"model": "m"} | arguments)


def streamed(client: AsyncClient) -> Any:
    """A stream: its pieces, and its result."""

    async def read() -> Any:
        async with client.stream_text("Hi", model="m") as stream:
            return [piece async for piece in stream], stream.result

    return read()


def uses(results: list[Any]) -> list[str | None]:
    """What the ledger says of each result's last attempt."""
    return [result.attempts[-1].cache for result in results]

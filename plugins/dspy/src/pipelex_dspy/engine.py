"""The engines of `dspy.LM` that call pipelex-core, and `lm`, which makes one with them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dspy

from pipelex_adapters import Clients
from pipelex_dspy.answers import end_of, start_of, text_delta, whole_of
from pipelex_dspy.errors import error_of
from pipelex_dspy.requests import call_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from pipelex_core import AsyncClient, Client


def lm(
    model: str | None = None,
    *,
    client: Client | AsyncClient | None = None,
    project: dict[str, Any] | None = None,
    arguments: Mapping[str, Any] | None = None,
    cache: bool = False,
    num_retries: int = 0,
    **settings: Any,
) -> dspy.LM:
    """A language model for `dspy.configure`.

    Args:
        model: The handle; None for the deck's default for text.
        client: A client of pipelex_core; None for one of `project`.
        project: Arguments of `Client.from_project`, such as `config` and `profile`.
        arguments: Further arguments of every call of pipelex-core, such as `{"reasoning_budget": 2000}`.
        cache: Whether DSPy keeps answers; it goes by the handle's name alone.
        num_retries: DSPy's own retries, on top of those of the deck.
        settings: Of `dspy.LM`, such as `temperature` and `max_tokens`.
    """
    engine = PipelexEngine(model, Clients(client, project or {}), arguments)
    return dspy.LM(
        f"pipelex/{model or 'default'}",
        engine=engine,
        async_engine=AsyncPipelexEngine(engine),
        cache=cache,
        num_retries=num_retries,
        **settings,
    )


class PipelexEngine:
    """For synchronous code: one request, one call.

    Args:
        model: The handle; None for the deck's default for text.
        clients: Who calls.
        arguments: Further arguments of every call.
    """

    supports_function_calling = True
    supports_response_schema = True
    supports_reasoning = True
    supported_params = frozenset({"temperature", "max_tokens", "top_p", "stop", "seed", "response_format", "tools"})

    def __init__(self, model: str | None, clients: Clients, arguments: Mapping[str, Any] | None = None) -> None:
        self.model = model
        self.clients = clients
        self.arguments = dict(arguments or {})

    def dump_state(self) -> dict[str, Any]:
        """What a saved program keeps of it: the handle and where its configuration is; never a key."""
        return {"model": self.model, "project": self.clients.project, "arguments": self.arguments}

    @classmethod
    def load_state(cls, state: Mapping[str, Any]) -> PipelexEngine:
        """The engine of a program that was saved."""
        return cls(state["model"], Clients(None, state["project"]), state["arguments"])

    def complete(self, request: dspy.lm15.Request) -> dspy.lm15.Response:
        """A whole answer."""
        with _errors():
            prompt, schema, arguments = call_of(request, self.arguments)
            if schema is None:
                return whole_of(self.clients.sync.generate_text(prompt, model=self.model, **arguments))
            return whole_of(self.clients.sync.generate_object(prompt, schema, model=self.model, **arguments))

    def stream(self, request: dspy.lm15.Request) -> Iterator[Any]:
        """An answer, piece by piece; an object comes in one piece."""
        with _errors():
            prompt, schema, arguments = call_of(request, self.arguments)
            if schema is not None:
                yield from dspy.lm15.response_to_events(self.complete(request))
                return
            with self.clients.sync.stream_text(prompt, model=self.model, **arguments) as stream:
                yield start_of(self.model)
                for delta in stream:
                    yield text_delta(delta)
                yield from end_of(stream.result)

    def close(self) -> None:
        """Nothing: the client is the caller's, or closes with the program."""


class AsyncPipelexEngine:
    """For asynchronous code, in the loop of whoever awaits it.

    Args:
        engine: The engine beside it.
    """

    supports_function_calling = True
    supports_response_schema = True
    supports_reasoning = True
    supported_params = PipelexEngine.supported_params

    def __init__(self, engine: PipelexEngine) -> None:
        self.engine = engine

    def dump_state(self) -> dict[str, Any]:
        """As the engine beside it."""
        return self.engine.dump_state()

    @classmethod
    def load_state(cls, state: Mapping[str, Any]) -> AsyncPipelexEngine:
        """The engine of a program that was saved."""
        return cls(PipelexEngine.load_state(state))

    async def complete(self, request: dspy.lm15.Request) -> dspy.lm15.Response:
        """A whole answer."""
        client, model = self.engine.clients.asynchronous, self.engine.model
        with _errors():
            prompt, schema, arguments = call_of(request, self.engine.arguments)
            if schema is None:
                return whole_of(await client.generate_text(prompt, model=model, **arguments))
            return whole_of(await client.generate_object(prompt, schema, model=model, **arguments))

    async def stream(self, request: dspy.lm15.Request) -> AsyncIterator[Any]:
        """An answer, piece by piece; an object comes in one piece."""
        client, model = self.engine.clients.asynchronous, self.engine.model
        with _errors():
            prompt, schema, arguments = call_of(request, self.engine.arguments)
            if schema is not None:
                for event in dspy.lm15.response_to_events(await self.complete(request)):
                    yield event
                return
            async with client.stream_text(prompt, model=model, **arguments) as stream:
                yield start_of(model)
                async for delta in stream:
                    yield text_delta(delta)
                for event in end_of(stream.result):
                    yield event

    async def aclose(self) -> None:
        """Nothing: the client is the caller's, or closes with the program."""


@contextmanager
def _errors() -> Iterator[None]:
    """Errors of pipelex-core as DSPy's engines raise them; it makes its own of those."""
    from pipelex_core import PipelexError

    try:
        yield
    except PipelexError as error:
        raise error_of(error) from error

"""The calls of a client, from their arguments to their plan; `walk.py` carries a plan out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pipelex_core.prompts  # noqa: F401 -- what a capability imports at its first call would count in that call's deadline
from pipelex_core.capabilities.text import GENERATE_OBJECT, STREAM_OBJECT, STREAM_TEXT, TEXT
from pipelex_core.errors import UnsupportedInputError
from pipelex_core.execution.plan import Plan, make_plan
from pipelex_core.execution.terms import NO_TERMS, Terms, split_terms
from pipelex_core.execution.threaded import in_thread
from pipelex_core.execution.walk import Walk
from pipelex_core.streams import AsyncObjectStream, AsyncRestartingTextStream, AsyncSpeechStream, AsyncTextStream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from pipelex_core.capabilities import Operation
    from pipelex_core.capabilities.text import TextInput
    from pipelex_core.policies import OnInterrupted

    Handle = str | Mapping[str, Any] | None


class Execution(Walk):
    """Carries the calls of one client to the plugins."""

    async def call(self, name: str, source: Any, model: Handle, arguments: Mapping[str, Any]) -> Any:
        """Call a capability by its name.

        Args:
            name: The capability.
            source: What the call is about: a prompt, a document.
            model: The handle; None for the deck's default.
            arguments: The terms of the call, what goes with `source`, and settings.
        """
        capability = self._deck.capabilities[name]
        terms, arguments = split_terms(arguments) if arguments else (NO_TERMS, arguments)
        beside, settings = capability.split(arguments) if arguments else (arguments, arguments)
        if capability.reads_files(source, **beside):
            what = await in_thread(partial(capability.read, source, **beside))
        else:
            what = capability.read(source, **beside)
        plan = make_plan(self._deck, capability, what, handle=model, settings=settings, terms=terms)
        return await self.ask(plan, what)

    def stream_text(
        self, prompt: Any, model: Handle, on_interrupted: OnInterrupted, arguments: Mapping[str, Any]
    ) -> AsyncTextStream | AsyncRestartingTextStream:
        """Stream a text; arguments as in `call`."""
        terms, arguments = split_terms(arguments, on_interrupted)
        beside, settings = TEXT.split(arguments)
        what = TEXT.read(prompt, **beside)
        plan = self._plan(what, STREAM_TEXT, model, settings, terms)
        kind = AsyncRestartingTextStream if terms.restarts else AsyncTextStream
        ledger = self._ledger()
        return kind(self._stream(plan, ledger), ledger)

    def stream_speech(self, text: Any, model: Handle, arguments: Mapping[str, Any]) -> AsyncSpeechStream:
        """Stream speech; arguments as in `call`."""
        from pipelex_core.capabilities.operations import SPEAK, STREAM_SPEECH

        terms, settings = split_terms(arguments)
        what = SPEAK.read(text)
        plan = make_plan(self._deck, SPEAK, what, operation=STREAM_SPEECH, handle=model, settings=settings, terms=terms)
        ledger = self._ledger()
        return AsyncSpeechStream(self._stream(plan, ledger), ledger)

    async def generate_object(self, prompt: Any, type: Any, model: Handle, arguments: Mapping[str, Any]) -> Any:
        """Generate a typed object; arguments as in `call`."""
        from pipelex_core.objects import making, object_type  # what calls for text do without

        terms, arguments = split_terms(arguments)
        beside, settings = TEXT.split(arguments)
        kind = object_type(type)
        read = partial(TEXT.read, prompt, **beside, kind=kind)
        what = await in_thread(read) if TEXT.reads_files(prompt, **beside) else read()
        tools = bool(what.tools)
        plan = self._plan(what, GENERATE_OBJECT, model, settings, terms, partial(making().fits, kind, tools))
        return await self._finished(plan, partial(making().generate_object, self, kind, tools))

    def stream_object(
        self, prompt: Any, type: Any, model: Handle, arguments: Mapping[str, Any]
    ) -> AsyncObjectStream[Any]:
        """Stream a typed object; arguments as in `call`."""
        from pipelex_core.objects import making, object_type

        terms, arguments = split_terms(arguments, "restart")  # a partial object takes the place of the one before
        beside, settings = TEXT.split(arguments)
        kind = object_type(type)
        what = TEXT.read(prompt, **beside, kind=kind)
        tools = bool(what.tools)
        plan = self._plan(what, STREAM_OBJECT, model, settings, terms, partial(making().fits, kind, tools))
        ledger = self._ledger()
        return AsyncObjectStream(making().stream_object(self, kind, tools, plan, ledger), ledger)

    def _plan(  # noqa: PLR0917 -- as `make_plan` has them
        self,
        what: TextInput,
        operation: Operation,
        model: Handle,
        settings: Mapping[str, Any],
        terms: Terms,
        fits: Callable[[Any], bool] | None = None,
    ) -> Plan:
        """Plan one of the operations on text."""
        return make_plan(
            self._deck, TEXT, what, operation=operation, handle=model, settings=settings, terms=terms, fits=fits
        )

    def operation(self, name: str) -> Callable[[Any, Handle, Mapping[str, Any]], Awaitable[Any]]:
        """The function that calls an operation, or a capability, by its name; for an object, `type` is an argument.

        Raises:
            UnsupportedInputError: There is none of that name, or it streams.
        """
        if name == GENERATE_OBJECT.name:
            return self._generate_typed
        for capability in self._deck.capabilities:
            if name in (capability.name, capability.operations[0].name):
                return partial(self.call, capability.name)
        whole = [each.operations[0].name for each in self._deck.capabilities]
        msg = f"an operation is one of {', '.join([*whole, GENERATE_OBJECT.name])}, not {name!r:.60}"
        raise UnsupportedInputError(msg)

    async def _generate_typed(self, prompt: Any, model: Handle, arguments: Mapping[str, Any]) -> Any:
        own = dict(arguments)
        if "type" not in own:
            raise UnsupportedInputError(f"{GENERATE_OBJECT.name} needs a type")
        return await self.generate_object(prompt, own.pop("type"), model, own)

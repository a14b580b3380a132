"""A backend in place of another one, with the same methods."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from pipelex_core.backend import Backend

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from pipelex_core.capabilities import Capabilities, Operation
    from pipelex_core.requests import Request, TextRequest
    from pipelex_core.results import TextAnswer


class Around(Backend):
    """A wrapper of a backend: one method for whole answers, one for streams.

    Attributes:
        answers: Operation -> the class of its answers.
    """

    answers: ClassVar[Mapping[str, type]] = {}

    @abstractmethod
    async def whole(self, operation: str, request: Request) -> Any:
        """The answer to any call but a stream."""

    @abstractmethod
    def stream(self, operation: str, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
        """The answer, streamed."""


def standing_for(kind: type[Around], inner: Backend, capabilities: Capabilities) -> Any:
    """A class like `kind` that can do what `inner` can."""
    able = [
        operation
        for capability in capabilities
        for operation in capability.operations
        if isinstance(inner, operation.needs)
    ]
    sides: list[type[Backend]] = [Backend, *(operation.needs for operation in able)]
    members: dict[str, Any] = {name: getattr(inner, name) for side in sides for name in _declared(side)}
    members["answers"] = {operation.name: operation.answer for operation in able}
    members |= {operation.name: _method(operation) for operation in able}
    bases = (kind, *dict.fromkeys(operation.needs for operation in able))
    return type(f"{kind.__name__}{type(inner).__name__}", bases, members)


def _declared(base: type[Backend]) -> Iterator[str]:
    """What a class of backends says of itself, such as `gives_logprobs` and `edits_images`."""
    yield from (name for name in vars(base).get("__annotations__", ()) if hasattr(base, name))


def _method(operation: Operation) -> Callable[..., Any]:
    """The method of an operation, carried out by the backend's wrapper."""
    if operation.streams:

        def stream(self: Around, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
            return self.stream(operation.name, request)

        return stream

    async def whole(self: Around, request: Request) -> Any:
        return await self.whole(operation.name, request)

    return whole

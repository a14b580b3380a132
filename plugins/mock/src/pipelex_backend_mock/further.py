"""The mock for the capabilities of plugins: their records say what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_core.backend import Backend
    from pipelex_core.capabilities import Capabilities


def with_capabilities(backend: Backend, capabilities: Capabilities) -> Backend | None:
    """Make a backend of the same class with the methods that it lacks; None where it lacks none."""
    methods: dict[str, Any] = {}
    bases: list[type[Backend]] = []
    for capability in capabilities:
        operation = capability.operations[0]
        if capability.mock is not None and not isinstance(backend, operation.needs):
            bases.append(operation.needs)
            methods[operation.name] = _method(capability.mock)
    if not bases:
        return None
    made: Backend = type(type(backend).__name__, (type(backend), *bases), methods)(backend.config)
    return made


def _method(answer: Callable[[Any], Any]) -> Callable[..., Any]:
    async def method(_self: Backend, request: Any) -> Any:
        return answer(request)

    return method

"""Classifying a plugin: its declaring hooks are asked, once, and what they return is checked."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_core import hookspecs
from pipelex_core.backend import BackendFactory
from pipelex_core.errors import PluginError
from pipelex_core.plugins.records import described

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from importlib.resources.abc import Traversable

    import pluggy

    from pipelex_core.hookspecs import Middleware
    from pipelex_core.plugins.records import Candidate

HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("pipelex_"))


def classify(candidate: Candidate, manager: pluggy.PluginManager) -> Candidate:
    """A loaded plugin with all that it declares, registered; or quarantined, and not registered."""
    plugin = candidate.module
    if plugin is None:
        return candidate
    if manager.is_registered(plugin):
        return candidate.quarantined("another plugin has the same module")
    times = dict(candidate.record.times)
    try:
        manager.register(plugin, name=candidate.record.name)
        implemented = _implemented(plugin, manager)
        candidate = evolve(candidate, record=evolve(candidate.record, hooks=tuple(sorted(implemented))))
        if "pipelex_backends" in implemented:
            factories = _checked_factories(_asked(implemented, "pipelex_backends", times))
            record = evolve(candidate.record, sdks=tuple(factories))
            candidate = evolve(candidate, factories=factories, record=record)
        if "pipelex_model_specs" in implemented:
            candidate = evolve(candidate, specs=_checked_specs(_asked(implemented, "pipelex_model_specs", times)))
        if "pipelex_middleware" in implemented:
            middlewares = _checked_middlewares(_asked(implemented, "pipelex_middleware", times))
            candidate = evolve(candidate, middlewares=middlewares)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 -- whatever a plugin's hook raises, exits too, stays in its record
        if manager.is_registered(plugin):
            manager.unregister(plugin)
        candidate = candidate.quarantined(_reason(error))
    return evolve(candidate, record=evolve(candidate.record, times=times))


def _asked(implemented: Mapping[str, Callable[..., Any]], hook: str, times: dict[str, float]) -> object:
    """What a hook declares; how long that took is written down, also where it raises."""
    started = time.perf_counter()
    try:
        return implemented[hook]()
    finally:
        times[hook] = time.perf_counter() - started


def _reason(error: BaseException) -> str:
    """What a record says of an error: of our own, and of those of a hook's arguments, the message is enough."""
    from pluggy import PluginValidationError

    if isinstance(error, (PluginError, PluginValidationError)):
        return str(error)
    return f"a hook raised {described(error)}"


def without_disputed(candidates: Iterable[Candidate], manager: pluggy.PluginManager) -> list[Candidate]:
    """Quarantine every plugin that serves an sdk which another one serves too."""
    claims: dict[str, list[str]] = {}
    asked = list(candidates)
    for candidate in asked:
        for sdk in candidate.factories:
            claims.setdefault(sdk, []).append(candidate.record.label)
    settled = []
    for candidate in asked:
        disputed = [sdk for sdk in candidate.factories if len(claims[sdk]) > 1]
        if disputed:
            manager.unregister(candidate.module)
            settled.append(candidate.quarantined(offered_twice("sdk", disputed[0], claims[disputed[0]])))
        else:
            settled.append(candidate)
    return settled


def offered_twice(what: str, name: str, owners: Iterable[str]) -> str:
    """The reason of plugins that offer the same."""
    return f"{what} '{name}' is offered by {' and '.join(owners)}: uninstall one of them"


def _implemented(plugin: object, manager: pluggy.PluginManager) -> dict[str, Callable[..., Any]]:
    """The hooks that a registered plugin implements; all must exist."""
    callers = manager.get_hookcallers(plugin) or ()
    unknown = sorted(caller.name for caller in callers if not caller.has_spec())
    if unknown:
        from difflib import get_close_matches

        near = get_close_matches(unknown[0], HOOKS, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        msg = f"it implements a hook that does not exist: '{unknown[0]}'{hint}"
        raise PluginError(msg)
    return {
        caller.name: implementation.function
        for caller in callers
        for implementation in caller.get_hookimpls()
        if implementation.plugin is plugin
    }


def _checked_factories(answer: object) -> dict[str, BackendFactory]:
    if not isinstance(answer, Mapping) or not all(isinstance(sdk, str) and sdk for sdk in answer):
        msg = f"pipelex_backends must return a mapping keyed by sdk, not {answer!r:.80}"
        raise PluginError(msg)
    factories = {}
    for sdk, factory in answer.items():
        if not callable(factory):
            msg = f"pipelex_backends: the factory of sdk '{sdk}' is not callable: {factory!r:.80}"
            raise PluginError(msg)
        factories[sdk] = factory if isinstance(factory, BackendFactory) else BackendFactory(factory)
    return factories


def _checked_specs(answer: object) -> dict[str, Traversable]:
    if not isinstance(answer, Mapping) or not all(
        isinstance(backend, str) and hasattr(file, "is_file") for backend, file in answer.items()
    ):
        msg = f"pipelex_model_specs must return a mapping of backend names to files, not {answer!r:.80}"
        raise PluginError(msg)
    for backend, file in answer.items():
        if not file.is_file():
            msg = f"pipelex_model_specs: the file of backend '{backend}' does not exist"
            raise PluginError(msg)
    return dict(answer)


def _checked_middlewares(answer: object) -> tuple[Middleware, ...]:
    if not isinstance(answer, Sequence) or not all(callable(middleware) for middleware in answer):
        msg = f"pipelex_middleware must return a sequence of callables, not {answer!r:.80}"
        raise PluginError(msg)
    return tuple(answer)

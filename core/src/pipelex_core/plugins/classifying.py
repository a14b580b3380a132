"""Classifying a plugin: its declaring hooks are called, once, and their answers are checked."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_core import hookspecs
from pipelex_core.errors import PluginError
from pipelex_core.near import did_you_mean
from pipelex_core.plugins.declarations import DECLARATIONS
from pipelex_core.plugins.records import Candidate, described

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pluggy


HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("pipelex_"))


def classify(candidate: Candidate, manager: pluggy.PluginManager) -> Candidate:
    """A loaded plugin with all that it declares, registered; or quarantined, and not registered."""
    plugin = candidate.module
    if plugin is None:
        return candidate
    if manager.is_registered(plugin):
        return candidate.quarantined("another plugin has the same module")
    try:
        manager.register(plugin, name=candidate.record.name)
        hooks = _implemented(plugin, manager)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 -- registering reads every attribute of the plugin, whatever it does
        return _out(candidate, manager, error)
    candidate = evolve(candidate, record=evolve(candidate.record, hooks=tuple(sorted(hooks))))
    for hook, declaration in DECLARATIONS.items():
        if not declaration.late:
            candidate = declare(candidate, hook, manager)
    return candidate


def declare(candidate: Candidate, hook: str, manager: pluggy.PluginManager) -> Candidate:
    """A registered plugin with what it declares through a hook; or quarantined, and no longer registered."""
    if candidate.module is None or hook not in candidate.record.hooks:
        return candidate
    function = _implemented(candidate.module, manager)[hook]
    started = time.perf_counter()
    try:
        answer = function()
        answer = DECLARATIONS[hook].check(answer)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 -- whatever a plugin's hook raises, exits too, stays in its record
        return _timed(_out(candidate, manager, error, hook), hook, started)
    candidate = evolve(candidate, declared={**candidate.declared, hook: answer})
    if hook == "pipelex_backends":
        candidate = evolve(candidate, record=evolve(candidate.record, sdks=tuple(answer)))
    return _timed(candidate, hook, started)


def _timed(candidate: Candidate, hook: str, started: float) -> Candidate:
    times = {**candidate.record.times, hook: time.perf_counter() - started}
    return evolve(candidate, record=evolve(candidate.record, times=times))


def _out(
    candidate: Candidate, manager: pluggy.PluginManager, error: BaseException, hook: str | None = None
) -> Candidate:
    """The plugin, quarantined for an error: of our own, and of a hook's arguments, the message is enough."""
    from pluggy import PluginValidationError

    if manager.is_registered(candidate.module):
        manager.unregister(candidate.module)
    if isinstance(error, PluginValidationError) or (isinstance(error, PluginError) and hook is None):
        return candidate.quarantined(str(error))
    if isinstance(error, PluginError):
        return candidate.quarantined(f"{hook} {error}")
    return candidate.quarantined(f"{hook or 'registering it'} raised {described(error)}")


def without_disputed(
    candidates: Iterable[Candidate], hook: str, manager: pluggy.PluginManager, reserved: Mapping[str, str]
) -> list[Candidate]:
    """Quarantine every plugin that offers a name which another one offers too, or that is reserved.

    Args:
        candidates: All plugins.
        hook: Through which they offer names.
        manager: Where they are registered.
        reserved: Names that core does not have, and neither can a plugin -> who has them.
    """
    declaration, every = DECLARATIONS[hook], list(candidates)
    if declaration.noun is None:
        return every
    claims = {name: ["pipelex-core"] for name in declaration.reserved}
    claims |= {name: [owner] for name, owner in reserved.items()}
    disputes = disputed(every, declaration.noun, lambda candidate: candidate.declared.get(hook, ()), claims)
    for candidate, settled in zip(every, disputes, strict=True):
        if settled is not candidate:
            manager.unregister(candidate.module)
    return disputes


def disputed(
    candidates: Sequence[Candidate],
    what: str,
    names_of: Callable[[Candidate], Iterable[str]],
    claims: dict[str, list[str]],
) -> list[Candidate]:
    """Quarantine every plugin that has a name which another one has too; `claims` are names that are taken -> by whom."""
    for candidate in candidates:
        for name in names_of(candidate):
            claims.setdefault(name, []).append(candidate.record.label)
    settled = []
    for candidate in candidates:
        twice = next((name for name in names_of(candidate) if len(claims[name]) > 1), None)
        if twice is not None:
            owners = " and ".join(claims[twice])
            candidate = candidate.quarantined(f"{what} '{twice}' is offered by {owners}: uninstall one of them")  # noqa: PLW2901
        settled.append(candidate)
    return settled


def _implemented(plugin: object, manager: pluggy.PluginManager) -> dict[str, Callable[..., Any]]:
    """The hooks that a registered plugin implements; all must exist, but for those that it marks as optional."""
    found: dict[str, Callable[..., Any]] = {}
    for caller in manager.get_hookcallers(plugin) or ():
        for implementation in caller.get_hookimpls():
            if implementation.plugin is not plugin:
                continue
            if caller.has_spec():
                found[caller.name] = implementation.function
            elif not implementation.optionalhook:
                hint = did_you_mean(caller.name, HOOKS)
                what = f"it implements a hook that does not exist: '{caller.name}'"
                raise PluginError(f"{what}; {hint}" if hint else what)
    return found

"""The plugins in use: who serves an sdk, which models are shipped, who wraps a call and who is notified of its end."""

from __future__ import annotations

import logging
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pipelex_core.backend import Backend
from pipelex_core.capabilities import BUILT_IN
from pipelex_core.errors import PluginError
from pipelex_core.first_party import FIRST_PARTY
from pipelex_core.plugins.classifying import declare, without_disputed
from pipelex_core.plugins.declarations import DECLARATIONS
from pipelex_core.plugins.records import Candidate, PluginRecord, ShippedSpecs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pluggy

    from pipelex_core.backend import BackendFactory, Option
    from pipelex_core.calls import FinishedCall
    from pipelex_core.commands import Command
    from pipelex_core.hookspecs import Middleware
    from pipelex_core.plugins.records import Lock
    from pipelex_core.specs import BackendConfig

_UNUSED = frozenset({"quarantined", "off"})
"""States of an installed plugin that is not in use."""

NOTHING: Mapping[str, str] = MappingProxyType({})

_log = logging.getLogger("pipelex_core.plugins")


class Plugins:
    """The plugins in use, and those that are not, with their reasons.

    A plugin whose answer to a hook that is called late turns out wrong is quarantined then.

    Attributes:
        records: Every plugin that was found, in the order of their names, and those passed as objects last.
        middlewares: What wraps every call, the outermost first.
        middleware_owners: The name of the plugin that each of them is of.
        lock: The plugin lock that was kept, or None.
        capabilities: What there is to call.
        shipped_specs: The model-spec files of all plugins, in the order of the plugins' names.
    """

    def __init__(
        self, candidates: Sequence[Candidate], manager: pluggy.PluginManager, lock: Lock | None = None
    ) -> None:
        self.lock = lock
        self._manager = manager
        self._candidates = list(candidates)
        self._queried: set[str] = set()
        for hook, declaration in DECLARATIONS.items():
            if not declaration.late:
                self._candidates = without_disputed(self._candidates, hook, manager, NOTHING)
        self._settle()

    def _settle(self) -> None:
        """Keep what the plugins declare that are in use now."""
        self.records: tuple[PluginRecord, ...] = tuple(candidate.record for candidate in self._candidates)
        owned = [(found, record.name) for record, each in self.declared("pipelex_middleware") for found in each]
        self.middlewares: tuple[Middleware, ...] = tuple(middleware for middleware, _ in owned)
        self.middleware_owners = tuple(owner for _, owner in owned)
        records = (record for _, claimed in self.declared("pipelex_capabilities") for record in claimed.values())
        self.capabilities = BUILT_IN.adding(records)
        self._listeners = self.in_order("pipelex_call_finished")
        self._factories: dict[str, tuple[BackendFactory, PluginRecord]] = self.offered("pipelex_backends")
        self.shipped_specs = tuple(
            ShippedSpecs(backend=backend, file=file, plugin=record)
            for record, files in self.declared("pipelex_model_specs")
            for backend, file in files.items()
            if self.lock is None or self.lock.may_serve(record.distribution, backend)
        )

    def declared(self, hook: str) -> list[tuple[PluginRecord, Any]]:
        """What plugins declare through a hook: those that want to come first, the others by name, those last."""
        found = {candidate.record.name: candidate for candidate in self._candidates if hook in candidate.declared}
        names = [str(implementation.plugin_name) for implementation in self.in_order(hook)]
        return [(found[name].record, found[name].declared[hook]) for name in names if name in found]

    def ask(self, hook: str, reserved: Mapping[str, str] = NOTHING) -> None:
        """Call a declaring hook that is called late, the first time; a plugin whose answer is wrong is quarantined.

        Args:
            hook: The hook.
            reserved: Further names that plugins cannot have -> who has them.
        """
        if not DECLARATIONS[hook].late or hook in self._queried:
            return
        self._queried.add(hook)
        candidates = [declare(candidate, hook, self._manager) for candidate in self._candidates]
        self._candidates = without_disputed(candidates, hook, self._manager, reserved)
        self._settle()

    def offered(self, hook: str) -> dict[str, tuple[Any, PluginRecord]]:
        """What plugins offer by name through a hook, and who does."""
        self.ask(hook)
        return {name: (value, record) for record, values in self.declared(hook) for name, value in values.items()}

    def in_order(self, hook: str) -> list[pluggy.HookImpl]:
        """The implementations of a hook in the order in which they count."""
        implementations: list[pluggy.HookImpl] = getattr(self._manager.hook, hook).get_hookimpls()
        place = {candidate.record.name: place for place, candidate in enumerate(self._candidates)}
        return sorted(implementations, key=lambda each: (each.trylast - each.tryfirst, place[each.plugin_name]))

    @property
    def sdks(self) -> tuple[str, ...]:
        """Every sdk that some plugin serves, narrowed keys such as `vertexai:openai` included."""
        return tuple(self._factories)

    @property
    def options(self) -> Iterator[Option]:
        """The keys that plugins read from the tables of backends."""
        return (option for factory, _ in self._factories.values() for option in factory.options)

    def find(self, backend: str, sdk: str) -> tuple[BackendFactory, PluginRecord] | None:
        """The factory for an sdk of a backend and the plugin it comes from; a narrowed key wins; None for neither."""
        narrowed = f"{backend}:{sdk}"
        if narrowed not in self._factories and narrowed in FIRST_PARTY:
            return None
        found = self._factories.get(narrowed) or self._factories.get(sdk)
        if found and self.lock is not None and not self.lock.may_serve(found[1].distribution, backend):
            return None
        return found

    def withheld(self, backend: str, variables: Iterable[str]) -> tuple[str, ...]:
        """Those of some variables that the plugin lock does not let a backend have."""
        allowed = None if self.lock is None else self.lock.variables(backend)
        return () if allowed is None else tuple(name for name in dict.fromkeys(variables) if name not in allowed)

    def why_missing(self, backend: str, sdk: str) -> str:
        """Why no plugin serves an sdk, and which command brings one."""
        key = f"{backend}:{sdk}" if f"{backend}:{sdk}" in FIRST_PARTY else sdk
        for record in self.records:
            if record.status in _UNUSED and (
                key in record.sdks or (record.distribution and record.distribution == FIRST_PARTY.get(key))
            ):
                return record.state
        served = self._factories.get(key)
        if served:
            return (
                f"the plugin lock does not let {served[1].label} serve backend '{backend}'; "
                "if you want it to, run: pipelex plugins lock"
            )
        distribution = FIRST_PARTY.get(key)
        if distribution:
            return f"no installed plugin serves sdk '{sdk}'; run: pip install {distribution}"
        others = [f"{record.label} ({record.reason})" for record in self.records if record.status in _UNUSED]
        unused = f"; not in use: {', '.join(others)}" if others else ""
        installed = ", ".join(sorted(self._factories)) or "none"
        return f"no installed plugin serves sdk '{sdk}'; installed: {installed}{unused}"

    def may_serve(self, sdk: str) -> bool:
        """Whether a plugin that is not in use, or is kept from a backend by the plugin lock, may serve an sdk."""
        lost = (record for record in self.records if record.status != "ok")
        return sdk in self._factories or any(not record.sdks or sdk in record.sdks for record in lost)

    def require(self, backend: str, sdk: str) -> tuple[BackendFactory, PluginRecord]:
        """As `find`, but a missing plugin is a `PluginError` that says what to install."""
        found = self.find(backend, sdk)
        if found is None:
            raise PluginError(self.why_missing(backend, sdk))
        return found

    @property
    def wraps_backends(self) -> bool:
        """Whether some plugin wraps backends."""
        return bool(self._manager.hook.pipelex_wrap_backend.get_hookimpls())

    def wrap_backend(
        self,
        backend: Backend,
        config: BackendConfig,
        sdk: str,
        make: Callable[[BackendConfig], Backend],
        redact: Callable[[str], str],
    ) -> Backend:
        """The backend in what the plugins wrap it in; the first plugin's is the outermost.

        Raises:
            PluginError: What a plugin returns is not a backend.
        """
        table = {"config": config, "sdk": sdk, "make": make, "redact": redact, "capabilities": self.capabilities}
        for implementation in reversed(self.in_order("pipelex_wrap_backend")):
            arguments = {"backend": backend, **table}
            wrapped = implementation.function(**{name: arguments[name] for name in implementation.argnames})
            if wrapped is not None and not isinstance(wrapped, Backend):
                msg = f"plugin {implementation.plugin_name}: pipelex_wrap_backend returned a {type(wrapped).__name__}, not a Backend"
                raise PluginError(msg)
            backend = backend if wrapped is None else wrapped
        return backend

    def commands(self, reserved: Mapping[str, str] = NOTHING) -> dict[str, Command]:
        """Every command that plugins add, by name.

        Args:
            reserved: The names that the command line has already -> who has them.
        """
        self.ask("pipelex_commands", reserved)
        return {name: command for name, (command, _) in self.offered("pipelex_commands").items()}

    def call_finished(self, call: FinishedCall) -> None:
        """Tell every plugin that listens; what a listener raises is logged and goes no further."""
        for implementation in self._listeners:
            try:
                implementation.function(call)
            except Exception:  # noqa: BLE001 -- logged, with its traceback
                _log.exception("plugin %s: pipelex_call_finished raised", implementation.plugin_name)

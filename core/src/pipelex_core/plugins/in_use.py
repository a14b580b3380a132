"""The plugins in use: who serves an sdk, which models are shipped, who stands around a call and who hears of its end."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipelex_core.errors import PluginError
from pipelex_core.plugins.first_party import FIRST_PARTY
from pipelex_core.plugins.records import ShippedSpecs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import pluggy

    from pipelex_core.backend import Backend, BackendFactory
    from pipelex_core.calls import FinishedCall
    from pipelex_core.commands import Command
    from pipelex_core.hookspecs import Middleware
    from pipelex_core.plugins.lock import Lock
    from pipelex_core.plugins.records import Candidate, PluginRecord
    from pipelex_core.specs import BackendConfig

_STATED = {"quarantined": "quarantined", "off": "switched off"}
"""States of an installed plugin that is not in use, as they are told."""

_log = logging.getLogger("pipelex_core.plugins")


class Plugins:
    """The plugins in use, and those that are not, with their reasons. Read-only once made.

    Attributes:
        records: Every plugin that was found, in the order of their names, and those passed as objects last.
        middlewares: What stands around every call, the outermost first.
        lock: The plugin lock that was kept, or None.
    """

    def __init__(
        self, candidates: Sequence[Candidate], manager: pluggy.PluginManager, lock: Lock | None = None
    ) -> None:
        self.lock = lock
        self.records: tuple[PluginRecord, ...] = tuple(candidate.record for candidate in candidates)
        self.middlewares: tuple[Middleware, ...] = tuple(
            middleware for candidate in candidates for middleware in candidate.middlewares
        )
        self._manager = manager
        self._factories: dict[str, tuple[BackendFactory, PluginRecord]] = {
            sdk: (factory, candidate.record) for candidate in candidates for sdk, factory in candidate.factories.items()
        }
        self._specs = tuple(
            ShippedSpecs(backend=backend, file=file, plugin=candidate.record)
            for candidate in candidates
            for backend, file in candidate.specs.items()
            if lock is None or lock.may_serve(candidate.record.distribution, backend)
        )

    @property
    def shipped_specs(self) -> tuple[ShippedSpecs, ...]:
        """The model-spec files of all plugins, in the order of the plugins' names."""
        return self._specs

    @property
    def sdks(self) -> tuple[str, ...]:
        """Every sdk that some plugin serves, narrowed keys such as `vertexai:openai` included."""
        return tuple(self._factories)

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
            if record.status in _STATED and (
                key in record.sdks or (record.distribution and record.distribution == FIRST_PARTY.get(key))
            ):
                return f"the plugin {record.label} is {_STATED[record.status]}: {record.reason}"
        served = self._factories.get(key)
        if served:
            return (
                f"the plugin lock does not let {served[1].label} serve backend '{backend}'; "
                "if you want it to, run: pipelex plugins lock"
            )
        distribution = FIRST_PARTY.get(key)
        if distribution:
            return f"no installed plugin serves sdk '{sdk}'; run: pip install {distribution}"
        others = [f"{record.label} ({record.reason})" for record in self.records if record.status in _STATED]
        unused = f"; not in use: {', '.join(others)}" if others else ""
        installed = ", ".join(sorted(self._factories)) or "none"
        return f"no installed plugin serves sdk '{sdk}'; installed: {installed}{unused}"

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
        from pipelex_core.backend import Backend as BackendClass

        given = {"config": config, "sdk": sdk, "make": make, "redact": redact}
        for implementation in self._manager.hook.pipelex_wrap_backend.get_hookimpls():  # pluggy calls the last first
            arguments = {"backend": backend, **given}
            wrapped = implementation.function(**{name: arguments[name] for name in implementation.argnames})
            if wrapped is not None and not isinstance(wrapped, BackendClass):
                msg = f"plugin {implementation.plugin_name}: pipelex_wrap_backend returned a {type(wrapped).__name__}, not a Backend"
                raise PluginError(msg)
            backend = backend if wrapped is None else wrapped
        return backend

    def commands(self) -> dict[str, tuple[Command, str]]:
        """Every command that plugins add: its name, what it is, and the plugin's name.

        Raises:
            PluginError: A plugin's answer is not a mapping of names to commands, or two plugins add the same name.
        """
        from pipelex_core.commands import Command as CommandClass

        found: dict[str, tuple[Command, str]] = {}
        for implementation in reversed(self._manager.hook.pipelex_commands.get_hookimpls()):
            answer: Any = implementation.function()
            if not isinstance(answer, Mapping):
                msg = f"plugin {implementation.plugin_name}: pipelex_commands must return a mapping, not {answer!r:.80}"
                raise PluginError(msg)
            for name, command in answer.items():
                if not isinstance(command, CommandClass):
                    msg = f"plugin {implementation.plugin_name}: pipelex_commands: '{name}' is not a Command"
                    raise PluginError(msg)
                if name in found:
                    msg = f"the command '{name}' is offered by the plugins {found[name][1]} and {implementation.plugin_name}"
                    raise PluginError(msg)
                found[name] = (command, implementation.plugin_name)
        return found

    def call_finished(self, call: FinishedCall) -> None:
        """Tell every plugin that listens; what a listener raises is logged and goes no further."""
        for implementation in self._manager.hook.pipelex_call_finished.get_hookimpls():
            try:
                implementation.function(call)
            except Exception:  # noqa: BLE001 -- logged, with its traceback
                _log.exception("plugin %s: pipelex_call_finished raised", implementation.plugin_name)

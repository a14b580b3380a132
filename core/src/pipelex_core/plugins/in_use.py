"""The plugins in use: who serves an sdk, which models are shipped, who stands around a call and who hears of its end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pipelex_core.errors import PluginError
from pipelex_core.plugins.first_party import FIRST_PARTY
from pipelex_core.plugins.records import PluginRecord, ShippedSpecs

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pluggy

    from pipelex_core.backend import BackendFactory
    from pipelex_core.calls import FinishedCall
    from pipelex_core.hookspecs import Middleware
    from pipelex_core.plugins.records import Candidate

_log = logging.getLogger("pipelex_core.plugins")


class Plugins:
    """The plugins in use, and those that are not, with their reasons. Read-only once made.

    Attributes:
        records: Every plugin that was found, in the order of their names, and those passed as objects last.
        middlewares: What stands around every call, the outermost first.
    """

    def __init__(self, candidates: Sequence[Candidate], manager: pluggy.PluginManager) -> None:
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
        return self._factories.get(narrowed) or self._factories.get(sdk) or _of_core(sdk)

    def why_missing(self, backend: str, sdk: str) -> str:
        """Why no plugin serves an sdk, and which command brings one."""
        key = f"{backend}:{sdk}" if f"{backend}:{sdk}" in FIRST_PARTY else sdk
        for record in self.records:
            if record.status == "quarantined" and (
                key in record.sdks or (record.distribution and record.distribution == FIRST_PARTY.get(key))
            ):
                return f"the plugin {record.label} is quarantined: {record.reason}"
        distribution = FIRST_PARTY.get(key)
        if distribution:
            return f"no installed plugin serves sdk '{sdk}'; run: pip install {distribution}"
        return f"no installed plugin serves sdk '{sdk}'; installed: {', '.join(sorted(self._factories)) or 'none'}"

    def require(self, backend: str, sdk: str) -> tuple[BackendFactory, PluginRecord]:
        """As `find`, but a missing plugin is a `PluginError` that says what to install."""
        found = self.find(backend, sdk)
        if found is None:
            raise PluginError(self.why_missing(backend, sdk))
        return found

    def call_finished(self, call: FinishedCall) -> None:
        """Tell every plugin that listens; what a listener raises is logged and goes no further."""
        for implementation in self._manager.hook.pipelex_call_finished.get_hookimpls():
            try:
                implementation.function(call)
            except Exception:  # noqa: BLE001 -- logged, with its traceback
                _log.exception("plugin %s: pipelex_call_finished raised", implementation.plugin_name)


def _of_core(sdk: str) -> tuple[BackendFactory, PluginRecord] | None:
    """The one backend that comes with core, which answers by itself."""
    if sdk != "mock":
        return None
    from pipelex_core.mock import MOCK
    from pipelex_core.plugins.core_range import installed_core

    return MOCK, PluginRecord(name="mock", distribution="pipelex-core", version=installed_core(), sdks=("mock",))

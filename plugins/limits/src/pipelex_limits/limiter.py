"""The limits of one client: an admission that lets a request through its backend's gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_core.runtime.forks import after_fork
from pipelex_limits.admitted import Admitted
from pipelex_limits.gate import Gate
from pipelex_limits.place import place_at
from pipelex_limits.shared import SharedGate, Sharing

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from pipelex_core.deck import ModelDeck
    from pipelex_core.execution.attempts import Attempting
    from pipelex_core.plugins import Plugins
    from pipelex_core.shared_limits import SharedLimits
    from pipelex_core.specs import Limits


class Limiter:
    """The gates of a client's backends, shared by all its event loops and threads."""

    def __init__(self, gates: dict[str, Gate], shared: dict[str, SharedGate], place: SharedLimits | None) -> None:
        self._gates = gates
        self._shared = shared
        self._place = place
        after_fork(self)

    def __call__(self, attempting: Attempting) -> AbstractAsyncContextManager[None] | None:
        """What lets this attempt in; None where nothing limits its backend."""
        backend = attempting.spec.backend
        gate = self._gates.get(backend)
        if gate is not None:
            return Admitted(gate, attempting)
        shared = self._shared.get(backend)
        return None if shared is None else shared.admit(attempting)

    async def close(self) -> None:
        """Close what was opened in the running loop."""
        if self._place is not None:
            await self._place.close()

    def forked(self) -> None:
        """In a forked child."""
        for gate in self._gates.values():
            gate.forked()
        for shared in self._shared.values():
            shared.forked()


def limiter_of(deck: ModelDeck, plugins: Plugins) -> Limiter:
    """The limits of a deck's backends and models.

    Raises:
        PluginError: They are to be shared, and no plugin shares them there.
    """
    models: dict[str, dict[str, Limits]] = {}
    for entry in deck.models.values():
        if entry.spec is not None and entry.spec.limits is not None:
            models.setdefault(entry.spec.backend, {})[entry.spec.name] = entry.spec.limits
    limited = {name: config.limits for name, config in deck.backends.items() if config.limits or name in models}
    if deck.limits_url is None:
        return Limiter({name: Gate(name, limits, models.get(name, {})) for name, limits in limited.items()}, {}, None)
    place = place_at(plugins, deck.limits_url)
    sharing = Sharing(place)
    gates = {name: SharedGate(name, limits, models.get(name, {}), sharing) for name, limits in limited.items()}
    return Limiter({}, gates, place)

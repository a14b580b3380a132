"""The backends of a client: made once per (process, event loop, backend, sdk), opened before their first call.

SDK clients belong to the loop they first ran on. A loop's backends are closed with the client, or when the loop ends:
an async generator that lives as long as the loop is closed by `asyncio.run` and its kin before they close the loop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from pipelex_core.errors import PluginError
from pipelex_core.execution.logs import GuardedLogs
from pipelex_core.execution.resources import LoopResources, pools_factory
from pipelex_core.execution.threaded import in_thread
from pipelex_core.runtime.importing import undisturbed, with_room

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Mapping

    from pipelex_core.backend import Backend
    from pipelex_core.plugins import Plugins
    from pipelex_core.specs import BackendConfig, ModelSpec

_log = logging.getLogger("pipelex_core.execution")

_CLOSE_WITHIN = 1.5
"""Seconds that backends may take to close, all at once."""


class LoopBackends:
    """The open backends of one event loop."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.resources = LoopResources()
        self.opened: dict[tuple[str, str], Backend] = {}
        self._guarded: list[GuardedLogs] = []
        self._opening: dict[tuple[str, str], asyncio.Lock] = {}
        self._making: dict[tuple[str, str], asyncio.Future[Backend]] = {}
        self._keeper: AsyncGenerator[None, None] | None = None

    async def open(
        self, key: tuple[str, str], config: BackendConfig, plugins: Plugins, configs: Iterable[BackendConfig] = ()
    ) -> Backend:
        """The backend, opened; calls that come while it opens wait for it."""
        if self._keeper is None:
            self._keeper = self._close_with_loop()
            await anext(self._keeper)
        async with self._opening.setdefault(key, asyncio.Lock()):
            backend = self.opened.get(key)
            if backend is None:
                backend = await self._made(key, partial(_make_and_wrap, config, key[1], plugins, configs))
                try:
                    await backend.open(self.resources)
                except BaseException:
                    await _close(backend)  # what it has opened so far would be nobody's
                    raise
                self.opened[key] = backend
                self._guarded.append(GuardedLogs(backend))
            return backend

    async def _made(self, key: tuple[str, str], make: Callable[[], Backend]) -> Backend:
        """The backend, not opened; one whose first caller gave up meanwhile is the next one's."""
        making = self._making.get(key)
        if making is None:
            if len(asyncio.all_tasks()) == 1:
                return make()  # nobody else is in this loop, not even a clock; a thread costs a twentieth more
            making = self._making[key] = in_thread(partial(_with_its_pool, make))
        try:
            backend = await asyncio.shield(making)
        except asyncio.CancelledError:
            raise
        except RuntimeError:
            backend = make()  # a factory that asks for the running loop; its imports are done
        except BaseException:
            del self._making[key]
            raise
        del self._making[key]
        return backend

    async def close(self) -> None:
        """Close every backend, then what they share."""
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            await keeper.aclose()

    async def _close_with_loop(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            self._keeper = None
            backends, self.opened = list(self.opened.values()), {}
            self._making.clear()  # what was never opened has nothing to close
            await asyncio.gather(*map(_close, backends))
            await self.resources.close()
            for logs in self._guarded:
                logs.release()
            self._guarded.clear()


class Backends:
    """The backends of one client, over all event loops it runs in."""

    def __init__(self, configs: Mapping[str, BackendConfig], plugins: Plugins) -> None:
        self._configs = configs
        self._plugins = plugins
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, LoopBackends] = WeakKeyDictionary()

    async def get(self, spec: ModelSpec) -> tuple[Backend, LoopResources]:
        """The open backend of a model, and what it shares with the others of this loop."""
        loop = asyncio.get_running_loop()
        here = self._loops.get(loop)
        if here is None or here.pid != os.getpid():
            here = self._loops[loop] = LoopBackends()
        key = (spec.backend, spec.sdk)
        backend = here.opened.get(key)
        if backend is None:
            config = self._configs.get(spec.backend)
            if config is None:
                msg = f"model '{spec.name}' belongs to backend '{spec.backend}', which this deck does not have"
                raise PluginError(msg)
            backend = await here.open(key, config, self._plugins, self._configs.values())
        return backend, here.resources

    async def close(self) -> None:
        """Close the backends of the running loop."""
        here = self._loops.pop(asyncio.get_running_loop(), None)
        if here is not None and here.pid == os.getpid():
            await here.close()


async def _close(backend: Backend) -> None:
    """Close a backend, within seconds; one that fails to is logged."""
    try:
        async with asyncio.timeout(_CLOSE_WITHIN):
            await backend.close()
    except Exception as error:  # noqa: BLE001 -- the others must be closed too; the text could hold a key
        _log.warning("backend '%s' failed to close: %s", backend.config.name, type(error).__name__)


def _with_its_pool(make: Callable[[], Backend]) -> Backend:
    """The backend, and what the shared pool is made of, where its SDK can use one: it takes as long to import."""
    backend = make()
    if "httpx2" in sys.modules:
        with suppress(PluginError):
            pools_factory()
    return backend


def _make_and_wrap(config: BackendConfig, sdk: str, plugins: Plugins, configs: Iterable[BackendConfig]) -> Backend:
    """The backend of an sdk, with what plugins wrap it in."""
    backend = _make(config, sdk, plugins)
    if not plugins.wraps_backends:
        return backend
    from pipelex_core.execution.redaction import redacted

    known = tuple(configs)

    def redact(text: str) -> str:
        for each in known:
            text = redacted(text, each)
        return text

    return plugins.wrap_backend(backend, config, sdk, lambda table: _make(table, sdk, plugins), redact)


@with_room  # a factory imports its SDK
def _make(config: BackendConfig, sdk: str, plugins: Plugins) -> Backend:
    from pipelex_core.backend import Backend as BackendClass
    from pipelex_core.execution.redaction import redacted

    factory, plugin = plugins.require(config.name, sdk)
    try:
        with undisturbed():
            backend = factory(config)
    except ImportError as error:
        raise PluginError(f"plugin {plugin.label} cannot import what it needs: {error}") from error
    except TypeError as error:
        msg = f"plugin {plugin.label} cannot make its backend for sdk '{sdk}': {redacted(str(error), config)}"
        raise PluginError(msg) from None
    if not isinstance(backend, BackendClass):
        msg = f"plugin {plugin.label}: the factory of sdk '{sdk}' made a {type(backend).__name__}, not a Backend"
        raise PluginError(msg)
    return backend

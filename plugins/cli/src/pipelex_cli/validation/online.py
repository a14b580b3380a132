"""Asks every enabled backend, free of charge: is it there, does it take the key, does it know the models?

One request a backend, its list of models. A backend that has no such list is not asked anything: a call could cost.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from pipelex_cli.validation.masking import masked
from pipelex_core.backend import ModelLister
from pipelex_core.errors import (
    AuthenticationError,
    CallError,
    ConfigError,
    DeadlineExceededError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    PluginError,
    ProviderConnectionError,
    RateLimitError,
    ServerError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from pipelex_core.config import ReadConfig
    from pipelex_core.execution.backends import Backends
    from pipelex_core.specs import BackendConfig, ModelSpec

AT_ONCE = 4
"""Backends asked at a time."""

SECONDS = 15.0
"""For the answer of one backend, its connection included."""

OPENING = 60.0
"""Seconds for one backend to open: its SDK is imported."""

_DATED = re.compile(r"-(latest|preview|\d{4,8}|\d{4}-\d{2}-\d{2}|v\d+(:\d+)?)$")


async def check_online(
    read: ReadConfig,
    progress: Callable[[int, int, str], None] | None = None,
    *,
    seconds: float = SECONDS,
) -> None:
    """Ask every backend that is on, and report; `progress` is called with how many are done, of how many, and the last one."""
    from pipelex_core.execution.backends import Backends

    deck = read.loaded.deck
    backends = Backends(deck.backends, read.context.plugins)
    free = asyncio.Semaphore(AT_ONCE)
    done = 0

    async def ask(config: BackendConfig, lister: ModelLister | None) -> None:
        nonlocal done
        if lister is not None:
            async with free:
                await _check(config, lister, read, seconds)
        done += 1
        if progress is not None:
            progress(done, len(deck.backends), config.name)

    try:
        # One after the other, and before anybody is asked: importing an SDK takes seconds in which nothing else goes on.
        listers = [(config, await _opened(config, backends, read)) for config in deck.backends.values()]
        await asyncio.gather(*(ask(config, lister) for config, lister in listers))
    finally:
        await backends.close()


def _specs_of(config: BackendConfig, read: ReadConfig) -> list[ModelSpec]:
    entries = read.loaded.deck.models.values()
    return [e.spec for e in entries if e.available and e.spec is not None and e.spec.backend == config.name]


async def _opened(config: BackendConfig, backends: Backends, read: ReadConfig) -> ModelLister | None:
    """The first of a backend's sdks that has a list of models; None where none has, or nothing would call it."""
    by_sdk = {spec.sdk: spec for spec in reversed(_specs_of(config, read))}
    try:
        async with asyncio.timeout(OPENING):
            for spec in by_sdk.values():
                backend, _ = await backends.get(spec)
                if isinstance(backend, ModelLister):
                    return backend
    except Exception as error:  # noqa: BLE001 -- whatever a plugin raises is a finding
        _report(config, error, read)
        return None
    if by_sdk and (config.api_key is not None or config.endpoint is not None):
        message = f"backend '{config.name}' has no list of models: neither its key nor its models can be checked free of charge"
        read.faults.warning("not-checkable", message, config.source)
    return None


async def _check(config: BackendConfig, lister: ModelLister, read: ReadConfig, seconds: float) -> None:
    """Ask one backend for its list, and compare."""
    try:
        async with asyncio.timeout(seconds):
            listed = await lister.list_models()
    except TimeoutError:
        _unreachable(config, f"it did not answer within {seconds:g} s", read)
    except Exception as error:  # noqa: BLE001 -- as above
        _report(config, error, read)
    else:
        if lister.lists_ids:
            _compare(config, _specs_of(config, read), listed, read)


def _report(config: BackendConfig, error: Exception, read: ReadConfig) -> None:
    faults, name = read.faults, config.name
    if isinstance(error, (CallError, PluginError)):
        reported = error.message if isinstance(error, CallError) else str(error)
    else:
        reported = f"its plugin raised {type(error).__name__}"  # whose text may hold anything
    if isinstance(error, (ProviderConnectionError, DeadlineExceededError)):
        _unreachable(config, reported, read)
    elif isinstance(error, AuthenticationError):
        which = (
            f"{config.api_key_variable} of backend '{name}'"
            if config.api_key_variable
            else f"the key of backend '{name}'"
        )
        mend = f"set {config.api_key_variable} to a valid key" if config.api_key_variable else "write a valid key"
        message = f"the provider does not accept {which}: {reported}"
        faults.error(ConfigError, "key-refused", message, config.source.child("api_key"), suggestion=mend)
    elif isinstance(error, PermissionDeniedError):
        message = f"the provider does not let this key of backend '{name}' list models: {reported}"
        faults.warning("not-checkable", message, config.source.child("api_key"))
    elif isinstance(error, NotFoundError):
        message = f"the endpoint of backend '{name}' answers, and has no list of models: {reported}"
        mend = "check its endpoint: many end in /v1"
        faults.warning("not-checkable", message, config.source.child("endpoint"), suggestion=mend)
    elif isinstance(error, (RateLimitError, OverloadedError, ServerError)):
        message = f"the provider of backend '{name}' fails at the moment: {reported}"
        faults.warning("check-failed", message, config.source, suggestion="try again later")
    else:
        message = f"what answers for backend '{name}' gives no list of models: {reported}"
        faults.error(ConfigError, "check-failed", message, config.source.child("endpoint"))


def _unreachable(config: BackendConfig, why: str, read: ReadConfig) -> None:
    where = masked(config.endpoint) if config.endpoint else "its provider's own address"
    message = f"backend '{config.name}' cannot be reached at {where}: {why}"
    mend = f"check the endpoint and the network, or set enabled = false for '{config.name}'"
    source = config.source.child("endpoint")
    read.faults.error(ConfigError, "endpoint-unreachable", message, source, suggestion=mend)


def _compare(config: BackendConfig, specs: list[ModelSpec], listed: Collection[str], read: ReadConfig) -> None:
    """Report the ids that the provider does not list; where it lists none of several, it names them in another way."""
    known = set(listed) | {_DATED.sub("", model_id) for model_id in listed}
    lacking = [spec for spec in specs if not _is_known(spec.model_id, known)]
    if len(lacking) > 3 and len(lacking) == len(specs):
        message = f"backend '{config.name}' lists {len(listed)} models, and none of the {len(specs)} configured ids"
        read.faults.warning("not-checkable", message, config.source)
        return
    for spec in lacking:
        message = (
            f"the provider of backend '{config.name}' does not list '{spec.model_id}', the id of model '{spec.name}'"
        )
        source = spec.source.child("model_id") if spec.source.file else config.source
        read.faults.error(ConfigError, "model-unknown-to-provider", message, source, near=(spec.model_id, listed))


def _is_known(model_id: str, known: Collection[str]) -> bool:
    """Whether an id is listed: as it is, without its date or `-latest`, without a variant (`:free`) or a folder."""
    forms = {model_id, _DATED.sub("", model_id), model_id.partition(":")[0], model_id.rpartition("/")[2]}
    return not forms.isdisjoint(known)

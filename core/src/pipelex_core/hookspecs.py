"""The hooks. All are plain functions that return quickly; every plugin's answer counts (none is `firstresult`).

A hook declares; a call to a provider never travels through pluggy: `firstresult` would stop at a coroutine object,
and a hook wrapper does not see an error raised when that is awaited later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, overload

import pluggy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
    from importlib.resources.abc import Traversable

    from pipelex_core.backend import Backend, BackendFactory
    from pipelex_core.calls import Call, FinishedCall
    from pipelex_core.capabilities import Capabilities, Capability
    from pipelex_core.checks import CheckedConfig, Finding
    from pipelex_core.commands import Command
    from pipelex_core.orders import Order
    from pipelex_core.parts import Tool, ToolCall
    from pipelex_core.results import Answer
    from pipelex_core.shared_limits import SharedLimits
    from pipelex_core.specs import BackendConfig, Secret
    from pipelex_core.tools import ToolSource

    Proceed: TypeAlias = Callable[[Call], Awaitable[Answer]]
    SecretReader: TypeAlias = Callable[[str], str | None]
    Check: TypeAlias = Callable[[CheckedConfig], Iterable[Finding]]
    Middleware: TypeAlias = Callable[[Call, Proceed], Awaitable[Answer]]
    ToolMiddleware: TypeAlias = Callable[[ToolCall, Tool, Callable[[], Awaitable[Any]]], Awaitable[Any]]

F = TypeVar("F", bound="Callable[..., Any]")

PROJECT = "pipelex"
ENTRY_POINT_GROUP = "pipelex_core.plugins"

_hookspec = pluggy.HookspecMarker(PROJECT)
_hookimpl = pluggy.HookimplMarker(PROJECT)


@overload
def hookimpl(function: F) -> F: ...


@overload
def hookimpl(*, tryfirst: bool = ..., trylast: bool = ..., optionalhook: bool = ...) -> Callable[[F], F]: ...


def hookimpl(
    function: F | None = None, *, tryfirst: bool = False, trylast: bool = False, optionalhook: bool = False
) -> F | Callable[[F], F]:
    """Mark a function of a plugin's module as the implementation of the hook whose name it has.

    Args:
        function: The function, where it is marked without options: `@hookimpl`.
        tryfirst: Whether it comes before the other plugins': the outermost middleware, the outermost wrapper.
        trylast: Whether it comes after them. Otherwise plugins come in the order of their names.
        optionalhook: Whether the plugin goes without it where core does not know the hook: for a hook that a later
            version of core has. Without it, a plugin with an unknown hook is quarantined.

    Example:
        >>> @hookimpl(tryfirst=True)
        ... def pipelex_middleware():
        ...     return []
        >>> @hookimpl(optionalhook=True)
        ... def pipelex_hook_of_a_later_core():
        ...     return None
    """
    mark = _hookimpl(tryfirst=tryfirst, trylast=trylast, optionalhook=optionalhook)
    return mark if function is None else mark(function)


@_hookspec
def pipelex_backends() -> Mapping[str, BackendFactory | Callable[[BackendConfig], Backend]]:
    """The backends of a plugin, keyed by the `sdk` that model specs name.

    A key may be narrowed to one backend, `"vertexai:openai"`: it then serves sdk `openai` of the backend `vertexai`
    only, and wins there. Two plugins that offer the same key are both quarantined, with an error that names both.

    Example:
        >>> from pipelex_core.backend import BackendFactory, Option
        >>> from pipelex_core.hookspecs import hookimpl
        >>> def create(config):
        ...     from acme_pipelex._backend import AcmeBackend   # the SDK is imported here, not before
        ...     return AcmeBackend(config)
        >>> @hookimpl
        ... def pipelex_backends():
        ...     return {"acme": BackendFactory(create, options=(Option(name="region", help="Where it runs."),))}
        >>> list(pipelex_backends())
        ['acme']
    """
    raise AssertionError  # a specification, never called


@_hookspec
def pipelex_model_specs() -> Mapping[str, Traversable]:
    """The models a plugin ships: a TOML file per backend.

    Each file has the form of `.pipelex/inference/backends/<backend>.toml`, and a `[backend]` table with the defaults
    of its table in backends.toml. Installing the plugin is enough to use them; the project's own file wins model by
    model, key by key.

    Example:
        >>> from importlib.resources import files
        >>> from pipelex_core.hookspecs import hookimpl
        >>> @hookimpl
        ... def pipelex_model_specs():
        ...     return {"acme": files("pipelex_core").joinpath("acme.toml")}
        >>> list(pipelex_model_specs())
        ['acme']
    """
    raise AssertionError  # a specification, never called


@_hookspec
def pipelex_middleware() -> Sequence[Middleware]:
    """Wrap every attempt of a call: tracing, caching, budgets, guards; the first is the outermost.

    Composed once, when a client opens. Errors and cancellation pass through a middleware as through any function. It may
    change everything about a request but its `spec`: which model is asked is the handle's decision, and budgets, limits and
    the ledger go by it. One that changes it ends the attempt with a `PluginError`.

    Example:
        >>> import attrs
        >>> from pipelex_core.hookspecs import hookimpl
        >>> async def be_brief(call, proceed):
        ...     if call.capability == "llm":
        ...         call = attrs.evolve(call, request=attrs.evolve(call.request, system="Be brief."))
        ...     return await proceed(call)
        >>> @hookimpl
        ... def pipelex_middleware():
        ...     return [be_brief]
        >>> len(pipelex_middleware())
        1
    """
    raise AssertionError  # a specification, never called


@_hookspec
def pipelex_call_finished(call: FinishedCall) -> None:
    """Hears of every call that ended, well or badly, with its ledger. What it raises is logged and goes no further.

    Example:
        >>> from pipelex_core.hookspecs import hookimpl
        >>> from pipelex_core.calls import FinishedCall
        >>> calls = []
        >>> @hookimpl
        ... def pipelex_call_finished(call):
        ...     calls.append(call.handle)
        >>> pipelex_call_finished(FinishedCall(operation="extract", capability="extract", handle="ocr", attempts=()))
        >>> calls
        ['ocr']
    """
    raise AssertionError  # a specification, never called


@_hookspec
def pipelex_capabilities() -> Sequence[Capability]:
    """Add kinds of calls: a record each, and with it a section of the deck, settings, `client.call` and `pipelex call`.

    A plugin whose capability has a name, a model type or an operation that another one has is quarantined. The backends
    that do it are classes with the abstract class that its operation `needs`; see "Add a capability" in the documentation.

    Example:
        >>> from attrs import frozen
        >>> from pipelex_core.backend import Backend
        >>> from pipelex_core.capabilities import Capability, Operation
        >>> from pipelex_core.estimates import Expectation, tokens_of
        >>> from pipelex_core.hookspecs import hookimpl
        >>> from pipelex_core.results import NO_USAGE, Result, Usage
        >>> from pipelex_core.specs import ModelSpec
        >>> class Shouter(Backend):
        ...     async def shout(self, request): ...
        >>> @frozen(kw_only=True)
        ... class ShoutRequest:
        ...     spec: ModelSpec
        ...     text: str
        ...     timeout: float | None = None
        >>> @frozen(kw_only=True)
        ... class ShoutAnswer:
        ...     text: str
        ...     usage: Usage = NO_USAGE
        ...     request_id: str | None = None
        ...     raw: object = None
        ...     cache: str | None = None
        >>> @frozen(kw_only=True)
        ... class ShoutResult(Result):
        ...     text: str
        >>> @hookimpl
        ... def pipelex_capabilities():
        ...     return [
        ...         Capability(
        ...             name="shout",
        ...             model_types=("shouter",),
        ...             noun="shouting",
        ...             operations=(Operation(name="shout", needs=Shouter, answer=ShoutAnswer, result=ShoutResult),),
        ...             read=str,
        ...             build=lambda text, spec, settings, timeout: ShoutRequest(spec=spec, text=text, timeout=timeout),
        ...             expect=lambda request: Expectation(input_tokens=tokens_of(request.text)),
        ...             sample=lambda spec: "hello",
        ...         )
        ...     ]
        >>> pipelex_capabilities()[0].section_keys[:2]
        ('presets', 'choice_default')
    """
    raise AssertionError  # a specification, never called


@_hookspec
def pipelex_commands() -> Mapping[str, Command]:
    """Add commands to the command line `pipelex`: the name of each, and where its function is.

    Called when the command line needs the commands of plugins; nothing is imported before a command runs. A name of two
    words, such as `batch run`, is a command of a group. A plugin that adds a name which the command line or another plugin has already is quarantined.

    Example:
        >>> from pipelex_core.commands import Command
        >>> from pipelex_core.hookspecs import hookimpl
        >>> @hookimpl
        ... def pipelex_commands():
        ...     return {"shout": Command("acme_pipelex._shout:shout", help="Answer in capitals.")}
        >>> pipelex_commands()["shout"].help
        'Answer in capitals.'
    """
    raise AssertionError  # a specification, never called


@_hookspec
def pipelex_wrap_backend(  # noqa: PLR0917 -- pluggy passes them by name
    backend: Backend,
    config: BackendConfig,
    sdk: str,
    make: Callable[[BackendConfig], Backend],
    redact: Callable[[str], str],
    capabilities: Capabilities,
) -> Backend | None:
    """Wrap a backend when it is made, before it opens: recording, replay, whatever belongs between core and a provider.

    Args:
        backend: The backend, not opened; or what the plugins that come later made of it: the first is the outermost.
        config: Its table.
        sdk: What its models name.
        make: Make another backend of the same sdk for another table.
        redact: A text without the secrets of the configuration.
        capabilities: What there is to call: the methods that the backend may have.

    Returns:
        What is used instead of it, with the same capabilities; None to leave it as it is.

    Example:
        >>> from pipelex_core.hookspecs import hookimpl
        >>> @hookimpl
        ... def pipelex_wrap_backend(backend, config):
        ...     return None
    """
    raise AssertionError  # a specification, never called


@_hookspec
def pipelex_limiter(url: Secret) -> SharedLimits | None:
    """Share limits at an address, the `limits_url` of backends.toml: one place where several processes count.

    Called when a configuration is read, and when a client opens. What it returns opens nothing before its first request.

    Args:
        url: The address. It may hold a password, so no error and no log shows it.

    Returns:
        The limits there; None for an address of a scheme that the plugin does not serve.

    Example:
        >>> from pipelex_core.hookspecs import hookimpl
        >>> from pipelex_core.shared_limits import Entered, SharedLimits
        >>> class Unlimited(SharedLimits):
        ...     async def enter(self, request):
        ...         return Entered()
        ...     def leave(self, request, entered, *, sent, tokens):
        ...         pass
        >>> @hookimpl
        ... def pipelex_limiter(url):
        ...     return Unlimited() if url.reveal().startswith("acme://") else None
        >>> from pipelex_core.specs import Secret
        >>> pipelex_limiter(Secret("redis://localhost"))
    """
    raise AssertionError  # a specification, never called


@_hookspec
def pipelex_secrets() -> Mapping[str, SecretReader]:
    """Read secrets from elsewhere: a scheme, and the function that reads `${scheme:NAME}` of the configuration.

    The function gets the name, and returns the secret, or None where there is none of that name. It is called when the
    configuration of an enabled backend is read, in a thread of its own, for ten seconds at most, and once a name. What it
    returns is kept out of errors, logs and every `repr`, as a key is.

    Example:
        >>> from pipelex_core.hookspecs import hookimpl
        >>> def read(name):
        ...     return {"openai": "sk-0123456789"}.get(name)   # a vault would be asked here
        >>> @hookimpl
        ... def pipelex_secrets():
        ...     return {"vault": read}
        >>> pipelex_secrets()["vault"]("openai")
        'sk-0123456789'
    """
    raise AssertionError  # a specification, never called


@_hookspec
def pipelex_checks() -> Sequence[Check]:
    """Check a configuration further: functions that `pipelex validate` calls with what it read.

    Each gets a `CheckedConfig` and returns its findings. They are called by `validate` alone, and stop no load; one that
    raises is a finding itself, which names the plugin.

    Example:
        >>> from pipelex_core.checks import Finding
        >>> from pipelex_core.hookspecs import hookimpl
        >>> def is_in_europe(config):
        ...     for backend in config.deck.backends.values():
        ...         if backend.options.get("region", "eu") != "eu":
        ...             yield Finding(message="data leaves Europe", source=backend.source.child("region"))
        >>> @hookimpl
        ... def pipelex_checks():
        ...     return [is_in_europe]
        >>> from pathlib import Path
        >>> from pipelex_core.checks import CheckedConfig
        >>> from pipelex_core.deck import ModelDeck
        >>> from pipelex_core.specs import BackendConfig
        >>> deck = ModelDeck(models={}, backends={"acme": BackendConfig(name="acme", options={"region": "us"})})
        >>> [found.message for check in pipelex_checks() for found in check(CheckedConfig(deck=deck, folder=Path()))]
        ['data leaves Europe']
    """
    raise AssertionError  # a specification, never called


@_hookspec
def pipelex_orders() -> Mapping[str, Callable[[], Order]]:
    """Order the members of chains: the name that `order` of an alias may have, and a function that makes the order.

    The order is made when a client opens; it gets the members of a call's chain as `Standing`s, and returns each of them
    once, in the order in which they are asked. It is a plain function that returns quickly.

    Example:
        >>> from pipelex_core.hookspecs import hookimpl
        >>> def alphabetical():
        ...     return lambda members: sorted(members, key=lambda member: member.spec.name)
        >>> @hookimpl
        ... def pipelex_orders():
        ...     return {"alphabetical": alphabetical}
        >>> pipelex_orders()["alphabetical"]()([])
        []
    """
    raise AssertionError  # a specification, never called


@_hookspec
def pipelex_tools() -> Mapping[str, Callable[[str], ToolSource]]:
    """Bring tools from elsewhere: a scheme, and a function that makes a source of what follows `scheme:`.

    `client.run(…, tools=["acme:weather"])` and `pipelex run --tool acme:weather` call the function with `weather`. It
    starts nothing: the source is opened when the run begins, and closed when it ends.

    Example:
        >>> from contextlib import asynccontextmanager
        >>> from pipelex_core.hookspecs import hookimpl
        >>> from pipelex_core.parts import Tool
        >>> from pipelex_core.tools import RunnableTool, ToolSource
        >>> class Clock(ToolSource):
        ...     def __init__(self, zone):
        ...         self.zone = zone
        ...     @asynccontextmanager
        ...     async def open(self):
        ...         yield [RunnableTool(tool=Tool(name="now", description="The time."), call=self.now)]
        ...     async def now(self, arguments):
        ...         return {"time": "12:00", "zone": self.zone}
        >>> @hookimpl
        ... def pipelex_tools():
        ...     return {"clock": Clock}
        >>> pipelex_tools()["clock"]("UTC").zone
        'UTC'
    """
    raise AssertionError  # a specification, never called


@_hookspec
def pipelex_tool_middleware() -> Sequence[ToolMiddleware]:
    """Bring functions around every tool that `client.run` runs, such as one that measures it.

    Each gets what the model asks for, the tool, and a function that runs it: to be awaited once, and its value returned. What it
    raises is what the model reads. The first of the first plugin is the outermost.

    Example:
        >>> import asyncio
        >>> from pipelex_core.hookspecs import hookimpl
        >>> from pipelex_core.parts import Tool, ToolCall
        >>> names = []
        >>> async def note(call, tool, proceed):
        ...     names.append(call.name)
        ...     return await proceed()
        >>> @hookimpl
        ... def pipelex_tool_middleware():
        ...     return [note]
        >>> (around,) = pipelex_tool_middleware()
        >>> async def three():
        ...     return 3
        >>> asyncio.run(around(ToolCall(id="1", name="add", arguments={}), Tool(name="add"), three)), names
        (3, ['add'])
    """
    raise AssertionError  # a specification, never called

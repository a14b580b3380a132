"""One attempt: a member's request goes through the middlewares and the admission to its plugin, and into the ledger."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pipelex_core.errors import (
    BadRequestError,
    CallError,
    ContextTooLongError,
    InvalidAnswerError,
    PipelexError,
    PluginError,
    UnsupportedInputError,
)
from pipelex_core.execution.clocks import Silence, within
from pipelex_core.execution.fetching import fetched
from pipelex_core.execution.plan import Plan, fell_silent, out_of_time
from pipelex_core.execution.redaction import redact_error, redacted, sealed, without_key
from pipelex_core.results import NO_USAGE
from pipelex_core.sending import sending

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping
    from contextlib import AbstractAsyncContextManager

    from pipelex_core.backend import Backend
    from pipelex_core.calls import Call
    from pipelex_core.deck import ChainMember
    from pipelex_core.execution.admission import Admission
    from pipelex_core.execution.attempts import Attempting, Ledger
    from pipelex_core.execution.backends import Backends
    from pipelex_core.hookspecs import Middleware, Proceed
    from pipelex_core.plugins import Plugins
    from pipelex_core.requests import Request
    from pipelex_core.specs import BackendConfig, ModelSpec

_TOO_LONG_STATUSES = frozenset({400, 413, 422})


class Asking:
    """Asks members for a whole answer; what it holds is decided when the client is made."""

    def __init__(
        self,
        backends: Backends,
        configs: Mapping[str, BackendConfig],
        plugins: Plugins,
        admission: Admission,
    ) -> None:
        self.backends = backends
        self.configs = configs
        self.plugins = plugins
        self.admission = admission
        self._shown: dict[str, Mapping[str, Any]] = {}

    async def ask(self, plan: Plan, member: ChainMember, ledger: Ledger) -> Any:
        """One answer of one member.

        Raises:
            CallError: What went wrong, with the ledger so far.
            PluginError: The plugin broke its contract.
        """
        spec, call, backend = await self.prepare(plan, member, ledger)
        operation = plan.operation
        attempting = ledger.begin(spec, plan, self.configs[spec.backend])
        try:
            method = getattr(backend, operation.name)
            if self.plugins.middlewares:
                answering = self.around(partial(self._send, method, attempting), spec)(call)
            else:
                answering = self._send(method, attempting, call)
            del call  # a thousand calls under way hold no more than they need
            answer = await answering
            if not isinstance(answer, operation.answer):
                raise wrong_answer(spec, answer)  # noqa: TRY301 -- written down below, as the others
        except CallError as error:
            raise self.failed(error, attempting, ledger) from error.__cause__
        except asyncio.CancelledError:
            ledger.write(attempting, "cancelled")
            raise
        except Exception as error:
            ledger.write(attempting, "error", error)
            raise
        attempting.answered(answer)
        ledger.write(attempting, "ok")
        return answer

    async def prepare(self, plan: Plan, member: ChainMember, ledger: Ledger) -> tuple[ModelSpec, Call, Backend]:
        """The request of a member, and the backend to ask; what the model does not take is refused here, unpaid.

        Raises:
            CallError: The model does not take the request, or the caller's time is over.
            PluginError: The plugin is missing, or cannot open its backend.
        """
        spec = member.entry.spec
        assert spec is not None  # noqa: S101 -- only available members are in a plan
        config = self.configs[spec.backend]
        try:
            request, backend = await self._ready(plan, spec, member.settings)
        except CallError as error:
            redact_error(error, config)
            raise ledger.close(error, spec) from error.__cause__
        except PipelexError:
            raise
        except Exception as error:  # noqa: BLE001 -- what a plugin does to open its backend may raise anything
            raise broken(error, spec, config) from None
        return spec, plan.call(request, self._shown_of(config), len(ledger.attempts) + 1), backend

    def _shown_of(self, config: BackendConfig) -> Mapping[str, Any]:
        """What the calls of a backend show middlewares of it; made once, and held by each call under way."""
        shown = self._shown.get(config.name)
        if shown is None:
            shown = self._shown[config.name] = {
                "endpoint": config.endpoint,
                "options": MappingProxyType(config.open_options),
                "redact": partial(redacted, config=config),
                "seal": partial(sealed, config=config),
            }
        return shown

    async def _ready(self, plan: Plan, spec: ModelSpec, settings: Mapping[str, Any]) -> tuple[Request, Backend]:
        remaining = None if plan.terms.ends_at is None else plan.terms.ends_at - time.monotonic()
        if remaining is not None and remaining <= 0:
            raise out_of_time()
        request = plan.build(spec, settings, remaining)
        backend, resources = await self.backends.get(spec)
        if not isinstance(backend, plan.operation.needs):
            msg = f"sdk '{spec.sdk}' of backend '{spec.backend}' has no {plan.operation.needs.__name__}"
            raise UnsupportedInputError(msg)
        refuse = plan.operation.refuse
        if refuse is not None and (reason := refuse(request, backend)) is not None:
            raise UnsupportedInputError(reason)
        fetch = plan.capability.fetch
        if fetch is not None and not backend.fetches_urls:
            request = await fetch(request, partial(fetched, resources, self.configs[spec.backend]))
        return request, backend

    def around(self, innermost: Proceed, spec: ModelSpec) -> Proceed:
        """The middlewares around a request to a model; the first is the outermost."""
        proceed = innermost
        plugins = self.plugins
        for middleware, owner in zip(reversed(plugins.middlewares), reversed(plugins.middleware_owners), strict=True):
            proceed = partial(_around, middleware, partial(_same_model, proceed, spec, owner))
        return proceed

    def failed(self, error: CallError, attempting: Attempting, ledger: Ledger) -> CallError:
        """The error as the caller gets it, its attempt in the ledger."""
        spec = attempting.spec
        redact_error(error, self.configs[spec.backend])
        error = _named_by_size(error, attempting)
        attempting.failed(error)
        ledger.write(attempting, "error", error)
        return ledger.close(error, spec)

    def _send(self, method: Any, attempting: Attempting, call: Call) -> Awaitable[Any]:
        """The plugin's answer, once the request is let in."""
        attempting.request = call.request
        admitted = self.admission(attempting)
        return self._answer(method, attempting) if admitted is None else self._let_in(admitted, method, attempting)

    async def _let_in(self, admitted: AbstractAsyncContextManager[Any], method: Any, attempting: Attempting) -> Any:
        async with admitted:
            return await self._answer(method, attempting)

    async def _answer(self, method: Any, attempting: Attempting) -> Any:
        """The plugin's answer; any foreign error becomes one of ours."""
        attempting.sent = True
        token = sending.set(attempting.sending)
        try:
            answering = method(attempting.request)
            if (seconds := attempting.idle_timeout) is not None:
                answering = within(Silence(seconds, partial(fell_silent, seconds)), answering)
            answer = await answering
        except CallError as raised:
            error = attempting.sending.fault or raised
            if attempting.capability.once:
                error.unsettled = attempting.sending.may_be_taken(error)
            attempting.failed(error)
            raise error from raised.__cause__
        except PipelexError:
            raise
        except Exception as error:  # noqa: BLE001 -- a plugin may raise anything; callers see our errors only
            spec = attempting.spec
            raise broken(error, spec, self.configs[spec.backend]) from None
        finally:
            sending.reset(token)
        answer = without_key(answer, self.configs[attempting.spec.backend])
        attempting.answered(answer)
        return answer


def _same_model(proceed: Proceed, spec: ModelSpec, owner: str, call: Call) -> Awaitable[Any]:
    """Go on, unless a middleware asks another model than the one whose turn it is."""
    changed = call.request.spec
    if changed is not spec and changed != spec:
        raise PluginError(
            f"plugin {owner}: its middleware changed request.spec, from model '{spec.name}' at '{spec.backend}' to "
            f"'{changed.name}' at '{changed.backend}': which model is asked is the handle's decision"
        )
    return proceed(call)


def _around(middleware: Middleware, proceed: Proceed, call: Call) -> Awaitable[Any]:
    return middleware(call, proceed)


def broken(error: Exception, spec: ModelSpec, config: BackendConfig) -> PluginError | CallError:
    """The error of a plugin that raised something else than a `CallError`; an answer may be nested too deeply for it."""
    if isinstance(error, RecursionError):
        return InvalidAnswerError("the answer is nested too deeply to be read", usage=NO_USAGE)
    return PluginError(f"sdk '{spec.sdk}' raised {_shown(error, config)}")


def failed_to_close(error: Exception, spec: ModelSpec, config: BackendConfig) -> PluginError:
    """The error of a middleware that raised something else than a `CallError` while a stream was closed."""
    return PluginError(
        f"a stream of model '{spec.name}' of backend '{spec.backend}' failed to close: a middleware raised "
        f"{_shown(error, config)}"
    )


def _shown(error: Exception, config: BackendConfig) -> str:
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" at {place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else ""
    return f"{type(error).__name__}{where}, which is not a CallError: {redacted(str(error), config)}"


def wrong_answer(spec: ModelSpec, answer: object) -> PluginError:
    """A plugin gave something else than an answer."""
    msg = f"sdk '{spec.sdk}' ended with {type(answer).__name__} where an answer was due"
    return PluginError(msg)


def _named_by_size(error: CallError, attempting: Attempting) -> CallError:
    """The error; of a bad request that likely has as many tokens as its model's `context_window`, a `ContextTooLongError`.

    Anthropic, Google and Bedrock answer such a request as any other bad one. Their words are not searched: the status and
    the size of the request tell.
    """
    request, window = attempting.request, attempting.spec.context_window
    if (
        request is None
        or window is None
        or type(error) is not BadRequestError
        or attempting.capability.gather is not None  # of a request with several inputs, the size says nothing of each
        or error.status not in _TOO_LONG_STATUSES
        or error.partial_text
    ):
        return error
    try:
        tokens = attempting.capability.expect(request).input_tokens
    except PluginError:  # without what guesses, it is a bad request as any other
        return error
    if tokens is None or tokens.likely < window:
        return error
    made = ContextTooLongError(
        error.message,
        status=error.status,
        request_id=error.request_id,
        retry_after=error.retry_after,
        raw=error.raw,
        unsettled=error.unsettled,
        usage=error.usage,
    )
    made.__cause__ = error.__cause__
    return made

"""Every error this library raises.

PipelexError
├── ConfigError                       faults in the configuration, all of them, in `.problems`
│   ├── ModelDeckNotFoundError        the folder or a file of the deck is missing
│   ├── ModelsManagerError            a fault in backends, model specs or routes
│   ├── HandleNotFoundError           a model or alias that exists nowhere …
│   │   ├── LLMHandleNotFoundError
│   │   ├── ExtractHandleNotFoundError
│   │   └── ImgGenHandleNotFoundError
│   └── PresetNotFoundError           a preset that does not exist …
│       ├── LLMPresetNotFoundError
│       ├── ExtractPresetNotFoundError
│       └── ImgGenPresetNotFoundError
├── PluginError                       a plugin is missing, quarantined, or broke its contract
├── ToolFailedError                   what a tool raises that `client.run` runs; the model reads it, and the run goes on
├── PlainDataError                    a mapping that `from_dict` cannot read, all its faults in `.faults`; a ValueError too
└── CallError                         a call that was made, or could not be made
    ├── AuthenticationError           401: the key is wrong or missing
    ├── PermissionDeniedError         402, 403: the key may not do this
    ├── NotFoundError                 404: the provider does not know the model
    ├── BadRequestError               400, 409, 422: the request is wrong
    │   ├── ContextTooLongError       more input than the model takes
    │   └── UnsupportedInputError     an input or setting this model does not take
    ├── ContentFilterError            the provider refused the content
    ├── RateLimitError                429, with `retry_after` in seconds
    │   └── LimitReachedError         a limit of the configuration is full for too long; nothing was sent
    ├── BudgetExceededError           the budget does not reach; nothing was sent
    ├── OverloadedError               529, 503: the provider has no capacity now
    ├── ServerError                   any other 5xx
    ├── ProviderConnectionError       no connection, or it broke; `partial_text` in a stream
    │   └── IdleTimeoutError          the provider was silent for as long as `idle_timeout`
    ├── DeadlineExceededError         the caller's time is over
    ├── InvalidAnswerError            an unusable answer, or one of another type; `raw`
    ├── TurnLimitError                a run had all its turns, and the model still asks for tools; see `messages`
    └── AllAttemptsFailedError        every member of a chain failed; see `attempts`
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from attrs import frozen

from pipelex_core.faults import PipelexError as PipelexError  # noqa: PLC0414 -- both belong to the tree above
from pipelex_core.faults import PlainDataError as PlainDataError  # noqa: PLC0414
from pipelex_core.ledger import Cost, Usage, total_cost, total_usage
from pipelex_core.plain import Plain

if TYPE_CHECKING:
    from collections.abc import Sequence


Severity = Literal["error", "warning"]


@frozen(kw_only=True)
class Problem(Plain):
    """One fault found in a configuration, and where.

    Attributes:
        severity: `"error"` stops the load, `"warning"` does not.
        code: A stable kebab-case word, such as `unknown-key`.
        message: What is wrong, in a sentence.
        file: The file, or None where no file is concerned.
        line: 1-based line in that file, or None.
        column: 1-based column, or None.
        key: The dotted key, such as `llm.presets.cheap.temperature`.
        expected: What would have been right.
        suggestion: The nearest valid name, or the command or line that mends it.
    """

    severity: Severity = "error"
    code: str
    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    key: str | None = None
    expected: str | None = None
    suggestion: str | None = None

    def __str__(self) -> str:
        """`file:line:column: message [code]`, then what was expected and what to write."""
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        text = f"{place}: " if place else ""
        if self.key and f"'{self.key}'" not in self.message:
            text += f"{self.key}: "
        text += f"{self.message} [{self.code}]"
        if self.expected:
            text += f"\n    expected: {self.expected}"
        if self.suggestion:
            text += f"\n    help: {self.suggestion}"
        return text


class ConfigError(PipelexError):
    """The configuration has faults; `problems` holds all of them, not the first.

    Attributes:
        problems: Every fault found in one load, errors before warnings.
    """

    def __init__(self, message: str = "", problems: Sequence[Problem] = ()) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        if not message:
            errors = sum(problem.severity == "error" for problem in self.problems)
            warnings = len(self.problems) - errors
            message = f"{errors} fault{'' if errors == 1 else 's'} in the configuration"
            if warnings:
                message += f", and {warnings} warning{'' if warnings == 1 else 's'}"
        super().__init__(message, self.problems)

    def __str__(self) -> str:
        """The message, then one paragraph a fault."""
        message = str(self.args[0])
        listed = [str(problem) for problem in self.problems]
        if len(self.problems) == 1 and self.problems[0].message in message:
            return listed[0]
        return "\n".join([message, *listed])


class ModelDeckNotFoundError(ConfigError):
    """The configuration folder, or a file the deck needs, is missing."""


class ModelsManagerError(ConfigError):
    """A fault in managing models: backends, model specs or routes."""


class HandleNotFoundError(ConfigError):
    """A handle names a model or alias that exists nowhere; LLMs, extraction and images have classes of their own."""


class LLMHandleNotFoundError(HandleNotFoundError):
    """An LLM handle names a model or alias that exists nowhere."""


class ExtractHandleNotFoundError(HandleNotFoundError):
    """An extraction handle names a model or alias that exists nowhere."""


class ImgGenHandleNotFoundError(HandleNotFoundError):
    """An image-generation handle names a model or alias that exists nowhere."""


class PresetNotFoundError(ConfigError):
    """A preset that does not exist; LLMs, extraction and images have classes of their own."""


class LLMPresetNotFoundError(PresetNotFoundError):
    """An LLM preset that does not exist."""


class ExtractPresetNotFoundError(PresetNotFoundError):
    """An extraction preset that does not exist."""


class ImgGenPresetNotFoundError(PresetNotFoundError):
    """An image-generation preset that does not exist."""


class PluginError(PipelexError):
    """A plugin is missing, was quarantined, or broke its contract.

    Attributes:
        attempts: The ledger of the call it ended, one `Attempt` a try; empty where it ended none.
        messages: The conversation so far of a run that it ended, one `Message` each; empty where it ended none.
    """

    attempts: tuple[Any, ...] = ()
    messages: tuple[Any, ...] = ()


class ToolFailedError(PipelexError):
    """What a tool raises where it cannot do what it was asked; its message is what the model reads, and no more than that."""


class CallError(PipelexError):
    """A call to a provider that failed, or could not be made.

    Plugins raise subclasses with the provider's own words; the execution layer adds `backend`, `model` and `attempts`.

    Attributes:
        message: What happened, and what to do about it; never holds a key.
        backend: Name of the backend, as in backends.toml.
        model: Name of the model, as in its spec.
        status: HTTP status of the answer, or None.
        request_id: The provider's id of the request, or None.
        attempts: The ledger of the call, one `Attempt` a try.
        retry_after: Seconds the provider asked to wait, or None.
        partial_text: What a stream had given before it broke, or None.
        raw: The answer as it came, where there is one to keep.
        unsettled: Whether the provider may have taken the request, or done the work, all the same: sending it again
            could be paid twice.
        never_sent: Whether the plugin knows that no byte of the request reached the provider, with connections of its own:
            the pool of core knows of its own requests.
        usage: What the provider reported to have used all the same, a `Usage`; an empty one where it may have used
            something and did not say; or None.
        partial: What a call of several requests had got, and paid for, before one of them failed, such as
            `PartialVectors`: give it to the next call as `resume`; or None.
        messages: The conversation so far of a `client.run` that ended with the error, one `Message` each: what was paid
            for, to go on with; empty for any other call.
    """

    hint: ClassVar[str] = ""
    messages: tuple[Any, ...] = ()
    never_sent: bool = False

    def __init__(
        self,
        message: str = "",
        *,
        backend: str | None = None,
        model: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        attempts: Sequence[Any] = (),
        retry_after: float | None = None,
        partial_text: str | None = None,
        raw: Any = None,
        unsettled: bool = False,
        usage: Usage | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.backend = backend
        self.model = model
        self.status = status
        self.request_id = request_id
        self.attempts: tuple[Any, ...] = tuple(attempts)
        self.retry_after = retry_after
        self.partial_text = partial_text
        self.raw = raw
        self.unsettled = unsettled
        self.usage = usage
        self.partial: Any = None

    @property
    def total_usage(self) -> Usage | None:
        """What all attempts used; None where one that may have been paid does not say."""
        return total_usage(self.attempts)

    @property
    def total_cost(self) -> Cost | None:
        """What all attempts cost; None where a part of it is unknown."""
        return total_cost(self.attempts)

    def __str__(self) -> str:
        """The message, the facts known of the call, and what to do."""
        facts = {
            "backend": self.backend,
            "model": self.model,
            "status": self.status,
            "request id": self.request_id,
            "retry after": None if self.retry_after is None else f"{self.retry_after:g} s",
        }
        known = ", ".join(f"{name} {value}" for name, value in facts.items() if value is not None)
        text = f"{self.message} ({known})" if known else self.message
        return f"{text}. {self.hint}" if self.hint else text


class AuthenticationError(CallError):
    """401: the key is wrong, expired or missing."""

    hint = "Check the key this backend reads (`pipelex explain` names its variable)"


class PermissionDeniedError(CallError):
    """402 or 403: the key is valid but may not do this."""

    hint = "The key is valid, but its account may not use this model or has no credit left"


class NotFoundError(CallError):
    """404: the provider does not know the model or the address."""

    hint = "Check the spec's model_id and the backend's endpoint"


class BadRequestError(CallError):
    """400, 409, 413 or 422: the provider says the request itself is wrong."""

    hint = "Change what it names, or ask another model"


class ContextTooLongError(BadRequestError):
    """The input is longer than the model's context."""

    hint = "Shorten the input or choose a model with a larger context"


class UnsupportedInputError(BadRequestError):
    """An input or a setting that this model does not take; mostly found before a request is sent.

    Its message says what would do.
    """

    hint = ""


class ContentFilterError(CallError):
    """The provider refused the prompt or withheld the answer because of its content."""

    hint = "Change the prompt, or ask a model of another provider"


class RateLimitError(CallError):
    """429: too many requests or tokens; `retry_after` holds the wait the provider asked for, in seconds."""

    hint = "Ask less often (`limits` of the backend can see to it), or raise the account's quota"


class LimitReachedError(RateLimitError):
    """A limit of the configuration is full, for longer than the call can wait; nothing was sent. `retry_after`: the least wait."""

    hint = "Raise the limit, or give the call more time"


class BudgetExceededError(CallError):
    """A budget does not reach for what the request may cost, or that is unknown; nothing was sent."""


class OverloadedError(CallError):
    """529 or 503: the provider has no capacity at the moment."""

    hint = "Try again later; an alias with several models goes on to the next"


class ServerError(CallError):
    """A 5xx answer: the provider failed."""

    hint = "Try again later; an alias with several models goes on to the next"


class ProviderConnectionError(CallError):
    """The provider could not be reached, or the connection broke; `partial_text` holds what a stream had given."""

    hint = "Check the network and the backend's endpoint, or try again"


class IdleTimeoutError(ProviderConnectionError):
    """The provider was silent for as long as `idle_timeout`; the call's deadline is another clock, and an error of its own."""

    hint = "Give it a longer idle_timeout, or try again"


class DeadlineExceededError(CallError):
    """The time given to the call is over; `partial_text` holds what a stream had given."""

    hint = "Give the call a longer deadline"


class InvalidAnswerError(CallError):
    """The provider's answer cannot be used, or is not of the requested type; `raw` keeps it."""

    hint = "Try again, or ask another model"


class TurnLimitError(CallError):
    """A run had `max_turns` answers, and the last one still asks for tools; `messages` is the conversation so far."""

    hint = "Give the run more max_turns; `run(error.messages, …)` goes on from there"


class AllAttemptsFailedError(CallError):
    """Every member of a chain failed; `attempts` says how each did."""


_BY_STATUS: dict[int, type[CallError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    402: PermissionDeniedError,
    403: PermissionDeniedError,
    404: NotFoundError,
    408: ProviderConnectionError,
    409: BadRequestError,
    410: NotFoundError,  # such as a model that was retired
    413: BadRequestError,
    422: BadRequestError,
    429: RateLimitError,
    498: OverloadedError,  # Groq: no capacity in the flex tier
    499: ProviderConnectionError,  # Google and proxies: the request was cancelled
    503: OverloadedError,
    529: OverloadedError,
}


def error_class_for_status(status: int) -> type[CallError]:
    """The error class of an HTTP status, for a plugin's table to start from."""
    known = _BY_STATUS.get(status)
    if known is not None:
        return known
    if status >= 500:
        return ServerError
    return BadRequestError if 400 <= status < 500 else InvalidAnswerError

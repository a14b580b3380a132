"""The record of a capability: all that the project knows of one kind of call."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from attrs import field, frozen

from pipelex_core.errors import CallError, ConfigError, HandleNotFoundError, PresetNotFoundError, UnsupportedInputError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from pipelex_core.backend import Backend
    from pipelex_core.estimates import Expectation
    from pipelex_core.parts import Media
    from pipelex_core.results import Result
    from pipelex_core.settings import SettingRule
    from pipelex_core.specs import ModelSpec

NO_CHOICES = ("default",)


def results() -> Any:
    """The module of what callers get, for records: no command but those that call needs its classes."""
    import pipelex_core.results

    return pipelex_core.results


def expectation_of(name: str) -> Callable[[Any], Expectation]:
    """Make the `expect` of a record: a function of what guesses, imported when the first call needs it."""

    def expect(request: Any) -> Expectation:
        from pipelex_core.estimates import counting

        found: Expectation = getattr(counting(), name)(request)
        return found

    return expect


def _never(*_arguments: object, **_named: object) -> bool:
    return False


@frozen(kw_only=True, eq=False)
class Operation:
    """One method of a backend.

    Attributes:
        name: The method, which has one parameter, the request.
        needs: The abstract class that has it.
        answer: What the method returns; for one that streams, what it ends with. A function that gives the class, where
            that is imported when the first call needs it.
        result: What the caller gets: a `Result` with further fields; likewise.
        further: The further fields, made of an answer; None where the answer has them under the same names.
        choice: Which default of the deck a call uses that names no handle.
        streams: Whether the method is an async generator of deltas and, last, the answer.
        refuse: Says why a backend does not take a request, for what its class declares; None where it takes it.
    """

    name: str
    needs: type[Backend]
    _answer: type | Callable[[], type]
    _result: type[Result] | Callable[[], type[Result]]
    further: Callable[[Any], dict[str, Any]] | None = None
    choice: str = "default"
    streams: bool = False
    refuse: Callable[[Any, Backend], str | None] | None = None

    @cached_property
    def answer(self) -> type:
        """The class of the answer."""
        return self._answer if isinstance(self._answer, type) else self._answer()

    @cached_property
    def result(self) -> type[Result]:
        """The class of the result."""
        return self._result if isinstance(self._result, type) else self._result()


class Member(Protocol):
    """A member of a chain: `deck.ChainMember`."""

    @property
    def name(self) -> str:
        """The model's name."""

    @property
    def spec(self) -> ModelSpec | None:
        """The model's spec."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """What would be sent to it."""

    @property
    def refused(self) -> Mapping[str, str]:
        """Setting -> why this model does not take it."""


class Gathering(Protocol):
    """The requests of one call, and their answers as they come, in any order.

    Attributes:
        batches: The requests, each by what it is about.
        at_once: How many of them may be under way at the same time.
    """

    batches: Sequence[Any]
    at_once: int

    def input(self, batch: Any) -> Any:
        """The input that `Capability.build` makes the request of."""

    def add(self, batch: Any, answer: Any) -> None:
        """Keep an answer; raises an `InvalidAnswerError` where it does not go with the others."""

    def failed(self, batch: Any, error: CallError, member: Member) -> None:
        """Say in the error what the request was about, and put into it what is there, as its `partial`."""

    def answer(self) -> Any:
        """All answers as one."""

    def further(self, answer: Any, member: Member) -> dict[str, Any]:
        """What the result of `answer` has besides the fields of every result; `member` answered last."""


@frozen(kw_only=True, eq=False)
class Kind:
    """What the configuration knows of a capability, also of one that cannot be called yet.

    Attributes:
        name: Section of a deck, word of `--capability`, word of the ledger.
        model_types: The `model_type`s of a spec whose models are for it.
        noun: For messages, before "model" and "preset".
        purpose: For messages, after "for"; the noun where it is empty.
        unit: What the prices of its models are for, such as `page`; see `Costs`.
        outputs: Words of a spec's `outputs` that tell, where it names no `model_type`, that its model is for this.
        gives: Words of `outputs` of which its models have at least one, where they have any; empty for no such rule.
        settings: What a preset, an inline handle and a call may set.
        choices: The deck's defaults for calls that name no handle.
        handle_error: Raised for a handle that exists nowhere.
        preset_error: Raised for a preset that does not exist.
        one_model: Whether a chain may hold one model only, at several backends, because answers of two do not go together.
    """

    name: str
    model_types: tuple[str, ...]
    noun: str
    purpose: str = ""
    unit: str = "million_tokens"
    outputs: frozenset[str] = frozenset()
    gives: frozenset[str] = frozenset()
    settings: Mapping[str, SettingRule] = field(factory=dict)
    choices: tuple[str, ...] = NO_CHOICES
    handle_error: type[ConfigError] = HandleNotFoundError
    preset_error: type[ConfigError] = PresetNotFoundError
    one_model: bool = False

    @cached_property
    def is_for(self) -> str:
        """What its models are for, in a message."""
        return self.purpose or self.noun

    @cached_property
    def section_keys(self) -> tuple[str, ...]:
        """The keys of its table in a deck."""
        if self.choices == NO_CHOICES:
            return ("presets", "choice_default", "choice_override", "choice_overrides")
        return ("presets", "choice_defaults", "choice_overrides")

    def choice(self, name: str) -> str:
        """The name of one of its choices in a deck: `extract`, `llm.for_text`."""
        return self.name if self.choices == NO_CHOICES else f"{self.name}.{name}"

    def choice_key(self, name: str) -> str:
        """The key of a choice in a deck's files."""
        return f"{self.name}.choice_default" if self.choices == NO_CHOICES else f"{self.name}.choice_defaults.{name}"

    @cached_property
    def rivals(self) -> Mapping[str, tuple[str, ...]]:
        """Setting -> those it excludes, both ways."""
        found: dict[str, tuple[str, ...]] = {}
        for name, rule in self.settings.items():
            for other in rule.excludes:
                found[name] = (*found.get(name, ()), other)
                found[other] = (*found.get(other, ()), name)
        return found


@frozen(kw_only=True, eq=False)
class Capability(Kind):
    """A capability that can be called.

    Attributes:
        operations: The methods of backends that do it; a call through `client.call` uses the first.
        read: What a caller gives, made into the input of a request, checked; raises `UnsupportedInputError`.
        arguments: Names of the keyword arguments of `read`.
        reads_files: Whether `read` may read files for these arguments: it then runs beside the event loop.
        build: The request for a model: of its spec, the input, the settings as the model takes them, and the seconds
            left or None. Refuses what the model does not take.
        expect: What a request will use: for estimates, limits and budgets.
        fetch: The request with what its URLs lead to, for providers that fetch nothing themselves; None where it has none.
            The second argument fetches one `Media`, which has to be an `image`, a `document`, or `any` of them.
        sample: The input of a call on trial: `validate --dry-run`, the mock, the conformance kit.
        mock: An answer to a request, made without a provider: what `sdk = "mock"` gives; None where it cannot.
        once: Whether a request that may have been taken is not sent again, because its answer would be made, and paid for,
            twice.
        telemetry: `gen_ai.operation.name` of its spans; the capability's name where it is empty.
        gather: The requests that a call is made of, and what becomes of their answers, where it may be more than one: of
            the input and the members of its chain; None where a call is one request.
    """

    operations: tuple[Operation, ...]
    read: Callable[..., Any]
    build: Callable[[Any, ModelSpec, Mapping[str, Any], float | None], Any]
    expect: Callable[[Any], Expectation]
    sample: Callable[[ModelSpec | None], Any]
    arguments: tuple[str, ...] = ()
    reads_files: Callable[..., bool] = _never
    fetch: Callable[[Any, Callable[[Media, str], Awaitable[Media]]], Awaitable[Any]] | None = None
    mock: Callable[[Any], Any] | None = None
    once: bool = False
    telemetry: str = ""
    gather: Callable[[Any, Sequence[Member]], Gathering] | None = None

    def split(self, options: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Split the options of a call into the arguments of `read`, and settings."""
        if not self.arguments or not options:
            return {}, options
        own = {name: value for name, value in options.items() if name in self.arguments}
        return own, {name: value for name, value in options.items() if name not in own}

    def operation(self, name: str | None = None) -> Operation:
        """The operation of a name; without one, the first.

        Raises:
            UnsupportedInputError: There is none of that name.
        """
        for operation in self.operations:
            if name is None or operation.name == name:
                return operation
        raise UnsupportedInputError(f"capability '{self.name}' has no operation '{name}'")

"""A rule that a shape cannot say, and the violation of any rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import evolve, field, frozen

from pipelex_rules.values import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pipelex_rules.sources import Source

Severity = Literal["refuse", "warn"]


@frozen(kw_only=True)
class Request:
    """A request as a rule sees it.

    Attributes:
        body: The JSON body; any value.
        model: The model that the body or the path names; empty where there is none.
        headers: Names in lower case.
        query: The query's parameters.
        size: How many bytes the body has as it was sent; None where that is not known.
    """

    body: Any
    model: str = ""
    headers: Mapping[str, str] = field(factory=dict)
    query: Mapping[str, str] = field(factory=dict)
    size: int | None = None

    def get(self, name: str) -> Any:
        """Read a field at the top of the body; None where it is absent or the body is not an object."""
        return record(self.body).get(name)

    def has(self, name: str) -> bool:
        """Tell whether a field at the top of the body is set and not null."""
        return self.get(name) is not None


if TYPE_CHECKING:
    Findings = Iterable[tuple[str, str]]
    """What a rule finds: a place and words for each."""


@frozen(kw_only=True)
class Rule:
    """One rule of a wire.

    Attributes:
        name: Unique in its wire, such as `max-tokens-of-reasoning-models`.
        words: What the provider wants.
        source: Where that was read.
        find: Tells where a request breaks it.
        status: The HTTP status of the refusal; None for the wire's own.
        type: The error's type; None for the wire's own.
        code: The error's code; None for the wire's own.
        severity: `warn` where nobody but users or clients says so.
        since: The day (ISO) from which the provider refuses it; None for always.
    """

    name: str
    words: str
    source: Source
    find: Callable[[Request], Findings] = field(repr=False)
    status: int | None = None
    type: str | None = None
    code: str | int | None = None
    severity: Severity = "refuse"
    since: str | None = None

    def but(self, **changes: Any) -> Rule:
        """Copy the rule with other attributes, for another wire."""
        return evolve(self, **changes)


def rule(
    source: Source,
    *,
    status: int | None = None,
    type: str | None = None,
    code: str | int | None = None,
    since: str | None = None,
) -> Callable[[Callable[[Request], Findings]], Rule]:
    """Make a rule of a function: its name is the rule's, the first line of its docstring the rule's words."""

    def make(find: Callable[[Request], Findings]) -> Rule:
        return Rule(
            name=find.__name__.strip("_").replace("_", "-"),
            words=(find.__doc__ or "").partition("\n")[0],
            source=source,
            find=find,
            status=status,
            type=type,
            code=code,
            severity="refuse" if source.certainty == "documented" else "warn",
            since=since,
        )

    return make


@frozen(kw_only=True)
class Violation:
    """One rule that a request breaks.

    Attributes:
        rule: The rule's id: provider, API and name, such as `openai.chat.temperature.high`.
        place: Where in the body, such as `messages[0].content`; empty for the whole.
        words: What is wrong, for a person.
        status: The HTTP status that the provider would answer.
        error: The body that the provider would answer.
        headers: Headers of that answer which tell the error's type.
        source: Where the rule was read.
        as_of: The date of the source.
        severity: `refuse`, or `warn` for what users report or clients assume.
    """

    rule: str
    place: str
    words: str
    status: int
    error: Mapping[str, Any]
    headers: Mapping[str, str]
    source: str
    as_of: str
    severity: Severity

"""Answers: what a plugin returns; and results: what a caller gets.

An answer holds what the provider sent, no more. The execution layer makes the result of it, adding the handle's model
and backend, the cost and the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, Literal, Self, TYPE_CHECKING, TypeAlias, TypeVar

from attrs import NOTHING, evolve, field, fields, frozen

from pipelex_core.faults import PlainDataError
from pipelex_core.ledger import (
    NO_USAGE as NO_USAGE,
    Attempt as Attempt,
    CacheUse as CacheUse,
    Cost as Cost,
    Usage as Usage,
    total_cost,
    total_usage,
)
from pipelex_core.parts import Citation, Message, ProviderPart, ToolCall
from pipelex_core.plain import Plain, Tagged
from pipelex_core.vectors import Vectors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

T = TypeVar("T")

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "other"]

# ── Answers: what a plugin returns ────────────────────────────────────────────────────────────────────────────────


@frozen(kw_only=True)
class TokenLogprob(Plain):
    """How likely a token of an answer was.

    Attributes:
        token: The token's text.
        logprob: The natural logarithm of its probability: 0 is certain.
        top: The likeliest tokens in its place, each with its own; as many as the call asks for, the likeliest first.
    """

    token: str
    logprob: float
    top: Mapping[str, float] = field(factory=dict)


@frozen(kw_only=True, slots=False)
class TextAnswer(Tagged):
    """What a provider answered to a `TextRequest` or an `ObjectRequest` (then `text` is the JSON document).

    Attributes:
        text: The visible answer, reasoning left out.
        finish_reason: Why it ended.
        usage: What it used.
        tool_calls: The tools the model asks for, in its order.
        reasoning: Reasoning the provider showed, or None.
        provider_parts: What the provider wants back in the next turn.
        citations: The sources that the text names, in the order of the text.
        logprobs: How likely each token of the text was, where the request asks for that.
        alternatives: The texts of the further answers, where the request asks for several.
        request_id: The provider's id of the request.
        raw: The answer as the SDK gave it.
        cache: `hit` where a cache gave it, `miss` where one was asked in vain; None from a plugin, and without a cache.
    """

    text: str
    finish_reason: FinishReason
    usage: Usage = NO_USAGE
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: str | None = None
    provider_parts: tuple[ProviderPart, ...] = ()
    citations: tuple[Citation, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()
    alternatives: tuple[str, ...] = ()
    request_id: str | None = None
    raw: Any = field(default=None, repr=False, eq=False)
    cache: CacheUse | None = None


@frozen(kw_only=True)
class Image(Plain):
    """An image that was made or cut out.

    Attributes:
        data: The encoded bytes.
        content_type: MIME type, such as `image/png`.
        width: Pixels, or None where unknown.
        height: Pixels, or None where unknown.
        name: The provider's name of it, such as `img-0.jpeg` in a page's markdown; or None.
    """

    data: bytes = field(repr=lambda data: f"<{len(data)} bytes>")
    content_type: str
    width: int | None = None
    height: int | None = None
    name: str | None = None


@frozen(kw_only=True)
class Page(Plain):
    """One page of a document.

    Attributes:
        index: From 0.
        text: Its text in reading order; markdown where the model writes it.
        images: The images cut out of it.
    """

    index: int
    text: str
    images: tuple[Image, ...] = ()


@frozen(kw_only=True)
class DocumentAnswer(Tagged):
    """What came of an `ExtractRequest`; `cache` as in `TextAnswer`."""

    pages: tuple[Page, ...]
    usage: Usage = NO_USAGE
    request_id: str | None = None
    raw: Any = field(default=None, repr=False, eq=False)
    cache: CacheUse | None = None


@frozen(kw_only=True)
class ImageAnswer(Tagged):
    """What came of an `ImageRequest`; `seed` is the one the provider used, `cache` as in `TextAnswer`."""

    images: tuple[Image, ...]
    seed: int | None = None
    usage: Usage = NO_USAGE
    request_id: str | None = None
    raw: Any = field(default=None, repr=False, eq=False)
    cache: CacheUse | None = None


@frozen(kw_only=True)
class EmbeddingAnswer(Tagged):
    """What came of an `EmbeddingRequest`: one vector a text, in their order.

    `raw` is the answer without the vectors, which would be kept twice; `cache` as in `TextAnswer`.
    """

    vectors: Vectors
    usage: Usage = NO_USAGE
    request_id: str | None = None
    raw: Any = field(default=None, repr=False, eq=False)
    cache: CacheUse | None = None


Answer: TypeAlias = "TextAnswer | DocumentAnswer | ImageAnswer | EmbeddingAnswer | AsyncIterator[str | TextAnswer]"


# ── Results: what a caller gets ───────────────────────────────────────────────────────────────────────────────────


_OF_ALL = frozenset({"model", "backend", "model_id", "usage", "cost", "attempts", "request_id", "raw"})
_LONGEST = 500
"""Characters of a value in a result that is printed."""


@frozen(kw_only=True, slots=False, repr=False)
class Result(Tagged):
    """What every result tells of its call.

    Attributes:
        model: Name of the model that answered.
        backend: Its backend.
        model_id: What the provider calls it.
        usage: What the answer used.
        cost: What it cost; None where a price or a count is unknown.
        attempts: The ledger: every try, the failed ones included.
        request_id: The provider's id of the request.
        raw: The answer as the SDK gave it.
    """

    model: str
    backend: str
    model_id: str
    usage: Usage
    cost: Cost | None
    attempts: tuple[Attempt, ...]
    request_id: str | None
    raw: Any = field(default=None, repr=False, eq=False)

    @property
    def total_usage(self) -> Usage | None:
        """What all attempts used, the failed ones included; None where one that may have been paid does not say."""
        return total_usage(self.attempts)

    @property
    def total_cost(self) -> Cost | None:
        """What all attempts cost, the failed ones included; None where a part of it is unknown."""
        return total_cost(self.attempts)

    def __repr__(self) -> str:
        """The result in a line: what its kind has, and is not as ever, then who answered, for how much."""
        own = [each for each in fields(type(self)) if each.repr and each.name not in _OF_ALL]
        shown = [(each, getattr(self, each.name)) for each in own]
        parts = [
            f"{each.name}={each.repr(value) if callable(each.repr) else _cut(repr(value))}"
            for each, value in shown
            if each.default is NOTHING or value != each.default
        ]
        cost = "unknown" if self.cost is None else f"{round(self.cost.amount, 8).normalize():f} {self.cost.currency}"
        parts += [
            f"model={self.model!r}",
            f"backend={self.backend!r}",
            f"cost={cost}",
            f"attempts={len(self.attempts)}",
        ]
        return f"{type(self).__name__}({', '.join(parts)})"


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


@frozen(kw_only=True, slots=False, repr=False)
class TextResult(Result):
    """An answer in text.

    Attributes:
        text: The visible answer.
        finish_reason: Why it ended.
        tool_calls: The tools the model asks for.
        reasoning: Reasoning the provider showed, or None.
        citations: The sources that the text names, in the order of the text.
        logprobs: How likely each token of the text was, where `logprobs` asked for that.
        alternatives: The texts of the further answers, where `n` asked for several.
        message: The answer as a message, to carry the conversation on with.
    """

    text: str
    finish_reason: FinishReason
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: str | None = None
    citations: tuple[Citation, ...] = field(default=(), repr=False)
    logprobs: tuple[TokenLogprob, ...] = field(default=(), repr=False)
    alternatives: tuple[str, ...] = ()
    message: Message = field(repr=False)


@frozen(kw_only=True, slots=False, repr=False)
class RunResult(TextResult):
    """The last answer of a run, with all that led to it; `usage`, `cost` and `attempts` are those of all turns.

    Attributes:
        messages: The whole conversation, the prompt first and this answer last, to carry it on with.
        turns: What the model answered, turn by turn, each with its own usage, cost and attempts; the last one too.
    """

    messages: tuple[Message, ...] = field(repr=False)
    turns: tuple[TextResult, ...] = field(repr=False)


@frozen(kw_only=True, slots=False, repr=False)
class ObjectResult(Result, Generic[T]):
    """A typed object.

    Attributes:
        value: The object, validated against the type that was asked for; None where the model asks for tools instead.
        text: The JSON it was made of.
        finish_reason: Why the answer ended.
        tool_calls: The tools the model asks for, of a call that offered some.
        message: The answer as a message, to carry the conversation on with.
    """

    value: T
    text: str = field(repr=False)
    finish_reason: FinishReason
    tool_calls: tuple[ToolCall, ...] = ()
    message: Message = field(default=Message(role="assistant", parts=()), repr=False)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], type: Any = None) -> Self:
        """Read a result from what `to_dict` wrote.

        Args:
            data: The plain form.
            type: The type that the model was asked for: `value` is made from `text` as it was at first. Without it,
                `value` stays plain data.

        Raises:
            PlainDataError: The data is not the plain form, or `text` does not fit the type.
        """
        result = super().from_dict(data)
        if type is None or result.tool_calls:
            return result
        from pipelex_core.objects import InvalidObjectError, object_type

        try:
            return evolve(result, value=object_type(type).decode(result.text))
        except InvalidObjectError as error:
            raise PlainDataError("this is not the plain form of an object of the type", [f"$.text: {error}"]) from None


@frozen(kw_only=True, slots=False, repr=False)
class DocumentResult(Result):
    """The pages of a document."""

    pages: tuple[Page, ...] = field(repr=lambda pages: f"<{len(pages)}>")

    @property
    def text(self) -> str:
        """The text of all pages, a blank line between two."""
        return "\n\n".join(page.text for page in self.pages)


@frozen(kw_only=True, slots=False, repr=False)
class ImageResult(Result):
    """Images; `seed` is the one the provider used, where it says."""

    images: tuple[Image, ...]
    seed: int | None = None


@frozen(kw_only=True, slots=False, repr=False)
class EmbeddingResult(Result):
    """Vectors, one a text, in their order.

    The model, `dimensions` and `purpose` are part of what a stored vector is: only those that agree in all three can be
    compared. Where several requests were made, `usage` is that of all, `request_id` is None (each attempt has its own) and
    `raw` is a tuple; where several backends answered, `backend` is the one that answered last.

    Attributes:
        vectors: The vectors; `vectors.to_numpy()` is an array of numpy on the same memory.
        normalised: Whether each has length 1, so that the dot product of two is their cosine.
        purpose: What they were made for: `query`, `document`, or None.
    """

    vectors: Vectors
    normalised: bool
    purpose: Literal["query", "document"] | None = None

    @property
    def dimensions(self) -> int:
        """Numbers in a vector."""
        return self.vectors.dimensions

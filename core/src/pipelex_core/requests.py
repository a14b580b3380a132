"""What travels: requests to a plugin, a plugin's answers, and the results a caller gets.

A plugin receives a `…Request` and returns an `…Answer`: what the provider said, no more. The execution layer makes
the `…Result` of it, adding the handle's model and backend, the cost and the ledger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from decimal import Decimal

    from pipelex_core.specs import Capability, ModelSpec

T = TypeVar("T")

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "other"]
Role = Literal["system", "user", "assistant", "tool"]
Operation = Literal["generate_text", "stream_text", "generate_object", "extract", "generate_image"]


# ── What a prompt is made of ──────────────────────────────────────────────────────────────────────────────────────


@frozen(kw_only=True)
class Media:
    """An image or a document: its bytes, or an `http(s)` URL the provider fetches itself; one of the two is set.

    Attributes:
        data: The bytes, or None where `url` is set.
        url: An `http://` or `https://` address, or `gs://` for Vertex AI; None where `data` is set.
        media_type: MIME type, such as `image/png`; for a URL, guessed from its path.
        name: A file name for providers that ask for one.
    """

    data: bytes | None = field(default=None, repr=lambda data: "None" if data is None else f"<{len(data)} bytes>")
    url: str | None = None
    media_type: str
    name: str | None = None

    def base64(self) -> str:
        """`data` in base64; an error where there is only a URL."""
        from base64 import b64encode

        if self.data is None:
            msg = "this medium is a URL: there are no bytes to encode"
            raise ValueError(msg)
        return b64encode(self.data).decode("ascii")

    def as_url(self) -> str:
        """The `http(s)` URL, or the bytes as a `data:` URL."""
        return self.url or f"data:{self.media_type};base64,{self.base64()}"


@frozen
class TextPart:
    """Text in a message."""

    text: str


@frozen
class ImagePart:
    """An image in a message."""

    media: Media


@frozen
class DocumentPart:
    """A document (PDF) in a message."""

    media: Media


@frozen(kw_only=True)
class ToolCall:
    """The model asks for a tool.

    Attributes:
        id: Names this call, so that a `ToolResult` can answer it; made up by the plugin where a provider has none.
        name: Name of the tool.
        arguments: Its arguments, parsed from JSON.
    """

    id: str
    name: str
    arguments: Mapping[str, Any]


@frozen(kw_only=True)
class ToolResult:
    """What a tool gave back, as part of a message.

    Attributes:
        call_id: The `id` of the `ToolCall` this answers.
        content: The result as text, JSON where it is structured.
        name: Name of the tool, for providers that want it again.
        is_error: Whether the tool failed.
    """

    call_id: str
    content: str
    name: str | None = None
    is_error: bool = False


@frozen(kw_only=True)
class ProviderPart:
    """Something only one provider understands and wants back in the next turn, such as a thinking signature.

    Attributes:
        provider: Who may see it, such as `anthropic`; a plugin sends only the parts that name it.
        data: In the provider's own form.
    """

    provider: str
    data: Mapping[str, Any]


Part: TypeAlias = TextPart | ImagePart | DocumentPart | ToolCall | ToolResult | ProviderPart


@frozen(kw_only=True)
class Message:
    """One message of a conversation.

    Attributes:
        role: `system`, `user`, `assistant`, or `tool` (whose parts are `ToolResult`s).
        parts: In order.
    """

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))


@frozen(kw_only=True)
class Tool:
    """A tool the model may ask for.

    Attributes:
        name: Letters, digits, `_` and `-`, up to 64.
        description: What it does, for the model.
        parameters: JSON schema of its arguments, an object.
    """

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(factory=lambda: {"type": "object", "properties": {}})


# ── Requests: what a plugin receives ──────────────────────────────────────────────────────────────────────────────


@frozen(kw_only=True)
class TextRequest:
    """One text generation, settings merged and constraints applied: a plugin sends what it finds here, as it is.

    Attributes:
        spec: The model; its `model_id` goes to the provider.
        messages: The conversation. System text is in `system`, never in here.
        system: System prompt, or None.
        temperature: In the provider's own range already, or None for the provider's default.
        max_tokens: Most output tokens, or None for the provider's default.
        top_p: Nucleus sampling, 0…1, or None.
        seed: For repeatable sampling, or None.
        stop: Strings that end the answer.
        reasoning_effort: `none`, `minimal`, `low`, `medium`, `high`, `xhigh` or `max`; None for the default.
        reasoning_budget: Most reasoning tokens, or None.
        tools: Tools the model may ask for.
        tool_choice: `auto`, `none`, `required`, or a tool's name; None for the default.
        timeout: Seconds this attempt may take, or None. The execution layer cancels it then; pass it on only to an
            SDK that would otherwise stop earlier, or go on after a cancellation.
    """

    spec: ModelSpec
    messages: tuple[Message, ...]
    system: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    reasoning_effort: str | None = None
    reasoning_budget: int | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: str | None = None
    timeout: float | None = None


@frozen(kw_only=True)
class ObjectRequest(TextRequest):
    """A text generation whose answer is one JSON document.

    Attributes:
        schema: JSON schema (draft 2020-12) of the answer; always an object at the top.
        schema_name: Letters, digits, `_` and `-`, up to 64.
    """

    schema: Mapping[str, Any]
    schema_name: str = "answer"


@frozen(kw_only=True)
class ExtractRequest:
    """Take the pages out of a document.

    Attributes:
        spec: The model.
        document: A PDF or an image.
        max_nb_images: Most images to cut out, 0 for none; None for all.
        image_min_size: Smallest side in pixels of an image to cut out; None for no limit.
        timeout: As in `TextRequest`.
    """

    spec: ModelSpec
    document: Media
    max_nb_images: int | None = None
    image_min_size: int | None = None
    timeout: float | None = None


@frozen(kw_only=True)
class ImageRequest:
    """Make images.

    Attributes:
        spec: The model.
        prompt: What to show.
        number: How many images.
        quality: `low`, `medium` or `high`; excludes `nb_steps`.
        nb_steps: Diffusion steps; excludes `quality`.
        guidance_scale: How closely to follow the prompt, > 0.
        is_moderated: Whether the provider's safety checker is on.
        safety_tolerance: 1 (strict) … 6 (permissive).
        width: Pixels; with `height`.
        height: Pixels; with `width`.
        aspect_ratio: Such as `16:9`, where no size is given.
        seed: For repeatable images.
        background: `transparent`, `opaque` or `auto`.
        output_format: `png`, `jpeg` or `webp`.
        timeout: As in `TextRequest`.
    """

    spec: ModelSpec
    prompt: str
    number: int = 1
    quality: Literal["low", "medium", "high"] | None = None
    nb_steps: int | None = None
    guidance_scale: float | None = None
    is_moderated: bool | None = None
    safety_tolerance: int | None = None
    width: int | None = None
    height: int | None = None
    aspect_ratio: str | None = None
    seed: int | None = None
    background: str | None = None
    output_format: str | None = None
    timeout: float | None = None


Request: TypeAlias = TextRequest | ObjectRequest | ExtractRequest | ImageRequest


# ── Answers: what a plugin returns ────────────────────────────────────────────────────────────────────────────────


@frozen(kw_only=True)
class Usage:
    """What a call used, with the same meaning for every provider; None where the provider does not say.

    Attributes:
        input_tokens: All input tokens, cached ones included.
        output_tokens: All output tokens, reasoning included.
        cached_tokens: The share of `input_tokens` read from the provider's cache.
        cache_write_tokens: The share of `input_tokens` written to it.
        reasoning_tokens: The share of `output_tokens` spent on reasoning.
        images: Images made.
        pages: Pages read.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    images: int | None = None
    pages: int | None = None


NO_USAGE = Usage()


@frozen(kw_only=True)
class TextAnswer:
    """What a provider answered to a `TextRequest` or an `ObjectRequest` (then `text` is the JSON document).

    Attributes:
        text: The visible answer, reasoning left out.
        finish_reason: Why it ended.
        usage: What it used.
        tool_calls: The tools the model asks for, in its order.
        reasoning: Reasoning the provider showed, or None.
        provider_parts: What the provider wants back in the next turn.
        request_id: The provider's id of the request.
        raw: The answer as the SDK gave it.
    """

    text: str
    finish_reason: FinishReason
    usage: Usage = NO_USAGE
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: str | None = None
    provider_parts: tuple[ProviderPart, ...] = ()
    request_id: str | None = None
    raw: Any = field(default=None, repr=False, eq=False)


@frozen(kw_only=True)
class Image:
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
class Page:
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
class DocumentAnswer:
    """What came of an `ExtractRequest`."""

    pages: tuple[Page, ...]
    usage: Usage = NO_USAGE
    request_id: str | None = None
    raw: Any = field(default=None, repr=False, eq=False)


@frozen(kw_only=True)
class ImageAnswer:
    """What came of an `ImageRequest`; `seed` is the one the provider used."""

    images: tuple[Image, ...]
    seed: int | None = None
    usage: Usage = NO_USAGE
    request_id: str | None = None
    raw: Any = field(default=None, repr=False, eq=False)


Answer: TypeAlias = "TextAnswer | DocumentAnswer | ImageAnswer | AsyncIterator[str | TextAnswer]"


# ── Results: what a caller gets ───────────────────────────────────────────────────────────────────────────────────


@frozen(kw_only=True)
class Cost:
    """Money, exact."""

    amount: Decimal
    currency: str = "USD"


@frozen(kw_only=True)
class Attempt:
    """One try of one member of a chain, as it stands in the ledger.

    Attributes:
        model: Name of the model tried.
        backend: Its backend.
        model_id: What the provider calls it.
        outcome: `ok`, `error`, or `cancelled`.
        error: Name of the error's class, or None.
        status: HTTP status, or None.
        request_id: The provider's id of the request, or None.
        wait_s: Seconds waited before it.
        wait_reason: Why, or None.
        seconds: How long it took.
        usage: What it used, or None.
        cost: What it cost, or None where unknown.
    """

    model: str
    backend: str
    model_id: str
    outcome: Literal["ok", "error", "cancelled"]
    error: str | None = None
    status: int | None = None
    request_id: str | None = None
    wait_s: float = 0.0
    wait_reason: str | None = None
    seconds: float = 0.0
    usage: Usage | None = None
    cost: Cost | None = None


@frozen(kw_only=True)
class Result:
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
    raw: Any = field(repr=False, eq=False)


@frozen(kw_only=True)
class TextResult(Result):
    """An answer in text.

    Attributes:
        text: The visible answer.
        finish_reason: Why it ended.
        tool_calls: The tools the model asks for.
        reasoning: Reasoning the provider showed, or None.
        message: The answer as a message, to carry the conversation on with.
    """

    text: str
    finish_reason: FinishReason
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: str | None = None
    message: Message = field(repr=False)


@frozen(kw_only=True)
class ObjectResult(Result, Generic[T]):
    """A typed object.

    Attributes:
        value: The object, validated against the type that was asked for.
        text: The JSON it was made of.
        finish_reason: Why the answer ended.
    """

    value: T
    text: str = field(repr=False)
    finish_reason: FinishReason


@frozen(kw_only=True)
class DocumentResult(Result):
    """The pages of a document."""

    pages: tuple[Page, ...]

    @property
    def text(self) -> str:
        """The text of all pages, a blank line between two."""
        return "\n\n".join(page.text for page in self.pages)


@frozen(kw_only=True)
class ImageResult(Result):
    """Images; `seed` is the one the provider used, where it says."""

    images: tuple[Image, ...]
    seed: int | None = None


# ── A call, as middlewares and observers see it ───────────────────────────────────────────────────────────────────


@frozen(kw_only=True)
class Call:
    """One attempt on its way to a plugin: what a middleware receives.

    Attributes:
        operation: The capability's method.
        capability: `llm`, `extract` or `img_gen`.
        handle: What the caller named, or the default it stood for.
        request: What the plugin is about to receive; its `spec` names model and backend.
    """

    operation: Operation
    capability: Capability
    handle: str
    request: Request


@frozen(kw_only=True)
class FinishedCall:
    """A call that ended, well or badly: what `pipelex_call_finished` receives.

    Attributes:
        operation: The capability's method.
        capability: `llm`, `extract` or `img_gen`.
        handle: What the caller named, or the default it stood for.
        attempts: The ledger.
        result: What the caller got, or None.
        error: What the caller got instead, or None; both None where the caller gave up.
        seconds: How long the whole call took.
    """

    operation: Operation
    capability: Capability
    handle: str
    attempts: tuple[Attempt, ...]
    result: Result | None = None
    error: Exception | None = None
    seconds: float = 0.0

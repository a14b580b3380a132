"""What a request will use, guessed before it is sent: nobody's tokenizer is asked, so each guess has bounds.

Text is counted by the script it is written in, because tokenizers are made for what is written most. For each character
there are, at least, likely and at most, so many tokens:

| characters | at least | likely | at most |
|---|---|---|---|
| ASCII: English, code, digits | 0.17 | 0.25 | 0.7 |
| others of two bytes in UTF-8: accents, Greek, Cyrillic, Arabic | 0.25 | 0.5 | 1.25 |
| of three bytes: Chinese, Japanese, Korean, Thai, Devanagari | 0.25 | 1 | 2 |
| of four bytes: emoji | 1 | 2 | 4 |

The bounds hold what four tokenizers make of prose in eleven languages, of code, JSON and hexadecimal digits: o200k_base and
cl100k_base of OpenAI, and those that Anthropic and DeepSeek have published.

A message costs 4 tokens more, an image 85 to 5,000 (likely 800), a page of a PDF 250 to 5,000 (likely 2,000). An answer has
at least one token and at most `max_tokens`, the call's or else the model's.
"""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import TYPE_CHECKING

from pipelex_core.documents import count_pages
from pipelex_core.estimates import Expectation, Guess
from pipelex_core.parts import (
    AudioPart,
    DocumentPart,
    ImagePart,
    Media,
    Part,
    ProviderPart,
    TextPart,
    ToolCall,
    ToolResult,
)
from pipelex_core.requests import ObjectRequest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipelex_core.requests import ExtractRequest, ImageRequest, TextRequest
    from pipelex_core.specs import ModelSpec

_PER_MESSAGE = 4
_SHARES: dict[str, tuple[float, float, float]] = {
    "ascii": (1 / 6, 1 / 4, 0.7),
    "two": (1 / 4, 1 / 2, 1.25),
    "three": (1 / 4, 1, 2),
    "four": (1, 2, 4),
}
_LIKELY_ANSWER = 1000


IMAGE = Guess(85, 800, 5000)
"""Tokens of an image."""

_PAGE = (250, 2000, 5000)
_AROUND_A_TEXT = Guess(0, 1, 2)


def of_text(request: TextRequest) -> Expectation:
    """What a request for text will use, or one for an object."""
    schema = request.schema if isinstance(request, ObjectRequest) else None
    several = request.n or 1
    return Expectation(
        input_tokens=_input(request, schema), output_tokens=_output(request).times(several, several, several)
    )


def of_document(request: ExtractRequest) -> Expectation:
    """What a request for the pages of a document will use."""
    return Expectation(pages=pages_of(request.document))


def of_image(request: ImageRequest) -> Expectation:
    """What a request for images will use; providers round megapixels up."""
    pixels = (request.width or 0) * (request.height or 0)
    megapixels = Decimal(-(-pixels // 1_000_000) * request.number) if pixels else None
    tokens = tokens_of(request.prompt)
    for _ in request.images:
        tokens = tokens.plus(IMAGE)
    return Expectation(input_tokens=tokens, images=request.number, megapixels=megapixels)


def of_texts(texts: Iterable[str]) -> Expectation:
    """What a request for vectors of texts will use: a token or two stand around each text, and nothing is written."""
    tokens = Guess()
    for text in texts:
        tokens = tokens.plus(tokens_of(text)).plus(_AROUND_A_TEXT)
    return Expectation(input_tokens=tokens, output_tokens=Guess())


def tokens_of(text: str) -> Guess:
    """Tokens of a text, by how many characters of each kind it has."""
    if text.isascii():
        count = len(text)
        low, likely, high = _SHARES["ascii"]
        return Guess(math.ceil(count * low), math.ceil(count * likely), math.ceil(count * high))
    ascii_only = len(text.encode("ascii", "ignore"))
    utf8 = len(text.encode("utf-8", "surrogatepass"))
    four = len(text.encode("utf-16-le", "surrogatepass")) // 2 - len(text)
    between = len(text) - ascii_only - four  # of two or three bytes each
    three = utf8 - ascii_only - 4 * four - 2 * between
    counts = {"ascii": ascii_only, "two": between - three, "three": three, "four": four}
    low, likely, high = (sum(count * _SHARES[kind][at] for kind, count in counts.items()) for at in range(3))
    return Guess(math.ceil(low), math.ceil(likely), math.ceil(high))


def by_tokens(spec: ModelSpec) -> bool:
    """Whether a model that hears or speaks is paid by the token."""
    costs = spec.costs
    return costs is not None and costs.unit == "million_tokens" and (costs.input_audio or costs.input) is not None


def pages_of(document: Media) -> Guess:
    """Pages of a document; at least one where they cannot be counted."""
    if document.media_type != "application/pdf":
        return Guess(1, 1, 1)
    count = None if document.data is None else count_pages(document.data)
    return Guess(1, 10, None) if count is None else Guess(count, count, count)


def _input(request: TextRequest, schema: Mapping[str, object] | None) -> Guess:
    count = len(request.messages)
    guess = Guess(_PER_MESSAGE * count, _PER_MESSAGE * count, 2 * _PER_MESSAGE * count)
    if request.system:
        guess = guess.plus(tokens_of(request.system))
    for message in request.messages:
        for part in message.parts:
            guess = guess.plus(_part(part))
    data: list[object] = [{"name": t.name, "description": t.description, **t.parameters} for t in request.tools]
    if schema is not None:
        data.append(schema)
    return guess.plus(_as_json(data)) if data else guess


def _part(part: Part) -> Guess:  # noqa: PLR0911 -- one line a kind
    match part:
        case TextPart(text=text):
            return tokens_of(text)
        case ImagePart():
            return IMAGE
        case DocumentPart(media=media):
            return _document(media)
        case AudioPart(media=media):
            return _sound(media)
        case ToolCall(name=name, arguments=arguments):
            return tokens_of(name).plus(_as_json([arguments]))
        case ToolResult(content=content):
            return tokens_of(content)
        case ProviderPart(data=data):
            return _as_json([data])


def _document(media: Media) -> Guess:
    """A PDF by its pages; text by its length; of any other, and of one at a URL, no more is known than that it is there."""
    if media.media_type == "application/pdf":
        return pages_of(media).times(*_PAGE)
    if media.media_type.startswith("text/") and media.data is not None:
        return tokens_of(media.data.decode("utf-8", "replace"))
    return Guess(1, 10, None).times(*_PAGE)


SOUND = (5, 32, 100)
"""Tokens of a second of sound; Google counts 32: https://ai.google.dev/gemini-api/docs/audio."""


def seconds_of(seconds: float | None, size: int | None) -> Guess:
    """Seconds of sound: as its header has them, or else by its bytes."""
    if seconds is not None:
        return Guess(*[math.ceil(seconds)] * 3)
    if size is not None:
        return Guess(1, 1 + size // 16_000, 1 + size // 500)  # 128 kbit/s; no encoder goes below 4
    return Guess(1, 600, None)


def _sound(media: Media) -> Guess:
    if media.data is None:
        return seconds_of(None, None).times(*SOUND)
    from pipelex_core.audio import seconds_of as length_of

    return seconds_of(length_of(media), len(media.data)).times(*SOUND)


def _as_json(values: Iterable[object]) -> Guess:
    return tokens_of("".join(json.dumps(value, ensure_ascii=False, default=str) for value in values))


def _output(request: TextRequest) -> Guess:
    most = request.spec.max_tokens if request.max_tokens is None else request.max_tokens
    if most is None:
        return Guess(1, _LIKELY_ANSWER, request.spec.context_window)
    return Guess(1, most if request.max_tokens is not None else min(most, _LIKELY_ANSWER), most)

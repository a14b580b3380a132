"""Texts to embed: read and checked, and split into requests.

A text is counted by characters, because nobody's tokenizer is at hand (`pipelex_limits/expectations.py`): a request holds no more
than surely fits, and a text is refused only where it surely does not.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from pipelex_core.errors import UnsupportedInputError
from pipelex_core.estimates import Expectation, tokens_of
from pipelex_core.ledger import Usage
from pipelex_core.prompts.checks import check_text
from pipelex_core.requests import EmbeddingRequest
from pipelex_core.results import EmbeddingAnswer, EmbeddingResult
from pipelex_core.vectors import PartialVectors, Vectors
from pipelex_limits.expectations import of_texts
from pipelex_operations.gathered import EmbeddingInput, GatheredVectors, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pipelex_core.capabilities.record import Member
    from pipelex_core.specs import ModelSpec

ANSWER, RESULT = EmbeddingAnswer, EmbeddingResult

_MOST_A_REQUEST = 256
"""Texts in a request where the model takes more: so that an answer is soon there, and small beside all vectors."""

_MOST_AT_ONCE = 8
_TEXTS_UNDER_WAY = 512
_SHARE_UNDER_WAY = 16
"""Requests under way hold so many texts, or this part of all texts where that is more: their answers take memory too."""

_MOCK_DIMENSIONS = 8
_RUN = re.compile(r"(.)\1{7,}", re.DOTALL)
_SURELY = 0.75
"""Tokens that a text has for certain, as a share of the least that `tokens_of` expects of prose."""


def read(texts: object, *, resume: object = None) -> EmbeddingInput:
    """Read a text, or several, as they may be sent.

    Raises:
        UnsupportedInputError: One of them is empty or no text, and which; or `resume` belongs to other texts.
    """
    listed: Any = (texts,) if isinstance(texts, str) else texts
    if isinstance(listed, (bytes, dict)) or not hasattr(listed, "__iter__"):
        raise UnsupportedInputError(f"embed takes a text, or several, not {type(texts).__name__}")
    found = tuple(listed)
    if not found:
        raise UnsupportedInputError("embed takes a text, or several, not an empty list")
    for number, text in enumerate(found):
        _check(text, f"inputs[{number}]")
    if resume is None:
        return EmbeddingInput(found)
    if not isinstance(resume, PartialVectors) or (resume.count, resume.digest) != (len(found), digest_of(found)):
        msg = "`resume` is the `partial` of the error that a call for the same texts, in the same order, ended with"
        raise UnsupportedInputError(msg)
    return EmbeddingInput(found, resume)


def _check(text: object, where: str) -> None:
    if not isinstance(text, str):
        raise UnsupportedInputError(f"a text to embed is a string, and {where} is {type(text).__name__}")
    if not text or text.isspace():
        msg = f"a text to embed has words, and {where} {'has nothing but space' if text else 'is empty'}"
        raise UnsupportedInputError(msg)
    if not text.isascii():
        check_text(text, where)


def build(
    what: EmbeddingInput, spec: ModelSpec, settings: Mapping[str, Any], timeout: float | None
) -> EmbeddingRequest:
    """The request for a model."""
    return EmbeddingRequest(spec=spec, texts=what.texts, timeout=timeout, **settings)


def expect(request: EmbeddingRequest) -> Expectation:
    """What a request will use."""
    return of_texts(request.texts)


def sample(_spec: ModelSpec | None) -> EmbeddingInput:
    """A text for calls on trial."""
    return read("a river")


def gather(what: EmbeddingInput, members: Sequence[Member]) -> GatheredVectors:
    """Split texts into requests that every member of a chain takes.

    Raises:
        UnsupportedInputError: The members are several models, or a text is too long for the model.
    """
    specs = [member.spec for member in members if member.spec is not None]
    _check_members(members, {spec.name for spec in specs})
    window = min((spec.context_window for spec in specs if spec.context_window), default=None)
    if window is not None:
        _check_lengths(what.texts, window, specs[0])
    most = min((spec.max_inputs for spec in specs if spec.max_inputs), default=_MOST_A_REQUEST)
    tokens = min((spec.max_request_tokens for spec in specs if spec.max_request_tokens), default=None)
    made = GatheredVectors(texts=what.texts)
    if what.partial is not None:
        made.resume(what.partial, specs[0].name, members[0].settings.get("purpose"))
    most = min(most, _MOST_A_REQUEST)
    made.batches = [batch for free in made.missing() for batch in _split(what.texts, free, most, tokens)]
    if not made.batches:
        raise UnsupportedInputError("`resume` has a vector of each text already: nothing is to be made")
    longest = max(map(len, made.batches))
    under_way = max(_TEXTS_UNDER_WAY, len(what.texts) // _SHARE_UNDER_WAY)
    made.at_once = max(1, min(_MOST_AT_ONCE, under_way // longest, len(made.batches)))
    return made


def _check_members(members: Sequence[Member], names: set[str]) -> None:
    if len(names) > 1:
        listed = ", ".join(sorted(names))
        msg = f"vectors of different models cannot be compared, and this chain has several: {listed}"
        raise UnsupportedInputError(msg)
    for member in members:
        if "dimensions" in member.refused:
            raise UnsupportedInputError(member.refused["dimensions"])
    if len({(member.settings.get("dimensions"), member.settings.get("purpose")) for member in members}) > 1:
        msg = (
            "vectors of different dimensions or purposes cannot be compared, and the members of this chain have several"
        )
        raise UnsupportedInputError(msg)


def _check_lengths(texts: Sequence[str], window: int, spec: ModelSpec) -> None:
    for number, text in enumerate(texts):
        if len(text) > window:  # else it cannot be too long
            least = int(tokens_of(_RUN.sub(r"\1", text)).low * _SURELY)
            if least > window:
                raise UnsupportedInputError(
                    f"inputs[{number}] is too long: it has {least:,} tokens or more ({len(text):,} characters), and model "
                    f"'{spec.name}' takes texts of {window:,}"
                )


def _split(texts: Sequence[str], places: range, most: int, tokens: int | None) -> Iterator[range]:
    """Ranges of texts that fit into a request each; a text that is alone in one may be too long for it all the same."""
    start, used = places.start, 0
    for at in places:
        high = 0 if tokens is None else tokens_of(texts[at]).high or 0
        if at > start and (at - start == most or (tokens is not None and used + high > tokens)):
            yield range(start, at)
            start, used = at, 0
        used += high
    yield range(start, places.stop)


def mock(request: EmbeddingRequest) -> EmbeddingAnswer:
    """Vectors of length 1 that depend on the text alone: what the mock answers."""
    dimensions = request.dimensions or request.spec.dimensions or _MOCK_DIMENSIONS
    words = sum(len(text.split()) for text in request.texts)
    return EmbeddingAnswer(
        vectors=Vectors.of(_made_up(text, dimensions) for text in request.texts),
        usage=Usage(input_tokens=words, output_tokens=0),
    )


def _made_up(text: str, dimensions: int) -> list[float]:
    numbers = [byte - 127.5 for byte in hashlib.shake_128(text.encode()).digest(dimensions)]
    length = sum(number * number for number in numbers) ** 0.5
    return [number / length for number in numbers]

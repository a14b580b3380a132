"""Texts to embed: read and checked, split into requests, and their vectors put together in one buffer.

A text is counted by characters, because nobody's tokenizer is at hand (`pipelex_limits/expectations.py`): a request holds no more
than surely fits, and a text is refused only where it surely does not.
"""

from __future__ import annotations

import hashlib
import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

from attrs import define, field, fields_dict, frozen

from pipelex_core.errors import BadRequestError, CallError, InvalidAnswerError, UnsupportedInputError
from pipelex_core.estimates import Expectation, tokens_of
from pipelex_core.ledger import Usage
from pipelex_core.prompts.checks import check_text
from pipelex_core.requests import EmbeddingRequest
from pipelex_core.results import EmbeddingAnswer, EmbeddingResult
from pipelex_core.vectors import BYTES_A_NUMBER, PartialVectors, Vectors
from pipelex_limits.expectations import of_texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

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
_INPUT = re.compile(r"\binputs\[(\d+)\]")
"""How a plugin names a text of its request; here it gets its place among all texts."""

_SURELY = 0.75
"""Tokens that a text has for certain, as a share of the least that `tokens_of` expects of prose."""


@frozen(eq=False, repr=False)
class EmbeddingInput:
    """What a call, or one of its requests, is about.

    Attributes:
        texts: The texts.
        partial: The vectors that an earlier call for the same texts made before it failed, or None.
    """

    texts: tuple[str, ...]
    partial: PartialVectors | None = None


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
    if not isinstance(resume, PartialVectors) or (resume.count, resume.digest) != (len(found), _digest(found)):
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


def _digest(texts: Iterable[str]) -> bytes:
    hashed = hashlib.sha256()
    for text in texts:
        data = text.encode()
        hashed.update(b"%d:" % len(data) + data)
    return hashed.digest()


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


@define(eq=False, repr=False, kw_only=True)
class GatheredVectors:
    """The vectors of one call, in one buffer, as they come.

    Attributes:
        texts: All texts.
        batches: The texts of each request, as ranges.
        at_once: How many requests may be under way at the same time.
    """

    texts: tuple[str, ...]
    batches: Sequence[range] = ()
    at_once: int = 1
    _buffer: BytesIO = field(factory=BytesIO, init=False)
    _dimensions: int = field(default=0, init=False)
    _normalised: bool = field(default=True, init=False)
    _made: list[tuple[int, int]] = field(factory=list, init=False)
    _whole: EmbeddingAnswer | None = field(default=None, init=False)
    _reports: dict[int, tuple[Usage, str | None, Any]] = field(factory=dict, init=False)

    def resume(self, partial: PartialVectors, model: str, purpose: str | None) -> None:
        """Begin with what an earlier call made.

        Raises:
            UnsupportedInputError: It was of another model, or for another purpose.
        """
        if (partial.model, partial.purpose) != (model, purpose):
            raise UnsupportedInputError(
                f"the vectors to go on with are of model '{partial.model}' for {partial.purpose or 'no'} purpose, and the "
                f"call is of '{model}' for {purpose or 'no'} purpose"
            )
        at = 0
        for start, stop in partial.places:
            self._keep(start, partial.vectors[at : at + stop - start])
            at += stop - start

    def missing(self) -> Iterator[range]:
        """The texts that have no vector yet."""
        at = 0
        for start, stop in [*sorted(self._made), (len(self.texts), 0)]:
            if start > at:
                yield range(at, start)
            at = max(at, stop)

    def input(self, batch: range) -> EmbeddingInput:
        """The texts of a request."""
        return EmbeddingInput(self.texts[batch.start : batch.stop])

    def add(self, batch: range, answer: EmbeddingAnswer) -> None:
        """Keep the vectors of a request.

        Raises:
            InvalidAnswerError: They are not one a text, or have other dimensions than the others.
        """
        vectors = answer.vectors
        if len(vectors) != len(batch):
            raise InvalidAnswerError(f"{len(batch)} texts were sent, and {len(vectors)} vectors came", raw=answer.raw)
        if self._dimensions not in {0, vectors.dimensions}:
            raise InvalidAnswerError(
                f"vectors came with {vectors.dimensions} dimensions, and others of the same model with {self._dimensions}",
                raw=answer.raw,
            )
        if len(batch) == len(self.texts):
            self._whole, self._normalised = answer, vectors.is_normalised
            return
        self._reports[batch.start] = answer.usage, answer.request_id, answer.raw
        self._keep(batch.start, vectors)

    def _keep(self, start: int, vectors: Vectors) -> None:
        width = BYTES_A_NUMBER * vectors.dimensions
        if not self._dimensions:
            self._dimensions = vectors.dimensions
            self._buffer.seek(len(self.texts) * width - 1)
            self._buffer.write(b"\0")  # all of it at once: growing would copy what is there
        self._buffer.seek(start * width)
        self._buffer.write(vectors.data)
        self._made.append((start, start + len(vectors)))
        self._normalised = self._normalised and vectors.is_normalised

    def failed(self, batch: range, error: CallError, member: Member) -> None:
        """Say which texts a request was about, and put the vectors that are there into its error."""
        error.message, named = _INPUT.subn(lambda found: f"inputs[{batch.start + int(found[1])}]", error.message)
        if len(batch) < len(self.texts) and not named:
            where = f"inputs[{batch.start}]" + (f" to inputs[{batch[-1]}]" if len(batch) > 1 else "")
            error.message = f"{where}: {error.message}"
        if isinstance(error, BadRequestError) and len(batch) > 1 and not named:
            longest = max(batch, key=lambda at: len(self.texts[at]))
            error.message += f"; the longest of them is inputs[{longest}], with {len(self.texts[longest]):,} characters"
        if self._made:
            width = BYTES_A_NUMBER * self._dimensions
            places = _joined(sorted(self._made))
            data = self._buffer.getvalue()
            error.partial = PartialVectors(
                vectors=Vectors(b"".join(data[a * width : b * width] for a, b in places), self._dimensions),
                places=tuple(places),
                count=len(self.texts),
                model=member.spec.name if member.spec else member.name,
                purpose=member.settings.get("purpose"),
                digest=_digest(self.texts),
            )

    def answer(self) -> EmbeddingAnswer:
        """All vectors, what they used together, and what each request was answered with."""
        if self._whole is not None:
            return self._whole
        usages, identities, raws = zip(*(self._reports[start] for start in sorted(self._reports)), strict=True)
        return EmbeddingAnswer(
            vectors=Vectors(self._buffer.getvalue(), self._dimensions),
            usage=_sum(usages),
            request_id=identities[0] if len(identities) == 1 else None,
            raw=raws[0] if len(raws) == 1 else raws,
        )

    def further(self, answer: EmbeddingAnswer, member: Member) -> dict[str, Any]:
        """The vectors, and what the result says of them."""
        return {
            "vectors": answer.vectors,
            "normalised": self._normalised,
            "purpose": member.settings.get("purpose"),
        }


def _joined(places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ranges in order, those that touch as one."""
    joined: list[tuple[int, int]] = []
    for start, stop in places:
        if joined and joined[-1][1] == start:
            start = joined.pop()[0]  # noqa: PLW2901 -- it begins earlier
        joined.append((start, stop))
    return joined


def _sum(usages: Sequence[Usage]) -> Usage:
    """What all requests used; a count that one of them does not tell is unknown."""
    sums: dict[str, Any] = {}
    for name in fields_dict(Usage):
        values = [getattr(usage, name) for usage in usages]
        if None not in values:
            is_word = isinstance(values[0], str)
            sums[name] = sum(values) if not is_word else values[0] if len(set(values)) == 1 else None
    return Usage(**sums)


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

"""The vectors of one call for embeddings, put together in one buffer as its requests are answered."""

from __future__ import annotations

import hashlib
import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

from attrs import define, field, fields_dict, frozen

from pipelex_core.errors import BadRequestError, CallError, InvalidAnswerError, UnsupportedInputError
from pipelex_core.ledger import Usage
from pipelex_core.results import EmbeddingAnswer
from pipelex_core.vectors import BYTES_A_NUMBER, PartialVectors, Vectors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pipelex_core.capabilities.record import Member

_INPUT = re.compile(r"\binputs\[(\d+)\]")
"""How a plugin names a text of its request; here it gets its place among all texts."""


@frozen(eq=False, repr=False)
class EmbeddingInput:
    """What a call, or one of its requests, is about.

    Attributes:
        texts: The texts.
        partial: The vectors that an earlier call for the same texts made before it failed, or None.
    """

    texts: tuple[str, ...]
    partial: PartialVectors | None = None


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
                digest=digest_of(self.texts),
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


def digest_of(texts: Iterable[str]) -> bytes:
    """SHA-256 of texts and their borders."""
    hashed = hashlib.sha256()
    for text in texts:
        data = text.encode()
        hashed.update(b"%d:" % len(data) + data)
    return hashed.digest()

"""One request for vectors: some texts at a time, so that a call that is given up stops soon."""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING, Any

from pipelex_backend_llamacpp._generation import Job, error_of
from pipelex_core.errors import BadRequestError, CallError, ContextTooLongError, InvalidAnswerError
from pipelex_core.results import EmbeddingAnswer, Usage
from pipelex_core.vectors import Vectors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import xllamacpp

    from pipelex_core.judging import RerankAnswer
    from pipelex_core.specs import ModelSpec

_BYTES_A_NUMBER = 4

_AT_ONCE = 16
"""Texts that are handed to llama.cpp together: some hundred milliseconds' work."""

_TOO_LARGE = re.compile(r"input \((\d+) tokens\) is (?:too large|larger)")


class Embedding(Job):
    """A request on its way through a worker's thread; `tell` gets its answer or its error.

    Texts that may be too long go alone: llama.cpp says how many tokens one has, and not which of several it was.

    Args:
        spec: The model.
        texts: What to embed.
        tell: As for `Job`.
    """

    def __init__(self, spec: ModelSpec, texts: Sequence[str], tell: Callable[[Any], None]) -> None:
        super().__init__(tell)
        self._spec = spec
        self._texts = texts

    def run(self, server: xllamacpp.Server) -> None:
        """Embed, in the calling thread."""
        self.begun = True
        rows: list[bytes] = []
        tokens = 0
        for places in _groups(self._texts, self._spec.context_window or 0):
            if self.cancelled:
                return
            texts = self._texts[places.start : places.stop]
            try:
                response = server.handle_embeddings({"input": list(texts), "model": "", "encoding_format": "base64"})
                if "error" in response:
                    self.end(self._refusal(response["error"], places.start))
                    return
                rows += [binascii.a2b_base64(row["embedding"]) for row in response["data"]]
                tokens += response["usage"]["prompt_tokens"]
            except (ValueError, RuntimeError) as error:  # what the server throws over a request
                self.end(BadRequestError(f"llama.cpp refused the request: {error}"))
                return
            except (LookupError, TypeError) as error:
                self.end(InvalidAnswerError(f"llama.cpp gave an answer that cannot be read: {error!r}"))
                return
        self._finish(rows, Usage(input_tokens=tokens, output_tokens=0))

    def _finish(self, rows: Sequence[bytes], usage: Usage) -> None:
        try:
            vectors = Vectors(b"".join(rows), len(rows[0]) // _BYTES_A_NUMBER)
        except (ValueError, IndexError) as error:
            self.end(InvalidAnswerError(f"llama.cpp gave no vectors: {error}", usage=usage))
        else:
            self.end(self.answer(vectors, usage))

    def answer(self, vectors: Vectors, usage: Usage) -> EmbeddingAnswer | RerankAnswer | CallError:
        """What the caller gets of the texts' vectors."""
        return EmbeddingAnswer(vectors=vectors, usage=usage)

    def name_of(self, place: int) -> str:
        """How an error names the text at a place."""
        return f"inputs[{place}]"

    def _refusal(self, error: dict[str, Any], place: int) -> CallError:
        """The error of a text; of one that is too long, with its length."""
        found = _TOO_LARGE.search(str(error.get("message")))
        if found is None:
            return error_of(error)
        return ContextTooLongError(
            f"{self.name_of(place)} is too long: it has {int(found[1]):,} tokens, and model '{self._spec.name}' takes "
            f"texts of {self._spec.context_window or 'fewer'}; it is not cut in silence"
        )


def _groups(texts: Sequence[str], window: int) -> Iterator[range]:
    """Ranges of texts to hand over together: a token has a byte at least, and two stand around each text."""
    start = 0
    for at, text in enumerate(texts):
        if len(text.encode()) > window - 2:
            if at > start:
                yield range(start, at)
            yield range(at, at + 1)
            start = at + 1
        elif at - start == _AT_ONCE:
            yield range(start, at)
            start = at
    if start < len(texts):
        yield range(start, len(texts))

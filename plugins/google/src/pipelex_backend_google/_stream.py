"""A stream's chunks, as the SDK reads them."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from attrs import define, field

from pipelex_backend_google._answer import Gathered, no_candidate, usage
from pipelex_backend_google._errors import request_id
from pipelex_core.errors import ProviderConnectionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.genai import types

    from pipelex_core.requests import TextAnswer


@define
class ChunkReader:
    """Reads one stream.

    Attributes:
        gathered: The answer so far.
    """

    gathered: Gathered = field(factory=Gathered)
    _last: types.GenerateContentResponse | None = None

    def read(self, chunk: types.GenerateContentResponse) -> Iterator[str]:
        """Take a chunk in, and give the visible text it brings."""
        self._last = chunk
        counts = chunk.usage_metadata
        if counts is not None and counts.prompt_token_count is not None:
            self.gathered.usage = usage(
                counts.prompt_token_count,
                counts.candidates_token_count,
                counts.thoughts_token_count,
                counts.cached_content_token_count,
            )
        for candidate in (chunk.candidates or ())[:1]:
            if candidate.finish_reason is not None:
                self.gathered.finish = candidate.finish_reason.value
            for part in (candidate.content.parts if candidate.content else None) or ():
                yield from self._read_part(part)

    def _read_part(self, part: types.Part) -> Iterator[str]:
        signature = b64encode(part.thought_signature).decode("ascii") if part.thought_signature else None
        call = part.function_call
        if call is not None:
            self.gathered.add_call(call.name or "", call.args or {}, call.id, signature)
        elif part.text is not None or signature:
            text = part.text or ""
            self.gathered.add_text(text, thought=bool(part.thought), signature=signature)
            if text and not part.thought:
                yield text

    @property
    def partial_text(self) -> str | None:
        """The visible text so far; None before the first chunk."""
        return None if self._last is None else self.gathered.text

    def answer(self) -> TextAnswer:
        """The whole answer, once the stream is over.

        Raises:
            ProviderConnectionError: The stream ended without a finish reason.
            ContentFilterError: The prompt was blocked.
        """
        last = self._last
        http = last.sdk_http_response if last else None
        named = request_id(http.headers if http else None) or (last.response_id if last else None)
        if self.gathered.finish is not None:
            return self.gathered.answer(request_id=named, raw=last)
        feedback = last.prompt_feedback if last else None
        blocked = feedback.block_reason.value if feedback and feedback.block_reason else None
        if blocked:
            raise no_candidate(blocked, named, last)
        msg = "Google's stream ended before the answer was complete"
        raise ProviderConnectionError(msg, request_id=named, partial_text=self.partial_text)

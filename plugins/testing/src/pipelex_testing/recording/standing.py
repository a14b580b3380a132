"""A backend that stands for another one, with the same capabilities."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from pipelex_core.backend import (
    Backend,
    DocumentExtractor,
    ImageGenerator,
    ObjectGenerator,
    TextGenerator,
    TextStreamer,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pipelex_core.requests import ExtractRequest, ImageRequest, ObjectRequest, Request, TextRequest
    from pipelex_core.results import DocumentAnswer, ImageAnswer, TextAnswer


class Around(Backend):
    """What stands around a backend: one method for whole answers, one for streams."""

    @abstractmethod
    async def whole(self, operation: str, request: Request) -> Any:
        """The answer to any call but a stream."""

    @abstractmethod
    def stream(self, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
        """The answer, streamed."""


class _Text(Around, TextGenerator):
    async def generate_text(self, request: TextRequest) -> TextAnswer:
        answer: TextAnswer = await self.whole("generate_text", request)
        return answer


class _Stream(Around, TextStreamer):
    def stream_text(self, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
        return self.stream(request)


class _Object(Around, ObjectGenerator):
    async def generate_object(self, request: ObjectRequest) -> TextAnswer:
        answer: TextAnswer = await self.whole("generate_object", request)
        return answer


class _Document(Around, DocumentExtractor):
    async def extract(self, request: ExtractRequest) -> DocumentAnswer:
        answer: DocumentAnswer = await self.whole("extract", request)
        return answer


class _Image(Around, ImageGenerator):
    async def generate_image(self, request: ImageRequest) -> ImageAnswer:
        answer: ImageAnswer = await self.whole("generate_image", request)
        return answer


_CAPABILITIES: tuple[tuple[type[Backend], type[Around]], ...] = (
    (TextGenerator, _Text),
    (TextStreamer, _Stream),
    (ObjectGenerator, _Object),
    (DocumentExtractor, _Document),
    (ImageGenerator, _Image),
)


def standing_for(kind: type[Around], inner: Backend) -> Any:
    """A class like `kind` that can do what `inner` can."""
    able = tuple(mixin for capability, mixin in _CAPABILITIES if isinstance(inner, capability))
    told = {"fetches_urls": inner.fetches_urls, "loggers": inner.loggers}
    return type(f"{kind.__name__}{type(inner).__name__}", (kind, *able), told)

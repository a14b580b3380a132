"""The kinds of call: how each is made, and how its good answer is queued."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from pipelex_core.vectors import Vectors
from pipelex_testing.samples import (
    CATEGORY,
    CITY,
    DOCUMENTS,
    DOUBTFUL,
    EMBEDDED,
    OBJECT,
    PDF,
    PLAIN,
    PNG,
    PROMPT,
    QUERY,
    RANKING,
    SOUND,
    SPOKEN,
    TEXT,
    VECTORS,
    City,
)

if TYPE_CHECKING:
    from pipelex_core.results import Result
    from pipelex_testing.running import Running
    from pipelex_testing.samples import Capability
    from pipelex_testing.server import Reply


class Kind(ABC):
    """A kind of call.

    Attributes:
        capability: What a backend must claim for it.
    """

    capability: ClassVar[Capability]

    @abstractmethod
    async def make(self, at: Running, **options: Any) -> Result:
        """Make the call."""

    @abstractmethod
    def reply(self, at: Running) -> Reply:
        """A good answer."""

    @abstractmethod
    def holds(self, result: Any) -> None:
        """The result is one of this kind, whoever gave it."""

    @abstractmethod
    def check(self, result: Any) -> None:
        """The result is what the good answer says."""

    def queue(self, at: Running) -> None:
        """Have the server give the good answer next."""
        at.wire.queue_reply(at.server, lambda: self.reply(at))

    def prepare(self, at: Running) -> None:
        """The same; an engine in this process needs nothing to answer."""
        if at.has_server:
            self.queue(at)

    def verify(self, at: Running, result: Any) -> None:
        """The result is one of this kind; a server's is what the good answer says."""
        self.holds(result)
        if at.has_server:
            self.check(result)


class Text(Kind):
    """A text."""

    capability: ClassVar[Capability] = "text"

    async def make(self, at: Running, **options: Any) -> Result:
        return await at.client.generate_text(PROMPT, model=at.llm, **options)

    def reply(self, at: Running) -> Reply:
        return at.wire.answer(PLAIN)

    def holds(self, result: Any) -> None:
        assert result.text
        assert result.finish_reason in {"stop", "length"}

    def check(self, result: Any) -> None:
        assert (result.text, result.finish_reason) == (TEXT, "stop")


class Stream(Text):
    """A text, streamed."""

    capability = "stream"

    async def make(self, at: Running, **options: Any) -> Result:
        async with at.client.stream_text(PROMPT, model=at.llm, **options) as stream:
            async for _ in stream:
                pass
        result: Result = stream.result
        return result

    def reply(self, at: Running) -> Reply:
        return at.wire.stream(PLAIN)


class Object(Kind):
    """An object."""

    capability = "object"

    async def make(self, at: Running, **options: Any) -> Result:
        result: Result = await at.client.generate_object(PROMPT, City, model=at.llm, **options)
        return result

    def reply(self, at: Running) -> Reply:
        return at.wire.answer(OBJECT)

    def holds(self, result: Any) -> None:
        assert isinstance(result.value, City)

    def check(self, result: Any) -> None:
        assert (result.value, result.finish_reason) == (CITY, "stop")


class Document(Kind):
    """The pages of a document."""

    capability = "OCR"

    async def make(self, at: Running, **options: Any) -> Result:
        return await at.client.extract(PDF, model=at.reader, **options)

    def reply(self, at: Running) -> Reply:
        return at.wire.document()

    def holds(self, result: Any) -> None:
        assert [page.index for page in result.pages] == [0, 1]

    def check(self, result: Any) -> None:
        assert all(page.text for page in result.pages)


class Picture(Kind):
    """A picture."""

    capability: ClassVar[Capability] = "image out"

    async def make(self, at: Running, **options: Any) -> Result:
        return await at.client.generate_image("A lighthouse", model=at.painter, **options)

    def reply(self, at: Running) -> Reply:
        return at.wire.image()

    def queue(self, at: Running) -> None:
        at.wire.queue_image(at.server)

    def holds(self, result: Any) -> None:
        (image,) = result.images
        assert image.data

    def check(self, result: Any) -> None:
        assert [image.content_type for image in result.images] == ["image/png"]


class Embeddings(Kind):
    """Vectors of two texts."""

    capability = "embeddings"

    async def make(self, at: Running, **options: Any) -> Result:
        return await at.client.embed(EMBEDDED, model=at.embedder, **options)

    def reply(self, at: Running) -> Reply:
        return at.wire.embeddings()

    def holds(self, result: Any) -> None:
        assert len(result.vectors) == len(EMBEDDED)
        assert all(len(vector) == result.dimensions and any(vector) for vector in result.vectors)

    def check(self, result: Any) -> None:
        assert (len(result.vectors), result.dimensions, result.normalised) == (2, 2, True)
        assert result.vectors == Vectors.of(VECTORS)


class Transcription(Kind):
    """The words of a recording."""

    capability: ClassVar[Capability] = "transcription"

    async def make(self, at: Running, **options: Any) -> Result:
        return await at.client.transcribe(SOUND, model=at.writer, **options)

    def reply(self, at: Running) -> Reply:
        return at.wire.transcript()

    def holds(self, result: Any) -> None:
        assert isinstance(result.text, str)
        assert result.duration_s is None or result.duration_s > 0

    def check(self, result: Any) -> None:
        assert result.text == SPOKEN


class Speech(Kind):
    """A text, spoken."""

    capability: ClassVar[Capability] = "speech"

    async def make(self, at: Running, **options: Any) -> Result:
        return await at.client.speak(SPOKEN, model=at.speaker, **options)

    def reply(self, at: Running) -> Reply:
        return at.wire.speech()

    def holds(self, result: Any) -> None:
        assert result.audio.content_type.startswith("audio/")
        assert result.audio.data

    def check(self, result: Any) -> None:
        has_no_header = result.audio.content_type == "audio/pcm"
        assert result.audio.data == (SOUND[44:] if has_no_header else SOUND)


class SpeechStream(Speech):
    """A text, spoken piece by piece."""

    capability = "speech stream"

    async def make(self, at: Running, **options: Any) -> Result:
        async with at.client.stream_speech(SPOKEN, model=at.speaker, **options) as stream:
            pieces = [piece async for piece in stream]
        result: Result = stream.result
        assert b"".join(pieces) == result.audio.data  # type: ignore[attr-defined]  # a speech has sound
        return result

    def reply(self, at: Running) -> Reply:
        return at.wire.speech_stream()


class Edit(Picture):
    """A picture, changed."""

    capability: ClassVar[Capability] = "image edits"

    async def make(self, at: Running, **options: Any) -> Result:
        return await at.client.generate_image("At night", model=at.editor, images=[PNG], **options)


class Ranking(Kind):
    """Two documents, ranked."""

    capability: ClassVar[Capability] = "rerank"

    async def make(self, at: Running, **options: Any) -> Result:
        return await at.client.rerank(QUERY, DOCUMENTS, model=at.judge, **options)

    def reply(self, at: Running) -> Reply:
        return at.wire.ranking()

    def holds(self, result: Any) -> None:
        assert [index for index, _ in result.ranking] == [index for index, _ in RANKING]

    def check(self, result: Any) -> None:
        assert tuple(tuple(each) for each in result.ranking) == RANKING


class Moderation(Kind):
    """Verdicts on two texts."""

    capability: ClassVar[Capability] = "moderation"

    async def make(self, at: Running, **options: Any) -> Result:
        return await at.client.moderate(DOUBTFUL, model=at.guard, **options)

    def reply(self, at: Running) -> Reply:
        return at.wire.verdicts()

    def holds(self, result: Any) -> None:
        assert [verdict.flagged for verdict in result.verdicts] == [False, True]

    def check(self, result: Any) -> None:
        assert [verdict.categories[CATEGORY] for verdict in result.verdicts] == [False, True]
        assert [verdict.scores[CATEGORY] for verdict in result.verdicts] == [0.1, 0.9]


CALLS: tuple[Kind, ...] = (
    *(Text(), Stream(), Object(), Document(), Picture(), Embeddings()),
    *(Transcription(), Speech(), SpeechStream()),
    *(Edit(), Ranking(), Moderation()),
)

"""Sound: recordings that are transcribed, and speech that is made; what is asked of a model, what it answers, what a caller gets.

Nothing imports this before the first call of `transcribe` or `speak`.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from attrs import field, frozen

from pipelex_core.errors import UnsupportedInputError
from pipelex_core.plain import Plain, Tagged
from pipelex_core.results import NO_USAGE, CacheUse, Result, Usage
from pipelex_core.specs import ModelSpec

if TYPE_CHECKING:
    from typing import BinaryIO

Timestamps = Literal["segment", "word"]
SpeechFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]

_SHOWN = 60


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…")


def _size(data: bytes | None) -> str:
    return "None" if data is None else f"<{len(data)} bytes>"


@frozen(kw_only=True)
class Recording(Plain):
    """Sound to transcribe: its bytes, a file, or an address; one of the three.

    Attributes:
        data: The bytes, or None.
        path: The file, which is read as it is sent; or None. It is not part of the plain form: `sha256` stands for its content.
        url: An `http(s)` address, or `gs://` for Vertex AI; or None.
        media_type: MIME type, such as `audio/mpeg`; for a URL, guessed from its path.
        name: A file name with the suffix of its type, which providers go by.
        size: Bytes, or None for a URL.
        seconds: Its length, where the file's header says it.
        sha256: Hexadecimal digest of a file's bytes, or None.
    """

    data: bytes | None = field(default=None, repr=_size)
    path: str | None = field(default=None, eq=False)
    url: str | None = None
    media_type: str
    name: str
    size: int | None = None
    seconds: float | None = None
    sha256: str | None = field(default=None, repr=False)

    def open(self) -> BinaryIO:
        """Open the bytes to be read, piece by piece.

        Raises:
            UnsupportedInputError: The file cannot be read any more, or there is only a URL.
        """
        if self.data is not None:
            return BytesIO(self.data)
        if self.path is None:
            msg = f"the recording '{self.name}' has no bytes here: it is at a URL, or came from a plain form"
            raise UnsupportedInputError(msg)
        try:
            return Path(self.path).open("rb")
        except OSError as error:
            msg = f"the recording '{self.path}' cannot be read: {error.strerror or error}"
            raise UnsupportedInputError(msg) from error


@frozen(kw_only=True)
class TranscriptRequest(Tagged):
    """Transcribe a recording.

    Attributes:
        spec: The model.
        audio: The recording.
        language: ISO 639-1 code of the language that is spoken, or None for the model to find it.
        timestamps: Whether to give the times of each `segment` or each `word`; None for the text alone.
        speakers: Whether to tell speakers apart.
        prompt: Words that may come up, and how they are written; or None.
        timeout: As in `TextRequest`.
    """

    spec: ModelSpec
    audio: Recording
    language: str | None = None
    timestamps: Timestamps | None = None
    speakers: bool = False
    prompt: str | None = None
    timeout: float | None = None


@frozen(kw_only=True)
class Segment(Plain):
    """A stretch of speech.

    Attributes:
        start: Seconds from the beginning.
        end: Likewise.
        text: Its words; a single word where times of words were requested.
        speaker: Its speaker, in the provider's numbering; None where speakers are not distinguished.
    """

    start: float
    end: float
    text: str
    speaker: str | None = None


@frozen(kw_only=True)
class TranscriptAnswer(Tagged):
    """What came of a `TranscriptRequest`; `cache` as in `TextAnswer`."""

    text: str
    segments: tuple[Segment, ...] = ()
    duration_s: float | None = None
    language: str | None = None
    usage: Usage = NO_USAGE
    request_id: str | None = None
    raw: Any = field(default=None, repr=False, eq=False)
    cache: CacheUse | None = None


@frozen(kw_only=True, repr=False)
class TranscriptResult(Result):
    """A transcript.

    Attributes:
        text: All of it.
        segments: The time and speaker of each part; empty where `timestamps` and `speakers` were not requested.
        duration_s: The recording's length in seconds; None where neither the provider nor the file's header says it.
        language: The language that was heard, as the provider names it; or None.
    """

    text: str = field(repr=_short)
    segments: tuple[Segment, ...] = field(default=(), repr=lambda segments: f"<{len(segments)}>")
    duration_s: float | None = None
    language: str | None = None


@frozen(kw_only=True)
class SpeechRequest(Tagged):
    """Read a text aloud.

    Attributes:
        spec: The model.
        text: What to say.
        voice: Who says it, in the provider's words; None for the model's first.
        format: The encoding; `pcm` is 16-bit little-endian samples of one channel, without a header.
        speed: 1 is the voice's own; None for the provider's default.
        instructions: How to say it; or None.
        timeout: As in `TextRequest`.
    """

    spec: ModelSpec
    text: str
    voice: str | None = None
    format: SpeechFormat = "mp3"
    speed: float | None = None
    instructions: str | None = None
    timeout: float | None = None


@frozen(kw_only=True)
class Audio(Plain):
    """Sound that was made.

    Attributes:
        data: The encoded bytes.
        content_type: MIME type, such as `audio/mpeg`.
        sample_rate: Samples a second; None where it is not known.
    """

    data: bytes = field(repr=_size)
    content_type: str
    sample_rate: int | None = None


@frozen(kw_only=True)
class SpeechAnswer(Tagged):
    """What came of a `SpeechRequest`; `cache` as in `TextAnswer`."""

    audio: Audio
    usage: Usage = NO_USAGE
    request_id: str | None = None
    raw: Any = field(default=None, repr=False, eq=False)
    cache: CacheUse | None = None


@frozen(kw_only=True, repr=False)
class SpeechResult(Result):
    """A text, spoken."""

    audio: Audio

"""Embeddings, transcription, speech, reranking and moderation: what the configuration has to know of them.

What they do with a call is in a distribution of its own, which backends bring and the first call imports: a program that asks for
texts comes without.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_core.backend import Embedder, Moderator, Reranker, Speaker, SpeechStreamer, Transcriber
from pipelex_core.capabilities.record import Capability, Operation
from pipelex_core.first_party import OPERATIONS, brought
from pipelex_core.settings import SettingRule

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_core.backend import Backend

FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")


@cache
def _work(name: str) -> Any:
    """The module of a capability: its functions have the names of the record's fields.

    Raises:
        PluginError: What brings it is not installed.
    """
    return brought(
        "pipelex_core.capabilities", OPERATIONS, f"'{name}' comes with a distribution that is not installed"
    )(name)


def _further(name: str, needs: type[Backend], *optional: str, **known: Any) -> Capability:
    """The record of a capability.

    Args:
        name: Its name, and that of its operation.
        needs: The abstract class that has the operation.
        optional: Which of `gather`, `fetch` and `mock` it has.
        known: What the configuration knows of it.
    """

    def late(function: str) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            return getattr(_work(name), function)(*arguments, **named)

        return call

    operation = Operation(name=name, needs=needs, answer=lambda: _work(name).ANSWER, result=lambda: _work(name).RESULT)
    functions: dict[str, Any] = {each: late(each) for each in ("read", "build", "expect", "sample", *optional)}
    return Capability(name=name, operations=(operation,), **functions, **known)


EMBED = _further(
    "embed",
    Embedder,
    "gather",
    "mock",
    model_types=("embedding",),
    noun="embedding",
    purpose="embeddings",
    outputs=frozenset({"vectors"}),
    gives=frozenset({"vectors"}),
    one_model=True,
    settings={
        "purpose": SettingRule(
            "string", "Whether to search with the vectors, or to find them.", choices=("query", "document")
        ),
        "dimensions": SettingRule("integer", "Numbers in a vector, where the model has a choice.", minimum=1),
    },
    arguments=("resume",),
    telemetry="embeddings",
)
"""Vectors of texts."""

TRANSCRIBE = _further(
    "transcribe",
    Transcriber,
    "fetch",
    model_types=("transcriber",),
    noun="transcription",
    unit="second",
    settings={
        "language": SettingRule("string", 'The language that is spoken, as its code: "en", "de".'),
        "timestamps": SettingRule("string", "Times of each segment or of each word.", choices=("segment", "word")),
        "speakers": SettingRule("boolean", "Whether to tell speakers apart."),
        "prompt": SettingRule("string", "Words that may come up, and how they are written."),
    },
    reads_files=lambda source: not isinstance(source, bytes),
)
"""The transcript of a recording."""

_SPEAK = _further(
    "speak",
    Speaker,
    model_types=("speaker",),
    noun="speech",
    unit="character",
    outputs=frozenset({"audio"}),
    gives=frozenset({"audio"}),
    settings={
        "voice": SettingRule("string", "Who speaks, in the provider's words."),
        "format": SettingRule(
            "string", 'The encoding; "mp3" where nothing is set and the model has it.', choices=FORMATS
        ),
        "speed": SettingRule("number", "1 is the voice's own.", minimum=0.25, maximum=4),
        "instructions": SettingRule("string", "How to say it, where the model takes that."),
    },
)
STREAM_SPEECH = evolve(_SPEAK.operations[0], name="stream_speech", needs=SpeechStreamer, streams=True)
SPEAK = evolve(_SPEAK, operations=(*_SPEAK.operations, STREAM_SPEECH))
"""A text, spoken."""

RERANK = _further(
    "rerank",
    Reranker,
    model_types=("reranker",),
    noun="reranking",
    outputs=frozenset({"ranking"}),
    gives=frozenset({"ranking"}),
    settings={"top_n": SettingRule("integer", "Most documents to rank.", minimum=1)},
    arguments=("documents",),
)
"""Documents by relevance."""

MODERATE = _further(
    "moderate",
    Moderator,
    model_types=("moderator",),
    noun="moderation",
    outputs=frozenset({"scores"}),
    gives=frozenset({"scores"}),
)
"""What is harmful in texts."""

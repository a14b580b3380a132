"""OpenAI's embeddings, speech, transcription, batches and files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules import forms
from pipelex_rules.rule import rule
from pipelex_rules.shapes import (
    ANY,
    BOOLEAN,
    INTEGER,
    TEXT,
    choice,
    either,
    integer,
    listing,
    number,
    obj,
    tagged,
    text,
)
from pipelex_rules.sources import Source
from pipelex_rules.values import amount, dig, records, sequence, size_of, strings, words_in
from pipelex_rules.wire import Wire
from pipelex_rules.wires.openai_chat_shapes import METADATA, VOICE

if TYPE_CHECKING:
    from pipelex_rules.rule import Findings, Request

SPECIFICATION = Source("github:openai/openai-openapi openapi.json@f85dbe2", "2026-08-21")
EMBEDDING_SDK = Source("openai@3.57.0 types/embedding_create_params.py", "2026-11-30")
TRANSCRIPTION_SDK = Source("openai@3.57.0 types/audio/transcription_create_params.py", "2026-11-30")
BATCH_SDK = Source("openai@3.57.0 types/batch_create_params.py", "2026-11-30")
INPUT_TOKENS, ALL_TOKENS = 8_192, 300_000
BATCH_ENDPOINTS = "/v1/responses /v1/chat/completions /v1/embeddings /v1/completions /v1/moderations /v1/images/generations /v1/images/edits /v1/videos"
_DIMENSIONS = {"text-embedding-3-small": 1_536, "text-embedding-3-large": 3_072}

_TOKENS = listing(INTEGER, at_least=1, at_most=INPUT_TOKENS)
EMBEDDINGS_BODY = obj(
    "input model",
    closed=True,
    input=either(
        text(1, source=EMBEDDING_SDK),
        listing(text(1, source=EMBEDDING_SDK), at_least=1, at_most=2_048),
        listing(INTEGER, at_least=1, at_most=INPUT_TOKENS),
        listing(_TOKENS, at_least=1, at_most=2_048),
    ),
    model=text(1),
    dimensions=integer(1),
    encoding_format=choice("float base64"),
    user=TEXT,
)


@rule(EMBEDDING_SDK)
def tokens_of_an_input(request: Request) -> Findings:
    """An input has at most 8,192 tokens."""
    for index, item in enumerate(strings(request.get("input"))):
        if words_in(item) > INPUT_TOKENS:
            yield f"input[{index}]", f"this model's maximum context length is {INPUT_TOKENS} tokens"


@rule(EMBEDDING_SDK)
def tokens_of_a_request(request: Request) -> Findings:
    """All inputs of a request have at most 300,000 tokens."""
    value = request.get("input")
    count = sum(words_in(item) for item in strings(value)) + sum(
        len(item) for item in sequence(value) if isinstance(item, list)
    )
    if count > ALL_TOKENS:
        yield "input", f"requested more than {ALL_TOKENS} tokens, max {ALL_TOKENS} tokens per request"


@rule(EMBEDDING_SDK)
def dimensions_of_the_model(request: Request) -> Findings:
    """Dimensions needs text-embedding-3 and is at most the model's own."""
    wanted = amount(request.get("dimensions"))
    if wanted is None:
        return
    if request.model == "text-embedding-ada-002":
        yield "dimensions", "this model does not support specifying dimensions"
    most = _DIMENSIONS.get(request.model)
    if most is not None and wanted > most:
        yield "dimensions", f"invalid value for 'dimensions' = {wanted:g}. Must be less than or equal to {most}"


EMBEDDINGS = Wire(
    provider="openai",
    api="embeddings",
    shape=EMBEDDINGS_BODY,
    form=forms.openai,
    source=SPECIFICATION,
    rules=(tokens_of_an_input, tokens_of_a_request, dimensions_of_the_model),
)

SPEECH_BODY = obj(
    "input model voice",
    closed=True,
    input=text(1, 4_096),
    model=text(1),
    voice=VOICE,
    instructions=text(0, 4_096),
    response_format=choice("mp3 opus aac flac wav pcm"),
    speed=number(0.25, 4),
    stream_format=choice("sse audio"),
)
_OLD_VOICES = frozenset({"alloy", "ash", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer"})


@rule(SPECIFICATION)
def speech_of_tts_1(request: Request) -> Findings:
    """tts-1 and tts-1-hd know neither instructions nor stream_format sse, and nine voices."""
    if not request.model.startswith("tts-1"):
        return
    if request.get("stream_format") == "sse":
        yield "stream_format", "'sse' is not supported for this model"
    voice = request.get("voice")
    if isinstance(voice, str) and voice not in _OLD_VOICES:
        yield "voice", f"this model has no voice '{voice[:40]}'"


SPEECH = Wire(
    provider="openai",
    api="audio/speech",
    shape=SPEECH_BODY,
    rules=(speech_of_tts_1,),
    form=forms.openai,
    source=SPECIFICATION,
)

_FILE = ANY
TRANSCRIPTION_BODY = obj(
    "model",
    file=_FILE,
    model=text(1),
    chunking_strategy=either(
        choice("auto"),
        tagged(
            shapes={
                "server_vad": obj(prefix_padding_ms=INTEGER, silence_duration_ms=INTEGER, threshold=number(0, 1)),
            }
        ),
    ),
    include=listing(choice("logprobs")),
    known_speaker_names=listing(TEXT, at_most=4, source=TRANSCRIPTION_SDK),
    known_speaker_references=listing(TEXT, at_most=4, source=TRANSCRIPTION_SDK),
    language=text(2, 10),
    languages=listing(TEXT, at_least=1),
    keywords=listing(TEXT),
    prompt=TEXT,
    response_format=choice("json text srt verbose_json vtt diarized_json"),
    stream=BOOLEAN,
    temperature=number(0, 1),
    timestamp_granularities=listing(choice("word segment")),
)
MEGABYTES_OF_AUDIO = 25


@rule(TRANSCRIPTION_SDK, code="unsupported_value")
def format_of_the_model(request: Request) -> Findings:
    """GPT transcription models take json only, the one that tells speakers apart json, text and diarized_json."""
    wanted = request.get("response_format")
    if wanted is None or not request.model.startswith("gpt-"):
        return
    allowed = ("json", "text", "diarized_json") if "diarize" in request.model else ("json",)
    if wanted not in allowed:
        yield (
            "response_format",
            f"response_format '{str(wanted)[:40]}' is not compatible with this model. Use {' or '.join(allowed)} instead",
        )


@rule(TRANSCRIPTION_SDK)
def granularities_need_verbose_json(request: Request) -> Findings:
    """timestamp_granularities needs response_format verbose_json."""
    if request.get("timestamp_granularities") and request.get("response_format") != "verbose_json":
        yield "timestamp_granularities", "response_format must be set to 'verbose_json'"


@rule(TRANSCRIPTION_SDK)
def parameters_of_the_speakers_model(request: Request) -> Findings:
    """The model that tells speakers apart takes no prompt and no logprobs."""
    if "diarize" in request.model:
        for name in ("prompt", "include", "timestamp_granularities"):
            if request.get(name):
                yield name, f"'{name}' is not supported for this model"


@rule(TRANSCRIPTION_SDK)
def streams_of_whisper(request: Request) -> Findings:
    """whisper-1 has no logprobs and speaker names."""
    if request.model == "whisper-1":
        for name in ("include", "known_speaker_names", "known_speaker_references"):
            if request.get(name):
                yield name, f"'{name}' is not supported for this model"


@rule(Source("https://platform.openai.com/docs/guides/speech-to-text", "2026-08"), status=413)
def audio_bytes(request: Request) -> Findings:
    """An audio file has at most 25 MB."""
    if size_of(request.get("file")) > MEGABYTES_OF_AUDIO * 1024 * 1024:
        yield "file", "maximum content size limit (26214400) exceeded"


TRANSCRIPTION = Wire(
    provider="openai",
    api="audio/transcriptions",
    shape=TRANSCRIPTION_BODY,
    form=forms.openai,
    source=SPECIFICATION,
    rules=(
        format_of_the_model,
        granularities_need_verbose_json,
        parameters_of_the_speakers_model,
        streams_of_whisper,
        audio_bytes,
    ),
)

_EXPIRY = obj("anchor seconds", anchor=choice("created_at"), seconds=integer(3_600, 2_592_000))
BATCH_BODY = obj(
    closed=True,
    completion_window=choice("24h"),
    endpoint=choice(BATCH_ENDPOINTS),
    input_file_id=text(1),
    metadata=METADATA,
    output_expires_after=_EXPIRY,
    input_file=ANY,
)
LINES, BATCH_MEGABYTES = 50_000, 200


@rule(BATCH_SDK)
def lines_of_a_batch(request: Request) -> Findings:
    """A batch file has at most 50,000 requests and 200 MB."""
    file = request.get("input_file")
    count = len(sequence(dig(file, "requests")) or sequence(file))
    if count > LINES:
        yield "input_file", f"{count} requests exceed the limit of {LINES}"
    if size_of(file) > BATCH_MEGABYTES * 1024 * 1024:
        yield "input_file", f"the file is larger than {BATCH_MEGABYTES} MB"


@rule(BATCH_SDK)
def ids_of_a_batch_are_unique(request: Request) -> Findings:
    """custom_id is unique in its batch."""
    file = request.get("input_file")
    seen: set[str] = set()
    for index, line in records(dig(file, "requests") or file):
        name = line.get("custom_id")
        if isinstance(name, str):
            if name in seen:
                yield f"input_file[{index}].custom_id", f"the custom_id '{name[:60]}' is not unique"
            seen.add(name)


BATCH = Wire(
    provider="openai",
    api="batch",
    shape=BATCH_BODY,
    rules=(lines_of_a_batch, ids_of_a_batch_are_unique),
    form=forms.openai,
    source=BATCH_SDK,
)
FILES_BODY = obj(
    file=ANY,
    purpose=choice("assistants batch fine-tune vision user_data evals"),
    expires_after=_EXPIRY,
)
FILE_BYTES = 512 * 1024 * 1024


@rule(SPECIFICATION, status=413)
def file_bytes(request: Request) -> Findings:
    """A file has at most 512 MB."""
    if size_of(request.get("file")) > FILE_BYTES:
        yield "file", "the file is larger than 512 MB"


FILES = Wire(
    provider="openai", api="files", shape=FILES_BODY, rules=(file_bytes,), form=forms.openai, source=SPECIFICATION
)

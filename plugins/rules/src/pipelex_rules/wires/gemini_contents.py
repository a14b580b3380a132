"""The contents of Gemini's API: parts, the order of turns, calls and their responses, thought signatures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_rules.families import gemini as family
from pipelex_rules.rule import rule
from pipelex_rules.shapes import ANY, BOOLEAN, OBJECT, TEXT, choice, data, either, listing, obj, text
from pipelex_rules.sources import Source, client, thread
from pipelex_rules.values import dig, encoded_size, record, records, sequence, string
from pipelex_rules.wires import gemini_hosted_shapes as hosted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from pipelex_rules.rule import Findings, Request

SPECIFICATION = Source("google-ai-generativelanguage@0.12.1 v1beta types/content.py Part", "2026-11-30")
SDK = Source("google-genai@2.34.0 types.py", "2026-11-30")
KINDS = (
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
)
RESULT_TYPES = ("image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain")
IMAGE_TOKENS, WINDOW = 1_100, 1_048_576
MEGABYTES = 100

_BLOB = obj("mimeType data", mimeType=text(1, pattern=r"[\w.+-]+/[\w.+-]+(;.*)?"), data=data(1), displayName=TEXT)
_FILE = obj("fileUri", fileUri=text(1), mimeType=TEXT, displayName=TEXT)
_CALL = obj("name", name=text(1), args=OBJECT, id=TEXT, partialArgs=listing(), willContinue=BOOLEAN)
_RESPONSE = obj(
    "name response",
    name=text(1),
    response=OBJECT,
    id=TEXT,
    parts=listing(hosted.RESULT_PART),
    willContinue=BOOLEAN,
    scheduling=hosted.SCHEDULING,
)
PART = obj(
    closed=True,
    text=TEXT,
    inlineData=_BLOB,
    fileData=_FILE,
    functionCall=_CALL,
    functionResponse=_RESPONSE,
    executableCode=hosted.EXECUTABLE_CODE,
    codeExecutionResult=hosted.CODE_RESULT,
    toolCall=hosted.TOOL_CALL,
    toolResponse=hosted.TOOL_RESPONSE,
    thought=BOOLEAN,
    thoughtSignature=TEXT,
    videoMetadata=hosted.VIDEO,
    mediaResolution=ANY,
    partMetadata=OBJECT,
    audioTranscription=ANY,
    mediaProcessing=ANY,
    speechMetadata=ANY,
    origin=SDK,
)
CONTENT = obj("parts", parts=listing(PART), role=choice("user model function system"), closed=True)
SYSTEM = either(obj("parts", parts=either(listing(PART), PART), role=TEXT), TEXT)


def parts(request: Request) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Go through the parts of all turns."""
    for index, content in records(request.get("contents")):
        for number, part in records(content.get("parts")):
            yield f"contents[{index}].parts[{number}]", part


def _count(content: Any, kind: str) -> int:
    return sum(1 for _, part in records(record(content).get("parts")) if part.get(kind) is not None)


@rule(SPECIFICATION)
def one_kind_of_data(request: Request) -> Findings:
    """A part holds exactly one kind of data."""
    for place, part in parts(request):
        kinds = [kind for kind in KINDS if part.get(kind) is not None]
        if len(kinds) > 1:
            yield place, f"oneof field 'data' is already set. Cannot set '{kinds[1]}'"
        elif not kinds and all(part.get(name) is None for name in ("thoughtSignature", "thought", "videoMetadata")):
            yield place, "required oneof field 'data' must have one initialized field"


@rule(SPECIFICATION)
def turns_have_parts(request: Request) -> Findings:
    """A turn has at least one part."""
    for index, content in records(request.get("contents")):
        if content.get("parts") == []:
            yield f"contents[{index}].parts", "contents.parts must not be empty"


@rule(SDK.at("Part.video_metadata"))
def video_metadata_of_videos(request: Request) -> Findings:
    """VideoMetadata accompanies inlineData or fileData, or alone (recorded traffic gemini-generate_content-dc0d1029)."""
    for place, part in parts(request):
        other = any(part.get(kind) is not None for kind in KINDS if kind not in ("inlineData", "fileData"))
        if part.get("videoMetadata") is not None and other:
            yield f"{place}.videoMetadata", "videoMetadata needs inlineData or fileData of a video"


@rule(thread("https://github.com/vercel/ai/issues/14369", "2026-07"))
def references_in_results(request: Request) -> Findings:
    """Gemini 3 reads $ref in a functionResponse as the name of a part."""
    if family.version(request.model) < (3, 0):
        return
    for place, part in parts(request):
        response = dig(part, "functionResponse", "response")
        names = {
            string(dig(item, "inlineData", "displayName")) for item in sequence(dig(part, "functionResponse", "parts"))
        }
        found = next((ref for ref in _references(response) if ref not in names), None)
        if found is not None:
            yield (
                f"{place}.functionResponse.response",
                f"referenced name `{str(found)[:80]}` does not match to a display_name",
            )


def _references(value: Any) -> Iterator[str]:
    stack, seen = [value], 0
    while stack and seen < 100_000:
        current = stack.pop()
        seen += 1
        if isinstance(current, dict):
            if isinstance(current.get("$ref"), str):
                yield current["$ref"]
            stack += current.values()
        elif isinstance(current, list):
            stack += current


@rule(
    client(
        "github:pydantic/pydantic-ai@4fda3898 profiles/google.py _GOOGLE_NATIVE_TOOL_RETURN_MIME_TYPES", "2026-08-23"
    )
)
def media_in_results(request: Request) -> Findings:
    """Data in a functionResponse are of a type that the model takes, from Gemini 3 on."""
    for place, part in parts(request):
        for number, item in records(dig(part, "functionResponse", "parts")):
            kind = string(dig(item, "inlineData", "mimeType"))
            at = f"{place}.functionResponse.parts[{number}]"
            if kind and kind not in RESULT_TYPES:
                yield f"{at}.inlineData.mimeType", f"mime type '{kind[:60]}' is not supported in a function response"
            if (0, 0) < family.version(request.model) < (3, 0):
                yield at, "this model takes no media in a function response"


@rule(thread("https://github.com/google-gemini/gemini-cli/issues/17208", "2026-01-21"))
def calls_are_answered(request: Request) -> Findings:
    """As many functionResponse parts as the turn before has functionCall parts."""
    history = sequence(request.get("contents"))
    words = "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn"
    for index, content in records(history):
        calls = _count(content, "functionCall")
        following = history[index + 1] if index + 1 < len(history) else None
        if calls and _count(following, "functionResponse") != calls:
            yield f"contents[{index}]", words
        before = history[index - 1] if index else None
        if _count(content, "functionResponse") and not _count(before, "functionCall"):
            yield (
                f"contents[{index}]",
                "Please ensure that function response turn comes immediately after a function call turn",
            )


@rule(client("github:pydantic/pydantic-ai@4fda3898 models/google.py", "2026-08-23"))
def calls_follow_the_user(request: Request) -> Findings:
    """A turn of calls follows a user's turn or a turn of responses."""
    history = sequence(request.get("contents"))
    for index, content in records(history):
        before = dig(history[index - 1], "role") if index else None
        if _count(content, "functionCall") and before not in ("user", "function"):
            yield (
                f"contents[{index}]",
                "Please ensure that function call turn comes immediately after a user turn or after a function response turn",
            )


@rule(Source("https://ai.google.dev/gemini-api/docs/thought-signatures", "2026-08"))
def thought_signatures(request: Request) -> Findings:
    """From Gemini 3 on the first functionCall of each step of the current turn carries its thoughtSignature."""
    if family.version(request.model) < (3, 0):
        return
    history = list(records(request.get("contents")))
    begun = max(
        (
            index
            for index, content in history
            if content.get("role") == "user" and not _count(content, "functionResponse")
        ),
        default=-1,
    )
    for index, content in history:
        calls = [
            (number, part) for number, part in records(content.get("parts")) if part.get("functionCall") is not None
        ]
        if index > begun and calls and not calls[0][1].get("thoughtSignature"):
            yield (
                f"contents[{index}].parts[{calls[0][0]}]",
                "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly",
            )


@rule(thread("a measurement against the live API, public code index file 69095604352", "2026-09-18"))
def image_tokens(request: Request) -> Findings:
    """The images of a request fit into the window: from Gemini 3 on some 1,100 tokens each."""
    if family.version(request.model) < (3, 0):
        return
    count = sum(1 for _, part in parts(request) if string(dig(part, "inlineData", "mimeType")).startswith("image/"))
    if count * IMAGE_TOKENS > WINDOW:
        yield "contents", f"The input token count exceeds the maximum number of tokens allowed {WINDOW}"


@rule(Source("https://ai.google.dev/gemini-api/docs/file-input-methods", "2026-09-18"))
def inline_bytes(request: Request) -> Findings:
    """Inline data have at most 100 MB a request."""
    total = sum(
        encoded_size(dig(part, "inlineData", "data")) for _, part in parts(request) if dig(part, "inlineData", "data")
    )
    if total > MEGABYTES * 1024 * 1024 * 4 // 3 + 1024:
        yield "contents", f"inline data exceed {MEGABYTES} MB"


RULES = (
    one_kind_of_data,
    turns_have_parts,
    video_metadata_of_videos,
    references_in_results,
    media_in_results,
    calls_are_answered,
    calls_follow_the_user,
    thought_signatures,
    image_tokens,
    inline_bytes,
)

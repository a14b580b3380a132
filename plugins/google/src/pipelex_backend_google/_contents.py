"""Messages as `contents`: https://ai.google.dev/api/caching#Content.

A thought signature goes back in the part it came with (https://ai.google.dev/gemini-api/docs/thought-signatures), so a
`ProviderPart` of ours says where that is:

    {"call": id, "thoughtSignature": …}      the function call with that id
    {"text": text, "thoughtSignature": …}    the end of the message's text; "" for a part of its own after it
    {"thought": text, "thoughtSignature": …} a thought

Gemini 3 and later refuse a function call without a signature; one that another model made gets the word that Google has
for that, see the page's questions and answers.
"""

from __future__ import annotations

import json
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_core.documents import is_text
from pipelex_core.errors import UnsupportedInputError
from pipelex_core.histories import HistoryForm, fit, turns
from pipelex_core.parts import AudioPart, DocumentPart, ImagePart, ProviderPart, TextPart, ToolCall, ToolResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelex_core.parts import Media, Message

PROVIDER = "google"
_MADE_UP = "made-up-"
_FORM = HistoryForm(
    provider=PROVIDER, opens_with_user=True, result_names=True, result_id=("functionResponse", "id"), audio=True
)
_NOT_GEMINIS = "skip_thought_signature_validator"


def new_call_id() -> str:
    """An id for a function call that came without one (Gemini 2); it is not sent back."""
    return _MADE_UP + token_hex(8)


def contents(messages: Sequence[Message], model_id: str, *, signed_calls: bool = False) -> list[dict[str, Any]]:
    """The conversation in Google's form; the results of the calls of one turn are one turn.

    Args:
        messages: The conversation.
        model_id: The model that is asked.
        signed_calls: Whether the model refuses function calls without a signature.

    Raises:
        BadRequestError: A tool's result answers no call of the conversation.
    """
    made: list[dict[str, Any]] = []
    for role, group in turns(fit(messages, _FORM, model_id)):
        if role == "user":
            made += ({"role": "user", "parts": _user_parts(message)} for message in group)
            continue
        parts = [part for message in group for part in _model_parts(message)]
        if signed_calls:
            _sign_first_call(parts)
        made.append({"role": "model", "parts": parts})
    return made


def _user_parts(message: Message) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    for part in message.parts:
        if isinstance(part, TextPart):
            parts.append({"text": part.text})
        elif isinstance(part, (ImagePart, AudioPart)):
            parts.append(medium(part.media))
        elif isinstance(part, DocumentPart):
            parts.append(_document(part.media))
        elif isinstance(part, ToolResult):
            response = {"name": part.name, "response": _response(part), **_id(part.call_id)}
            parts.append({"functionResponse": response})
        elif isinstance(part, ProviderPart) and "functionResponse" in part.data:
            parts.append(dict(part.data))  # a result with files, in Google's own form
    return parts


def _model_parts(message: Message) -> list[dict[str, Any]]:
    own = [part.data for part in message.parts if isinstance(part, ProviderPart) and "thoughtSignature" in part.data]
    by_call = {data["call"]: data["thoughtSignature"] for data in own if "call" in data}
    signed = [data for data in own if "text" in data]
    parts: list[dict[str, Any]] = [
        {"thought": True, "text": data["thought"], "thoughtSignature": data["thoughtSignature"]}
        for data in own
        if "thought" in data
    ]
    last_text = next((part for part in reversed(message.parts) if isinstance(part, TextPart)), None)
    for part in message.parts:
        if part is last_text:
            parts += _with_signatures(last_text.text, signed)
        elif isinstance(part, TextPart) and part.text:
            parts.append({"text": part.text})
        elif isinstance(part, ImagePart):
            parts.append(medium(part.media))
        elif isinstance(part, DocumentPart):
            parts.append(_document(part.media))
        elif isinstance(part, ToolCall):
            call = {"name": part.name, "args": dict(part.arguments), **_id(part.id)}
            signature = by_call.get(part.id)
            parts.append({"functionCall": call, **({"thoughtSignature": signature} if signature else {})})
    if last_text is None:
        parts += _with_signatures("", signed)
    return parts or [{"text": ""}]


def _sign_first_call(parts: list[dict[str, Any]]) -> None:
    """The first of calls made together bears the signature of all."""
    first = next((part for part in parts if "functionCall" in part), None)
    if first is not None:
        first.setdefault("thoughtSignature", _NOT_GEMINIS)


def _with_signatures(text: str, signed: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The text in the parts it came in; a signature whose text is no longer there is left out."""
    tail: list[dict[str, Any]] = []
    for data in reversed(signed):
        if text.endswith(data["text"]):
            text = text.removesuffix(data["text"])
            tail.insert(0, {"text": data["text"], "thoughtSignature": data["thoughtSignature"]})
    return [{"text": text}, *tail] if text else tail


def _document(media: Media) -> dict[str, Any]:
    """A PDF, or text, of whichever kind: https://ai.google.dev/gemini-api/docs/document-processing."""
    if is_text(media):
        return medium(evolve(media, media_type="text/plain"))  # all that Vertex AI knows of it
    if media.media_type != "application/pdf":
        msg = f"Gemini takes PDFs and text, not {media.media_type}"
        raise UnsupportedInputError(msg)
    return medium(media)


def medium(media: Media) -> dict[str, Any]:
    if media.url is not None:
        return {"fileData": {"mimeType": media.media_type, "fileUri": media.url}}
    return {"inlineData": {"mimeType": media.media_type, "data": media.base64()}}


def _response(result: ToolResult) -> dict[str, Any]:
    """A result as the object Google wants: JSON objects as they are, anything else as `output` or `error`.

    An object with `$ref` in it goes as text: Gemini 3 takes the value for the name of a part of the response.
    """
    if result.is_error:
        return {"error": result.content}
    try:
        value = json.loads(result.content)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict) or '"$ref"' in json.dumps(value):
        return {"output": result.content}
    return value


def _id(call_id: str) -> dict[str, str]:
    return {} if call_id.startswith(_MADE_UP) else {"id": call_id}

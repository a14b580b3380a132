"""The body of a `generateContent` request: https://ai.google.dev/api/generate-content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_backend_google._contents import contents
from pipelex_backend_google._dialects import GEMINI
from pipelex_backend_google._thinking import thinking_config
from pipelex_core.dialects import adapt
from pipelex_core.errors import UnsupportedInputError
from pipelex_core.requests import ObjectRequest

if TYPE_CHECKING:
    from pipelex_core.parts import Tool
    from pipelex_core.requests import TextRequest

_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}


def text_body(request: TextRequest) -> dict[str, Any]:
    """A text or object request in the API's own form: what it holds, and nothing else."""
    signed = request.spec.options.get("thinking") != "budget"  # Gemini 3 and later
    body: dict[str, Any] = {
        "contents": contents(request.messages, request.spec.model_id, signed_calls=signed),
        "generationConfig": _generation_config(request),
    }
    if request.system is not None:
        body["systemInstruction"] = {"parts": [{"text": request.system}]}
    if request.tools:
        if isinstance(request, ObjectRequest):
            _refuse_both(request, takes_both=signed)
        body["tools"] = [{"functionDeclarations": [_declaration(tool) for tool in request.tools]}]
        if request.tool_choice is not None:
            body["toolConfig"] = {"functionCallingConfig": _calling(request.tool_choice)}
    if request.hosted_tools:  # https://ai.google.dev/gemini-api/docs/google-search
        if not signed and (request.tools or isinstance(request, ObjectRequest)):
            msg = (
                f"model '{request.spec.name}' searches the web beside no tools and no schema, as Gemini 3 and later do"
            )
            raise UnsupportedInputError(msg)
        body["tools"] = [*body.get("tools", ()), {"googleSearch": {}}]
        if request.tools:  # https://ai.google.dev/gemini-api/docs/tool-combination
            body.setdefault("toolConfig", {})["includeServerSideToolInvocations"] = True
    return body


def _generation_config(request: TextRequest) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "temperature": request.temperature,
        "maxOutputTokens": request.max_tokens,
        "topP": request.top_p,
        "seed": request.seed,
        "stopSequences": list(request.stop) or None,
        "thinkingConfig": thinking_config(request),
        "responseLogprobs": True if request.logprobs is not None else None,
        "logprobs": request.logprobs or None,
        "candidateCount": request.n if request.n != 1 else None,
    }
    if isinstance(request, ObjectRequest):
        settings["responseMimeType"] = "application/json"
        settings["responseJsonSchema"] = adapt(request.schema, GEMINI).schema
    return {name: value for name, value in settings.items() if value is not None}


def _refuse_both(request: ObjectRequest, *, takes_both: bool) -> None:
    """Before Gemini 3, and for a call that is demanded, Google refuses tools beside a JSON answer.

    https://ai.google.dev/gemini-api/docs/structured-output#structured-outputs-with-tools
    """
    if not takes_both:
        msg = f"model '{request.spec.name}' takes no tools in a request for an object, as Gemini 3 and later do"
        raise UnsupportedInputError(msg)
    if request.tool_choice not in {None, "auto", "none"}:
        msg = "Gemini takes no tool_choice that demands a call in a request for an object"
        raise UnsupportedInputError(msg)


def _declaration(tool: Tool) -> dict[str, Any]:
    parameters = adapt(tool.parameters, GEMINI).schema
    return {"name": tool.name, "description": tool.description, "parametersJsonSchema": parameters}


def _calling(choice: str) -> dict[str, Any]:
    if choice in _MODES:
        return {"mode": _MODES[choice]}
    return {"mode": "ANY", "allowedFunctionNames": [choice]}

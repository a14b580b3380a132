"""A Gemini API on loopback: AI Studio's paths and Vertex AI's, and Google's token endpoint.

It refuses what the rulebook says that Google refuses, a wrong key or token, and conversations without its signatures; it
answers by what a request asks for, so that a wrong request fails.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from pipelex_testing.bodies.gemini import USAGE, answer, error
from pipelex_testing.rulebook import Rulebook
from tests.servers.base import Reply, Server, vector_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.base import Received

__all__ = ["USAGE", "answer", "error"]

KEY = "AIza-test-key"
TOKEN = "ya29.loopback"
SIGNATURE = b64encode(b"what was thought").decode()
PNG = b64encode(b"\x89PNG\r\n\x1a\n-and-the-rest").decode()
_AI_STUDIO = re.compile(r"/v1beta/models/(?P<model>[^/:]+):(?P<method>\w+)")
_VERTEX = re.compile(
    r"/v1beta1/projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)/publishers/google/models/"
    r"(?P<model>[^/:]+):(?P<method>\w+)"
)
_EXPRESS = re.compile(r"/v1beta1/publishers/google/models/(?P<model>[^/:]+):(?P<method>\w+)")
_EMBEDDINGS = frozenset({"batchEmbedContents", "predict", "embedContent"})


class GoogleServer(Server):
    """The server.

    Attributes:
        tokens: How many access tokens were given out.
    """

    def __init__(self) -> None:
        super().__init__(Rulebook(provider="google"))
        self.tokens = 0

    async def answer(self, request: Received) -> Reply:
        """A token, a list of models, or what a request asks for."""
        if request.path == "/token":
            return self._token(request)
        if request.method == "GET":
            prefix = "publishers/google/models" if "publishers" in request.path else "models"
            names = [{"name": f"{prefix}/{name}"} for name in ("gemini-2.5-flash", "gemini-2.5-pro")]
            return Reply.json({"publisherModels" if "publishers" in request.path else "models": names})
        studio, vertex = _AI_STUDIO.fullmatch(request.path), _VERTEX.fullmatch(request.path)
        if (express := _EXPRESS.fullmatch(request.path)) and express["method"] in _EMBEDDINGS:
            studio = express  # it has a key, too
        matched = studio or vertex
        if matched is None:
            return error(404, "NOT_FOUND", f"no such path: {request.path}")
        if matched["method"] in _EMBEDDINGS:
            return _unknown_caller(request, vertex=vertex is not None) or embedded(matched["method"], request.json)
        if matched["method"] == "countTokens":
            return _unknown_caller(request, vertex=vertex is not None) or _counted(request, vertex=vertex is not None)
        refused = _refused(request, vertex=vertex is not None)
        return refused or self._generated(matched["method"], request)

    def _generated(self, method: str, request: Received) -> Reply:
        made = _answer_to(request.json)
        if method == "generateContent":
            return Reply.json(made)
        return Reply.sse(*_chunks(made)) if request.query.get("alt") == "sse" else Reply.json([made])

    def _token(self, request: Received) -> Reply:
        form = request.body.decode()
        if "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer" not in form:
            return Reply.json({"error": "unsupported_grant_type"}, status=400)
        self.tokens += 1
        return Reply.json({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"})


def _counted(request: Received, *, vertex: bool) -> Reply:
    """A count of the letters: AI Studio's of the whole request, Vertex AI's of the fields that it takes."""
    body = request.json
    if vertex:
        unknown = set(body) - {"contents", "generationConfig", "systemInstruction", "tools"}
        if unknown:
            return error(400, "INVALID_ARGUMENT", f"Unknown name: {sorted(unknown)}")
    else:
        body = body["generateContentRequest"]
        if not body.pop("model").startswith("models/"):
            return error(400, "INVALID_ARGUMENT", "model is models/NAME")
        if faults := list(_faults(body)):
            return error(400, "INVALID_ARGUMENT", "; ".join(faults))
    stated = [*body.get("systemInstruction", {}).get("parts", ()), *(p for c in body["contents"] for p in c["parts"])]
    return Reply.json({"totalTokens": sum(len(part.get("text", "")) for part in stated)})


def embedded(method: str, body: dict[str, Any]) -> Reply:
    """One vector a content: of several requests in a batch, of several instances, or of the parts of one content together."""
    if method == "predict":
        size = body.get("parameters", {}).get("outputDimensionality", 8)
        vectors = [vector_of(each["content"], size) for each in body["instances"]]
        predictions = [
            {"embeddings": {"values": row, "statistics": {"truncated": False, "token_count": 2}}} for row in vectors
        ]
        return Reply.json({"predictions": predictions, "metadata": {"billableCharacterCount": 12}})
    if method == "embedContent":
        text = "".join(part["text"] for part in body["content"]["parts"])
        row = vector_of(text, body.get("embedContentConfig", {}).get("outputDimensionality", 8))
        return Reply.json({"embedding": {"values": row}, "usageMetadata": {"promptTokenCount": 3}, "truncated": False})
    rows = [
        vector_of("".join(part["text"] for part in each["content"]["parts"]), each.get("outputDimensionality", 8))
        for each in body["requests"]
    ]
    return Reply.json({"embeddings": [{"values": row} for row in rows]})


def _refused(request: Received, *, vertex: bool) -> Reply | None:
    """Google's refusal of a wrong key, token or request, or None."""
    refused = _unknown_caller(request, vertex=vertex)
    if refused is not None:
        return refused
    faults = list(_faults(request.json))
    return error(400, "INVALID_ARGUMENT", "; ".join(faults)) if faults else None


def _unknown_caller(request: Received, *, vertex: bool) -> Reply | None:
    """Google's refusal of a wrong key or token, or None."""
    if vertex and request.headers.get("authorization") not in (f"Bearer {TOKEN}", "Bearer anonymous"):
        return error(401, "UNAUTHENTICATED", "no valid token")
    if not vertex and request.headers.get("x-goog-api-key") != KEY:
        reason = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
        return error(400, "INVALID_ARGUMENT", "API key not valid.", reason)
    return None


def _faults(body: dict[str, Any]) -> Iterator[str]:
    """What a conversation with this server must have besides what the rulebook asks: its signatures, and each result its call."""
    waiting: list[dict[str, Any]] = []
    for content in body["contents"]:
        calls = [part for part in content["parts"] if "functionCall" in part]
        results = [part["functionResponse"] for part in content["parts"] if "functionResponse" in part]
        if calls and calls[0].get("thoughtSignature") not in (SIGNATURE, "skip_thought_signature_validator"):
            yield "Function call is missing a thought_signature"
        for call, result in zip(waiting, results, strict=False):
            if (call["name"], call.get("id")) != (result["name"], result.get("id")):
                yield f"{result['name']} answers no call"
        waiting = [part["functionCall"] for part in calls]


def _answer_to(body: dict[str, Any]) -> dict[str, Any]:
    config = body.get("generationConfig", {})
    if config.get("responseModalities") == ["IMAGE"]:
        return answer({"inlineData": {"mimeType": "image/png", "data": PNG}})
    thoughts: list[dict[str, Any]] = []
    if config.get("thinkingConfig", {}).get("includeThoughts"):
        thoughts = [{"text": "Hm. ", "thought": True}, {"text": "Yes.", "thought": True}]
    last = body["contents"][-1]["parts"]
    results = [part["functionResponse"]["response"] for part in last if "functionResponse" in part]
    if results:
        return answer(*thoughts, {"text": f"The tools say {json.dumps(results)}.", "thoughtSignature": SIGNATURE})
    mode = body.get("toolConfig", {}).get("functionCallingConfig", {}).get("mode")
    if "tools" in body and mode != "NONE":
        return answer(*thoughts, *_calls(body["tools"][0]["functionDeclarations"]))
    if "responseJsonSchema" in config:
        value = dict.fromkeys(config["responseJsonSchema"]["properties"], 7)
        return answer(*thoughts, {"text": json.dumps(value)})
    stated = [part.get("text") or next(iter(part.values())).get("mimeType") for part in last]
    return answer(*thoughts, {"text": f"You said: {' + '.join(stated)}"})


def _calls(declarations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A call of every tool; the first is signed, and only it has an id."""
    parts: list[dict[str, Any]] = []
    for number, declaration in enumerate(declarations):
        arguments = {name: f"some {name}" for name in declaration["parametersJsonSchema"]["properties"]}
        call: dict[str, Any] = {"name": declaration["name"], "args": arguments}
        parts.append(
            {"functionCall": {**call, "id": "id-0"}, "thoughtSignature": SIGNATURE}
            if number == 0
            else {"functionCall": call}
        )
    return parts


def _chunks(made: dict[str, Any]) -> list[dict[str, Any]]:
    """An answer in pieces: a part or half a text each, and a last one with the reason and the counts."""
    (candidate,) = made["candidates"]
    chunks = []
    for part in candidate["content"]["parts"]:
        text = part.get("text", "")
        halves = (
            [{**part, "text": text[: len(text) // 2]}, {**part, "text": text[len(text) // 2 :]}] if text else [part]
        )
        if text and "thoughtSignature" in part:
            halves = [{"text": text}, {"text": "", "thoughtSignature": part["thoughtSignature"]}]
        chunks += [answer(half, finish=None, usage={}) for half in halves]
    last = answer({"text": ""}, finish=candidate["finishReason"])
    return [*chunks, last]

"""Converse and ConverseStream of Amazon Bedrock."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any, ClassVar

from pipelex_core.specs import BackendConfig, Secret
from tests.conformance.provider import CHAT, Provider
from tests.conformance.scenario import ARGUMENTS, PNG, WEATHER
from tests.servers import bedrock
from tests.servers.base import Reply

if TYPE_CHECKING:
    from tests.conformance.scenario import SampleAnswer
    from tests.servers.base import Received

USAGE = {"inputTokens": 12, "outputTokens": 12, "totalTokens": 32, "cacheReadInputTokens": 8}


class Bedrock(Provider):
    """A Claude on Bedrock, so that thinking is shown; botocore itself checks what is sent."""

    name = "bedrock"
    title = "Amazon Bedrock"
    backend = "bedrock"
    sdk = "bedrock"
    sdk_module = "botocore"
    cells = CHAT | {"image out"}
    model_id = bedrock.MODEL_ID
    painter_id = "stability.stable-image-core-v1:1"
    options: ClassVar = {"reasoning": "budget"}

    def config(self, url: str, key: str | None = None) -> BackendConfig:
        if key is None:
            return bedrock.config(url)
        return bedrock.config(
            url,
            keys=False,
            aws_access_key_id="AKIDTEST",
            aws_secret_access_key=Secret(key),
            aws_session_token=Secret(key),
        )

    def reply(self, stated: SampleAnswer, *, stream: bool = False) -> Reply:
        thought = {"text": stated.thought, "signature": "c2lnbmVk"}
        stop = "tool_use" if stated.calls or stated.value else "end_turn"
        called = stated.value or (ARGUMENTS if stated.calls else None)
        name = "City" if stated.value else WEATHER.name
        if stream:
            return bedrock.stream(*_events(stated), *bedrock.end_events(stop, USAGE))
        content: list[dict[str, Any]] = [{"reasoningContent": {"reasoningText": thought}}] if stated.thought else []
        if called is not None:
            content.append({"toolUse": {"toolUseId": "tooluse_1", "name": name, "input": called}})
        else:
            content.append({"text": stated.text})
        return bedrock.message(*content, stop=stop, usage=USAGE)

    async def refusal(self, server: Any, request: Received) -> str | None:
        if request.path.endswith("/invoke") and "stability" in request.path:
            return None if request.json["prompt"] else "no prompt"
        return None if "/converse" in request.path and request.json["messages"] else f"no Converse: {request.path}"

    def paints(self, server: Any) -> None:
        made = {"seeds": [42], "finish_reasons": [None], "images": [b64encode(PNG).decode()]}
        server.queue(Reply.json(made, headers={"x-amzn-requestid": "req_1"}))


def _events(stated: SampleAnswer) -> list[bytes]:
    events = [bedrock.event("messageStart", role="assistant")]
    half = len(stated.text) // 2
    for piece in (stated.text[:half], stated.text[half:]):
        events.append(bedrock.event("contentBlockDelta", contentBlockIndex=0, delta={"text": piece}))
    return [*events, bedrock.event("contentBlockStop", contentBlockIndex=0)]

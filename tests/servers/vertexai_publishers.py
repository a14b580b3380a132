"""Vertex AI's paths of other publishers on loopback: Claude and Mistral behind `rawPredict`, by the rulebook.

A request is refused as its provider refuses it, or for its caller; else it is answered by what it asks for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipelex_testing.bodies import anthropic, gemini
from pipelex_testing.bodies.mistral import call, chunk, message, page, pages
from pipelex_testing.rulebook import Rulebook
from tests.servers.base import Reply, Server
from tests.servers.google import TOKEN

if TYPE_CHECKING:
    from tests.servers.base import Received

_PATH = re.compile(
    r"/v1/projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)/publishers/(?P<publisher>anthropic|mistralai)/models/"
    r"(?P<model>[^/:]+):(?P<method>rawPredict|streamRawPredict)"
)
_PROVIDERS = {"anthropic": "anthropic", "mistralai": "mistral"}
REQUEST_ID = "req_vrtx_1"
_USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}


class PublisherServer(Server):
    """The server.

    Attributes:
        tokens: How many access tokens were given out.
        without: Ids of rules that are not applied.
    """

    def __init__(self, *without: str) -> None:
        super().__init__()
        self.tokens = 0
        self.without = frozenset(without)

    async def answer(self, request: Received) -> Reply:
        """The plainest right answer, or a refusal."""
        if request.path == "/token":
            self.tokens += 1
            return Reply.json({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"})
        place = _PATH.fullmatch(request.path)
        if place is None:
            return gemini.error(404, "NOT_FOUND", "no such path")
        if request.headers.get("authorization") not in {f"Bearer {TOKEN}", "Bearer anonymous"}:
            return gemini.error(401, "UNAUTHENTICATED", "no such caller")
        provider = _PROVIDERS[place["publisher"]]
        refusal = Rulebook(provider=provider, without=self.without).refuse(request)
        if refusal is not None:
            return refusal
        if place["model"] == "count-tokens":
            return Reply.json({"input_tokens": 9})
        streams = place["method"] == "streamRawPredict"
        assert bool(request.json.get("stream")) == streams, "the path and the body say the same"
        return _claude(request, streams=streams) if provider == "anthropic" else _mistral(request, streams=streams)


def _claude(request: Received, *, streams: bool) -> Reply:
    tools = request.json.get("tools", [])
    blocks = (
        [anthropic.tool_use("toolu_1", tools[0]["name"], {"city": "Paris"})] if tools else [anthropic.text("Paris.")]
    )
    answer = anthropic.message(*blocks, stop_reason="tool_use" if tools else "end_turn")
    headers = {"request-id": REQUEST_ID}
    return Reply.sse(*anthropic.events(answer), headers=headers) if streams else Reply.json(answer, headers=headers)


def _mistral(request: Received, *, streams: bool) -> Reply:
    body = request.json
    if "document" in body:
        return Reply.json(pages(page(0)))
    text = '{"city": "Paris"}' if "response_format" in body else "Paris."
    if streams:
        return Reply.sse(chunk(text[:3]), chunk(text[3:], finish_reason="stop", usage=_USAGE), "[DONE]")
    if body.get("tools"):
        requested = [call("weather", '{"city": "Paris"}')]
        return Reply.json(message("", tool_calls=requested, finish_reason="tool_calls"))
    return Reply.json(message(text))

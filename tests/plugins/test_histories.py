"""Any conversation, begun at any provider, is taken by every other: checked on what the plugins send, by the rulebook."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve, field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelex_core import AsyncClient, CallError, RetryPolicy, UnsupportedInputError
from pipelex_core.parts import (
    DocumentPart,
    ImagePart,
    Media,
    Message,
    ProviderPart,
    TextPart,
    Tool,
    ToolCall,
    ToolResult,
)
from pipelex_core.plugins import discover
from pipelex_testing.rulebook import rulebook_of
from tests.servers import bedrock
from tests.servers.base import Received, Reply, Server
from tests.support.scripted import PNG, deck_of, spec

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_core.parts import Part

clean_aws = bedrock.clean_aws
pytestmark = pytest.mark.usefixtures("clean_aws")

PDF = Media(data=b"%PDF-1.4 ...", media_type="application/pdf", name="report.pdf")
NOTE = Media(data=b"The Rhine is long.", media_type="text/plain", name="note.txt")
TOOL = Tool(name="look_up", description="Looks a river up.", parameters={"type": "object", "properties": {}})
PLACE = {"gcp_project_id": "p", "gcp_location": "europe-west4"}
AWS = {"aws_region": "us-east-1", "aws_access_key_id": "AKIA", "aws_secret_access_key": "s" * 20}


@frozen
class Target:
    """Where a conversation goes on: a backend, its sdk, a model."""

    backend: str
    sdk: str
    model_id: str
    options: dict[str, Any] = field(factory=dict)
    spec_options: dict[str, Any] = field(factory=dict)
    settings: dict[str, Any] = field(factory=dict)

    def __str__(self) -> str:
        return f"{self.backend}-{self.sdk}-{self.model_id}"


TARGETS = [
    Target("openai", "openai", "gpt-4.1"),
    Target("openai", "openai_responses", "gpt-5.5"),
    Target("azure_openai", "azure_openai", "gpt-4.1", {"api_version": "2024-10-21"}),
    Target("azure_openai", "azure_openai_responses", "gpt-5.5", {"api_version": "2025-03-01-preview"}),
    Target("groq", "openai", "openai/gpt-oss-120b"),
    Target("xai", "openai", "grok-4.3"),
    Target("deepseek", "openai", "deepseek-reasoner"),
    Target("openrouter", "openai", "moonshotai/kimi-k2"),
    Target("ollama", "openai", "qwen3"),
    Target("my_gateway", "openai", "some-model"),
    Target("anthropic", "anthropic", "claude-sonnet-4-5"),
    Target("anthropic", "anthropic", "claude-opus-4-8", spec_options={"prefill": False}),
    Target("anthropic", "anthropic", "claude-opus-4-6", settings={"reasoning_effort": "low"}),
    Target("mistral", "mistral", "mistral-medium-latest"),
    Target("google", "google", "gemini-3-pro-preview"),
    Target("google", "google", "gemini-2.5-flash", spec_options={"thinking": "budget"}),
    Target("vertexai", "vertexai", "gemini-3-pro-preview", PLACE),
    Target("vertexai", "anthropic", "claude-sonnet-4-5@20250929", PLACE),
    Target("vertexai", "anthropic", "claude-opus-4-8@default", PLACE, {"prefill": False}),
    Target("vertexai", "mistral", "mistral-medium-3", PLACE),
    Target("bedrock", "bedrock_anthropic", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", AWS),
    Target("bedrock", "bedrock", "us.anthropic.claude-opus-4-8-v1:0", AWS, {"prefill": False}),
    Target("bedrock", "bedrock", "us.amazon.nova-pro-v1:0", AWS),
    Target("bedrock", "bedrock", "mistral.mistral-large-2407-v1:0", AWS, {"results_alone": True}),
]


# ── What each provider leaves in a conversation ─────────────────────────────────────────────────────────────────────


def of_anthropic(text: str, calls: list[ToolCall], _: int) -> ProviderPart:
    """The answer's blocks, a signed thought first."""
    content: list[dict[str, Any]] = [{"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}]
    content += [{"type": "text", "text": text}] if text else []
    content += [{"type": "tool_use", "id": call.id, "name": call.name, "input": {}} for call in calls]
    return ProviderPart(provider="anthropic", data={"model_id": "claude-sonnet-4-5", "content": content})


def of_responses(backend: str) -> Callable[[str, list[ToolCall], int], ProviderPart]:
    """The response's items: reasoning that can go back, reasoning that cannot, what was said, calls."""

    def made(text: str, calls: list[ToolCall], turn: int) -> ProviderPart:
        stated = [{"type": "output_text", "text": text or "Done.", "annotations": []}]
        items: list[dict[str, Any]] = [
            {"type": "reasoning", "id": f"rs_{turn}a", "summary": [], "encrypted_content": "b3Bh"},
            {"type": "reasoning", "id": f"rs_{turn}b", "summary": []},
        ]
        if text or not calls:
            items.append(
                {"type": "message", "id": f"msg_{turn}", "role": "assistant", "status": "completed", "content": stated}
            )
        items += [
            {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": "{}", "status": "completed"}
            for call in calls
        ]
        return ProviderPart(provider=f"{backend}/responses", data={"output": items})

    return made


def of_chat(backend: str) -> Callable[[str, list[ToolCall], int], ProviderPart]:
    """Fields that the endpoint added, an empty one among them."""

    def made(_: str, calls: list[ToolCall], __: int) -> ProviderPart:
        extras = {call.id: {"extra_content": {"google": {"thought_signature": "c2ln"}}} for call in calls}
        return ProviderPart(
            provider=f"{backend}/chat", data={"message": {"reasoning_content": ""}, "tool_calls": extras}
        )

    return made


def of_google(text: str, calls: list[ToolCall], _: int) -> ProviderPart:
    """A signature, at the first call or at the text."""
    place = {"call": calls[0].id} if calls else {"text": text}
    return ProviderPart(provider="google", data={**place, "thoughtSignature": "c2ln"})


def of_bedrock(*_: Any) -> ProviderPart:
    """A signed thought of one model."""
    thought = {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}
    data = {"reasoningContent": thought, "model_id": "us.anthropic.claude-sonnet-4-5-20250929-v1:0"}
    return ProviderPart(provider="bedrock", data=data)


def of_mistral(*_: Any) -> ProviderPart:
    """A thought."""
    return ProviderPart(provider="mistral", data={"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]})


ORIGINS: dict[str, tuple[str, Callable[[str, list[ToolCall], int], ProviderPart]]] = {
    "anthropic": ("toolu_01A{n}", of_anthropic),
    "openai_responses": ("call_{n}", of_responses("openai")),
    "openrouter": ("call_{n}", of_chat("openrouter")),
    "deepseek": ("call_00_{n}", of_chat("deepseek")),
    "gateway": ("functions.look_up:{n}", of_chat("my_gateway")),
    "google": ("made-up-{n}", of_google),
    "bedrock": ("tooluse_{n}", of_bedrock),
    "mistral": ("abcdefgh{n}", of_mistral),
}
BLANK = ["", " ", "\n\t"]
WORDS = st.sampled_from([*BLANK, "Let me see.", "\n\nWell.", "Grün "])
FOREIGN_IDS = st.sampled_from(["call_0", "x" * 217, "fc_1|rs_2", "call:1/ü", "a b", "", "call_0"])
NAMES = st.sampled_from(["look_up", "look_up", "fs.read", "my tool", "fs:read", "x" * 90, "Grün"])
RESULTS = st.sampled_from([*BLANK, "sun", '{"$ref": "#/a"}', '{"a": {"$ref": "b"}}', '{"celsius": 5}', "[1]"])


@st.composite
def conversations(draw: st.DrawFn) -> list[Message]:
    """Some turns, the assistant's from one or several providers; the user mostly has the last word."""
    opening: list[Part] = draw(user_parts())
    messages = [Message(role="user", parts=tuple(opening))] if draw(st.booleans()) else []
    for turn in range(draw(st.integers(0, 3))):
        own_id, provider_part = ORIGINS[draw(st.sampled_from(list(ORIGINS)))]
        text = draw(WORDS)
        ids = [draw(FOREIGN_IDS | st.just(own_id.format(n=n))) for n in range(draw(st.integers(0, 3)))]
        if len(set(ids)) < len(ids):
            ids = [f"{call_id}-{n}" for n, call_id in enumerate(ids)]  # in one answer they differ
        calls = [ToolCall(id=call_id, name=draw(NAMES), arguments={}) for call_id in ids]
        extras = [provider_part(text, calls, turn)] if draw(st.booleans()) else []
        messages.append(Message(role="assistant", parts=(TextPart(text), *calls, *extras)))
        results: list[Part] = [
            ToolResult(call_id=call.id, content=draw(RESULTS), is_error=draw(st.booleans()))
            for call in draw(st.permutations(calls))
            if draw(st.integers(0, 4))
        ]
        if draw(st.booleans()) and results:
            messages.append(Message(role="user", parts=(TextPart(f"Turn {turn}"), *results)))
        else:
            messages += [Message(role="tool", parts=(result,)) for result in results]
        if draw(st.booleans()):
            messages.append(Message(role="user", parts=tuple(draw(user_parts()))))
    messages.append(Message(role="user", parts=tuple(draw(user_parts(words=st.just("And now?"))))))
    begun = draw(st.sampled_from(["", "", "Well, ", "It is:\n"]))
    return [*messages, Message(role="assistant", parts=(TextPart(begun),))] if begun else messages


@st.composite
def user_parts(draw: st.DrawFn, words: st.SearchStrategy[str] = WORDS) -> list[Part]:
    """Text, perhaps blank, with or without an image and a document."""
    kinds = draw(st.lists(st.sampled_from(["image", "pdf", "note"]), max_size=2, unique=True))
    media: dict[str, Part] = {
        "image": ImagePart(Media(data=PNG, media_type="image/png")),
        "pdf": DocumentPart(PDF),
        "note": DocumentPart(NOTE),
    }
    return [*(media[kind] for kind in kinds), TextPart(draw(words))]


# ── The property ────────────────────────────────────────────────────────────────────────────────────────────────────


class Listening(Server):
    """Answers that it is out of order, and keeps what it got."""

    async def answer(self, request: Received) -> Reply:
        return Reply.json({"error": {"message": "out of order"}, "message": "out of order"}, status=400)


def client_of(url: str, target: Target) -> AsyncClient:
    """A client of the target's model `m`."""
    deck = deck_of(
        spec(
            "m",
            sdk=target.sdk,
            backend=target.backend,
            model_id=target.model_id,
            max_tokens=1000,
            options=target.spec_options,
        )
    )
    config = evolve(
        deck.backends[target.backend],
        endpoint=url,
        api_key=None if target.backend in {"bedrock", "vertexai"} else deck.backends[target.backend].api_key,
        options=target.options,
        retry=RetryPolicy(retries=0),
    )
    return AsyncClient(evolve(deck, backends={target.backend: config}), discover())


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_every_provider_takes_a_conversation_begun_at_any_other(target: Target) -> None:
    """With calls, results, ids of any form, blanks, documents and provider parts; or it is refused before it is sent."""
    rules = rulebook_of(target.sdk, target.backend)
    assert rules is not None
    with asyncio.Runner() as runner:
        server = Listening()
        runner.run(server.__aenter__())
        client = client_of(server.url, target)
        runner.run(client.__aenter__())

        @settings(max_examples=30, deadline=None)
        @given(conversations())
        def check(conversation: list[Message]) -> None:
            server.received.clear()
            with pytest.raises(CallError) as caught:
                runner.run(client.generate_text(conversation, model="m", tools=[TOOL], **target.settings))
            if not server.received:  # refused before it was sent, for a medium that the endpoint does not take
                assert isinstance(caught.value, UnsupportedInputError)
                parts = [part for message in conversation for part in message.parts]
                assert any(isinstance(part, DocumentPart | ImagePart) for part in parts)
                return
            (request,) = server.received
            assert [(each.place, each.words) for each in rules.violations(request)] == []

        try:
            check()
        finally:
            runner.run(client.__aexit__(None, None, None))
            runner.run(server.__aexit__(None, None, None))

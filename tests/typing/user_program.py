"""What a user writes, as a type checker sees it; run by mypy only."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypedDict, assert_type

from pipelex_core import (
    AsyncClient,
    CallError,
    Client,
    ConfigError,
    Message,
    MessageLike,
    RateLimitError,
    StreamRestarted,
    TextPart,
    TextResult,
    Tool,
    ToolCall,
)


class River(TypedDict):
    """What else to read."""

    name: str


@dataclass
class Refund:
    """The other kind."""

    reason: str


@dataclass
class Invoice:
    """What to read."""

    number: str
    total: float


def use(client: Client) -> None:
    """Every call of the synchronous client."""
    result = client.generate_text(
        "Name three rivers.",
        model="smart_llm",
        system="Be brief.",
        images=["a.png", b"..."],
        temperature=0.2,
        max_tokens="auto",
    )
    assert_type(result, TextResult)
    assert_type(result.text, str)
    assert_type(result.usage.input_tokens, int | None)
    if result.cost is not None:
        assert_type(result.cost.amount, Decimal)
    assert_type(result.tool_calls, tuple[ToolCall, ...])
    client.generate_text(
        [{"role": "user", "content": "Hi"}, result.message, Message(role="user", parts=(TextPart("Go on."),))],
        model={"model": "gpt-4o-mini", "temperature": 0.7},
        tools=[Tool(name="weather"), {"name": "time", "parameters": {"type": "object"}}],
    )
    with client.stream_text("Tell me a story.") as stream:
        for delta in stream:
            assert_type(delta, str)
        assert_type(stream.result, TextResult)
    invoice = client.generate_object("Invoice 7: 12 EUR", Invoice, model="llm_to_extract_invoice")
    assert_type(invoice.value, Invoice)
    client.generate_object("Hi", {"type": "object"})
    for page in client.extract("report.pdf", max_nb_images=3).pages:
        assert_type(page.text, str)
        assert_type([image.data for image in page.images], list[bytes])
    assert_type(client.generate_image("A lighthouse", number=2, quality="high").images[0].data, bytes)
    assert_type(client.explain("smart_llm").resolution.handle, str)


def converse(client: Client) -> None:
    """A conversation that grows, as docs/library.md shows it."""
    messages: list[MessageLike] = [{"role": "user", "content": "Name a river."}]
    result = client.generate_text(messages, system="Be brief.")
    messages += [result.message, {"role": "user", "content": "And where does it end?"}]
    answers = [{"type": "tool_result", "call_id": call.id, "content": {"rain": True}} for call in result.tool_calls]
    messages += [result.message, {"role": "tool", "content": answers}]
    handle: Literal["cheap_llm", "smart_llm"] = "smart_llm"
    effort: Literal["low", "high"] = "low"
    client.generate_text(messages, model=handle, reasoning_effort=effort, fallback_on="provider", retries=1)
    plain = [{"role": "user", "content": "Hi"}]
    client.generate_text(plain, deadline=None, idle_timeout=3, tools=(), stop=["\n"])
    with client.stream_text(plain, on_interrupted="restart", deadline=60) as stream:
        for piece in stream:
            assert_type(piece, str | StreamRestarted)


def read_objects(client: Client, schema: dict[str, object]) -> None:
    """Every kind of type that docs/library.md names."""
    assert_type(client.generate_object("x", River, deadline=3).value, River)
    assert_type(client.generate_object("x", River).value["name"], str)
    client.generate_object("x", Invoice | Refund, temperature=0).value  # noqa: B018 -- for its type alone
    assert_type(client.generate_object("x", list[Invoice]).value, list[Invoice])
    client.generate_object("x", Literal["yes", "no"])
    client.generate_object("x", schema, images=["a.png"], system=None)


def refuse(client: Client) -> None:
    """What a type checker finds: an argument of another call, a wrong type, a name that is none."""
    client.generate_text("x", number=2)  # type: ignore[call-arg]
    client.extract("x.pdf", system="Be brief.")  # type: ignore[call-arg]
    client.generate_object("x", Invoice, max_nb_images=2)  # type: ignore[call-overload]
    client.generate_text("x", deadline="soon")  # type: ignore[arg-type]
    client.generate_text("x", reasoning_effort="much")  # type: ignore[arg-type]
    client.generate_text("x", temprature=0.2)  # type: ignore[call-arg]


async def use_async(client: AsyncClient) -> None:
    """The same of the asynchronous client."""
    assert_type((await client.generate_text("Hi", deadline=2.0)).text, str)
    async with client.stream_text("Hi") as stream:
        async for delta in stream:
            assert_type(delta, str)
    assert_type((await client.generate_object("Hi", Invoice)).value, Invoice)
    assert_type((await client.extract(b"%PDF-")).text, str)
    assert_type((await client.generate_image("A lighthouse")).seed, int | None)


def main() -> None:
    """From the project's configuration."""
    try:
        with Client.from_project() as client:
            use(client)
        asyncio.run(use_async(AsyncClient.from_project(profile="all_openai", strict=False)))
    except RateLimitError as error:
        assert_type(error.retry_after, float | None)
    except CallError as error:
        assert_type(error.backend, str | None)
    except ConfigError as error:
        assert_type([problem.line for problem in error.problems], list[int | None])

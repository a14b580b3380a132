"""What a user writes, as a type checker sees it; run by mypy only."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import assert_type

from pipelex_core import (
    AsyncClient,
    CallError,
    Client,
    ConfigError,
    Message,
    RateLimitError,
    TextPart,
    TextResult,
    Tool,
    ToolCall,
)


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

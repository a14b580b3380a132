"""No key anywhere: providers echo a canary in every way they can, and it is found in nothing a program may show or keep.

A result's `raw` is the provider's answer as it came, left out of the repr: what the provider wrote there, it holds. An
error's `raw` holds what came in place of an answer, without the key where that is text.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import attrs
import pytest

from pipelex_core.errors import CallError
from pipelex_testing.suite.secrets import CANARY, FORMS, found_in, leaks_of
from tests.conformance.provider import deck_of, reached
from tests.conformance.rows import ROWS
from tests.conformance.rows.bedrock import Bedrock
from tests.conformance.scenario import PLAIN, PROMPT
from tests.servers import bedrock
from tests.servers.base import Reply
from tests.servers.bedrock import clean_aws

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_core.specs import BackendConfig
    from tests.conformance.provider import Provider, Reached

__all__ = ["clean_aws"]

pytestmark = pytest.mark.usefixtures("clean_aws")

ECHO = " ".join(FORMS.values())
HEADERS = {
    "x-echo": ECHO,
    "www-authenticate": f'Bearer realm="{CANARY}"',
    "request-id": CANARY,
    "x-request-id": CANARY,
    "x-amzn-requestid": CANARY,
    "x-amzn-errortype": CANARY,
    "mistral-correlation-id": CANARY,
    "x-fal-request-id": CANARY,
    "x-fal-error-type": CANARY,
    "location": f"https://nowhere.invalid/{quote(CANARY, safe='')}",
}


class BedrockBearer(Bedrock):
    """Bedrock with an API key, which is a bearer token; the row of the table signs with a secret."""

    name = "bedrock_bearer"

    def config(self, url: str, key: str | None = None) -> BackendConfig:
        return bedrock.config(url, api_key=key)


KEYED = [*(row for row in ROWS if row.is_scripted), BedrockBearer()]


def echo_document() -> dict[str, Any]:
    """An error in every provider's form at once, all of whose texts hold the key."""
    stated = f"the key {ECHO} is wrong"
    inner = {
        "message": stated,
        "type": CANARY,
        "code": CANARY,
        "status": CANARY,
        "param": CANARY,
        "details": [{"reason": ECHO}],
    }
    return {
        "error": inner,
        "type": "error",
        "message": stated,
        "Message": stated,
        "detail": stated,
        "code": CANARY,
        "request_id": CANARY,
    }


def echoing(status: int) -> Reply:
    """An error that holds the key in body and headers."""
    return Reply.json(echo_document(), status=status, headers=HEADERS)


FAULTS = {
    **{str(status): echoing(status) for status in (400, 401, 403, 404, 429, 500, 529)},
    "redirect": Reply(status=307, headers=HEADERS),
    "html": Reply.text(f"<html>{ECHO}</html>", headers=HEADERS),
    "wrong document": Reply.json(echo_document(), headers=HEADERS),
    "broken document": Reply(chunks=(f'{{"echo": "{ECHO}"'.encode(),), headers=HEADERS),
    "cut": Reply(chunks=(b"{", ECHO.encode()), chunked=True, cut_after=1, headers=HEADERS),
    "drop": Reply(fault="drop"),
}
STREAM_FAULTS = {
    **FAULTS,
    "event": Reply.sse(("error", echo_document()), headers=HEADERS),
    "broken event": Reply.sse(f"{{{ECHO}", headers=HEADERS),
}


@pytest.fixture
def all_logs(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Every logger there is, at DEBUG, and those that come later too."""
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
    before = [(logger, logger.level, logger.propagate, logger.disabled) for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
        logger.propagate, logger.disabled = True, False
    caplog.set_level(logging.DEBUG)
    yield caplog
    for logger, level, propagate, disabled in before:
        logger.setLevel(level)
        logger.propagate, logger.disabled = propagate, disabled


async def one_call(at: Reached) -> Any:
    """A call that suits the provider."""
    if "text" in at.provider.cells:
        return await at.client.generate_text(PROMPT, model=at.llm, retries=0)
    return await at.client.generate_image(PROMPT, model=at.painter, retries=0)


async def one_stream(at: Reached) -> None:
    """The same, streamed."""
    async with at.client.stream_text(PROMPT, model=at.llm, retries=0) as stream:
        async for _ in stream:
            pass


async def failing(at: Reached, reply: Reply, *, stream: bool) -> list[str]:
    """Where the error of a call holds the key."""
    at.server.queue(*[reply] * 4)
    with pytest.raises(CallError) as caught:
        await (one_stream(at) if stream else one_call(at))
    at.server.forget()
    return leaks_of(caught.value) + found_in("ledger", repr(caught.value.attempts))


@pytest.mark.parametrize("provider", KEYED, ids=lambda row: row.name)
def test_no_key_in_an_error_a_log_or_a_repr(provider: Provider, all_logs: pytest.LogCaptureFixture) -> None:
    """Whatever a provider echoes, in whatever failure: no error, cause, note, log, ledger or repr holds the key."""
    found: list[str] = []

    async def main() -> None:
        for name, reply in FAULTS.items():
            async with reached(provider, CANARY) as at:
                found.extend(f"{name}: {leak}" for leak in await failing(at, reply, stream=False))
                found.extend(found_in(f"{name}: repr", repr([at.client.deck, at.client, vars(at.client)])))
        for name, reply in STREAM_FAULTS.items() if "stream" in provider.cells else ():
            async with reached(provider, CANARY) as at:
                found.extend(f"stream, {name}: {leak}" for leak in await failing(at, reply, stream=True))

    asyncio.run(main())
    for record in all_logs.records:
        found.extend(
            found_in(f"log of {record.name}", record.getMessage() + repr(record.args) + (record.exc_text or ""))
        )
    assert found == []


@pytest.mark.parametrize("provider", KEYED, ids=lambda row: row.name)
def test_no_key_in_a_result_or_the_logs_of_a_call_that_went_well(
    provider: Provider, all_logs: pytest.LogCaptureFixture
) -> None:
    """A good answer whose headers echo the key: neither the result, beside its id, nor a log holds it."""
    found: list[str] = []

    async def main() -> None:
        async with reached(provider, CANARY) as at:
            if "text" in provider.cells:
                plain = provider.reply(PLAIN)
                at.server.queue(attrs.evolve(plain, headers={**plain.headers, "x-echo": ECHO}))
            else:
                provider.paints(at.server)
            result = await one_call(at)
            found.extend(found_in("result", repr(result)))

    asyncio.run(main())
    for record in all_logs.records:
        found.extend(found_in(f"log of {record.name}", record.getMessage() + repr(record.args)))
    assert found == []


def test_a_key_is_shown_by_no_repr_of_what_holds_it() -> None:
    """A configuration, a deck, and what JSON or a format string makes of them show stars."""
    for row in KEYED:
        deck = deck_of((row, row.config("http://127.0.0.1:9", CANARY)))
        shown = f"{deck} {deck!r} {json.dumps(attrs.asdict(deck), default=repr)}"
        assert found_in(row.name, shown) == []

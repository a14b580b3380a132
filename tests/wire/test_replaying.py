"""The server that recorded exchanges are played on: it refuses what their provider refuses, and answers as recorded."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2

from tests.wire.replaying import ReplayServer

PATH = "/v1/messages"
BODY = {"model": "claude-3-opus-20240229", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}


def record(answer: str, *, status: int = 200, **fields: Any) -> dict[str, Any]:
    """An exchange that was not recorded."""
    response = {"status": status, "headers_kept": {"content-type": "application/json"}, "body": answer}
    request = {"method": "POST", "path": fields.pop("path", PATH), "body": BODY}
    provider = {"provider": "anthropic", "api": "messages", "recorded_at": "2026-06-01", **fields}
    return {"id": f"made-{answer}", **provider, "request": request, "response": response}


def answers_to(*bodies: dict[str, Any], server: ReplayServer, path: str = PATH) -> list[tuple[int, str]]:
    """Status and body of the answer to each request."""

    async def main() -> list[tuple[int, str]]:
        async with server, httpx2.AsyncClient(trust_env=False) as client:
            answers = [await client.post(server.url + path, json=body) for body in bodies]
        return [(answer.status_code, answer.text) for answer in answers]

    return asyncio.run(main())


def test_what_the_provider_refuses_is_refused_although_a_record_answers() -> None:
    """With the provider's status, by its rules; the rule is named."""
    server = ReplayServer([record("[1]")])
    (refused, right) = answers_to({**BODY, "temperature": 7}, BODY, server=server)
    assert (refused[0], right) == (400, (200, "[1]"))
    assert len(server.refused) == 1
    assert server.refused[0].startswith("anthropic.")


def test_the_rules_are_those_of_the_day_of_the_record() -> None:
    """A model that has retired since then was there."""
    path, body = "/v1/images/generations", {"model": "dall-e-3", "prompt": "A lighthouse"}
    found = {}
    for day in ("2026-05-11", "2026-05-12"):
        made = record("[1]", provider="openai", api="images", path=path, recorded_at=day)
        ((found[day], _),) = answers_to(body, server=ReplayServer([made]), path=path)
    assert found == {"2026-05-11": 200, "2026-05-12": 404}


def test_a_refusal_that_was_recorded_is_what_is_answered() -> None:
    """The provider's own words, not those of the rules."""
    server = ReplayServer([record('{"own": "words"}', status=400)])
    assert answers_to({**BODY, "temperature": 7}, server=server) == [(400, '{"own": "words"}')]
    assert server.refused == []


def test_records_of_one_path_come_in_their_order_and_the_last_stays() -> None:
    """As the states of a job do; what is queued comes before them."""
    first, second, other = record("[1]"), record("[2]"), record("[3]")
    server = ReplayServer([first, second])
    server.give(other)
    assert [text for _, text in answers_to(BODY, BODY, BODY, BODY, server=server)] == ["[3]", "[1]", "[2]", "[2]"]
    assert [sent.record for sent in server.sent] == [each["id"] for each in (other, first, second, second)]

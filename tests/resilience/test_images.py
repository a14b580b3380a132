"""Images are paid for: one that may have been made is not asked for again, by nobody and of nobody, unless that is wished."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from pipelex_core import AsyncClient, CallError, Client
from pipelex_core.deck import ModelDeck
from pipelex_core.deck.handles import Alias
from pipelex_core.routing import ModelEntry, RouteMatch
from pipelex_testing.running import deck_for
from pipelex_testing.server import Reply, in_thread
from tests.resilience import faulty
from tests.resilience.backends import OTHERS, SHORT, WIRES
from tests.resilience.faulty import FaultyServer, Nobody

if TYPE_CHECKING:
    from pipelex_testing import Conformance
    from pipelex_testing.server import Server

pytestmark = pytest.mark.usefixtures("no_such_host", "short_partings")

PAINTERS = [
    pytest.param(suite, id=name.replace(" ", "_"))
    for name, suite in (WIRES | OTHERS).items()
    if "image out" in suite.claims
]
LOST = {
    "dropped": faulty.drop,
    "reset": faulty.reset,
    "reset in the body": faulty.reset_in_the_body,
    "closed in the headers": faulty.cut_in_headers,
    "no HTTP": faulty.garbage,
}


def chain(suite: Conformance, *urls: str) -> ModelDeck:
    """A deck whose painters `p0`, `p1` … stand at these addresses."""
    models, backends = {}, {}
    for number, url in enumerate(urls):
        one = deck_for(suite, url)
        (config,) = one.backends.values()
        backend = f"b{number}"
        spec = one.models["painter"].spec
        assert spec is not None
        name = f"p{number}"
        models[name] = ModelEntry(
            name=name,
            spec=evolve(spec, name=name, backend=backend),
            available=True,
            reason=None,
            route=RouteMatch(rule="exact", backend=backend),
        )
        backends[backend] = evolve(config, name=backend, retry=SHORT)
    return ModelDeck(models=models, backends=backends, aliases={"any": Alias(name="any", targets=tuple(models))})


def painted(suite: Conformance, first: Server, second: Server, **terms: Any) -> tuple[Any, int, int]:
    """What a call of a chain of two comes to, and how many requests each got."""

    async def main() -> tuple[Any, int, int]:
        async with asyncio.timeout(60), first, second:
            urls = (suite.spoken.endpoint(server.url) for server in (first, second))
            async with AsyncClient(chain(suite, *urls), suite.plugins()) as client:
                try:
                    ended: Any = await client.generate_image("A lighthouse", model="any", **terms)
                except CallError as error:
                    ended = error
        return ended, len(first.received), len(second.received)

    return asyncio.run(main())


def healthy(suite: Conformance) -> Server:
    """A server with a picture."""
    server = suite.spoken.server()
    suite.spoken.queue_image(server)
    return server


@pytest.mark.parametrize("how", LOST)
@pytest.mark.parametrize("suite", PAINTERS)
def test_a_lost_answer_ends_the_call(suite: Conformance, how: str) -> None:
    """The request went out: one request, to the first of the chain, whatever the retries; the cost is not known."""
    error, first, second = painted(suite, FaultyServer(LOST[how]), healthy(suite), retries=3)
    assert isinstance(error, CallError)
    assert (first, second, len(error.attempts)) == (1, 0, 1)
    assert error.unsettled
    assert error.total_cost is None


@pytest.mark.parametrize("suite", PAINTERS)
def test_a_lost_answer_is_asked_of_another_only_where_the_caller_wishes_it(suite: Conformance) -> None:
    """With `fallback_on="provider"` the next one is asked, and the first still once."""
    result, first, second = painted(suite, FaultyServer(faulty.drop), healthy(suite), fallback_on="provider")
    assert (first, [attempt.outcome for attempt in result.attempts]) == (1, ["error", "ok"])
    assert second >= 1  # a job takes several


@pytest.mark.parametrize("status", [499, 502, 504, 520, 524])
@pytest.mark.parametrize("suite", PAINTERS)
def test_a_gateway_that_got_no_answer_is_as_a_lost_one(suite: Conformance, status: int) -> None:
    """What stands between says that the request was passed on, and knows no more."""
    gateway = suite.spoken.server()
    gateway.queue(*[Reply.text("<html>", status=status)] * 4)
    error, first, second = painted(suite, gateway, healthy(suite))
    assert (first, second, error.unsettled, error.status) == (1, 0, True, status)


@pytest.mark.parametrize("suite", PAINTERS)
def test_a_silent_provider_may_be_at_work(suite: Conformance) -> None:
    """After `idle_timeout` the image is not asked for again."""
    error, first, second = painted(suite, FaultyServer(faulty.silence), healthy(suite), idle_timeout=0.5)
    assert (type(error).__name__, first, second, error.unsettled) == ("IdleTimeoutError", 1, 0, True)


@pytest.mark.parametrize("host", ["127.0.0.1", "nobody.invalid"])
@pytest.mark.parametrize("suite", PAINTERS)
def test_where_nothing_was_sent_the_call_goes_on(suite: Conformance, host: str) -> None:
    """A connection that is refused, or a name that nobody knows: the next one is asked; alone, it is asked again, for nothing."""
    result, _, second = painted(suite, Nobody(host), healthy(suite))
    assert [(attempt.outcome, attempt.error) for attempt in result.attempts] == [
        ("error", "ProviderConnectionError"),
        ("ok", None),
    ]
    assert second >= 1
    error, _, _ = painted(suite, Nobody(host), Nobody(host), retries=1)
    assert [attempt.error for attempt in error.attempts] == ["ProviderConnectionError"] * 4
    assert error.total_cost.amount == 0


@pytest.mark.parametrize("suite", PAINTERS)
def test_what_the_provider_refuses_is_asked_again(suite: Conformance) -> None:
    """It says that it has not done it: 429, and then the picture."""
    limited = suite.spoken.server()
    limited.queue(suite.spoken.error(429))
    suite.spoken.queue_image(limited)
    result, _, second = painted(suite, limited, Nobody(), retries=1)
    assert ([attempt.status for attempt in result.attempts][:1], second) == ([429], 0)


def test_the_synchronous_client_keeps_to_it_too() -> None:
    """It is the same execution."""
    suite = WIRES["OpenAI chat"]
    with (
        in_thread(FaultyServer(faulty.drop)) as server,
        Client(chain(suite, suite.spoken.endpoint(server.url)), suite.plugins()) as client,
    ):
        with pytest.raises(CallError) as caught:
            client.generate_image("A lighthouse", model="p0")
        assert (len(server.received), caught.value.unsettled) == (1, True)

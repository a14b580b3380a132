"""How many tokens a request has: the provider's count where it gives one, else an estimate."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from attrs import evolve

from pipelex_core.backend import TokenCounter
from pipelex_core.requests import TextRequest
from pipelex_serve.texts import text_plan

if TYPE_CHECKING:
    from pipelex_core.deck import ChainMember
    from pipelex_core.execution.plan import Plan
    from pipelex_serve.exchange import Exchange
    from pipelex_serve.gateway import Gateway
    from pipelex_serve.texts import TextCall

_log = logging.getLogger("pipelex_serve")

_SECONDS = 10.0
"""For which a provider is waited for: clients count before they send, some of them at each key that is pressed."""


async def count(gateway: Gateway, exchange: Exchange, call: TextCall) -> int:
    """The input tokens of a call, as the first model of its handle has them.

    The answer's header `x-pipelex-count` says whose count it is: `provider` or `estimate`. A provider that does not answer,
    or refuses to count, is not an error. A count is neither paid for nor limited, and puts no backend on cool-down.

    Raises:
        CallError: The call is wrong.
        ConfigError: Its handle leads nowhere.
    """
    plan = text_plan(gateway.deck, evolve(call, settings={}, streams=False))
    member = plan.members[0]
    assert member.spec is not None  # noqa: S101 -- what is in a plan can be called
    counted = await _requested(gateway, plan, member)
    exchange.add_headers([(b"x-pipelex-count", b"estimate" if counted is None else b"provider")])
    if counted is not None:
        return counted
    expected = plan.capability.expect(plan.build(member.spec, member.settings, None))
    return expected.input_tokens.likely if expected.input_tokens else 0


async def _requested(gateway: Gateway, plan: Plan, member: ChainMember) -> int | None:
    """The provider's count; None where there is none."""
    counting = evolve(plan, operation=evolve(plan.operation, needs=TokenCounter))
    deck = gateway.decks.current
    deck.begin()
    try:
        async with asyncio.timeout(_SECONDS):
            backend, request = await deck.execution.prepare(counting, member)
            assert isinstance(backend, TokenCounter)  # noqa: S101 -- the operation needs one
            assert isinstance(request, TextRequest)  # noqa: S101 -- the plan is one for text
            return await backend.count_tokens(request)
    except Exception as error:  # noqa: BLE001 -- a plugin may raise anything; its words may hold the prompt
        _log.info("no count of tokens for model '%s': %s", member.name, type(error).__name__)
        return None
    finally:
        await deck.end()

"""`client.estimate`: what a call would use and cost, member by member."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pipelex_core import AsyncClient, Client
from pipelex_core.errors import ConfigError, UnsupportedInputError
from pipelex_core.execution.estimating import estimate
from pipelex_core.specs import Costs
from tests.support.scripted import OCR, PAINTER, PNG, Script, deck_of, plugins_for, spec

CHEAP = spec("cheap", costs=Costs(input=Decimal(1), output=Decimal(2)))
DEAR = spec("dear", costs=Costs(input=Decimal(10), output=Decimal(20)), inputs=frozenset({"text"}))
UNKNOWN = spec("unknown", costs=None)
DECK = deck_of(CHEAP, DEAR, UNKNOWN, OCR, PAINTER, aliases={"both": ["cheap", "dear"], "all": ["cheap", "unknown"]})


def test_the_members_of_a_chain() -> None:
    """Each with its tokens and its bounds; the call's are those of the cheapest and the dearest."""
    found = estimate(DECK, "hello", model="both", max_tokens=100)
    cheap, dear = found.members
    assert (found.handle, found.currency) == ("both", "USD")
    assert (cheap.model, cheap.backend, cheap.model_id) == ("cheap", "scripted", "id-of-cheap")
    assert cheap.input_tokens is not None
    assert (cheap.input_tokens.low, cheap.input_tokens.likely, cheap.input_tokens.high) == (5, 6, 12)
    assert (cheap.cost_low, cheap.cost_high) == (Decimal("0.000007"), Decimal("0.000212"))
    assert dear.cost_high == 10 * cheap.cost_high if cheap.cost_high else False
    assert (found.cost_low, found.cost_high) == (cheap.cost_low, dear.cost_high)


def test_an_unknown_price_is_no_zero() -> None:
    """A chain with a member of unknown price has no bound."""
    found = estimate(DECK, "hello", model="all", max_tokens=100)
    assert found.members[1].cost_high is None
    assert (found.cost_low, found.cost_high) == (None, None)


def test_a_member_that_would_refuse() -> None:
    """It is told, with the reason, and costs nothing."""
    found = estimate(DECK, "hello", model="both", max_tokens=100, images=[PNG])
    assert "takes no images" in (found.members[1].refused or "")
    assert found.cost_high == found.members[0].cost_high


def test_the_other_capabilities() -> None:
    """Images by their number, pages by their count."""
    assert estimate(DECK, "a fox", model="painter", capability="img_gen", number=3).cost_high == Decimal("0.12")
    assert estimate(DECK, PNG, model="ocr", capability="extract").cost_high == Decimal("0.001")


def test_wrong_arguments_are_a_calls() -> None:
    """The same errors as of the call itself."""
    with pytest.raises(UnsupportedInputError, match="temprature"):
        estimate(DECK, "hello", model="cheap", temprature=1)
    with pytest.raises(ConfigError):
        estimate(DECK, "hello", model="nothing")
    with pytest.raises(UnsupportedInputError, match="capability"):
        estimate(DECK, "hello", capability="audio")


def test_both_clients_have_it() -> None:
    """Without a request, and without a loop."""
    script = Script()
    plugins = plugins_for({"scripted": script})
    with Client(DECK, plugins) as client:
        assert client.estimate("hello", model="both", max_tokens=9) == estimate(
            DECK, "hello", model="both", max_tokens=9
        )
    assert AsyncClient(DECK, plugins).estimate("hello", model="cheap").members[0].model == "cheap"
    assert script.requests == []

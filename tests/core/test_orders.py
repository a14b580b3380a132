"""Orders of a chain: written, validated, explained, and kept by calls."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from pipelex_cli.explained import lines
from pipelex_cli.explained_json import explanation_as_json
from pipelex_cli.explaining import explain
from pipelex_core import AsyncClient, Client
from pipelex_core.deck import Alias
from pipelex_core.errors import PluginError, RateLimitError
from pipelex_core.orders import Standing, weighted
from pipelex_core.plugins import discover
from pipelex_core.policies import RetryPolicy
from pipelex_core.specs import Costs
from tests.core.config_project import Acme, Project
from tests.support.scripted import Script, deck_of, plugin, plugins_for, spec

if TYPE_CHECKING:
    from pipelex_core.deck import ModelDeck


def chain_of(*names: str, order: str, prices: dict[str, int | None] | None = None, **fields: Any) -> ModelDeck:
    """A deck with one chain, `any`, of models of backends of their own."""
    known = prices or {}
    specs = [
        spec(
            name,
            sdk=name,
            costs=None
            if known.get(name, 1) is None
            else Costs(input=Decimal(1), output=Decimal(known.get(name, 1) or 0)),
        )
        for name in names
    ]
    return evolve(deck_of(*specs), aliases={"any": Alias(name="any", targets=names, order=order, **fields)})


def answers(client: Client, times: int = 1) -> list[str]:
    """Who answered."""
    return [client.generate_text("?", model="any").model for _ in range(times)]


def test_each_is_drawn_as_often_as_its_weight() -> None:
    """Over many draws, and the others follow as a fallback."""
    chance = Random(7).random
    members = [Standing(spec=spec("one"), weight=1), Standing(spec=spec("three"), weight=3)]
    first = Counter(weighted(members, chance)[0].spec.name for _ in range(4000))
    assert 2.6 < first["three"] / first["one"] < 3.4
    assert {each.spec.name for each in weighted(members, chance)} == {"one", "three"}


def test_a_weighted_chain_asks_every_member() -> None:
    """Two of equal weight both come first, in time."""
    deck = chain_of("a", "b", order="weighted", weights={"a": 1.0, "b": 1.0})
    with Client(deck, plugins_for({"a": Script(), "b": Script()})) as client:
        assert set(answers(client, 40)) == {"a", "b"}


def test_the_cheapest_for_the_call_comes_first() -> None:
    """By its estimate; an unknown price comes last."""
    deck = chain_of("unknown", "dear", "cheap", order="cheapest", prices={"unknown": None, "dear": 9, "cheap": 2})
    scripts = {"unknown": Script(), "dear": Script(), "cheap": Script([RateLimitError("full"), "fine"])}
    with Client(deck, plugins_for(scripts)) as client:
        result = client.generate_text("?", model="any")
    assert [attempt.model for attempt in result.attempts] == ["cheap", "dear"]


@pytest.mark.parametrize("streamed", [False, True])
def test_the_fastest_of_the_last_calls_comes_first(streamed: bool) -> None:
    """Each is measured once; a stream counts until its first piece."""
    slow = Script([0.3, "slow", *([0.3, "slow"] * 3)])
    deck = chain_of("slow", "quick", order="fastest")
    plugins = plugins_for({"slow": slow, "quick": Script()})
    if streamed:
        from pipelex_core.results import TextAnswer
        from tests.support.scripted import USAGE

        ended = TextAnswer(text="", finish_reason="stop", usage=USAGE)
        scripts = {"slow": Script([0.3, "s", ended] * 3), "quick": Script(["q", ended] * 5)}
        plugins = plugins_for(scripts)
    with Client(deck, plugins) as client:
        models = []
        for _ in range(4):
            if streamed:
                with client.stream_text("?", model="any") as stream:
                    list(stream)
                models.append(stream.result.model)
            else:
                models += answers(client)
    assert models == ["slow", "quick", "quick", "quick"]


def test_one_that_has_only_failed_is_not_the_fastest() -> None:
    """It comes behind those that answered."""
    deck = chain_of("broken", "works", order="fastest")
    configs = {name: evolve(config, retry=RetryPolicy(retries=0)) for name, config in deck.backends.items()}
    scripts = {"broken": Script([RateLimitError("full"), "fine"]), "works": Script()}
    with Client(evolve(deck, backends=configs), plugins_for(scripts)) as client:
        assert answers(client, 3) == ["works"] * 3
    assert len(scripts["broken"].requests) == 1


def test_the_least_busy_comes_first() -> None:
    """By the calls of this client that are in flight."""

    async def main() -> None:
        deck = chain_of("a", "b", "c", order="least_busy")
        scripts = {name: Script([0.3, name, name]) for name in "abc"}
        async with AsyncClient(deck, plugins_for(scripts)) as client:
            calls = []
            for _ in range(3):
                calls.append(asyncio.create_task(client.generate_text("?", model="any")))
                await asyncio.sleep(0.05)
            assert [result.model for result in await asyncio.gather(*calls)] == ["a", "b", "c"]
            assert (await client.generate_text("?", model="any")).model == "a"

    asyncio.run(main())


def test_a_last_resort_is_asked_when_the_retries_of_the_others_are_spent() -> None:
    """Wherever it stands in the list; another member takes over at once."""
    busy = RateLimitError("full", retry_after=0.01)
    deck = chain_of("toy", "real", order="chain", last_resort=frozenset({"toy"}))
    configs = {name: evolve(config, retry=RetryPolicy(retries=2)) for name, config in deck.backends.items()}
    deck = evolve(deck, backends=configs)
    with Client(deck, plugins_for({"toy": Script(), "real": Script([busy, busy, "fine"])})) as client:
        assert answers(client) == ["real"]
    with Client(deck, plugins_for({"toy": Script(), "real": Script([busy])})) as client:
        result = client.generate_text("?", model="any")
    assert [attempt.model for attempt in result.attempts] == ["real", "real", "real", "toy"]


def test_a_plugin_orders_a_chain_and_one_that_breaks_is_named() -> None:
    """Made when the client opens; it must return each member once."""
    made: list[str] = []

    def backwards() -> Any:
        made.append("made")
        return lambda members: list(reversed(members))

    def pipelex_orders() -> dict[str, Any]:
        return {"backwards": backwards, "empty": lambda: lambda _: [], "nothing": lambda: None}

    plugins = plugins_for({"a": Script(), "b": Script()}, pipelex_orders=pipelex_orders)
    assert made == []
    with Client(chain_of("a", "b", order="backwards"), plugins) as client:
        assert answers(client, 2) == ["b", "b"]
    assert made == ["made"]
    with (
        Client(chain_of("a", "b", order="empty"), plugins) as client,
        pytest.raises(PluginError, match="plugin scripted"),
    ):
        answers(client)
    with pytest.raises(PluginError, match="plugin scripted: the order 'nothing' is a NoneType"):
        Client(chain_of("a", "b", order="nothing"), plugins)


WRITTEN = """
    [aliases.spread]
    model = [{ model = "m-one@acme", weight = 2 }, "m-two", { model = "strict", last_resort = true }]
    order = "weighted"
"""


def test_a_chain_as_it_is_written(project: Project) -> None:
    """Pinned, weighted, and a last resort; `explain` shows them."""
    project.add("deck/base.toml", WRITTEN)
    deck = project.load().deck
    resolution = deck.resolve("spread")
    assert resolution.order == "weighted"
    assert [(each.name, each.weight, each.last_resort) for each in resolution.chain] == [
        ("m-one@acme", 2.0, False),
        ("m-two", 1.0, False),
        ("strict", 1.0, True),
    ]
    first = resolution.chain[0]
    assert first.spec is not None
    assert (first.spec.name, first.spec.backend, first.available) == ("m-one", "acme", True)
    shown = explanation_as_json(explain("spread", "llm", deck=deck, plugins=project.plugins))
    assert shown["order"] == "weighted"
    assert [each.get("weight") for each in shown["chain"]] == [2.0, 1.0, 1.0]
    assert shown["chain"][0]["route"]["rule"] == "pinned"
    assert deck.resolve("spread").with_settings({"temperature": 0.5}).chain[0].weight == 2.0


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("weighted", "drawn by their weights"),
        ("cheapest", "the cheapest for the call first"),
        ("fastest", "the fastest of the last calls first"),
        ("least_busy", "the one with the fewest calls in flight first"),
    ],
)
def test_each_order_is_written_for_an_alias_and_explained(project: Project, order: str, words: str) -> None:
    """One alias has it and another has not; as JSON, and as text."""
    project.add(
        "deck/base.toml",
        f'\n[aliases.x]\nmodel = ["m-one", "m-two"]\norder = "{order}"\n[aliases.y]\nmodel = ["m-one", "m-two"]\n',
    )
    deck = project.load().deck
    assert (deck.resolve("x").order, deck.resolve("y").order) == (order, "chain")
    explained = explain("x", "llm", deck=deck, plugins=project.plugins)
    assert explanation_as_json(explained)["order"] == order
    assert f"2 models, {words}" in "\n".join(lines(explained))
    assert "2 models, tried in this order" in "\n".join(lines(explain("y", "llm", deck=deck, plugins=project.plugins)))


@pytest.mark.parametrize(
    ("line", "key", "message", "mend"),
    [
        ('{ model = ["m-one", "m-two"], order = "wieghted" }', "order", "'order' cannot be 'wieghted'", "weighted"),
        ('{ model = ["m-one"], order = 3 }', "order", "'order' cannot be a whole number", None),
        ('{ model = "m-one", order = "fastest" }', "order", "'order' is for a list", None),
        ('["m-one", { model = "m-two", wieght = 2 }]', "1.wieght", "unknown key 'wieght'", "weight"),
        (
            '["m-one", { model = "m-two", weight = 0 }]',
            "1.weight",
            "'weight' of a member of the chain 'x' cannot be 0",
            None,
        ),
        ('["m-one", { model = "m-two", weight = true }]', "1.weight", "cannot be true or false", None),
        ('["m-one", { model = "m-two", last_resort = 1 }]', "1.last_resort", "cannot be a whole number", None),
        ('["m-one", { weight = 2 }]', "1", "names no model", None),
        ('["m-one@acne", "m-two"]', "0", "which does not exist", "acme"),
        ('["m-onne@acme", "m-two"]', "0", "no backend knows", "m-one"),
    ],
)
def test_what_is_wrong_with_a_chain_has_its_place(
    project: Project, line: str, key: str, message: str, mend: str | None
) -> None:
    """File, line and key, and the nearest name."""
    project.write("deck/x.toml", f"[aliases]\nx = {line}\n")
    problem = next(each for each in project.check() if each.severity == "error")
    assert message in problem.message
    assert problem.key is not None
    assert problem.key.endswith(key)
    assert problem.line is not None
    assert mend is None or mend in (problem.suggestion or "")


def test_a_pinned_member_whose_backend_is_off_is_unavailable(project: Project) -> None:
    """With its reason; the others are asked."""
    project.add("deck/base.toml", '\n[aliases.x]\nmodel = ["m-one@off", "m-two"]\n')
    first, second = project.load().deck.resolve("x").chain
    assert not first.available
    assert "backend 'off', which is disabled" in (first.entry.reason or "")
    assert second.available


def test_an_order_of_a_plugin_may_be_written(project: Project) -> None:
    """Without the plugin it is a fault."""
    project.add("deck/base.toml", '\n[aliases.x]\nmodel = ["m-one", "m-two"]\norder = "mine"\n')
    assert any("'order' cannot be 'mine'" in problem.message for problem in project.check())
    hooked = plugin({}, pipelex_orders=lambda: {"mine": lambda: lambda members: members})
    project.plugins = discover(entry_points=(), extra=[Acme(), hooked])
    assert project.load().deck.resolve("x").order == "mine"

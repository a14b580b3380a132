"""The whole way of a handle, from the very object a call uses."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve

from pipelex_cli.explained_json import costs_as_json, describe, explanation_as_json
from pipelex_cli.explaining import explain
from pipelex_core import ConfigError, UnsupportedInputError
from pipelex_core.deck import Preset
from pipelex_core.specs import Costs, Source
from tests.support.scripted import PRICES, Script, deck_of, plugins_for, spec


def explained(handle: Any, **fields: Any) -> dict[str, Any]:
    """The JSON of a handle in a small deck."""
    deck = deck_of(
        spec("a", constraints=frozenset({"temperature_must_be_1"})),
        spec("b"),
        aliases={"either": ["a", "b"]},
        presets=(Preset(name="p", capability="llm", model="either", settings={"temperature": 0.5}),),
        **fields,
    )
    return explanation_as_json(explain(handle, "llm", deck=deck, plugins=plugins_for({"scripted": Script()})))


def test_a_preset_is_explained_down_to_its_price() -> None:
    """Steps, settings, every member of the chain, what it drops, the chosen one, its plugin and price."""
    reported = explained("p")
    assert (reported["handle"], reported["kind"], reported["capability"]) == ("p", "preset", "llm")
    assert [(step["kind"], step["name"]) for step in reported["steps"]] == [
        ("preset", "p"),
        ("alias", "either"),
        ("model", "a"),
        ("model", "b"),
    ]
    assert reported["setting"] == {"temperature": 0.5}
    assert [(member["model"], member["dropped_settings"]) for member in reported["chain"]] == [
        ("a", ["temperature"]),
        ("b", []),
    ]
    assert reported["chosen"] == {"model": "a", "backend": "scripted", "sdk": "scripted", "model_id": "id-of-a"}
    assert reported["plugin"] == {"distribution": "scripted", "version": None}
    assert reported["costs"] == {"unit": "million_tokens", "input": "2", "input_cached": "0.5", "output": "8"}


def test_an_inline_table_is_explained_too() -> None:
    """With its settings over those of the handle it names."""
    reported = explained({"model": "p", "max_tokens": 5})
    assert reported["setting"] == {"temperature": 0.5, "max_tokens": 5}


def test_what_cannot_be_called_has_no_choice_and_a_reason() -> None:
    """Each member says why."""
    deck = deck_of(spec("a"))
    gone = evolve(deck.models["a"], spec=None, available=False, reason="backend 'x' is off")
    reported = explanation_as_json(explain("a", "llm", deck=evolve(deck, models={"a": gone}), plugins=plugins_for({})))
    assert (reported["chosen"], reported["plugin"], reported["costs"]) == (None, None, None)
    assert reported["chain"][0]["reason"] == "backend 'x' is off"


@pytest.mark.parametrize("handle", ["nosuch", 5, {}])
def test_what_is_no_handle_is_an_error(handle: Any) -> None:
    """As for a call."""
    with pytest.raises(ConfigError):
        explained(handle)


@pytest.mark.parametrize("capability", ["text", None, 5])
def test_a_capability_is_one_of_three(capability: Any) -> None:
    """The error lists them."""
    with pytest.raises(UnsupportedInputError, match="llm, extract, img_gen"):
        explain("a", capability, deck=deck_of(spec("a")), plugins=plugins_for({}))


def test_prices_are_exact_strings_and_unknown_ones_are_left_out() -> None:
    """No price list is null, not free."""
    assert costs_as_json(None) is None
    assert costs_as_json(PRICES)["input_cached"] == "0.5"  # type: ignore[index]
    assert costs_as_json(Costs(unit="page", input=Decimal("0.0010"))) == {"unit": "page", "input": "0.0010"}


def test_a_shipped_value_is_placed_by_its_plugin() -> None:
    """Its file is the plugin's own affair."""
    assert describe(Source(plugin="pipelex-backend-acme", version="1.2")) == "pipelex-backend-acme 1.2"


def test_a_member_that_refuses_what_must_not_be_dropped_is_not_chosen() -> None:
    """A call asks the next one; where each refuses, it fails with what the first says."""
    kinds = {"a": "temperature_must_be_1", "b": "temperature_must_be_multiplied_by_2", "c": "no_temperature"}
    deck = deck_of(
        *(spec(name, constraints=frozenset({rule})) for name, rule in kinds.items()),
        aliases={"some": ["a", "b"], "none": ["c", "a"]},
        on_unsupported_setting="error",
    )
    plugins = plugins_for({"scripted": Script()})
    reported = explanation_as_json(explain({"model": "some", "temperature": 0.5}, "llm", deck=deck, plugins=plugins))
    assert reported["chosen"]["model"] == "b"
    reported = explanation_as_json(explain({"model": "none", "temperature": 0.5}, "llm", deck=deck, plugins=plugins))
    assert reported["chosen"]["model"] == "c"


def test_a_prompt_is_estimated_for_each_model_that_may_answer() -> None:
    """Tokens and costs between bounds; nothing is sent; without a prompt there is none."""
    deck = deck_of(spec("a", max_tokens=100), spec("b"), aliases={"either": ["a", "b"]})
    script = Script()
    plugins = plugins_for({"scripted": script})
    reported = explanation_as_json(explain("either", "llm", deck=deck, plugins=plugins, prompt="Name three rivers."))
    first, second = reported["estimate"]["members"]
    assert (first["model"], first["output_tokens"]["high"], second["output_tokens"]["high"]) == ("a", 100, None)
    assert 0 < first["input_tokens"]["low"] <= first["input_tokens"]["high"] < 30
    assert Decimal(0) < Decimal(first["cost_low"]) < Decimal(first["cost_high"]) < Decimal("0.001")
    assert (second["cost_high"], reported["no_estimate"], script.requests) == (None, None, [])
    assert explanation_as_json(explain("either", "llm", deck=deck, plugins=plugins))["estimate"] is None
    assert list(reported)[-3:] == ["estimate", "no_estimate", "order"]


def test_a_prompt_that_no_call_would_take_says_why() -> None:
    """The handle is explained all the same."""
    deck = deck_of(spec("a"))
    reported = explanation_as_json(
        explain("a", "llm", deck=deck, plugins=plugins_for({"scripted": Script()}), prompt="")
    )
    assert (reported["estimate"], reported["chosen"]["model"]) == (None, "a")
    assert "empty" in reported["no_estimate"]

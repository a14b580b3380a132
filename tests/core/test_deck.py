"""The deck, made by hand: what a handle means, and what it costs to ask again."""

from __future__ import annotations

from typing import Any

import pytest

from pipelex_core.deck import Alias, ModelDeck, Preset
from pipelex_core.errors import (
    ConfigError,
    ExtractHandleNotFoundError,
    ExtractPresetNotFoundError,
    ImgGenHandleNotFoundError,
    LLMHandleNotFoundError,
    LLMPresetNotFoundError,
)
from pipelex_core.routing import ModelEntry, RouteMatch
from pipelex_core.specs import ModelSpec, ModelType, Source


def entry(name: str, model_type: ModelType = ModelType.LLM, *, available: bool = True, **spec: Any) -> ModelEntry:
    made = ModelSpec(name=name, backend="b", sdk="s", model_id=name, model_type=model_type, **spec)
    reason = None if available else "its backend is off"
    return ModelEntry(
        name=name,
        spec=made if available else None,
        available=available,
        reason=reason,
        route=RouteMatch(rule="default", backend="b"),
    )


@pytest.fixture
def deck() -> ModelDeck:
    models = [
        entry("one", constraints=frozenset({"temperature_must_be_1"})),
        entry("two"),
        entry("off", available=False),
        entry("reader", ModelType.TEXT_EXTRACTOR),
        entry("painter", ModelType.IMG_GEN),
    ]
    aliases = [
        Alias(name="chain", targets=("off", "one", "two")),
        Alias(name="mixed", targets=("reader", "two")),
        Alias(name="warm", targets=("two",), settings={"temperature": 0.9}, source=Source(file="a")),
        Alias(name="dead", targets=("off",)),
        Alias(name="loop", targets=("pool",)),
        Alias(name="pool", targets=("two", "loop")),
        Alias(name="lost", targets=("nowhere",)),
    ]
    presets = [
        Preset(name="cool", capability="llm", model="warm", settings={"temperature": 0.1}, source=Source(file="p")),
        Preset(name="long", capability="llm", model="chain", settings={"temperature": 0.5}),
        Preset(name="careful", capability="llm", model="one", on_unsupported_setting="warn"),
    ]
    return ModelDeck(
        models={model.name: model for model in models},
        aliases={alias.name: alias for alias in aliases},
        presets={"llm": {preset.name: preset for preset in presets}},
        choices={"llm.for_text": "cool"},
    )


def test_a_preset_merges_its_settings_over_the_aliases(deck: ModelDeck) -> None:
    """With the origin of each, and the steps on the way."""
    cool = deck.resolve("cool")
    assert (cool.kind, cool.settings, cool.policy) == ("preset", {"temperature": 0.1}, "error")
    assert cool.origins == {"temperature": Source(file="p")}
    assert [(step.kind, step.name) for step in cool.steps] == [
        ("preset", "cool"),
        ("alias", "warm"),
        ("model", "two"),
    ]


def test_a_chain_skips_what_cannot_be_called_and_drops_what_is_refused(deck: ModelDeck) -> None:
    """Every member stays, with its reason and with what would be sent to it."""
    long = deck.resolve("long")
    assert [(member.name, member.available) for member in long.chain] == [("off", False), ("one", True), ("two", True)]
    assert long.policy == "drop"
    _, one, two = long.chain
    assert (one.settings, list(one.refused)) == ({}, ["temperature"])
    assert (two.settings, two.refused) == ({"temperature": 0.5}, {})
    assert long.chosen is one


def test_a_call_that_sets_something_wins(deck: ModelDeck) -> None:
    """The merged settings are fitted to each member anew, and their origin is the call's."""
    call = Source(file="call")
    changed = deck.resolve("long").with_settings({"temperature": 1, "max_tokens": 5}, call)
    assert [dict(member.settings) for member in changed.chain[1:]] == [{"temperature": 1, "max_tokens": 5}] * 2
    assert not any(member.refused for member in changed.chain)
    assert changed.origins["max_tokens"] is call
    assert deck.resolve("long").settings == {"temperature": 0.5}


def test_an_inline_table_works_wherever_a_name_does(deck: ModelDeck) -> None:
    """A preset, a model, an alias, or a list of them, with settings over theirs."""
    assert deck.resolve({"model": "cool", "temperature": 0.3}).settings == {"temperature": 0.3}
    assert deck.resolve({"llm_handle": "warm"}).settings == {"temperature": 0.9}
    listed = deck.resolve({"model": ["off", "two"], "temperature": 0.2})
    assert [member.name for member in listed.chain] == ["off", "two"]
    assert listed.chain[1].settings == {"temperature": 0.2}


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"model": None},
        {"model": 3},
        {"model": []},
        {"model": [3]},
        {"model": "one", "llm_handle": "one"},
        {"model": "one", "temperature": "hot"},
        {"model": "one", "nonsense": 1},
        3,
        None,
        b"one",
    ],
)
def test_a_malformed_handle_is_an_error(deck: ModelDeck, table: Any) -> None:
    """No handle that is not a name and no sound table."""
    with pytest.raises(ConfigError) as caught:
        deck.resolve(table)
    assert caught.value.problems


@pytest.mark.parametrize(
    ("handle", "capability", "error", "suggestion"),
    [
        ("onne", "llm", LLMHandleNotFoundError, "one"),
        ("", "llm", LLMHandleNotFoundError, None),
        ("@chian", "llm", LLMHandleNotFoundError, "chain"),
        ("lost", "llm", LLMHandleNotFoundError, None),
        ("reeder", "extract", ExtractHandleNotFoundError, "reader"),
        ("paintr", "img_gen", ImgGenHandleNotFoundError, "painter"),
        ("$cole", "llm", LLMPresetNotFoundError, "cool"),
        ("$cool", "extract", ExtractPresetNotFoundError, None),
    ],
)
def test_a_handle_that_exists_nowhere(
    deck: ModelDeck, handle: str, capability: str, error: type[ConfigError], suggestion: str | None
) -> None:
    """Its class says what was looked for, and the nearest name is offered."""
    with pytest.raises(error) as caught:
        deck.resolve(handle, capability)
    (problem,) = caught.value.problems
    assert problem.suggestion == (f"did you mean '{suggestion}'?" if suggestion else None)


def test_a_model_for_something_else_is_refused_alone_and_skipped_in_a_chain(deck: ModelDeck) -> None:
    """A handle for text does not end at an extractor."""
    with pytest.raises(LLMHandleNotFoundError, match="is for extraction, not for text"):
        deck.resolve("reader")
    mixed = deck.resolve("mixed")
    assert [member.available for member in mixed.chain] == [False, True]
    assert deck.resolve("reader", "extract").chosen is not None


def test_a_cycle_made_by_hand_is_an_error_too(deck: ModelDeck) -> None:
    """It is printed, whichever alias one begins with."""
    for handle, cycle in (("loop", "loop → pool → loop"), ("pool", "pool → loop → pool")):
        with pytest.raises(ConfigError, match=cycle):
            deck.resolve(handle)


def test_a_handle_with_nothing_to_call_resolves_all_the_same(deck: ModelDeck) -> None:
    """`explain` shows it; a call refuses it."""
    dead = deck.resolve("dead")
    assert dead.chosen is None
    assert dead.chain[0].entry.reason == "its backend is off"


def test_the_policy_is_the_presets_else_the_decks(deck: ModelDeck) -> None:
    """Else an error for one model, and dropped in a chain."""
    assert deck.resolve("careful").policy == "warn"
    assert deck.resolve("one").policy == "error"
    strict = ModelDeck(models=deck.models, aliases=deck.aliases, presets=deck.presets, on_unsupported_setting="error")
    assert (strict.resolve("long").policy, strict.resolve("careful").policy) == ("error", "warn")


def test_defaults(deck: ModelDeck) -> None:
    """A default that is not there says where it would be written."""
    assert deck.default("llm.for_text") == "cool"
    for choice, key in (
        ("llm.for_object", "llm.choice_defaults.for_object"),
        ("extract", "extract.choice_default"),
        ("img_gen", "img_gen.choice_default"),
    ):
        with pytest.raises(ConfigError) as caught:
            deck.default(choice)
        assert caught.value.problems[0].key == key


def test_what_was_resolved_is_remembered(deck: ModelDeck) -> None:
    """The same object again, for each capability its own."""
    assert deck.resolve("cool") is deck.resolve("cool")
    assert deck.resolve("reader", "extract").capability == "extract"
    assert deck.resolve("@warm") is not deck.resolve("warm")


def test_a_stronger_setting_drops_what_it_excludes() -> None:
    """Quality or steps, a ratio or a size: of the alias, the preset and the call, the last one that speaks decides."""
    made = ModelDeck(
        models={"painter": entry("painter", ModelType.IMG_GEN)},
        aliases={
            "small": Alias(name="small", targets=("painter",), settings={"width": 64, "height": 64, "nb_steps": 4})
        },
        presets={
            "img_gen": {
                "wide": Preset(
                    name="wide",
                    capability="img_gen",
                    model="small",
                    settings={"aspect_ratio": "16:9", "quality": "low"},
                )
            }
        },
    )

    def sent(**call: Any) -> dict[str, Any]:
        resolution = made.resolve("wide", "img_gen").with_settings(call)
        (member,) = resolution.chain
        assert member.settings == resolution.settings
        assert resolution.origins.keys() == resolution.settings.keys()
        assert member.origins.keys() >= member.settings.keys() - call.keys()
        return dict(member.settings)

    assert sent() == {"aspect_ratio": "16:9", "quality": "low"}
    assert sent(nb_steps=9) == {"aspect_ratio": "16:9", "nb_steps": 9}
    assert sent(width=32, height=32, seed=1) == {"width": 32, "height": 32, "quality": "low", "seed": 1}
    inline = made.resolve({"model": "wide", "width": 8, "height": 8}, "img_gen").with_settings({"aspect_ratio": "1:1"})
    assert inline.settings == {"aspect_ratio": "1:1", "quality": "low"}


def test_a_preset_of_another_capability_is_told(deck: ModelDeck) -> None:
    """It is not there for this one, but nobody has to look for it."""
    with pytest.raises(ImgGenHandleNotFoundError, match="the preset of that name is for text"):
        deck.resolve("cool", "img_gen")

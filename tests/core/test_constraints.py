"""Constraints: settings made to fit a model, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from pipelex_core.constraints import CONSTRAINTS, ENOUGH_MAX_TOKENS, Fitted, fit
from pipelex_core.specs import ModelSpec


def model(*constraints: str, **limits: Any) -> ModelSpec:
    return ModelSpec(name="m", backend="b", sdk="s", model_id="m", constraints=frozenset(constraints), **limits)


@pytest.mark.parametrize(
    ("constraint", "provided", "sent"),
    [
        (None, {"temperature": 0.5, "max_tokens": 5}, {"temperature": 0.5, "max_tokens": 5}),
        (None, {"temperature": None}, {}),
        ("temperature_must_be_1", {"temperature": 1}, {"temperature": 1}),
        ("temperature_must_be_multiplied_by_2", {"temperature": 0.5}, {"temperature": 1.0}),
        ("temperature_must_be_multiplied_by_2", {"temperature": 1}, {"temperature": 2}),
        ("temperature_up_to_2", {"temperature": 1.5}, {"temperature": 1.5}),
        ("temperature_or_top_p", {"temperature": 0.5}, {"temperature": 0.5}),
        ("temperature_or_top_p", {"top_p": 0.9}, {"top_p": 0.9}),
        ("max_tokens_must_be_high_enough", {"max_tokens": 5}, {"max_tokens": ENOUGH_MAX_TOKENS}),
        ("max_tokens_must_be_high_enough", {"max_tokens": 5000}, {"max_tokens": 5000}),
        ("no_system_prompt", {"temperature": 0.5}, {"temperature": 0.5}),
    ],
)
def test_settings_are_adapted(constraint: str | None, provided: dict[str, Any], sent: dict[str, Any]) -> None:
    """Presets speak one language; what is sent is the model's."""
    fitted = fit(provided, model(*([constraint] if constraint else [])))
    assert (fitted.settings, fitted.refused) == (sent, {})


@pytest.mark.parametrize(
    ("constraint", "provided", "refused"),
    [
        ("temperature_must_be_1", {"temperature": 0.5}, "temperature"),
        (None, {"temperature": 1.5}, "temperature"),
        ("temperature_must_be_multiplied_by_2", {"temperature": 1.5}, "temperature"),
        ("no_temperature", {"temperature": 1}, "temperature"),
        ("no_top_p", {"top_p": 1}, "top_p"),
        ("no_stop", {"stop": ["x"]}, "stop"),
        ("no_seed", {"seed": 0}, "seed"),
        ("no_logprobs", {"logprobs": 3}, "logprobs"),
        ("no_n", {"n": 2}, "n"),
        ("no_language", {"language": "en"}, "language"),
        ("no_timestamps", {"timestamps": "word"}, "timestamps"),
        ("no_speakers", {"speakers": True}, "speakers"),
        ("no_prompt", {"prompt": "Nile"}, "prompt"),
        ("no_speed", {"speed": 2}, "speed"),
        ("no_instructions", {"instructions": "Whisper."}, "instructions"),
        ("no_max_tokens", {"max_tokens": 5}, "max_tokens"),
        ("no_reasoning_effort", {"reasoning_effort": "low"}, "reasoning_effort"),
        ("no_reasoning_budget", {"reasoning_budget": 0}, "reasoning_budget"),
    ],
)
def test_settings_are_refused_with_a_reason(constraint: str | None, provided: dict[str, Any], refused: str) -> None:
    """What the model does not take is left out, and the reason names the model."""
    fitted = fit({**provided, "prompting_target": "x"}, model(*([constraint] if constraint else [])))
    assert fitted.settings == {"prompting_target": "x"}
    assert list(fitted.refused) == [refused]
    assert "model 'm'" in fitted.refused[refused]


def test_of_two_settings_that_exclude_each_other_the_temperature_stays() -> None:
    """Claude 4.1 to 4.6 take one of them; a temperature that is refused itself leaves the other alone."""
    fitted = fit({"temperature": 0.5, "top_p": 0.9}, model("temperature_or_top_p"))
    assert (fitted.settings, list(fitted.refused)) == ({"temperature": 0.5}, ["top_p"])
    assert "model 'm' takes temperature or top_p" in fitted.refused["top_p"]
    fitted = fit({"temperature": 0.5, "top_p": 0.9}, model("temperature_or_top_p", "no_temperature"))
    assert (fitted.settings, list(fitted.refused)) == ({"top_p": 0.9}, ["temperature"])


def test_every_constraint_is_tried() -> None:
    """A new constraint cannot be left out of the tests."""
    marks = [*test_settings_are_adapted.pytestmark, *test_settings_are_refused_with_a_reason.pytestmark]
    assert {case[0] for mark in marks for case in mark.args[1]} - {None} == set(CONSTRAINTS)


def test_max_tokens_and_the_models_own_limit() -> None:
    """`"auto"` is all the model has, or nothing where that is unknown; more than it has is refused."""
    assert fit({"max_tokens": "auto"}, model(max_tokens=4096)).settings == {"max_tokens": 4096}
    assert fit({"max_tokens": "auto"}, model()).settings == {}
    assert fit({"max_tokens": 4096}, model(max_tokens=4096)).refused == {}
    assert list(fit({"max_tokens": 4097}, model(max_tokens=4096)).refused) == ["max_tokens"]
    assert fit({"max_tokens": 4097}, model()).settings == {"max_tokens": 4097}
    assert fit({"max_tokens": "auto"}, model("no_max_tokens", max_tokens=9)) == Fitted(settings={}, refused={})
    small = model("max_tokens_must_be_high_enough", max_tokens=100)
    assert fit({"max_tokens": 5}, small).settings == {"max_tokens": 100}


def test_the_callers_settings_are_not_changed() -> None:
    """A preset is shared by many calls."""
    provided = {"temperature": 0.5, "max_tokens": "auto"}
    fit(provided, model("temperature_must_be_multiplied_by_2", "no_max_tokens"))
    assert provided == {"temperature": 0.5, "max_tokens": "auto"}

"""What models refuse, and how settings are made to fit one: the only place that knows a constraint's name.

`fit` takes the settings of a call and one model, and says what to send, and what the model does not take. Whether that
is an error or is dropped is the caller's policy (`on_unsupported_setting`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.specs import ModelSpec

Policy = Literal["error", "warn", "drop"]

ENOUGH_MAX_TOKENS = 1024
"""What `max_tokens_must_be_high_enough` raises a smaller `max_tokens` to: below it, reasoning leaves no answer."""

CONSTRAINTS: dict[str, str] = {
    "temperature_must_be_1": "refuses every temperature but 1",
    "temperature_must_be_multiplied_by_2": "has temperatures from 0 to 2 where presets speak 0 to 1",
    "temperature_up_to_2": "takes temperatures above 1 as they are",
    "temperature_or_top_p": "takes temperature or top_p, but not both",
    "max_tokens_must_be_high_enough": f"needs max_tokens of {ENOUGH_MAX_TOKENS} or more to answer at all",
    "no_temperature": "takes no temperature",
    "no_top_p": "takes no top_p",
    "no_stop": "takes no stop strings",
    "no_seed": "takes no seed",
    "no_max_tokens": "takes no max_tokens",
    "no_reasoning_effort": "takes no reasoning_effort",
    "no_reasoning_budget": "takes no reasoning_budget",
    "no_logprobs": "does not tell how likely its tokens were",
    "no_n": "gives one answer a call",
    "no_language": "takes no language: it finds it",
    "no_timestamps": "tells no times",
    "no_speakers": "does not tell speakers apart",
    "no_prompt": "takes no prompt with a recording",
    "no_speed": "has one speed",
    "no_instructions": "takes no instructions for its voice",
    "no_system_prompt": "takes no system prompt: it becomes part of the first message",
}
"""Every constraint a spec may name, and what it says of the model."""


@frozen(kw_only=True, slots=False)
class Fitted:
    """Settings for one model: what to send, and the reason for each setting that cannot be."""

    settings: Mapping[str, Any]
    refused: Mapping[str, str]


def refuses_every(name: str, spec: ModelSpec) -> bool:
    """Whether a model refuses a setting whatever its value is."""
    return f"no_{name}" in spec.constraints or (name == "top_p" and "temperature_or_top_p" in spec.constraints)


def takes(settings: Mapping[str, Any], spec: ModelSpec) -> bool:
    """Whether a model plainly takes settings as they are; where it does not, `fit` knows which it refuses."""
    temperature, max_tokens = settings.get("temperature"), settings.get("max_tokens")
    return (
        not spec.constraints
        and (temperature is None or temperature <= 1)
        and (max_tokens is None or max_tokens == "auto" or spec.max_tokens is None or max_tokens <= spec.max_tokens)
        and "dimensions" not in settings
    )


def fit(settings: Mapping[str, Any], spec: ModelSpec) -> Fitted:
    """The settings as this model takes them; those it refuses are left out and stand in `refused`."""
    sent = {name: value for name, value in settings.items() if value is not None}
    refused: dict[str, str] = {}
    if sent.get("max_tokens") == "auto" and "no_max_tokens" in spec.constraints:
        del sent["max_tokens"]  # all it has, which it gives unasked

    def refuse(name: str, reason: str) -> None:
        refused[name] = f"model '{spec.name}' {reason}"
        del sent[name]

    for name in [name for name in sent if f"no_{name}" in spec.constraints]:
        refuse(name, CONSTRAINTS[f"no_{name}"])
    _fit_temperature(sent, spec, refuse)
    if "temperature_or_top_p" in spec.constraints and {"temperature", "top_p"} <= sent.keys():
        refuse("top_p", CONSTRAINTS["temperature_or_top_p"])
    _fit_max_tokens(sent, spec, refuse)
    if "dimensions" in sent:
        _fit_dimensions(sent, spec, refuse)
    return Fitted(settings=sent, refused=refused)


def _fit_temperature(sent: dict[str, Any], spec: ModelSpec, refuse: Any) -> None:
    temperature = sent.get("temperature")
    if temperature is None:
        return
    if "temperature_must_be_1" in spec.constraints:
        if temperature != 1:
            refuse("temperature", f"{CONSTRAINTS['temperature_must_be_1']}, not {temperature:g}")
    elif temperature > 1 and "temperature_up_to_2" not in spec.constraints:
        refuse("temperature", f"takes temperatures from 0 to 1, not {temperature:g}")
    elif "temperature_must_be_multiplied_by_2" in spec.constraints:
        sent["temperature"] = temperature * 2


def _fit_max_tokens(sent: dict[str, Any], spec: ModelSpec, refuse: Any) -> None:
    max_tokens = sent.get("max_tokens")
    if max_tokens is None:
        return
    if max_tokens == "auto":
        if spec.max_tokens is None:
            del sent["max_tokens"]
        else:
            sent["max_tokens"] = spec.max_tokens
        return
    if spec.max_tokens is not None and max_tokens > spec.max_tokens:
        refuse("max_tokens", f"has {spec.max_tokens} output tokens at most, not {max_tokens}")
    elif "max_tokens_must_be_high_enough" in spec.constraints and max_tokens < ENOUGH_MAX_TOKENS:
        sent["max_tokens"] = min(ENOUGH_MAX_TOKENS, spec.max_tokens or ENOUGH_MAX_TOKENS)


def _fit_dimensions(sent: dict[str, Any], spec: ModelSpec, refuse: Any) -> None:
    """A model with one length of vectors is not asked for it; what nothing is known of is sent."""
    wanted, most = sent["dimensions"], spec.max_dimensions
    if spec.dimensions_allowed:
        if wanted not in spec.dimensions_allowed:
            known = " or ".join(map(str, spec.dimensions_allowed))
            refuse("dimensions", f"gives vectors of {known} dimensions, not {wanted}")
    elif most is not None:
        if not spec.min_dimensions <= wanted <= most:
            known = f"from {spec.min_dimensions} to {most}"
            refuse("dimensions", f"gives vectors of {known} dimensions, not {wanted}")
    elif spec.dimensions is not None:
        if wanted != spec.dimensions:
            refuse("dimensions", f"gives vectors of {spec.dimensions} dimensions only, not {wanted}")
        else:
            del sent["dimensions"]

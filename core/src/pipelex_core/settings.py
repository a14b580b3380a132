"""The settings a preset, an alias, an inline table or a call may have: one table, checked in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from attrs import frozen

from pipelex_core.near import nearest

if TYPE_CHECKING:
    from pipelex_core.specs import Capability

MODEL_KEYS = ("model", "llm_handle", "ocr_handle")
"""The key that names the model of a preset, an alias or an inline handle, and its synonyms of the older format."""

SettingKind = Literal["number", "integer", "string", "boolean", "strings"]

REASONING_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


@frozen
class SettingRule:
    """What one setting may be.

    Attributes:
        kind: Type of its value.
        help: What it does, in a sentence.
        minimum: Smallest value, or None.
        maximum: Largest value, or None.
        above: A value it must exceed, or None.
        choices: The words allowed; empty for any. With a number kind, words allowed besides numbers.
    """

    kind: SettingKind
    help: str
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def expected(self) -> str:
        """What a right value is, for an error message."""
        words = " or ".join(f'"{choice}"' for choice in self.choices)
        if self.kind == "string":
            return words or "a string"
        if self.kind == "boolean":
            return "true or false"
        if self.kind == "strings":
            return "a list of strings"
        noun = "a whole number" if self.kind == "integer" else "a number"
        if self.minimum is not None and self.maximum is not None:
            noun += f" from {self.minimum:g} to {self.maximum:g}"
        elif self.minimum is not None:
            noun += f" of at least {self.minimum:g}"
        elif self.above is not None:
            noun += f" above {self.above:g}"
        return f"{noun} or {words}" if words else noun

    def accepts(self, value: object) -> bool:
        """Whether a value is right, strictly: no `"3"` for 3, no `true` for 1."""
        if self.kind == "boolean":
            return isinstance(value, bool)
        if self.kind == "string":
            return isinstance(value, str) and (not self.choices or value in self.choices)
        if self.kind == "strings":
            return (
                isinstance(value, Sequence)
                and not isinstance(value, (str, bytes))
                and all(isinstance(item, str) for item in value)
            )
        if isinstance(value, str):
            return value in self.choices
        return (
            not isinstance(value, bool)
            and isinstance(value, int if self.kind == "integer" else (int, float))
            and -_HUGE < value < _HUGE  # false for NaN and infinity too
            and (self.minimum is None or value >= self.minimum)
            and (self.maximum is None or value <= self.maximum)
            and (self.above is None or value > self.above)
        )


_HUGE = 2**63  # no setting is as large, and Python refuses to print much larger numbers

_SEED = SettingRule("integer", "For repeatable answers, where the model has it.", minimum=0)

SETTINGS: dict[Capability, dict[str, SettingRule]] = {
    "llm": {
        "temperature": SettingRule("number", "How freely to sample; 0 is the least.", minimum=0, maximum=2),
        "max_tokens": SettingRule(
            "integer", 'Most output tokens; "auto" for all the model has.', minimum=1, choices=("auto",)
        ),
        "prompting_target": SettingRule("string", "A style of prompting, for those who write prompts."),
        "top_p": SettingRule("number", "Nucleus sampling.", minimum=0, maximum=1),
        "seed": _SEED,
        "stop": SettingRule("strings", "Strings that end the answer."),
        "reasoning_effort": SettingRule("string", "How long to reason.", choices=REASONING_EFFORTS),
        "reasoning_budget": SettingRule("integer", "Most reasoning tokens.", minimum=0),
    },
    "extract": {
        "max_nb_images": SettingRule("integer", "Most images to cut out of the document; 0 for none.", minimum=0),
        "image_min_size": SettingRule("integer", "Smallest side, in pixels, of an image to cut out.", minimum=0),
    },
    "img_gen": {
        "quality": SettingRule("string", "Excludes nb_steps.", choices=("low", "medium", "high")),
        "nb_steps": SettingRule("integer", "Diffusion steps; excludes quality.", minimum=1),
        "guidance_scale": SettingRule("number", "How closely to follow the prompt.", above=0),
        "is_moderated": SettingRule("boolean", "Whether the provider's safety checker is on."),
        "safety_tolerance": SettingRule("integer", "1 is strict, 6 permissive.", minimum=1, maximum=6),
        "width": SettingRule("integer", "Pixels; with height.", minimum=1),
        "height": SettingRule("integer", "Pixels; with width.", minimum=1),
        "aspect_ratio": SettingRule("string", 'Such as "16:9"; excludes width and height.'),
        "seed": _SEED,
        "number": SettingRule("integer", "How many images.", minimum=1),
        "background": SettingRule("string", "Of the image.", choices=("transparent", "opaque", "auto")),
        "output_format": SettingRule("string", "Of the image.", choices=("png", "jpeg", "webp")),
    },
}


_RIVALS: dict[str, tuple[str, ...]] = {
    "quality": ("nb_steps",),
    "nb_steps": ("quality",),
    "aspect_ratio": ("width", "height"),
    "width": ("aspect_ratio",),
    "height": ("aspect_ratio",),
}
"""Setting -> those it excludes."""


def over(weaker: Mapping[str, Any], stronger: Mapping[str, Any]) -> dict[str, Any]:
    """Both tables in one, the stronger one winning; what it excludes of the weaker one is gone."""
    merged = {**weaker, **stronger}
    if not _RIVALS.keys().isdisjoint(stronger):
        for rival in (rival for name in stronger for rival in _RIVALS.get(name, ())):
            if rival not in stronger:
                merged.pop(rival, None)
    return merged


@frozen(kw_only=True)
class SettingFault:
    """A wrong setting: which, what is wrong with it, what was expected, and the nearest valid name."""

    name: str
    message: str
    expected: str | None = None
    suggestion: str | None = None
    unknown: bool = False


def check_settings(capability: Capability, settings: Mapping[str, Any]) -> list[SettingFault]:
    """Every fault of a table of settings, in its order; values of None count as not given."""
    rules = SETTINGS[capability]
    given = {name: value for name, value in settings.items() if value is not None}
    faults = []
    for name, value in given.items():
        rule = rules.get(name)
        if rule is None:
            faults.append(_unknown(capability, name))
        elif not rule.accepts(value):
            faults.append(SettingFault(name=name, message=f"{name} cannot be {_shown(value)}", expected=rule.expected))
    for one, other in (("quality", "nb_steps"), ("aspect_ratio", "width")):
        if one in given and other in given and capability == "img_gen":
            faults.append(SettingFault(name=other, message=f"{one} and {other} exclude each other"))
    if capability == "img_gen" and ("width" in given) != ("height" in given):
        name = "width" if "width" in given else "height"
        faults.append(SettingFault(name=name, message="width and height belong together"))
    return faults


def _unknown(capability: Capability, name: str) -> SettingFault:
    rules = SETTINGS[capability]
    return SettingFault(
        name=name,
        message=f"'{name}' is no setting for {capability}",
        expected=f"one of {', '.join(rules)}",
        suggestion=nearest(str(name), rules),
        unknown=True,
    )


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # there is a number of thousands of digits in it
        return "a huge number"
    return text if len(text) <= 60 else f"{text[:57]}…"

"""The settings a preset, an alias, an inline table or a call may have: one table, checked in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

from attrs import frozen

from pipelex_core.near import nearest

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
        excludes: Settings that cannot be set beside it.
        partner: A setting that has to be set beside it, or None.
    """

    kind: SettingKind
    help: str
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    choices: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    partner: str | None = None

    @property
    def expected(self) -> str:
        """What a right value is, for an error message."""
        words = " or ".join(f'"{choice}"' for choice in self.choices)
        plain = {"string": words or "a string", "boolean": "true or false", "strings": "a list of strings"}
        if self.kind in plain:
            return plain[self.kind]
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


class Configurable(Protocol):
    """What has settings, by its name and their rules: `capabilities.Kind`."""

    @property
    def name(self) -> str:
        """For messages."""

    @property
    def settings(self) -> Mapping[str, SettingRule]:
        """Name of each setting -> its rule."""


_HUGE = 2**63  # no setting is as large, and Python refuses to print much larger numbers

SEED = SettingRule("integer", "For repeatable answers, where the model has it.", minimum=0)


def over(
    weaker: Mapping[str, Any], stronger: Mapping[str, Any], rivals: Mapping[str, tuple[str, ...]]
) -> dict[str, Any]:
    """Merge two tables, the stronger one winning; what it excludes of the weaker one, by its `rivals`, is gone."""
    merged = {**weaker, **stronger}
    if rivals and not rivals.keys().isdisjoint(stronger):
        for rival in (rival for name in stronger for rival in rivals.get(name, ())):
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


def check_settings(capability: Configurable, settings: Mapping[str, Any]) -> list[SettingFault]:
    """Find every fault of a table of settings, in its order; a value of None is the same as no value."""
    rules = capability.settings
    present = {name: value for name, value in settings.items() if value is not None}
    faults = []
    for name, value in present.items():
        rule = rules.get(name)
        if rule is None:
            what, expected = f"'{name}' is not a setting of {capability.name}", f"one of {', '.join(rules)}"
            near = nearest(str(name), rules)
            faults.append(SettingFault(name=name, message=what, expected=expected, suggestion=near, unknown=True))
        elif not rule.accepts(value):
            faults.append(SettingFault(name=name, message=f"{name} cannot be {_shown(value)}", expected=rule.expected))
    return faults + _rivalries(rules, present)


def _rivalries(rules: Mapping[str, SettingRule], present: Mapping[str, Any]) -> list[SettingFault]:
    """Settings that exclude each other, and those that lack the one they belong with."""
    faults = []
    for name in present:
        rule = rules.get(name)
        if rule is None:
            continue
        excluded = next((other for other in rule.excludes if other in present), None)
        if excluded is not None:
            faults.append(SettingFault(name=excluded, message=f"{name} and {excluded} exclude each other"))
        if rule.partner is not None and rule.partner not in present:
            first, second = sorted((name, rule.partner), key=list(rules).index)
            faults.append(SettingFault(name=name, message=f"{first} and {second} belong together"))
    return faults


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # there is a number of thousands of digits in it
        return "a huge number"
    return text if len(text) <= 60 else f"{text[:57]}…"

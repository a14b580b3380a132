"""The keys that belong to a plugin alone: checked, strictly, against the options its factory declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.config.environment import has_variables
from pipelex_core.config.structure import STRING, checked, report_unknown
from pipelex_core.config.values import each, rule
from pipelex_core.errors import ModelsManagerError
from pipelex_core.near import nearest
from pipelex_core.specs import Secret, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pipelex_core.backend import Option
    from pipelex_core.config.problems import Faults

_TYPES: dict[str, tuple[str, tuple[type, ...]]] = {
    "str": ("a string", (str,)),
    "secret": ("a string", (str,)),
    "int": ("a whole number", (int,)),
    "float": ("a number", (int, float)),
    "bool": ("true or false", (bool,)),
    "list": ("a list", (list,)),
    "table": ("a table", (dict,)),
    "strings": ("a table of strings", (dict,)),
}


def checked_options(
    written: Mapping[str, Any],
    options: Iterable[Option],
    faults: Faults,
    *,
    where: Callable[[str], Source],
    others: tuple[str, ...],
    complete: bool = True,
    filled: bool = True,
) -> dict[str, Any]:
    """The options as a plugin gets them; unknown, wrong and missing ones are reported.

    Args:
        written: The keys and values of a table that are not common to all.
        options: The options that are known.
        faults: Where to report.
        where: The source of a key; of the table itself for a key that is not there.
        others: The common keys, for suggestions.
        complete: Whether `options` are all there are. If not, an unknown key may belong to a plugin that is missing, and
            only what is nearly a common key is pointed out.
        filled: Whether the variables in the values are filled in; if not, a value that had one is not checked.
    """
    known = {option.name: option for option in options}
    checked: dict[str, Any] = {}
    for name, value in written.items():
        option = known.get(name)
        if option is not None and not filled and (value == "" or has_variables(value)):
            continue
        if option is not None:
            checked[name] = _checked(value, option, faults, where(name))
        elif complete:
            report_unknown(name, (*others, *known), faults, ModelsManagerError, where(name))
        else:
            checked[name] = value
            if nearest(name, others):
                message = f"unknown key '{name}', unless it belongs to the plugin that is missing"
                faults.warning("unknown-key", message, where(name), near=(name, others))
    for name, option in known.items():
        if filled and option.required and written.get(name) in (None, ""):
            message = f"the option '{name}' is missing"
            faults.error(ModelsManagerError, "missing-key", message, where(name), expected=_expected(option))
    return checked


def _checked(value: Any, option: Option, faults: Faults, source: Source) -> Any:
    """The value of an option; what is wrong with it is reported."""
    types, expected = _TYPES[option.type][1], _expected(option)
    reader = rule(expected, lambda value: value.__class__ in types)
    if option.type == "strings":
        reader = each(STRING, expected, kind=dict, made=dict)
    if checked(reader, value, source, faults, ModelsManagerError) is None:
        return value
    if option.choices and value not in option.choices:
        message = f"'{option.name}' has a value it cannot have"
        near = (value, option.choices) if isinstance(value, str) else None
        faults.error(ModelsManagerError, "bad-value", message, source, expected=expected, near=near)
    elif option.type == "secret":
        faults.hide(value)
        return Secret(value)
    return value


def _expected(option: Option) -> str:
    return f"one of {', '.join(option.choices)}" if option.choices else _TYPES[option.type][0]

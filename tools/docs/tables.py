"""The parts of the documentation that are made from the code: each a name and its Markdown."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints

from attrs import fields_dict

from pipelex_cli.schemas.meanings import since
from pipelex_core import backend, errors, hookspecs, parts, results
from pipelex_core.budgets import Budget
from pipelex_core.calls import Call, FinishedCall
from pipelex_core.capabilities import BUILT_IN
from pipelex_core.client import AsyncClient
from pipelex_core.config import tables
from pipelex_core.config.backends import NEWER_BACKEND_KEYS
from pipelex_core.config.deck_files import NEWER_DECK_KEYS, NEWER_SECTION_KEYS
from pipelex_core.config.model_specs import NEWER_SPEC_KEYS
from pipelex_core.constraints import CONSTRAINTS
from pipelex_core.estimates import MemberEstimate
from pipelex_core.plugins import FIRST_PARTY, discover
from pipelex_core.policies import COOLDOWN, FALLBACK_ON, RETRY, FallbackOn
from pipelex_core.price_lists import PRICES
from pipelex_core.specs import BackendConfig, Costs
from tools.docs.codes import problem_codes
from tools.docs.commands import commands, global_options
from tools.docs.docstrings import attributes_of, sentence, summary, table
from tools.docs.faulty import faulty_deck, faulty_report
from tools.docs.kit import kit_parts
from tools.docs.meanings import BACKEND_KEYS, CODES, PROFILE_KEYS, SPEC_KEYS
from tools.docs.migrated import migrated_models
from tools.docs.picture import picture, words
from tools.docs.reference import public_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipelex_core.backend import Option

_OPTION_TYPES = {
    "str": "string",
    "secret": "string",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    "list": "list",
    "table": "table",
    "strings": "table of strings",
}
_POLICIES: dict[str, Any] = {
    "retries": RETRY.retries,
    "retry_wait": RETRY.initial_wait,
    "longest_retry_wait": RETRY.longest_wait,
    "longest_retry_after": RETRY.longest_retry_after,
    "fallback_on": RETRY.fallback_on,
    "rest_after_failures": COOLDOWN.failures,
    "rest_seconds": COOLDOWN.seconds,
}
_VALUES = ("TextResult", "RunResult", "ObjectResult", "Page", "Image", "Usage", "Attempt")


def made_parts() -> dict[str, str]:
    """Name -> Markdown, of every part that is made."""
    return {
        "backend-keys": _keys(tables.BackendTable, BACKEND_KEYS),
        "sdks": _sdks(),
        "backend-options": _options(models=False),
        "model-options": _options(models=True),
        "spec-keys": _keys(tables.SpecTable, SPEC_KEYS),
        "prices": table(("price", "of"), ((f"`{name}`", sentence(text)) for name, text in _prices().items())),
        "constraints": table(("constraint", "the model"), ((f"`{name}`", text) for name, text in CONSTRAINTS.items())),
        "profile-keys": _keys(tables.ProfileTable, PROFILE_KEYS),
        **{f"{kind.name}-settings": _settings(kind.name) for kind in BUILT_IN if kind.settings},
        "newer-keys": _newer(),
        "problem-codes": _codes(),
        "error-tree": f"```text\n{(errors.__doc__ or '').partition(chr(10) * 2)[2].strip()}\n```",
        "error-attributes": _attributes(errors.CallError),
        "problem-attributes": _attributes(errors.Problem),
        "commands": commands(),
        "global-options": global_options(),
        "public-names": public_names(),
        "routing-picture": picture(),
        "routing-table": words(),
        "migrated-models": migrated_models(),
        "faulty-deck": faulty_deck(),
        "faulty-report": faulty_report(),
        "result": _attributes(results.Result),
        **{name: _attributes(getattr(results, name)) for name in _VALUES},
        "Citation": _attributes(parts.Citation),
        "Call": _attributes(Call),
        "FinishedCall": _attributes(FinishedCall),
        "Budget": _attributes(Budget),
        "MemberEstimate": _attributes(MemberEstimate),
        "hooks": _hooks(),
        "capabilities": _capabilities(),
        "backend-config": _attributes(BackendConfig),
        "option": _attributes(backend.Option),
        **kit_parts(),
        **{f"{name}-arguments": _arguments(name) for name in _METHODS},
    }


def _keys(cls: type, meanings: Mapping[str, str]) -> str:
    """The keys of a table; a key without a meaning, or a meaning without a key, is an error."""
    hints = get_type_hints(cls)
    names = [name for name in fields_dict(cls) if not name.startswith("_")]
    if set(names) != set(meanings):
        msg = f"tools/docs/meanings.py and {cls.__name__} differ: {sorted(set(names) ^ set(meanings))}"
        raise AssertionError(msg)
    rows = (
        (f"`{name}`", _value(hints[name]), _default(cls, name), since(cls.__name__, name), meanings[name])
        for name in names
    )
    return table(("key", "value", "default", "since", "meaning"), rows)


def _default(cls: type, name: str) -> str:
    """What counts where a key is not there; empty where nothing does."""
    value = _POLICIES.get(name) if cls is tables.BackendTable else None
    if value is None:
        value = fields_dict(cls)[name].default
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return (
        f"`{value:g}`" if isinstance(value, (int, float)) else f"`{value}`" if isinstance(value, str) and value else ""
    )


def _value(hint: Any) -> str:
    """What a key may hold, in words."""
    if get_origin(hint) is Union or type(hint).__name__ == "UnionType":
        (hint,) = (part for part in get_args(hint) if part is not type(None))
    words: dict[Any, str] = {
        str: "string",
        bool: "true or false",
        tables.TypeOfModel: _either(BUILT_IN.model_types),
        tables.Positive: "whole number from 1",
        tables.NotNegative: "whole number from 0",
        tables.Counts: "list of whole numbers from 1",
        tables.Seconds: "seconds, 0 or more",
        tables.SomeSeconds: "seconds, above 0",
        FallbackOn: _either(FALLBACK_ON),
        tables.Inputs: f"list of {_either(dict.fromkeys(tables.INPUTS.values()))}",
        tables.Outputs: f"list of {_either(dict.fromkeys(tables.OUTPUTS.values()))}",
        tables.Constraints: "list, see [constraints](#constraints)",
        tables.Prices: "table, see [prices](#prices)",
        tables.Day: "date, or string of that form",
        dict[str, str]: "table of strings",
        tuple[str, ...]: "list of strings",
    }
    return words[hint]


def _either(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _prices() -> dict[str, str]:
    texts = attributes_of(Costs)
    return {name: texts[name] for name in PRICES}


def _sdks() -> str:
    served: dict[str, list[str]] = {}
    for sdk, distribution in FIRST_PARTY.items():
        only, _, name = sdk.rpartition(":")
        served.setdefault(distribution, []).append(f"`{name}` of backend `{only}`" if only else f"`{name}`")
    rows = ((f"`{distribution}`", ", ".join(sdks)) for distribution, sdks in sorted(served.items()))
    return table(("plugin", "serves `sdk`"), rows)


def _options(*, models: bool) -> str:
    """The options of every first-party plugin, those of several sdks once."""
    rows: list[tuple[str, ...]] = []
    plugins = discover()
    for record in plugins.records:
        found: dict[Option, list[str]] = {}
        for sdk in record.sdks:
            only, _, name = sdk.rpartition(":")
            factory = plugins.require(only or "any", name)[0]
            for option in factory.model_options if models else factory.options:
                found.setdefault(option, []).append(sdk)
        for option, sdks in found.items():
            which = "all" if len(sdks) == len(record.sdks) else _either(sdks)
            value = f"one of {_either(option.choices)}" if option.choices else _OPTION_TYPES[option.type]
            need = " Required." if option.required else ""
            came = since(record.name, option.name)
            does = f"{sentence(option.help)}.{need}"
            rows.append((record.name, which, f"`{option.name}`", value, option.default, came, does))
    return table(("plugin", "sdk", "option", "value", "default", "since", "does"), rows)


def _settings(capability: str) -> str:
    rows = (
        (f"`{name}`", rule.expected.replace('"', "`"), since(capability, name), sentence(rule.help))
        for name, rule in BUILT_IN[capability].settings.items()
    )
    return table(("setting", "value", "since", "meaning"), rows)


def _newer() -> str:
    files = (
        ("backends.toml", NEWER_BACKEND_KEYS),
        ("model specs", NEWER_SPEC_KEYS),
        ("deck", NEWER_DECK_KEYS),
        ("deck, a capability's table", NEWER_SECTION_KEYS),
    )
    rows = ((file, f"`{key}`", text) for file, keys in files for key, text in keys.items())
    return table(("file", "key", "instead"), rows)


def _codes() -> str:
    found = problem_codes()
    if set(found) != set(CODES):
        msg = f"tools/docs/meanings.py and the code differ in problem codes: {sorted(set(found) ^ set(CODES))}"
        raise AssertionError(msg)
    return table(
        ("code", "is", "means"), ((f"[`{code}`](errors/{code}.md)", found[code], CODES[code]) for code in sorted(CODES))
    )


def _hooks() -> str:
    """Each hook with what it returns and the first paragraph of its documentation."""
    hooks = {name: value for name, value in vars(hookspecs).items() if name.startswith("pipelex_")}
    return table(("hook", "is"), ((f"`{name}`", sentence(summary(hook))) for name, hook in hooks.items()))


def _capabilities() -> str:
    """Each abstract class of a backend with its method."""
    rows = []
    for name, value in vars(backend).items():
        if inspect.isabstract(value) and issubclass(value, backend.Backend):
            (method,) = value.__abstractmethods__
            rows.append((f"`{name}`", f"`{method}`", sentence(summary(value).partition(";")[0])))
    return table(("class", "method", "is for"), rows)


def _attributes(cls: type) -> str:
    return _named(attributes_of(cls))


_METHODS = (
    "from_project",
    "generate_text",
    "run",
    "extract",
    "generate_image",
    "embed",
    "transcribe",
    "speak",
    "rerank",
    "moderate",
)


def _arguments(method: str) -> str:
    return _named(attributes_of(getattr(AsyncClient, method), "Args"))


def _named(texts: Mapping[str, str]) -> str:
    return table(("name", "is"), ((f"`{name}`", sentence(text)) for name, text in texts.items()))

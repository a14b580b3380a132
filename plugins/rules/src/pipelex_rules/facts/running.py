"""Checks facts: the valid fragment must be taken, and the invalid one refused in the same surroundings."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from attrs import frozen

import pipelex_rules
from pipelex_rules.facts import pictures, placing
from pipelex_rules.facts.macros import expand
from pipelex_rules.facts.surroundings import MODELS, PATH_MODEL, body_of
from pipelex_rules.values import record
from pipelex_rules.wires import API_ALIASES, PLACES, wire

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipelex_rules.rule import Violation
    from pipelex_rules.shapes import Shape

NOT_THE_BODY = re.compile(r"(traffic|account|model answer|header|url)\b(?!_)")
"""Places of facts that are not in a body; the examples of error forms only name a case."""
_FIRST_MODELS = {"before 4.6": "claude-sonnet-4-5"}


@frozen(kw_only=True)
class Outcome:
    """What became of one fact.

    Attributes:
        fact: The fact.
        accepted: Whether the valid fragment was taken.
        refused: Whether the invalid fragment was refused.
        violations: What the invalid fragment breaks.
        complaints: What the valid fragment breaks, where it was not taken.
    """

    fact: dict[str, Any]
    accepted: bool
    refused: bool
    violations: tuple[Violation, ...]
    complaints: tuple[Violation, ...]


def read_facts(path: Path) -> Iterator[dict[str, Any]]:
    """Read a file of facts.

    Raises:
        ValueError: A line is not a JSON object; the message names it.
    """
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip():
            continue
        try:
            fact = json.loads(line)
        except ValueError as error:
            msg = f"{path}:{number}: is not JSON: {error}"
            raise ValueError(msg) from error
        if not isinstance(fact, dict) or not {"provider", "api", "where", "valid_example", "invalid_example"} <= set(
            fact
        ):
            msg = f"{path}:{number}: is not a fact: it needs provider, api, where, valid_example and invalid_example"
            raise ValueError(msg)
        yield fact


def is_spoken(fact: dict[str, Any]) -> bool:
    """Tell whether there are rules for a fact's provider."""
    return fact["provider"] in PLACES


def concerns_a_body(fact: dict[str, Any]) -> bool:
    """Tell whether a fact is about the body of a request."""
    in_path = fact["where"] == "modelId" and fact["api"] != "batch"
    return fact.get("subject") != "error form" and not NOT_THE_BODY.match(fact["where"]) and not in_path


def run_fact(fact: dict[str, Any]) -> Outcome:
    """Look for surroundings in which the valid fragment is taken, and put the invalid one there."""
    good, bad = expand(fact["valid_example"]), expand(fact["invalid_example"])
    mentioned = placing.names_in([fact["valid_example"], fact["invalid_example"]])
    complaints: tuple[Violation, ...] = ()
    accepted = False
    for api in _apis(fact):
        for model in _models(fact, api):
            body, shape = body_of(fact["provider"], api, model), wire(fact["provider"], api).shape
            pairs = zip(
                _requests(body, api, fact["where"], good, mentioned, shape),
                _requests(body, api, fact["where"], bad, mentioned, shape),
                strict=False,
            )
            for (valid, valid_size), (invalid, invalid_size) in pairs:
                found = _check(fact, api, model, good, valid, valid_size)
                if found:
                    complaints = complaints or found
                    continue
                accepted = True
                broken = _check(fact, api, model, bad, invalid, invalid_size)
                if broken:
                    return Outcome(fact=fact, accepted=True, refused=True, violations=broken, complaints=())
    return Outcome(
        fact=fact, accepted=accepted, refused=False, violations=(), complaints=() if accepted else complaints
    )


def _requests(  # noqa: PLR0917 -- a fact has as many parts
    body: dict[str, Any], api: str, where: str, fragment: Any, mentioned: frozenset[str], shape: Shape
) -> Iterator[tuple[dict[str, Any], int | None]]:
    size = pictures.whole_size(fragment) if where == "body" else None
    if size is not None:
        yield body, size
        return
    for request in placing.place(body, placing_api(api), where, fragment, mentioned, shape):
        yield request, None


def placing_api(api: str) -> str:
    """Name the form of an API's messages."""
    return API_ALIASES.get(api, api)


def _check(  # noqa: PLR0917 -- a request has as many parts
    fact: dict[str, Any], api: str, model: str, fragment: Any, body: dict[str, Any], size: int | None
) -> tuple[Violation, ...]:
    own = record(fragment)
    named = own.get("model") or own.get("modelId")
    in_path = named if isinstance(named, str) else model
    if api in PATH_MODEL:
        body = {name: value for name, value in body.items() if name != "model"}
        return pipelex_rules.check(fact["provider"], api, body, model=in_path, size=size)
    return pipelex_rules.check(fact["provider"], api, body, size=size)


def _apis(fact: dict[str, Any]) -> list[str]:
    """Name the APIs that a fact may be about, its own first; parts of them have names of their own here."""
    known = PLACES[fact["provider"]]
    own = API_ALIASES.get(fact["api"], fact["api"])
    further = [name for name in known if name.partition("/")[0] == own.partition("/")[0] and name != own]
    if fact["api"] == "chat" and fact["where"].startswith("input"):
        further = [name for name in known if name == "responses"]
    if fact["api"] == "embeddings" and "embedContent" in known:
        further = ["embedContent"]
    return [name for name in (own, *further) if name in known]


def _models(fact: dict[str, Any], api: str) -> list[str]:
    """Propose models: those of the fact, with the stars and pluses of patterns left out, before the usual ones."""
    usual = list(MODELS.get((fact["provider"], api), MODELS.get(("openai", api), ("a-model",))))
    stated = fact.get("models")
    if not isinstance(stated, str):
        return usual
    if stated in _FIRST_MODELS:
        return [_FIRST_MODELS[stated], *usual]
    names = []
    for pattern in re.split(r",\s*", stated):
        fitting = [
            name for name in usual if re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\+", ".*"), name)
        ]
        plain = pattern.replace("+", "").rstrip("*-.") if ":" not in pattern else pattern.replace("*", "gpt-4.1")
        names += [*fitting, pattern.replace("*", "3") if pattern == "o*" else plain.replace("*", "opus")]
    return [*dict.fromkeys(names)] or usual

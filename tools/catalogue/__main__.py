"""Bring the specs that plugins ship in line with facts, or compare them: `python -m tools.catalogue FACTS.jsonl [--check]`.

A line of facts is a model at a provider: id, kind, limits, price, life (`docs/contributing` says more). Tables that were written
by hand keep their names, comments and ways, and get the figures of the fact with their `model_id`; every other model that a
backend serves gets a table of its own below, named by its id.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from tools.catalogue.files import SpecText
from tools.catalogue.specs import FACTS, TYPES, effort_levels, facts_of, new_table, prefill_of, responses_for

ROOT = Path(__file__).resolve().parents[2]
DAY = "2026-11-30"
_OURS = ("gemini-", "text-embedding-", "text-multilingual-", "multimodalembedding", "semantic-ranker-")
"""What Vertex AI's own API serves, and its ranking API."""
_PUBLISHERS = ("claude-", "mistral", "codestral")
"""Anthropic's and Mistral's models, behind `rawPredict`."""
_OPEN = ("deepseek-ai/", "google/gemma", "meta/", "minimaxai/", "moonshotai/", "openai/", "qwen/", "xai/", "zai-org/")
"""Publishers whose models Google runs behind chat completions."""

_EMBEDS = ("amazon.titan-embed", "amazon.nova-2-multimodal", "cohere.embed", "twelvelabs.marengo-embed-3")
"""Bedrock's families whose embeddings its plugin can ask for: each has a request of its own."""

_ELSEWHERE = re.compile(r"realtime|-live(-|$)|^speech/|^chirp")
"""Speech over a socket, or at another service of the provider: no plugin has a way there."""


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or with `--check` say which differ; 1 where one does."""
    parser = argparse.ArgumentParser(prog="python -m tools.catalogue", description=__doc__)
    parser.add_argument("facts", type=Path)
    parser.add_argument("--day", default=DAY, help="the day on which the facts were true")
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    chosen = parser.parse_args(arguments)
    by_provider: dict[str, list[dict[str, Any]]] = {}
    for line in chosen.facts.read_text(encoding="utf-8").splitlines():
        fact = json.loads(line, parse_float=Decimal)
        by_provider.setdefault(fact["provider"], []).append(fact)
    differ = []
    for path in sorted(ROOT.glob("plugins/*/src/*/specs/*.toml")):
        facts = [fact for fact in by_provider.get(path.stem, ()) if is_served(fact)]
        if not facts:
            continue
        text = renewed(path, facts, chosen.day)
        if text != path.read_text(encoding="utf-8"):
            differ.append(path)
            if not chosen.check:
                path.write_text(text, encoding="utf-8")
    for path in differ:
        sys.stdout.write(f"{'differs' if chosen.check else 'written'} {path.relative_to(ROOT)}\n")
    return 1 if differ and chosen.check else 0


def is_served(fact: dict[str, Any]) -> bool:
    """Whether a plugin has a way to call the model."""
    if fact["provider"] == "vertexai" and not fact["id"].startswith(_OURS):
        is_text = fact["kind"] == "llm" and str(fact["id"]).startswith(_OPEN)
        return is_text or (fact["kind"] in {"llm", "ocr"} and str(fact["id"]).startswith(_PUBLISHERS))
    if fact["kind"] in {"stt", "tts"} and _ELSEWHERE.search(fact["id"]):
        return False
    if fact["provider"] == "bedrock" and fact["kind"] not in {"llm", "embed", "image", "rerank"}:
        return False
    if fact["provider"] == "bedrock" and fact["kind"] == "embed" and not fact["id"].startswith(_EMBEDS):
        return False
    return fact["kind"] in TYPES


def renewed(path: Path, facts: list[dict[str, Any]], day: str) -> str:
    """The text of a file, in line with the facts of its backend."""
    text = SpecText.read(path)
    tables = text.tables()
    defaults = tables.get("defaults", {})
    hand = {name: table for name, table in tables.items() if name not in {"backend", "defaults"}}
    by_id = {fact["id"]: fact for fact in facts}
    written: set[str] = set()
    for name, table in hand.items():
        model_id = table.get("model_id", name)
        fact, profile = _fact_of(model_id, by_id)
        if fact is None:
            continue
        written.update({model_id, model_id.removeprefix("google/")})
        model_type = table.get("model_type", defaults.get("model_type", "llm"))
        decided = facts_of(_of_profile(fact, profile), model_type, day)
        for key in ("max_tokens", "context_window"):
            if key not in decided and key in table:
                decided[key] = table[key]
        if decided.get("max_tokens", 0) > decided.get("context_window", defaults.get("context_window", 10**9)):
            decided.pop("max_tokens")
        decided = {**_ways_known_since(fact, {**defaults, **table}), **decided}
        text.update(name, decided, FACTS)
    siblings = [{"name": name, "model_id": name, **table} for name, table in hand.items()]
    made = {
        _free_name(fact["id"], hand, path.stem): new_table(fact, day, siblings, defaults)
        for fact in sorted(facts, key=lambda fact: (list(TYPES).index(fact["kind"]), fact["id"]))
        if fact["id"] not in written
    }
    return text.write(made)


def _ways_known_since(fact: dict[str, Any], table: dict[str, Any]) -> dict[str, Any]:
    """What a table that was written by hand does not say of how its model is asked, and facts do."""
    found: dict[str, Any] = prefill_of(fact)
    if "no_reasoning_effort" not in table.get("constraints", ()) and (levels := effort_levels(fact)):
        found["effort_levels"] = levels
    if fact["provider"] in {"openai", "azure_openai"}:
        found |= responses_for(fact, table.get("sdk", ""))
    return {key: value for key, value in found.items() if key not in table}


def _free_name(model_id: str, hand: dict[str, Any], backend: str) -> str:
    """The id; with its backend before it where that is the name of another model.

    That may be one of this file, or one to which the documentation of the format gives the name at other backends alone: a
    route by pattern would find it at a backend that was not meant.
    """
    return f"{backend}/{model_id}" if model_id in hand or model_id in documented() else model_id


@cache
def documented() -> frozenset[str]:
    """The names that the documentation of the format gives to models."""
    return frozenset(Path(__file__).with_name("documented.txt").read_text(encoding="utf-8").split())


def _fact_of(model_id: str, by_id: dict[str, dict[str, Any]]) -> tuple[dict[str, Any] | None, str | None]:
    """The fact of an id, which may have a prefix: Bedrock's inference profile, or Vertex AI's `google/`."""
    if model_id in by_id:
        return by_id[model_id], None
    prefix, dot, bare = model_id.partition(".")
    if dot and bare in by_id:
        return by_id[bare], prefix
    return by_id.get(model_id.removeprefix("google/")), None


def _of_profile(fact: dict[str, Any], profile: str | None) -> dict[str, Any]:
    """The fact with the prices of an inference profile, which has no tiers or services of its own but by the usual ratio."""
    prices = fact["price"].get("by_profile", {}).get(profile) if profile else None
    if not prices:
        return fact
    usual = fact["price"]
    if all(usual.get(name) == price for name, price in prices.items()):
        return fact
    ratios = {price / usual[name] for name, price in prices.items() if usual.get(name)}
    if len(ratios) != 1:
        return {**fact, "price": prices}
    return {**fact, "price": _times(usual, ratios.pop()) | prices}


def _times(price: Any, ratio: Decimal) -> Any:
    """A price list at another level: what is paid for tokens, at any size and service."""
    if isinstance(price, dict):
        return {
            name: _times(item, ratio) if name.endswith("_per_mtok") or isinstance(item, (dict, list)) else item
            for name, item in price.items()
        }
    if isinstance(price, list):
        return [_times(item, ratio) for item in price]
    return price * ratio


if __name__ == "__main__":
    sys.exit(main())

"""Every shipped spec of a model that the facts know has the facts' figures: read by themselves, not by what makes the specs."""

from __future__ import annotations

import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tomli

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
FACTS = ROOT.parent / "shared" / "models" / "facts.jsonl"
_TOKENS = {"input_per_mtok": "input", "output_per_mtok": "output", "input_cached_per_mtok": "input_cached"}
_WRITES = {
    "cache_write_5m_per_mtok": "input_cache_write",
    "cache_write_per_mtok": "input_cache_write",
    "cache_write_1h_per_mtok": "input_cache_write_1h",
}
SERVICES = ("batch", "flex", "priority")


def shipped() -> dict[tuple[str, str], list[tuple[str, dict[str, Any]]]]:
    """Backend and model id -> the specs of it, by name."""
    found = defaultdict(list)
    for path in ROOT.glob("plugins/*/src/*/specs/*.toml"):
        tables = tomli.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        for name, table in tables.items():
            if name not in {"backend", "defaults"}:
                spec = {**tables.get("defaults", {}), **table}
                found[path.stem, spec.get("model_id", name)].append((name, spec))
    return found


def differences(fact: dict[str, Any], spec: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """What a spec has otherwise than the fact: the figure, the fact's and the spec's."""
    price, costs = fact.get("price") or {}, spec.get("costs") or {}
    expected: list[tuple[str, Any, Any]] = []
    if spec.get("model_type", "llm") == "llm":
        names = {**_TOKENS, **_WRITES}
        expected += [(name, price[name], costs.get(ours)) for name, ours in names.items() if name in price]
        expected += [
            (service, price[service]["input_per_mtok"], (costs.get(service) or {}).get("input"))
            for service in SERVICES
            if "input_per_mtok" in price.get(service, {})
        ]
        tiers, ours = price.get("tiers", []), costs.get("tiers", [])
        expected.append(("tiers", len(tiers), len(ours)))
        for tier, our in zip(tiers, ours, strict=False):
            border = tier["above_input_tokens"]
            expected.append(("border", border, border if 0 <= border - our["above_input_tokens"] <= 1 else our))
            if "input_per_mtok" in tier:
                expected.append(("price of a tier", tier["input_per_mtok"], our.get("input")))
        if fact.get("max_output"):
            expected.append(("max_output", fact["max_output"], spec.get("max_tokens")))
    if fact.get("context_window"):
        expected.append(("context_window", fact["context_window"], spec.get("context_window")))
    end = fact.get("retired_on") or fact.get("retires_on")
    if end:
        expected.append(("end", end, str(spec.get("retired_on"))))
    yield from (each for each in expected if each[1] != each[2])


@pytest.mark.skipif(not FACTS.is_file(), reason=f"there are no facts in {FACTS}")
def test_every_figure_of_a_served_model_is_that_of_the_facts() -> None:
    """Prices, tiers, services, windows, limits and the day on which a model ends."""
    specs = shipped()
    facts = [json.loads(line, parse_float=Decimal) for line in FACTS.read_text(encoding="utf-8").splitlines()]
    pairs = [(fact, name, spec) for fact in facts for name, spec in specs.get((fact["provider"], fact["id"]), ())]
    wrong = [
        (fact["provider"], fact["id"], name, *difference)
        for fact, name, spec in pairs
        for difference in differences(fact, spec)
    ]
    assert wrong == []
    assert len({(fact["provider"], fact["id"]) for fact, _, _ in pairs}) > 840

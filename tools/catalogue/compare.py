"""Compare the prices that are shipped with those of genai-prices, and print what differs: `python -m tools.catalogue.compare`.

genai-prices (https://github.com/pydantic/genai-prices) is kept by others, from the providers' own pages. What it has otherwise is no
error by itself: it is what somebody should look up.
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from decimal import Decimal
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import tomli
from attrs import frozen
from genai_prices.data import providers
from genai_prices.types import TieredPrices

from tools.catalogue.distribution import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from genai_prices.types import ModelInfo, ModelPrice

PROVIDERS = {
    "anthropic": "anthropic",
    "azure_openai": "azure",
    "bedrock": "aws",
    "deepseek": "deepseek",
    "google": "google",
    "groq": "groq",
    "mistral": "mistral",
    "openai": "openai",
    "openrouter": "openrouter",
    "perplexity": "perplexity",
    "vertexai": "google",
    "xai": "x-ai",
}
"""Backend -> what genai-prices calls its provider."""

PRICES = {
    "input": "input_mtok",
    "input_cached": "cache_read_mtok",
    "input_cache_write": "cache_write_mtok",
    "input_audio": "input_audio_mtok",
    "output": "output_mtok",
    "output_audio": "output_audio_mtok",
}
"""Key of `costs` -> what genai-prices calls it, in US$ per million tokens."""

SERVICES: dict[str, dict[str, str]] = {
    "": {},
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
}
"""Price list of `costs`, the usual one first -> the context in which genai-prices has it."""


@frozen
class Difference:
    """A price that genai-prices has otherwise; None where one of the two has none."""

    backend: str
    model: str
    price: str
    ours: Decimal | None
    theirs: Decimal | None

    def __str__(self) -> str:
        ours, theirs = (f"{price:f}" if price is not None else "none" for price in (self.ours, self.theirs))
        return f"{self.backend}  {self.model}  {self.price}  {ours} here, {theirs} there"


def main(arguments: list[str] | None = None) -> int:
    """Print what differs; 1 where something does."""
    parser = argparse.ArgumentParser(prog="python -m tools.catalogue.compare", description=__doc__)
    parser.add_argument("backends", nargs="*", help="which backends, by default all that genai-prices knows")
    parser.add_argument("--day", default=None, help="the day whose prices are compared, by default today")
    parser.add_argument("--missing", action="store_true", help="also print the models that are not shipped here")
    chosen = parser.parse_args(arguments)
    moment = datetime.fromisoformat(chosen.day).replace(tzinfo=UTC) if chosen.day else datetime.now(UTC)
    found: list[object] = []
    for backend in chosen.backends or PROVIDERS:
        (file,) = ROOT.glob(f"plugins/*/src/*/specs/{backend}.toml")
        tables = tomli.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
        models = {name: table for name, table in tables.items() if name not in {"backend", "defaults"}}
        known = next(provider.models for provider in providers if provider.id == PROVIDERS[backend])
        found += differences(backend, models, known, moment)
        if chosen.missing:
            found += [f"{backend}  {model_id}  is not shipped" for model_id in missing(models, known)]
    sys.stdout.write("".join(f"{line}\n" for line in found))
    sys.stderr.write(f"{len(found)} differences from genai-prices {version('genai-prices')} on {moment:%Y-%m-%d}\n")
    return 1 if found else 0


def differences(
    backend: str, models: Mapping[str, dict[str, Any]], known: list[ModelInfo], moment: datetime
) -> Iterator[Difference]:
    """What differs in the prices of tokens, of models that both know and that have not ended."""
    for name, table in models.items():
        model = next((each for each in known if each.is_match(table.get("model_id", name))), None)
        if model is None or "costs" not in table or str(table.get("retired_on", "9")) <= f"{moment:%Y-%m-%d}":
            continue
        for service, context in SERVICES.items():
            ours = dict(ours_of(table["costs"], service))
            theirs = dict(theirs_of(model.get_prices(moment, context or None)))
            if service and not (table["costs"].get(service) and _has_service(model, context)):
                continue  # one of the two does not know this service
            for price in dict.fromkeys((*ours, *theirs)):
                if (ours.get(price) or 0) != (theirs.get(price) or 0):  # what costs nothing may have no price
                    label = f"{service} {price}".strip()
                    yield Difference(backend, name, label, ours.get(price), theirs.get(price))


def missing(models: Mapping[str, dict[str, Any]], known: list[ModelInfo]) -> Iterator[str]:
    """The ids of models that genai-prices knows, and no spec has."""
    ids = [table.get("model_id", name) for name, table in models.items()]
    for model in known:
        if not model.deprecated and not any(model.is_match(model_id) for model_id in ids):
            yield model.id


def ours_of(costs: Mapping[str, Any], service: str) -> Iterator[tuple[str, Decimal]]:
    """The prices of tokens in a list of ours: `input`, and `input above 272000` of a tier."""
    prices = costs.get(service, {}) if service else costs
    for name in PRICES:
        if name in prices:
            yield name, Decimal(prices[name])
        for tier in prices.get("tiers", ()):
            if name in tier and tier[name] != prices.get(name):
                yield f"{name} above {tier['above_input_tokens']}", Decimal(tier[name])


def theirs_of(prices: ModelPrice) -> Iterator[tuple[str, Decimal]]:
    """The same of a list of genai-prices."""
    for name, theirs in PRICES.items():
        price = getattr(prices, theirs, None)
        if isinstance(price, TieredPrices):
            yield name, price.base
            for tier in price.tiers:
                if tier.price != price.base:
                    yield f"{name} above {tier.start}", tier.price
        elif price is not None:
            yield name, price


def _has_service(model: ModelInfo, context: Mapping[str, str]) -> bool:
    return any(variant.when == context for variant in model.price_variants or ())


if __name__ == "__main__":
    sys.exit(main())

"""What `costs` may hold, as a JSON schema: prices, and the price lists of tiers, services, peak hours and later days."""

from __future__ import annotations

from typing import Any

from pipelex_core.config.prices import UNITS
from pipelex_core.price_lists import PRICES, SERVICES

Schema = dict[str, Any]

_PRICE: Schema = {"type": "number", "minimum": 0}


def costs_schema() -> Schema:
    """The schema of `costs`."""
    flat = {**dict.fromkeys(PRICES, _PRICE), "image_sizes": {"type": "object", "additionalProperties": _PRICE}}
    tier = _table({**flat, "above_input_tokens": {"type": "integer", "minimum": 0}}, "above_input_tokens")
    service = {**flat, "tiers": _list(tier)}
    hours = {"type": "array", "items": {"type": "string"}}
    days = {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 7}}
    everything = {
        **service,
        **dict.fromkeys(SERVICES, _table(service)),
        "peak": _table({**service, "hours": hours, "weekdays": days}, "hours"),
    }
    change = _table({**everything, "from": {"type": "string", "format": "date"}}, "from")
    return _table({**everything, "unit": {"enum": list(UNITS)}, "changes": _list(change)})


def _table(properties: Schema, *required: str) -> Schema:
    needs = {"required": list(required)} if required else {}
    return {"type": "object", "properties": properties, **needs, "additionalProperties": False}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}

"""The price of a fact, in the words of a spec's `costs`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

_TOKENS = {
    "input_per_mtok": "input",
    "input_cached_per_mtok": "input_cached",
    "cache_write_5m_per_mtok": "input_cache_write",
    "cache_write_per_mtok": "input_cache_write",
    "cache_write_1h_per_mtok": "input_cache_write_1h",
    "input_audio_per_mtok": "input_audio",
    "input_image_per_mtok": "input_image",
    "output_per_mtok": "output",
    "output_audio_per_mtok": "output_audio",
    "output_image_per_mtok": "output_image",
    "output_reasoning_per_mtok": "output_reasoning",
}
_UNITS: dict[str, tuple[str, Decimal]] = {
    "per_request": ("request", Decimal(1)),
    "web_search_per_1k": ("search", Decimal(1000)),
    "per_image": ("image", Decimal(1)),
    "per_output_megapixel": ("megapixel", Decimal(1)),
    "per_page": ("page", Decimal(1)),
    "output_per_second": ("second", Decimal(1)),
    "input_audio_per_minute": ("minute", Decimal(1)),
    "input_per_1k_chars": ("character", Decimal(1000)),
}
SERVICES = ("batch", "flex", "priority", "fast", "ultrafast")
_BESIDE = ("request", "search")
_TYPES_OF_TOKENS = ("llm", "embedding", "reranker", "moderator")
_MADE = {"speaker": "output_audio", "img_gen": "output_image"}
"""What the output of a model that makes no text is, where it has a price of its own alone."""


def costs_of(price: dict[str, Any], model_type: str, *, border_is_inclusive: bool = False) -> dict[str, Any] | None:
    """The `costs` of a model; None where no price is known.

    Args:
        price: The price of a fact.
        model_type: What the model is for: it tells what its plain prices count.
        border_is_inclusive: Whether the provider's tiers begin at the border, and not one token above it.
    """
    costs = _with_tiers(price, model_type, border_is_inclusive=border_is_inclusive)
    for service in SERVICES:
        if service in price:
            costs[service] = _beside(
                _with_tiers(price[service], model_type, border_is_inclusive=border_is_inclusive), costs
            )
    if "peak" in price:
        hours, weekdays = peak_hours(price["peak"]["off_peak_windows_utc"])
        costs["peak"] = _beside(_flat(price["peak"], model_type), costs) | {"hours": hours, "weekdays": weekdays}
    if "from" in price:
        unknown: dict[str, Any] = {service: {} for service in SERVICES if service in costs}
        costs["changes"] = [
            {"from": day, **unknown, **_flat(change, model_type)} for day, change in sorted(price["from"].items())
        ]
    has_tokens = any(name in costs for name in _TOKENS.values())
    if has_tokens and model_type not in _TYPES_OF_TOKENS:
        costs = {"unit": "million_tokens", **costs}
    return costs or None


def _with_tiers(price: dict[str, Any], model_type: str, *, border_is_inclusive: bool) -> dict[str, Any]:
    costs = _flat(price, model_type)
    tiers = price.get("tiers", [])
    if tiers:
        costs["tiers"] = [
            {"above_input_tokens": tier["above_input_tokens"] - border_is_inclusive}
            | _beside(_flat(tier, model_type), costs)
            for tier in sorted(tiers, key=lambda tier: tier["above_input_tokens"])
        ]
    return costs


def _beside(prices: dict[str, Any], usual: dict[str, Any]) -> dict[str, Any]:
    """A price list of its own, with what is paid besides tokens at any size and service."""
    return prices | {name: usual[name] for name in _BESIDE if name in usual and name not in prices}


def _flat(price: dict[str, Any], model_type: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        key: price[name] for name, key in _TOKENS.items() if isinstance(price.get(name), (int, Decimal))
    }
    for name, (key, count) in _UNITS.items():
        if isinstance(price.get(name), (int, Decimal)):
            found[key] = Decimal(price[name]) / count
    if price.get("per_image_by_size"):
        found["image_sizes"] = dict(price["per_image_by_size"])
    return _one_way(found, model_type)


def _one_way(found: dict[str, Any], model_type: str) -> dict[str, Any]:
    """One way to pay for what is used: where a table has several, the one that providers bill by."""
    tokens = [name for name in found if name in _TOKENS.values()]
    made = _MADE.get(model_type)
    if made in found and "output" not in found:
        found["output"] = found[made]
    if model_type == "transcriber" and "minute" in found:
        drop = [*tokens, "second"]
    elif model_type == "speaker" and "character" in found:
        drop = [*tokens, "second", "minute"]
    elif model_type in {"speaker", "transcriber"} and tokens:
        drop = ["second", "minute"]
    elif model_type == "text_extractor" and "page" in found:
        drop = tokens
    elif model_type == "embedding":
        drop = ["second", "minute"]  # of sound, of which no vectors are made here
    elif model_type == "reranker" and "request" in found:
        drop, found["search"] = [*tokens, "request"], found["request"]  # a request with many documents is several
    else:
        drop = []
    for name in drop:
        found.pop(name, None)
    if model_type in {"embedding", "moderator", "reranker"} and "input" in found:
        found.setdefault("output", 0)
    return found


def peak_hours(off_peak: list[dict[str, Any]]) -> tuple[list[str], list[int]]:
    """The peak hours, and the days on which there are some: what the off-peak windows leave of each day."""
    peaks: dict[int, list[str]] = {}
    for day in range(1, 8):
        windows = [window for window in off_peak if day in window["weekdays"]]
        spans = sorted(
            _minutes(hours)
            for window in windows
            for hours in ([window["hours_utc"]] if isinstance(window["hours_utc"], str) else window["hours_utc"])
        )
        at, found = 0, []
        for start, end in spans:
            if start > at:
                found.append(f"{_clock(at)}-{_clock(start)}")
            at = max(at, end)
        if at < _DAY:
            found.append(f"{_clock(at)}-{_clock(_DAY)}")
        if found:
            peaks[day] = found
    kinds = {tuple(hours) for hours in peaks.values()}
    if len(kinds) > 1:
        msg = f"peak hours that differ by day cannot be written as one list: {peaks}"
        raise ValueError(msg)
    return list(kinds.pop()) if kinds else [], list(peaks)


_DAY = 24 * 60


def _minutes(hours: str) -> tuple[int, int]:
    start, end = ((int(each[:2]) * 60 + int(each[3:])) for each in hours.split("-"))
    return start, end or _DAY


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"

"""The price list of a model."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from attrs import fields_dict, frozen

from pipelex_core.plain import Plain
from pipelex_core.sparse import sparse


@sparse
@frozen(kw_only=True, slots=False)
class Costs(Plain):
    """The price list of one model. US$, exact; what is None is unknown, not free.

    A tier, a service and peak hours have price lists of their own, which replace the list wholly: what they do not name is
    unknown. A change keeps what it does not name.

    Attributes:
        unit: What `input` and `output` are for: `million_tokens`, `request`, `image`, `page`, `second` or `character`.
        input: Price of input: tokens that no other price covers, or the image or page.
        input_cached: Input tokens read from the provider's cache.
        input_cache_write: Input tokens written to the provider's cache, to be kept for minutes; as fresh input where it is unknown.
        input_cache_write_1h: Input tokens written to the provider's cache, to be kept for an hour.
        input_non_cached: Input tokens not read from the cache; wins over `input`.
        input_joined: One price for all input tokens, cached or not; wins over the other input prices.
        input_audio: Audio input tokens, where they differ from `input`.
        input_image: Image input tokens, where they differ from `input`.
        output: Output tokens, or the image or page.
        output_audio: Audio output tokens, where they differ from `output`.
        output_image: Image output tokens, where they differ from `output`.
        output_reasoning: Reasoning tokens, where they differ from `output`.
        output_accepted_prediction: Predicted output that was accepted.
        output_rejected_prediction: Predicted output that was rejected.
        request: One request, besides what it uses.
        search: One web search that the provider made, besides tokens; of a reranker, one search.
        image: One image that was made.
        megapixel: A million pixels of the images that were made.
        page: One page that was read.
        second: One second of audio or video.
        minute: One minute of audio or video, which is billed by the second.
        character: One character of text.
        image_sizes: One image by its size, or by `quality/size`, such as `1024x1024` and `high/1024x1024`; wins over `image`.
        tiers: Price lists of requests with more input than `above_input_tokens`; they price the whole request.
        above_input_tokens: Of a tier: it begins one input token above this, cached tokens included.
        batch: What batch jobs cost.
        flex: What the service tier `flex` costs, which is slower.
        priority: What the service tier `priority` costs, which is faster.
        fast: What a provider's fast mode costs.
        ultrafast: What a provider's fastest mode costs.
        peak: What requests in the peak hours of a provider cost.
        hours: Of peak prices: the hours in UTC, such as `01:00-04:00`.
        weekdays: Of peak prices: the days on which the hours hold, Monday is 1; all where it is empty.
        changes: What changes on a day.
        from_day: Of a change: the first day in UTC, such as `2027-01-01`.
    """

    unit: str = "million_tokens"
    input: Decimal | None = None
    input_cached: Decimal | None = None
    input_cache_write: Decimal | None = None
    input_cache_write_1h: Decimal | None = None
    input_non_cached: Decimal | None = None
    input_joined: Decimal | None = None
    input_audio: Decimal | None = None
    input_image: Decimal | None = None
    output: Decimal | None = None
    output_audio: Decimal | None = None
    output_image: Decimal | None = None
    output_reasoning: Decimal | None = None
    output_accepted_prediction: Decimal | None = None
    output_rejected_prediction: Decimal | None = None
    request: Decimal | None = None
    search: Decimal | None = None
    image: Decimal | None = None
    megapixel: Decimal | None = None
    page: Decimal | None = None
    second: Decimal | None = None
    minute: Decimal | None = None
    character: Decimal | None = None
    image_sizes: Mapping[str, Decimal] | None = None
    tiers: tuple[Costs, ...] | None = None
    above_input_tokens: int | None = None
    batch: Costs | None = None
    flex: Costs | None = None
    priority: Costs | None = None
    fast: Costs | None = None
    ultrafast: Costs | None = None
    peak: Costs | None = None
    hours: tuple[str, ...] | None = None
    weekdays: tuple[int, ...] | None = None
    changes: tuple[Costs, ...] | None = None
    from_day: str | None = None


SERVICES: tuple[str, ...] = ("batch", "flex", "priority", "fast", "ultrafast")
"""The ways of serving a request that have prices of their own."""

PRICES: tuple[str, ...] = tuple(name for name, each in fields_dict(Costs).items() if str(each.type) == "Decimal | None")
"""The plain prices of a price list."""

TOKEN_PRICES: tuple[str, ...] = tuple(name for name in PRICES if name.startswith(("input", "output")))
"""Those of tokens; `input` and `output` may also be of another unit."""

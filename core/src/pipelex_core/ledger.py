"""The ledger of a call: what each try used and cost, and their sums. Unknown is not zero."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from attrs import fields_dict, frozen

from pipelex_core.plain import Plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

AttemptOutcome = Literal["ok", "error", "cancelled", "skipped"]
CacheUse = Literal["hit", "miss"]


@frozen(kw_only=True, slots=False, repr=False)
class Usage(Plain):
    """What a call used, with the same meaning for every provider; None where the provider does not say.

    Attributes:
        input_tokens: All input tokens, cached ones included.
        output_tokens: All output tokens, reasoning included.
        cached_tokens: The share of `input_tokens` read from the provider's cache.
        cache_write_tokens: The share of `input_tokens` written to it, for however long.
        cache_write_1h_tokens: The share of `cache_write_tokens` that is kept for an hour.
        input_audio_tokens: The share of `input_tokens` that is audio.
        input_image_tokens: The share of `input_tokens` that is images.
        reasoning_tokens: The share of `output_tokens` spent on reasoning.
        output_audio_tokens: The share of `output_tokens` that is audio.
        output_image_tokens: The share of `output_tokens` that is images.
        accepted_prediction_tokens: The share of `output_tokens` that was predicted rightly.
        rejected_prediction_tokens: The share of `output_tokens` that was predicted in vain.
        images: Images made.
        megapixels: Millions of pixels of the images made.
        image_size: Their size as the price list names it, such as `1024x1024` or `high/1024x1024`.
        pages: Pages read.
        seconds: Seconds of audio or video.
        characters: Characters of text, where they are what is paid.
        searches: Web searches that the provider made; of a reranker, the searches that it counts.
        service_tier: The provider's word for the service tier that answered, such as `flex`.
        cost: What the answer says that it cost, US$; it wins over every price list.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    input_audio_tokens: int | None = None
    input_image_tokens: int | None = None
    reasoning_tokens: int | None = None
    output_audio_tokens: int | None = None
    output_image_tokens: int | None = None
    accepted_prediction_tokens: int | None = None
    rejected_prediction_tokens: int | None = None
    images: int | None = None
    megapixels: Decimal | None = None
    image_size: str | None = None
    pages: int | None = None
    seconds: float | None = None
    characters: int | None = None
    searches: int | None = None
    service_tier: str | None = None
    cost: Decimal | None = None

    def __repr__(self) -> str:
        """What there is of it."""
        known = {name: value for name, value in vars(self).items() if value is not None}
        return f"Usage({', '.join(f'{name}={value!r}' for name, value in known.items())})"


NO_USAGE = Usage()


@frozen(kw_only=True)
class Cost(Plain):
    """Money, exact."""

    amount: Decimal
    currency: str = "USD"


@frozen(kw_only=True, slots=False)
class Attempt(Plain):
    """One try of one member of a chain, as recorded in the ledger.

    Attributes:
        model: Name of the model tried.
        backend: Its backend.
        model_id: What the provider calls it.
        outcome: `ok`, `error`, `cancelled`, or `skipped`: it rests after failures, and was passed over unasked.
        error: Name of the error's class, or None; of one that was skipped, that of the error it rests for.
        status: HTTP status, or None.
        request_id: The provider's id of the request, or None.
        wait_s: Seconds waited before it.
        wait_reason: Why, or None.
        seconds: How long it took, without the wait.
        usage: What it used, or None.
        cost: What it cost, or None where unknown; nothing for an answer out of a cache, and for an attempt that the
            provider refused, that did not reach it, or that was not sent.
        cache: `hit` or `miss` where there is a cache, or None.
    """

    model: str
    backend: str
    model_id: str
    outcome: AttemptOutcome
    error: str | None = None
    status: int | None = None
    request_id: str | None = None
    wait_s: float = 0.0
    wait_reason: str | None = None
    seconds: float = 0.0
    usage: Usage | None = None
    cost: Cost | None = None
    cache: CacheUse | None = None

    @property
    def is_free(self) -> bool:
        """Whether it is sure to have used nothing of the provider."""
        return self.cache == "hit" or (self.usage is None and self.cost is not None)


def total_usage(attempts: Iterable[Attempt]) -> Usage | None:
    """What all attempts used, failed ones included; None where one that may have been paid does not say.

    A count is the sum of those that are known; None where no attempt tells it. A service tier or a size is theirs where they
    agree, and the cost where every one of them says it.
    """
    reported = []
    for attempt in attempts:
        if attempt.is_free:
            continue
        if attempt.usage is None:
            return None
        reported.append(attempt.usage)
    return sum_usage(reported)


def sum_usage(used: Sequence[Usage]) -> Usage:
    """The sum of what was used, count by count, as in `total_usage`."""
    sums: dict[str, Any] = {}
    for name in fields_dict(Usage):
        values = [value for usage in used if (value := getattr(usage, name)) is not None]
        if name in {"service_tier", "image_size"}:
            sums[name] = values[0] if len(set(values)) == 1 else None
        elif values and (name != "cost" or len(values) == len(used)):
            sums[name] = sum(values)
    return Usage(**sums)


def total_cost(attempts: Iterable[Attempt]) -> Cost | None:
    """What all attempts cost, failed ones included; None where that of one that may have been paid is unknown."""
    amount = Decimal(0)
    for attempt in attempts:
        if attempt.cost is None:
            return None
        amount += attempt.cost.amount
    return Cost(amount=amount)

"""What is known before a call: backends, models, prices, and where each of them was written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Any, TypeVar

from attrs import NOTHING, field, fields_dict, frozen

from pipelex_core.plain import Plain
from pipelex_core.policies import COOLDOWN, RETRY, CooldownPolicy, RetryPolicy

V = TypeVar("V")

_set = object.__setattr__


def sparse(cls: type[V]) -> type[V]:
    """Keep the defaults of a class without slots on the class, where an instance that `made` makes finds them."""
    for name, each in fields_dict(cls).items():  # type: ignore[arg-type]  # it is a class of attrs
        if each.default is not NOTHING and not hasattr(each.default, "factory"):
            setattr(cls, name, each.default)
    return cls


def made(cls: type[V], values: dict[str, Any]) -> V:
    """An instance of a `sparse` class that has these values, and these alone: a tenth of the work, and a load makes hundreds."""
    made = object.__new__(cls)
    _set(made, "__dict__", values)
    return made


class ModelType(StrEnum):
    """What a model is for, in the words of the format; a plugin's capability has types of its own."""

    LLM = "llm"
    TEXT_EXTRACTOR = "text_extractor"
    IMG_GEN = "img_gen"
    EMBEDDING = "embedding"
    TRANSCRIBER = "transcriber"
    SPEAKER = "speaker"
    RERANKER = "reranker"
    MODERATOR = "moderator"


class Secret:
    """A string that prints as `***`; `reveal()` gives it, and nothing else does."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself: pass it to an SDK, store it nowhere."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled: it would end in a file")


@sparse
@frozen(kw_only=True, slots=False)
class Source(Plain):
    """Where a value was written: a key of a project's file, or of a plugin's package data.

    Attributes:
        file: Path of the TOML file; None for a plugin's package data.
        key: The path of tables to the value, such as `("profiles", "all_openai", "routes")`.
        plugin: Distribution that ships the value; None for a project's file.
        version: Version of that distribution.
    """

    file: str | None = None
    key: tuple[str, ...] = ()
    plugin: str | None = None
    version: str | None = None

    def __str__(self) -> str:
        """The file, or the plugin and its version."""
        if self.file is not None:
            return self.file
        return f"{self.plugin} {self.version}" if self.version else f"{self.plugin}"

    def at(self, *key: str) -> Source:
        """The source of another key of the same file."""
        return made(Source, {**self.__dict__, "key": key})

    def child(self, *key: str) -> Source:
        """The source of a key inside this one."""
        return made(Source, {**self.__dict__, "key": (*self.key, *key)})


NOWHERE = Source()
"""The source of a value made by hand."""


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


@frozen(kw_only=True)
class Limits(Plain):
    """How much may be sent to a backend, or of a model; None for as much as there is.

    Attributes:
        max_concurrency: Most requests under way at once.
        requests_per_minute: Most requests in any sixty seconds.
        tokens_per_minute: Most tokens, input and output together, in any sixty seconds.
    """

    max_concurrency: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


def _address_only(endpoint: str | None) -> str:
    """An address without its user and query, which may hold a key."""
    if endpoint is None:
        return "None"
    before, has_query, _ = endpoint.partition("?")
    scheme, separator, rest = before.partition("://")
    user, at, rest = rest.rpartition("@")
    return repr(f"{scheme}{separator}{'***' if user else ''}{at}{rest}{'?***' if has_query else ''}")


def _names_only(options: Mapping[str, Any]) -> str:
    return f"<{', '.join(options)}>"


MOST_ANSWER_BYTES = 64 * 1024 * 1024
MOST_MEDIA_BYTES = 256 * 1024 * 1024
"""How many bytes an answer may have, decoded: one of text, and one of images, documents or sound."""


@frozen(kw_only=True)
class BackendConfig:
    """One table of backends.toml, variables filled in: all a plugin gets to know.

    Attributes:
        name: The table's name, such as `azure_openai`.
        display_name: For people; the name where none was given.
        enabled: Whether its models may be used.
        endpoint: Base URL that replaces the provider's own, or None.
        api_key: The key, or None.
        api_key_variable: Name of the variable the key came from, or None.
        hidden: What else came from variables and may be secret: in a table such as `headers`, in the query of the endpoint.
        options: Every other key, checked against the options that the plugins of its models declare; `repr` shows
            their names alone, because a value may be a secret.
        limits: How much may be sent to it; None for no limit.
        idle_timeout: Seconds it may be silent, where a call does not say; None for ever.
        max_answer_bytes: How many bytes an answer of text may have, decoded; of a stream, each of its events.
        max_media_bytes: The same for answers of images, documents or sound, and for each download.
        allow_private_urls: Whether images and documents may be downloaded from addresses inside: loopback, private, link-local.
        retry: How often its models are asked again, and when a chain moves on from them.
        cooldown: When its models rest.
        source: Where it was written.
    """

    name: str
    display_name: str = ""
    enabled: bool = True
    endpoint: str | None = field(default=None, repr=_address_only)
    api_key: Secret | None = None
    api_key_variable: str | None = None
    hidden: tuple[Secret, ...] = field(default=(), repr=False)
    options: Mapping[str, Any] = field(factory=dict, repr=_names_only)
    limits: Limits | None = None
    idle_timeout: float | None = None
    max_answer_bytes: int = MOST_ANSWER_BYTES
    max_media_bytes: int = MOST_MEDIA_BYTES
    allow_private_urls: bool = False
    retry: RetryPolicy = RETRY
    cooldown: CooldownPolicy = COOLDOWN
    source: Source = NOWHERE

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """Every secret, the longest first, because one may begin with another."""
        values = (*self.options.values(), *self.hidden, self.api_key)
        return tuple(sorted((value.reveal() for value in values if isinstance(value, Secret)), key=len, reverse=True))

    @cached_property
    def open_options(self) -> Mapping[str, Any]:
        """The options without the secrets among them, and those that a reader of secrets gave."""
        hidden = {secret.reveal() for secret in self.hidden}
        return {
            name: value
            for name, value in self.options.items()
            if not (isinstance(value, Secret) or (isinstance(value, str) and value in hidden))
        }


@sparse
@frozen(kw_only=True, slots=False)
class ModelSpec(Plain):
    """One model as one backend offers it.

    Attributes:
        name: The name that decks and routes use, such as `gpt-4o-mini`.
        backend: The backend that offers it.
        sdk: Names the plugin's factory that serves it.
        model_id: What the provider calls it.
        model_type: What it is for: one of `ModelType`, or what the capability of a plugin adds.
        inputs: Of `text`, `images`, `pdf`, `audio`, `video`; empty where the spec does not say, and then nothing is refused.
        outputs: Of `text`, `structured`, `image`, `pages`, `vectors`, `ranking`, `audio`, `scores`; empty where the spec does not say.
        costs: The price list; None where it is unknown.
        max_tokens: Most output tokens the model gives; None where unknown.
        context_window: Most tokens of input and output together, of an embedding model those of one text; None where unknown.
        max_prompt_images: Most images in one prompt; None where unknown.
        prompting_target: A style of prompting, for those who write prompts.
        constraints: Names of rules from `constraints.py`, such as `no_temperature`.
        options: Settings of this model for its plugin alone, such as `structured_output`.
        limits: How much of it may be asked for, besides its backend's limits; None for no limit.
        dimensions: Numbers in a vector where a call does not say; None where unknown.
        dimensions_allowed: What a call may ask for instead; empty for a range, or for nothing else.
        min_dimensions: The least that a call may ask for, where it may ask for any number in a range.
        max_dimensions: The most; None where there is no range.
        max_inputs: Most inputs in one request, such as texts; None where unknown.
        max_request_tokens: Most tokens of all inputs of one request; None where unknown.
        deprecated_on: The day since which its provider advises against it, such as `2026-11-30`; None where it does not.
        retired_on: The day on which its provider stops serving it, or stopped; None where none is known.
        successor: The model that its provider names instead; None where it names none.
        source: Where it was written.
    """

    name: str
    backend: str
    sdk: str
    model_id: str
    model_type: str = ModelType.LLM
    inputs: frozenset[str] = frozenset()
    outputs: frozenset[str] = frozenset()
    costs: Costs | None = None
    max_tokens: int | None = None
    context_window: int | None = None
    max_prompt_images: int | None = None
    prompting_target: str | None = None
    constraints: frozenset[str] = frozenset()
    options: Mapping[str, Any] = field(factory=dict, repr=_names_only)
    limits: Limits | None = None
    dimensions: int | None = None
    dimensions_allowed: tuple[int, ...] = ()
    min_dimensions: int = 1
    max_dimensions: int | None = None
    max_inputs: int | None = None
    max_request_tokens: int | None = None
    deprecated_on: str | None = None
    retired_on: str | None = None
    successor: str | None = None
    source: Source = NOWHERE

    @property
    def service_tier(self) -> str | None:
        """The service tier that its calls ask for, where its plugin has the option `service_tier`; None for the usual one."""
        tier = self.options.get("service_tier")
        return tier if isinstance(tier, str) else None

    def is_retired(self, today: date | None = None) -> bool:
        """Whether its provider serves it no more; None for today in UTC."""
        if self.retired_on is None:
            return False
        return self.retired_on <= (today or datetime.now(UTC).date()).isoformat()

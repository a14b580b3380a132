"""What is known before a call: backends, models, prices, and where each of them was written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from attrs import field, frozen

from pipelex_core.plain import Plain
from pipelex_core.policies import COOLDOWN, RETRY, CooldownPolicy, RetryPolicy
from pipelex_core.price_lists import Costs
from pipelex_core.sparse import made, sparse

__all__ = [
    "MOST_ANSWER_BYTES",
    "MOST_MEDIA_BYTES",
    "NOWHERE",
    "BackendConfig",
    "Costs",
    "Limits",
    "ModelSpec",
    "ModelType",
    "Secret",
    "Source",
]


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

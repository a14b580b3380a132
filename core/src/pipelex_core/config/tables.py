"""The tables of the files, typed: what each may hold.

The types are objects here, not strings: `structure.py` has a reader for each of them.
"""

from typing import Any, NewType, TypeVar

from attrs import evolve, field, fields_dict, frozen

from pipelex_core.policies import COOLDOWN, RETRY, CooldownPolicy, FallbackOn, RetryPolicy
from pipelex_core.specs import MOST_ANSWER_BYTES, MOST_MEDIA_BYTES, Limits

P = TypeVar("P", RetryPolicy, CooldownPolicy)
Positive = NewType("Positive", int)
NotNegative = NewType("NotNegative", int)
TypeOfModel = NewType("TypeOfModel", str)
Seconds = NewType("Seconds", float)
SomeSeconds = NewType("SomeSeconds", float)
Inputs = NewType("Inputs", frozenset[str])
Outputs = NewType("Outputs", frozenset[str])
Constraints = NewType("Constraints", frozenset[str])
Prices = NewType("Prices", dict[str, Any])
Day = NewType("Day", str)
Counts = NewType("Counts", tuple[int, ...])

INPUTS: dict[str, str] = {
    "text": "text",
    "images": "images",
    "image": "images",
    "pdf": "pdf",
    "audio": "audio",
    "video": "video",
}
"""What a spec's `inputs` may hold, and what each word means."""

OUTPUTS: dict[str, str] = {
    name: name for name in ("text", "structured", "image", "pages", "vectors", "ranking", "audio", "scores")
}
"""What a spec's `outputs` may hold."""


@frozen(kw_only=True, eq=False, repr=False, slots=False)
class BackendTable:
    """The keys every table of backends.toml may have; the others are a plugin's options."""

    enabled: bool = True
    display_name: str | None = None
    endpoint: str | None = None
    api_key: str | None = None
    sdk: str | None = None
    max_concurrency: Positive | None = None
    requests_per_minute: Positive | None = None
    tokens_per_minute: Positive | None = None
    idle_timeout: SomeSeconds | None = None
    max_answer_bytes: Positive = Positive(MOST_ANSWER_BYTES)
    max_media_bytes: Positive = Positive(MOST_MEDIA_BYTES)
    allow_private_urls: bool = False
    retries: NotNegative | None = None
    retry_wait: Seconds | None = None
    longest_retry_wait: Seconds | None = None
    longest_retry_after: Seconds | None = None
    fallback_on: FallbackOn | None = None
    rest_after_failures: NotNegative | None = None
    rest_seconds: SomeSeconds | None = None


@frozen(kw_only=True, eq=False, repr=False, slots=False)
class SpecTable:
    """The keys of a model's table; `costs` stays a mapping, because the unit of its prices depends on the type."""

    model_id: str | None = None
    sdk: str | None = None
    model_type: TypeOfModel | None = None
    inputs: Inputs = Inputs(frozenset())
    outputs: Outputs = Outputs(frozenset())
    costs: Prices | None = None
    max_tokens: Positive | None = None
    context_window: Positive | None = None
    max_prompt_images: NotNegative | None = None
    prompting_target: str | None = None
    dimensions: Positive | None = None
    dimensions_allowed: Counts = Counts(())
    min_dimensions: Positive | None = None
    max_dimensions: Positive | None = None
    max_inputs: Positive | None = None
    max_request_tokens: Positive | None = None
    constraints: Constraints = Constraints(frozenset())
    max_concurrency: Positive | None = None
    requests_per_minute: Positive | None = None
    tokens_per_minute: Positive | None = None
    enabled: bool = True
    as_of: str | None = None
    deprecated_on: Day | None = None
    retired_on: Day | None = None
    successor: str | None = None


def limits_of(table: BackendTable) -> Limits | None:
    """The limits a table sets; None where it sets none."""
    found = {name: value for name in fields_dict(Limits) if (value := getattr(table, name)) is not None}
    return Limits(**found) if found else None


def retry_of(table: BackendTable) -> RetryPolicy:
    """How often the models of a backend are asked again."""
    return _with(
        RETRY,
        retries=table.retries,
        initial_wait=table.retry_wait,
        longest_wait=table.longest_retry_wait,
        longest_retry_after=table.longest_retry_after,
        fallback_on=table.fallback_on,
    )


def cooldown_of(table: BackendTable) -> CooldownPolicy:
    """When the models of a backend rest."""
    return _with(COOLDOWN, failures=table.rest_after_failures, seconds=table.rest_seconds)


def _with(policy: P, **keys: Any) -> P:
    changes = {name: value for name, value in keys.items() if value is not None}
    return evolve(policy, **changes) if changes else policy


@frozen(kw_only=True, eq=False, repr=False, slots=False)
class ProfileTable:
    """One table `[profiles.<name>]`."""

    description: str = ""
    default: str | None = None
    routes: dict[str, str] = field(factory=dict)
    optional_routes: dict[str, str] = field(factory=dict)
    fallback_order: tuple[str, ...] = ()

"""What the keys of a configuration mean, in words for users: once, for the documentation and for the JSON schemas."""

from __future__ import annotations

BACKEND_KEYS: dict[str, str] = {
    "enabled": "Whether its models may be used; true by default.",
    "display_name": "A name for people.",
    "endpoint": "The address to call in place of the provider's own: a proxy, a gateway, your own server; plain `http://` is fine.",
    "api_key": "The key, as `${VARIABLE}`.",
    "sdk": "Which plugin serves its models, see [sdks](#which-plugin-serves-a-model), where neither they nor the `[defaults]` of your file name one.",
    "max_concurrency": "Most requests to this backend at once, see [limits](#limits).",
    "requests_per_minute": "Most requests to this backend in any sixty seconds.",
    "tokens_per_minute": "Most tokens to and from this backend, input and output together, in any sixty seconds.",
    "idle_timeout": "Seconds the provider may be silent, where a call does not say; without limit by default.",
    "max_answer_bytes": "How many bytes an answer of text may have, decoded; of a stream, each of its events; 64 MB.",
    "max_media_bytes": "The same for answers of images, documents or sound, and for each image or document that is downloaded; 256 MB.",
    "allow_private_urls": "Whether images and documents may be downloaded from inside, see [downloads](#downloads); false.",
    "retries": "How often a model is asked again after an error that may pass, see [retries](#retries-and-fallback); 2.",
    "retry_wait": "Seconds before the first retry, doubled before each further one; the wait is random, up to this; 0.5.",
    "longest_retry_wait": "Most seconds before a retry; 8.",
    "longest_retry_after": "Most seconds to wait because the provider asks for it; where it asks for more, it is not asked again; 30.",
    "fallback_on": "What lets a chain move on from a model of this backend, see [fallback](#retries-and-fallback); `unavailable`.",
    "rest_after_failures": "How many failures in a row make a model rest, see [fallback](#retries-and-fallback); 3. 0 for never.",
    "rest_seconds": "How long it rests; 30.",
}

SPEC_KEYS: dict[str, str] = {
    "model_id": "What the provider calls the model; the table's name by default.",
    "sdk": "Which plugin serves it, see [sdks](#which-plugin-serves-a-model). Required, here, in `[defaults]`, or in the backend's table.",
    "model_type": "What it is for. By default, `outputs` decides: `image` makes an `img_gen`, `pages` a `text_extractor`; without outputs, a `sdk` whose models are for one thing only (`fal`, `openai_img_gen`, `pypdfium2`), or the `model_id` where the plugin knows it (`mistral-ocr…`); all else is an `llm`.",
    "inputs": "What it takes. Anything else is refused before a request is sent. Without it, nothing is refused.",
    "outputs": "What it gives. Without it, nothing is refused.",
    "costs": "What it costs; left out, its costs are unknown.",
    "max_tokens": 'Most output tokens it gives. A setting above is a fault; `max_tokens = "auto"` means this number.',
    "context_window": "Most tokens of input and output together; of an embedding model, those of one text.",
    "max_prompt_images": "Most images in one prompt.",
    "prompting_target": "A style of prompting, for programs that write prompts; it is not sent.",
    "dimensions": "Numbers in a vector that it gives unasked.",
    "dimensions_allowed": "The numbers that a call may ask for instead.",
    "min_dimensions": "The least that a call may ask for, where `max_dimensions` makes it a range.",
    "max_dimensions": "The most that a call may ask for, where any number up to it will do.",
    "max_inputs": "Most inputs in one request, such as texts to embed; more are split.",
    "max_request_tokens": "Most tokens of all inputs of one request; more are split.",
    "constraints": "What it refuses, and how settings are made to fit.",
    "max_concurrency": "Most requests for this model at once, see [limits](#limits).",
    "requests_per_minute": "Most requests for this model in any sixty seconds.",
    "tokens_per_minute": "Most tokens of this model, input and output together, in any sixty seconds.",
    "enabled": "`false` keeps the model out of the deck; true by default.",
    "deprecated_on": "The day since which its provider advises against it, such as `2026-11-30`.",
    "retired_on": "The day on which its provider stops serving it, or stopped.",
    "successor": "The model that its provider names instead.",
    "as_of": 'The day its prices were looked up, such as `"2026-03-01"`; for people.',
}

PROFILE_KEYS: dict[str, str] = {
    "description": "A sentence for people.",
    "default": "The backend of every model that no route matches.",
    "routes": "Model name or pattern → backend.",
    "optional_routes": "The same, after `routes`, and each only where its backend is on.",
    "fallback_order": "Backends to try, in this order, for a model that is left: no route matches it, and the default does not offer it.",
}

FIRST_RELEASE = "0.1.0"

SINCE: dict[str, str] = {}
"""The release in which a key came that the first one had not, such as `"BackendTable.retries": "0.2.0"`."""


def since(table: str, key: str) -> str:
    """The release that has a key first; `table` is the class in `tables.py`, a capability, or a plugin."""
    return SINCE.get(f"{table}.{key}", FIRST_RELEASE)

"""What the keys of a configuration and the codes of its problems mean, in words for users: once, here."""

from __future__ import annotations

BACKEND_KEYS: dict[str, str] = {
    "enabled": "Whether its models may be used; true unless told.",
    "display_name": "A name for people.",
    "endpoint": "The address to call in place of the provider's own: a proxy, a gateway, your own server; plain `http://` is fine.",
    "api_key": "The key, as `${VARIABLE}`.",
}

SPEC_KEYS: dict[str, str] = {
    "model_id": "What the provider calls the model; the table's name unless told.",
    "sdk": "Which plugin serves it, see [sdks](#which-plugin-serves-a-model). Required, here or in `[defaults]`.",
    "model_type": "What it is for. Unless told, `outputs` decides: `image` makes an `img_gen`, `pages` a `text_extractor`; without outputs, a `sdk` whose models are for one thing only (`fal`, `openai_img_gen`, `pypdfium2`); all else is an `llm`.",
    "inputs": "What it takes. Anything else is refused before a request is sent. Left out, nothing is refused.",
    "outputs": "What it gives. Left out, nothing is refused.",
    "costs": "What it costs; left out, its costs are unknown.",
    "max_tokens": 'Most output tokens it gives. A setting above is a fault; `max_tokens = "auto"` means this number.',
    "context_window": "Most tokens of input and output together.",
    "max_prompt_images": "Most images in one prompt.",
    "prompting_target": "A style of prompting, for programs that write prompts; it is not sent.",
    "constraints": "What it refuses, and how settings are made to fit.",
    "enabled": "`false` keeps the model out of the deck; true unless told.",
    "as_of": 'The day its prices were looked up, such as `"2026-03-01"`; for people.',
}

PROFILE_KEYS: dict[str, str] = {
    "description": "A sentence for people.",
    "default": "The backend of every model that no route matches.",
    "routes": "Model name or pattern → backend.",
    "optional_routes": "The same, after `routes`, and each only where its backend is on.",
    "fallback_order": "Backends to try, in this order, for a model that is left: no route matches it, and the default does not offer it.",
}

CODES: dict[str, str] = {
    "alias-cycle": "Aliases lead in a circle; the message prints it.",
    "bad-encoding": "A file is not UTF-8.",
    "bad-env-line": "A line of `.env` is no `NAME=value`, and was left out.",
    "bad-toml": "A file is no TOML.",
    "bad-value": "A value of the wrong type, or out of its range.",
    "bad-variable": "A `${…}` that is not closed, names nothing, or has an unknown prefix.",
    "duplicate-chain-member": "A chain names a model twice; the second is dropped.",
    "empty-file": "A file says nothing where something has to be said.",
    "empty-chain": "An alias is an empty list.",
    "missing-file": "A folder or file that has to be there is not.",
    "missing-key": "A key that has to be there is not.",
    "missing-variable": "A variable of an enabled backend has no value; told once a variable.",
    "mixed-generations": "One file, or one preset, is written in both generations of the format.",
    "model-not-offered": "An exact route leads to a backend that does not offer the model.",
    "newer-key": "A key of a newer release of the format that has no meaning here; it is left out.",
    "no-available-model": "An alias or preset leads to no model that can be called.",
    "no-default": "A call named no model, and the deck has no default for it.",
    "orphan-file": "A file of models whose backend `backends.toml` does not have.",
    "plugin-missing": "No installed plugin serves the sdk of some models; the message says what to install.",
    "plugin-quarantined": "An installed plugin cannot be used; the message says why.",
    "route-shadowed": "A route is never used, because an earlier one covers it.",
    "route-to-disabled-backend": "A route leads to a backend that is off, which makes models unavailable.",
    "unknown-backend": "A route, default or `fallback_order` names a backend that does not exist.",
    "unknown-handle": "A name that is no model, alias or preset.",
    "unknown-key": "A key that means nothing; most often a misspelling.",
    "unknown-profile": "`active`, or the profile asked for, does not exist.",
    "unreadable-file": "A file is there, but cannot be read.",
    "unsupported-setting": "A setting that the model it is for does not take.",
    "wrong-capability": "A handle leads to a model for something else: an image model where text was asked for.",
}

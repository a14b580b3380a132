"""What the codes of problems mean, in a sentence each, and the page that explains one."""

from __future__ import annotations

MEANINGS: dict[str, str] = {
    "alias-cycle": "Aliases lead in a circle; the message prints it.",
    "alias-shadowed": "An alias has the name of a model, which comes first: the alias is never used.",
    "bad-endpoint": "A backend's `endpoint` is no address.",
    "bad-encoding": "A file is not UTF-8.",
    "bad-env-line": "A line of `.env` is no `NAME=value`, and was left out.",
    "bad-toml": "A file is no TOML.",
    "bad-value": "A value of the wrong type, or out of its range.",
    "bad-variable": "A `${…}` that is not closed, names nothing, has an unknown scheme, or whose reader fails.",
    "cannot-do": "A default leads to a model that does not give what is asked of it: no objects, where `for_object` asks for one.",
    "check-failed": "A provider answered a check with something else than its list of models (`validate --online`).",
    "dry-run-failed": "A preset or default that would fail, or whose chain would move on (`validate --dry-run`).",
    "duplicate-chain-member": "A chain names a model twice; the second is dropped.",
    "empty-chain": "An alias is an empty list.",
    "empty-file": "A file says nothing where something has to be said.",
    "endpoint-unreachable": "A provider's endpoint does not answer (`validate --online`).",
    "key-refused": "The provider does not accept the key (`validate --online`).",
    "missing-file": "A folder or file that has to be there is not.",
    "missing-key": "A key that has to be there is not.",
    "missing-variable": "A variable of an enabled backend has no value; told once a variable.",
    "mixed-chain": "A chain has models for different things, such as text and images; a call skips those of the other kind.",
    "mixed-generations": "One file, or one preset, is written in both generations of the format.",
    "model-not-offered": "An exact route leads to a backend that does not offer the model.",
    "model-unknown-to-provider": "The provider does not list a model's id (`validate --online`).",
    "newer-key": "A key of a newer release of the format that has no meaning here; it is left out.",
    "no-available-model": "An alias or preset leads to no model that can be called.",
    "no-default": "A call named no model, and the deck has no default for it.",
    "not-checkable": "What a provider offers cannot be asked free of charge, or not with this key (`validate --online`).",
    "orphan-file": "A file of models whose backend `backends.toml` does not have.",
    "placeholder-value": "A key or another value was never filled in: `your-key-here`, `sk-...`, `<key>`, `changeme`.",
    "plugin-check": "A check that a plugin adds found something, or failed itself; the message names the plugin.",
    "plugin-missing": "No installed plugin serves the sdk of some models; the message says what to install.",
    "plugin-quarantined": "An installed plugin cannot be used; the message says why.",
    "price-without-unit": "A price for tokens, of a model that is paid per image or per page.",
    "route-shadowed": "A route is never used, because an earlier one covers it.",
    "route-to-disabled-backend": "A route leads to a backend that is off, which makes models unavailable.",
    "route-unused": "A pattern of the active profile decides for no model.",
    "route-without-model": "A pattern leads models to a backend that does not offer them, while others do.",
    "sdk-version": "An SDK is missing, or of a version that the plugin was not made for.",
    "similar-name": "Routes stand in a profile that nobody uses, whose name is nearly that of the active one.",
    "spec-contradiction": "A model spec says two things that exclude each other.",
    "unknown-backend": "A route, default or `fallback_order` names a backend that does not exist.",
    "unknown-handle": "A name that is no model, alias or preset.",
    "unknown-key": "A key that means nothing; most often a misspelling.",
    "unknown-profile": "`active`, or the profile asked for, does not exist.",
    "unreadable-file": "A file is there, but cannot be read.",
    "unrouted-model": "Models that an enabled backend offers, which no route and no default leads to.",
    "unsupported-setting": "A setting that the model it is for does not take.",
    "wrong-capability": "A handle leads to a model for something else: an image model where text was asked for.",
}


def page(code: str) -> str:
    """The page of the documentation about a code."""
    return f"docs/errors/{code}.md"

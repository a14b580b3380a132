"""Between steps 2 and 4: a backend's options, checked against what the plugins of its models declare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, fields_dict, frozen

from pipelex_core.config.model_specs import BackendModels, SpecReader, known_models
from pipelex_core.config.options import checked_options
from pipelex_core.config.tables import BackendTable, cooldown_of, limits_of, retry_of
from pipelex_core.errors import ModelsManagerError
from pipelex_core.specs import BackendConfig, Secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelex_core.backend import BackendFactory
    from pipelex_core.config.backends import BackendDraft
    from pipelex_core.config.context import Context
    from pipelex_core.config.problems import Faults
    from pipelex_core.config.spec_files import SpecFile

_COMMON_KEYS = tuple(fields_dict(BackendTable))


@frozen(kw_only=True, eq=False, repr=False)
class ReadBackend:
    """A backend with its models.

    Attributes:
        draft: Its table; `draft.off` says why it cannot be used.
        config: What its plugin gets to know; None where it is off.
        models: Its models.
    """

    draft: BackendDraft
    config: BackendConfig | None = None
    models: BackendModels = field(factory=BackendModels)


def read_backend(draft: BackendDraft, files: Sequence[SpecFile], context: Context) -> ReadBackend:
    """The models of a backend, and its config where it is on."""
    if draft.off is not None:
        return ReadBackend(draft=draft, models=known_models(files, draft.off, reported=draft.reported))
    own_sdk = (draft.table.sdk, draft.where("sdk")) if draft.table.sdk else None
    models = SpecReader(draft.name, files, context, own_sdk).read()
    sdks = dict.fromkeys(spec.sdk for spec in models.specs.values())
    factories = [found[0] for sdk in sdks if (found := context.plugins.find(draft.name, sdk))]
    if factories and draft.table.api_key is None and any(factory.requires_key for factory in factories):
        draft = _lacking_key(draft, context)
        if draft.off is not None:
            return ReadBackend(draft=draft, models=known_models(files, draft.off, reported=draft.reported))
    config = BackendConfig(
        name=draft.name,
        display_name=draft.table.display_name or draft.name,
        endpoint=draft.table.endpoint,
        api_key=None if draft.table.api_key is None else Secret(draft.table.api_key),
        api_key_variable=draft.api_key_variable,
        hidden=tuple(map(Secret, draft.hidden)),
        options=_options(draft, factories, context.faults, complete=len(factories) == len(sdks)),
        limits=limits_of(draft.table),
        idle_timeout=draft.table.idle_timeout,
        retry=retry_of(draft.table),
        cooldown=cooldown_of(draft.table),
        source=draft.source,
    )
    return ReadBackend(draft=draft, config=config, models=models)


def _lacking_key(draft: BackendDraft, context: Context) -> BackendDraft:
    """A backend whose plugin needs a key, and that has none."""
    if context.strict and draft.explicit:
        message = f"backend '{draft.name}' has no api_key, and its plugin needs one"
        expected = f'api_key = "${{{draft.name.upper()}_API_KEY}}"'
        context.faults.error(ModelsManagerError, "missing-key", message, draft.source, expected=expected)
        return draft
    return draft.turned_off("has no api_key, and its plugin needs one", "write its api_key in backends.toml")


def _options(
    draft: BackendDraft, factories: list[BackendFactory], faults: Faults, *, complete: bool
) -> dict[str, object]:
    """The options, checked where a plugin of the backend's models is installed to say what there is."""
    if not factories:
        return dict(draft.options)
    known = {option.name: option for factory in factories for option in factory.options}
    if not draft.options and not known:
        return {}
    others = _COMMON_KEYS
    return checked_options(draft.options, known.values(), faults, where=draft.where, others=others, complete=complete)

"""Between steps 2 and 4: a backend's options, checked against what the plugins of its models declare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, fields_dict, frozen

from pipelex_core.config.model_specs import BackendModels, SpecReader, known_models
from pipelex_core.config.options import checked_options
from pipelex_core.config.spec_files import Layers
from pipelex_core.config.tables import BackendTable, cooldown_of, limits_of, retry_of
from pipelex_core.errors import ModelsManagerError
from pipelex_core.hiding import WHOLE_WORDS_BELOW
from pipelex_core.specs import BackendConfig, Secret, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelex_core.backend import BackendFactory
    from pipelex_core.config.backends import BackendDraft
    from pipelex_core.config.context import Context
    from pipelex_core.config.spec_files import SpecFile

_SAME = ("endpoint", "idle_timeout", "max_answer_bytes", "max_media_bytes", "allow_private_urls")
"""The keys of a table that a plugin gets to know as they are."""

_COMMON_KEYS = tuple(fields_dict(BackendTable))


@frozen(kw_only=True, eq=False, repr=False)
class ReadBackend:
    """A backend with its models.

    Attributes:
        draft: Its table; `draft.off` says why it cannot be used.
        config: What its plugin gets to know; None where it is off.
        models: Its models.
        files: Where they come from, the project's own file first.
    """

    draft: BackendDraft
    config: BackendConfig | None = None
    models: BackendModels = field(factory=BackendModels)
    files: Sequence[SpecFile] = ()

    def where_sdk(self, model: str) -> Source:
        """Where the sdk of one of its models was written."""
        return Layers(model, self.files, _own_sdk(self.draft)).where("sdk")


def _own_sdk(draft: BackendDraft) -> tuple[str, Source] | None:
    """The sdk that a backend's table names, and where."""
    return (draft.table.sdk, draft.where("sdk")) if draft.table.sdk else None


def read_backend(draft: BackendDraft, files: Sequence[SpecFile], context: Context) -> ReadBackend:
    """The models of a backend, and its config where it is on."""
    own_sdk = _own_sdk(draft)
    if draft.off is not None:
        if draft.reported and draft.sources:  # not switched off, but at fault: there may be more of them
            _checked(draft, SpecReader(draft.name, files, context, own_sdk).read(), context)
        return ReadBackend(draft=draft, models=known_models(files, draft.off, reported=draft.reported))
    models = SpecReader(draft.name, files, context, own_sdk).read()
    factories, options = _checked(draft, models, context)
    if factories and draft.table.api_key is None and any(factory.requires_key for factory in factories):
        draft = _lacking_key(draft, context)
        if draft.off is not None:
            return ReadBackend(draft=draft, models=known_models(files, draft.off, reported=draft.reported))
    config = BackendConfig(
        name=draft.name,
        display_name=draft.table.display_name or draft.name,
        api_key=None if draft.table.api_key is None else Secret(draft.table.api_key),
        api_key_variable=draft.api_key_variable,
        hidden=tuple(map(Secret, dict.fromkeys((*draft.hidden, *models.hidden)))),
        options=options,
        limits=limits_of(draft.table),
        retry=retry_of(draft.table),
        cooldown=cooldown_of(draft.table),
        source=draft.source,
        **{name: getattr(draft.table, name) for name in _SAME},
    )
    secrets = {"api_key": config.api_key, **options}
    for name, secret in secrets.items() if not context.faults.stop else ():
        if isinstance(secret, Secret) and 0 < len(secret.reveal()) < WHOLE_WORDS_BELOW:
            message = (
                f"the {name} of backend '{draft.name}' has fewer than {WHOLE_WORDS_BELOW} characters: messages and logs "
                "hide it only where it is a whole word"
            )
            context.faults.warning("short-key", message, draft.where(name), expected="a longer key")
    return ReadBackend(draft=draft, config=config, models=models, files=files)


def _lacking_key(draft: BackendDraft, context: Context) -> BackendDraft:
    """A backend whose plugin needs a key, and that has none."""
    if context.strict and draft.explicit:
        message = f"backend '{draft.name}' has no api_key, and its plugin needs one"
        expected = f'api_key = "${{{draft.name.upper()}_API_KEY}}"'
        context.faults.error(ModelsManagerError, "missing-key", message, draft.source, expected=expected)
        return draft
    return draft.turned_off("has no api_key, and its plugin needs one", "write its api_key in backends.toml")


def _checked(
    draft: BackendDraft, models: BackendModels, context: Context
) -> tuple[list[BackendFactory], dict[str, object]]:
    """The plugins of a backend's models, and its options, checked where there is a plugin to declare them."""
    sdks = dict.fromkeys(spec.sdk for spec in models.specs.values())
    factories = [found[0] for sdk in sdks if (found := context.plugins.find(draft.name, sdk))]
    known = {option.name: option for factory in factories for option in factory.options}
    if not factories or not (draft.options or known):
        return factories, dict(draft.options)
    return factories, checked_options(
        draft.options,
        known.values(),
        context.faults,
        where=draft.where,
        others=_COMMON_KEYS,
        complete=len(factories) == len(sdks),
        filled=draft.off is None,
    )

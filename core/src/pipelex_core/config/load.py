"""Files to deck, in the order of the documented loading process; everything that is wrong is in one error.

1 backends.toml · 2 model specs · 3 routing profiles · 4 the deck: models routed, aliases, presets, defaults ·
5 checks.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, Unpack

from attrs import evolve

from pipelex_core.config.catalogue import Catalogue, read_catalogue
from pipelex_core.config.chains import pinned_models
from pipelex_core.config.checks import DeckCheck
from pipelex_core.config.context import Context
from pipelex_core.config.deck import check_policy, made_of, make_aliases, make_choices, make_presets, make_prompt
from pipelex_core.config.deck_files import read_deck_files
from pipelex_core.config.environment import read_environment
from pipelex_core.config.loaded import DisabledBackend, LoadedConfig, ReadConfig
from pipelex_core.config.lost import lost_models
from pipelex_core.config.names import Unknown, unknown_uses
from pipelex_core.config.problems import Faults
from pipelex_core.config.routed import check_routes, excused_models, route_models
from pipelex_core.config.routing import read_profiles
from pipelex_core.config.secrets import secrets_of
from pipelex_core.config.starter import bare_deck, bare_profile
from pipelex_core.deck import ModelDeck
from pipelex_core.errors import ModelDeckNotFoundError, Problem
from pipelex_core.locate import env_file_of, locate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.config.finish import ReadBackend
    from pipelex_core.plugins import Plugins
    from pipelex_core.routing import RoutingProfile


class Where(TypedDict, total=False):
    """Where a configuration is, and what it is read with.

    Attributes:
        config: The `.pipelex` folder, or its `inference/`; wins over `root`.
        profile: A routing profile to use in place of the file's `active`.
        environ: The environment; None for the process's own.
        env_file: A file of variables in place of the `.env` beside the `.pipelex` folder; it must exist.
        strict: Whether an enabled backend that lacks a variable or its key is an error, as by default; otherwise it is off.
        require: Whether there must be a folder, as by default; else what the installed plugins bring is enough.
    """

    config: str | Path | None
    profile: str | None
    environ: Mapping[str, str] | None
    env_file: str | Path | None
    strict: bool
    require: bool


def load(
    root: str | Path | None = None, *, plugins: Plugins, one_key_is_enough: bool = False, **where: Unpack[Where]
) -> LoadedConfig:
    """Read a configuration.

    Args:
        root: A project's folder, where the search for `.pipelex` begins; None for the working directory.
        plugins: Who serves the sdks, and ships models.
        one_key_is_enough: Whether backends that lack a variable are just off where another one has its key.
        where: See `Where`.

    Raises:
        ConfigError: The configuration has faults, all of them in `problems`; a subclass where all belong to it.
    """
    read = read_config(root, plugins=plugins, **where)
    if one_key_is_enough and read.lacks_keys_only:
        where["strict"] = False
        read = read_config(root, plugins=plugins, **where)
    if read.faults.stop:
        raise read.faults.error_class()(problems=read.faults.problems())
    return read.loaded


def check(
    root: str | Path | None = None, *, plugins: Plugins, **where: Unpack[Where]
) -> tuple[LoadedConfig | None, tuple[Problem, ...]]:
    """What `load` would give, or None where it would raise, and every problem, errors first; raises nothing itself."""
    try:
        read = read_config(root, plugins=plugins, **where)
    except ModelDeckNotFoundError as error:
        return None, error.problems
    return (None, read.faults.problems()) if read.faults.stop else (read.loaded, read.loaded.warnings)


def read_config(root: str | Path | None = None, *, plugins: Plugins, **where: Unpack[Where]) -> ReadConfig:
    """What there is, and what is wrong with it; with an error in it, it is of no use but to be examined further.

    Raises:
        ModelDeckNotFoundError: There is no folder.
    """
    environ, env_file = where.get("environ"), where.get("env_file")
    variables = os.environ if environ is None else environ
    require = where.get("require", True)
    folder = locate(root, config=where.get("config"), environ=variables, require=require)
    faults = Faults()
    file = env_file_of(folder) if env_file is None else Path(env_file).expanduser()
    environment = read_environment(variables, file, faults, required=env_file is not None, secrets=secrets_of(plugins))
    bare, strict = not require and not folder.is_dir(), where.get("strict", True)
    context = Context(folder=folder, plugins=plugins, environment=environment, faults=faults, strict=strict, bare=bare)
    return _read(context, where.get("profile"))


def _read(context: Context, chosen: str | None) -> ReadConfig:
    """The five steps."""
    faults = context.faults
    _report_quarantined(context)
    catalogue = read_catalogue(context)
    profiles, active = _profiles(catalogue, context, chosen)
    models = route_models(catalogue.backends, active, context)
    capabilities = context.plugins.capabilities
    written = (
        bare_deck(models, capabilities, faults)
        if context.bare
        else read_deck_files(context.folder / "deck", capabilities, faults)
    )
    aliases, broken_aliases = make_aliases(written, faults, context.plugins.offered("pipelex_orders"))
    models |= pinned_models(aliases.values(), models, catalogue.backends, context.plugins, faults, lost=catalogue.lost)
    presets, broken_presets = make_presets(written, faults)
    choices = make_choices(written, faults)
    policies = [policy for policy, source in written.policy if check_policy(policy, source, faults)]
    read = catalogue.backends.values()
    deck = ModelDeck(
        models=models,
        aliases=aliases,
        presets=presets,
        choices={choice: handle for choice, (handle, _) in choices.items()},
        backends={backend.config.name: backend.config for backend in read if backend.config is not None},
        profile=active,
        on_unsupported_setting=policies[-1] if policies else None,
        limits_url=catalogue.limits_url,
        prompts=made_of(written.prompts, lambda name, table: make_prompt(name, *table, faults))[0],
        capabilities=context.plugins.capabilities,
    )
    sources = {choice: source for choice, (_, source) in choices.items()}
    unknown = Unknown(
        aliases=broken_aliases,
        presets=broken_presets,
        routes_missing=active is None or not catalogue.complete,
        names_missing=bool(written.unread) or not catalogue.complete,
    )
    uses = list(unknown_uses(deck, unknown, sources))
    lost = lost_models(deck, uses, catalogue, context)
    models.update(lost)
    unknown = evolve(unknown, models=excused_models(catalogue.backends, models) | lost.keys())
    DeckCheck(deck, [use for use in uses if use.name not in lost], unknown, sources, faults).run()
    if active is not None and catalogue.complete:
        check_routes(active, catalogue.backends, models, faults)
    loaded = LoadedConfig(
        deck=deck,
        folder=context.folder,
        profiles=profiles,
        disabled={backend.draft.name: _disabled(backend) for backend in read if backend.draft.off is not None},
        choices=sources,
        env_file=context.environment.file,
        find_warnings=faults.problems,
    )
    return ReadConfig(loaded=loaded, catalogue=catalogue, unknown=unknown, context=context)


def _profiles(
    catalogue: Catalogue, context: Context, chosen: str | None
) -> tuple[dict[str, RoutingProfile], RoutingProfile | None]:
    """Every routing profile, and the active one."""
    if context.bare:
        profile = bare_profile(catalogue, context.faults, chosen=chosen)
        return {profile.name: profile}, profile
    file = context.folder / "routing_profiles.toml"
    return read_profiles(file, catalogue, context.plugins, context.faults, chosen=chosen)


def _report_quarantined(context: Context) -> None:
    for record in context.plugins.records:
        if record.status in {"quarantined", "missing"}:
            is_missing = record.status == "missing"
            context.faults.warning("plugin-missing" if is_missing else "plugin-quarantined", record.state)


def _disabled(backend: ReadBackend) -> DisabledBackend:
    draft = backend.draft
    return DisabledBackend(
        name=draft.name,
        display_name=draft.table.display_name or draft.name,
        reason=draft.off or "",
        help=draft.help,
        explicit=draft.explicit,
        models=tuple(backend.models.withheld),
        source=draft.source,
        missing=draft.missing,
    )

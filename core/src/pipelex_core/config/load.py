"""Files to deck, in the order of the documented loading process; everything that is wrong is in one error.

1 backends.toml · 2 model specs · 3 routing profiles · 4 the deck: models routed, aliases, presets, defaults ·
5 checks.
"""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from pipelex_core.config.backends import BackendDraft, read_backends
from pipelex_core.config.checks import DeckCheck, Unknown
from pipelex_core.config.deck import check_policy, make_aliases, make_choices, make_presets
from pipelex_core.config.deck_files import read_deck_files
from pipelex_core.config.environment import Environment, read_environment
from pipelex_core.config.finish import ReadBackend, read_backend
from pipelex_core.config.loaded import DisabledBackend, LoadedConfig
from pipelex_core.config.locate import env_file_of, locate
from pipelex_core.config.problems import Faults
from pipelex_core.config.routed import check_routes, excused_models, route_models
from pipelex_core.config.routing import read_profiles
from pipelex_core.config.shipped import read_shipped
from pipelex_core.config.spec_files import SpecFile, read_spec_file
from pipelex_core.config.tables import BackendTable
from pipelex_core.config.toml_file import read_toml, report_empty
from pipelex_core.deck import ModelDeck
from pipelex_core.errors import ModelDeckNotFoundError, ModelsManagerError
from pipelex_core.specs import Source

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pipelex_core.config.toml_file import TomlFile
    from pipelex_core.errors import Problem
    from pipelex_core.plugins import Plugins
    from pipelex_core.routing import RoutingProfile


def load(
    root: str | Path | None = None,
    *,
    config: str | Path | None = None,
    profile: str | None = None,
    environ: Mapping[str, str] | None = None,
    env_file: str | Path | None = None,
    plugins: Plugins,
    strict: bool = True,
) -> LoadedConfig:
    """Read a configuration.

    Args:
        root: A project's folder, where the search for `.pipelex` begins; None for the working directory.
        config: The `.pipelex` folder, or its `inference/`; wins over `root`.
        profile: A routing profile to use in place of the file's `active`.
        environ: The environment; None for the process's own.
        env_file: A file of variables in place of the `.env` beside the `.pipelex` folder; it must exist.
        plugins: Who serves the sdks, and ships models.
        strict: Whether an enabled backend that lacks a variable or its key is an error; otherwise it is off.

    Raises:
        ConfigError: The configuration has faults, all of them in `problems`; a subclass where all belong to it.
    """
    variables = os.environ if environ is None else environ
    folder = locate(root, config=config, environ=variables)
    loaded, faults = _read(folder, variables, env_file, plugins, profile=profile, strict=strict)
    if faults.stop:
        raise faults.error_class()(problems=faults.problems())
    return loaded


def check(
    root: str | Path | None = None,
    *,
    config: str | Path | None = None,
    profile: str | None = None,
    environ: Mapping[str, str] | None = None,
    env_file: str | Path | None = None,
    plugins: Plugins,
    strict: bool = True,
) -> tuple[LoadedConfig | None, tuple[Problem, ...]]:
    """What `load` would give, or None where it would raise, and every problem, errors first; raises nothing itself."""
    variables = os.environ if environ is None else environ
    try:
        folder = locate(root, config=config, environ=variables)
    except ModelDeckNotFoundError as error:
        return None, error.problems
    loaded, faults = _read(folder, variables, env_file, plugins, profile=profile, strict=strict)
    return (None, faults.problems()) if faults.stop else (loaded, loaded.warnings)


def _read(
    folder: Path,
    variables: Mapping[str, str],
    env_file: str | Path | None,
    plugins: Plugins,
    *,
    profile: str | None,
    strict: bool,
) -> tuple[LoadedConfig, Faults]:
    """What there is in a folder, and what is wrong with it; with an error in it, it is of no use."""
    faults = Faults()
    file = env_file_of(folder) if env_file is None else Path(env_file).expanduser()
    environment = read_environment(variables, file, faults, required=env_file is not None)
    return _Load(folder, environment, plugins, faults, strict=strict).run(profile), faults


class _Load:
    """One load: what every step needs."""

    def __init__(
        self, folder: Path, environment: Environment, plugins: Plugins, faults: Faults, *, strict: bool
    ) -> None:
        self._folder = folder
        self._environment = environment
        self._plugins = plugins
        self._faults = faults
        self._strict = strict
        self._names_missing = False

    def run(self, asked: str | None) -> LoadedConfig:
        """The five steps. What they give is of use only where no error was reported."""
        self._report_quarantined()
        backends = self._backends()
        routing_file = self._folder / "routing_profiles.toml"
        routing = self._read_filled(routing_file)
        names = None if self._names_missing else backends
        profiles: dict[str, RoutingProfile] = {}
        active = None
        if routing is not None:
            profiles, active = read_profiles(routing.tables, str(routing_file), names, self._faults, asked=asked)
        models = route_models(backends, active, self._plugins, self._faults)
        if active is not None:
            check_routes(active, backends, models, self._faults, names_missing=self._names_missing)
        written = read_deck_files(self._folder / "deck", self._faults)
        aliases, broken_aliases = make_aliases(written.aliases, self._faults)
        presets, broken_presets = make_presets(written.presets, self._faults)
        choices = make_choices(written, self._faults)
        policies = [policy for policy, source in written.policy if check_policy(policy, source, self._faults)]
        deck = ModelDeck(
            models=models,
            aliases=aliases,
            presets=presets,
            choices={choice: handle for choice, (handle, _) in choices.items()},
            backends={name: backend.config for name, backend in backends.items() if backend.config is not None},
            profile=active,
            on_unsupported_setting=policies[-1] if policies else None,
        )
        unknown = Unknown(
            aliases=broken_aliases,
            presets=broken_presets,
            models=excused_models(backends, models),
            routes_missing=self._names_missing or active is None,
            names_missing=self._names_missing or bool(written.unread),
        )
        sources = {choice: source for choice, (_, source) in choices.items()}
        DeckCheck(deck, unknown, sources, self._faults).run()
        return LoadedConfig(
            deck=deck,
            folder=self._folder,
            profiles=profiles,
            disabled={name: _disabled(backend) for name, backend in backends.items() if backend.draft.off is not None},
            choices=sources,
            env_file=self._environment.file,
            find_warnings=self._faults.problems,
        )

    def _read(self, file: Path, *, faults: Faults | None = None, exact: bool = False) -> TomlFile | None:
        parse_float = Decimal if exact else float
        return read_toml(file, faults or self._faults, ModelsManagerError, parse_float=parse_float)

    def _read_filled(self, file: Path) -> TomlFile | None:
        """As `_read`, but a file with nothing in it is a fault too."""
        read = self._read(file)
        if read is None or read.tables:
            return read
        report_empty(file, self._faults, ModelsManagerError)
        return None

    def _backends(self) -> dict[str, ReadBackend]:
        """Steps 1 and 2: every backend with its models."""
        file = self._folder / "backends.toml"
        read = self._read_filled(file)
        self._names_missing = read is None
        tables = {} if read is None else read.tables
        shipped = read_shipped(self._plugins, self._faults)
        drafts = read_backends(tables, str(file), shipped, self._environment, self._faults, strict=self._strict)
        spec_files = self._spec_files()
        for name in spec_files:
            if name not in drafts:
                drafts[name] = self._orphan(name, spec_files[name], drafts)
        backends: dict[str, ReadBackend] = {}
        for name, draft in drafts.items():
            on = self._faults if draft.off is None else self._faults.lenient()
            files: list[SpecFile] = []
            if name in spec_files:
                own = self._read(spec_files[name], faults=on, exact=True)
                if own is None:
                    self._names_missing = True
                else:
                    files.append(read_spec_file(own, Source(file=str(spec_files[name])), on))
            files += [read_spec_file(file.read, file.source, on) for file in shipped.get(name, ())]
            if draft.off is None and not any(file.models for file in files):
                self._report_no_models(draft, spec_files.get(name))
            backends[name] = read_backend(draft, files, self._plugins, self._environment, on, strict=self._strict)
        return backends

    def _spec_files(self) -> dict[str, Path]:
        folder = self._folder / "backends"
        try:
            paths = sorted(folder.iterdir())
        except OSError:
            return {}
        return {path.stem: path for path in paths if path.suffix == ".toml" and not path.name.startswith(".")}

    def _orphan(self, name: str, file: Path, backends: Collection[str]) -> BackendDraft:
        """A file of models whose backend no table declares: its names are known, and that is all."""
        source = Source(file=str(file))
        if not self._names_missing:
            message = f"the models of {file.name} cannot be used: there is no backend '{name}' in backends.toml"
            self._faults.warning("orphan-file", message, source, near=(name, backends))
        return BackendDraft(
            name=name,
            table=BackendTable(enabled=False),
            source=source,
            explicit=False,
            off="has no table in backends.toml",
            help=f"write a table [{name}] in backends.toml",
        )

    def _report_no_models(self, draft: BackendDraft, file: Path | None) -> None:
        if file is not None:
            if not self._names_missing:
                report_empty(file, self._faults, ModelsManagerError)
            return
        message = (
            f"backend '{draft.name}' has no models: there is no file backends/{draft.name}.toml, "
            "and no installed plugin ships any for it"
        )
        mend = f"write backends/{draft.name}.toml, install its plugin, or set enabled = false"
        if self._strict:
            self._faults.error(ModelsManagerError, "missing-file", message, draft.source, suggestion=mend)
        else:
            self._faults.warning("missing-file", message, draft.source, suggestion=mend)

    def _report_quarantined(self) -> None:
        for record in self._plugins.records:
            if record.status == "quarantined":
                message = f"the plugin {record.label} is quarantined: {record.reason}"
                self._faults.warning("plugin-quarantined", message)


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
    )

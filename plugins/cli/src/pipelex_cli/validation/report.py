"""One validation: a load, everything there is to check beyond it, and what came of it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from attrs import field, frozen

from pipelex_cli.validation.credentials import check_credentials
from pipelex_cli.validation.dead_ends import check_dead_ends
from pipelex_cli.validation.endpoints import check_endpoints
from pipelex_cli.validation.handles import check_handles, check_repeated
from pipelex_cli.validation.lifetimes import check_lifetimes
from pipelex_cli.validation.model_specs import check_model_specs
from pipelex_cli.validation.plugin_checks import check_with_plugins
from pipelex_cli.validation.routes import check_routing, check_shadows
from pipelex_cli.validation.sdk_versions import check_sdk_versions
from pipelex_core.config import read_config
from pipelex_core.config.load import Where
from pipelex_core.errors import ModelDeckNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pipelex_cli.validation.dry_run import DryRun
    from pipelex_core.config import LoadedConfig, ReadConfig
    from pipelex_core.errors import Problem
    from pipelex_core.plugins import Plugins

_STAND_IN = "stands-in-for-a-missing-variable"
"""The value of a variable that is missing, so that what lies behind it is checked all the same."""


@frozen(kw_only=True)
class Report:
    """What was found.

    Attributes:
        problems: Errors first, each group in the order it was found.
        loaded: The configuration; None where an error stops a load.
        secrets: The values that must not be shown, whatever is quoted.
        texts: File -> its text, of the TOML documents that were read.
    """

    problems: tuple[Problem, ...]
    loaded: LoadedConfig | None = None
    secrets: frozenset[str] = frozenset()
    texts: Mapping[str, str] = field(factory=dict, repr=False)

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return all(problem.severity != "error" for problem in self.problems)


class Validation:
    """A validation on its way: loaded and checked when it is made; further checks may be asked of it.

    Args:
        root: A project's folder; None for the working directory.
        config: The `.pipelex` folder, or its `inference/`; wins over `root`.
        profile: A routing profile in place of the active one.
        environ: The environment; None for the process's own.
        env_file: A file of variables in place of the `.env` beside the `.pipelex` folder.
        plugins: The plugins in use.
        strict: Whether an enabled backend that lacks a variable or its key is an error.

    Attributes:
        read: What was read; None where there is no configuration at all.
    """

    def __init__(
        self,
        root: str | Path | None = None,
        *,
        config: str | Path | None = None,
        profile: str | None = None,
        environ: Mapping[str, str] | None = None,
        env_file: str | Path | None = None,
        plugins: Plugins,
        strict: bool = True,
    ) -> None:
        self.read: ReadConfig | None = None
        self._not_found: tuple[Problem, ...] = ()
        self._missing: tuple[Problem, ...] = ()
        self._reported: set[str] = set()
        plugins.ask("pipelex_checks")  # before the load, which reports the plugins that are lost
        try:
            where = Where(config=config, profile=profile, environ=environ, env_file=env_file, strict=strict)
            self.read = read_config(root, plugins=plugins, **where)
            if missing := _missing_variables(self.read):
                self._missing = tuple(each for each in self.read.faults.problems() if each.code == "missing-variable")
                where["environ"] = {
                    **(os.environ if environ is None else environ),
                    **dict.fromkeys(missing, _STAND_IN),
                }
                self.read = read_config(root, plugins=plugins, **where)
        except ModelDeckNotFoundError as error:
            self._not_found = error.problems
            return
        for check in (check_shadows, check_repeated):
            check(self.read)
        dead_ends = check_dead_ends(self.read)
        for check in (check_credentials, check_endpoints, check_model_specs, check_sdk_versions):
            check(self.read)
        check_routing(self.read, dead_ends)
        check_handles(self.read, self._reported)
        check_lifetimes(self.read)
        check_with_plugins(self.read)

    def check_bundles(self, project: Path) -> int:
        """Check the model references of the bundles below a folder; how many bundles there are."""
        from pipelex_cli.validation.bundles import check_bundles

        return check_bundles(project, self.read, self._reported) if self.read is not None else 0

    async def check_online(self, progress: Callable[[int, int, str], None] | None = None) -> None:
        """Ask the providers; `progress` is called with how many have answered, of how many, and the last one's name."""
        from pipelex_cli.validation.online import check_online

        if self.read is not None and not self._stops(self.read):
            await check_online(self.read, progress)

    async def dry_run(self) -> DryRun | None:
        """Call every preset and default once, without a provider; None where the configuration cannot be loaded."""
        from pipelex_cli.validation.dry_run import dry_run

        if self.read is None or self._stops(self.read):
            return None
        return await dry_run(self.read)

    def report(self) -> Report:
        """What has been found until now."""
        if self.read is None:
            return Report(problems=self._not_found)
        faults, places = self.read.faults, {(each.file, each.line) for each in self._missing}
        further = [each for each in faults.problems() if (each.file, each.line) not in places]
        return Report(
            problems=tuple(sorted((*self._missing, *further), key=lambda each: each.severity != "error")),
            loaded=None if self._stops(self.read) else self.read.loaded,
            secrets=faults.secrets,
            texts={file: document.text for file, document in faults.documents.items()},
        )

    def _stops(self, read: ReadConfig) -> bool:
        """Whether a fault keeps the configuration from being loaded."""
        return bool(self._missing) or read.faults.stop


def _missing_variables(read: ReadConfig) -> set[str]:
    """The variables without a value that keep a backend from being used."""
    if all(fault.code != "missing-variable" for fault in read.faults.errors):
        return set()
    return {name for each in read.catalogue.backends.values() if each.draft.explicit for name in each.draft.missing}

"""What the page of a deck tells, as plain data without secrets."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from attrs import frozen

from pipelex_cli.explained_json import describe, explanation_as_json
from pipelex_cli.explaining import Explainer
from pipelex_cli.report.rows import Lister
from pipelex_core.execution.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipelex_core.config import LoadedConfig
    from pipelex_core.deck import ModelDeck
    from pipelex_core.errors import Problem
    from pipelex_core.plugins import Plugins
    from pipelex_core.specs import BackendConfig

Row = dict[str, Any]


@frozen(kw_only=True)
class Contents:
    """The whole deck.

    Attributes:
        folder: The `inference/` folder.
        profile: The active routing profile, or None.
        version: Of pipelex-core.
        made: When, in UTC, to the minute.
        defaults: What a call uses that names no model.
        handles: Presets and aliases, each with its explanation under `way`.
        models: As `pipelex show models --json`, and those that only backends which are off know.
        backends: Likewise.
        routes: Likewise.
        plugins: As `pipelex plugins --json`.
        warnings: What `pipelex validate` would warn of.
        capabilities: Name -> what it is for.
    """

    folder: str
    profile: str | None
    version: str
    made: str
    defaults: list[Row]
    handles: list[Row]
    models: list[Row]
    backends: list[Row]
    routes: list[Row]
    plugins: list[Row]
    warnings: list[Row]
    capabilities: dict[str, str]


def contents_of(
    loaded: LoadedConfig,
    plugins: Plugins,
    *,
    version: str,
    problems: Iterable[Problem] = (),
    now: datetime | None = None,
) -> Contents:
    """Gather everything, and what a validation found; secrets are taken out of every text."""
    deck = loaded.deck
    lister = Lister(loaded, plugins)
    scrub = Scrub(tuple(deck.backends.values()), f"{loaded.folder}{os.sep}")

    def rows(what: str) -> list[Row]:
        return [scrub(listed.row) for listed in lister.rows(what)]

    return Contents(
        folder=str(loaded.folder),
        profile=deck.profile.name if deck.profile else None,
        version=version,
        made=(now or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC"),
        defaults=scrub(_defaults(loaded)),
        handles=scrub(_handles(loaded, plugins, lister)),
        models=[{**scrub(listed.row), "capability": listed.capability} for listed in lister.every_model()],
        capabilities={capability.name: capability.is_for for capability in deck.capabilities},
        backends=rows("backends"),
        routes=rows("routes"),
        plugins=[
            {
                "plugin": record.name,
                "label": record.label,
                "status": record.status,
                "sdks": list(record.sdks),
                "reason": record.reason,
            }
            for record in plugins.records
        ],
        warnings=scrub(_warnings(problems)),
    )


def _defaults(loaded: LoadedConfig) -> list[Row]:
    rows = []
    for choice, handle in loaded.deck.choices.items():
        name = handle if isinstance(handle, str) else str(dict(handle).get("model"))
        source = loaded.choices.get(choice)
        rows.append(
            {
                "choice": choice,
                "handle": name,
                "source": describe(source) if source else None,
                **_chosen(loaded.deck, choice),
            }
        )
    return rows


def _chosen(deck: ModelDeck, choice: Any) -> Row:
    chosen = deck.resolve(deck.default(choice), choice.partition(".")[0]).chosen
    spec = chosen.spec if chosen else None
    return {
        "leads_to": spec.name if spec else None,
        "backend": spec.backend if spec else None,
        "capability": choice.partition(".")[0],
        "available": spec is not None,
    }


def _handles(loaded: LoadedConfig, plugins: Plugins, lister: Lister) -> list[Row]:
    deck = loaded.deck
    explainer = Explainer(deck=deck, plugins=plugins, config=loaded)
    rows = []
    for listed in lister.rows("presets"):
        resolution = deck.resolve(f"${listed.row['preset']}", listed.row["capability"])
        way = explanation_as_json(explainer.explain(resolution))
        rows.append({**listed.row, "name": listed.row["preset"], "kind": "preset", "way": way})
    for listed in lister.rows("aliases"):
        resolution = deck.resolve(f"@{listed.row['alias']}", listed.row["capability"])
        way = explanation_as_json(explainer.explain(resolution))
        rows.append({**listed.row, "name": listed.row["alias"], "kind": "alias", "way": way})
    return rows


def _warnings(problems: Iterable[Problem]) -> list[Row]:
    names = ("severity", "code", "message", "file", "line", "suggestion")
    return [{name: getattr(problem, name) for name in names} for problem in problems]


@frozen
class Scrub:
    """Takes the secrets of backends out of plain data, and the folder from the front of its files.

    Attributes:
        configs: The backends.
        folder: The `inference/` folder with a separator at its end.
    """

    configs: tuple[BackendConfig, ...]
    folder: str

    def __call__(self, value: Any) -> Any:
        """The same data, its texts clean."""
        if isinstance(value, str):
            for config in self.configs:
                value = redacted(value, config)
            return value.replace(self.folder, "")
        if isinstance(value, dict):
            return {key: self(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self(item) for item in value]
        return value

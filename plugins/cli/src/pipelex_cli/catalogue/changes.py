"""What a catalogue would change in a project: the models whose facts are newer, and differ from what its plugins ship."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import tomlkit
from attrs import evolve, field, frozen
from tomlkit.items import Float, Trivia

from pipelex_core.config.problems import Faults
from pipelex_core.config.shipped import is_newer, read_shipped
from pipelex_core.errors import PipelexError
from pipelex_core.toml import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipelex_cli.catalogue.archive import CatalogueFile
    from pipelex_core.config.spec_files import SpecFile
    from pipelex_core.plugins import Plugins

_COMMENT = (
    "Models whose facts are newer than those that the installed plugins ship. Written by: pipelex catalogue update"
)


@frozen(kw_only=True)
class Change:
    """One key of a model.

    Attributes:
        backend: Where the model is.
        model: Its name.
        key: Such as `costs.input`; `model` for one that is new.
        old: Its value; None where it has none.
        new: What it becomes; None where it goes.
    """

    backend: str
    model: str
    key: str
    old: Any = None
    new: Any = None


@frozen(kw_only=True)
class NewerModels:
    """What a catalogue has for one backend.

    Attributes:
        backend: Its name.
        catalogue: The catalogue's file.
        models: Name -> table, of those that are newer and differ.
        changes: What differs, key by key.
    """

    backend: str
    catalogue: SpecFile
    models: Mapping[str, dict[str, Any]] = field(repr=False)
    changes: tuple[Change, ...] = field(repr=False)


def newer_models(catalogue: CatalogueFile, plugins: Plugins) -> list[NewerModels]:
    """Backend by backend, what is newer in a catalogue; only backends whose models some installed plugin ships."""
    day, found = str(catalogue.day), []
    for backend, files in sorted(read_shipped(plugins, Faults()).items()):
        dated = catalogue.backends.get(backend)
        if dated is None:
            continue
        shipped = [file.spec_file(Faults()) for file in files]
        changes: list[Change] = []
        models = {}
        for name, table in dated.models.items():
            old, new = _effective(name, shipped), {**dated.defaults, **table}
            differing = list(_differing(backend, name, old, new))
            dated_table = table if "as_of" in new else {**table, "as_of": day}
            if differing and is_newer(name, _with(dated, name, dated_table), shipped):
                models[name] = dated_table
                changes += differing
        if models:
            found.append(NewerModels(backend=backend, catalogue=dated, models=models, changes=tuple(changes)))
    return found


def text_of(newer: NewerModels, catalogue: CatalogueFile) -> str:
    """The text of `inference/catalogue/<backend>.toml`.

    Raises:
        PipelexError: A value of the catalogue cannot be written.
    """
    document = tomlkit.document()
    document.add(tomlkit.comment(_COMMENT))
    document.add(tomlkit.comment(f"The catalogue of {catalogue.day}, sha256:{catalogue.digest}"))
    tables = {"defaults": dict(newer.catalogue.defaults), **newer.models}
    for name, values in tables.items():
        if not values:
            continue
        table = tomlkit.table()
        for key, value in values.items():
            table.add(key, _item(value))
        document.add(tomlkit.nl())
        document.add(name, table)
    text = tomlkit.dumps(document)
    if parse(text.encode(), parse_float=Decimal).tables != {name: table for name, table in tables.items() if table}:
        msg = f"the models of backend '{newer.backend}' cannot be written as TOML"
        raise PipelexError(msg)
    return text


def _item(value: Any) -> Any:
    """A value as an item of TOML; tables inside it on one line, numbers exact."""
    if isinstance(value, Decimal):
        return Float(float(value), Trivia(), f"{value:f}" if "." in f"{value:f}" else f"{value:f}.0")
    if isinstance(value, dict):
        table = tomlkit.inline_table()
        for key, item in value.items():
            table.append(key, _item(item))
        return table
    if isinstance(value, list):
        array = tomlkit.array()
        for item in value:
            array.append(_item(item))
        return array
    return tomlkit.item(value)


def _with(file: SpecFile, name: str, table: dict[str, Any]) -> SpecFile:
    return evolve(file, models={name: table})


def _effective(name: str, shipped: list[SpecFile]) -> dict[str, Any] | None:
    """A model as the plugins ship it; None where they do not."""
    if not any(name in file.models for file in shipped):
        return None
    merged: dict[str, Any] = {}
    for file in reversed(shipped):
        if name in file.models:
            merged |= {**file.defaults, **file.models[name]}
    return merged


def _differing(backend: str, name: str, old: dict[str, Any] | None, new: dict[str, Any]) -> Iterator[Change]:
    if old is None:
        yield Change(backend=backend, model=name, key="model", new=dict(new))
        return
    before, after = (dict(_flat(table)) for table in (old, new))
    for key in dict.fromkeys((*before, *after)):
        if before.get(key) != after.get(key):
            yield Change(backend=backend, model=name, key=key, old=before.get(key), new=after.get(key))


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The keys of a table and of those in it; the day of the facts is not a fact."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        elif key != "as_of" or prefix:
            yield f"{prefix}{key}", value

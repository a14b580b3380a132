"""Why a backend has no models, where a plugin that ships some is not in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from pipelex_core.first_party import BACKENDS

if TYPE_CHECKING:
    from pipelex_core.plugins import PluginRecord, Plugins


@frozen
class Lack:
    """Why a backend has no models, as it follows its name in a sentence, and what would bring them."""

    why: str
    help: str | None


def lack_of(backend: str, plugins: Plugins, *, has_file: bool) -> Lack | None:
    """Why no plugin ships models for a backend; None where none is known to, and the project wrote no file for any.

    Args:
        backend: A backend without a single model.
        plugins: The plugins in use, and those that are not.
        has_file: Whether the project has a file for its models, such as the empty one that `init` writes for overrides.
    """
    distribution = BACKENDS.get(backend)
    install = f"run: pip install {distribution}" if distribution else None
    lost = [record for record in plugins.records if record.status != "ok"]
    its = [each for each in lost if each.name == backend or (distribution and each.distribution == distribution)]
    if its:
        return Lack(f"has no models: {its[0].state}", _help(its[0], its[0].distribution or distribution))
    if distribution and any(each.distribution == distribution for each in plugins.records):
        return Lack(f"has no models: the plugin lock does not let {distribution} serve it", "run: pipelex plugins lock")
    if distribution:
        return Lack("has no models: no installed plugin ships any for it", install)
    if lost:
        return Lack(f"has no models: no plugin in use ships any for it, and {lost[0].state}", None)
    if has_file:
        mend = f"install the plugin that ships its models, or write them in backends/{backend}.toml"
        return Lack("has no models: no installed plugin ships any for it", mend)
    return None


def _help(record: PluginRecord, distribution: str | None) -> str | None:
    """What brings a lost plugin back; None where its reason says that already, as that of a plugin lock does."""
    if distribution is None or "run: " in (record.reason or ""):
        return None
    if record.status == "off":
        return f"let the plugin be used again; if it is not installed, run: pip install {distribution}"
    return f"run: pip install {'--upgrade ' if record.status == 'quarantined' else ''}{distribution}"

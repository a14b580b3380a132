"""What would make an unavailable model available: which variable to set where, what to install, switch on or route."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import frozen

from pipelex_cli.positions import position
from pipelex_core.first_party import backend_of, install_for
from pipelex_core.locate import env_file_of
from pipelex_core.plugins import FIRST_PARTY, Plugins

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipelex_cli.written import WrittenValues
    from pipelex_core.config import DisabledBackend, LoadedConfig
    from pipelex_core.deck import ChainMember, ModelDeck
    from pipelex_core.specs import Source

_VARIABLE = re.compile(r"\$\{(?:env:)?([A-Za-z_]\w*)")


@frozen(kw_only=True)
class Remedies:
    """Tells how to make models available.

    Attributes:
        deck: The deck they are in.
        plugins: The installed plugins.
        config: What was loaded.
        written: The files.
    """

    deck: ModelDeck
    plugins: Plugins
    config: LoadedConfig
    written: WrittenValues

    def of(self, member: ChainMember, capability: str) -> tuple[str, ...]:
        """Every way there is, the likeliest first; empty for a model that is available."""
        if member.available:
            return ()
        spec = member.spec
        kinds = self.deck.capabilities
        if spec is not None and kinds.of_type(spec.model_type).name != capability:
            return (f"name a model for {kinds[capability].is_for} in its place",)
        if spec is not None:
            return (self._serve(spec.backend, spec.sdk),)
        return tuple(dict.fromkeys(self._routed(member)))

    def _routed(self, member: ChainMember) -> Iterator[str]:
        """For a model that leads to no backend."""
        name, entry = member.name, member.entry
        if entry.route.rule in {"exact", "pattern"}:
            yield from self._at_backend(name, entry.route.backend or "")
            if entry.offered_by:
                yield self._reroute(member)
        elif entry.offered_by:
            yield self._reroute(member)
        else:
            install = install_for(name)
            if install and not self._is_lost(backend_of(name) or ""):
                yield install
            for backend in self._knowing(name):
                yield from self._at_backend(name, backend)

    def _knowing(self, name: str) -> list[str]:
        """The backends that know a model, those that are on first."""
        on = [backend for backend in self.deck.backends if self.written.model(backend, name)]
        own = backend_of(name) or ""
        return [
            *([own] if self._is_lost(own) else ()),
            *on,
            *(off.name for off in self.config.disabled.values() if name in off.models),
        ]

    def _is_lost(self, backend: str) -> bool:
        """Whether a backend has no models because its plugin is not in use."""
        off = self.config.disabled.get(backend)
        return off is not None and not off.models and "has no models" in off.reason

    def _at_backend(self, name: str, backend: str) -> Iterator[str]:
        """What a backend needs to offer a model."""
        keys = self.written.model(backend, name)
        parts: list[str] = []
        off = self.config.disabled.get(backend)
        if off is not None:
            parts.append(self._turn_on(off))
        if not keys and not self._is_lost(backend):
            parts.append(f"write the model '{name}' in {self.config.folder / 'backends' / f'{backend}.toml'}")
        elif keys and "enabled" in keys and keys["enabled"].value is False:
            parts.append(f"set enabled = true for '{name}' at {_place(keys['enabled'].source)}")
        elif keys and off is None:
            lacking = dict.fromkeys(found for key in keys.values() for found in _VARIABLE.findall(str(key.value)))
            parts.append(
                f"set {', '.join(lacking)} in {self._env_file}"
                if lacking
                else f"mend the spec of '{name}' at {_place(next(iter(keys.values())).source)}"
            )
        sdk = str(keys["sdk"].value) if "sdk" in keys else None
        if sdk is not None and self.plugins.find(backend, sdk) is None:
            parts.append(self._serve(backend, sdk))
        yield f"backend '{backend}': {', and '.join(parts)}"

    def _turn_on(self, off: DisabledBackend) -> str:
        if off.missing:
            return f"set {', '.join(off.missing)} in {self._env_file}"
        help_ = off.help or f"it {off.reason}"
        place = _place(off.source) if off.explicit else None
        reported = help_.replace(
            "in backends.toml", f"at {place}" if place else f"in {self.config.folder / 'backends.toml'}"
        )
        key = self.written.backend(off.name).get("api_key")
        variables = _VARIABLE.findall(str(key.value)) if key else []
        return f"{reported} (its key: {' or '.join(variables)})" if variables else reported

    def _reroute(self, member: ChainMember) -> str:
        """A line of the profile that leads to a backend which offers the model."""
        profile = self.deck.profile
        file = self.config.folder / "routing_profiles.toml"
        where = f"[profiles.{profile.name}.routes] of {file}" if profile else str(file)
        return f'route: write "{member.name}" = "{member.entry.offered_by[0]}" in {where}'

    def _serve(self, backend: str, sdk: str) -> str:
        """What makes a plugin serve an sdk."""
        key = f"{backend}:{sdk}" if f"{backend}:{sdk}" in FIRST_PARTY else sdk
        distribution = FIRST_PARTY.get(key)
        for record in self.plugins.records:
            if record.status in {"quarantined", "off"} and (
                key in record.sdks or record.distribution == distribution is not None
            ):
                verb = "mend" if record.status == "quarantined" else "use"
                return f"{verb} the plugin {record.label}: {record.reason}"
        if key in self.plugins.sdks:
            return self.plugins.why_missing(backend, sdk)
        if distribution:
            return f"pip install {distribution}"
        return (
            f"install a plugin that serves sdk '{sdk}'; the installed ones serve {', '.join(sorted(self.plugins.sdks))}"
        )

    @property
    def _env_file(self) -> str:
        return str(self.config.env_file or env_file_of(self.config.folder))


def _place(source: Source) -> str:
    file, line, _ = position(source)
    return f"{file}:{line}" if line else file

"""The deck as a graph: presets and aliases, the models they lead to, the routes that decide, the backends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import define, field, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipelex_core.config import LoadedConfig
    from pipelex_core.deck import ModelDeck
    from pipelex_core.routing import ModelEntry

Kind = Literal["preset", "alias", "model", "more", "route", "backend"]
Key = tuple[str, ...]
NOWHERE = ""
_FEW = 8
"""How many names of models that no handle leads to are drawn; all of them are in the hint."""


@frozen(kw_only=True)
class Node:
    """One thing of the picture.

    Attributes:
        key: What tells it from others.
        kind: What it is.
        lines: Its text.
        hint: A further remark on it, or None.
        backend: The backend it is drawn with; None for handles, empty for models that lead nowhere.
        off: Whether it cannot be used.
    """

    key: Key
    kind: Kind
    lines: tuple[str, ...]
    hint: str | None = None
    backend: str | None = None
    off: bool = False


@define
class Picture:
    """What is to be drawn.

    Attributes:
        nodes: By their keys, in order.
        edges: From, to, and the text on the edge: the place in a chain.
    """

    nodes: dict[Key, Node] = field(factory=dict)
    edges: dict[tuple[Key, Key], str] = field(factory=dict)


def picture_of(loaded: LoadedConfig, handle: str | None = None) -> Picture:
    """The picture of a deck, or of what belongs to one of its handles.

    Raises:
        ConfigError: The handle exists nowhere.
    """
    artist = _Artist(loaded)
    if handle is None:
        for presets in loaded.deck.presets.values():
            for preset in presets.values():
                artist.preset(preset.capability, preset.name)
        for alias in loaded.deck.aliases:
            artist.alias(alias)
        artist.rest()
    else:
        artist.handle(handle)
    return artist.picture


@define
class _Artist:
    loaded: LoadedConfig
    picture: Picture = field(factory=Picture)

    @property
    def deck(self) -> ModelDeck:
        return self.loaded.deck

    def handle(self, handle: str) -> None:
        """A preset, alias or model, whichever capability knows it."""
        from pipelex_core.errors import ConfigError

        error: ConfigError | None = None
        for capability in self.deck.capabilities.names:
            try:
                resolution = self.deck.resolve(handle, capability)
            except ConfigError as fault:
                error = error or fault
                continue
            bare = handle[1:] if handle[:1] in {"$", "@"} else handle
            if resolution.kind == "preset":
                self.preset(capability, bare)
            elif resolution.kind == "alias":
                self.alias(bare)
            else:
                self.model(handle)
            if resolution.chosen is not None:
                return
        if not self.picture.nodes and error is not None:
            raise error

    def preset(self, capability: str, name: str) -> None:
        preset = self.deck.presets[capability][name]
        key = ("preset", capability, name)
        settings = tuple(f"{setting} = {value}" for setting, value in preset.settings.items())
        off = self.deck.resolve(f"${name}", capability).chosen is None
        hint = preset.description or f"preset for {capability}"
        self.picture.nodes[key] = Node(key=key, kind="preset", lines=(name, *settings), hint=hint, off=off)
        self._lead(key, (preset.model,))

    def alias(self, name: str) -> Key:
        key = ("alias", name)
        if key not in self.picture.nodes:
            alias = self.deck.aliases[name]
            settings = tuple(f"{setting} = {value}" for setting, value in alias.settings.items())
            off = self.deck.resolve(f"@{name}", self.deck.capability_of(name)).chosen is None
            self.picture.nodes[key] = Node(key=key, kind="alias", lines=(name, *settings), hint="alias", off=off)
            self._lead(key, alias.targets)
        return key

    def _lead(self, key: Key, targets: tuple[str, ...]) -> None:
        for number, target in enumerate(targets, start=1):
            to = self.model(target) if target in self.deck.models else self.alias(target.removeprefix("@"))
            self.picture.edges[key, to] = str(number) if len(targets) > 1 else ""

    def model(self, name: str) -> Key:
        key = ("model", name)
        if key not in self.picture.nodes:
            entry = self.deck.models[name]
            lines = [name]
            if entry.spec is not None and entry.spec.model_id != name:
                lines.append(entry.spec.model_id)
            node = Node(
                key=key,
                kind="model",
                lines=tuple(lines),
                hint=entry.reason or "model",
                backend=_backend_of(entry),
                off=not entry.available,
            )
            self.picture.nodes[key] = node
            self._route(key, entry)
        return key

    def rest(self) -> None:
        """The models that no handle leads to, those of a route together; and the backends without models."""
        groups: dict[Key, list[ModelEntry]] = {}
        for entry in self.deck.models.values():
            if entry.offered_by and ("model", entry.name) not in self.picture.nodes:
                group = (*self._route_key(entry), "on" if entry.available else "off")
                groups.setdefault(group, []).append(entry)
        for group, entries in groups.items():
            key = ("more", *group)
            names = tuple(entry.name for entry in entries)
            hint = f"{entries[0].reason or 'models that no handle leads to'}: {', '.join(names)}"
            lines = names if len(names) <= _FEW + 1 else (*names[:_FEW], f"and {len(names) - _FEW} more")
            off = not entries[0].available
            backend = _backend_of(entries[0])
            self.picture.nodes[key] = Node(key=key, kind="more", lines=lines, hint=hint, backend=backend, off=off)
            self._route(key, entries[0])
        for backend in self.deck.backends:
            self._backend(backend)
        for route in self.deck.profile.routes if self.deck.profile else ():
            rule = "exact" if route.is_exact else "pattern"
            self._route_node(("route", rule, route.pattern, route.backend), rule, route.pattern, route.backend)

    def _route_key(self, entry: ModelEntry) -> Key:
        return ("route", entry.route.rule, entry.route.pattern or "", _backend_of(entry))

    def _route(self, key: Key, entry: ModelEntry) -> None:
        route, backend = entry.route, _backend_of(entry)
        if backend == NOWHERE:
            return
        to = self._route_key(entry)
        self._route_node(to, route.rule, route.pattern, backend)
        self.picture.edges[key, to] = ""

    def _route_node(self, key: Key, rule: str, pattern: str | None, backend: str) -> None:
        if key not in self.picture.nodes:
            lines = (pattern, rule) if pattern else (rule,)
            off = backend not in self.deck.backends
            profile = self.deck.profile.name if self.deck.profile else ""
            hint = f"route of profile {profile}"
            self.picture.nodes[key] = Node(key=key, kind="route", lines=lines, hint=hint, backend=backend, off=off)
            self.picture.edges[key, self._backend(backend)] = ""

    def _backend(self, name: str) -> Key:
        key = ("backend", name)
        if key not in self.picture.nodes:
            config, off = self.deck.backends.get(name), self.loaded.disabled.get(name)
            display = config.display_name if config else off.display_name if off else name
            lines = dict.fromkeys((name, display or name))
            hint = None if off is None else f"{name} {off.reason}"
            self.picture.nodes[key] = Node(
                key=key, kind="backend", lines=tuple(lines), hint=hint or "backend", backend=name, off=config is None
            )
        return key


def _backend_of(entry: ModelEntry) -> str:
    """The backend a model is drawn with: its own, the one its route leads to, or none."""
    if entry.spec is not None:
        return entry.spec.backend
    if entry.route.rule in {"exact", "pattern"}:
        return entry.route.backend or NOWHERE
    return NOWHERE


def backends_of(nodes: Iterable[Node]) -> list[str]:
    """The backends there is something of, in order."""
    return list(dict.fromkeys(node.backend for node in nodes if node.backend is not None))

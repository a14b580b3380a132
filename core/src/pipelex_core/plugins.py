"""Plugins: found through entry points, loaded one by one, and quarantined where they are broken.

Nothing else calls a hook. A plugin that cannot be used stands in `Plugins.records` with its reason, and the others
go on. Finding and loading imports a plugin's light module, never its SDK.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, Literal

from attrs import evolve, field, frozen

from pipelex_core.backend import BackendFactory
from pipelex_core.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from importlib.metadata import Distribution, EntryPoint
    from importlib.resources.abc import Traversable
    from types import ModuleType

    import pluggy

    from pipelex_core.calls import FinishedCall
    from pipelex_core.hookspecs import Middleware

_log = logging.getLogger("pipelex_core.plugins")

CORE_DISTRIBUTION = "pipelex-core"

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)\s*(?:\[[^]]*\])?\s*(.*)\Z", re.DOTALL)
_PLAIN_CLAUSE = re.compile(r"\s*(>=|<)\s*(\d+(?:\.\d+)*)\s*\Z")

FIRST_PARTY: dict[str, str] = {
    "anthropic": "pipelex-backend-anthropic",
    "azure_openai": "pipelex-backend-openai",
    "azure_openai_responses": "pipelex-backend-openai",
    "bedrock": "pipelex-backend-bedrock",
    "bedrock_aioboto3": "pipelex-backend-bedrock",
    "bedrock_anthropic": "pipelex-backend-bedrock",
    "bedrock_boto3": "pipelex-backend-bedrock",
    "fal": "pipelex-backend-fal",
    "google": "pipelex-backend-google",
    "llamacpp": "pipelex-backend-llamacpp",
    "mistral": "pipelex-backend-mistral",
    "openai": "pipelex-backend-openai",
    "openai_alt_img_gen": "pipelex-backend-openai",
    "openai_img_gen": "pipelex-backend-openai",
    "openai_responses": "pipelex-backend-openai",
    "pypdfium2": "pipelex-backend-internal",
    "vertexai": "pipelex-backend-google",
    "vertexai:openai": "pipelex-backend-google",
}
"""The distribution that serves each sdk of the documentation: what to tell someone who has not installed it."""


def distribution_for(backend: str, sdk: str) -> str | None:
    """The first-party distribution that serves an sdk of a backend, or None."""
    return FIRST_PARTY.get(f"{backend}:{sdk}") or FIRST_PARTY.get(sdk)


@frozen(kw_only=True)
class PluginRecord:
    """One plugin that was found.

    Attributes:
        name: Name of its entry point.
        distribution: Name of its distribution; None for a plugin that was passed as an object.
        version: Version of that distribution.
        sdks: The sdks it serves.
        hooks: The hooks it implements.
        status: Whether it is in use.
        reason: Why it is not, or None.
    """

    name: str
    distribution: str | None
    version: str | None
    sdks: tuple[str, ...] = ()
    hooks: tuple[str, ...] = ()
    status: Literal["ok", "quarantined"] = "ok"
    reason: str | None = None

    @property
    def label(self) -> str:
        """Distribution and version, or the name of a plugin without one."""
        return f"{self.distribution} {self.version}" if self.distribution else self.name


@frozen(kw_only=True)
class _Candidate:
    """A plugin on its way through discovery: its record, its module, and what its declaring hooks returned."""

    record: PluginRecord
    module: object | None = None
    factories: Mapping[str, BackendFactory] = field(factory=dict)
    specs: Mapping[str, Traversable] = field(factory=dict)
    middlewares: tuple[Middleware, ...] = ()

    def quarantined(self, reason: str) -> _Candidate:
        record = evolve(self.record, status="quarantined", reason=reason)
        return _Candidate(record=record)


@frozen(kw_only=True)
class ShippedSpecs:
    """A TOML file of models that a plugin ships for one backend."""

    backend: str
    file: Traversable
    plugin: PluginRecord


class Plugins:
    """The plugins in use, and those that are not, with their reasons. Read-only once made."""

    def __init__(self, candidates: Iterable[_Candidate], manager: pluggy.PluginManager) -> None:
        self.records: tuple[PluginRecord, ...]
        usable = _without_conflicts(list(candidates))
        self.records = tuple(candidate.record for candidate in usable)
        self._manager = manager
        self._factories: dict[str, tuple[BackendFactory, PluginRecord]] = {}
        self._specs: list[ShippedSpecs] = []
        middlewares: list[Middleware] = []
        for candidate in usable:
            if candidate.module is None:
                continue
            manager.register(candidate.module, name=_registered_name(candidate.record))
            for sdk, factory in candidate.factories.items():
                self._factories[sdk] = (factory, candidate.record)
            for backend, file in candidate.specs.items():
                self._specs.append(ShippedSpecs(backend=backend, file=file, plugin=candidate.record))
            middlewares += candidate.middlewares
        self.middlewares: tuple[Middleware, ...] = tuple(middlewares)

    @property
    def shipped_specs(self) -> tuple[ShippedSpecs, ...]:
        """The model-spec files of all plugins, in the order of the plugins' names."""
        return tuple(self._specs)

    @property
    def sdks(self) -> tuple[str, ...]:
        """Every sdk that some plugin serves, narrowed keys such as `vertexai:openai` included."""
        return tuple(self._factories)

    def find(self, backend: str, sdk: str) -> tuple[BackendFactory, PluginRecord] | None:
        """The factory for an sdk of a backend and the plugin it comes from; a narrowed key wins; None for neither."""
        narrowed = f"{backend}:{sdk}"
        if narrowed not in self._factories and narrowed in FIRST_PARTY:
            return None
        return self._factories.get(narrowed) or self._factories.get(sdk)

    def why_missing(self, backend: str, sdk: str) -> str:
        """Why no plugin serves an sdk, and which command brings one."""
        key = f"{backend}:{sdk}" if f"{backend}:{sdk}" in FIRST_PARTY else sdk
        for record in self.records:
            if record.status == "quarantined" and (
                key in record.sdks or (record.distribution and record.distribution == FIRST_PARTY.get(key))
            ):
                return f"the plugin {record.label} is quarantined: {record.reason}"
        distribution = FIRST_PARTY.get(key)
        if distribution:
            return f"no installed plugin serves sdk '{sdk}'; run: pip install {distribution}"
        return f"no installed plugin serves sdk '{sdk}'; installed: {', '.join(sorted(self._factories)) or 'none'}"

    def require(self, backend: str, sdk: str) -> tuple[BackendFactory, PluginRecord]:
        """As `find`, but a missing plugin is a `PluginError` that says what to install."""
        found = self.find(backend, sdk)
        if found is None:
            raise PluginError(self.why_missing(backend, sdk))
        return found

    def call_finished(self, call: FinishedCall) -> None:
        """Tell every plugin that listens; what a listener raises is logged and goes no further."""
        for implementation in self._manager.hook.pipelex_call_finished.get_hookimpls():
            try:
                implementation.function(call)
            except Exception:  # noqa: BLE001 -- logged, with its traceback
                _log.exception("plugin %s: pipelex_call_finished raised", implementation.plugin_name)


def discover(*, entry_points: Iterable[EntryPoint] | None = None, extra: Iterable[object] = ()) -> Plugins:
    """Find, load and classify every plugin.

    Args:
        entry_points: Where to look; None for those of the installed distributions.
        extra: Further plugins as objects (modules or instances whose methods are marked with `hookimpl`).
    """
    import pluggy

    from pipelex_core import hookspecs

    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    if entry_points is None:
        from importlib.metadata import entry_points as installed

        entry_points = installed(group=hookspecs.ENTRY_POINT_GROUP)
    candidates = [_load(point) for point in sorted(set(entry_points), key=lambda point: point.name)]
    candidates += [
        _Candidate(
            record=PluginRecord(
                name=getattr(plugin, "__name__", type(plugin).__name__), distribution=None, version=None
            ),
            module=plugin,
        )
        for plugin in extra
    ]
    return Plugins([_classify(candidate, manager) for candidate in candidates], manager)


def _load(point: EntryPoint) -> _Candidate:
    """Import one plugin's light module, or say why not."""
    distribution = point.dist
    record = PluginRecord(
        name=point.name,
        distribution=distribution.name if distribution else None,
        version=distribution.version if distribution else None,
    )
    candidate = _Candidate(record=record)
    mismatch = _core_mismatch(distribution) if distribution else None
    if mismatch:
        return candidate.quarantined(mismatch)
    try:
        module: ModuleType = point.load()
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever a plugin's import raises stays in its record
        return candidate.quarantined(f"import of '{point.value}' failed: {type(error).__name__}: {error}")
    return evolve(candidate, module=module)


def _core_mismatch(distribution: Distribution) -> str | None:
    """Why the installed core is outside the range a plugin declares, or None."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        installed = version(CORE_DISTRIBUTION)
    except PackageNotFoundError:
        return None  # core runs from its sources: there is no version to compare
    for line in distribution.requires or ():
        named = _REQUIREMENT.match(line)
        if named is None or re.sub(r"[-_.]+", "-", named[1]).lower() != CORE_DISTRIBUTION:
            continue
        mismatch = None if _is_plainly_inside(named[2], installed) else _outside(line, installed)
        if mismatch:
            return mismatch
    return None


def _is_plainly_inside(ranges: str, installed: str) -> bool:
    """Whether a version is inside a range such as `>=0.1,<0.2`; False says nothing, and `packaging` is to decide."""
    if not re.fullmatch(r"\d+(\.\d+)*", installed):
        return False
    clauses = [_PLAIN_CLAUSE.match(clause) for clause in ranges.split(",")]
    return all(
        clause is not None
        and (
            _numbers(installed) >= _numbers(clause[2])
            if clause[1] == ">="
            else _numbers(installed) < _numbers(clause[2])
        )
        for clause in clauses
    )


def _numbers(release: str) -> tuple[int, ...]:
    """A release as numbers, without the zeros at its end: 1.0 is 1."""
    numbers = [int(number) for number in release.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _outside(line: str, installed: str) -> str | None:
    """Why a version is outside the range of a requirement, or None; `packaging` is slow to import."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(line)
    except InvalidRequirement as error:
        return f"its metadata cannot be read: {error}"
    if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
        return None
    if requirement.specifier.contains(installed, prereleases=True):
        return None
    return f"it needs {CORE_DISTRIBUTION}{requirement.specifier}, and {installed} is installed"


def _classify(candidate: _Candidate, manager: pluggy.PluginManager) -> _Candidate:
    """Ask a loaded plugin's declaring hooks, once, and check what they return."""
    plugin = candidate.module
    if plugin is None:
        return candidate
    known = {name for name in dir(manager.hook) if not name.startswith("_")}
    implemented: dict[str, Any] = {}
    for name in dir(plugin):
        options = manager.parse_hookimpl_opts(plugin, name)
        if options is not None:
            implemented[options.get("specname") or name] = getattr(plugin, name)
    unknown = sorted(set(implemented) - known)
    if unknown:
        from difflib import get_close_matches

        near = get_close_matches(unknown[0], known, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        return candidate.quarantined(f"it implements a hook that does not exist: '{unknown[0]}'{hint}")
    record = evolve(candidate.record, hooks=tuple(sorted(implemented)))
    candidate = evolve(candidate, record=record)
    try:
        factories = _checked_factories(implemented["pipelex_backends"]()) if "pipelex_backends" in implemented else {}
        candidate = evolve(candidate, factories=factories, record=evolve(record, sdks=tuple(factories)))
        if "pipelex_model_specs" in implemented:
            candidate = evolve(candidate, specs=_checked_specs(implemented["pipelex_model_specs"]()))
        if "pipelex_middleware" in implemented:
            candidate = evolve(candidate, middlewares=_checked_middlewares(implemented["pipelex_middleware"]()))
    except Exception as error:  # noqa: BLE001 -- whatever a plugin's hook raises stays in its record
        reason = str(error) if isinstance(error, PluginError) else f"a hook raised {type(error).__name__}: {error}"
        return candidate.quarantined(reason)
    return candidate


def _checked_factories(answer: object) -> dict[str, BackendFactory]:
    from collections.abc import Mapping

    if not isinstance(answer, Mapping) or not all(isinstance(sdk, str) and sdk for sdk in answer):
        msg = f"pipelex_backends must return a mapping keyed by sdk, not {answer!r:.80}"
        raise PluginError(msg)
    factories = {}
    for sdk, factory in answer.items():
        if not callable(factory):
            msg = f"pipelex_backends: the factory of sdk '{sdk}' is not callable: {factory!r:.80}"
            raise PluginError(msg)
        factories[sdk] = factory if isinstance(factory, BackendFactory) else BackendFactory(factory)
    return factories


def _checked_specs(answer: object) -> dict[str, Traversable]:
    from collections.abc import Mapping

    if not isinstance(answer, Mapping) or not all(
        isinstance(backend, str) and hasattr(file, "is_file") for backend, file in answer.items()
    ):
        msg = f"pipelex_model_specs must return a mapping of backend names to files, not {answer!r:.80}"
        raise PluginError(msg)
    for backend, file in answer.items():
        if not file.is_file():
            msg = f"pipelex_model_specs: the file of backend '{backend}' does not exist"
            raise PluginError(msg)
    return dict(answer)


def _checked_middlewares(answer: object) -> tuple[Middleware, ...]:
    from collections.abc import Sequence

    if not isinstance(answer, Sequence) or not all(callable(middleware) for middleware in answer):
        msg = f"pipelex_middleware must return a sequence of callables, not {answer!r:.80}"
        raise PluginError(msg)
    return tuple(answer)


def _without_conflicts(candidates: list[_Candidate]) -> list[_Candidate]:
    """Quarantine every plugin that offers what another one offers too: sdk, or name."""
    claims: dict[tuple[str, str], list[str]] = {}
    for candidate in candidates:
        if candidate.module is not None:
            for claim in _claims(candidate):
                claims.setdefault(claim, []).append(candidate.record.label)
    checked = []
    for candidate in candidates:
        disputed = [claim for claim in _claims(candidate) if len(claims.get(claim, ())) > 1]
        if candidate.module is not None and disputed:
            what, name = disputed[0]
            owners = " and ".join(claims[disputed[0]])
            candidate = evolve(  # noqa: PLW2901 -- the same plugin, now with its reason
                candidate.quarantined(f"{what} '{name}' is offered by {owners}: uninstall one of them")
            )
        checked.append(candidate)
    return checked


def _claims(candidate: _Candidate) -> list[tuple[str, str]]:
    return [("the plugin name", candidate.record.name), *(("sdk", sdk) for sdk in candidate.factories)]


def _registered_name(record: PluginRecord) -> str:
    return record.name

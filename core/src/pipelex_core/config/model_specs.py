"""Step 2: the models of each backend: those its plugins ship, and those of the project.

What wins, key by key: the project's table, the project's `[defaults]`, the plugin's table, the plugin's `[defaults]`.
`[defaults]` speaks for the models of its own file; in a project's file without models, for all that the plugin ships.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, cast

from attrs import field, fields_dict, frozen

from pipelex_core.config.environment import expand, has_variables
from pipelex_core.config.options import checked_options
from pipelex_core.config.structure import structure
from pipelex_core.config.tables import SpecTable
from pipelex_core.errors import ModelsManagerError
from pipelex_core.specs import NOWHERE, Costs, ModelSpec, ModelType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from pipelex_core.config.environment import Environment
    from pipelex_core.config.problems import Faults
    from pipelex_core.config.spec_files import SpecFile
    from pipelex_core.plugins import Plugins
    from pipelex_core.specs import Source

NEWER_SPEC_KEYS: dict[str, str] = {
    "extra_headers": "plugins send their own headers",
    "rules": "the plugin knows what its image models take",
    "structure_method": "the plugin chooses how to ask for an object",
    "thinking_mode": "reasoning is asked for in presets and calls, with reasoning_effort or reasoning_budget",
    "valued_constraints": 'write constraints, such as constraints = ["temperature_must_be_1"]',
    "variant": "write the provider's name of the model as model_id",
}
"""Keys that newer releases of the format use in model specs, and why each is left out."""

_SPEC_KEYS = frozenset(fields_dict(SpecTable))
_UNITS: dict[ModelType, Literal["million_tokens", "image", "page"]] = {
    ModelType.LLM: "million_tokens",
    ModelType.TEXT_EXTRACTOR: "page",
    ModelType.IMG_GEN: "image",
}
_THOUSAND = Decimal(1000)
_SWITCHED_OFF = "has it switched off (enabled = false)"


@frozen(kw_only=True)
class BackendModels:
    """The models of one backend.

    Attributes:
        specs: Name -> spec, of those it offers.
        withheld: Name -> why not, as it follows the backend's name, of those it knows and does not offer.
        reported: The names among them whose reason is a problem already, so that nothing that follows is one more.
    """

    specs: Mapping[str, ModelSpec] = field(factory=dict)
    withheld: Mapping[str, str] = field(factory=dict)
    reported: AbstractSet[str] = frozenset()


@frozen(kw_only=True)
class _Layers:
    """Where a model's keys may come from, the strongest first: a table, and the source of its keys."""

    name: str
    layers: Sequence[tuple[Mapping[str, Any], SpecFile, bool]]

    def merged(self) -> dict[str, Any]:
        """All keys, the strongest layer winning."""
        if len(self.layers) == 1:
            return dict(self.layers[0][0])
        merged: dict[str, Any] = {}
        for table, _, _ in reversed(self.layers):
            merged.update(table)
        return merged

    def where(self, key: str) -> Source:
        """Where a key was written; the strongest table for one that was not."""
        for table, file, is_default in self.layers:
            if key in table:
                return file.at(*file.default_paths[key]) if is_default else file.at_model(self.name, key)
        return self.source

    @property
    def source(self) -> Source:
        """Where the model was written: in the project, else by the plugin."""
        for _, file, is_default in self.layers:
            if not is_default:
                return file.at_model(self.name)
        return NOWHERE

    @property
    def has_variables(self) -> bool:
        """Whether a value may hold a `${`."""
        return any(file.has_variables for _, file, _ in self.layers)

    def is_older(self, key: str) -> bool:
        """Whether a key comes from a file of the older generation."""
        return next((file.older for table, file, _ in self.layers if key in table), False)


def known_models(files: Sequence[SpecFile], why: str, *, reported: bool) -> BackendModels:
    """The names of a backend that is off: nothing of its tables is evaluated."""
    withheld = {name: why for file in files for name in file.models}
    return BackendModels(withheld=withheld, reported=withheld.keys() if reported else frozenset())


@frozen
class SpecReader:
    """Reads the models of one backend that is on.

    Attributes:
        backend: Its name.
        files: The project's file first, where there is one, then those of plugins.
        plugins: Who knows the options of a model.
        environment: What `${…}` is filled with.
        faults: Where to report.
        strict: Whether a missing variable is an error; otherwise the model is withheld.
    """

    backend: str
    files: Sequence[SpecFile]
    plugins: Plugins
    environment: Environment
    faults: Faults
    strict: bool

    def read(self) -> BackendModels:
        """Every model."""
        specs: dict[str, ModelSpec] = {}
        withheld: dict[str, str] = {}
        for name in dict.fromkeys(name for file in self.files for name in file.models):
            made = self._model(name)
            if isinstance(made, str):
                withheld[name] = made
            else:
                specs[name] = made
        return BackendModels(
            specs=specs, withheld=withheld, reported={name for name, why in withheld.items() if why != _SWITCHED_OFF}
        )

    def _model(self, name: str) -> ModelSpec | str:
        """The spec, or why there is none."""
        layers = _layers(name, self.files)
        table = layers.merged()
        if layers.has_variables and has_variables(table):
            table, lacking = self._expanded(table, layers)
            if lacking:
                return f"needs {', '.join(lacking)} for it, which is not set"
        extra: dict[str, Any] = {}
        if not _SPEC_KEYS.issuperset(table):
            unknown = [key for key in table if key not in _SPEC_KEYS and key not in NEWER_SPEC_KEYS]
            extra = {key: table.pop(key) for key in unknown}
        spec = structure(
            SpecTable, table, self.faults, kind=ModelsManagerError, where=layers.where, later=NEWER_SPEC_KEYS
        )
        if spec is None:
            return "has a fault in its spec"
        if not spec.enabled:
            return _SWITCHED_OFF
        if not spec.sdk:
            message = f"the model '{name}' names no sdk"
            self.faults.error(ModelsManagerError, "missing-key", message, layers.source, expected='sdk = "…"')
            return "has a fault in its spec"
        model_type = spec.model_type or _inferred_type(spec.outputs)
        return ModelSpec(
            name=name,
            backend=self.backend,
            sdk=spec.sdk,
            model_id=spec.model_id or name,
            model_type=model_type,
            inputs=spec.inputs,
            outputs=spec.outputs,
            costs=None if spec.costs is None else _costs(spec.costs, model_type, older=layers.is_older("costs")),
            max_tokens=spec.max_tokens,
            context_window=spec.context_window,
            max_prompt_images=spec.max_prompt_images,
            prompting_target=spec.prompting_target,
            constraints=spec.constraints,
            options=self._options(spec.sdk, extra, layers),
            source=layers.source,
        )

    def _expanded(self, table: dict[str, Any], layers: _Layers) -> tuple[dict[str, Any], list[str]]:
        """The table with its variables filled in, and those that are missing."""
        expanded = dict(table)
        missing: list[str] = []
        for key, value in table.items():
            if not has_variables(value):
                continue
            filled = expand(value, self.environment)
            expanded[key] = filled.value
            if isinstance(filled.value, str):
                self.faults.hide(filled.value)
            for fault in filled.faults:
                self.faults.error(ModelsManagerError, "bad-variable", fault, layers.where(key))
            missing += filled.missing
            for name in filled.missing:
                message = f"{name} is not set or empty, and models of backend '{self.backend}' need it"
                at, mend = layers.where(key), f"set {name}"
                if self.strict:
                    self.faults.error(ModelsManagerError, "missing-variable", message, at, suggestion=mend)
                else:
                    self.faults.warning("missing-variable", message, at, suggestion=mend)
        return expanded, missing

    def _options(self, sdk: str, extra: dict[str, Any], layers: _Layers) -> dict[str, Any]:
        """The keys that belong to the plugin, checked where it is installed to say what there is."""
        found = self.plugins.find(self.backend, sdk)
        options = found[0].model_options if found else ()
        if not extra and not options:
            return extra
        given = {key: float(value) if isinstance(value, Decimal) else value for key, value in extra.items()}
        return checked_options(
            given,
            options,
            self.faults,
            where=layers.where,
            others=tuple(sorted(_SPEC_KEYS)),
            complete=found is not None,
        )


def _layers(name: str, files: Sequence[SpecFile]) -> _Layers:
    layers: list[tuple[Mapping[str, Any], SpecFile, bool]] = []
    for file in files:
        if name in file.models:
            layers.append((file.models[name], file, False))
        if file.defaults and (name in file.models or not file.models):
            layers.append((file.defaults, file, True))
    return _Layers(name=name, layers=layers)


def _inferred_type(outputs: frozenset[str]) -> ModelType:
    if "image" in outputs:
        return ModelType.IMG_GEN
    return ModelType.TEXT_EXTRACTOR if "pages" in outputs else ModelType.LLM


def _costs(prices: Mapping[str, Decimal], model_type: ModelType, *, older: bool) -> Costs:
    """The price list in the unit of the model's type; an older file has LLM prices per thousand tokens."""
    if older and model_type is ModelType.LLM:
        prices = {name: price * _THOUSAND for name, price in prices.items()}
    return Costs(unit=_UNITS[model_type], **cast("dict[str, Any]", prices))

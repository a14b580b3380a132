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
from pipelex_core.config.problems import listed
from pipelex_core.config.structure import SpecTable, report_unknown, structure
from pipelex_core.constraints import CONSTRAINTS
from pipelex_core.errors import ModelsManagerError
from pipelex_core.specs import Costs, ModelSpec, ModelType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipelex_core.backend import BackendFactory
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

INPUTS: dict[str, str] = {"text": "text", "images": "images", "image": "images", "pdf": "pdf"}
"""What `inputs` may hold, and what each word means."""

OUTPUTS: dict[str, str] = {"text": "text", "structured": "structured", "image": "image", "pages": "pages"}
"""What `outputs` may hold."""

_SPEC_KEYS = frozenset(fields_dict(SpecTable))
_PRICES = frozenset(fields_dict(Costs)) - {"unit"}
_LEAST = {"max_tokens": 1, "context_window": 1, "max_prompt_images": 0}
_UNITS: dict[ModelType, Literal["million_tokens", "image", "page"]] = {
    ModelType.LLM: "million_tokens",
    ModelType.TEXT_EXTRACTOR: "page",
    ModelType.IMG_GEN: "image",
}
_THOUSAND = Decimal(1000)


@frozen(kw_only=True)
class BackendModels:
    """The models of one backend.

    Attributes:
        specs: Name -> spec, of those it offers.
        withheld: Name -> why not, as it follows the backend's name, of those it knows and does not offer.
    """

    specs: Mapping[str, ModelSpec] = field(factory=dict)
    withheld: Mapping[str, str] = field(factory=dict)


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
        return next(file for _, file, is_default in self.layers if not is_default).at_model(self.name)

    def is_older(self, key: str) -> bool:
        """Whether a key comes from a file of the older generation."""
        return next((file.older for table, file, _ in self.layers if key in table), False)


def known_models(files: Sequence[SpecFile], why: str) -> BackendModels:
    """The names of a backend that is off: nothing of its tables is evaluated."""
    return BackendModels(withheld={name: why for file in files for name in file.models})


def read_models(
    backend: str,
    files: Sequence[SpecFile],
    plugins: Plugins,
    environment: Environment,
    faults: Faults,
) -> BackendModels:
    """The models of a backend that is on.

    Args:
        backend: Its name.
        files: The project's file first, where there is one, then those of plugins.
        plugins: Who knows the options of a model.
        environment: What `${…}` is filled with.
        faults: Where to report.
    """
    specs: dict[str, ModelSpec] = {}
    withheld: dict[str, str] = {}
    for name in dict.fromkeys(name for file in files for name in file.models):
        layers = _layers(name, files)
        made = _model(backend, layers, plugins, environment, faults)
        if isinstance(made, str):
            withheld[name] = made
        else:
            specs[name] = made
    return BackendModels(specs=specs, withheld=withheld)


def _layers(name: str, files: Sequence[SpecFile]) -> _Layers:
    layers: list[tuple[Mapping[str, Any], SpecFile, bool]] = []
    for file in files:
        if name in file.models:
            layers.append((file.models[name], file, False))
        if file.defaults and (name in file.models or not file.models):
            layers.append((file.defaults, file, True))
    return _Layers(name=name, layers=layers)


def _model(
    backend: str, layers: _Layers, plugins: Plugins, environment: Environment, faults: Faults
) -> ModelSpec | str:
    """The spec, or why there is none."""
    table, where = layers.merged(), layers.where
    if has_variables(table):
        table = _expanded(table, layers, environment, faults)
    extra: dict[str, Any] = {}
    if not _SPEC_KEYS.issuperset(table):
        extra = {key: table.pop(key) for key in list(table) if key not in _SPEC_KEYS and key not in NEWER_SPEC_KEYS}
    spec = structure(SpecTable, table, faults, kind=ModelsManagerError, where=where, later=NEWER_SPEC_KEYS)
    if spec is None:
        return "has a fault in its spec"
    if not spec.enabled:
        return "has it switched off (enabled = false)"
    if not spec.sdk:
        message = f"the model '{layers.name}' names no sdk"
        faults.error(ModelsManagerError, "missing-key", message, layers.source, expected='sdk = "…"')
        return "has a fault in its spec"
    model_type = spec.model_type or _inferred_type(spec.outputs)
    return ModelSpec(
        name=layers.name,
        backend=backend,
        sdk=spec.sdk,
        model_id=spec.model_id or layers.name,
        model_type=model_type,
        inputs=_words("inputs", spec.inputs, INPUTS, layers, faults),
        outputs=_words("outputs", spec.outputs, OUTPUTS, layers, faults),
        costs=_costs(spec.costs, model_type, layers, faults),
        max_tokens=_at_least("max_tokens", spec.max_tokens, layers, faults),
        context_window=_at_least("context_window", spec.context_window, layers, faults),
        max_prompt_images=_at_least("max_prompt_images", spec.max_prompt_images, layers, faults),
        prompting_target=spec.prompting_target,
        constraints=_words("constraints", spec.constraints, {name: name for name in CONSTRAINTS}, layers, faults)
        if spec.constraints
        else frozenset(),
        options=_options(layers, extra, plugins.find(backend, spec.sdk), faults),
        source=layers.source,
    )


def _expanded(table: dict[str, Any], layers: _Layers, environment: Environment, faults: Faults) -> dict[str, Any]:
    expanded = dict(table)
    for key, value in table.items():
        if has_variables(value):
            filled = expand(value, environment)
            expanded[key] = filled.value
            for fault in filled.faults:
                faults.error(ModelsManagerError, "bad-variable", fault, layers.where(key))
            for name in filled.missing:
                message = f"{name} is not set or empty, and model '{layers.name}' needs it"
                faults.error(
                    ModelsManagerError, "missing-variable", message, layers.where(key), suggestion=f"set {name}"
                )
    return expanded


def _inferred_type(outputs: tuple[str, ...]) -> ModelType:
    if "image" in outputs:
        return ModelType.IMG_GEN
    return ModelType.TEXT_EXTRACTOR if "pages" in outputs else ModelType.LLM


def _words(
    key: str, given: tuple[str, ...], meanings: Mapping[str, str], layers: _Layers, faults: Faults
) -> frozenset[str]:
    """The words of a list, each one of a few; the others are reported."""
    for word in given:
        if word not in meanings:
            expected = f"one of {', '.join(meanings)}"
            message = f"'{word}' is none of the {key} there are"
            faults.error(
                ModelsManagerError, "bad-value", message, layers.where(key), expected=expected, near=(word, meanings)
            )
    return frozenset([meanings[word] for word in given if word in meanings])


def _at_least(key: str, value: int | None, layers: _Layers, faults: Faults) -> int | None:
    least = _LEAST[key]
    if value is not None and value < least:
        message = f"'{key}' cannot be {value}"
        expected = f"a whole number of at least {least}"
        faults.error(ModelsManagerError, "bad-value", message, layers.where(key), expected=expected)
    return value


def _costs(
    prices: Mapping[str, Decimal] | None, model_type: ModelType, layers: _Layers, faults: Faults
) -> Costs | None:
    """The price list in the unit of the model's type; an older file has LLM prices per thousand tokens."""
    if prices is None:
        return None
    if not _PRICES.issuperset(prices):
        for name in [name for name in prices if name not in _PRICES]:
            report_unknown(name, tuple(_PRICES), faults, ModelsManagerError, layers.where("costs").child(name))
        return None
    if model_type is ModelType.LLM and layers.is_older("costs"):
        prices = {name: price * _THOUSAND for name, price in prices.items()}
    return Costs(unit=_UNITS[model_type], **cast("dict[str, Any]", prices))


def _options(
    layers: _Layers, extra: dict[str, Any], found: tuple[BackendFactory, object] | None, faults: Faults
) -> dict[str, Any]:
    if found is None and not extra:
        return {}
    options = found[0].model_options if found else ()
    if not extra and not options:
        return {}
    given = {key: float(value) if isinstance(value, Decimal) else value for key, value in extra.items()}
    return checked_options(
        given, options, faults, where=layers.where, others=tuple(sorted(_SPEC_KEYS)), complete=found is not None
    )


def describe(backends: Mapping[str, str]) -> str:
    """Who knows a model, and why it cannot be used there: `'fal', which is disabled in backends.toml`."""
    return ", and ".join(f"{listed([name])}, which {why}" for name, why in backends.items())

"""Step 2: the models of each backend: those its plugins ship, and those of the project."""

from __future__ import annotations

from decimal import Decimal
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

from attrs import field, fields_dict, frozen

from pipelex_core.config.environment import has_variables
from pipelex_core.config.options import checked_options
from pipelex_core.config.prices import costs_of
from pipelex_core.config.problems import listed
from pipelex_core.config.spec_files import Layers
from pipelex_core.config.structure import READERS, checked, structured_values
from pipelex_core.config.tables import SpecTable
from pipelex_core.config.values import one_of
from pipelex_core.errors import ModelsManagerError
from pipelex_core.sparse import made
from pipelex_core.specs import Costs, Limits, ModelSpec, Source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from pipelex_core.config.context import Context
    from pipelex_core.config.spec_files import SpecFile

NEWER_SPEC_KEYS: dict[str, str] = {
    "extra_headers": "plugins send their own headers",
    "rules": "the plugin knows what its image models take",
    "structure_method": "the plugin chooses how to ask for an object",
    "thinking_mode": "reasoning is asked for in presets and calls, with reasoning_effort or reasoning_budget",
    "valued_constraints": 'write constraints, such as constraints = ["temperature_must_be_1"]',
    "variant": "write the provider's name of the model as model_id",
}
"""Keys that newer releases of the format use in model specs, and why each is left out."""

_SPEC_KEYS = READERS[SpecTable]
_KNOWN = frozenset(_SPEC_KEYS)
_KNOWN_EVER = _KNOWN | NEWER_SPEC_KEYS.keys()
_LIMITS = frozenset(fields_dict(Limits))
_THOUSAND = 1000
_SWITCHED_OFF = "has it switched off (enabled = false)"


@frozen(kw_only=True, eq=False, repr=False)
class BackendModels:
    """The models of one backend.

    Attributes:
        specs: Name -> spec, of those it offers.
        hidden: What variables gave to their tables, such as `arguments`, and may be secret.
        withheld: Name -> why not, as it follows the backend's name, of those it knows and does not offer.
        reported: The names among them whose reason is a problem already, so that nothing that follows is one more.
    """

    specs: Mapping[str, ModelSpec] = field(factory=dict)
    hidden: tuple[str, ...] = ()
    withheld: Mapping[str, str] = field(factory=dict)
    reported: AbstractSet[str] = frozenset()


def known_models(files: Sequence[SpecFile], why: str, *, reported: bool) -> BackendModels:
    """The names of a backend that is off: nothing of its tables is evaluated."""
    withheld = {name: why for file in files for name in file.models}
    return BackendModels(withheld=withheld, reported=withheld.keys() if reported else frozenset())


@frozen(eq=False, repr=False, slots=False)
class SpecReader:
    """Reads the models of one backend that is on.

    Attributes:
        backend: Its name.
        files: The project's file first, where there is one, then those of plugins.
        context: The load. A missing variable is an error where it is strict; otherwise the model is withheld.
        sdk: The sdk that the backend's table names, and where; or None.
    """

    backend: str
    files: Sequence[SpecFile]
    context: Context
    sdk: tuple[str, Source] | None = None
    _without_sdk: list[tuple[str, Source]] = field(factory=list, init=False)
    _requiring: dict[str, bool] = field(factory=dict, init=False)
    _hidden: list[str] = field(factory=list, init=False)

    @cached_property
    def _may_have_variables(self) -> bool:
        return any(file.has_variables for file in self.files)

    @cached_property
    def _may_be_older(self) -> bool:
        return any(file.older for file in self.files)

    def read(self) -> BackendModels:
        """Every model."""
        specs: dict[str, ModelSpec] = {}
        withheld: dict[str, str] = {}
        self._without_sdk.clear()
        for name in dict.fromkeys(chain.from_iterable(file.models for file in self.files)):
            made = self._model(name)
            if isinstance(made, str):
                withheld[name] = made
            else:
                specs[name] = made
        self._report_without_sdk()
        return BackendModels(
            specs=specs,
            hidden=tuple(dict.fromkeys(self._hidden)),
            withheld=withheld,
            reported={name for name, why in withheld.items() if why != _SWITCHED_OFF},
        )

    def _model(self, name: str) -> ModelSpec | str:
        """The spec, or why there is none."""
        layers = Layers(name, self.files, self.sdk)
        table = layers.merged()
        if self._may_have_variables and has_variables(table):
            table, lacking = self._expanded(table, layers)
            if lacking:
                return lacking
        is_known = _KNOWN.issuperset(table)
        extra = {} if is_known else {key: table.pop(key) for key in [*table] if key not in _KNOWN_EVER}
        faults, later = self.context.faults, None if is_known else NEWER_SPEC_KEYS
        values = structured_values(_SPEC_KEYS, table, faults, kind=ModelsManagerError, where=layers.where, later=later)
        if values is None:
            self._options(str(table.get("sdk")), extra, layers)
        if values is None or not self._is_type(values.get("model_type"), layers):
            return "has a fault in its spec"
        if not values.pop("enabled", True):
            return _SWITCHED_OFF
        sdk, model_id = values.get("sdk"), values.setdefault("model_id", name)
        if not sdk or not model_id or model_id != model_id.strip():
            self._report_name(name, layers, has_sdk=bool(sdk))
            return "has a fault in its spec"
        if values.get("model_type") is None:
            values["model_type"] = self.inferred_type(sdk, values.get("outputs", frozenset()), model_id)
        if "costs" in values:
            values["costs"] = self._costs(values["costs"], values["model_type"], layers)
        return self._made(name, values, extra, layers)

    def _made(self, name: str, values: dict[str, Any], extra: dict[str, Any], layers: Layers) -> ModelSpec:
        """The spec of values that are sound."""
        sdk = values["sdk"]
        if extra or self._requires_options(sdk):
            values["options"] = self._options(sdk, extra, layers)
        if not _LIMITS.isdisjoint(values):
            values["limits"] = Limits(**{limit: values.pop(limit) for limit in _LIMITS if limit in values})
        values.pop("as_of", None)
        about = {"name": name, "backend": self.backend, "source": layers.source, "options": {}, **values}
        return made(ModelSpec, about)

    def _report_name(self, name: str, layers: Layers, *, has_sdk: bool) -> None:
        """Report a model without an sdk, or one whose model_id no provider has."""
        if not has_sdk:
            self._without_sdk.append((name, layers.source))
            return
        message = f"the model_id of '{name}' is empty, or has space around it"
        at, expected = layers.where("model_id"), "what the provider calls the model"
        self.context.faults.error(ModelsManagerError, "bad-value", message, at, expected=expected)

    def _requires_options(self, sdk: str) -> bool:
        """Whether the plugin of an sdk cannot do without some key of a model."""
        known = self._requiring.get(sdk)
        if known is None:
            found = self.context.plugins.find(self.backend, sdk)
            known = found is not None and any(option.required for option in found[0].model_options)
            self._requiring[sdk] = known
        return known

    def _report_without_sdk(self) -> None:
        """One problem a file: where many models name no sdk, one line in `[defaults]` is missing."""
        by_file: dict[str, list[tuple[str, Source]]] = {}
        for name, source in self._without_sdk:
            by_file.setdefault(str(source), []).append((name, source))
        for lacking in by_file.values():
            names = listed(name for name, _ in lacking)
            message = f"the model {names} names no sdk" if len(lacking) == 1 else f"the models {names} name no sdk"
            expected = 'sdk = "…"' if len(lacking) == 1 else 'sdk = "…" in [defaults]'
            self.context.faults.error(ModelsManagerError, "missing-key", message, lacking[0][1], expected=expected)

    def _expanded(self, table: dict[str, Any], layers: Layers) -> tuple[dict[str, Any], str | None]:
        """The table with its variables filled in, and why there is no model, where one is missing or withheld."""
        filled = self.context.fill_table(table, self.backend, layers.where)
        self._hidden.extend(filled.hidden)
        for key in filled.used:
            if isinstance(filled.values[key], str):
                self.context.faults.hide(filled.values[key])
        for name, source in filled.missing:
            message = f"{name} is not set or empty, and models of backend '{self.backend}' need it"
            self.context.report_lack("missing-variable", message, source, f"set {name}")
        names = ", ".join(filled.withheld or [name for name, _ in filled.missing])
        why = "which the plugin lock does not let it have" if filled.withheld else "which is not set"
        return filled.values, f"needs {names} for it, {why}" if names else None

    def _costs(self, prices: Mapping[str, Any], model_type: str, layers: Layers) -> Costs:
        """The price list in the unit of the model's type; an older file has prices per thousand tokens."""
        unit = self.context.plugins.capabilities.of_type(model_type).unit
        may_be_older = self._may_be_older and unit == "million_tokens"
        return costs_of(prices, unit, _THOUSAND if may_be_older and layers.is_older("costs") else 1)

    def _is_type(self, model_type: str | None, layers: Layers) -> bool:
        """Whether a capability has a type, where the spec names one; an unknown one is reported."""
        kinds, faults = self.context.plugins.capabilities, self.context.faults
        if model_type is None or kinds.has_type(model_type):
            return True
        checked(one_of(kinds.model_types), model_type, layers.where("model_type"), faults, ModelsManagerError)
        return False

    def inferred_type(self, sdk: str, outputs: frozenset[str], model_id: str) -> str:
        """What a model is for by its outputs, else by what the plugin of its sdk says of all its models, or of this id."""
        if outputs:
            return self.context.plugins.capabilities.type_of(outputs) or "llm"
        found = self.context.plugins.find(self.backend, sdk)
        return (found[0].type_of(model_id) if found else None) or "llm"

    def _options(self, sdk: str, extra: dict[str, Any], layers: Layers) -> dict[str, Any]:
        """The keys that belong to the plugin, checked where it is installed to say what there is."""
        found = self.context.plugins.find(self.backend, sdk)
        options = found[0].model_options if found else ()
        written = {key: float(value) if isinstance(value, Decimal) else value for key, value in extra.items()}
        others, complete = tuple(sorted(_SPEC_KEYS)), found is not None
        return checked_options(
            written, options, self.context.faults, where=layers.where, others=others, complete=complete
        )

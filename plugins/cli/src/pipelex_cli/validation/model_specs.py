"""Model specs that contradict themselves; those of the project alone, because a plugin's are not the user's to mend."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_core.price_lists import TOKEN_PRICES

if TYPE_CHECKING:
    from pipelex_core.config import ReadConfig
    from pipelex_core.specs import ModelSpec

_EXCLUDE_EACH_OTHER = (
    ("temperature_must_be_1", "no_temperature"),
    ("temperature_must_be_1", "temperature_must_be_multiplied_by_2"),
    ("temperature_must_be_1", "temperature_up_to_2"),
    ("temperature_must_be_multiplied_by_2", "temperature_up_to_2"),
    ("temperature_must_be_multiplied_by_2", "no_temperature"),
    ("temperature_up_to_2", "no_temperature"),
    ("max_tokens_must_be_high_enough", "no_max_tokens"),
)
_FOR_ANY_UNIT = frozenset({"input", "output"})


def check_model_specs(read: ReadConfig) -> None:
    """Warn of every spec of an enabled backend that says two things at once."""
    for backend in read.catalogue.backends.values():
        for spec in backend.models.specs.values():
            if spec.source.file is not None:
                _check(spec, read)


def _check(spec: ModelSpec, read: ReadConfig) -> None:
    faults = read.faults
    if len(spec.constraints) > 1:
        for one, other in _EXCLUDE_EACH_OTHER:
            if one in spec.constraints and other in spec.constraints:
                message = f"model '{spec.name}' has the constraints '{one}' and '{other}', which exclude each other"
                faults.warning("spec-contradiction", message, spec.source.child("constraints"), expected="one of them")
    if spec.max_tokens and spec.context_window and spec.max_tokens > spec.context_window and _is_ours(spec, read):
        message = (
            f"model '{spec.name}' has max_tokens of {spec.max_tokens}, more than its context_window of "
            f"{spec.context_window}, which holds input and output"
        )
        faults.warning("spec-contradiction", message, spec.source.child("max_tokens"))
    capabilities = read.context.plugins.capabilities
    if spec.outputs and (known := capabilities.of_type(spec.model_type).gives) and spec.outputs.isdisjoint(known):
        gives = ", ".join(sorted(spec.outputs))
        message = f"model '{spec.name}' is of type {spec.model_type}, and its outputs are {gives}"
        fitting = next((each for each in capabilities if each.gives & spec.outputs), None)
        mend = f'set model_type = "{fitting.model_types[0]}"' if fitting else None
        faults.warning("spec-contradiction", message, spec.source.child("outputs"), suggestion=mend)
    if spec.costs is not None and spec.costs.unit != "million_tokens":
        for name in TOKEN_PRICES:
            if name not in _FOR_ANY_UNIT and getattr(spec.costs, name) is not None:
                message = (
                    f"the price '{name}' of model '{spec.name}' is for tokens, and it is paid per {spec.costs.unit}"
                )
                mend = f"write input or output, in US$ per {spec.costs.unit}"
                faults.warning("price-without-unit", message, spec.source.child("costs", name), suggestion=mend)


def _is_ours(spec: ModelSpec, read: ReadConfig) -> bool:
    """Whether both limits were written in the project: a plugin may know a context window that the other fits not."""
    from pipelex_cli.written import WrittenValues

    written = WrittenValues(read.loaded.folder, read.context.plugins).model(spec.backend, spec.name)
    return all(written[key].source.file is not None for key in ("max_tokens", "context_window") if key in written)

"""When a model ends, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipelex_core.specs import ModelSpec


def shown_lifetime(spec: ModelSpec) -> str:
    """Say when a model ends, or that its provider advises against it, as it follows the model's name."""
    if spec.retired_on is None:
        return f"is deprecated since {spec.deprecated_on}"
    return f"was retired on {spec.retired_on}" if spec.is_retired() else f"will be retired on {spec.retired_on}"

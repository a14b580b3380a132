"""Which backends and models are known here, by name and by the provider's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tomli
from attrs import field, frozen

from pipelex_cli.providers import PROVIDERS, SPEAK_OPENAI, Provider
from pipelex_core.first_party import BACKENDS, backend_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.plugins import Plugins


@frozen
class Known:
    """What installed plugins ship.

    Attributes:
        models: Backend -> model -> what the provider calls it.
        sdks: Backend -> the sdk of its models.
        types: (Backend, model) -> what it is for.
    """

    models: Mapping[str, Mapping[str, str]]
    sdks: Mapping[str, str]
    types: Mapping[tuple[str, str], str] = field(factory=dict)

    @classmethod
    def of(cls, plugins: Plugins) -> Known:
        """What plugins ship."""
        models: dict[str, dict[str, str]] = {}
        sdks: dict[str, str] = {}
        types: dict[tuple[str, str], str] = {}
        for shipped in plugins.shipped_specs:
            tables = tomli.loads(shipped.file.read_text(encoding="utf-8"))
            defaults: dict[str, Any] = tables.get("defaults", {})
            if "sdk" in defaults:
                sdks.setdefault(shipped.backend, str(defaults["sdk"]))
            for name, table in tables.items():
                if isinstance(table, dict) and name not in {"backend", "defaults"}:
                    models.setdefault(shipped.backend, {})[name] = str(table.get("model_id", name))
                    types[shipped.backend, name] = str(table.get("model_type", defaults.get("model_type", "llm")))
        return cls(models, sdks, types)

    def is_model(self, name: str) -> bool:
        """Whether some backend has a model of this name."""
        return any(name in models for models in self.models.values())

    def named(self, backend: str, model_id: str) -> str | None:
        """The model of a backend that has this name, or that the provider calls so; None where it has none."""
        models = self.models.get(backend, {})
        if model_id in models:
            return model_id
        return next((name for name, called in models.items() if called == model_id), None)

    def split(self, model: str) -> tuple[str, Provider | None, str]:
        """`provider/model` or `provider:model` -> the provider's name, what it is here, and the model.

        Without a provider's name it is the one that makes the model, by the models that are known, else OpenAI.
        """
        for separator in ("/", ":"):
            name, found, rest = model.partition(separator)
            if found and (name in PROVIDERS or name in SPEAK_OPENAI):
                return name, PROVIDERS.get(name), rest
        makers = (backend_of(model), *BACKENDS)
        owner = next((each for each in makers if each and self.named(each, model)), backend_of(model))
        if owner is None and "/" in model:
            return model.partition("/")[0], None, model.partition("/")[2]
        backend = owner or "openai"
        return backend, next((each for each in PROVIDERS.values() if each.backend == backend), None), model

"""The deployments of a LiteLLM `model_list`: each is a model at a backend."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from pipelex_cli.providers import SPEAK_OPENAI, Provider
from pipelex_core.errors import PipelexError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_import.catalogue import Known
    from pipelex_import.imported import Imported

_LIMITS = {"rpm": "requests_per_minute", "tpm": "tokens_per_minute", "max_parallel_requests": "max_concurrency"}
_SETTINGS = ("temperature", "max_tokens", "top_p", "seed", "reasoning_effort")
_REACH = {
    "api_base": "endpoint",
    "base_url": "endpoint",
    "api_version": "api_version",
    "aws_region_name": "aws_region",
    "aws_access_key_id": "aws_access_key_id",
    "aws_secret_access_key": "aws_secret_access_key",
    "aws_session_token": "aws_session_token",
    "vertex_project": "gcp_project_id",
    "vertex_location": "gcp_location",
    "vertex_credentials": "gcp_credentials_file_path",
}
"""How a deployment is reached, and the keys of a backend that say it here."""

_SECRET = {"api_key", "aws_access_key_id", "aws_secret_access_key", "aws_session_token"}
_MODES = {
    "chat": "llm",
    "completion": "llm",
    "responses": "llm",
    "embedding": "embedding",
    "image_generation": "img_gen",
    "audio_transcription": "transcriber",
    "audio_speech": "speaker",
    "moderation": "moderator",
    "moderations": "moderator",
    "rerank": "reranker",
    "ocr": "text_extractor",
}
_PER_TOKEN = {"input_cost_per_token": "input", "output_cost_per_token": "output"}
_DONE = {"model", "api_key", "weight", "order", *_LIMITS, *_SETTINGS, *_REACH, *_PER_TOKEN}
_ENVIRON = re.compile(r"\Aos\.environ/(\w+)\Z")


@frozen(kw_only=True)
class Deployment:
    """One entry of `model_list`.

    Attributes:
        group: The name that callers use.
        model: The model here.
        backend: The backend here.
        kind: What it is for, a `model_type`.
        weight: How often it is asked, among those of its group.
        settings: Of calls.
    """

    group: str
    model: str
    backend: str
    kind: str
    weight: float | None
    settings: Mapping[str, Any]

    @property
    def pinned(self) -> str:
        """How a chain names it."""
        return f"{self.model}@{self.backend}"


@define
class Deployments:
    """The deployments, as they are read.

    Attributes:
        known: What is known here.
        imported: Where backends and models go.
        groups: Name -> deployments, in the order of the list.
    """

    known: Known
    imported: Imported
    groups: dict[str, list[Deployment]] = field(factory=dict)
    _reached: dict[tuple[str, tuple[tuple[str, Any], ...]], str] = field(factory=dict)

    def add(self, entry: Any, where: str) -> None:
        """Read one entry.

        Raises:
            PipelexError: It is not a table, or names no model.
        """
        name = entry.get("model_name") if isinstance(entry, dict) else None
        params = entry.get("litellm_params", {"model": name}) if isinstance(entry, dict) else None
        if not name or not isinstance(params, dict) or not isinstance(params.get("model"), str):
            msg = f"{where} needs a model_name, and a model in litellm_params"
            raise PipelexError(msg)
        group, info = str(entry["model_name"]), entry.get("model_info") or {}
        name, provider, model = self.known.split(params["model"])
        if provider is None and (name in SPEAK_OPENAI or params.get("api_base")):
            provider = Provider(name, f"{name.replace('-', '_').upper()}_API_KEY", sdk="openai")
        if provider is None:
            self.imported.leave(f"nothing here reaches the provider '{name}'", params["model"])
            return
        if "*" in model or "*" in group:
            self.imported.leave("every model of a backend can be called by its name here", params["model"])
            if provider.backend not in self.imported.backends and provider.backend in self.known.models:
                self._backend(provider, params)
            return
        backend = self._backend(provider, params)
        found = self._model(provider, backend, model, params, info)
        self.groups.setdefault(group, []).append(
            Deployment(
                group=group,
                model=found,
                backend=backend,
                kind=self._kind(provider, found, info),
                weight=_weight(params),
                settings={key: params[key] for key in _SETTINGS if params.get(key) is not None},
            )
        )
        for key in params:
            if key not in _DONE:
                self.imported.leave("parameters of deployments without a counterpart", str(key))

    def _kind(self, provider: Provider, model: str, info: Mapping[str, Any]) -> str:
        mode = _MODES.get(str(info.get("mode")))
        return mode or self.known.types.get((provider.backend, model), "llm")

    def _backend(self, provider: Provider, params: Mapping[str, Any]) -> str:
        """The backend of a deployment: one for each way of reaching a provider."""
        table: dict[str, Any] = {}
        if provider.endpoint:
            table["endpoint"] = provider.endpoint
        for key, ours in _REACH.items():
            if params.get(key):
                table[ours] = self._value(params[key], ours)
        if params.get("api_key"):
            table["api_key"] = self._value(params["api_key"], provider.variable or "API_KEY", secret=True)
        elif provider.variable and provider.backend not in self.known.models:
            table["api_key"] = f"${{{provider.variable}:-}}"
        way = (provider.backend, tuple(sorted((key, str(value)) for key, value in table.items())))
        if way in self._reached:
            return self._reached[way]
        name, number = provider.backend, 2
        while name in self.imported.backends:
            name, number = f"{provider.backend}_{number}", number + 1
        shipped = provider.backend in self.known.models
        if not shipped or name != provider.backend:
            table = {"sdk": provider.sdk or self.known.sdks.get(provider.backend, "openai"), **table}
        self._reached[way] = name
        self.imported.backends[name] = {"enabled": True, **table}
        return name

    def _value(self, value: Any, name: str, *, secret: bool = False) -> str:
        """A value as our files have it: a variable by its name; a key that is written out moves to `.env`."""
        text = str(value)
        environ = _ENVIRON.match(text)
        if environ:
            return f"${{{environ[1]}}}"
        if secret or name in _SECRET:
            return f"${{{self.imported.secret(name.upper(), text)}}}"
        return text.replace("${", "$${")

    def _model(
        self, provider: Provider, backend: str, model: str, params: Mapping[str, Any], info: Mapping[str, Any]
    ) -> str:
        """The name of a deployment's model here; what is not known of it gets a table."""
        route = model.removeprefix("converse/").removeprefix("invoke/").removeprefix("responses/")
        shipped = self.known.named(provider.backend, route)
        name = shipped or route
        table: dict[str, Any] = {}
        if shipped is None or backend != provider.backend:
            called = self.known.models.get(provider.backend, {}).get(shipped or "", route)
            table["model_id"] = called
            table["sdk"] = provider.sdk or self.known.sdks.get(provider.backend, "openai")
            table["model_type"] = self._kind(provider, name, info)
        for key, ours in _LIMITS.items():
            if isinstance(params.get(key), int) and params[key] > 0:
                table[ours] = params[key]
        both = {**info, **params}
        costs = {ours: Decimal(str(both[key])) * 1_000_000 for key, ours in _PER_TOKEN.items() if both.get(key)}
        if costs:
            table["costs"] = {key: value.normalize() for key, value in costs.items()}
        for key, ours in (("max_input_tokens", "context_window"), ("max_output_tokens", "max_tokens")):
            if isinstance(info.get(key), int) and info[key] > 0:
                table[ours] = info[key]
        models = self.imported.models.setdefault(backend, {})
        chosen, number = name, 2
        while chosen in models and models[chosen] != table:
            chosen, number = f"{name}-{number}", number + 1
        if chosen != name:
            table = {"model_id": route, "sdk": self.known.sdks.get(provider.backend, "openai"), **table}
        if table:
            models[chosen] = table
        return chosen


def _weight(params: Mapping[str, Any]) -> float | None:
    """What simple shuffling goes by: the weight, else the requests or tokens that a deployment may have."""
    for key in ("weight", "rpm", "tpm"):
        value = params.get(key)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
            return float(value)
    return None

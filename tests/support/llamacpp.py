"""The real model, and calls of a backend made by the plugin's own factory."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_backend_llamacpp import pipelex_backends
from pipelex_backend_llamacpp.models import fetch
from pipelex_core.errors import ProviderConnectionError
from pipelex_core.execution.resources import LoopResources
from pipelex_core.parts import Message, TextPart
from pipelex_core.requests import ObjectRequest, TextRequest
from pipelex_core.specs import BackendConfig, ModelSpec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from pipelex_backend_llamacpp._backend import LlamaCppBackend


def need(name: str) -> Path:
    """The file of a model of the catalogue; a test that needs it is skipped where no source of it can be reached."""
    try:
        return fetch(name)
    except ProviderConnectionError as error:
        pytest.skip(f"the weights of {name} cannot be fetched: {error}")


def spec(model_id: str = "smollm2", **options: Any) -> ModelSpec:
    return ModelSpec(name="small", backend="llamacpp", sdk="llamacpp", model_id=model_id, options=options)


def make(**options: Any) -> LlamaCppBackend:
    """A backend with a small context, so that loading it takes little memory."""
    config = BackendConfig(name="llamacpp", options={"n_ctx": 1024, **options})
    backend: LlamaCppBackend = pipelex_backends()["llamacpp"](config)
    return backend


@asynccontextmanager
async def opened(**options: Any) -> AsyncIterator[LlamaCppBackend]:
    backend = make(**options)
    await backend.open(LoopResources())
    try:
        yield backend
    finally:
        await backend.close()


def user(text: str) -> Message:
    return Message(role="user", parts=(TextPart(text),))


def text_request(prompt: str = "Tell me a story.", *, model_id: str = "smollm2", **settings: Any) -> TextRequest:
    """A call that repeats itself, with a short system prompt: without one, the model's template writes a longer one."""
    defaults = {"spec": spec(model_id), "messages": (user(prompt),), "system": "Hi.", "temperature": 0}
    return TextRequest(**{**defaults, **settings})


def object_request(prompt: str, schema: dict[str, Any], **settings: Any) -> ObjectRequest:
    return ObjectRequest(spec=spec(), messages=(user(prompt),), schema=schema, temperature=0, **settings)

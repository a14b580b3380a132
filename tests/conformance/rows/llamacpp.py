"""A real language model in this process."""

from __future__ import annotations

from typing import Any

from pipelex_core.specs import BackendConfig
from tests.conformance.provider import Provider


class LlamaCpp(Provider):
    """The small model of the plugin's catalogue: no server, no key, and words of its own."""

    name = "llamacpp"
    title = "llama.cpp (in this process)"
    backend = "llamacpp"
    sdk = "llamacpp"
    sdk_module = "xllamacpp"
    cells = frozenset({"text", "stream", "object", "usage in stream", "cancel"})
    model_id = "smollm2"
    is_scripted = False

    def config(self, url: str, key: str | None = None) -> BackendConfig:
        return BackendConfig(name=self.backend, options={"n_ctx": 4096})

    def saw_cancel(self, server: Any) -> bool:
        return True

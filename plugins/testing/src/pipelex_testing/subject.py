"""A backend under test, as its author describes it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from pipelex_core.specs import BackendConfig, ModelSpec, ModelType, Secret
from pipelex_testing.absence import SERVER, absent
from pipelex_testing.samples import (
    CHARACTER_PRICE,
    IMAGE_PRICE,
    PAGE_PRICE,
    PRICES,
    REQUEST_PRICE,
    SEARCH_PRICE,
    SECOND_PRICE,
    Capability,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipelex_core.plugins import Plugins
    from pipelex_testing.wire import Wire


class Subject:
    """What a suite says of its backend; `Conformance` describes each attribute."""

    plugin: ClassVar[object | None] = None
    sdk: ClassVar[str]
    wire: ClassVar[Wire | None]
    claims: ClassVar[frozenset[Capability]]
    backend: ClassVar[str] = ""
    model_ids: ClassVar[Mapping[ModelType, str]] = {}
    editor_id: ClassVar[str] = ""
    listener_id: ClassVar[str] = ""
    options: ClassVar[Mapping[str, Any]] = {}
    model_options: ClassVar[Mapping[str, Any]] = {}
    formats: ClassVar[tuple[str, ...]] = ()
    thinking: ClassVar[Mapping[str, Any]] = {"reasoning_effort": "high"}
    takes_key: ClassVar[bool] = True
    variables: ClassVar[Mapping[str, str]] = {}
    sdk_modules: ClassVar[tuple[str, ...]] = ()

    def config(self, endpoint: str, key: str | None = None) -> BackendConfig:
        """The backend's table, for a server at this address, or for none where it is empty; with this key, or any other."""
        secret = Secret("conformance-key" if key is None else key) if self.takes_key else None
        return BackendConfig(name=self.backend_name, endpoint=endpoint or None, api_key=secret, options=self.options)

    def specs(self) -> Iterator[ModelSpec]:
        """A model of each type."""
        taken = {"image in": "images", "PDF in": "pdf"}
        inputs = frozenset({"text", *(word for claim, word in taken.items() if claim in self.claims)})
        yield self._spec("llm", ModelType.LLM, costs=PRICES, inputs=inputs, options=self.model_options)
        listener = {"model_id": self.listener_id} if self.listener_id else {}
        heard = frozenset({"text", "audio"} if "audio in" in self.claims else {"text"})
        yield self._spec("listener", ModelType.LLM, costs=PRICES, inputs=heard, **listener)
        yield self._spec("reader", ModelType.TEXT_EXTRACTOR, costs=PAGE_PRICE)
        yield self._spec("painter", ModelType.IMG_GEN, costs=IMAGE_PRICE)
        editor = {"model_id": self.editor_id} if self.editor_id else {}
        yield self._spec("editor", ModelType.IMG_GEN, costs=IMAGE_PRICE, **editor)
        yield self._spec("embedder", ModelType.EMBEDDING, costs=PRICES, max_tokens=None)
        yield self._spec("writer", ModelType.TRANSCRIBER, costs=SECOND_PRICE, max_tokens=None)
        formats = {"formats": self.formats} if self.formats else {}
        yield self._spec("speaker", ModelType.SPEAKER, costs=CHARACTER_PRICE, max_tokens=None, options=formats)
        ranked = PRICES if self.wire is None else SEARCH_PRICE  # an engine in this process counts tokens
        yield self._spec("judge", ModelType.RERANKER, costs=ranked, max_tokens=None)
        yield self._spec("guard", ModelType.MODERATOR, costs=REQUEST_PRICE, max_tokens=None)

    def specs_claimed(self) -> Iterator[ModelSpec]:
        """The models of what the backend claims."""
        needs: dict[str, set[Capability]] = {
            "llm": {"text", "stream", "object", "object stream"},
            "listener": {"audio in"},
            "reader": {"OCR"},
            "painter": {"image out"},
            "editor": {"image edits"},
            "embedder": {"embeddings"},
            "writer": {"transcription"},
            "speaker": {"speech", "speech stream"},
            "judge": {"rerank"},
            "guard": {"moderation"},
        }
        return (spec for spec in self.specs() if needs[spec.name] & self.claims)

    def plugins(self) -> Plugins:
        """The plugin, discovered."""
        return _discovered(self.plugin)

    @property
    def spoken(self) -> Wire:
        """The wire; a scenario that asks for it is absent where the backend has no server."""
        if self.wire is None:
            absent(SERVER)
        return self.wire

    @property
    def backend_name(self) -> str:
        """Name of the backend's table."""
        return self.backend or self.sdk

    def _spec(self, name: str, model_type: ModelType, **fields: Any) -> ModelSpec:
        model_id = self.model_ids.get(model_type, "a-model")
        known = {"backend": self.backend_name, "sdk": self.sdk, "model_id": model_id, "max_tokens": 4096}
        return ModelSpec(**{"name": name, "model_type": model_type, **known, **fields})


@cache
def _discovered(plugin: object | None) -> Plugins:
    from pipelex_core.plugins import discover

    return discover() if plugin is None else discover(entry_points=(), extra=[plugin])

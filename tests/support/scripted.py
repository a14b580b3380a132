"""A backend that answers from a script, and decks made by hand: for tests of what surrounds a plugin."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from attrs import define, field

import pipelex_http.transport  # noqa: F401 -- else the first call of a process imports it, within its deadline
from pipelex_core.backend import (
    BackendFactory,
    DocumentExtractor,
    Embedder,
    ImageGenerator,
    ObjectGenerator,
    ObjectStreamer,
    TextGenerator,
    TextStreamer,
)
from pipelex_core.deck import Alias, ModelDeck, Preset
from pipelex_core.hookspecs import hookimpl
from pipelex_core.plugins import Plugins, discover
from pipelex_core.results import DocumentAnswer, EmbeddingAnswer, Image, ImageAnswer, Page, TextAnswer, Usage
from pipelex_core.routing import ModelEntry, RouteMatch
from pipelex_core.specs import BackendConfig, Costs, ModelSpec, ModelType, Secret
from pipelex_operations.embed import mock as made_up

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from pipelex_core.backend import Backend, Resources
    from pipelex_core.requests import EmbeddingRequest, ExtractRequest, ImageRequest, ObjectRequest, TextRequest

KEY = "sk-canary-0123456789"
PRICES = Costs(input=Decimal(2), output=Decimal(8), input_cached=Decimal("0.5"))
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x89\x99=\x1d\x00\x00\x00\x00IEND\xaeB`\x82"
)


@define
class Script:
    """What a scripted backend does, and what it was asked.

    Attributes:
        answers: One a call, in order; the last one stays. A string, an exception to raise, a number of seconds to sleep
            before the next one, or an answer.
        requests: What it received.
        opened: How often a backend was made.
        closed: How often one was closed.
        abandoned: Streams that were closed before their end.
    """

    answers: list[Any] = field(factory=lambda: ["Rhine, Seine, Po"])
    requests: list[Any] = field(factory=list)
    opened: int = 0
    closed: int = 0
    abandoned: int = 0

    def next(self) -> Any:
        """The next answer."""
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    async def play(self) -> Any:
        """The next answer, after the pauses before it."""
        answer = self.next()
        while isinstance(answer, float):
            await asyncio.sleep(answer)
            answer = self.next()
        if isinstance(answer, BaseException):
            raise answer
        return answer


USAGE = Usage(input_tokens=100, output_tokens=10, cached_tokens=40, reasoning_tokens=2)


class ScriptedBackend(
    TextGenerator, ObjectGenerator, ObjectStreamer, TextStreamer, DocumentExtractor, ImageGenerator, Embedder
):
    """Answers from a script."""

    def __init__(self, config: BackendConfig, script: Script) -> None:
        super().__init__(config)
        self.script = script

    async def open(self, resources: Resources) -> None:
        self.script.opened += 1
        self.loop = asyncio.get_running_loop()

    async def close(self) -> None:
        assert asyncio.get_running_loop() is self.loop
        self.script.closed += 1

    async def generate_text(self, request: TextRequest) -> TextAnswer:
        assert asyncio.get_running_loop() is self.loop
        self.script.requests.append(request)
        answer = await self.script.play()
        if not isinstance(answer, str):
            return answer  # type: ignore[no-any-return]
        return TextAnswer(text=answer, finish_reason="stop", usage=USAGE, request_id="req-1", raw={"said": answer})

    async def generate_object(self, request: ObjectRequest) -> TextAnswer:
        return await self.generate_text(request)

    async def stream_text(self, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
        self.script.requests.append(request)
        text = ""
        ended = False
        try:
            while True:
                piece = await self.script.play()
                if isinstance(piece, TextAnswer):
                    ended = True
                    yield piece
                    return
                text += piece
                yield piece
        finally:
            self.script.abandoned += not ended

    def stream_object(self, request: ObjectRequest) -> AsyncIterator[str | TextAnswer]:
        return self.stream_text(request)

    async def extract(self, request: ExtractRequest) -> DocumentAnswer:
        self.script.requests.append(request)
        await self.script.play()
        pages = (Page(index=0, text="one"), Page(index=1, text="two"))
        return DocumentAnswer(pages=pages, usage=Usage(pages=2))

    async def generate_image(self, request: ImageRequest) -> ImageAnswer:
        self.script.requests.append(request)
        await self.script.play()
        image = Image(data=PNG, content_type="image/png", width=1, height=1)
        return ImageAnswer(images=(image,) * request.number, seed=7, usage=Usage(images=request.number))

    async def embed(self, request: EmbeddingRequest) -> EmbeddingAnswer:
        self.script.requests.append(request)
        answer = await self.script.play()
        return answer if isinstance(answer, EmbeddingAnswer) else made_up(request)


class NoUrls(ScriptedBackend):
    """A provider that does not fetch URLs."""

    fetches_urls = False


def plugin(make: Mapping[str, Callable[[BackendConfig], Backend] | BackendFactory], **hooks: Any) -> Any:
    """A plugin object that offers backends, and whatever other hooks are given."""

    class Made:
        __name__ = "scripted"

        @hookimpl
        def pipelex_backends(self) -> Any:
            return make

    for name, function in hooks.items():
        setattr(Made, name, staticmethod(hookimpl(function)))
    return Made()


def plugins_for(
    scripts: Mapping[str, Script], *, kind: type[ScriptedBackend] = ScriptedBackend, **hooks: Any
) -> Plugins:
    """Plugins whose sdks are scripts."""

    def maker(script: Script) -> Callable[[BackendConfig], Backend]:
        return lambda config: kind(config, script)

    made = plugin({sdk: maker(script) for sdk, script in scripts.items()}, **hooks)
    return discover(entry_points=(), extra=[made])


def spec(name: str, *, sdk: str = "scripted", backend: str | None = None, **fields: Any) -> ModelSpec:
    """A model of the backend named like its sdk."""
    fields.setdefault("costs", PRICES)
    return ModelSpec(**{"name": name, "backend": backend or sdk, "sdk": sdk, "model_id": f"id-of-{name}", **fields})


def deck_of(
    *specs: ModelSpec, aliases: Mapping[str, Any] = {}, presets: tuple[Preset, ...] = (), **fields: Any
) -> ModelDeck:
    """A deck made by hand; each backend has the canary key."""
    names = dict.fromkeys(each.backend for each in specs)
    by_capability: dict[Any, dict[str, Preset]] = {}
    for preset in presets:
        by_capability.setdefault(preset.capability, {})[preset.name] = preset
    return ModelDeck(
        models={
            each.name: ModelEntry(
                name=each.name,
                spec=each,
                available=True,
                reason=None,
                route=RouteMatch(rule="default", backend=each.backend),
            )
            for each in specs
        },
        aliases={
            name: Alias(name=name, targets=(target,) if isinstance(target, str) else tuple(target))
            for name, target in aliases.items()
        },
        presets=by_capability,
        backends={name: BackendConfig(name=name, api_key=Secret(KEY)) for name in names},
        **fields,
    )


OCR = spec("ocr", model_type=ModelType.TEXT_EXTRACTOR, costs=Costs(unit="page", input=Decimal("0.001")))
PAINTER = spec("painter", model_type=ModelType.IMG_GEN, costs=Costs(unit="image", output=Decimal("0.04")))
VECTORS = spec(
    "vectors",
    model_type=ModelType.EMBEDDING,
    costs=Costs(input=Decimal(1)),
    dimensions=8,
    dimensions_allowed=(4, 8),
    context_window=100,
    max_inputs=3,
)

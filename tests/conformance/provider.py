"""How a row of the table is reached: a loopback server that says what it is told, and a deck that leads to it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from attrs import frozen

from pipelex_core import AsyncClient
from pipelex_core.deck import ModelDeck
from pipelex_core.plugins import Plugins, discover
from pipelex_core.routing import ModelEntry, RouteMatch
from pipelex_core.specs import BackendConfig, ModelSpec, ModelType, Secret
from pipelex_testing.rulebook import rulebook_of
from tests.conformance.scenario import IMAGE_PRICE, PAGE_PRICE, PRICES
from tests.servers.base import Reply, Server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from tests.conformance.scenario import SampleAnswer
    from tests.servers.base import Received

Column = Literal[
    "text",
    "stream",
    "object",
    "tools",
    "image in",
    "PDF in",
    "thinking",
    "OCR",
    "image out",
    "usage in stream",
    "cancel",
]
COLUMNS: tuple[Column, ...] = (
    *("text", "stream", "object", "tools", "image in", "PDF in", "thinking", "OCR", "image out", "usage in stream"),
    "cancel",
)
CHAT: frozenset[Column] = frozenset(COLUMNS) - {"OCR", "image out"}
"""What a language model with everything does."""


class Provider(ABC):
    """One row.

    Attributes:
        name: The row's name, part of its tests' ids.
        title: What the table calls it.
        backend: The backend's name.
        sdk: What its specs name.
        cells: What it does; what it does not is refused, unsent.
        model_id: Of its language model.
        thinking: Settings that make it think.
        options: Of its language model's spec.
        distribution: The package of its SDK, as it is imported.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    backend: ClassVar[str]
    sdk: ClassVar[str]
    cells: ClassVar[frozenset[Column]]
    model_id: ClassVar[str] = "a-model"
    ocr_id: ClassVar[str] = "an-ocr-model"
    painter_id: ClassVar[str] = "a-painter"
    painter_sdk: ClassVar[str | None] = None
    thinking: ClassVar[Mapping[str, Any]] = {"reasoning_effort": "high"}
    options: ClassVar[Mapping[str, Any]] = {}
    is_scripted: ClassVar[bool] = True
    sdk_module: ClassVar[str]

    def server(self) -> Server:
        """The server, not started."""
        return Server(rulebook_of(self.sdk, self.backend))

    @abstractmethod
    def config(self, url: str, key: str | None = None) -> BackendConfig:
        """The backend's table, with the server as its endpoint, and this key in place of the server's own."""

    def reply(self, stated: SampleAnswer, *, stream: bool = False) -> Reply:
        """The provider's form of what it says, with `USAGE`."""
        raise NotImplementedError

    def ocr_reply(self) -> Reply:
        """Two pages, the first with an image."""
        raise NotImplementedError

    def paints(self, server: Any) -> None:
        """Have the server make one image, `PNG`."""
        raise NotImplementedError

    def hangs(self, server: Any) -> None:
        """Have the server never finish the next call."""
        server.queue(Reply(fault="hang"))

    async def refusal(self, server: Any, request: Received) -> str | None:
        """Why the provider would refuse a request, or None."""
        answered: Reply = await server.answer(request)
        return None if answered.status == 200 else repr(answered.chunks)

    def saw_cancel(self, server: Any) -> bool:
        """Whether the provider knows that the caller has gone."""
        return bool(server.abandoned)

    def specs(self) -> Iterable[ModelSpec]:
        """A model of each type."""
        yield self._spec("llm", ModelType.LLM, model_id=self.model_id, costs=PRICES, inputs=self._inputs())
        yield self._spec("ocr", ModelType.TEXT_EXTRACTOR, model_id=self.ocr_id, costs=PAGE_PRICE)
        yield self._spec(
            "painter", ModelType.IMG_GEN, model_id=self.painter_id, sdk=self.painter_sdk or self.sdk, costs=IMAGE_PRICE
        )

    def _inputs(self) -> frozenset[str]:
        taken = {"image in": "images", "PDF in": "pdf"}
        return frozenset({"text", *(word for column, word in taken.items() if column in self.cells)})

    def _spec(self, name: str, model_type: ModelType, **fields: Any) -> ModelSpec:
        known = {"backend": self.backend, "sdk": self.sdk, "name": f"{self.name} {name}"}
        options = self.options if model_type == ModelType.LLM else {}
        return ModelSpec(**{**known, "model_type": model_type, "options": options, "max_tokens": 4096, **fields})


@frozen
class Reached:
    """A provider's server, running, and a client that knows it."""

    provider: Provider
    server: Server
    client: AsyncClient

    @property
    def llm(self) -> str:
        """Its language model."""
        return f"{self.provider.name} llm"

    @property
    def ocr(self) -> str:
        """Its model for documents."""
        return f"{self.provider.name} ocr"

    @property
    def painter(self) -> str:
        """Its model for images."""
        return f"{self.provider.name} painter"

    def says(self, *stated: SampleAnswer, stream: bool = False) -> None:
        """What the provider says next."""
        if self.provider.is_scripted:
            self.server.queue(*(self.provider.reply(one, stream=stream) for one in stated))

    async def check_requests(self, count: int = 1) -> None:
        """As many requests as were meant came, and the provider would take each."""
        if not self.provider.is_scripted:
            return
        assert len(self.server.received) == count
        for request in self.server.received:
            assert await self.provider.refusal(self.server, request) is None


@cache
def installed() -> Plugins:
    """The installed plugins."""
    return discover()


def deck_of(*configs: tuple[Provider, BackendConfig]) -> ModelDeck:
    """A deck with every model of these providers."""
    specs = [spec for provider, _ in configs for spec in provider.specs()]
    return ModelDeck(
        models={
            spec.name: ModelEntry(
                name=spec.name,
                spec=spec,
                available=True,
                reason=None,
                route=RouteMatch(rule="exact", backend=spec.backend),
            )
            for spec in specs
        },
        backends={config.name: config for _, config in configs},
    )


@asynccontextmanager
async def reached(provider: Provider, key: str | None = None) -> AsyncIterator[Reached]:
    """The provider's server and a client, both closed at the end."""
    async with provider.server() as server:
        config = provider.config(server.url, key)
        async with AsyncClient(deck_of((provider, config)), installed()) as client:
            yield Reached(provider, server, client)


def secret(key: str | None, default: str) -> Secret:
    """A key as a backend's table has it."""
    return Secret(default if key is None else key)

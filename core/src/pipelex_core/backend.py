"""What a plugin implements: a `Backend`, and one small abstract class per capability.

The class header is the capability table, and `isinstance` asks it:

    class AcmeBackend(TextGenerator, TextStreamer): ...

A backend maps a request to one SDK call and the SDK's answer to ours, and raises our errors for the SDK's. It does
not retry, reads no environment, and keeps what belongs to an event loop on itself: the execution layer makes one
backend per (process, event loop, backend), opens it before its first call and closes it with the client.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from attrs import field, frozen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    import httpx2

    from pipelex_core.judging import ModerationAnswer, ModerationRequest, RerankAnswer, RerankRequest
    from pipelex_core.requests import EmbeddingRequest, ExtractRequest, ImageRequest, ObjectRequest, TextRequest
    from pipelex_core.results import DocumentAnswer, EmbeddingAnswer, ImageAnswer, TextAnswer
    from pipelex_core.sound import SpeechAnswer, SpeechRequest, TranscriptAnswer, TranscriptRequest
    from pipelex_core.specs import BackendConfig, ModelSpec


class Resources(Protocol):
    """What the backends of one event loop share; owned and closed by the client, never by a backend.

    Resources that only look at requests have a method `intercept(method, url, content)`, which raises. A backend with an HTTP
    client of its own calls it, where it is there, before each request is sent: `validate --dry-run` reads requests so.
    """

    def http(self) -> httpx2.AsyncClient:
        """The HTTP connection pool, for SDKs that accept one; it has no timeout and sends no credentials of its own."""

    async def download(self, url: str, config: BackendConfig) -> tuple[bytes, str]:
        """The bytes behind a URL that a caller or an answer names, and their MIME type as the server calls it.

        Redirects are followed. Only public addresses are connected to, unless the backend's table says
        `allow_private_urls`; the host of its own endpoint always may be. At most `max_media_bytes` are read.

        Raises:
            UnsupportedInputError: The URL is invalid, leads inside, has too much behind it, or is answered with another
                status than 200.
            ProviderConnectionError: The connection broke, or the status is 5xx: it may be different a moment later.
            PluginError: The extra `pipelex-core[http]` is not installed.
        """


class Backend(ABC):  # noqa: B024 -- its capabilities are what is abstract
    """The base of every backend.

    Attributes:
        config: The backend's table of backends.toml: all that a plugin gets to know.
        fetches_urls: Whether the provider fetches images and documents given as URLs. Where not, core downloads them,
            and the plugin sees bytes only.
        hosted_tools: The tools that the provider runs itself and that a request for text may name: `web_search`.
        gives_logprobs: Whether a request for text may ask how likely its tokens were.
        gives_several: Whether it may ask for several answers.
        objects_with_tools: Whether a request for an object may offer tools, so that the answer is calls of them or the object.
        loggers: Names of loggers of its SDK that write down requests or answers; core keeps the configured secrets out
            of what they and those below them log while the backend is open.
    """

    fetches_urls: ClassVar[bool] = True
    hosted_tools: ClassVar[frozenset[str]] = frozenset()
    gives_logprobs: ClassVar[bool] = False
    gives_several: ClassVar[bool] = False
    objects_with_tools: ClassVar[bool] = False
    loggers: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: BackendConfig) -> None:
        self.config = config

    async def open(self, resources: Resources) -> None:  # noqa: B027 -- most backends need it, a pure one does not
        """Make the SDK's client, inside the event loop that will use it; called once, before the first call."""

    async def close(self) -> None:  # noqa: B027 -- as above
        """Release what `open` made, all of it or a part; the shared resources are not the backend's to close."""


class TextGenerator(Backend):
    """Answers a prompt with text."""

    @abstractmethod
    async def generate_text(self, request: TextRequest) -> TextAnswer:
        """The answer, whole; raises `CallError`s only."""


class TextStreamer(Backend):
    """Answers a prompt with text, piece by piece."""

    @abstractmethod
    def stream_text(self, request: TextRequest) -> AsyncIterator[str | TextAnswer]:
        """Deltas of text as they come, then exactly one `TextAnswer`, with the whole text, and nothing after it.

        Written as an async generator. An empty delta is a sign of life, for the call's `idle_timeout`, and is not passed
        on; answers through the shared pool need none. Reasoning that is shown, and calls of tools, may come as `deltas.SideDelta`s. Closing it closes the connection. A stream that ends without the provider's
        finish event raises `ProviderConnectionError` with `partial_text`.
        """


class ObjectGenerator(Backend):
    """Answers a prompt with a JSON document that follows a schema."""

    @abstractmethod
    async def generate_object(self, request: ObjectRequest) -> TextAnswer:
        """`text` is the JSON document; the execution layer validates it."""


class ObjectStreamer(Backend):
    """Answers a prompt with a JSON document, piece by piece."""

    @abstractmethod
    def stream_object(self, request: ObjectRequest) -> AsyncIterator[str | TextAnswer]:
        """Deltas of the JSON document as they come, wherever the provider has it: in text, or in the arguments of a tool.

        Then exactly one `TextAnswer`, as `generate_object` gives it; the rest is as in `stream_text`.
        """


class TokenCounter(Backend):
    """Has the provider count the tokens of a prompt, which costs nothing; the gateway's `count_tokens` uses it."""

    @abstractmethod
    async def count_tokens(self, request: TextRequest) -> int:
        """Input tokens of the request, with its tools and schema; raises `CallError`s only."""


class DocumentExtractor(Backend):
    """Takes the pages out of a document."""

    @abstractmethod
    async def extract(self, request: ExtractRequest) -> DocumentAnswer:
        """Pages in order, with their text and images."""


class ImageGenerator(Backend):
    """Makes images.

    Attributes:
        edits_images: Whether a request may have `images`, to change or to follow.
        takes_masks: Whether it may have a `mask`.
    """

    edits_images: ClassVar[bool] = False
    takes_masks: ClassVar[bool] = False

    @abstractmethod
    async def generate_image(self, request: ImageRequest) -> ImageAnswer:
        """The encoded images: bytes, not URLs."""


class Embedder(Backend):
    """Makes vectors of texts."""

    @abstractmethod
    async def embed(self, request: EmbeddingRequest) -> EmbeddingAnswer:
        """One vector a text, in their order, checked by `answers.embeds_all`; one request to the provider, or several."""


class Transcriber(Backend):
    """Transcribes recordings."""

    @abstractmethod
    async def transcribe(self, request: TranscriptRequest) -> TranscriptAnswer:
        """Transcribe the recording, which is read piece by piece as it is sent."""


class Speaker(Backend):
    """Reads texts aloud."""

    @abstractmethod
    async def speak(self, request: SpeechRequest) -> SpeechAnswer:
        """The encoded sound, whole."""


class SpeechStreamer(Backend):
    """Reads texts aloud, piece by piece."""

    @abstractmethod
    def stream_speech(self, request: SpeechRequest) -> AsyncIterator[bytes | SpeechAnswer]:
        """Bytes of the encoded sound as they come, then exactly one `SpeechAnswer`, with all of it; as `stream_text`."""


class Reranker(Backend):
    """Orders documents by relevance."""

    @abstractmethod
    async def rerank(self, request: RerankRequest) -> RerankAnswer:
        """The documents, the best first."""


class Moderator(Backend):
    """Finds what is harmful."""

    @abstractmethod
    async def moderate(self, request: ModerationRequest) -> ModerationAnswer:
        """A verdict on each input, in their order."""


class ModelLister(Backend):
    """Knows what the provider offers, free of charge; `validate --online` asks it.

    Attributes:
        lists_ids: Whether a model that is not in the list cannot be called. Where calls name deployments, it says little.
    """

    lists_ids: ClassVar[bool] = True

    @abstractmethod
    async def list_models(self) -> tuple[str, ...]:
        """The provider's model ids."""


class ModelFetcher(Backend):
    """Runs models whose files have to be on this machine; `pipelex pull` asks it."""

    @abstractmethod
    def fetch_model(self, spec: ModelSpec, progress: Callable[[int, int | None], None]) -> Path:
        """Bring the model's file onto this machine, once; `progress` is called with the bytes done and, where known, in all."""


@frozen(kw_only=True)
class Option:
    """A key that a backend's table in backends.toml may hold, beyond the ones every backend has.

    Attributes:
        name: The key, such as `api_version`.
        type: What it holds; a `secret` is a string that arrives as a `Secret`, `strings` a table of them.
        help: One sentence, for `pipelex init` and the documentation.
        required: Whether the backend cannot work without it.
        choices: The values allowed; empty for any.
        default: What counts where it is not given, in words; empty where nothing does.
        replaces: The common key, such as `api_key`, whose default in a plugin's file does not count where this one has a
            value.
    """

    name: str
    type: Literal["str", "secret", "int", "float", "bool", "list", "table", "strings"] = "str"
    help: str = ""
    required: bool = False
    choices: tuple[str, ...] = ()
    default: str = ""
    replaces: str = ""


@frozen
class BackendFactory:
    """Makes the backend of one sdk, and says which options it knows.

    A bare `Callable[[BackendConfig], Backend]` will do where there are no options.

    Attributes:
        create: Makes the backend; imports the SDK inside, not before. It may run in a thread.
        options: The keys of backends.toml that it reads from `config.options`.
        model_options: The keys of a model spec that it reads from `spec.options`.
        requires_key: Whether the backend cannot work without an `api_key`.
        model_type: What its models are for, where a spec does not say and they can be for one thing only.
        model_types: The same for those whose `model_id` begins with one of these, such as `mistral-ocr`.
    """

    create: Callable[[BackendConfig], Backend]
    options: tuple[Option, ...] = field(default=(), kw_only=True)
    model_options: tuple[Option, ...] = field(default=(), kw_only=True)
    requires_key: bool = field(default=False, kw_only=True)
    model_type: str | None = field(default=None, kw_only=True)
    model_types: Mapping[str, str] = field(factory=dict, kw_only=True)

    def type_of(self, model_id: str) -> str | None:
        """What a model is for, as far as the plugin knows by itself."""
        known = (kind for start, kind in self.model_types.items() if model_id.startswith(start))
        return next(known, self.model_type)

    def __call__(self, config: BackendConfig) -> Any:
        """What `create` makes of the config."""
        return self.create(config)

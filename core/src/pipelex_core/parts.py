"""What a prompt is made of: messages, their parts, and the tools a model may ask for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, TypeAlias

from attrs import field, frozen

from pipelex_core.plain import Plain, Tagged

Role = Literal["system", "user", "assistant", "tool"]


@frozen(kw_only=True)
class Media(Plain):
    """An image, a document or sound: its bytes, or an `http(s)` URL the provider fetches itself; one of the two is set.

    Attributes:
        data: The bytes, or None where `url` is set.
        url: An `http://` or `https://` address, or `gs://` for Vertex AI; None where `data` is set.
        media_type: MIME type, such as `image/png`; for a URL, guessed from its path.
        name: A file name for providers that ask for one.
    """

    data: bytes | None = field(default=None, repr=lambda data: "None" if data is None else f"<{len(data)} bytes>")
    url: str | None = None
    media_type: str
    name: str | None = None

    def base64(self) -> str:
        """`data` in base64; an error where there is only a URL."""
        from base64 import b64encode

        if self.data is None:
            raise ValueError("this medium is a URL: there are not bytes to encode")
        return b64encode(self.data).decode("ascii")

    def as_url(self) -> str:
        """The `http(s)` URL, or the bytes as a `data:` URL."""
        return self.url or f"data:{self.media_type};base64,{self.base64()}"


@frozen
class TextPart(Tagged):
    """Text in a message."""

    type: ClassVar[str] = "text"

    text: str


@frozen
class ImagePart(Tagged):
    """An image in a message."""

    type: ClassVar[str] = "image"

    media: Media


@frozen
class DocumentPart(Tagged):
    """A document in a message: a PDF, or one that `documents.py` names."""

    type: ClassVar[str] = "document"

    media: Media


@frozen
class AudioPart(Tagged):
    """Sound in a message, for models that hear: a recording, which they may be asked about."""

    type: ClassVar[str] = "audio"

    media: Media


@frozen(kw_only=True)
class ToolCall(Tagged):
    """The model asks for a tool.

    Attributes:
        id: Names this call, so that a `ToolResult` can answer it; made up by the plugin where a provider has none.
        name: Name of the tool.
        arguments: Its arguments, parsed from JSON.
    """

    id: str
    name: str
    arguments: Mapping[str, Any]


@frozen(kw_only=True)
class ToolResult(Tagged):
    """What a tool gave back, as part of a message.

    Attributes:
        call_id: The `id` of the `ToolCall` this answers.
        content: The result as text, JSON where it is structured.
        name: Name of the tool, for providers that want it again.
        is_error: Whether the tool failed.
    """

    call_id: str
    content: str
    name: str | None = None
    is_error: bool = False


@frozen(kw_only=True)
class ProviderPart(Tagged):
    """Something only one provider understands and wants back in the next turn, such as a thinking signature.

    Attributes:
        provider: Who may see it, such as `anthropic`; a plugin sends only the parts that name it.
        data: In the provider's own form.
    """

    type: ClassVar[str] = "provider"

    provider: str
    data: Mapping[str, Any]


Part: TypeAlias = TextPart | ImagePart | DocumentPart | AudioPart | ToolCall | ToolResult | ProviderPart


@frozen(kw_only=True)
class Citation(Plain):
    """A source that an answer names.

    Attributes:
        url: Its address, or None for one that has none, such as a document of the prompt.
        title: Its title, or None.
        quote: What it says, where the provider quotes it; or None.
        start: Where in the answer's text what it stands for begins, in characters from 0; None where the provider does not say.
        end: Where that ends; the character there is not part of it.
    """

    url: str | None = None
    title: str | None = None
    quote: str | None = None
    start: int | None = None
    end: int | None = None


@frozen(kw_only=True)
class Message(Plain):
    """One message of a conversation.

    Attributes:
        role: `system`, `user`, `assistant`, or `tool` (whose parts are `ToolResult`s).
        parts: In order.
    """

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """The text parts, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))


@frozen(kw_only=True)
class Tool(Plain):
    """A tool the model may ask for.

    Attributes:
        name: Letters, digits, `_` and `-`, up to 64.
        description: What it does, for the model.
        parameters: JSON schema of its arguments, an object.
    """

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(factory=lambda: {"type": "object", "properties": {}})

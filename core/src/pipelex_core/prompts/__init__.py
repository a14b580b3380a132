"""Prompts, messages and tools as callers write them, read and checked before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from attrs import frozen

from pipelex_core.errors import UnsupportedInputError
from pipelex_core.media import MediaSource, read_document, read_image
from pipelex_core.parts import AudioPart, DocumentPart, ImagePart, Message, Part, TextPart, Tool
from pipelex_core.prompts.checks import check_message, check_text, check_tool
from pipelex_core.prompts.messages import read_message, read_tool

if TYPE_CHECKING:
    from pipelex_core.specs import ModelSpec

MessageLike: TypeAlias = "Message | Mapping[str, Any]"
Prompt: TypeAlias = "str | Sequence[MessageLike]"
ToolLike: TypeAlias = "Tool | Mapping[str, Any]"

T = TypeVar("T")


@frozen(kw_only=True)
class Conversation:
    """A prompt, ready for a request: the system text apart, and how many images, documents and recordings there are."""

    messages: tuple[Message, ...]
    system: str | None
    n_images: int
    n_documents: int
    n_audio: int = 0


def read_prompt(
    prompt: Prompt,
    *,
    system: str | None = None,
    images: Iterable[MediaSource] = (),
    documents: Iterable[MediaSource] = (),
    audio: Iterable[MediaSource] = (),
) -> Conversation:
    """The conversation of a call; images, documents and recordings go before the text of its last user message.

    Raises:
        UnsupportedInputError: An empty prompt, an unknown role or part, text that is not Unicode, an image, document or
            recording that cannot be read.
    """
    if isinstance(prompt, str) and system is None and images == () == documents == audio and prompt.strip():
        check_text(prompt)  # most calls: one text, and nothing beside it
        messages = (Message(role="user", parts=(TextPart(prompt),)),)
        return Conversation(messages=messages, system=None, n_images=0, n_documents=0)
    return _read(prompt, system, images, documents, audio)


def _read(
    prompt: Prompt,
    system: str | None,
    images: Iterable[MediaSource],
    documents: Iterable[MediaSource],
    audio: Iterable[MediaSource],
) -> Conversation:
    media: list[Part] = [DocumentPart(read_document(source)) for source in _several(documents, "documents")]
    media += [ImagePart(read_image(source)) for source in _several(images, "images")]
    if audio:
        from pipelex_core.audio import read_audio

        media += [AudioPart(read_audio(source)) for source in _several(audio, "audio")]
    if isinstance(prompt, str):
        text = [TextPart(prompt)] if prompt.strip() else []  # providers refuse an empty text beside an image
        messages = [Message(role="user", parts=(*media, *text))]
    elif _is_list(prompt):
        messages = _with_media([read_message(message) for message in prompt], media)
    else:
        raise UnsupportedInputError(f"a prompt is a string or a list of messages, not {type(prompt).__name__}")
    for message in messages:
        check_message(message)
    if system is not None:
        check_text(system, "the system prompt")
    system_texts = [message.text for message in messages if message.role == "system" and message.text.strip()]
    messages = [message for message in messages if message.role != "system" and message.parts]
    if system_texts and not messages:  # few providers answer to system text alone: it becomes the prompt
        messages, system_texts = [Message(role="user", parts=(TextPart("\n\n".join(system_texts)),))], []
    parts = [part for message in messages for part in message.parts]
    if not any(not isinstance(part, TextPart) or part.text.strip() for part in parts):
        raise UnsupportedInputError("the prompt is empty")
    return Conversation(
        messages=tuple(messages),
        system="\n\n".join(text for text in (system or "", *system_texts) if text.strip()) or None,
        n_images=sum(isinstance(part, ImagePart) for part in parts),
        n_documents=sum(isinstance(part, DocumentPart) for part in parts),
        n_audio=sum(isinstance(part, AudioPart) for part in parts),
    )


def read_image_prompt(prompt: str) -> str:
    """What an image is to show.

    Raises:
        UnsupportedInputError: It is not text, or empty.
    """
    check_text(prompt, "the prompt of an image")
    if not prompt.strip():
        raise UnsupportedInputError("the prompt is empty")
    return prompt


def read_tools(tools: Iterable[ToolLike]) -> tuple[Tool, ...]:
    """Tools, from `Tool`s or mappings (see `messages.py`).

    Raises:
        UnsupportedInputError: A wrong or doubled name, or parameters that are not a JSON schema of an object.
    """
    read: list[Tool] = []
    for tool in _several(tools, "tools"):
        made = read_tool(tool)
        check_tool(made)
        if any(made.name == other.name for other in read):
            raise UnsupportedInputError(f"two tools are named '{made.name}'")
        read.append(made)
    return tuple(read)


def check_inputs(conversation: Conversation, spec: ModelSpec) -> None:
    """Refuse what a model does not take, before anything is sent.

    Raises:
        UnsupportedInputError: Images, documents or audio for a model without them, or too many images.
    """
    for count, kind, noun in (
        (conversation.n_images, "images", "images"),
        (conversation.n_documents, "pdf", "documents"),
        (conversation.n_audio, "audio", "audio"),
    ):
        if count and spec.inputs and kind not in spec.inputs:
            takes = ", ".join(sorted(spec.inputs))
            raise UnsupportedInputError(
                f"model '{spec.name}' takes no {noun}: its inputs are {takes}", backend=spec.backend, model=spec.name
            )
    if spec.max_prompt_images is not None and conversation.n_images > spec.max_prompt_images:
        raise UnsupportedInputError(
            f"model '{spec.name}' takes {spec.max_prompt_images} images at most, not {conversation.n_images}",
            backend=spec.backend,
            model=spec.name,
        )


def _is_list(prompt: object) -> bool:
    return isinstance(prompt, Sequence) and not isinstance(prompt, (bytes, bytearray))


def _with_media(messages: list[Message], media: list[Part]) -> list[Message]:
    """The messages, with images, documents and audio in the last one of the user."""
    if not media:
        return messages
    for number in reversed(range(len(messages))):
        if messages[number].role == "user":
            changed = Message(role="user", parts=(*media, *messages[number].parts))
            return [*messages[:number], changed, *messages[number + 1 :]]
    return [*messages, Message(role="user", parts=tuple(media))]


def _several(things: Iterable[T], what: str) -> list[T]:
    if isinstance(things, (list, tuple)):  # nearly always; to ask whether something is an `Iterable` is slow
        return list(things)
    provided: object = things
    if isinstance(provided, Iterable) and not isinstance(provided, (str, bytes, bytearray, Mapping)):
        return list(things)
    raise UnsupportedInputError(f"{what} is a list: write {what}=[…]")

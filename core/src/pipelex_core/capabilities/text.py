"""The capability `llm`: a prompt in, text or a JSON document out, whole or in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from pipelex_core.backend import Backend, ObjectGenerator, ObjectStreamer, TextGenerator, TextStreamer
from pipelex_core.capabilities.record import Capability, Operation, expectation_of, results
from pipelex_core.errors import LLMHandleNotFoundError, LLMPresetNotFoundError, UnsupportedInputError
from pipelex_core.settings import REASONING_EFFORTS, SEED, SettingRule

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from pipelex_core.media import MediaSource
    from pipelex_core.objects import ObjectType
    from pipelex_core.parts import Media, Message, Tool
    from pipelex_core.prompts import Conversation, Prompt, ToolLike
    from pipelex_core.requests import ObjectRequest, TextRequest
    from pipelex_core.results import TextAnswer
    from pipelex_core.specs import ModelSpec

_NOT_SENT = frozenset({"prompting_target"})
HOSTED_TOOLS = frozenset({"web_search"})
"""The tools that providers run themselves."""


@frozen
class TextInput:
    """What a call for text, or for an object, is about.

    Attributes:
        conversation: The prompt.
        tools: What the model may ask for.
        tool_choice: Which of them it is to ask for, or None.
        kind: The type of the object; None for text.
        hosted_tools: What the provider is to run itself.
    """

    conversation: Conversation
    tools: tuple[Tool, ...] = ()
    tool_choice: str | None = None
    kind: ObjectType[Any] | None = None
    hosted_tools: tuple[str, ...] = ()


def _read(
    prompt: Prompt,
    *,
    system: str | None = None,
    images: Iterable[MediaSource] = (),
    documents: Iterable[MediaSource] = (),
    audio: Iterable[MediaSource] = (),
    tools: Iterable[ToolLike] = (),
    tool_choice: str | None = None,
    hosted_tools: Iterable[str] = (),
    kind: ObjectType[Any] | None = None,
) -> TextInput:
    import pipelex_core.prompts as prompts  # noqa: PLR0402 -- what `from` does with a package costs every call

    conversation = prompts.read_prompt(prompt, system=system, images=images, documents=documents, audio=audio)
    offered = prompts.read_tools(tools) if tools else ()
    if tool_choice is not None:
        _check_tool_choice(tool_choice, offered)
    return TextInput(
        conversation,
        offered,
        tool_choice if offered else None,  # providers refuse a choice among none
        kind,
        _hosted(hosted_tools) if hosted_tools else (),
    )


def _hosted(names: Iterable[str]) -> tuple[str, ...]:
    """The tools that a provider is to run itself, each once."""
    read = () if isinstance(names, str) else tuple(dict.fromkeys(names))
    if not read or not HOSTED_TOOLS.issuperset(read):
        msg = f"hosted_tools is a list of {', '.join(sorted(HOSTED_TOOLS))}, not {names!r:.80}"
        raise UnsupportedInputError(msg)
    return read


def _reads_files(
    prompt: object, *, images: object = (), documents: object = (), audio: object = (), **_others: object
) -> bool:
    return bool(images) or bool(documents) or bool(audio) or not isinstance(prompt, str)


def _check_tool_choice(choice: object, tools: tuple[Tool, ...]) -> None:
    if choice is None or choice in ("auto", "none") or (tools and choice == "required"):
        return
    if choice == "required":
        raise UnsupportedInputError("tool_choice 'required' needs tools to choose from")
    if not any(choice == tool.name for tool in tools):
        msg = f"tool_choice is auto, none, required, or the name of one of the tools, not {choice!r}"
        raise UnsupportedInputError(msg)


def _build(
    what: TextInput, spec: ModelSpec, settings: Mapping[str, Any], timeout: float | None
) -> TextRequest | ObjectRequest:
    from pipelex_core.requests import ObjectRequest, TextRequest

    if what.conversation.n_images or what.conversation.n_documents or what.conversation.n_audio:
        from pipelex_core.prompts import check_inputs

        check_inputs(what.conversation, spec)
    fields = {key: value for key, value in settings.items() if key not in _NOT_SENT}
    if "stop" in fields:
        from pipelex_core.prompts.checks import check_text

        fields["stop"] = tuple(fields["stop"])
        for stop in fields["stop"]:
            check_text(stop, "a stop string")
    fields["messages"], fields["system"] = _messages(what.conversation, spec)
    fields.update(spec=spec, tools=what.tools, tool_choice=what.tool_choice, timeout=timeout)
    if what.hosted_tools:
        fields["hosted_tools"] = what.hosted_tools
    if what.kind is None:
        return TextRequest(**fields)
    if spec.outputs and "structured" not in spec.outputs:
        msg = f"model '{spec.name}' gives no structured output: its outputs are {', '.join(sorted(spec.outputs))}"
        raise UnsupportedInputError(msg)
    return ObjectRequest(schema=what.kind.schema, schema_name=what.kind.name, **fields)


def _messages(conversation: Conversation, spec: ModelSpec) -> tuple[tuple[Message, ...], str | None]:
    """The messages and the system prompt; for a model without one, that is the beginning of the first message."""
    if conversation.system is None or "no_system_prompt" not in spec.constraints:
        return conversation.messages, conversation.system
    from pipelex_core.parts import Message, TextPart

    first, *rest = conversation.messages
    if first.role != "user":
        return (Message(role="user", parts=(TextPart(conversation.system),)), first, *rest), None
    return (evolve(first, parts=(TextPart(f"{conversation.system}\n\n"), *first.parts)), *rest), None


async def _fetch(request: TextRequest, fetched: Callable[[Media, str], Awaitable[Media]]) -> TextRequest:
    for message in request.messages:
        for part in message.parts:
            media: Media | None = getattr(part, "media", None)
            if media is not None and media.url:
                return await _with_bytes(request, fetched)
    return request


async def _with_bytes(request: TextRequest, fetched: Callable[[Media, str], Awaitable[Media]]) -> TextRequest:
    from pipelex_core.parts import AudioPart, DocumentPart, ImagePart

    words = {ImagePart: "image", DocumentPart: "document", AudioPart: "audio"}

    async def read(part: Any) -> Any:
        kind = type(part)
        return kind(await fetched(part.media, words[kind])) if kind in words else part

    messages = [evolve(each, parts=tuple([await read(part) for part in each.parts])) for each in request.messages]
    return evolve(request, messages=tuple(messages))


def _sample(_spec: ModelSpec | None) -> TextInput:
    return _read("Name three rivers.")


def _refuse_text(request: TextRequest, backend: Backend) -> str | None:
    if request.n is not None and request.n > 1 and not backend.gives_several:
        return f"sdk '{request.spec.sdk}' gives one answer a call: leave n out, or call it several times"
    return _refuse_others(request, backend)


def _refuse_one(request: TextRequest, backend: Backend) -> str | None:
    if request.n is not None and request.n > 1:
        return "n is for generate_text: a stream, or an object, is one answer"
    return _refuse_others(request, backend)


def _refuse_others(request: TextRequest, backend: Backend) -> str | None:
    if request.logprobs is not None and not backend.gives_logprobs:
        return f"sdk '{request.spec.sdk}' does not tell how likely tokens were: leave logprobs out"
    if not request.hosted_tools or backend.hosted_tools.issuperset(request.hosted_tools):
        return None
    missing = next(name for name in request.hosted_tools if name not in backend.hosted_tools)
    return (
        f"sdk '{request.spec.sdk}' has no hosted {missing}: leave hosted_tools out, or ask a model of another provider"
    )


def _refuse_tools(request: TextRequest, backend: Backend) -> str | None:
    if not request.tools or backend.objects_with_tools:
        return _refuse_one(request, backend)
    return f"sdk '{request.spec.sdk}' takes no tools in a request for an object: leave one of them out"


def _text(answer: TextAnswer) -> dict[str, Any]:
    import pipelex_core.parts as parts  # noqa: PLR0402 -- as in `_read`

    text = (parts.TextPart(answer.text),) if answer.text else ()
    return {
        "text": answer.text,
        "finish_reason": answer.finish_reason,
        "tool_calls": answer.tool_calls,
        "reasoning": answer.reasoning,
        "citations": answer.citations,
        "logprobs": answer.logprobs,
        "alternatives": answer.alternatives,
        "message": parts.Message(role="assistant", parts=(*answer.provider_parts, *text, *answer.tool_calls)),
    }


GENERATE_TEXT = Operation(
    name="generate_text",
    needs=TextGenerator,
    answer=lambda: results().TextAnswer,
    result=lambda: results().TextResult,
    further=_text,
    choice="for_text",
    refuse=_refuse_text,
)
STREAM_TEXT = evolve(GENERATE_TEXT, name="stream_text", needs=TextStreamer, streams=True, refuse=_refuse_one)
GENERATE_OBJECT = Operation(
    name="generate_object",
    needs=ObjectGenerator,
    answer=lambda: results().TextAnswer,
    result=lambda: results().ObjectResult,
    choice="for_object",
    refuse=_refuse_tools,
)
STREAM_OBJECT = evolve(
    STREAM_TEXT, name="stream_object", needs=ObjectStreamer, choice="for_object", refuse=_refuse_tools
)

TEXT = Capability(
    name="llm",
    model_types=("llm",),
    noun="LLM",
    purpose="text",
    gives=frozenset({"text", "structured", "image"}),  # some LLMs draw
    operations=(GENERATE_TEXT, STREAM_TEXT, GENERATE_OBJECT, STREAM_OBJECT),
    settings={
        "temperature": SettingRule("number", "How freely to sample; 0 is the least.", minimum=0, maximum=2),
        "max_tokens": SettingRule(
            "integer", 'Most output tokens; "auto" for all the model has.', minimum=1, choices=("auto",)
        ),
        "prompting_target": SettingRule("string", "A style of prompting, for those who write prompts."),
        "top_p": SettingRule("number", "Nucleus sampling.", minimum=0, maximum=1),
        "seed": SEED,
        "stop": SettingRule("strings", "Strings that end the answer."),
        "reasoning_effort": SettingRule("string", "How long to reason.", choices=REASONING_EFFORTS),
        "reasoning_budget": SettingRule("integer", "Most reasoning tokens.", minimum=0),
        "logprobs": SettingRule(
            "integer",
            "How many of the likeliest tokens of each place to tell, with how likely they were; 0 for the chosen one alone.",
            minimum=0,
            maximum=20,
        ),
        "n": SettingRule("integer", "How many answers to give.", minimum=1),
        "cache": SettingRule(
            "string",
            "How long the provider is to keep the prompt, where it wants a mark for that.",
            choices=("5m", "1h"),
        ),
    },
    choices=("for_text", "for_object"),
    handle_error=LLMHandleNotFoundError,
    preset_error=LLMPresetNotFoundError,
    read=_read,
    arguments=("system", "images", "documents", "audio", "tools", "tool_choice", "hosted_tools"),
    reads_files=_reads_files,
    build=_build,
    fetch=_fetch,
    expect=expectation_of("of_text"),
    sample=_sample,
    telemetry="chat",
)
"""Text and objects."""

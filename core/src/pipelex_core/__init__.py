"""A plugin framework through which Python programs use AI providers.

from pipelex_core import Client

with Client.from_project() as client:
print(client.generate_text("Name three rivers.", model="cheap_llm_for_text").text)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelex_core.client import AsyncClient as AsyncClient, Client as Client
    from pipelex_core.client.mapping import Done as Done, Job as Job
    from pipelex_core.deck import ModelDeck as ModelDeck
    from pipelex_core.errors import (
        AllAttemptsFailedError as AllAttemptsFailedError,
        AuthenticationError as AuthenticationError,
        BadRequestError as BadRequestError,
        BudgetExceededError as BudgetExceededError,
        CallError as CallError,
        ConfigError as ConfigError,
        ContentFilterError as ContentFilterError,
        ContextTooLongError as ContextTooLongError,
        DeadlineExceededError as DeadlineExceededError,
        ExtractHandleNotFoundError as ExtractHandleNotFoundError,
        ExtractPresetNotFoundError as ExtractPresetNotFoundError,
        HandleNotFoundError as HandleNotFoundError,
        IdleTimeoutError as IdleTimeoutError,
        ImgGenHandleNotFoundError as ImgGenHandleNotFoundError,
        ImgGenPresetNotFoundError as ImgGenPresetNotFoundError,
        InvalidAnswerError as InvalidAnswerError,
        LimitReachedError as LimitReachedError,
        LLMHandleNotFoundError as LLMHandleNotFoundError,
        LLMPresetNotFoundError as LLMPresetNotFoundError,
        ModelDeckNotFoundError as ModelDeckNotFoundError,
        ModelsManagerError as ModelsManagerError,
        NotFoundError as NotFoundError,
        OverloadedError as OverloadedError,
        PermissionDeniedError as PermissionDeniedError,
        PipelexError as PipelexError,
        PlainDataError as PlainDataError,
        PluginError as PluginError,
        PresetNotFoundError as PresetNotFoundError,
        Problem as Problem,
        ProviderConnectionError as ProviderConnectionError,
        RateLimitError as RateLimitError,
        ServerError as ServerError,
        ToolFailedError as ToolFailedError,
        TurnLimitError as TurnLimitError,
        UnsupportedInputError as UnsupportedInputError,
    )
    from pipelex_core.judging import (
        ModerationResult as ModerationResult,
        Ranked as Ranked,
        RerankResult as RerankResult,
        Verdict as Verdict,
    )
    from pipelex_core.parts import (
        Citation as Citation,
        DocumentPart as DocumentPart,
        ImagePart as ImagePart,
        Media as Media,
        Message as Message,
        TextPart as TextPart,
        Tool as Tool,
        ToolCall as ToolCall,
        ToolResult as ToolResult,
    )
    from pipelex_core.policies import CooldownPolicy as CooldownPolicy, RetryPolicy as RetryPolicy
    from pipelex_core.prompts import MessageLike as MessageLike
    from pipelex_core.results import (
        Attempt as Attempt,
        Cost as Cost,
        DocumentResult as DocumentResult,
        EmbeddingResult as EmbeddingResult,
        Image as Image,
        ImageResult as ImageResult,
        ObjectResult as ObjectResult,
        Page as Page,
        RunResult as RunResult,
        TextResult as TextResult,
        Usage as Usage,
    )
    from pipelex_core.sound import (
        Audio as Audio,
        Recording as Recording,
        Segment as Segment,
        SpeechResult as SpeechResult,
        TranscriptResult as TranscriptResult,
    )
    from pipelex_core.streams import (
        AsyncObjectStream as AsyncObjectStream,
        AsyncRestartingTextStream as AsyncRestartingTextStream,
        AsyncSpeechStream as AsyncSpeechStream,
        AsyncTextStream as AsyncTextStream,
        ObjectStream as ObjectStream,
        RestartingTextStream as RestartingTextStream,
        SpeechStream as SpeechStream,
        StreamRestarted as StreamRestarted,
        TextStream as TextStream,
    )
    from pipelex_core.tools import RunnableTool as RunnableTool, ToolSource as ToolSource
    from pipelex_core.vectors import Vectors as Vectors

__version__ = "0.1.0"

_MODULES = {
    "client": "AsyncClient Client",
    "client.mapping": "Done Job",
    "deck": "ModelDeck",
    "errors": (
        "AllAttemptsFailedError AuthenticationError BadRequestError BudgetExceededError CallError ConfigError "
        "ContentFilterError ContextTooLongError DeadlineExceededError ExtractHandleNotFoundError "
        "ExtractPresetNotFoundError HandleNotFoundError IdleTimeoutError ImgGenHandleNotFoundError "
        "ImgGenPresetNotFoundError InvalidAnswerError LLMHandleNotFoundError LLMPresetNotFoundError "
        "LimitReachedError ModelDeckNotFoundError ModelsManagerError NotFoundError OverloadedError "
        "PermissionDeniedError PipelexError PlainDataError PluginError PresetNotFoundError Problem "
        "ProviderConnectionError RateLimitError ServerError ToolFailedError TurnLimitError UnsupportedInputError"
    ),
    "judging": "ModerationResult Ranked RerankResult Verdict",
    "parts": "Citation DocumentPart ImagePart Media Message TextPart Tool ToolCall ToolResult",
    "policies": "CooldownPolicy RetryPolicy",
    "prompts": "MessageLike",
    "results": "Attempt Cost DocumentResult EmbeddingResult Image ImageResult ObjectResult Page RunResult TextResult Usage",
    "sound": "Audio Recording Segment SpeechResult TranscriptResult",
    "streams": (
        "AsyncObjectStream AsyncRestartingTextStream AsyncSpeechStream AsyncTextStream ObjectStream RestartingTextStream "
        "SpeechStream StreamRestarted TextStream"
    ),
    "tools": "RunnableTool ToolSource",
    "vectors": "Vectors",
}
"""Module -> the public names in it; no module is imported before one of its names is used."""

_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names.split()}
__all__ = sorted(_MODULE_OF)  # noqa: PLE0605 -- type checkers have the imports above


if not TYPE_CHECKING:  # type checkers know every name from above, and no other

    def __getattr__(name: str) -> Any:
        """Import a public name, or a module that has some, when it is first used."""
        from importlib import import_module

        if name in _MODULE_OF:
            value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
            return value
        if name in _MODULES:
            return import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)


def __dir__() -> list[str]:
    """List the public names too, those not imported yet included."""
    return sorted({*globals(), *__all__})

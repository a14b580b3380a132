"""A plugin framework through which Python programs use AI providers.

from pipelex_core import Client

with Client.from_project() as client:
print(client.generate_text("Name three rivers.", model="cheap_llm_for_text").text)
"""

from __future__ import annotations

from typing import Any

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
    "parts": "AudioPart Citation DocumentPart ImagePart Media Message TextPart Tool ToolCall ToolResult",
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
__all__ = sorted(_MODULE_OF)  # noqa: PLE0605 -- type checkers have the names of `__init__.pyi`


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

"""A plugin framework through which Python programs use AI providers.

from pipelex_core import Client

with Client.from_project() as client:
print(client.generate_text("Name three rivers.", model="cheap_llm_for_text").text)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelex_core.client import AsyncClient, Client
    from pipelex_core.deck import ModelDeck
    from pipelex_core.errors import (
        AllAttemptsFailedError,
        AuthenticationError,
        BadRequestError,
        BudgetExceededError,
        CallError,
        ConfigError,
        ContentFilterError,
        ContextTooLongError,
        DeadlineExceededError,
        ExtractHandleNotFoundError,
        ExtractPresetNotFoundError,
        HandleNotFoundError,
        IdleTimeoutError,
        ImgGenHandleNotFoundError,
        ImgGenPresetNotFoundError,
        InvalidAnswerError,
        LimitReachedError,
        LLMHandleNotFoundError,
        LLMPresetNotFoundError,
        ModelDeckNotFoundError,
        ModelsManagerError,
        NotFoundError,
        OverloadedError,
        PermissionDeniedError,
        PipelexError,
        PlainDataError,
        PluginError,
        PresetNotFoundError,
        Problem,
        ProviderConnectionError,
        RateLimitError,
        ServerError,
        UnsupportedInputError,
    )
    from pipelex_core.parts import DocumentPart, ImagePart, Media, Message, TextPart, Tool, ToolCall, ToolResult
    from pipelex_core.policies import CooldownPolicy, RetryPolicy
    from pipelex_core.prompts import MessageLike
    from pipelex_core.results import (
        Attempt,
        Cost,
        DocumentResult,
        Image,
        ImageResult,
        ObjectResult,
        Page,
        TextResult,
        Usage,
    )
    from pipelex_core.streams import (
        AsyncRestartingTextStream,
        AsyncTextStream,
        RestartingTextStream,
        StreamRestarted,
        TextStream,
    )

__version__ = "0.1.0"

__all__ = [
    "AllAttemptsFailedError",
    "AsyncClient",
    "AsyncRestartingTextStream",
    "AsyncTextStream",
    "Attempt",
    "AuthenticationError",
    "BadRequestError",
    "BudgetExceededError",
    "CallError",
    "Client",
    "ConfigError",
    "ContentFilterError",
    "ContextTooLongError",
    "CooldownPolicy",
    "Cost",
    "DeadlineExceededError",
    "DocumentPart",
    "DocumentResult",
    "ExtractHandleNotFoundError",
    "ExtractPresetNotFoundError",
    "HandleNotFoundError",
    "IdleTimeoutError",
    "Image",
    "ImagePart",
    "ImageResult",
    "ImgGenHandleNotFoundError",
    "ImgGenPresetNotFoundError",
    "InvalidAnswerError",
    "LLMHandleNotFoundError",
    "LLMPresetNotFoundError",
    "LimitReachedError",
    "Media",
    "Message",
    "MessageLike",
    "ModelDeck",
    "ModelDeckNotFoundError",
    "ModelsManagerError",
    "NotFoundError",
    "ObjectResult",
    "OverloadedError",
    "Page",
    "PermissionDeniedError",
    "PipelexError",
    "PlainDataError",
    "PluginError",
    "PresetNotFoundError",
    "Problem",
    "ProviderConnectionError",
    "RateLimitError",
    "RestartingTextStream",
    "RetryPolicy",
    "ServerError",
    "StreamRestarted",
    "TextPart",
    "TextResult",
    "TextStream",
    "Tool",
    "ToolCall",
    "ToolResult",
    "UnsupportedInputError",
    "Usage",
]

_HOMES = {
    "client": ("AsyncClient", "Client"),
    "deck": ("ModelDeck",),
    "parts": ("DocumentPart", "ImagePart", "Media", "Message", "TextPart", "Tool", "ToolCall", "ToolResult"),
    "prompts": ("MessageLike",),
    "policies": ("CooldownPolicy", "RetryPolicy"),
    "results": (
        "Attempt",
        "Cost",
        "DocumentResult",
        "Image",
        "ImageResult",
        "ObjectResult",
        "Page",
        "TextResult",
        "Usage",
    ),
    "streams": (
        "AsyncRestartingTextStream",
        "AsyncTextStream",
        "RestartingTextStream",
        "StreamRestarted",
        "TextStream",
    ),
}
"""Module -> the public names that stand in it; what is not named here is an error. None is imported before it is asked for."""

_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


if not TYPE_CHECKING:  # type checkers know every name from above, and no other

    def __getattr__(name: str) -> Any:
        """A public name, or a module of one, when it is first asked for."""
        from importlib import import_module

        if name in __all__:
            home = _HOME_OF.get(name, "errors")
            value = globals()[name] = getattr(import_module(f"{__name__}.{home}"), name)
            return value
        if name == "errors" or name in _HOMES:
            return import_module(f"{__name__}.{name}")
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg, name=name)


def __dir__() -> list[str]:
    """The public names too, those not asked for yet included."""
    return sorted({*globals(), *__all__})

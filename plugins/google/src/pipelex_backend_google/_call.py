"""The options of one call, in a form that the SDK handles at little cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from google.genai import types

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_CONTENTS = types.Content(parts=[])
"""The SDK demands contents, and converts each of their parts at some cost; those in `extra_body` replace these."""


class CallConfig(types.GenerateContentConfig):
    """A configuration that belongs to one call.

    The SDK looks up each of some forty fields with `in`, which pydantic answers by listing all of them as pairs and so
    always with no, and copies the whole deeply, the body included. A third of a call's CPU went there.
    """

    def __contains__(self, _name: object) -> bool:
        """Pydantic's answer, without the listing."""
        return False

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:  # noqa: ARG002 -- pydantic's
        """Itself: nobody else has it."""
        return self if update is None else super().model_copy(update=update)


_CONFIG = CallConfig(
    automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
    automatic_continuation=False,
)
_UNREAD = _CONFIG.model_copy(update={"should_return_http_response": True})
_OPTIONS = types.HttpOptions()


def call_config(body: dict[str, Any], *, unread: bool = False) -> CallConfig:
    """Everything in the body; nothing that makes one call into several; a whole answer unread where that is asked for."""
    options = _OPTIONS.model_copy(update={"extra_body": body})
    return (_UNREAD if unread else _CONFIG).model_copy(update={"http_options": options})


def count_config(body: dict[str, Any], model: str | None) -> types.CountTokensConfig:
    """That of a count of the tokens of a body.

    Args:
        body: As for an answer.
        model: Its name with `models/`, for AI Studio, which wants the whole request in one field; None for Vertex AI, which
            takes the fields that have tokens beside the contents.
    """
    counted = {name: value for name, value in body.items() if name != "toolConfig"}
    extra = counted if model is None else {"generateContentRequest": {"model": model, **body}}
    return types.CountTokensConfig(http_options=_OPTIONS.model_copy(update={"extra_body": extra}))

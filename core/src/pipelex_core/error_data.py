"""Errors as plain data, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
from attrs import frozen

from pipelex_core import errors
from pipelex_core.errors import PipelexError, PlainDataError, Problem
from pipelex_core.ledger import Attempt, Usage
from pipelex_core.parts import Message
from pipelex_core.plain import Plain

if TYPE_CHECKING:
    from collections.abc import Mapping


@frozen(kw_only=True)
class ErrorData(Plain):
    """What an error says, besides its class; the attributes are those of the errors that have them."""

    message: str = ""
    backend: str | None = None
    model: str | None = None
    status: int | None = None
    request_id: str | None = None
    attempts: tuple[Attempt, ...] = ()
    retry_after: float | None = None
    partial_text: str | None = None
    unsettled: bool = False
    usage: Usage | None = None
    problems: tuple[Problem, ...] = ()
    faults: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()


def error_to_dict(error: BaseException) -> dict[str, Any]:
    """Write an error as plain data, what says nothing and the SDK's own `raw` answer left out.

    `type` is the nearest class of this library: for a plugin's `AcmeBusyError(RateLimitError)` it is `RateLimitError`,
    and `PipelexError` for an error of another library.
    """
    from pipelex_core.converter import to_plain

    kind = next((cls for cls in type(error).__mro__ if _class(cls.__name__) is cls), PipelexError)
    has: dict[str, Any] = {field.name: getattr(error, field.name, field.default) for field in attrs.fields(ErrorData)}
    has["message"] = has["message"] or str(error.args[0] if error.args else error)
    return {"type": kind.__name__, **to_plain(ErrorData(**has), compact=True)}


def error_from_dict(data: Mapping[str, Any]) -> PipelexError:
    """Read an error from what `error_to_dict` wrote; raised, it has the traceback of whoever raises it.

    Raises:
        PlainDataError: A key or a class is unknown, or a value has another type.
    """
    name = data.get("type") if hasattr(data, "get") else None
    kind = _class(name)
    if kind is None:
        msg = f"this is not the plain form of an error: its type must be the name of an error class, not {name!r:.60}"
        raise PlainDataError(msg)
    facts = ErrorData.from_dict({key: value for key, value in data.items() if key != "type"})
    if issubclass(kind, errors.ConfigError):
        return kind(facts.message, facts.problems)
    if issubclass(kind, PlainDataError):
        return kind(facts.message, facts.faults)
    error = kind(facts.message)
    for field in attrs.fields(ErrorData):
        if hasattr(error, field.name):
            setattr(error, field.name, getattr(facts, field.name))
    return error


def _class(name: object) -> type[PipelexError] | None:
    found = getattr(errors, name, None) if isinstance(name, str) else None
    return found if isinstance(found, type) and issubclass(found, PipelexError) else None

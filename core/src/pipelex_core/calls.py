"""A call, as middlewares and those who listen see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from pipelex_core.ledger import Attempt
from pipelex_core.plain import Plain
from pipelex_core.results import Answer, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipelex_core.capabilities.record import Capability
    from pipelex_core.errors import PipelexError
    from pipelex_core.requests import Request


def _error_to_dict(error: Exception) -> dict[str, Any]:
    from pipelex_core.error_data import error_to_dict

    return error_to_dict(error)


def _error_from_dict(data: Mapping[str, Any]) -> PipelexError:
    from pipelex_core.error_data import error_from_dict

    return error_from_dict(data)


def _result_to_dict(result: Result) -> dict[str, Any]:
    return result.to_dict()


def _result_from_dict(data: Mapping[str, Any]) -> Result:
    import pipelex_core.judging
    import pipelex_core.sound  # noqa: F401 -- nothing imports these results before there are some

    return Result.from_dict(data)


def _unsealed(digest: bytes) -> bytes:
    return digest


def _anything_fits(_answer: Answer) -> bool:
    return True


@frozen(kw_only=True, slots=False)
class Call:
    """One attempt on its way to a plugin: what a middleware receives.

    Attributes:
        operation: The method of the backend, such as `generate_text`.
        capability: Name of the capability, such as `llm`.
        handle: What the caller named, or the default it stood for.
        request: What the plugin is about to receive; its `spec` names model and backend.
        call_id: Counts the calls of this process: the same in all attempts of a call, and in its `FinishedCall`.
        attempt: Which attempt of the call this is, from 1.
        endpoint: The address that the backend's configuration gives, or None for the provider's own.
        options: The other keys of the backend's table that its plugin reads, without those that are secret.
        kind: The record of the capability; None in a call made by hand.
        fits: Whether an answer is what the caller asked for; for an object, whether it can be made from it.
        redact: A text without the secrets of this backend, for whoever writes one down.
        seal: A digest keyed with the secrets of this backend: of the same digest another one for another tenant, from which
            no secret can be read.
    """

    operation: str
    capability: str
    handle: str
    request: Request
    call_id: int = 0
    attempt: int = 1
    endpoint: str | None = field(default=None, repr=False)
    options: Mapping[str, Any] = field(factory=dict, repr=False)
    kind: Capability | None = field(default=None, repr=False, eq=False)
    fits: Callable[[Answer], bool] = field(default=_anything_fits, repr=False, eq=False)
    redact: Callable[[str], str] = field(default=str, repr=False, eq=False)
    seal: Callable[[bytes], bytes] = field(default=_unsealed, repr=False, eq=False)


@frozen(kw_only=True, slots=False)
class FinishedCall(Plain):
    """A call that ended, well or badly: what `pipelex_call_finished` receives.

    Attributes:
        operation: The method of the backend, such as `generate_text`.
        capability: Name of the capability, such as `llm`.
        handle: What the caller named, or the default it stood for.
        attempts: The ledger.
        result: What the caller got, or None.
        error: What the caller got instead, or None; both None where the caller gave up.
        seconds: How long the whole call took.
        call_id: As in its `Call`s.
    """

    operation: str
    capability: str
    handle: str
    attempts: tuple[Attempt, ...]
    result: Result | None = field(default=None, metadata={"plain": (_result_to_dict, _result_from_dict)})
    error: Exception | None = field(default=None, metadata={"plain": (_error_to_dict, _error_from_dict)})
    seconds: float = 0.0
    call_id: int = 0

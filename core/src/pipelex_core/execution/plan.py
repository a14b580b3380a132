"""What a call is to do, before any of it is done: its members in order, each with what would be sent to it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from pipelex_core.calls import Call
from pipelex_core.errors import (
    DeadlineExceededError,
    IdleTimeoutError,
    ModelsManagerError,
    Problem,
    UnsupportedInputError,
)
from pipelex_core.execution.call_log import calls_log, log_attempt
from pipelex_core.execution.terms import NO_TERMS, Terms
from pipelex_core.orders import CHAIN
from pipelex_core.settings import check_settings

if TYPE_CHECKING:
    from pipelex_core.capabilities import Capability, Operation
    from pipelex_core.deck import ChainMember, ModelDeck, Resolution
    from pipelex_core.requests import Request
    from pipelex_core.results import Answer
    from pipelex_core.specs import ModelSpec

_log = logging.getLogger("pipelex_core.execution")

_call_ids = count(1)

NO_SETTINGS: Mapping[str, Any] = MappingProxyType({})


@frozen(kw_only=True, slots=False)
class Plan:
    """One call.

    Attributes:
        operation: The method of the backend.
        capability: What is called.
        handle: As the caller wrote it, or the default.
        members: The members of its chain that can be called, first to last.
        build: Makes the request for a member; refuses what the model does not take.
        terms: How long it may take, and how hard to try.
        fits: Whether an answer is what the caller asked for, where that has to be looked at; or None.
        order: The order in which they are asked; `chain` for that of the list.
        with_sides: Whether a stream's reader wants its side deltas: reasoning and calls of tools as they come.
        call_id: Counts the calls of this process.
    """

    operation: Operation
    capability: Capability
    handle: str
    members: tuple[ChainMember, ...]
    build: Callable[[ModelSpec, Mapping[str, Any], float | None], Request]
    terms: Terms = NO_TERMS
    fits: Callable[[Answer], bool] | None = None
    order: str = CHAIN
    with_sides: bool = False
    call_id: int = field(factory=_call_ids.__next__)

    @property
    def is_over(self) -> bool:
        """Whether the caller's time is over."""
        return self.terms.ends_at is not None and self.terms.ends_at <= time.monotonic()

    def call(self, request: Request, shown: Mapping[str, Any], attempt: int) -> Call:
        """One attempt, as middlewares see it: with what its backend shows them; `attempt` counts from 1."""
        wanted: Mapping[str, Any] = {} if self.fits is None else {"fits": self.fits}
        call = Call(
            operation=self.operation.name,
            capability=self.capability.name,
            kind=self.capability,
            handle=self.handle,
            request=request,
            call_id=self.call_id,
            attempt=attempt,
            **shown,
            **wanted,
        )
        if calls_log.isEnabledFor(logging.DEBUG):
            log_attempt(call)
        return call


def out_of_time() -> DeadlineExceededError:
    """The error of a call whose time is over."""
    return DeadlineExceededError("the call did not end within its deadline")


def fell_silent(seconds: float) -> IdleTimeoutError:
    """The error of a provider that says nothing."""
    return IdleTimeoutError(f"the provider was silent for {seconds:g} s")


def make_plan(
    deck: ModelDeck,
    capability: Capability,
    what: Any,
    *,
    operation: Operation | None = None,
    handle: Any = None,
    settings: Mapping[str, Any] = NO_SETTINGS,
    terms: Terms = NO_TERMS,
    fits: Callable[[Answer], bool] | None = None,
) -> Plan:
    """Plan a call.

    Args:
        deck: Where the handle is resolved.
        capability: What is called.
        what: The input, as the capability read it.
        operation: Which of its operations; None for the first.
        handle: A handle; None for the deck's default.
        settings: The call's own; they win over those of the handle.
        terms: How long it may take, and how hard to try.
        fits: Whether an answer is what the caller asked for; None where every answer is.

    Raises:
        UnsupportedInputError: A wrong setting, or one that the model does not take.
        ModelsManagerError: No member can be called.
        ConfigError: The handle exists nowhere.
    """
    operation = operation or capability.operations[0]
    present = {name: value for name, value in settings.items() if value is not None}
    faults = check_settings(capability, present) if present else []
    if faults:
        text = "; ".join(f"{f.message}, expected {f.expected}" if f.expected else f.message for f in faults)
        raise UnsupportedInputError(f"{text}; did you mean '{faults[0].suggestion}'?" if faults[0].suggestion else text)
    wanted = deck.default(capability.choice(operation.choice)) if handle is None else handle
    if not isinstance(wanted, (str, Mapping)):
        msg = f"a handle is a name, or a mapping with a model and settings, not {type(wanted).__name__}"
        raise UnsupportedInputError(msg)
    resolution = deck.resolve(wanted, capability.name)
    if present:
        resolution = resolution.with_settings(present)
    return Plan(
        operation=operation,
        capability=capability,
        handle=resolution.handle,
        members=_members(resolution),
        build=partial(capability.build, what),
        terms=terms,
        fits=fits,
        order=resolution.order,
    )


def _members(resolution: Resolution) -> tuple[ChainMember, ...]:
    """The members that can be called, but for those whose refused settings the policy does not let go."""
    members = resolution.available
    if not members:
        raise _nothing_to_call(resolution)
    if not resolution.refuses:
        return members
    if resolution.policy == "error":
        accepted = tuple(member for member in members if not member.refused)
        if not accepted:
            raise UnsupportedInputError("; ".join(members[0].refused.values()), model=members[0].name)
        return accepted
    if resolution.policy == "warn":
        for member in members:
            if member.refused:
                _log.warning("handle '%s': dropped %s", resolution.handle, "; ".join(member.refused.values()))
    return members


def _why(member: ChainMember) -> str:
    """Why a member cannot be called; what its maker's plugin would change comes first."""
    from pipelex_core.first_party import install_for

    install = None if "pip install" in (reason := member.entry.reason or "") else install_for(member.name)
    return f"run: {install}; {reason}" if install else reason


def _nothing_to_call(resolution: Resolution) -> ModelsManagerError:
    reasons = [f"'{member.name}': {_why(member)}" for member in resolution.chain]
    message = (
        f"handle '{resolution.handle}' leads to no model that can be called: {'; '.join(reasons) or 'it is empty'}"
    )
    return ModelsManagerError(message, [Problem(code="no-available-model", message=message)])

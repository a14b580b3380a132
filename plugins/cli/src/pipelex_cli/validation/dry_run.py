"""Calls every preset of the deck once, and each default, without a provider: requests are built as for the real call.

Each member's request is made by what makes it in earnest, its backend is made (never opened), the backend `mock`
answers, and the rulebook reads what the plugin would send (`refusals`). Nothing is sent: no connection is opened, and no middleware is asked.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from pipelex_cli.validation.refusals import look_for_refusals
from pipelex_core.capabilities.text import GENERATE_OBJECT
from pipelex_core.errors import CallError, ConfigError, PipelexError
from pipelex_core.objects import object_type
from pipelex_core.specs import NOWHERE
from pipelex_dialects.objects import fits as fits_object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipelex_core.backend import Backend
    from pipelex_core.config import ReadConfig
    from pipelex_core.deck.handles import ChainMember
    from pipelex_core.execution.plan import Plan
    from pipelex_core.plugins import Plugins
    from pipelex_core.specs import BackendConfig, ModelSpec, Source
    from pipelex_rules import Violation

_KIND = object_type({"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]})


@frozen
class DryRun:
    """What was tried: how many calls, and how many requests were built for them."""

    calls: int = 0
    requests: int = 0
    failed: int = 0


@frozen
class _Try:
    """One call to try: what it is of, where that is written, and its plan for a member's model."""

    of: str
    source: Source
    plan: Callable[[ModelSpec | None], Plan]


async def dry_run(read: ReadConfig) -> DryRun:
    """Try every preset and default, and report what would fail."""
    made: dict[tuple[str, str], Backend | str] = {}
    calls = requests = failed = 0
    for attempt in _tries(read):
        try:
            plan = attempt.plan(None)
        except PipelexError as error:
            failed += _unplanned(read, attempt, error)
            calls += 1
            continue
        faults = [await _fault(read, attempt, member, made) for member in plan.members]
        calls, requests, failed = calls + 1, requests + len(faults), failed + _report(read, attempt, faults)
    return DryRun(calls, requests, failed)


def _tries(read: ReadConfig) -> Iterator[_Try]:
    deck = read.loaded.deck
    for capability, presets in deck.presets.items():
        for preset in presets.values():
            yield _Try(f"preset '{preset.name}'", preset.source, _planner(read, capability, f"${preset.name}"))
    for choice, handle in deck.choices.items():
        capability, _, name = choice.partition(".")
        planner = _planner(read, capability, handle, name)
        yield _Try(f"the default for {choice}", read.loaded.choices.get(choice, NOWHERE), planner)


def _planner(read: ReadConfig, name: str, handle: Any, choice: str | None = None) -> Callable[[ModelSpec | None], Plan]:
    """The plan of a call, for what a member takes."""
    from pipelex_core.execution.plan import make_plan

    deck = read.loaded.deck
    capability = deck.capabilities[name]
    chosen = (each for each in capability.operations if each.choice == choice)
    operation = next(chosen, capability.operations[0])

    def plan(spec: ModelSpec | None) -> Plan:
        what, fits = capability.sample(spec), None
        if operation is GENERATE_OBJECT:
            what, fits = evolve(what, kind=_KIND), partial(fits_object, _KIND, False)  # no tools
        return make_plan(deck, capability, what, operation=operation, handle=handle, fits=fits)

    return plan


async def _fault(
    read: ReadConfig, attempt: _Try, member: ChainMember, made: dict[tuple[str, str], Backend | str]
) -> str | None:
    """Why a member could not be called; None where it could."""
    spec = member.spec
    assert spec is not None  # noqa: S101 -- only available members are in a plan
    key = (spec.backend, spec.sdk)
    if key not in made:
        made[key] = _backend(read, *key)
    backend = made[key]
    if isinstance(backend, str):
        return f"'{member.name}': {backend}"
    plan = attempt.plan(spec)
    try:
        if not isinstance(backend, plan.operation.needs):
            return (
                f"'{member.name}': sdk '{spec.sdk}' of backend '{spec.backend}' has no {plan.operation.needs.__name__}"
            )
        request = plan.build(spec, member.settings, None)
        mock: Any = _mock(read.context.plugins, evolve(backend.config, options={}, api_key=None, endpoint=None))
        answer = await getattr(mock, plan.operation.name)(evolve(request, spec=evolve(spec, options={})))
    except CallError as error:
        return f"'{member.name}': {error.message}"
    factory, _ = read.context.plugins.require(*key)
    refusals = await look_for_refusals(factory, backend.config, spec, plan.operation.name, request)
    if refusals.violations:
        return _refused(read, attempt, member.name, refusals.violations)
    if plan.fits is not None and not plan.fits(answer):
        return f"'{member.name}': no object can be made of an answer"
    return None


def _refused(read: ReadConfig, attempt: _Try, name: str, violations: tuple[Violation, ...]) -> str | None:
    """Word what the provider would refuse; what only users report is a warning, and no fault."""
    first = violations[0]
    place = f"{first.place}: " if first.place else ""
    words = (
        f"'{name}': its provider would answer {first.status}: {place}{first.words} (rule {first.rule}, {first.source})"
    )
    if first.severity == "refuse":
        return words
    read.faults.warning("dry-run-failed", f"{attempt.of} may be refused: {words}", attempt.source)
    return None


def _mock(plugins: Plugins, config: BackendConfig) -> Backend:
    """The backend that answers, with what it is wrapped in."""
    factory, _ = plugins.require("mock", "mock")
    return plugins.wrap_backend(factory(config), config, "mock", factory, str)


def _backend(read: ReadConfig, backend: str, sdk: str) -> Backend | str:
    """The real backend, made and never opened; or why it cannot be made."""
    try:
        factory, plugin = read.context.plugins.require(backend, sdk)
        config = read.loaded.deck.backends[backend]
        made = read.context.plugins.wrap_backend(factory(config), config, sdk, factory, str)
    except PipelexError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 -- whatever a plugin raises is a finding; its text may hold anything
        return f"plugin {plugin.label} cannot make its backend: {type(error).__name__}"
    return made


def _unplanned(read: ReadConfig, attempt: _Try, error: PipelexError) -> int:
    """A call that has nobody to ask. Where only keys are missing, a warning has reported that already."""
    codes = {problem.code for problem in getattr(error, "problems", ())}
    text = error.message if isinstance(error, CallError) else str(error.args[0])
    if "no-available-model" in codes:
        read.faults.warning("dry-run-failed", f"{attempt.of} cannot be called: {text}", attempt.source)
    else:
        read.faults.error(ConfigError, "dry-run-failed", f"{attempt.of} cannot be called: {text}", attempt.source)
    return 1


def _report(read: ReadConfig, attempt: _Try, faults: list[str | None]) -> int:
    """Report the members that fail; an error where all of them do."""
    reported = [fault for fault in faults if fault is not None]
    if not reported:
        return 0
    message = f"{attempt.of} would fail: {'; '.join(reported)}"
    if len(reported) == len(faults):
        read.faults.error(ConfigError, "dry-run-failed", message, attempt.source)
    else:
        message = f"{attempt.of} would move on: {'; '.join(reported)}"
        read.faults.warning("dry-run-failed", message, attempt.source)
    return int(len(reported) == len(faults))

"""Before a member of a chain is asked: its request, and its backend, open."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from pipelex_core.errors import CallError, PipelexError, UnsupportedInputError
from pipelex_core.execution.downloads import fetched
from pipelex_core.execution.faults import broken
from pipelex_core.execution.plan import out_of_time
from pipelex_core.execution.redaction import redact_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.backend import Backend
    from pipelex_core.calls import Call
    from pipelex_core.deck import ChainMember
    from pipelex_core.execution.attempts import Ledger
    from pipelex_core.execution.backends import Backends
    from pipelex_core.execution.plan import Plan
    from pipelex_core.requests import Request
    from pipelex_core.specs import BackendConfig, ModelSpec


async def prepare(
    plan: Plan, member: ChainMember, ledger: Ledger, backends: Backends, configs: Mapping[str, BackendConfig]
) -> tuple[ModelSpec, Call, Backend]:
    """The request of a member, and the backend to ask; what the model does not take is refused here, unpaid.

    Raises:
        CallError: The model does not take the request, or the caller's time is over.
        PluginError: The plugin is missing, or cannot open its backend.
    """
    spec = member.spec
    assert spec is not None  # noqa: S101 -- only available members are in a plan
    try:
        request, backend = await _ready(plan, spec, member.settings, backends)
    except CallError as error:
        redact_error(error, configs[spec.backend])
        raise ledger.close(error, spec) from error.__cause__
    except PipelexError:
        raise
    except Exception as error:  # noqa: BLE001 -- what a plugin does to open its backend may raise anything
        raise broken(error, spec, configs[spec.backend]) from None
    return spec, plan.call(request, configs[spec.backend], len(ledger.attempts) + 1), backend


async def _ready(
    plan: Plan, spec: ModelSpec, settings: Mapping[str, Any], backends: Backends
) -> tuple[Request, Backend]:
    left = plan.seconds_left()
    if left is not None and left <= 0:
        raise out_of_time()
    request = plan.build(spec, settings, left)
    backend, resources = await backends.get(spec)
    if not isinstance(backend, plan.operation.needs):
        msg = f"sdk '{spec.sdk}' of backend '{spec.backend}' has no {plan.operation.needs.__name__}"
        raise UnsupportedInputError(msg)
    fetch = plan.capability.fetch
    if fetch is not None and not backend.fetches_urls:
        request = await fetch(request, partial(fetched, resources))
    return request, backend

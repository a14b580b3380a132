"""Record what providers answer, and replay it: `PIPELEX_RECORD=DIR` and `PIPELEX_REPLAY=DIR`, for every client.

It wraps the backends, behind every middleware: what is recorded is what a provider would be sent, and paid for.
Nothing of this package is imported while both variables are unset.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipelex_core.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_core.backend import Backend
    from pipelex_core.capabilities import Capabilities
    from pipelex_core.specs import BackendConfig

RECORD = "PIPELEX_RECORD"
REPLAY = "PIPELEX_REPLAY"


def around(  # noqa: PLR0917 -- what `pipelex_wrap_backend` gets
    backend: Backend,
    make: Callable[[BackendConfig], Backend],
    config: BackendConfig,
    sdk: str,
    redact: Callable[[str], str],
    capabilities: Capabilities,
) -> Backend:
    """A backend whose answers are recorded, or replayed.

    Args:
        backend: The backend itself.
        make: Makes another one, for another table.
        config: Its table.
        sdk: What its models name.
        redact: A text without the secrets of the configuration.
        capabilities: What there is to call.

    Raises:
        PluginError: Both variables are set.
    """
    record, replay = os.environ.get(RECORD), os.environ.get(REPLAY)
    if record and replay:
        msg = f"{RECORD} and {REPLAY} are both set: answers are either recorded or replayed"
        raise PluginError(msg)
    if record:
        from pipelex_testing.recording.recorder import recorded

        return recorded(backend, record, redact, capabilities)
    from pipelex_testing.recording.replayer import replayed

    return replayed(backend, make, config, sdk, str(replay), redact, capabilities)

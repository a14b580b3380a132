"""What the kit adds to core: recording and replay around every backend, and its commands."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipelex_core.commands import Command
from pipelex_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipelex_core.backend import Backend
    from pipelex_core.capabilities import Capabilities
    from pipelex_core.specs import BackendConfig


@hookimpl
def pipelex_commands() -> Mapping[str, Command]:
    """`record`, `new-backend` and `certify`."""
    return {
        "record": Command(
            "pipelex_testing.record_command:record", help="Run a command, and record or replay what providers answer."
        ),
        "certify": Command(
            "pipelex_testing.certify_command:certify",
            help="Run the conformance suites of a plugin, and write its certificates.",
        ),
        "new-backend": Command(
            "pipelex_testing.new_backend_command:new_backend",
            help="Write a new distribution with a backend of your own.",
        ),
    }


@hookimpl
def pipelex_wrap_backend(  # noqa: PLR0917 -- pluggy passes them by name
    backend: Backend,
    config: BackendConfig,
    sdk: str,
    make: Callable[[BackendConfig], Backend],
    redact: Callable[[str], str],
    capabilities: Capabilities,
) -> Backend | None:
    """Record what a backend answers, or replay it, where `PIPELEX_RECORD` or `PIPELEX_REPLAY` names a folder."""
    if not (os.environ.get("PIPELEX_RECORD") or os.environ.get("PIPELEX_REPLAY")):
        return None
    from pipelex_testing.recording import around

    return around(backend, make, config, sdk, redact, capabilities)

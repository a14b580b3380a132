"""A plugin as a module, for an example of the documentation."""

from __future__ import annotations

from typing import Any

from pipelex_core.hookspecs import hookimpl
from tests.core.config_project import Acme


@hookimpl
def pipelex_backends() -> dict[str, Any]:
    """The sdk of the tests' configuration."""
    return Acme().pipelex_backends()

"""The suite that a planted defect goes through: `PLANTED` names it, and none is the sound backend."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

from pipelex_core.hookspecs import hookimpl
from pipelex_testing import Conformance, OpenAIChat
from tests.conformance.defects.planted import DEFECTS
from tests.conformance.defects.sound import Sound

if TYPE_CHECKING:
    from pipelex_core.specs import BackendConfig


class Acme:
    """The plugin."""

    @hookimpl
    def pipelex_backends(self) -> Any:
        name = os.environ.get("PLANTED")

        def create(config: BackendConfig) -> Any:
            return DEFECTS[name].make(config) if name else Sound(config)

        return {"acme": create}


class TestAcme(Conformance):
    """The backend that `PLANTED` names."""

    plugin = Acme()
    sdk = "acme"
    wire = OpenAIChat()
    claims: ClassVar = frozenset({"text", "stream", "object"})

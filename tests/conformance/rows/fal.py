"""fal's queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelex_core.specs import BackendConfig
from pipelex_testing.wires.fal_queue import FalServer
from tests.conformance.provider import Provider, secret
from tests.conformance.scenario import PNG
from tests.servers.base import Reply

if TYPE_CHECKING:
    from tests.servers.base import Received


class Fal(Provider):
    """Images, as jobs of a queue."""

    name = "fal"
    title = "fal"
    backend = "fal"
    sdk = "fal"
    sdk_module = "fal_client"
    cells = frozenset({"image out", "cancel"})
    painter_id = "fal-ai/flux/dev"

    def server(self) -> FalServer:
        return FalServer()

    def config(self, url: str, key: str | None = None) -> BackendConfig:
        return BackendConfig(name=self.backend, endpoint=url, api_key=secret(key, "fal-conformance"))

    def paints(self, server: Any) -> None:
        server.script.media["a.png"] = [Reply(chunks=(PNG,), content_type="image/png")]

    def hangs(self, server: Any) -> None:
        server.script.status = ["IN_PROGRESS"]

    async def refusal(self, server: Any, request: Received) -> str | None:
        return None

    def saw_cancel(self, server: Any) -> bool:
        return bool(server.cancelled)

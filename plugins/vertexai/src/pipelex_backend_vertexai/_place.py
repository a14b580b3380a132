"""Where in Vertex AI the models of other publishers are: `projects/…/locations/…/publishers/…/models/…`.

https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/use-partner-models
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from attrs import frozen

from pipelex_backend_vertexai._credentials import find_caller
from pipelex_backend_vertexai._endpoints import host_of
from pipelex_core.errors import AuthenticationError

if TYPE_CHECKING:
    from pipelex_backend_vertexai._credentials import Caller
    from pipelex_core.specs import BackendConfig


@frozen(kw_only=True)
class Place:
    """Who calls, and where.

    Attributes:
        caller: The credentials.
        project: The project that pays.
        location: A region, `us`, `eu` or `global`.
        address: With the scheme, without a path.
    """

    caller: Caller
    project: str
    location: str
    address: str


async def find_place(config: BackendConfig) -> Place:
    """The place of a backend; reads the file of the credentials in a thread.

    Raises:
        AuthenticationError: There are no usable credentials, or no project; or there is a key of express mode, which reaches
            Google's own models alone.
    """
    if config.api_key is not None:
        msg = "models of other publishers are not reached in express mode: set gcp_project_id, no api_key"
        raise AuthenticationError(msg)
    caller = await asyncio.to_thread(find_caller, config)
    project = config.options.get("gcp_project_id") or caller.project
    if not project:
        msg = "Vertex AI needs a project: set gcp_project_id"
        raise AuthenticationError(msg)
    location = config.options.get("gcp_location") or "global"
    address = (config.endpoint or f"https://{host_of(location)}").rstrip("/")
    return Place(caller=caller, project=project, location=location, address=address)

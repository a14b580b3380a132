"""Which of Vertex AI's endpoints a model id leads to: one's own, or the one that serves Model Garden's open models."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from pipelex_core.specs import ModelSpec

_FULL = re.compile(r"projects/[^/]+/locations/(?P<location>[^/]+)/endpoints/[^/]+")
_ID = re.compile(r"(?:endpoints/)?(?P<id>\d+)")
_OF_PUBLISHER = re.compile(r"(?!google/(?!gemma)|publishers/|models/|endpoints/)[^/]+/[^/]+")


@frozen(kw_only=True)
class Endpoint:
    """An endpoint that models are deployed on.

    Attributes:
        name: `projects/…/locations/…/endpoints/…`.
        location: Where it is.
        model: What its requests name as the model; empty where it serves one alone, as in the examples of
            google-cloud-aiplatform's `Endpoint.invoke`.
    """

    name: str
    location: str
    model: str = ""


def endpoint_of(spec: ModelSpec, *, project: str, location: str) -> Endpoint | None:
    """The endpoint that a model id names, or None for a model of Google's own.

    `projects/…/locations/…/endpoints/…`, `endpoints/123` and `123` are deployed models; `meta/llama-…` is an open model of
    Model Garden that Google runs, served by the endpoint `openapi`:
    https://cloud.google.com/vertex-ai/generative-ai/docs/migrate/openai/overview.
    """
    full = _FULL.fullmatch(spec.model_id)
    if full is not None:
        return Endpoint(name=full[0], location=full["location"])
    place = f"projects/{project}/locations/{location}/endpoints"
    own = _ID.fullmatch(spec.model_id)
    if own is not None:
        return Endpoint(name=f"{place}/{own['id']}", location=location)
    if _OF_PUBLISHER.fullmatch(spec.model_id):
        return Endpoint(name=f"{place}/openapi", location=location, model=spec.model_id)
    return None


def host_of(location: str) -> str:
    """Google's shared host for a location: https://cloud.google.com/vertex-ai/docs/general/locations."""
    if location == "global":
        return "aiplatform.googleapis.com"
    if location in {"us", "eu"}:
        return f"aiplatform.{location}.rep.googleapis.com"
    return f"{location}-aiplatform.googleapis.com"

"""The calls themselves; all of this runs in worker threads."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from pipelex_backend_bedrock._answer import as_object, read_answer, request_id_of
from pipelex_backend_bedrock._events import Assembly
from pipelex_backend_bedrock._headers import check_event_stream
from pipelex_backend_bedrock._request import asks_by_tool, converse_parameters
from pipelex_core.requests import ObjectRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from pipelex_core.errors import CallError
    from pipelex_core.requests import TextRequest
    from pipelex_core.results import TextAnswer


def converse(client: Any, request: TextRequest, options: Mapping[str, Any]) -> TextAnswer:
    """The answer of Converse; `options` are the backend's."""
    by_tool = isinstance(request, ObjectRequest) and asks_by_tool(request)
    response = client.converse(**converse_parameters(request, options))
    answer = read_answer(response, request.spec.model_id, keeps_cut=by_tool)
    return as_object(answer, request) if isinstance(request, ObjectRequest) and by_tool else answer


def converse_stream(
    client: Any, request: TextRequest, options: Mapping[str, Any], mapped: Callable[[Exception], CallError]
) -> Generator[str | TextAnswer, None, None]:
    """The deltas of ConverseStream, then the answer; what came without text is an empty one. An error holds the text before it."""
    by_tool = isinstance(request, ObjectRequest) and asks_by_tool(request)
    response = client.converse_stream(**converse_parameters(request, options))
    metadata = response["ResponseMetadata"]
    assembly = Assembly(metadata, shows_input=by_tool and not request.tools)
    with closing(response["stream"]) as events:
        try:
            check_event_stream(metadata["HTTPHeaders"])
            for event in events:
                yield assembly.add(event)
            answer = read_answer(assembly.response(), request.spec.model_id, keeps_cut=by_tool)
            yield as_object(answer, request) if isinstance(request, ObjectRequest) and by_tool else answer
        except Exception as error:  # noqa: BLE001 -- the border to the SDK: it becomes one of ours
            ours = mapped(error)
        else:
            return
    ours.partial_text = assembly.text
    ours.request_id = ours.request_id or request_id_of(response)
    raise ours


def list_models(client: Any) -> tuple[str, ...]:
    """The ids of the foundation models and of the inference profiles that lead to them."""
    found = {model["modelId"] for model in client.list_foundation_models()["modelSummaries"]}
    for page in client.get_paginator("list_inference_profiles").paginate():
        found.update(profile["inferenceProfileId"] for profile in page["inferenceProfileSummaries"])
    return tuple(sorted(found))

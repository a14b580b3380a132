"""CountTokens: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CountTokens.html."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pipelex_backend_bedrock._answer import request_id_of
from pipelex_backend_bedrock._request import converse_parameters
from pipelex_core.errors import InvalidAnswerError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.requests import TextRequest

_COUNTED = ("messages", "system", "toolConfig", "additionalModelRequestFields")
"""What CountTokens takes of Converse's parameters."""

_PROFILE = re.compile(r"^(?:arn:[^/]*:inference-profile/)?(?:us-gov|us|eu|apac|jp|au|ca|sa|global)\.(?=[a-z])")
"""How the id of a cross-region inference profile begins, before the id of its model:
https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html"""


def count_tokens(client: Any, request: TextRequest, options: Mapping[str, Any]) -> int:
    """Input tokens of a request, as the foundation model has them: CountTokens knows no inference profiles."""
    parameters = converse_parameters(request, options)
    counted = {name: parameters[name] for name in _COUNTED if name in parameters}
    model_id = _PROFILE.sub("", parameters["modelId"])
    response = client.count_tokens(modelId=model_id, input={"converse": counted})
    tokens = response.get("inputTokens")
    if not isinstance(tokens, int):
        msg = "the answer has no count of tokens"
        raise InvalidAnswerError(msg, request_id=request_id_of(response))
    return tokens

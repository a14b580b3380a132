"""Amazon Bedrock: every model that answers Converse and ConverseStream, and embeddings of Titan and Cohere, through boto3's lower half, botocore.

This module declares what there is and imports no SDK; `_client` does, in a worker thread, when a backend opens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelex_core.backend import BackendFactory, Option
from pipelex_core.hookspecs import hookimpl
from pipelex_core.specs import ModelType

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

    from pipelex_core.backend import Backend
    from pipelex_core.specs import BackendConfig

__all__ = ["pipelex_backends", "pipelex_model_specs"]

SDKS = ("bedrock", "bedrock_aioboto3", "bedrock_anthropic", "bedrock_boto3")
"""All served alike; `bedrock_anthropic` also says that the model is a Claude, and so how it reasons."""

_GUARDRAIL = "Guardrail of every call: a table with identifier, version and, if wanted, trace."

_OPTIONS = (
    Option(name="aws_region", required=True, help="Region whose Bedrock answers, such as us-east-1."),
    Option(name="aws_access_key_id", help="Access key; without any credentials here, AWS's own chain finds some."),
    Option(name="aws_secret_access_key", type="secret", help="The secret of aws_access_key_id."),
    Option(name="aws_session_token", type="secret", help="Session token, where the access key is a temporary one."),
    Option(name="aws_profile", help="Profile of ~/.aws to take credentials from."),
    Option(name="aws_role_arn", help="Role to assume with those credentials."),
    Option(name="read_timeout", default="3600", type="float", help="Longest silence of the provider, in seconds."),
    Option(name="guardrail", type="table", help=_GUARDRAIL),
    Option(
        name="batch_s3_uri", help="Folder in S3 for the records and results of batches, such as s3://bucket/folder."
    ),
    Option(name="batch_role_arn", help="Role by which Bedrock reads and writes that folder."),
    Option(name="s3_endpoint", help="Address that replaces that of S3."),
    Option(
        name="jobs_endpoint", help="Address that replaces that of Bedrock's control plane, where `endpoint` is another."
    ),
)

_MODEL_OPTIONS = (
    Option(
        name="structured_output",
        default="tool",
        choices=("tool", "offered_tool", "json_schema"),
        help="How an object is asked for: as a tool call, forced or offered, or by a JSON schema.",
    ),
    Option(
        name="reasoning",
        choices=("budget", "adaptive", "effort", "nova", "openai"),
        help="How the model is asked to reason; budget for sdk bedrock_anthropic by default.",
    ),
    Option(
        name="cache_points",
        type="list",
        help="After which parts of the prompt to set a cache point: of system, tools, messages.",
    ),
    Option(
        name="results_alone",
        default="false",
        type="bool",
        help="Whether the model takes the results of tools in a message of their own only.",
    ),
    Option(
        name="prefill",
        default="true",
        type="bool",
        help="Whether it goes on with its own message at the end of a conversation: from 4.6 on Claude does not.",
    ),
    Option(name="guardrail", type="table", help=f"{_GUARDRAIL} Wins over the backend's."),
    Option(name="additional_fields", type="table", help="The model's own parameters: additionalModelRequestFields."),
    Option(name="service_tier", choices=("priority", "default", "flex", "reserved"), help="Service tier of a call."),
)

_TYPES = {
    "amazon.titan-embed-text": ModelType.EMBEDDING,
    "cohere.embed-": ModelType.EMBEDDING,
}
"""What models are for by the beginning of their ids; all others are language models."""


def _create(config: BackendConfig) -> Backend:
    from pipelex_backend_bedrock._backend import BedrockBackend

    return BedrockBackend(config)


@hookimpl
def pipelex_backends() -> Mapping[str, BackendFactory]:
    """The sdks of Bedrock, one backend for all."""
    factory = BackendFactory(_create, options=_OPTIONS, model_options=_MODEL_OPTIONS, model_types=_TYPES)
    return dict.fromkeys(SDKS, factory)


@hookimpl
def pipelex_model_specs() -> Mapping[str, Traversable]:
    """The models of the backend `bedrock`."""
    from importlib.resources import files

    return {"bedrock": files(__name__) / "specs" / "bedrock.toml"}

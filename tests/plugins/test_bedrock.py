"""The Bedrock plugin as a project uses it: what it declares, its models, its list of models."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import date
from decimal import Decimal
from importlib.metadata import entry_points, requires
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import tomli

from pipelex_backend_bedrock import SDKS, pipelex_backends, pipelex_model_specs
from pipelex_core import Client
from pipelex_core.backend import ModelLister, ObjectGenerator, TextGenerator, TextStreamer
from pipelex_core.constraints import CONSTRAINTS, fit
from pipelex_core.errors import PermissionDeniedError
from pipelex_core.hookspecs import ENTRY_POINT_GROUP
from pipelex_core.parts import Message, TextPart
from pipelex_core.plugins import discover
from pipelex_core.settings import REASONING_EFFORTS
from pipelex_testing.rulebook import Rulebook
from tests.servers import bedrock
from tests.servers.base import Reply, Server, in_thread
from tests.servers.bedrock import (
    config,
    failure,
    make,
    object_request,
    request,
    served,
    spec,
    stated,
    stream,
    text_events,
)

if TYPE_CHECKING:
    from pathlib import Path

clean_aws = bedrock.clean_aws
pytestmark = pytest.mark.usefixtures("clean_aws")

FILE = tomli.loads(pipelex_model_specs()["bedrock"].read_bytes().decode(), parse_float=Decimal)
BACKEND, DEFAULTS = FILE.pop("backend"), FILE.pop("defaults")
MODELS: dict[str, dict[str, Any]] = {name: {**DEFAULTS, **table} for name, table in FILE.items()}
TEXT = [name for name, model in MODELS.items() if model["model_type"] == "llm"]
FACTORY = pipelex_backends()["bedrock"]
OPTIONS = {option.name: option for option in FACTORY.model_options}

KIT = {
    "bedrock-mistral-large": ("bedrock_aioboto3", "mistral.mistral-large-2407-v1:0"),
    "bedrock-meta-llama-3-3-70b-instruct": ("bedrock_aioboto3", "us.meta.llama3-3-70b-instruct-v1:0"),
    "bedrock-nova-pro": ("bedrock_aioboto3", "us.amazon.nova-pro-v1:0"),
    "claude-3.7-sonnet": ("bedrock_anthropic", "us.anthropic.claude-3-7-sonnet-20250219-v1:0"),
    "claude-4-sonnet": ("bedrock_anthropic", "us.anthropic.claude-sonnet-4-20250514-v1:0"),
    "claude-4-opus": ("bedrock_anthropic", "us.anthropic.claude-opus-4-20250514-v1:0"),
    "claude-4.1-opus": ("bedrock_anthropic", "us.anthropic.claude-opus-4-1-20250805-v1:0"),
    "claude-4.5-sonnet": ("bedrock_anthropic", "us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
}
"""Names, sdks and ids of the documentation: these stay."""

ELSEWHERE = {
    *("claude-3-haiku", "claude-3-opus", "claude-3.5-haiku", "claude-3.5-sonnet", "claude-opus-4", "mistral-large"),
    *("llama-3.3-70b-instruct", "nova-lite-v1", "nova-micro-v1"),
}
"""Names that the documentation gives to other backends alone."""

SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project's folder of configuration, without backends.toml."""
    folder = tmp_path / ".pipelex" / "inference"
    (folder / "deck").mkdir(parents=True)
    (folder / "deck" / "base.toml").write_text("[aliases]\n")
    (folder / "routing_profiles.toml").write_text('active = "all"\n[profiles.all]\ndefault = "bedrock"\n')
    return folder


def test_declaring_imports_no_sdk_nor_does_making_a_backend() -> None:
    """The SDK is imported when a backend opens, in a worker thread."""
    code = (
        "import sys, pipelex_backend_bedrock as plugin\n"
        "from pipelex_core.specs import BackendConfig\n"
        "backend = plugin.pipelex_backends()['bedrock'](BackendConfig(name='bedrock'))\n"
        "plugin.pipelex_model_specs()\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('boto3', 'botocore', 'urllib3', 's3transfer')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_it_is_found_as_a_plugin() -> None:
    """Its entry point brings the four sdks, and its metadata the range of core it works with."""
    points = [point for point in entry_points(group=ENTRY_POINT_GROUP) if point.name == "bedrock"]
    (record,) = discover(entry_points=points).records
    assert (record.status, record.reason, set(record.sdks)) == ("ok", None, set(SDKS))
    assert "pipelex-core<0.2,>=0.1" in (requires("pipelex-backend-bedrock") or [])


def test_its_capabilities_are_in_its_class() -> None:
    """Text, streams, objects and a list of models."""
    backend = make(config(None))
    for capability in (TextGenerator, TextStreamer, ObjectGenerator, ModelLister):
        assert isinstance(backend, capability)


# ── The models it ships ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_names_of_the_documentation_stay() -> None:
    """With their sdk and id; and no name that belongs to other backends is taken."""
    assert {name: (MODELS[name]["sdk"], MODELS[name]["model_id"]) for name in KIT} == KIT
    assert DEFAULTS["sdk"] == "bedrock_aioboto3"
    assert not ELSEWHERE & MODELS.keys()


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_described_in_known_words(name: str) -> None:
    """Sdk, constraints and options exist, prices are dated, and limits make sense."""
    model = MODELS[name]
    assert model["sdk"] in SDKS
    assert (model["sdk"] == "bedrock_anthropic") == ("claude-" in name)
    assert set(model.get("constraints", ())) <= CONSTRAINTS.keys()
    for option in model.keys() & OPTIONS.keys():
        choices = OPTIONS[option].choices
        assert model[option] in choices if choices else OPTIONS[option].type != "bool" or model[option] in {True, False}
    assert model.get("max_tokens", 0) <= model.get("context_window", model.get("max_tokens", 0))
    assert date.fromisoformat(model["as_of"]).year == 2026
    if model["model_type"] == "llm" and "input" in model.get("costs", ()):
        assert 0 <= model["costs"]["input"] <= model["costs"]["output"]
        assert model["costs"].get("input_cached", 0) <= model["costs"]["input"]


@pytest.mark.parametrize("name", TEXT)
def test_every_model_can_be_asked(name: str) -> None:
    """With settings fitted to it: text at each effort that it has, and an object where it gives some."""
    model = MODELS[name]
    made = attrs.evolve(
        spec(sdk=model["sdk"], model_id=model["model_id"]),
        constraints=frozenset(model.get("constraints", ())),
        options={key: value for key, value in model.items() if key in OPTIONS},
        max_tokens=model.get("max_tokens"),
    )
    reasons = "reasoning" in model or model["sdk"] == "bedrock_anthropic"
    efforts = [effort for effort in REASONING_EFFORTS if effort != "none" or model.get("reasoning") != "effort"]
    wanted: list[dict[str, Any]] = [
        {"temperature": 0.5},
        *({"reasoning_effort": effort} for effort in efforts if reasons),
    ]

    async def main() -> None:
        async with served(*[stated("x")] * (len(wanted) + 1)) as (server, backend):
            for settings in wanted:
                await backend.generate_text(request(spec=made, **fit(settings, made).settings))
            if "structured" in model["outputs"]:
                await backend.generate_object(object_request(SCHEMA, spec=made))
            sent = [received.json for received in server.received]
            refuses = "no_temperature" in made.constraints
            assert ("temperature" in sent[0].get("inferenceConfig", {})) is not refuses

    asyncio.run(main())


# ── In a project ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_project_with_keys_in_its_env_file(folder: Path) -> None:
    """The table of the documentation, with a region alone, finds its keys beside it: `.env` is no environment of AWS."""
    (folder.parent.parent / ".env").write_text(
        "AWS_ACCESS_KEY_ID=AKIDENVFILE\nAWS_SECRET_ACCESS_KEY=s\nAWS_REGION=eu-west-1\n"
    )
    with in_thread(Server(Rulebook(provider="bedrock"))) as server:
        (folder / "backends.toml").write_text(f'[bedrock]\nendpoint = "{server.url}"\naws_region = "${{AWS_REGION}}"\n')
        server.queue(stated("Hi"), stream(*text_events("a", "b")))
        with Client.from_project(folder.parent.parent) as client:
            result = client.generate_text("Hello", model="claude-4.5-haiku")
            assert (result.text, result.cost.amount if result.cost else None) == ("Hi", Decimal("0.000047"))
            with client.stream_text("Hello", model="bedrock-nova-pro") as deltas:
                assert list(deltas) == ["a", "b"]
            assert deltas.result.usage == result.usage
    authorization = server.received[0].headers["authorization"]
    assert authorization.startswith("AWS4-HMAC-SHA256 Credential=AKIDENVFILE/")
    assert "/eu-west-1/" in authorization


def test_a_project_leaves_credentials_to_aws(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without any keys, the chain's are used."""
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = s\n")
    with in_thread(Server(Rulebook(provider="bedrock"))) as server:
        (folder / "backends.toml").write_text(f'[bedrock]\nendpoint = "{server.url}"\naws_region = "us-east-1"\n')
        server.queue(stated("Hi"))
        with Client.from_project(folder.parent.parent) as client:
            assert client.generate_text("Hello", model="claude-4-sonnet").text == "Hi"
    assert "Credential=AKIDFILE/" in server.received[0].headers["authorization"]


def test_a_conversation_carries_thoughts_on(folder: Path) -> None:
    """A result's message, with its thinking, is accepted back through the client."""
    thought = {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "c2ln"}}}
    with in_thread(Server(Rulebook(provider="bedrock"))) as server:
        table = 'aws_region = "us-east-1"\naws_access_key_id = "AK"\naws_secret_access_key = "SK"\n'
        (folder / "backends.toml").write_text(f'[bedrock]\nendpoint = "{server.url}"\n{table}')
        server.queue(bedrock.message(thought, {"text": "Four"}), stated("Five"))
        with Client.from_project(folder.parent.parent) as client:
            first = client.generate_text("2 + 2?", model="claude-4-sonnet", reasoning_budget=1024)
            begun = Message(role="user", parts=(TextPart("2 + 2?"),))
            requested = [begun, first.message, Message(role="user", parts=(TextPart("+ 1?"),))]
            client.generate_text(requested, model="claude-4-sonnet", reasoning_budget=1024)
    assert server.received[1].json["messages"][1] == {"role": "assistant", "content": [thought, {"text": "Four"}]}


# ── What Bedrock offers ───────────────────────────────────────────────────────────────────────────────────────────


class Catalogue(Server):
    """Bedrock's control plane, with two pages of inference profiles."""

    async def answer(self, request: Any) -> Reply:
        if request.path == "/foundation-models":
            return Reply.json({"modelSummaries": [{"modelId": "amazon.nova-pro-v1:0", "modelArn": "arn"}]})
        page = {"inferenceProfileSummaries": [{"inferenceProfileId": "us.amazon.nova-pro-v1:0"}], "nextToken": "more"}
        if request.query.get("nextToken") == "more":
            page = {"inferenceProfileSummaries": [{"inferenceProfileId": "eu.amazon.nova-pro-v1:0"}]}
        return Reply.json(page)


def test_the_list_of_models() -> None:
    """Foundation models and every page of inference profiles: specs name either."""

    async def main() -> None:
        async with Catalogue() as server, bedrock.opened(server.url) as backend:
            listed = await backend.list_models()
            assert listed == ("amazon.nova-pro-v1:0", "eu.amazon.nova-pro-v1:0", "us.amazon.nova-pro-v1:0")

    asyncio.run(main())


def test_the_list_of_models_may_be_forbidden() -> None:
    """The error is that of a call; an API key is sent here too."""

    async def main() -> None:
        async with served(failure("AccessDeniedException", 403), api_key="some-api-key") as (server, backend):
            with pytest.raises(PermissionDeniedError):
                await backend.list_models()
            assert server.received[0].headers["authorization"] == "Bearer some-api-key"

    asyncio.run(main())

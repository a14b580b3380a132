"""Recorded traffic over two hops: the project's own backend `pipelex_inference`, a gateway, and a provider that replays.

The request that a record stands for goes to the gateway as a chat completion, whatever API the record is of; the gateway asks
its provider with the plugin of that API, and what comes back at the near end is what a direct call would have given.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve, frozen

from pipelex_core import errors
from pipelex_core.execution.resources import LoopResources
from pipelex_core.requests import TextRequest
from pipelex_core.specs import BackendConfig, ModelSpec, Secret
from tests.servers.base import in_thread
from tests.support.serving import Served, serving
from tests.wire import harness
from tests.wire.anthropic import MessagesAdapter
from tests.wire.google import GoogleAdapter
from tests.wire.mistral import MistralAdapter
from tests.wire.openai_chat import ChatAdapter, make
from tests.wire.openai_responses import ResponsesAdapter
from tests.wire.replaying import ReplayServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.wire.harness import Adapter, Record

KEY = "test-key-0123"
OPTIONS = {"reasoning_parameter": "reasoning"}
"""The gateway takes budgets of reasoning in OpenRouter's form."""

SDKS = {"azure_openai": "azure_openai", "anthropic": "anthropic", "mistral": "mistral"}
"""Provider -> sdk of its plugin; `openai` for all others."""


_AT_THE_PROVIDER = "its file is at the provider, and a chat completion sends bytes"
_WORD = "it has a Word document, and a chat completion takes PDFs and text"
NOT_SAID = {
    "gemini-generate_content-2e5f66ac": _AT_THE_PROVIDER,
    "gemini-generate_content-2b1af603": _AT_THE_PROVIDER,
    "gemini-generate_content-59bfd1e5": "it has a video, and the gateway takes none",
    "mistral-chat-3fc1aab4": _WORD,
    "perplexity-chat-31d2a920": _WORD,
}
"""What a direct call can say and a chat completion cannot."""


@frozen
class Case:
    """A record, and the adapter that knows its form."""

    record: Record
    adapter: Adapter

    @property
    def id(self) -> str:
        return str(self.record["id"])

    @property
    def backend(self) -> tuple[str, str]:
        """Name and sdk of the gateway's backend for it."""
        provider = self.record["provider"]
        if isinstance(self.adapter, GoogleAdapter):
            return "google", "google"
        if isinstance(self.adapter, ResponsesAdapter):
            sdk = "azure_openai_responses" if provider == "azure_openai" else "openai_responses"
            return f"{provider}-responses", sdk
        return provider, SDKS.get(provider, "openai")


def cases() -> list[Case]:
    """Every record that is a text or an object, which this project can say."""
    found = []
    adapters: list[Adapter] = [ChatAdapter(), ResponsesAdapter(), MessagesAdapter(), MistralAdapter(), GoogleAdapter()]
    for adapter in adapters:
        for record in harness.load_records(*adapter.stems):
            if (
                record["provider"] != "vertex"
                and not record.get("flow")
                and harness.why_skipped(record, adapter) is None
            ) and isinstance(adapter.request(record), TextRequest):
                found.append(Case(record, adapter))
    return found


CASES = cases()

_PATHS = {
    "google": "",
    "anthropic": "",
    "mistral": "",
    "azure_openai": "/openai/v1",
    "azure_openai_responses": "/openai/v1",
}


def _toml(value: object) -> str:
    return json.dumps(value)  # strings, numbers and booleans are written alike


def write_deck(folder: Path, url: str) -> None:
    """A backend for each provider and API, and a model for each record, named by its id."""
    inference = folder / ".pipelex" / "inference"
    tables: list[str] = []
    for name, sdk in sorted({case.backend for case in CASES}):
        endpoint = url + _PATHS.get(sdk, "/v1")
        tables.append(
            f'[{name}]\nenabled = true\nendpoint = "{endpoint}"\napi_key = "{KEY}"\nretries = 0\nrest_after_failures = 1000000\n'
        )
        models = [
            f'[defaults]\nsdk = "{sdk}"\ninputs = ["text", "images", "pdf", "audio"]\noutputs = ["text", "structured"]\n'
        ]
        for case in CASES:
            if case.backend[0] == name:
                spec = case.adapter.request(case.record).spec
                fields = {"model_id": spec.model_id, **spec.options}
                models.append("\n".join([f'["{case.id}"]', *(f"{key} = {_toml(fields[key])}" for key in fields), ""]))
        (inference / "backends" / f"{name}.toml").write_text("\n".join(models))
    (inference / "backends.toml").write_text("[mock]\nenabled = true\n" + "\n".join(tables))


@pytest.fixture(scope="module")
def hops(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, ReplayServer]]:
    folder = tmp_path_factory.mktemp("hops")
    with (
        in_thread(ReplayServer([case.record for case in CASES])) as server,
        serving(folder, prepare=lambda: write_deck(folder, server.url)) as served,
    ):
        assert isinstance(server, ReplayServer)
        yield served, server


def over_two_hops(case: Case, served: Served, server: ReplayServer) -> harness.Outcome:
    """What the near end gets."""
    server.forget()
    server.give(case.record)
    request = case.adapter.request(case.record)
    assert isinstance(request, TextRequest)
    spec = ModelSpec(name=case.id, backend="pipelex_inference", sdk="openai", model_id=case.id)
    config = BackendConfig(
        name="pipelex_inference", endpoint=f"{served.url}/v1", api_key=Secret("sk-near"), options=OPTIONS
    )
    outcome = harness.Outcome(log=server.sent)

    async def main() -> None:
        resources = LoopResources()
        backend = make("openai", config)
        try:
            await backend.open(resources)
            requested = evolve(request, spec=spec)
            outcome.answer = await harness.run(backend, requested, case.record["stream"], outcome.deltas)
        except errors.CallError as error:
            outcome.error = error
        finally:
            await backend.close()
            await resources.close()

    asyncio.run(main())
    return outcome


def parameters() -> list[Any]:
    """All cases: one in six in every run, the others behind the slow marker."""
    if not CASES:
        return [pytest.param(None, id="absent", marks=pytest.mark.skip(reason="no recorded traffic here"))]
    found = []
    for number, case in enumerate(CASES):
        marks = [pytest.mark.slow] if number % 6 else []
        if case.id in NOT_SAID:
            marks = [pytest.mark.skip(reason=NOT_SAID[case.id])]
        found.append(pytest.param(case, id=case.id, marks=marks))
    return found


@pytest.mark.parametrize("case", parameters())
def test_the_answer_is_the_recorded_one(hops: tuple[Served, ReplayServer], case: Case) -> None:
    """Text, finish reason, counts, tool calls or the class of the error, as the record says."""
    outcome, expected = over_two_hops(case, *hops), case.adapter.expected(case.record)
    if case.record["expect"].get("error_class") in {"auth", "permission"}:
        assert isinstance(
            outcome.error, errors.ServerError
        )  # the key that was refused is the gateway's, not the caller's
        assert "refuses the gateway's own key" in outcome.error.message
        return
    harness.check(outcome, expected)

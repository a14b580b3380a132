"""Every kind of call, and everything that is around calls: a table, whose cell fails where a kind lacks something.

Kinds come from the registry: a new one is in every row at once.
"""

from __future__ import annotations

import asyncio
import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import tomli
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import pipelex_backend_mock
import pipelex_testing.plugin
from pipelex_cli.app import run as command_line
from pipelex_core import AsyncClient, BudgetExceededError, Client, DeadlineExceededError
from pipelex_core.capabilities import BUILT_IN
from pipelex_core.errors import HandleNotFoundError, IdleTimeoutError, LimitReachedError, RateLimitError
from pipelex_core.plugins import discover
from pipelex_core.results import Result
from pipelex_middleware_cache import Cache
from pipelex_middleware_opentelemetry import Telemetry
from pipelex_testing import PDF
from tests.support.scripted import plugin
from tests.support.sounds import wav
from tools.docs.markdown import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipelex_core.capabilities import Capability

KINDS = tuple(BUILT_IN)
GIVEN: dict[str, tuple[Any, dict[str, Any], list[str]]] = {
    "llm": ("Name rivers.", {}, ["generate", "Name rivers.", "--no-stream"]),
    "extract": (PDF, {}, ["extract", "a.pdf"]),
    "img_gen": ("A lighthouse", {}, ["image", "A lighthouse"]),
    "embed": (["a river", "a city"], {}, ["embed", "a river"]),
    "transcribe": (wav(1), {}, ["transcribe", "a.wav"]),
    "speak": ("Hello there.", {}, ["speak", "Hello there."]),
    "rerank": ("a river", {"documents": ["a city", "a river"]}, ["rerank", "a river", "a city", "the Rhine"]),
    "moderate": (["Hello."], {}, ["moderate", "Hello."]),
}
"""What a call of each kind is about, and the command that makes one."""

PRICES = {kind.name: "{ input = 1000, output = 1000 }" for kind in KINDS if kind.unit == "million_tokens"} | {
    "rerank": "{ search = 1 }"
}
"""Prices of models that are not paid by the request."""


def project(folder: Path) -> Path:
    """A project whose deck has a default of each kind, and a chain to it from a model that is slow and then fails."""
    inference = folder / ".pipelex" / "inference"
    models, chains, choices = ['[defaults]\nsdk = "mock"\n'], "[aliases]\n", ""
    for kind in KINDS:
        kind_of_model = f'model_type = "{kind.model_types[0]}"\n'
        models.append(f"[{kind.name}-model]\n{kind_of_model}costs = {PRICES.get(kind.name, '{ request = 1 }')}\n")
        models.append(f'[{kind.name}-slow]\nsdk = "slow"\n{kind_of_model}')
        models.append(f'[{kind.name}-full]\nsdk = "slow"\n{kind_of_model}')
        if not kind.one_model:
            chains += f'{kind.name}-chain = ["{kind.name}-slow", "{kind.name}-model"]\n'
        choices += "".join(f'{kind.choice_key(name)} = "{kind.name}-model"\n' for name in kind.choices)
    for name, text in {
        "backends.toml": "[fake]\n",
        "backends/fake.toml": "".join(models),
        "routing_profiles.toml": 'active = "a"\n[profiles.a]\ndefault = "fake"\n',
        "deck/deck.toml": choices + chains,
    }.items():
        (inference / name).parent.mkdir(parents=True, exist_ok=True)
        (inference / name).write_text(text)
    (folder / "a.pdf").write_bytes(PDF)
    (folder / "a.wav").write_bytes(wav(1))
    return folder


def slow() -> Any:
    """A plugin whose sdk `slow` does every operation of every kind, after a minute; and what was cancelled there."""
    abandoned: list[str] = []

    def method(name: str, *, streams: bool) -> Any:
        async def wait(_self: Any, request: Any) -> Any:
            if request.spec.name.endswith("-full"):
                raise RateLimitError("one at a time", status=429)
            try:
                await asyncio.sleep(60)
            finally:
                abandoned.append(name)

        async def stream(self: Any, request: Any) -> Any:
            yield await wait(self, request)

        return stream if streams else wait

    operations = [operation for kind in KINDS for operation in kind.operations]
    bases = tuple(dict.fromkeys(operation.needs for operation in operations))
    methods = {operation.name: method(operation.name, streams=operation.streams) for operation in operations}
    made = plugin({"slow": type("Slow", bases, methods)})
    made.abandoned = abandoned
    return made


def opened(folder: Path, *more: Any, kind: Any = Client) -> Any:
    """A client of the project."""
    return kind.from_project(
        project(folder), plugins=discover(entry_points=(), extra=[pipelex_backend_mock, slow(), *more])
    )


def call(client: Any, kind: Capability, **more: Any) -> Any:
    """One call of a kind, to the deck's default."""
    about, arguments, _ = GIVEN[kind.name]
    return client.call(kind.name, about, **{"model": f"{kind.name}-model", **arguments, **more})


# ── What is around a call ─────────────────────────────────────────────────────────────────────────────────────────────


def has_a_method(kind: Capability, _folder: Path) -> None:
    """Of both clients, for each of its operations, and a page of the documentation that names it."""
    page = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    for operation in kind.operations:
        assert callable(getattr(AsyncClient, operation.name))
        assert callable(getattr(Client, operation.name))
        assert f"`{operation.name}(" in page


def answers_as_a_mock(kind: Capability, folder: Path) -> None:
    """With a ledger and a cost; the result goes through JSON, and is short where it is printed."""
    with opened(folder) as client:
        result = call(client, kind)
    assert isinstance(result, kind.operations[0].result)
    assert [attempt.outcome for attempt in result.attempts] == ["ok"]
    assert result.cost is not None
    assert Result.from_dict(json.loads(json.dumps(result.to_dict()))) == result
    assert len(repr(result)) < 250
    assert not re.search(r"cost=\d+\.\d*0\b", repr(result))  # no zeros behind


def is_cached(kind: Capability, folder: Path) -> None:
    """The second call is free."""
    cache = Cache(folder / "cache.sqlite")
    with opened(folder, cache) as client:
        uses = [call(client, kind).attempts[0] for _ in range(2)]
    cache.close()
    assert [use.cache for use in uses] == ["miss", "hit"]
    assert uses[1].is_free


def is_recorded_and_replayed(kind: Capability, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replay says the same."""
    monkeypatch.setenv("PIPELEX_RECORD", str(folder / "tapes"))
    with opened(folder, pipelex_testing.plugin) as client:
        first = call(client, kind)
    monkeypatch.delenv("PIPELEX_RECORD")
    monkeypatch.setenv("PIPELEX_REPLAY", str(folder / "tapes"))
    with opened(folder, pipelex_testing.plugin) as client:
        again = call(client, kind)
    assert (again.usage, again.model) == (first.usage, first.model)


def is_run_dry(kind: Capability, folder: Path) -> None:
    """The record has an input and builds a request of it, which has an expectation: what `validate --dry-run` needs."""
    with opened(folder) as client:
        spec = client.deck.models[f"{kind.name}-model"].spec
        assert spec is not None
        kind.expect(kind.build(kind.sample(spec), spec, {}, None))
        explained = client.explain(f"{kind.name}-model", capability=kind.name)
        assert explained


def has_a_span(kind: Capability, folder: Path) -> None:
    """With the operation's name by the conventions, or its own."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with opened(folder, Telemetry(tracer_provider=provider)) as client:
        call(client, kind)
    attempt, around = exporter.get_finished_spans()
    assert (attempt.attributes or {})["gen_ai.operation.name"] == (kind.telemetry or kind.name)
    assert (around.attributes or {})["pipelex.operation"] == kind.operations[0].name


def keeps_to_a_budget(kind: Capability, folder: Path) -> None:
    """What may cost more than is left is not sent."""
    with opened(folder) as client, pytest.raises(BudgetExceededError), client.budget(usd="0.0000001"):
        call(client, kind)


def keeps_to_limits(kind: Capability, folder: Path) -> None:
    """A second call of a minute that has one is not sent, and the error says which limit is full."""
    project(folder)
    (folder / ".pipelex" / "inference" / "backends.toml").write_text("[fake]\nrequests_per_minute = 1\n")
    plugins = discover(entry_points=(), extra=[pipelex_backend_mock, slow()])
    with Client.from_project(folder, plugins=plugins) as client:
        call(client, kind)
        with pytest.raises(LimitReachedError, match="requests_per_minute of backend 'fake'"):
            call(client, kind, deadline=0.2)


def has_presets(kind: Capability, folder: Path) -> None:
    """A name for a model with its settings, and a default that may be one; each setting has a meaning."""
    assert all(rule.help for rule in kind.settings.values())
    key = f"{kind.name}-model"
    project(folder)
    deck = folder / ".pipelex" / "inference" / "deck" / "deck.toml"
    deck.write_text(f'[{kind.name}.presets]\nof_mine = {{ model = "{key}" }}\n')
    plugins = discover(entry_points=(), extra=[pipelex_backend_mock, slow()])
    with Client.from_project(folder, plugins=plugins) as client:
        assert call(client, kind, model="of_mine").model == key
        with pytest.raises(HandleNotFoundError, match="of_mine"):
            call(client, kind, model="of_mein")


def tells_errors_apart(kind: Capability, folder: Path) -> None:
    """What the provider refuses is an error of its class, with the attempt that it was."""
    with opened(folder) as client, pytest.raises(RateLimitError) as caught:
        call(client, kind, model=f"{kind.name}-full", retries=0)
    (attempt,) = caught.value.attempts
    assert (attempt.outcome, attempt.status, caught.value.model) == ("error", 429, f"{kind.name}-full")


def falls_back(kind: Capability, folder: Path) -> None:
    """To the next model of a chain, when the first is silent for too long; vectors of two models are not mixed."""
    if kind.one_model:
        pytest.skip("a chain of this kind has one model, at several backends: tests/core/test_embed.py")
    if kind.once:  # the first may have been taken, and would be paid twice
        with opened(folder) as client, pytest.raises(IdleTimeoutError):
            call(client, kind, model=f"{kind.name}-chain", idle_timeout=0.2, retries=0)
        return
    with opened(folder) as client:
        result = call(client, kind, model=f"{kind.name}-chain", idle_timeout=0.2, retries=0)
    assert [attempt.outcome for attempt in result.attempts] == ["error", "ok"]


def keeps_to_a_deadline(kind: Capability, folder: Path) -> None:
    """The provider is not waited for."""
    with opened(folder) as client, pytest.raises(DeadlineExceededError):
        call(client, kind, model=f"{kind.name}-slow", deadline=0.2)


def is_cancelled(kind: Capability, folder: Path) -> None:
    """In the middle; the backend's work ends too."""

    async def main() -> list[str]:
        lazy = slow()
        plugins = discover(entry_points=(), extra=[pipelex_backend_mock, lazy])
        async with AsyncClient.from_project(project(folder), plugins=plugins) as client:
            task = asyncio.create_task(call(client, kind, model=f"{kind.name}-slow"))
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            abandoned: list[str] = lazy.abandoned
            return abandoned

    assert asyncio.run(main()) == [kind.operations[0].name]


def has_a_command(kind: Capability, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That answers in JSON, with what it cost."""
    monkeypatch.chdir(project(folder))
    inference = folder / ".pipelex" / "inference" / "backends" / "fake.toml"
    text = inference.read_text()
    inference.write_text(
        "".join(f"[{part}" for part in text.split("[")[1:] if not part.partition("]")[0].endswith(("-slow", "-full")))
    )
    deck = folder / ".pipelex" / "inference" / "deck" / "deck.toml"
    deck.write_text(deck.read_text().partition("[aliases]")[0])
    assert command_line([*GIVEN[kind.name][2], "-m", f"{kind.name}-model", "--json"]) == 0


@cache
def shipped() -> tuple[dict[str, Any], ...]:
    """The specs of every plugin."""
    found = (ROOT / "plugins").glob("*/src/*/specs/*.toml")
    return tuple(tomli.loads(file.read_text(encoding="utf-8")) for file in found)


def is_shipped_with_prices(kind: Capability, _folder: Path) -> None:
    """Some model that a plugin ships is for it, and its price is known."""
    priced = [
        name
        for table in shipped()
        for name, spec in table.items()
        if name not in {"backend", "defaults"}
        and {**table.get("defaults", {}), **spec}.get("model_type", "llm") in kind.model_types
        and spec.get("costs")
    ]
    assert priced


ROUND: tuple[Callable[..., None], ...] = (
    has_a_method,
    answers_as_a_mock,
    is_cached,
    is_recorded_and_replayed,
    is_run_dry,
    has_a_span,
    keeps_to_a_budget,
    keeps_to_limits,
    has_presets,
    tells_errors_apart,
    falls_back,
    keeps_to_a_deadline,
    is_cancelled,
    has_a_command,
    is_shipped_with_prices,
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("check", ROUND, ids=lambda check: check.__name__)
def test_every_kind_of_call_has_it(
    check: Callable[..., None], kind: Capability, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cell of the table."""
    check(kind, tmp_path, *((monkeypatch,) if check.__code__.co_argcount > 2 else ()))

"""A backend gets its own secrets, and no other's: from core when it is made, and from the environment when it calls."""

from __future__ import annotations

import asyncio
import gc
import os
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from pipelex_core import AsyncClient, CallError
from pipelex_core.backend import BackendFactory, Option
from pipelex_core.execution.redaction import redacted
from pipelex_core.plugins import discover
from pipelex_core.specs import BackendConfig
from pipelex_testing.running import Running, deck_for
from tests.resilience.backends import OTHERS, WIRES, kinds
from tests.servers.bedrock import clean_aws
from tests.support.scripted import Script, ScriptedBackend, plugin

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_testing import Conformance

__all__ = ["clean_aws"]

pytestmark = pytest.mark.usefixtures("clean_aws")

TABLES = """
[one]
api_key = "${ONE_KEY}"
endpoint = "http://one.invalid"

[two]
api_key = "${TWO_KEY}"
endpoint = "https://user:${TWO_WORD}@two.invalid"
second_key = "${TWO_SECOND}"

[off]
enabled = false
api_key = "${OFF_KEY}"
"""
MODEL = """
[defaults]
sdk = "spy"
model_type = "llm"
[{name}-model]
model_id = "m"
"""
ROUTES = """
active = "main"
[profiles.main]
default = "one"
[profiles.main.routes]
"two-*" = "two"
"""
VALUES = {name: f"canary-{name}-0123456789" for name in ("ONE_KEY", "TWO_KEY", "TWO_WORD", "TWO_SECOND", "OFF_KEY")}
OWN = {"one": {"ONE_KEY"}, "two": {"TWO_KEY", "TWO_WORD", "TWO_SECOND"}}


def project(root: Path) -> None:
    """A project whose `.env` has the keys."""
    folder = root / ".pipelex" / "inference"
    (folder / "backends").mkdir(parents=True)
    (folder / "deck").mkdir()
    (folder / "backends.toml").write_text(TABLES)
    (folder / "routing_profiles.toml").write_text(ROUTES)
    (folder / "deck" / "base.toml").write_text('[aliases]\nbest = "one-model"\n')
    for name in ("one", "two"):
        (folder / "backends" / f"{name}.toml").write_text(MODEL.format(name=name))
    (root / ".env").write_text("".join(f"{name}={value}\n" for name, value in VALUES.items()))


def held(thing: Any) -> set[str]:
    """The names of the values that can be reached from a thing, through whatever it holds."""
    seen: set[int] = set()
    waiting, found = [thing], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type) or callable(one):
            continue
        seen.add(id(one))
        if isinstance(one, str):
            found |= {name for name, value in VALUES.items() if value in one}
        slots = [getattr(one, name, None) for kind in type(one).__mro__ for name in getattr(kind, "__slots__", ())]
        waiting += [*gc.get_referents(one), *slots]
    return found


def test_a_factory_gets_its_own_table_and_nothing_else(tmp_path: Path) -> None:
    """One argument; from it the values of its own table can be reached, and no other's, nor out of the environment."""
    project(tmp_path)
    provided: list[tuple[Any, ...]] = []

    def create(*args: Any, **named: Any) -> ScriptedBackend:
        provided.append((*args, *named.values()))
        return ScriptedBackend(args[0], Script())

    factory = BackendFactory(create, options=(Option(name="second_key", type="secret"),))
    plugins = discover(entry_points=(), extra=[plugin({"spy": factory})])

    async def main() -> None:
        async with AsyncClient.from_project(tmp_path, environ={}, plugins=plugins) as client:
            for name in ("one", "two"):
                await client.generate_text("x", model=f"{name}-model")

    asyncio.run(main())
    assert [[type(each) for each in arguments] for arguments in provided] == [[BackendConfig]] * 2
    assert {arguments[0].name: held(arguments) for arguments in provided} == OWN
    assert not [value for value in os.environ.values() if value in VALUES.values()]
    one, two = (arguments[0] for arguments in provided)
    assert redacted(VALUES["ONE_KEY"], one) == "***"
    assert redacted(VALUES["TWO_KEY"], one) == VALUES["TWO_KEY"]  # it does not know that one
    assert redacted(VALUES["TWO_KEY"], two) == "***"


ALIEN = "alien-0123456789-key"
THEIRS = [
    "OPENAI_API_KEY",
    "OPENAI_ADMIN_KEY",
    "OPENAI_ORG_ID",
    "OPENAI_PROJECT_ID",
    "OPENAI_WEBHOOK_SECRET",
    "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_AD_TOKEN",
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "MISTRAL_API_KEY",
    "GOOGLE_API_KEY",
    "GEMINI_API_KEY",
    "FAL_KEY",
    "FAL_KEY_ID",
    "FAL_KEY_SECRET",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_BEARER_TOKEN_BEDROCK",
    "HF_TOKEN",
    "XAI_API_KEY",
    "BLACKBOX_API_KEY",
    "PIPELEX_INFERENCE_API_KEY",
]
"""What SDKs look for by themselves, and what other backends are given."""


@pytest.mark.parametrize("has_key", [True, False], ids=["with its key", "without"])
@pytest.mark.parametrize("name", WIRES | OTHERS)
def test_a_request_holds_no_key_of_the_environment(name: str, has_key: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever an SDK would take of itself stays at home, also where the backend has no key."""
    suite: Conformance = (WIRES | OTHERS)[name]
    for variable in THEIRS:
        monkeypatch.setenv(variable, ALIEN)
    if suite.sdk == "bedrock":
        monkeypatch.delenv("AWS_SESSION_TOKEN")  # a signature of those is meant, where the table has no keys

    async def main() -> list[str]:
        async with asyncio.timeout(60), suite.spoken.server() as server:
            deck = deck_for(suite, server.url, "its-own-key")
            if not has_key:
                deck = evolve(
                    deck, backends={name: evolve(config, api_key=None) for name, config in deck.backends.items()}
                )
            async with AsyncClient(deck, suite.plugins()) as client:
                at = Running(suite, server, client)
                for call in kinds(suite):
                    call.queue(at)
                    with nullcontext() if has_key else suppress(CallError):  # without one it may refuse to call
                        await call.make(at, retries=0)
            return [f"{request.path} {request.query} {request.headers} {request.body!r}" for request in server.received]

    reported = asyncio.run(main())
    assert reported or not has_key
    assert not [request for request in reported if ALIEN in request]

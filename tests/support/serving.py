"""A gateway of `pipelex serve` in a thread, over a small project whose backends are loopback servers."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from pipelex_serve.keys.editing import add_key
from pipelex_serve.settings import Limits, Settings
from pipelex_serve.worker import listen, open_gateway, serve

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from pathlib import Path

    from pipelex_serve.gateway import Gateway
    from pipelex_serve.worker import Server

MODELS = {
    "mock": """[defaults]
sdk = "mock"
costs = { input = 1.0, input_cached = 0.1, output = 2.0 }
[m]
inputs = ["text", "images", "pdf", "audio"]
outputs = ["text", "structured"]
max_tokens = 1000
[caller]
inputs = ["text"]
outputs = ["text", "structured"]
calls_tools = true
[vectors]
model_type = "embedding"
dimensions = 8
costs = { input = 1.0 }
[painter]
model_type = "img_gen"
costs = { image = 0.01 }
[ear]
model_type = "transcriber"
costs = { minute = 0.6 }
[voice]
model_type = "speaker"
costs = { character = 0.001 }
[ranker]
model_type = "reranker"
costs = { search = 0.002 }
[guard]
model_type = "moderator"
""",
    "openai": """[defaults]
sdk = "openai"
inputs = ["text", "images", "pdf"]
outputs = ["text", "structured"]
costs = { input = 1.0, input_cached = 0.1, output = 2.0 }
[gpt]
model_id = "gpt-4o-mini"
max_tokens = 16000
constraints = ["temperature_must_be_multiplied_by_2", "no_reasoning_effort", "no_reasoning_budget"]
""",
    "anthropic": """[defaults]
sdk = "anthropic"
inputs = ["text", "images", "pdf"]
outputs = ["text", "structured"]
costs = { input = 1.0, input_cached = 0.1, output = 2.0 }
[claude]
model_id = "claude-sonnet-4-5"
max_tokens = 64000
thinking = "budget"
""",
}

PROVIDER_KEY = "sk-provider-0123456789"
PROVIDER_KEYS = {"anthropic": "sk-ant-test-0123456789"}
"""The keys that the loopback servers know."""

ALIASES = """[aliases]
smart_llm = ["gpt", "claude"]
"""
DECK = """[llm.presets]
brief = { model = "m", max_tokens = 3 }
[llm.choice_defaults]
for_text = "m"
for_object = "m"
[moderate]
choice_default = "guard"
"""


def write_project(folder: Path, endpoints: Mapping[str, str], *, deck: str = DECK) -> Path:
    """A project whose backends are the mock, and those that have an endpoint; its `.pipelex` folder."""
    inference = folder / ".pipelex" / "inference"
    (inference / "backends").mkdir(parents=True, exist_ok=True)
    (inference / "deck").mkdir(exist_ok=True)
    tables = ["[mock]\nenabled = true\n"]
    for name, url in endpoints.items():
        tables.append(
            f'[{name}]\nenabled = true\nendpoint = "{url}"\napi_key = "{PROVIDER_KEYS.get(name, PROVIDER_KEY)}"\nretries = 0\n'
        )
    (inference / "backends.toml").write_text("\n".join(tables))
    (inference / "routing_profiles.toml").write_text('active = "all"\n[profiles.all]\ndefault = "mock"\n')
    for name in ("mock", *endpoints):
        if name in MODELS:
            (inference / "backends" / f"{name}.toml").write_text(MODELS[name])
    aliases = ALIASES if {"openai", "anthropic"} <= endpoints.keys() else ""
    (inference / "deck" / "base_deck.toml").write_text(aliases + deck)
    return folder / ".pipelex"


@frozen
class Served:
    """A gateway that answers.

    Attributes:
        url: Its address.
        gateway: Its inside.
        loop: The loop that it runs in.
    """

    url: str
    gateway: Gateway
    loop: asyncio.AbstractEventLoop

    def run(self, work: Awaitable[Any]) -> Any:
        """Await something in its loop."""

        async def main() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(main(), self.loop).result(20)

    def key(self, name: str = "alice", **limits: Any) -> str:
        """Make a key; its secret."""
        _, secret = self.run(add_key(self.gateway.accounts.store, name, limits))
        self.gateway.accounts._known.clear()
        self.gateway.accounts._open_until = 0
        return str(secret)


@contextmanager
def serving(folder: Path, endpoints: Mapping[str, str] = {}, **provided: Any) -> Iterator[Served]:
    """Serve a project for the block; `provided` are fields of `Settings`, and of its `Limits`.

    `prepare` is called when the project is written, before it is loaded.
    """
    deck, prepare = provided.pop("deck", DECK), provided.pop("prepare", None)
    limits = {name: provided.pop(name) for name in list(provided) if hasattr(Limits(), name)}
    config = write_project(folder, endpoints, deck=deck)
    if prepare is not None:
        prepare()
    settings = Settings(
        config=str(config),
        port=0,
        access_log=False,
        watch=False,
        limits=evolve(Limits(), **limits),
        **{"spend": str(folder / "spend.sqlite3"), **provided},
    )
    with _in_thread(settings) as served:
        yield served


@contextmanager
def _in_thread(settings: Settings) -> Iterator[Served]:
    listener = listen(settings)
    started, found, failures = threading.Event(), list[tuple["Gateway", "Server", asyncio.AbstractEventLoop]](), []

    async def main() -> None:
        gateway = await open_gateway(settings)

        def handle(gateway: Gateway, server: Server) -> None:
            found.append((gateway, server, asyncio.get_running_loop()))
            started.set()

        await serve(gateway, [listener], handle=handle)

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:
            failures.append(error)
        finally:
            started.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        assert started.wait(30), "the gateway did not start"
        if failures:
            raise failures[0]
        gateway, server, loop = found[0]
        yield Served(f"http://127.0.0.1:{listener.getsockname()[1]}", gateway, loop)
        server.should_exit = True
        thread.join(15)
        assert not thread.is_alive(), "the gateway did not end"
        if failures:
            raise failures[0]
    finally:
        listener.close()


def raw(url: str, data: bytes, *, seconds: float = 5.0, until: Callable[[bytes], bool] | None = None) -> bytes:
    """What comes back for bytes that are sent as they are, until the connection ends."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=seconds) as connection:
        connection.sendall(data)
        got = b""
        while piece := connection.recv(65536):
            got += piece
            if until is not None and until(got):
                break
        return got

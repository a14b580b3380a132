"""A project in which the documentation's examples run as they stand: what `pipelex init` writes, on loopback servers."""

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import tomli
import tomlkit

from pipelex_cli.starter import starter_files
from pipelex_core.plugins import discover
from pipelex_testing.samples import png
from pipelex_testing.wires import fal_queue as fal
from tests.documents.pdfs import lines, pdf
from tests.servers import anthropic, bedrock, google, mistral
from tests.servers.base import Received, Reply, Server, in_thread
from tests.servers.openai_server import OpenAIServer
from tests.support.projects import write_files
from tests.support.sounds import wav

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

BACKENDS = ".pipelex/inference/backends.toml"
OFFLINE = ("internal", "kokoro", "llamacpp", "rapidocr", "whisper")


class BedrockServer(Server):
    """Bedrock, with one answer to everything that it takes."""

    provider = "bedrock"

    async def answer(self, request: Received) -> Reply:
        streams = request.path.endswith("-stream")
        return bedrock.stream(*bedrock.text_events("A", " river")) if streams else bedrock.stated("A river")


SERVERS: dict[str, tuple[type[Server], dict[str, str]]] = {
    "openai": (OpenAIServer, {"endpoint": "{url}/v1", "api_key": "sk-loopback"}),
    "anthropic": (anthropic.AnthropicServer, {"endpoint": "{url}", "api_key": anthropic.KEY}),
    "bedrock": (BedrockServer, {"endpoint": "{url}", "aws_region": "us-east-1", "api_key": "bedrock-key"}),
    "fal": (fal.FalServer, {"endpoint": "{url}", "api_key": "fal-id:fal-secret"}),
    "google": (google.GoogleServer, {"endpoint": "{url}", "api_key": google.KEY}),
    "mistral": (mistral.MistralServer, {"endpoint": "{url}", "api_key": mistral.KEY}),
}
"""Backend -> who answers for it, and its table."""


def every_variable(*texts: str) -> dict[str, str]:
    """A value for every variable that a shipped backend, or one of these texts, names."""
    sources = [*(shipped.file.read_text(encoding="utf-8") for shipped in discover().shipped_specs), *texts]
    return {name: "some-value" for text in sources for name in re.findall(r"\$\{(?:env:)?([A-Za-z_]\w*)", text)}


def write_project(folder: Path, changes: Mapping[str, Mapping[str, Any]]) -> None:
    """What `pipelex init` writes; a backend of `changes` has these keys, every other one is off."""
    keys = {} if set(changes) <= set(OFFLINE) else {"OPENAI_API_KEY": "sk-loopback"}
    write_files(folder, starter_files(discover(), keys))
    tables = tomli.loads((folder / BACKENDS).read_text(encoding="utf-8"))
    for name, table in tables.items():
        table.update(changes.get(name, {"enabled": False}))
    (folder / BACKENDS).write_text(tomlkit.dumps(tables), encoding="utf-8")
    (folder / "report.pdf").write_bytes(pdf(lines("First page"), lines("Second page")))
    (folder / "photo.png").write_bytes(png())
    (folder / "sky.png").write_bytes(png(transparent=True))
    (folder / "meeting.wav").write_bytes(wav(4))


@contextmanager
def served_project(folder: Path, *backends: str) -> Iterator[dict[str, Server]]:
    """The project with these backends and those that need no network on; the servers by backend."""
    changes: dict[str, dict[str, Any]] = {name: {"enabled": True} for name in OFFLINE}
    servers: dict[str, Server] = {}
    with ExitStack() as stack:
        for name in backends:
            if name in OFFLINE:
                continue
            kind, table = SERVERS[name]
            servers[name] = stack.enter_context(in_thread(kind()))
            filled = {key: value.format(url=servers[name].url) for key, value in table.items()}
            changes[name] = {"enabled": True, **filled}
        write_project(folder, changes)
        yield servers

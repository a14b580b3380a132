"""Three distributions of strangers, built and installed as wheels beside core, used from the command line and the library."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_testing import OpenAIChat, SampleAnswer, Server, in_thread
from tests.packaging.environments import COMMAND_LINE_NAMES, Environment, make_environment, with_command_line
from tests.support.projects import write_files

if TYPE_CHECKING:
    from collections.abc import Iterator

DISTS = Path(__file__).parent / "dists"
NAMES = {"gateway": "corp-ai-gateway", "lumen": "pipelex-lumen", "privacy": "prompt-privacy"}
OBJECT = {"name": "Paris", "is_capital": True}


@pytest.fixture(scope="module")
def environment(built_wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Core, the command line, the kit, the plugin for OpenAI, and the three; from wheels, the strangers' built in folders of their own."""
    folder = tmp_path_factory.mktemp("strangers")
    wheels = with_command_line(built_wheels, "testing", "openai")
    for name in NAMES:
        source = shutil.copytree(DISTS / name, folder / name)
        command = [sys.executable, "-m", "uv", "build", "--wheel", "--no-build-isolation", "--out-dir", str(folder)]
        subprocess.run([*command, str(source)], check=True, capture_output=True)
    made = make_environment(folder / "venv")
    made.install(*wheels, *map(str, sorted(folder.glob("*.whl"))))
    return made


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Server]]:
    """The company's gateway and Lumen, on loopback."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(in_thread(Server())) for name in ("corp", "lumen")}


@pytest.fixture(scope="module")
def project(environment: Environment, servers: dict[str, Server]) -> Path:
    """A user's project: both backends on, and a preset of each."""
    inference = environment.folder.parent / "project" / ".pipelex" / "inference"
    files = {
        "backends.toml": f'[corp]\n\n[lumen]\nendpoint = "{servers["lumen"].url}"\ntenant = "acme"\n',
        "routing_profiles.toml": 'active = "a"\n[profiles.a]\ndefault = "corp"\n[profiles.a.routes]\n"lumen-*" = "lumen"\n',
        "deck/deck.toml": '[llm.choice_defaults]\nfor_text = "corp-large"\nfor_object = "corp-large"\n[llm.presets.bright]\nmodel = "lumen-bright"\ntemperature = 0.5\n',
    }
    write_files(inference, files)
    return inference.parent.parent


@pytest.fixture
def variables(servers: dict[str, Server]) -> dict[str, str]:
    """What the backends' tables ask for."""
    for server in servers.values():
        server.forget()
        server.received.clear()
    return {
        "CORP_GATEWAY_URL": f"{servers['corp'].url}/v1",
        "CORP_GATEWAY_KEY": "corp-canary-key",
        "LUMEN_KEY": "lumen-canary-key",
    }


def wires() -> dict[str, Any]:
    """Both providers' answers; Lumen's in its own author's words."""
    spec = importlib.util.spec_from_file_location("lumen_wire", DISTS / "lumen" / "checks" / "lumen_wire.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {"corp": OpenAIChat(), "lumen": module.LumenWire()}


def printed(environment: Environment, command: str, *arguments: str, cwd: Path, **more: str) -> str:
    """What a command of the environment prints; it succeeds."""
    done = environment.run(command, *arguments, cwd=cwd, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_they_are_found_and_none_of_the_workspace(
    environment: Environment, project: Path, variables: dict[str, str]
) -> None:
    """`pipelex plugins` names each with its version and hooks; what is imported comes from wheels."""
    rows = {
        row["distribution"]: row
        for row in json.loads(printed(environment, "pipelex", "plugins", "--json", cwd=project))
    }
    assert {name: rows[name]["status"] for name in NAMES.values()} == dict.fromkeys(NAMES.values(), "ok")
    assert rows.keys() - NAMES.values() == {"pipelex-backend-openai", "pipelex-testing", *COMMAND_LINE_NAMES}
    assert rows["corp-ai-gateway"]["hooks"] == ["pipelex_model_specs"]
    assert (rows["pipelex-lumen"]["version"], rows["pipelex-lumen"]["sdks"]) == ("0.4.1", ["lumen"])
    assert rows["prompt-privacy"]["hooks"] == ["pipelex_middleware"]
    where = printed(
        environment,
        "python",
        "-c",
        "import pipelex_core, pipelex_lumen as p; print(pipelex_core.__file__, p.__file__)",
        cwd=project,
    )
    assert where.count("site-packages") == 2


def test_the_command_line(
    environment: Environment, project: Path, servers: dict[str, Server], variables: dict[str, str]
) -> None:
    """A valid configuration, the models of both, and an answer of each; no address in what is sent."""
    assert json.loads(printed(environment, "pipelex", "validate", "--json", cwd=project, **variables))["ok"]
    shown = json.loads(printed(environment, "pipelex", "show", "models", "--json", cwd=project, **variables))
    assert {"corp-large", "corp-small", "lumen-bright"} <= {row["model"] for row in shown}
    for backend, model in (("corp", "corp-small"), ("lumen", "bright")):
        servers[backend].queue(wires()[backend].answer(SampleAnswer(text="Dear all")))
        command = ("generate", "Write to ann@example.com.", "--model", model, "--json")
        answer = json.loads(printed(environment, "pipelex", *command, cwd=project, **variables))
        assert (answer["text"], answer["backend"]) == ("Dear all", backend)
        (received,) = servers[backend].received
        assert b"Write to [e-mail]." in received.body
    assert servers["lumen"].received[0].json["heat"] == 0.5
    assert servers["lumen"].received[0].headers["x-lumen-tenant"] == "acme"


def test_the_library(
    environment: Environment, project: Path, servers: dict[str, Server], variables: dict[str, str]
) -> None:
    """Text, a stream and an object of each provider; counts and prices; the middleware around all of it."""
    for backend, wire in wires().items():
        servers[backend].queue(
            wire.answer(SampleAnswer()), wire.stream(SampleAnswer()), wire.answer(SampleAnswer(value=OBJECT))
        )
    program = str(DISTS / "program.py")
    reported = json.loads(printed(environment, "python", program, "corp-large", "bright", cwd=project, **variables))
    for model, backend, cost in (("corp-large", "corp", "0.000064"), ("bright", "lumen", "0.000031")):
        stated = reported[model]
        assert (stated["text"], stated["backend"], stated["city"]) == (SampleAnswer().text, backend, ["Paris", True])
        assert "".join(stated["pieces"]) == SampleAnswer().text
        assert len(stated["pieces"]) > 1
        assert (stated["tokens"], stated["cost"]) == (20, cost)
        assert len(servers[backend].received) == 3
        assert all(b"@example" not in request.body for request in servers[backend].received)
        assert all(b"[e-mail]" in request.body for request in servers[backend].received)


def test_the_provider_of_its_own_passes_the_kit(environment: Environment, tmp_path: Path) -> None:
    """Its author's suite, in that environment: certified for text, streams and objects."""
    shutil.copytree(DISTS / "lumen" / "checks", tmp_path / "checks")
    checks = str(tmp_path / "checks" / "lumen_conformance.py")
    command = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--certificate", "certificates", checks)
    done = environment.run("python", *command, cwd=tmp_path, PYTHONPATH=str(tmp_path / "checks"))
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    (file,) = (tmp_path / "certificates").glob("*.json")
    certificate = json.loads(file.read_text())
    assert certificate["certified"]
    proven = {name for name, reported in certificate["capabilities"].items() if reported["proven"]}
    assert proven >= {"text", "stream", "object"}
    assert certificate["plugin"]

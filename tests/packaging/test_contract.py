"""The API for plugins is what it was at the last release, and plugins that were built then still run."""

from __future__ import annotations

import ast
import importlib
import json
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import tomli
from packaging.version import Version

from pipelex_core.plugin_api import PLUGIN_API
from tests.packaging.api import FOLDER, SOURCES, api_of, breaks, latest
from tests.packaging.environments import (
    BACKENDS,
    COMMAND_LINE_NAMES,
    MIDDLEWARES,
    ROOT,
    make_environment,
    with_command_line,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.packaging.environments import Environment


def test_no_change_breaks_a_plugin_undeclared() -> None:
    """Whatever plugins of the last release would stumble over is declared, in a version that may do so."""
    released, api = latest()
    declared = tomli.loads((FOLDER / "breaks.toml").read_text(encoding="utf-8"))
    found = breaks(api, api_of(SOURCES))
    hint = "restore it, or declare it in tests/packaging/contract/breaks.toml"
    assert {path: reported for path, reported in found.items() if path not in declared} == {}, hint
    assert set(declared) <= set(found), "breaks.toml declares what is no break"
    now = Version(tomli.loads((ROOT / "core" / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])
    if declared:
        assert (now.major, 0 if now.major else now.minor) > (Version(released).major, Version(released).minor)


CHANGES: dict[str, tuple[str, str, str, dict[str, str]]] = {
    "a method that is gone": (
        "backend.py",
        "async def close(self)",
        "async def shut(self)",
        {"pipelex_core.backend.Backend.close": "Public object was removed"},
    ),
    "an argument of another name": (
        "backend.py",
        "generate_text(self, request:",
        "generate_text(self, asked:",
        {
            "pipelex_core.backend.TextGenerator.generate_text(request)": "Parameter was removed",
            "pipelex_core.backend.TextGenerator.generate_text": "Parameter was added as required",
        },
    ),
    "a function that is gone": (
        "headers.py",
        "def retry_after(",
        "def wait_after(",
        {"pipelex_core.headers.retry_after": "Public object was removed"},
    ),
    "a method that must be written now": (
        "backend.py",
        "    async def open(self",
        "    @abstractmethod\n    async def open(self",
        {"pipelex_core.backend.Backend.open": "Method must be written now"},
    ),
    "an argument more": (
        "hookspecs.py",
        "pipelex_call_finished(call: FinishedCall)",
        "pipelex_call_finished(call: FinishedCall, more: str)",
        {"pipelex_core.hookspecs.pipelex_call_finished": "Parameter was added as required"},
    ),
    "a field without its default": (
        "backend.py",
        "    required: bool = False",
        "    required: bool",
        {"pipelex_core.backend.Option.required": "Field must be given now"},
    ),
    "another base": (
        "errors.py",
        "class RateLimitError(CallError)",
        "class RateLimitError(PipelexError)",
        {"pipelex_core.errors.RateLimitError": "Base class was removed"},
    ),
    "a field more, with a default": (
        "backend.py",
        '    default: str = ""',
        '    default: str = ""\n    more: str = ""',
        {},
    ),
    "another default": ("backend.py", 'help: str = ""', 'help: str = "none"', {}),
    "another private name": ("headers.py", "_number(", "_float(", {}),
}


def test_breaks_are_found_and_nothing_else(tmp_path: Path) -> None:
    """Each is told with its path; what no plugin notices is none. All at once: reading the sources takes its time."""
    shutil.copytree(SOURCES / "pipelex_core", tmp_path / "pipelex_core", ignore=shutil.ignore_patterns("__pycache__"))
    for change, (file, old, new, _) in CHANGES.items():
        changed = tmp_path / "pipelex_core" / file
        text = changed.read_text(encoding="utf-8")
        assert old in text, change
        changed.write_text(text.replace(old, new), encoding="utf-8")
    expected = {path: reported for *_, found in CHANGES.values() for path, reported in found.items()}
    assert breaks(api_of(SOURCES), api_of(tmp_path)) == expected


def test_every_name_of_the_api_is_there() -> None:
    """The list and the modules agree, in the running package too."""
    for module, names in PLUGIN_API.items():
        loaded = importlib.import_module(f"pipelex_core.{module}")
        typing_only = {
            "Capability",
            "Operation",
            "Request",
            "Answer",
            "Part",
            "FinishReason",
            "Middleware",
            "Proceed",
            "Check",
            "SecretReader",
            "ToolMiddleware",
        }
        assert [name for name in names if not hasattr(loaded, name) and name not in typing_only] == []
        assert list(names) == sorted(names, key=_order)


def _order(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def test_our_own_plugins_use_nothing_else() -> None:
    """Backends and middlewares of this project need nothing of core that the plugins of others may not have."""
    used: set[tuple[str, str]] = set()
    for file in (
        file for name in (*BACKENDS, *MIDDLEWARES, "mock") for file in ROOT.glob(f"plugins/{name}/src/**/*.py")
    ):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pipelex_core."):
                used |= {((node.module or "").removeprefix("pipelex_core."), alias.name) for alias in node.names}
    assert used
    allowed = {(module, name) for module, names in PLUGIN_API.items() for name in names}
    assert used - allowed == set()


@pytest.fixture(scope="module")
def provider() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The old plugin's provider, and what it was asked."""
    requested: list[dict[str, Any]] = []

    class Provider(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            requested.append(body | {"key": self.headers["authorization"]})
            status = 429 if body["text"] == "Too much?" else 200
            self._answer(status, {"said": "one two", "in": 5, "out": 2})

        def do_GET(self) -> None:
            self._answer(200, {"models": ["old-one", "one-behind-the-gateway"]})

        def _answer(self, status: int, document: dict[str, Any]) -> None:
            data = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Nothing on stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", requested
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def old(built_wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Environment, Path]:
    """An environment with today's core and the plugins of then, in a project."""
    folder = tmp_path_factory.mktemp("old")
    environment = make_environment(folder / "venv")
    wheels = [str(file) for file in sorted(FOLDER.glob("*.whl"))]
    assert len(wheels) == 3
    environment.install(*with_command_line(built_wheels, "http"), *wheels)
    project = folder / "project"
    project.mkdir()
    done = environment.run("pipelex", "init", cwd=project, OLD_URL="http://127.0.0.1:9", OLD_API_KEY="k-0")
    assert done.returncode == 0, done.stdout + done.stderr
    return environment, project


@pytest.mark.parametrize("model, model_id", [("old-one", "old-one"), ("old-gateway-one", "one-behind-the-gateway")])
def test_plugins_built_for_the_last_release_run(
    model: str, model_id: str, old: tuple[Environment, Path], provider: tuple[str, list[dict[str, Any]]]
) -> None:
    """Specs alone, a backend with its own HTTP, a middleware and a listener: answer, usage, cost and events as then."""
    environment, project = old
    url, requested = provider
    variables = {"OLD_URL": url, "OLD_API_KEY": "k-1"}
    rows = json.loads(environment.run("pipelex", "plugins", "--json", cwd=project).stdout)
    assert {row["distribution"]: row["status"] for row in rows if row["distribution"] not in COMMAND_LINE_NAMES} == {
        "old-http": "ok",
        "old-middleware": "ok",
        "old-specs": "ok",
    }
    done = environment.run("pipelex", "generate", "How many?", "-m", model, "--json", cwd=project, **variables)
    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    assert (answer["text"], answer["usage"]["input_tokens"]) == ("one two (asked politely)", 5)
    assert answer["cost"] == ({"amount": "0.000009", "currency": "USD"} if model == "old-one" else None)
    assert requested[-1] == {"model": model_id, "text": "How many?", "system": "Please.", "key": "Bearer k-1"}
    assert f"old-middleware: {model} generate_text ['ok']" in done.stderr


def test_an_old_backend_streams_lists_and_fails_as_then(
    old: tuple[Environment, Path], provider: tuple[str, list[dict[str, Any]]]
) -> None:
    """Pieces and then the answer; its models for `validate --online`; its errors are ours."""
    environment, project = old
    variables = {"OLD_URL": provider[0], "OLD_API_KEY": "k-1"}
    program = (
        "from pipelex_core import Client, PipelexError\n"
        "with Client.from_project() as client:\n"
        "    with client.stream_text('How many?', model='old-one') as stream: print(list(stream))\n"
        "    try: client.generate_text('Too much?', model='old-one', deadline=30)\n"
        "    except PipelexError as error: print(type(error).__name__)\n"
    )
    done = environment.run("python", "-W", "error", "-c", program, cwd=project, **variables)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["['one', ' two']", "RateLimitError"]
    done = environment.run("pipelex", "validate", "--online", "--json", cwd=project, **variables)
    report = json.loads(done.stdout)
    assert report["ok"], report["problems"]

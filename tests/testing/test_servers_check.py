"""Every loopback server checks what it gets by the rulebook, or is in the list below with the reason why it does not."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
FOLDERS = ("plugins/testing/src", "tests", "tools")
LISTENERS = {
    "ThreadingHTTPServer",
    "HTTPServer",
    "start_server",
    "start_unix_server",
    "create_server",
    "listen",
    "add_insecure_port",
}
"""What begins to listen without the kit's server; it matters where a file answers a request well."""
ANSWERS = ("HTTP/1.1 200", "HTTP/1.1 %d", "HTTP/1.1 {", "send_response(", "add_insecure_port")

EXEMPT = {
    # The kit.
    "plugins/testing/src/pipelex_testing/server.py::create_server": "the kit's server, which checks",
    "plugins/testing/src/pipelex_testing/wire.py::Server(self.rules)": "the rules are those of the wire",
    "plugins/testing/src/pipelex_testing/suite/failures.py::_Nobody": "hangs up: nothing is read",
    "tests/servers/test_base.py::Echo": "tests the kit's server itself",
    "tests/servers/test_base.py::Server()": "tests the kit's server itself",
    "tests/resilience/test_lasting.py::Server()": "tests the kit's server itself, with a GET",
    # Checks in another way.
    "tests/batch/other_batches.py::BatchServer": "each of its classes names its provider",
    "tests/plugins/test_histories.py::Listening": "the test checks all that it got by the rules of every provider",
    "tests/servers/vertexai_endpoints.py::add_insecure_port": "gRPC: it checks each body itself",
    "tests/wire/replaying.py::ReplayServer": "checks by the rules of the record's provider and day",
    # Answers with one fault, or not at all, whatever the request is.
    "tests/plugins/test_bad_input.py::Gone": "a host of files, which has none",
    "tests/plugins/test_bedrock_credentials.py::Server()": "gets no request, or hands out credentials",
    "tests/resilience/faulty.py::FaultyServer": "breaks connections below HTTP",
    "tests/resilience/faulty.py::Nobody": "breaks connections below HTTP",
    "tests/resilience/faulty.py::start_server": "breaks connections below HTTP",
    "tests/resilience/test_large_answers.py::Body": "answers GET with one body",
    "tests/resilience/test_long_streams.py::start_server": "one stream of any length, for memory",
    "tests/resilience/test_silence.py::start_server": "reads and says nothing",
    "tests/resilience/test_uploads.py::start_server": "reads slowly",
    "tests/http/test_downloads.py::Server()": "a host of files",
    "tests/http/test_pool.py::start_server": "the pool's connections",
    "tests/http/test_proxies.py::start_server": "a proxy",
    "tests/http/test_resources.py::start_server": "the pool's connections",
    "tests/http/test_transport.py::start_server": "the pool's connections",
    # Is asked for no completion.
    "tests/cli/test_cli_catalogue.py::Index": "a package index",
    "tests/cli/test_validate_online.py::Server()": "lists models",
    "tests/cli/test_validate_online.py::Slow": "lists models",
    "tests/plugins/test_bedrock.py::Catalogue": "lists models",
    "tests/plugins/test_llamacpp_fetch.py::Hub": "a host of models' files",
    "tests/plugins/test_llamacpp_fetch.py::Index": "a host of models' files",
    "tests/plugins/test_whisper.py::Files": "a host of recordings",
    "tools/docs/error_examples.py::Server()": "lists models",
    # A provider without rules here.
    "tests/packaging/test_contract.py::ThreadingHTTPServer": "an invented provider",
    "tests/packaging/test_new_backend.py::Provider": "an invented provider",
    "tests/third_party/test_third_party.py::Server()": "invented providers",
    # Measures time: a check would be measured with it. What is sent is tested elsewhere.
    "tools/benchmarks/load.py::start_server": "a benchmark",
    "tools/benchmarks/provider_answers.py::start_server": "a benchmark",
    "tools/benchmarks/server.py::start_server": "a benchmark",
    "tools/benchmarks/vectors.py::VectorServer": "a benchmark",
}
"""By file and class, or file and call."""


@cache
def _trees() -> dict[str, ast.Module]:
    found = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if name != str(Path(__file__).relative_to(ROOT)):
                found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


@cache
def _classes(file: str) -> dict[str, ast.ClassDef]:
    """The classes of a file, by name."""
    return {node.name: node for node in ast.walk(_trees()[file]) if isinstance(node, ast.ClassDef)}


@cache
def _imported(file: str) -> dict[str, str]:
    """Name -> file, of what a file imports from the scanned ones."""
    found = {}
    for node in ast.walk(_trees()[file]):
        if isinstance(node, ast.ImportFrom) and node.module:
            path = node.module.replace(".", "/")
            for alias in node.names:
                ends = (f"{path}.py", f"{path}/{alias.name}.py", f"{path}/__init__.py")
                place = next((name for name in _trees() if name.endswith(ends)), None)
                if place is not None:
                    found[alias.asname or alias.name] = place
    return found


def _parents(file: str, node: ast.ClassDef) -> Iterator[tuple[str, ast.ClassDef]]:
    """The classes of which one is derived, as far as they are in the scanned files; not the kit's server itself."""
    for base in node.bases:
        name = base.id if isinstance(base, ast.Name) else base.attr if isinstance(base, ast.Attribute) else ""
        place = (
            _imported(file).get(base.value.id)
            if isinstance(base, ast.Attribute) and isinstance(base.value, ast.Name)
            else None
        )
        place = place or (file if name in _classes(file) else _imported(file).get(name))
        if place is not None and name in _classes(place) and (place, name) != (file, node.name):
            yield place, _classes(place)[name]


def _is_server(file: str, node: ast.ClassDef) -> bool:
    """Whether a class is derived from the kit's server."""
    names = [ast.unparse(base).rpartition(".")[2] for base in node.bases]
    return "Server" in names or any(_is_server(*parent) for parent in _parents(file, node))


def _checks(file: str, node: ast.ClassDef) -> bool:
    """Whether a class names its provider, makes a rulebook, or checks by itself; or is derived from one that does."""
    text = ast.unparse(node)
    if any(word in text for word in ("Rulebook(", "Rulebook |", "rulebook_of(", "pipelex_rules.check(")):
        return True
    for each in node.body:
        if isinstance(each, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "provider" for t in each.targets):
            return True
    return any(parent.name != "Server" and _checks(place, parent) for place, parent in _parents(file, node))


def _has_the_kits_server(file: str) -> bool:
    """Whether a file's `Server` is the kit's: others have that name too."""
    modules = ("pipelex_testing", "pipelex_testing.server", "tests.servers.base")
    imports = (node for node in ast.walk(_trees()[file]) if isinstance(node, ast.ImportFrom) and node.module in modules)
    return any(alias.name == "Server" for node in imports for alias in node.names)


def _unchecked() -> Iterator[str]:
    for name, tree in _trees().items():
        answers = any(word in (ROOT / name).read_text(encoding="utf-8") for word in ANSWERS)
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and _is_server(name, node) and not _checks(name, node):
                yield f"{name}::{node.name}"
            if not isinstance(node, ast.Call):
                continue
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if (
                called == "Server"
                and _has_the_kits_server(name)
                and not any(word in ast.unparse(node) for word in ("Rulebook(", "rulebook_of(", "replay"))
            ):
                yield f"{name}::{ast.unparse(node).removeprefix('server.')}"
            if called in LISTENERS and answers:
                yield f"{name}::{called}"


def test_every_server_checks_or_is_listed() -> None:
    """A new server that takes what its provider refuses fails here; so does an entry that is no longer needed."""
    assert set(_unchecked()) == set(EXEMPT)

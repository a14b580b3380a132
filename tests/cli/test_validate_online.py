"""`validate --online`: one list of models a backend, from each plugin that has one, against servers of our own."""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
from attrs import frozen

from pipelex_cli.validation import Validation
from pipelex_cli.validation.formats import as_text
from pipelex_cli.validation.online import check_online
from pipelex_core.backend import ModelLister
from pipelex_core.hookspecs import hookimpl
from pipelex_core.plugins import discover
from tests.servers.base import Received, Reply, Server

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_core.errors import Problem

KEY = "sk-online-0123456789"


@frozen(kw_only=True)
class Provider:
    """How a plugin's list of models is asked for.

    Attributes:
        sdk: The plugin's.
        table: What backends.toml says of it besides the endpoint.
        lists: The answer that lists one model, `model-x`.
        refuses: The answer to a wrong key.
        requests: Requests of one listing.
    """

    sdk: str
    table: str
    lists: tuple[Reply, ...]
    refuses: Reply
    requests: int = 1


def stated(status: int, body: Any, **headers: str) -> Reply:
    return Reply.json(body, status=status, headers=headers)


OPENAI_LIST = Reply.json({"object": "list", "data": [{"id": "model-x", "object": "model"}]})
OPENAI_NO = stated(401, {"error": {"message": f"Incorrect key {KEY}", "code": "invalid_api_key"}})
PROVIDERS = {
    "openai": Provider(sdk="openai", table=f'api_key = "{KEY}"', lists=(OPENAI_LIST,), refuses=OPENAI_NO),
    "responses": Provider(sdk="openai_responses", table=f'api_key = "{KEY}"', lists=(OPENAI_LIST,), refuses=OPENAI_NO),
    "anthropic": Provider(
        sdk="anthropic",
        table=f'api_key = "{KEY}"',
        lists=(Reply.json({"data": [{"id": "model-x"}], "has_more": False, "last_id": "model-x"}),),
        refuses=stated(401, {"type": "error", "error": {"type": "authentication_error", "message": f"no {KEY}"}}),
    ),
    "mistral": Provider(
        sdk="mistral",
        table=f'api_key = "{KEY}"',
        lists=(OPENAI_LIST,),
        refuses=stated(401, {"detail": "Unauthorized"}),
    ),
    "google": Provider(
        sdk="google",
        table=f'api_key = "{KEY}"',
        lists=(Reply.json({"models": [{"name": "models/model-x"}]}),),
        refuses=stated(401, {"error": {"code": 401, "status": "UNAUTHENTICATED", "message": f"no {KEY}"}}),
    ),
    "bedrock": Provider(
        sdk="bedrock",
        table=f'aws_region = "eu-west-1"\naws_access_key_id = "AKID"\naws_secret_access_key = "{KEY}"',
        lists=(
            Reply.json({"modelSummaries": [{"modelId": "model-x", "modelArn": "arn"}]}),
            Reply.json({"inferenceProfileSummaries": []}),
        ),
        refuses=stated(
            403,
            {"message": "The security token included in the request is invalid."},
            **{"x-amzn-errortype": "UnrecognizedClientException"},
        ),
        requests=2,
    ),
}


def write(root: Path, backends: dict[str, tuple[Provider, str]], models: tuple[str, ...] = ("model-x",)) -> None:
    """A configuration of these backends, each with an address, and models."""
    folder = root / ".pipelex" / "inference"
    (folder / "backends").mkdir(parents=True)
    (folder / "deck").mkdir()
    tables = ""
    for name, (provider, url) in backends.items():
        tables += f'[{name}]\nendpoint = "{url}"\n{provider.table}\n\n'
        specs = "".join(f'["{model}@{name}"]\nmodel_id = "{model}"\n' for model in models)
        (folder / "backends" / f"{name}.toml").write_text(f'[defaults]\nsdk = "{provider.sdk}"\n{specs}')
    (folder / "backends.toml").write_text(tables)
    (folder / "routing_profiles.toml").write_text('active = "x"\n[profiles.x]\n[profiles.x.routes]\n')
    routes = "".join(f'"*@{name}" = "{name}"\n' for name in backends)
    (folder / "routing_profiles.toml").write_text(f'active = "x"\n[profiles.x.routes]\n{routes}')
    (folder / "deck" / "deck.toml").write_text(f'[aliases]\na = "{models[0]}@{next(iter(backends))}"\n')


def validation(root: Path) -> Validation:
    return Validation(root, environ={"HOME": str(root)}, plugins=discover())


def requested(
    root: Path, provider: Provider, *replies: Reply, models: tuple[str, ...] = ("model-x",), seconds: float = 15.0
) -> tuple[list[Problem], list[Received]]:
    """What is found where a provider's server gives these answers, and what it was asked."""

    async def main() -> tuple[list[Problem], list[Received]]:
        async with Server() as server:
            server.queue(*replies)
            write(root, {"acme": (provider, server.url)}, models)
            started = validation(root)
            assert started.read is not None
            assert started.report().problems == ()
            await check_online(started.read, seconds=seconds)
            report = started.report()
            assert KEY not in as_text(report)
            return list(report.problems), server.received

    return asyncio.run(main())


each = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)


@each
def test_a_provider_that_answers_and_knows_the_models(provider: Provider, tmp_path: Path) -> None:
    """Nothing is found, after the one request that lists, and no other: nothing was paid for."""
    problems, received = requested(tmp_path, provider, *provider.lists)
    assert problems == []
    assert [request.method for request in received] == ["GET"] * provider.requests


@each
def test_a_model_that_the_provider_does_not_list(provider: Provider, tmp_path: Path) -> None:
    """It stands at its model_id, with the nearest id there is."""
    problems, _ = requested(tmp_path, provider, *provider.lists, models=("model-x", "model-y"))
    (problem,) = problems
    assert (problem.severity, problem.code) == ("error", "model-unknown-to-provider")
    assert (problem.file or "").endswith("acme.toml")
    assert (problem.line, problem.suggestion) == (6, "did you mean 'model-x'?")


@each
def test_a_key_that_is_refused(provider: Provider, tmp_path: Path) -> None:
    """It stands at the key, which is not shown, whatever the provider says of it."""
    problems, _ = requested(tmp_path, provider, *[provider.refuses] * provider.requests)
    (problem,) = problems
    expected = (
        {("error", "key-refused"), ("warning", "not-checkable")}
        if provider.sdk == "bedrock"
        else {("error", "key-refused")}
    )
    assert (problem.severity, problem.code) in expected
    assert (problem.file or "").endswith("backends.toml")


@each
def test_an_endpoint_where_nobody_is(provider: Provider, tmp_path: Path) -> None:
    """A closed port is unreachable, told at the endpoint."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        write(tmp_path, {"acme": (provider, f"http://127.0.0.1:{nobody.getsockname()[1]}")})
    started = validation(tmp_path)
    asyncio.run(started.check_online())
    (problem,) = started.report().problems
    assert (problem.severity, problem.code, problem.line) == ("error", "endpoint-unreachable", 2)


@each
def test_an_endpoint_that_never_answers(provider: Provider, tmp_path: Path) -> None:
    """The time for one backend is bounded."""
    begun = time.monotonic()
    problems, _ = requested(tmp_path, provider, Reply(fault="hang"), seconds=1.0)
    assert time.monotonic() - begun < 40
    assert [problem.code for problem in problems] == ["endpoint-unreachable"]
    assert "within 1 s" in problems[0].message


@each
def test_an_endpoint_that_is_something_else(provider: Provider, tmp_path: Path) -> None:
    """A web page is not a list of models; an error, at the endpoint."""
    problems, _ = requested(tmp_path, provider, *[Reply.text("<html>Welcome</html>")] * provider.requests)
    (problem,) = problems
    assert problem.severity == "error"
    assert problem.code in {"check-failed", "endpoint-unreachable"}


@each
def test_a_provider_that_fails_for_the_moment(provider: Provider, tmp_path: Path) -> None:
    """A warning: the configuration may be right."""
    problems, _ = requested(tmp_path, provider, *[stated(503, {"error": {"message": "later"}})] * provider.requests)
    assert [(problem.severity, problem.code) for problem in problems] == [("warning", "check-failed")]


def test_an_endpoint_without_a_list(tmp_path: Path) -> None:
    """It answers, and cannot be checked further: a warning that says where to look."""
    problems, _ = requested(tmp_path, PROVIDERS["openai"], stated(404, {"error": {"message": "no such path"}}))
    assert [(problem.severity, problem.code) for problem in problems] == [("warning", "not-checkable")]
    assert "/v1" in (problems[0].suggestion or "")


def test_ids_without_their_date_are_known(tmp_path: Path) -> None:
    """Providers list `claude-x-20250929` and take `claude-x`; they list `x` and take `x-latest`, or `x:free`."""
    names = [{"id": "claude-x-20250929"}, {"id": "m-small"}, {"id": "vendor/model"}, {"id": "gpt-z-2025-04-14"}]
    models = ("claude-x", "m-small-latest", "vendor/model:free", "gpt-z", "gpt-z-2025-04-14")
    problems, _ = requested(tmp_path, PROVIDERS["openai"], Reply.json({"data": names}), models=models)
    assert problems == []


def test_a_list_of_other_names_is_told_once(tmp_path: Path) -> None:
    """Where none of several ids is listed, the provider names its models in another way."""
    models = ("one", "two", "three", "four")
    problems, _ = requested(tmp_path, PROVIDERS["openai"], OPENAI_LIST, models=models)
    assert [(problem.severity, problem.code) for problem in problems] == [("warning", "not-checkable")]


def test_deployments_of_azure_are_not_compared(tmp_path: Path) -> None:
    """Azure lists models, and calls name deployments: only endpoint and key are checked."""
    azure = Provider(sdk="azure_openai", table=f'api_key = "{KEY}"', lists=(OPENAI_LIST,), refuses=OPENAI_NO)
    problems, received = requested(tmp_path, azure, OPENAI_LIST, models=("my-deployment",))
    assert (problems, len(received)) == ([], 1)


def test_a_backend_without_a_list_is_not_asked_anything(tmp_path: Path) -> None:
    """Fal has none: to try its key could cost; it is said that nothing is known."""
    fal = Provider(sdk="fal", table=f'api_key = "{KEY}"', lists=(), refuses=OPENAI_NO)
    problems, received = requested(tmp_path, fal)
    assert [(problem.severity, problem.code) for problem in problems] == [("warning", "not-checkable")]
    assert received == []


def test_several_backends_are_asked_at_once_and_progress_is_told(tmp_path: Path) -> None:
    """A few at a time; each is counted when it has answered; connections are closed at the end."""
    reported: list[tuple[int, int, str]] = []

    class Slow(Server):
        at_once = most = 0

        async def answer(self, request: Received) -> Reply:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            await asyncio.sleep(0.2)
            self.at_once -= 1
            return OPENAI_LIST

    async def main() -> int:
        async with Slow() as server:
            write(tmp_path, {f"b{number}": (PROVIDERS["openai"], server.url) for number in range(9)})
            started = validation(tmp_path)
            assert started.read is not None
            await check_online(started.read, lambda done, total, name: reported.append((done, total, name)))
            assert started.report().problems == ()
            return server.most

    assert 2 <= asyncio.run(main()) <= 4
    wanted = [row for row in reported if row[2].startswith("b")]
    assert sorted(row[2] for row in wanted) == [f"b{number}" for number in range(9)]
    assert [row[0] for row in reported] == list(range(1, len(reported) + 1))


class Rude:
    """A plugin whose list of models raises what it should not."""

    @hookimpl
    def pipelex_backends(self) -> dict[str, Any]:
        return {"rude": RudeBackend}


class RudeBackend(ModelLister):
    async def list_models(self) -> tuple[str, ...]:
        raise LookupError(KEY)


def test_what_a_plugin_raises_beside_its_errors_is_a_finding(tmp_path: Path) -> None:
    """By its name: the text may hold the key."""
    rude = Provider(sdk="rude", table=f'api_key = "{KEY}"', lists=(), refuses=OPENAI_NO)
    write(tmp_path, {"acme": (rude, "https://acme.test/v1")})
    started = Validation(tmp_path, environ={"HOME": str(tmp_path)}, plugins=discover(entry_points=(), extra=[Rude()]))
    asyncio.run(started.check_online())
    (problem,) = started.report().problems
    assert problem.code == "check-failed"
    assert "its plugin raised LookupError" in problem.message
    assert KEY not in str(problem)


def test_a_faulty_configuration_asks_nobody(tmp_path: Path) -> None:
    """What cannot be loaded is mended first."""
    write(tmp_path, {"acme": (PROVIDERS["openai"], "http://127.0.0.1:9")})
    (tmp_path / ".pipelex/inference/deck/deck.toml").write_text('[aliases]\na = "nothing"\n')
    started = validation(tmp_path)
    asyncio.run(started.check_online())
    assert [problem.code for problem in started.report().problems] == ["unknown-handle"]


def test_the_command_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`pipelex validate --online`: exit 1, and the finding with its line; the key in it is starred."""
    from pipelex_cli.app import run
    from tests.servers.base import in_thread

    with in_thread(Server()) as server:
        server.queue(OPENAI_NO)
        write(tmp_path, {"acme": (PROVIDERS["openai"], server.url)})
        monkeypatch.chdir(tmp_path)
        assert run(["validate", "--online"]) == 1
    err = capsys.readouterr().err
    assert "error[key-refused]" in err
    assert 'api_key = "********************"' in err


def test_a_bar_is_shown_on_a_terminal(tmp_path: Path) -> None:
    """On stderr, while stdout holds the document alone."""
    import os
    import pty
    import subprocess
    import sys
    from contextlib import suppress

    from tests.servers.base import in_thread

    with in_thread(Server()) as server:
        server.queue(OPENAI_LIST)
        write(tmp_path, {"acme": (PROVIDERS["openai"], server.url)})
        ours, theirs = pty.openpty()
        command = [sys.executable, "-m", "pipelex_core", "validate", "--online", "--json"]
        environ = {**os.environ, "HOME": str(tmp_path), "TERM": "xterm", "COLUMNS": "100"}
        process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=theirs, env=environ)
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # what a terminal says when nobody writes to it any more
            while piece := os.read(ours, 10_000):
                shown += piece
        os.close(ours)
        out, _ = process.communicate(timeout=120)
    assert process.returncode == 0, shown
    assert b'"ok": true' in out
    assert b"ask" in shown

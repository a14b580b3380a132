"""What `explain` says is what a server sees: for generated configurations, each a project of files."""

from __future__ import annotations

import re
import tempfile
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tomlkit
from attrs import evolve, frozen
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from pipelex_cli.explained_json import explanation_as_json
from pipelex_core import Client, PipelexError
from pipelex_core.errors import ConfigError
from pipelex_core.plugins import discover
from pipelex_testing.samples import png
from tests.servers.base import in_thread
from tests.servers.openai_server import OpenAIServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers.base import Received

BACKENDS = ("b0", "b1", "b2")
MODELS = ("m0", "m1", "m2", "n0")
CONSTRAINTS = (
    "temperature_must_be_1",
    "temperature_must_be_multiplied_by_2",
    "temperature_up_to_2",
    "no_temperature",
    "no_max_tokens",
    "max_tokens_must_be_high_enough",
)
PLUGINS = discover()


@frozen
class Made:
    """A generated project.

    Attributes:
        files: Name -> its tables.
        environ: The variables there are.
        handles: Every handle of its deck, and inline ones.
        has_image: Whether the call has an image, which some models do not take: the next one is asked then.
    """

    files: dict[str, dict[str, Any]]
    environ: dict[str, str]
    handle: Any
    has_image: bool


@pytest.fixture(scope="module")
def server() -> Iterator[OpenAIServer]:
    made = OpenAIServer()
    with in_thread(made):
        yield made


TEMPERATURES = st.sampled_from([0, 0.3, 0.5, 1, 1.5])
MAX_TOKENS = st.sampled_from([7, 600, 2000, "auto"])
SETTINGS = st.fixed_dictionaries({}, optional={"temperature": TEMPERATURES, "max_tokens": MAX_TOKENS})


@st.composite
def projects(draw: st.DrawFn) -> Made:
    """Backends, models, routes, aliases, chains and presets; sound for the most part."""
    names = draw(st.permutations(BACKENDS))[: draw(st.integers(2, 3))]
    files: dict[str, dict[str, Any]] = {"backends.toml": {}}
    environ: dict[str, str] = {"URL": "{url}"}
    offers: dict[str, list[str]] = {}
    for name in names:
        offers[name] = draw(st.lists(st.sampled_from(MODELS), min_size=2, unique=True))
        variable = f"KEY_OF_{name.upper()}"
        alternative = draw(st.booleans())
        key = f"${{env:FIRST_{name.upper()}|env:{variable}}}" if alternative else f"${{{variable}}}"
        endpoint = draw(st.sampled_from(["{url}", "${{URL}}"])).replace("{{", "{").replace("}}", "}")
        files["backends.toml"][name] = {
            "enabled": draw(st.sampled_from([True, True, True, False])),
            "endpoint": f"{endpoint}/{name}/v1",
            "api_key": key,
        }
        if draw(st.integers(0, 5)):
            environ[variable] = f"sk-of-{name}-0123456789"
        if alternative and draw(st.booleans()):
            environ[f"FIRST_{name.upper()}"] = f"sk-first-of-{name}-0123456789"
        defaults = {"sdk": "openai", **draw(st.fixed_dictionaries({}, optional={"max_tokens": st.just(900)}))}
        files[f"backends/{name}.toml"] = {
            "defaults": defaults,
            **{model: draw(specs(name, model)) for model in offers[name]},
        }
    files["routing_profiles.toml"] = draw(profiles(names, offers))
    known = list(dict.fromkeys(model for models in offers.values() for model in models))
    files["deck/base.toml"], handles = draw(decks(known))
    handle: Any = draw(st.sampled_from(handles[::-1]))
    if draw(st.integers(0, 3)) == 0:
        handle = {"model": handle, **draw(SETTINGS)}
    return Made(files, environ, handle, draw(st.booleans()))


@st.composite
def specs(draw: st.DrawFn, backend: str, model: str) -> dict[str, Any]:
    return draw(
        st.fixed_dictionaries(
            {},
            optional={
                "model_id": st.just(f"{backend}-calls-it-{model}"),
                "max_tokens": st.sampled_from([500, 4000]),
                "constraints": st.lists(st.sampled_from(CONSTRAINTS), max_size=2, unique=True),
                "inputs": st.sampled_from([["text"], ["text", "images"]]),
                "enabled": st.sampled_from([True, True, False]),
            },
        )
    )


@st.composite
def profiles(draw: st.DrawFn, names: list[str], offers: dict[str, list[str]]) -> dict[str, Any]:
    profile: dict[str, Any] = {"routes": {}}
    for pattern in draw(st.lists(st.sampled_from(["m*", "*0", "*", "m1", "n0"]), max_size=3, unique=True)):
        backend = draw(st.sampled_from(names))
        if "*" in pattern or pattern in offers[backend]:
            profile["routes"][pattern] = backend
    optional = draw(st.lists(st.sampled_from(["m0", "*1"]), max_size=1))
    profile["optional_routes"] = {each: draw(st.sampled_from(names)) for each in optional}
    if draw(st.integers(0, 3)):
        profile["default"] = draw(st.sampled_from(names))
    if draw(st.booleans()):
        profile["fallback_order"] = names[::-1]
    return {"active": "p", "profiles": {"p": profile}}


@st.composite
def decks(draw: st.DrawFn, known: list[str]) -> tuple[dict[str, Any], list[str]]:
    """A deck, and its handles."""
    names = list(known)
    aliases: dict[str, Any] = {}
    for number in range(draw(st.integers(1, 4))):
        targets = draw(st.lists(st.sampled_from(names), min_size=1 if number else 2, max_size=3, unique=True))
        target: Any = targets if len(targets) > 1 else targets[0]
        own = draw(st.one_of(st.just({}), SETTINGS))
        aliases[f"a{number}"] = {"model": target, **own} if own else target
        names.append(f"a{number}")
    presets = {
        f"p{number}": {"model": draw(st.sampled_from(names)), **draw(SETTINGS)}
        for number in range(draw(st.integers(1, 2)))
    }
    policy = draw(st.sampled_from(["drop", "drop", "warn", "error"]))
    return {"on_unsupported_setting": policy, "aliases": aliases, "llm": {"presets": presets}}, [*names, *presets]


@given(made=projects())
@settings(
    max_examples=90,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_server_sees_what_explain_says(server: OpenAIServer, made: Made) -> None:
    """The model's id, the endpoint, the key of the variable, temperature and max_tokens, of the member that is asked."""
    with tempfile.TemporaryDirectory() as root:
        environ = {name: value.replace("{url}", server.url) for name, value in made.environ.items()}
        write(Path(root), evolve(made, environ=environ), server.url)
        try:
            client = Client.from_project(root, environ=environ, plugins=PLUGINS, strict=False)
        except ConfigError:
            event("the configuration has a fault")
            assume(False)
        with client:
            reported = explanation_as_json(client.explain(made.handle))
            before = len(server.received)
            error: PipelexError | None = None
            try:
                client.generate_text("Name a river.", model=made.handle, images=[png()] if made.has_image else [])
            except PipelexError as raised:
                error = raised
            seen = server.received[before:]
    expected = who_is_requested(reported, has_image=made.has_image)
    event(f"{'none' if expected is None else reported['chain'].index(expected) + 1} asked of {len(reported['chain'])}")
    if expected is None:
        assert error is not None
        assert seen == []
        return
    assert [(request.path, *sent(request)) for request in seen] == [
        (f"/{expected['backend']}/v1/chat/completions", *promised(expected, environ))
    ]
    assert expected["endpoint"] == f"{server.url}/{expected['backend']}/v1"
    assert error is None
    if not made.has_image:
        assert reported["chosen"] == {name: expected[name] for name in ("model", "backend", "sdk", "model_id")}
        for key in ("endpoint", "api_key_variable", "plugin", "costs"):
            assert reported[key] == expected[key]


def write(root: Path, made: Made, url: str) -> None:
    for name, tables in made.files.items():
        file = root / ".pipelex/inference" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(tomlkit.dumps(tables).replace("{url}", url))


def who_is_requested(reported: dict[str, Any], *, has_image: bool) -> dict[str, Any] | None:
    """The first member that is available, refuses no setting that must not be dropped, and takes what the call has."""
    strict = reported["on_unsupported_setting"] == "error"
    members = [
        member for member in reported["chain"] if member["available"] and not (strict and member["dropped_settings"])
    ]
    inputs = [(member["spec_values"].get("inputs") or {"value": ["images"]})["value"] for member in members]
    return next(
        (member for member, takes in zip(members, inputs, strict=True) if not has_image or "images" in takes), None
    )


def sent(request: Received) -> tuple[Any, ...]:
    body = request.json
    return (
        body["model"],
        request.headers["authorization"],
        body.get("temperature"),
        body.get("max_tokens", body.get("max_completion_tokens")),
    )


def promised(member: dict[str, Any], environ: dict[str, str]) -> tuple[Any, ...]:
    settings_sent = {name: each["value"] for name, each in member["sent_settings"].items()}
    return (
        member["model_id"],
        f"Bearer {environ[member['api_key_variable']]}",
        settings_sent.get("temperature"),
        settings_sent.get("max_tokens"),
    )


@given(made=projects())
@settings(max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_place_that_explain_names_holds_the_value(made: Made) -> None:
    """For generated configurations: each `file:line` is a line that has the key or the table."""
    with tempfile.TemporaryDirectory() as root:
        write(Path(root), made, "http://127.0.0.1:9")
        try:
            client = Client.from_project(root, environ=made.environ, plugins=PLUGINS, strict=False)
        except ConfigError:
            assume(False)
        with client:
            reported = explanation_as_json(client.explain(made.handle))
        for member in reported["chain"]:
            for key, value in {**member["spec_values"], **member["backend_values"], **member["sent_settings"]}.items():
                if value["source"] is not None:
                    found = re.fullmatch(r"(.*):(\d+)", value["source"])
                    assert found, value
                    line = Path(found[1]).read_text().splitlines()[int(found[2]) - 1]
                    assert key in line or (key == "name" and line == f"[{member['backend']}]"), (key, line)
            route = member["route"]
            if route["pattern"] is not None:
                assert fnmatchcase(member["model"], route["pattern"])

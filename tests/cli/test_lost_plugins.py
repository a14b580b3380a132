"""A lost plugin harms no other: whatever `init` knew, only the models of what is missing are unavailable."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

import pytest

from pipelex_cli.starter import starter_files
from pipelex_cli.validation import Validation
from pipelex_core import Client, ConfigError, config
from pipelex_core.first_party import BACKENDS, MODELS, backend_of
from pipelex_core.plugins import discover
from pipelex_lock.fingerprints import fingerprint
from tests.core.config_project import Project
from tests.support.projects import write_files

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_core.plugins import Plugins
    from tests.cli.conftest import Pipelex

ENVIRON = {"OPENAI_API_KEY": "sk-openai-0123456789", "ANTHROPIC_API_KEY": "sk-ant-0123456789"}
POINTS = tuple(entry_points(group="pipelex_core.plugins"))


@pytest.fixture
def initialised(tmp_path: Path) -> Path:
    """A folder as `init` writes it where all plugins are installed and two keys are set."""
    write_files(tmp_path, starter_files(discover(entry_points=POINTS), ENVIRON))
    return tmp_path


def without(name: str) -> tuple[EntryPoint, ...]:
    """The entry points of all plugins but one."""
    return tuple(point for point in POINTS if point.name != name)


def broken(name: str) -> tuple[EntryPoint, ...]:
    """The entry points, one of which leads to a module that cannot be imported; it keeps its distribution."""
    old = next(point for point in POINTS if point.name == name)
    new = EntryPoint(name=name, value="no_such_module_at_all", group=old.group)
    object.__setattr__(new, "dist", old.dist)
    vars(new)["dist"] = old.dist
    return (*without(name), new)


def lock_without(name: str, file: Path) -> Path:
    """A plugin lock that knows all plugins but one."""
    lines = ["version = 1"]
    for point in without(name):
        print_, distribution = fingerprint(point), point.dist
        assert distribution is not None
        backends = json.dumps([backend for backend, owner in BACKENDS.items() if owner == distribution.name])
        lines += [f"[plugins.{distribution.name}]", f'version = "{distribution.version}"', f"backends = {backends}"]
        lines += [f'{print_.kind} = "{print_.digest}"', f"variables = {json.dumps(list(ENVIRON))}"]
    file.write_text("\n".join(lines))
    return file


def lost(how: str, name: str, folder: Path) -> Plugins:
    """The plugins, one of them lost."""
    if how == "locked out":
        return discover(entry_points=POINTS, lock=lock_without(name, folder / "plugins.lock.toml"))
    if how == "uninstalled":
        return discover(entry_points=without(name))
    if how == "quarantined":
        return discover(entry_points=broken(name))
    return discover(entry_points=POINTS, only=[point.name for point in without(name)])


@pytest.mark.parametrize("how", ["uninstalled", "quarantined", "filtered", "locked out"])
@pytest.mark.parametrize(
    ("name", "model", "other"),
    [
        ("anthropic", "claude-4.5-sonnet", "gpt-4o-mini"),
        ("openai", "gpt-6-luna", "claude-4.5-haiku"),
        ("llamacpp", "smollm2", "gpt-4o-mini"),
    ],
)
def test_the_rest_of_a_project_goes_on(initialised: Path, how: str, name: str, model: str, other: str) -> None:
    """The library loads, `validate` finds no error, and the lost model says why and what to install."""
    plugins = lost(how, name, initialised)
    mend = f"pip install {'--upgrade ' * (how == 'quarantined')}pipelex-backend-{name}"
    with Client.from_project(initialised, environ=ENVIRON, plugins=plugins) as client:
        assert client.deck.models[other].available
        entry = client.deck.models[model]
        assert not entry.available
        assert ("run: pipelex plugins lock" if how == "locked out" else mend) in (entry.reason or "")
        assert ("pip install" in (entry.reason or "")) == (how != "locked out")
        assert not client.deck.resolve(model).chain[0].available
    report = Validation(initialised, environ=ENVIRON, plugins=plugins).report()
    assert report.ok, report.problems
    warned = [problem for problem in report.problems if problem.code == "plugin-missing"]
    assert any(f"'{name}'" in problem.message for problem in warned)


def test_the_command_line_goes_on(initialised: Path, pipelex: Pipelex, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a project that lost a plugin, the other models are explained, the lost one with its reason; `validate` passes."""
    names = ",".join(point.name for point in without("anthropic"))
    for variable, value in {**ENVIRON, "PIPELEX_PLUGINS": names}.items():
        monkeypatch.setenv(variable, value)
    config_of = ("--config", initialised / ".pipelex")
    code, out, _ = pipelex("explain", "gpt-4o-mini", *config_of)
    assert (code, "openai" in out) == (0, True)
    _, out, err = pipelex("explain", "claude-4.5-sonnet", *config_of)
    assert "pip install pipelex-backend-anthropic" in " ".join((out + err).split())
    code, out, err = pipelex("validate", *config_of)
    assert code == 0, out + err


def test_no_plugin_at_all_stops_nothing(initialised: Path) -> None:
    """With every plugin lost, the deck still loads, and every name it uses is unavailable with a reason."""
    plugins = discover(entry_points=POINTS, only=())
    deck = config.load(initialised, environ=ENVIRON, plugins=plugins).deck
    assert deck.models
    assert all(entry.reason and "pip install pipelex-backend-" in entry.reason for entry in deck.models.values())
    assert deck.resolve("llm_to_extract_invoice").chosen is None


def test_a_third_partys_plugin_is_lost_like_any_other(tmp_path: Path) -> None:
    """A backend whose file holds comments alone, and whose plugin is gone: its models are unavailable, the others not."""
    project = Project(tmp_path)
    project.write("backends/beta.toml", "# [b-only]\n# max_tokens = 1\n")
    project.add("deck/base.toml", '[llm.presets.slow]\nmodel = "b-only"\n')
    problems = project.check()
    assert {(problem.severity, problem.code) for problem in problems} == {("warning", "plugin-missing")}
    deck = project.load().deck
    assert deck.models["m-one"].available
    assert "backend 'beta' has no models" in (deck.models["b-only"].reason or "")
    project.ship("beta", '[defaults]\nsdk = "acme"\n[b-only]\n')
    assert project.check() == ()


def test_a_slip_is_an_error_although_a_plugin_is_lost(initialised: Path) -> None:
    """A name that is nearly a model's of an installed plugin is not taken for one of the lost plugin."""
    file = initialised / ".pipelex/inference/deck/zz.toml"
    file.write_text('[aliases]\nmine = "gpt-4o-mimi"\n')
    _, problems = config.check(initialised, environ=ENVIRON, plugins=lost("uninstalled", "anthropic", initialised))
    errors = [problem for problem in problems if problem.severity == "error"]
    assert [(problem.code, problem.suggestion) for problem in errors] == [
        ("unknown-handle", "did you mean 'gpt-4o-mini'?")
    ]


def test_a_route_to_a_lost_backend_is_a_warning(tmp_path: Path) -> None:
    """A backend that only its plugin declares is unknown without it: the route says what to install."""
    project = Project(tmp_path)
    project.add("routing_profiles.toml", '[profiles.main.routes]\n"claude-*" = "anthropic"\n"x-*" = "antropic"\n')
    found = {problem.severity: problem for problem in project.check()}
    assert found["warning"].suggestion == "run: pip install pipelex-backend-anthropic"
    assert found["error"].code == "unknown-backend"


def test_the_data_of_install_names_is_what_the_plugins_ship() -> None:
    """Every backend is shipped by the distribution that is named, and has the models that are said to be its own."""
    shipped: dict[str, tuple[str | None, str]] = {
        specs.backend: (specs.plugin.distribution, specs.file.read_text(encoding="utf-8"))
        for specs in discover(entry_points=POINTS).shipped_specs
    }
    assert {backend: distribution for backend, (distribution, _) in shipped.items()} == BACKENDS
    for beginning, backend in MODELS.items():
        assert f"\n[{beginning}" in shipped[backend][1] or f'\n["{beginning}' in shipped[backend][1], beginning
    assert backend_of("no-such-family") is None


def test_all_faults_are_found_at_once(tmp_path: Path) -> None:
    """A fault of a table hides none of what depends on it: not of the options, the models, the routes, the deck."""
    project = Project(tmp_path)
    project.replace("backends.toml", 'display_name = "Acme"', 'display_nam = "Acme"')
    project.replace("backends.toml", 'region = "eu"', 'region = "ue"\nmax_concurrency = 0')
    project.replace("backends/acme.toml", "max_tokens = 4096", 'max_tokens = "4096"\nthinkin = true')
    project.add("routing_profiles.toml", '[profiles.main.routes]\n"b-*" = "betta"\n')
    project.add(
        "deck/base.toml", '[llm.presets.bad]\nmodel = "m-oen"\ntop_p = 9\n[aliases.x]\nmodel = "nothing-like-it"\n'
    )
    keys = {problem.key for problem in project.check() if problem.severity == "error"}
    assert keys >= {
        "acme.display_nam",
        "acme.region",
        "acme.max_concurrency",
        "m-one.max_tokens",
        "m-one.thinkin",
        'profiles.main.routes."b-*"',
        "llm.presets.bad.top_p",
        "aliases.x.model",
    }


def test_headers_are_strings(initialised: Path) -> None:
    """A header that is not a string is a fault at its value, not at each call."""
    file = initialised / ".pipelex/inference/backends.toml"
    text = file.read_text(encoding="utf-8").replace("[openai]\n", "[openai]\nheaders = { X-A = 3 }\n")
    file.write_text(text, encoding="utf-8")
    _, problems = config.check(initialised, environ=ENVIRON, plugins=discover(entry_points=POINTS))
    (problem,) = [problem for problem in problems if problem.severity == "error"]
    assert (problem.code, problem.key, problem.column) == ("bad-value", "openai.headers.X-A", 19)
    assert problem.line == text[: text.index("headers = ")].count("\n") + 1


def test_an_sdk_that_no_plugin_serves_is_an_error_unless_a_known_plugin_would(tmp_path: Path) -> None:
    """A slip has the nearest name; an sdk of a plugin that is not installed or not in use has its pip install."""
    project = Project(tmp_path)
    project.replace("backends/beta.toml", 'sdk = "acme"', 'sdk = "mistrl"')
    problem = project.only()
    assert (problem.severity, problem.code, problem.key) == ("error", "unknown-sdk", "defaults.sdk")
    assert (problem.line, problem.column) == (2, 7)
    assert problem.suggestion == "did you mean 'mistral'?"
    project.replace("backends/beta.toml", 'sdk = "mistrl"', 'sdk = "mistral"')
    problem = project.only()
    assert (problem.severity, problem.suggestion) == ("warning", "run: pip install pipelex-backend-mistral")


def test_the_names_of_the_documentation_are_known(tmp_path: Path) -> None:
    """Short and retired names that pages on the web use: the project loads, and they lead to the backend that has them."""
    keys = {"FAL_API_KEY": "k" * 12, "AWS_ACCESS_KEY_ID": "k" * 12, "AWS_SECRET_ACCESS_KEY": "s" * 12}
    environ = {**ENVIRON, **keys, "AWS_REGION": "us-east-1"}
    plugins = discover(entry_points=POINTS)
    aliases = '[aliases]\nmy_custom_llm = "claude-3-sonnet"\nmy_custom_img_gen = "flux-dev"\n'
    files = {**starter_files(plugins, environ), ".pipelex/inference/deck/own.toml": aliases}
    write_files(tmp_path, files)
    loaded, problems = config.check(tmp_path, environ=environ, plugins=plugins)
    assert loaded is not None, problems
    flux, claude = (loaded.deck.models[name].spec for name in ("flux-dev", "claude-3-sonnet"))
    assert flux is not None
    assert (flux.backend, flux.model_id) == ("fal", "fal-ai/flux/dev")
    assert claude is not None
    assert claude.backend == "bedrock"
    assert claude.retired_on or claude.deprecated_on


def test_one_key_is_enough(tmp_path: Path) -> None:
    """The documentation's backends.toml with one key loads in the library as it does on the command line."""
    project = Project(tmp_path)
    project.replace("backends.toml", "[beta]", '[beta]\napi_key = "${BETA_KEY}"')
    with Client.from_project(tmp_path, environ=project.environ, plugins=project.plugins) as client:
        assert client.deck.models["m-one"].available
        assert "needs BETA_KEY" in (client.deck.models["b-only"].reason or "")
    with pytest.raises(ConfigError, match="BETA_KEY"):
        Client.from_project(tmp_path, environ={"HOME": str(tmp_path)}, plugins=project.plugins)
    assert any(problem.code == "missing-variable" for problem in project.check())

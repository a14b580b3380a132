"""What `pip install pipelex-core` brings, measured in an environment with nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.packaging.environments import make_environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.packaging.environments import Environment

MOST_PACKAGES = 13
MOST_BYTES = 10_000_000
MOST_BYTES_OF_AI_STUDIO = 45_000_000
ABOVE = {
    "cyclopts",
    "rich",
    "tomlkit",
    "tree-sitter",
    "tree-sitter-toml",
    "pytest",
    "pydantic",
    "redis",
    "httpx2",
    "jsonschema",
    "pipelex-dialects",
    "pipelex-operations",
    "pipelex-http",
    "pipelex-limits",
    "pipelex-lock",
    "pipelex-runs",
}
"""What the command line, the kit and plugins need, and core does not."""

PROGRAM = """
import json
from importlib.metadata import distributions, entry_points

found = {}
for one in distributions():
    files = [file.locate() for file in one.files or () if not str(file).endswith(".pyc")]
    found[one.metadata["Name"].lower()] = sum(file.stat().st_size for file in files if file.exists())
print(json.dumps({"sizes": found, "pytest": [point.name for point in entry_points(group="pytest11")],
                  "scripts": [point.name for point in entry_points(group="console_scripts")]}))
"""


@pytest.fixture(scope="module")
def alone(built_wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Core from its wheel, and what it requires."""
    environment = make_environment(tmp_path_factory.mktemp("small") / "venv")
    environment.install(str(built_wheels["core"]))
    return environment


def test_core_brings_little(alone: Environment) -> None:
    """At most 13 packages and 10 MB, itself included; no command, no pytest plugin, nothing that draws or edits."""
    reported: dict[str, Any] = json.loads(alone.run("python", "-c", PROGRAM, cwd=alone.folder).stdout)
    sizes = reported["sizes"]
    assert "pipelex-core" in sizes
    assert len(sizes) <= MOST_PACKAGES, sorted(sizes)
    assert sum(sizes.values()) <= MOST_BYTES, sizes
    assert not ABOVE & sizes.keys()
    assert reported["pytest"] == []
    assert "pipelex" not in reported["scripts"]


def test_ai_studio_brings_nothing_of_google_cloud(built_wheels: dict[str, Path], tmp_path: Path) -> None:
    """Beyond core and its HTTP client, the plugin for AI Studio brings at most 45 MB, google-genai's; no gRPC."""
    environment = make_environment(tmp_path / "venv")
    environment.install(
        f"{built_wheels['core']}[http]",
        *(str(built_wheels[name]) for name in ("dialects", "operations", "http", "limits", "lock")),
    )
    before: dict[str, int] = json.loads(environment.run("python", "-c", PROGRAM, cwd=tmp_path).stdout)["sizes"]
    environment.install(str(built_wheels["google"]))
    after: dict[str, int] = json.loads(environment.run("python", "-c", PROGRAM, cwd=tmp_path).stdout)["sizes"]
    brought = {name: size for name, size in after.items() if name not in before}
    assert "google-genai" in brought
    assert not {"google-cloud-aiplatform", "grpcio", "protobuf"} & brought.keys()
    assert sum(brought.values()) <= MOST_BYTES_OF_AI_STUDIO, brought


def test_without_a_command_line_the_module_says_what_to_install(alone: Environment) -> None:
    """`python -m pipelex_core` fails with the pip command that brings the command line."""
    done = alone.run("python", "-m", "pipelex_core", "validate", cwd=alone.folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "pipelex: the command line is not installed; run: pip install pipelex-cli\n"


EXPLAIN = """
from pipelex_core import Client, PluginError
from pipelex_core.deck import ModelDeck
from pipelex_core.plugins import discover

with Client(ModelDeck(models={}), discover()) as client:
    try:
        client.explain("m")
    except PluginError as error:
        print(error)
"""


def test_without_a_command_line_an_explanation_says_what_to_install(alone: Environment) -> None:
    """`client.explain` is refused with the pip command that brings it."""
    done = alone.run("python", "-c", EXPLAIN, cwd=alone.folder)
    expected = "explanations come with the command line, which is not installed; run: pip install pipelex-cli"
    assert done.stdout == f"{expected}\n", done.stderr


RUN = """
from pipelex_core import Client, PluginError
from pipelex_core.deck import ModelDeck
from pipelex_core.plugins import discover

with Client(ModelDeck(models={}), discover()) as client:
    try:
        client.run("Hi", model="m", tools=[print])
    except PluginError as error:
        print(error)
"""


def test_without_what_runs_tools_a_run_says_what_to_install(alone: Environment) -> None:
    """`client.run` is refused with the pip command that brings it."""
    done = alone.run("python", "-c", RUN, cwd=alone.folder)
    expected = "`client.run` comes with a distribution that is not installed; run: pip install pipelex-runs"
    assert done.stdout == f"{expected}\n", done.stderr


EMBED = """
from pipelex_core import Client, PluginError
from pipelex_core.deck import ModelDeck
from pipelex_core.plugins import discover

with Client(ModelDeck(models={}), discover()) as client:
    try:
        client.embed("Hi", model="m")
    except PluginError as error:
        print(error)
"""


def test_without_what_embeds_a_call_says_what_to_install(alone: Environment) -> None:
    """`client.embed` is refused with the pip command that brings it; so are its like."""
    done = alone.run("python", "-c", EMBED, cwd=alone.folder)
    expected = "'embed' comes with a distribution that is not installed; run: pip install pipelex-operations"
    assert done.stdout == f"{expected}\n", done.stderr


LIMITED = """
from pipelex_core import Client, PluginError
from pipelex_core.deck import ModelDeck
from pipelex_core.plugins import discover
from pipelex_core.specs import BackendConfig, Limits

deck = ModelDeck(models={}, backends={"b": BackendConfig(name="b", limits=Limits(max_concurrency=1))})
try:
    Client(deck, discover())
except PluginError as error:
    print(error)
"""


def test_without_what_keeps_limits_a_client_that_has_some_says_what_to_install(alone: Environment) -> None:
    """A limit that is configured is never left out in silence."""
    done = alone.run("python", "-c", LIMITED, cwd=alone.folder)
    expected = "limits come with a distribution that is not installed; run: pip install pipelex-limits"
    assert done.stdout == f"{expected}\n", done.stderr


GUESSED = """
from pipelex_core import Client, PluginError
from pipelex_core.deck import ModelDeck
from pipelex_core.plugins import discover
from pipelex_core.routing import ModelEntry, RouteMatch
from pipelex_core.specs import BackendConfig, ModelSpec

spec = ModelSpec(name="m", backend="b", sdk="s", model_id="m")
route = RouteMatch(rule="default", backend="b")
entry = ModelEntry(name="m", spec=spec, available=True, reason=None, route=route)
deck = ModelDeck(models={"m": entry}, backends={"b": BackendConfig(name="b")})
with Client(deck, discover()) as client:
    for ask in (lambda: client.estimate("Hi", model="m"), lambda: client.budget(usd=1)):
        try:
            ask()
        except PluginError as error:
            print(error)
try:
    Client(deck, discover(), budget_usd=1)
except PluginError as error:
    print(error)
"""


def test_without_what_keeps_budgets_a_budget_and_an_estimate_say_what_to_install(alone: Environment) -> None:
    """Money is never left unwatched in silence; a call without a budget needs nothing of it."""
    done = alone.run("python", "-c", GUESSED, cwd=alone.folder)
    lacks = (
        "what a call will use is guessed by a distribution that is not installed",
        *["budgets come with a distribution that is not installed"] * 2,
    )
    assert done.stdout == "".join(f"{lack}; run: pip install pipelex-limits\n" for lack in lacks), done.stderr


TYPED = """
from pipelex_core import Client, PluginError
from pipelex_core.deck import ModelDeck
from pipelex_core.plugins import discover

with Client(ModelDeck(models={}), discover()) as client:
    try:
        client.generate_object("Hi", dict[str, int], model="m")
    except PluginError as error:
        print(error)
"""


def test_without_what_makes_objects_a_typed_call_says_what_to_install(alone: Environment) -> None:
    """`client.generate_object` is refused with the pip command that brings it."""
    done = alone.run("python", "-c", TYPED, cwd=alone.folder)
    expected = "typed objects come with a distribution that is not installed; run: pip install pipelex-dialects"
    assert done.stdout == f"{expected}\n", done.stderr


LOCKED = """
from pathlib import Path

from pipelex_core import PluginError
from pipelex_core.plugins import discover

Path("plugins.lock.toml").touch()
try:
    discover(lock=Path("plugins.lock.toml"))
except PluginError as error:
    print(error)
"""


def test_without_what_reads_a_plugin_lock_a_project_that_has_one_loads_nothing(alone: Environment) -> None:
    """A lock is never left out in silence."""
    done = alone.run("python", "-c", LOCKED, cwd=alone.folder)
    expected = "what reads the plugin lock plugins.lock.toml is not installed; run: pip install pipelex-lock"
    assert done.stdout == f"{expected}\n", done.stderr


POOL = """
import asyncio

from pipelex_core import PluginError
from pipelex_core.execution.resources import LoopResources
from pipelex_core.specs import BackendConfig

resources = LoopResources()
try:
    resources.http()
except PluginError as error:
    print(error)
try:
    asyncio.run(resources.download("https://user:secret@example.org/a?token=b", BackendConfig(name="b")))
except PluginError as error:
    print(error)
"""


def test_without_a_connection_pool_its_error_says_what_to_install(alone: Environment) -> None:
    """A backend that asks for one, and a download, are refused with the pip command that brings it."""
    done = alone.run("python", "-c", POOL, cwd=alone.folder)
    assert done.stdout.splitlines() == [
        "the backend needs an HTTP client, which is not installed; run: pip install pipelex-http",
        "downloading https://example.org/a needs an HTTP client; run: pip install 'pipelex-core[http]'",
    ], done.stderr


def test_with_the_command_line_the_module_runs_it(
    alone: Environment, built_wheels: dict[str, Path], tmp_path: Path
) -> None:
    """`python -m pipelex_core` is `pipelex`, found through an entry point."""
    environment = make_environment(tmp_path / "venv")
    environment.install(
        *(
            str(built_wheels[name])
            for name in ("core", "cli", "dialects", "operations", "limits", "lock", "mock", "rules", "runs")
        )
    )
    by_module = environment.run("python", "-m", "pipelex_core", "plugins", "--json", cwd=tmp_path)
    by_script = environment.run("pipelex", "plugins", "--json", cwd=tmp_path)
    assert by_module.returncode == by_script.returncode == 0, by_module.stderr
    names = [[row["name"] for row in json.loads(done.stdout)] for done in (by_module, by_script)]
    assert names[0] == names[1] == ["cli", "mock"]


OF_THE_COMMAND_LINE = {"cli", "chat", "import"}
"""Those that are commands for people, and nothing to a library."""


def test_the_extras_bring_the_command_line_and_the_backends_do_not(built_wheels: dict[str, Path]) -> None:
    """An extra that names a distribution of this project is for people; a backend is for libraries too."""
    import tomli
    from packaging.requirements import Requirement

    from tests.packaging.environments import ROOT

    projects = {
        file.parent.name: tomli.loads(file.read_text(encoding="utf-8"))["project"]
        for file in (ROOT / "core" / "pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml"))
    }
    ours = {project["name"] for project in projects.values()}
    for extra, needs in projects["core"]["optional-dependencies"].items():
        names = {Requirement(need).name for need in needs}
        assert (
            extra in {"dialects", "operations", "http", "limits", "lock", "redis", "runs"}
            or not names & ours
            or "pipelex-cli" in names
        ), extra
    for folder, project in projects.items():
        if folder not in OF_THE_COMMAND_LINE:
            assert "pipelex-cli" not in {Requirement(need).name for need in project["dependencies"]}, folder

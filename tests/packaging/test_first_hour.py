"""What a newcomer does in the first hour, in environments of its own made of the built wheels; the times are printed."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
import tomli

from tests.packaging.environments import Environment, make_environment, with_command_line
from tools.benchmarks.server import fixed_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = "sk-test-0123456789"
ASK = (
    "from pipelex_core import Client\n"
    "with Client.from_project() as client:\n"
    "    print(client.generate_text('Name three rivers.', model={model!r}).text)\n"
)


@pytest.fixture(scope="module")
def openai(built_wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Environment, float]:
    """One backend and the command line, and how long the installation took."""
    begun = time.perf_counter()
    environment = make_environment(tmp_path_factory.mktemp("first") / "venv")
    environment.install(*with_command_line(built_wheels, "openai"))
    return environment, time.perf_counter() - begun


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a server that answers as OpenAI does."""
    with fixed_server() as url:
        yield url


def variables(folder: Path, **more: str) -> dict[str, str]:
    """A home without a configuration."""
    return {"HOME": str(folder / "nobody"), **more}


def test_one_backend_and_a_key_are_enough_in_the_library(
    built_wheels: dict[str, Path], tmp_path: Path, server: str
) -> None:
    """No command line, no folder: the plugin's README as it stands, with a gateway's address in the place of the provider's."""
    begun = time.perf_counter()
    environment = make_environment(tmp_path / "venv")
    environment.install(
        *(str(built_wheels[name]) for name in ("core", "dialects", "operations", "http", "limits", "lock", "openai"))
    )
    installed = time.perf_counter()
    program = (
        "from pipelex_core import Client\n"
        "with Client.from_project() as client:\n"
        "    for model in ('gpt-6-luna', 'cheap_llm_for_text', None):\n"
        "        way = client.deck.resolve(model or client.deck.default('llm.for_text'))\n"
        "        print(way.chosen.spec.backend)\n"
    )
    done = environment.run("python", "-c", program, cwd=tmp_path, **variables(tmp_path, OPENAI_API_KEY=KEY))
    assert done.stdout.split() == ["openai"] * 3, done.stderr
    project = _with_endpoint(environment, tmp_path / "project", server)
    done = environment.run("python", "-c", ASK.format(model="gpt-4o-mini"), cwd=project, **variables(tmp_path))
    assert done.stdout.startswith("Rhine, Seine, Po."), done.stderr
    print(f"install {installed - begun:.1f} s, answer after {time.perf_counter() - begun:.1f} s")


def _with_endpoint(environment: Environment, project: Path, url: str) -> Path:
    """A project whose only file that is not a plugin's names a server on this machine."""
    inference = project / ".pipelex" / "inference"
    (inference / "deck").mkdir(parents=True)
    backends = f'[openai]\nendpoint = "{url}"\napi_key = "{KEY}"\n'
    (inference / "backends.toml").write_text(backends, encoding="utf-8")
    profile = 'active = "all"\n[profiles.all]\ndefault = "openai"\n'
    (inference / "routing_profiles.toml").write_text(profile, encoding="utf-8")
    (inference / "deck" / "deck.toml").write_text('[aliases]\nfast = "gpt-4o-mini"\n', encoding="utf-8")
    assert environment.python.is_file()
    return project


def test_one_backend_and_a_key_are_enough_on_the_command_line(
    openai: tuple[Environment, float], tmp_path: Path, server: str
) -> None:
    """In a folder without anything, and in a new project whose one backend has its key; both validate in silence."""
    environment, seconds = openai
    begun = time.perf_counter()
    home = variables(tmp_path, OPENAI_API_KEY=KEY)
    done = environment.run("pipelex", "explain", "cheap_llm_for_text", "--json", cwd=tmp_path, **home)
    assert json.loads(done.stdout)["chosen"]["backend"] == "openai", done.stderr
    project = _with_endpoint(environment, tmp_path / "project", server)
    done = environment.run("pipelex", "generate", "Name three rivers.", "-m", "fast", cwd=project, **home)
    assert done.stdout.startswith("Rhine, Seine, Po."), done.stderr
    print(f"install {seconds:.1f} s, two commands {time.perf_counter() - begun:.1f} s")


def test_a_new_project_with_a_key_validates_in_silence(openai: tuple[Environment, float], tmp_path: Path) -> None:
    """No error and no warning: handles that wait for further keys are no findings."""
    environment, _ = openai
    home = variables(tmp_path, OPENAI_API_KEY=KEY)
    assert environment.run("pipelex", "init", cwd=tmp_path, **home).returncode == 0
    done = environment.run("pipelex", "validate", "--json", cwd=tmp_path, **home)
    assert json.loads(done.stdout) == {"ok": True, "problems": []}


def test_init_writes_the_documented_profiles_and_finds_a_key_that_came_later(
    openai: tuple[Environment, float], tmp_path: Path
) -> None:
    """With the gateway's key alone its profile is active; another key is found by `init` again, not after `disable`."""
    environment, _ = openai
    home = variables(tmp_path, PIPELEX_INFERENCE_API_KEY=KEY)
    assert environment.run("pipelex", "init", cwd=tmp_path, **home).returncode == 0
    inference = tmp_path / ".pipelex" / "inference"
    profiles = tomli.loads((inference / "routing_profiles.toml").read_text(encoding="utf-8"))
    assert profiles["active"] == "pipelex_first"
    assert {"pipelex_first", "all_pipelex", "custom_routing", "hybrid", "all_openai"} <= profiles["profiles"].keys()
    done = environment.run("pipelex", "validate", "--json", cwd=tmp_path, **home)
    assert json.loads(done.stdout) == {"ok": True, "problems": []}
    done = environment.run("pipelex", "explain", "cheap_llm_for_text", "--json", cwd=tmp_path, **home)
    assert json.loads(done.stdout)["chosen"]["backend"] == "pipelex_inference"

    def is_on() -> bool:
        tables = tomli.loads((inference / "backends.toml").read_text(encoding="utf-8"))
        return bool(tables["openai"]["enabled"])

    assert not is_on()
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={KEY}\n", encoding="utf-8")
    done = environment.run("pipelex", "init", cwd=tmp_path, **home)
    assert is_on()
    assert "added to  .pipelex/inference/backends.toml" in done.stderr
    assert environment.run("pipelex", "disable", "openai", cwd=tmp_path, **home).returncode == 0
    assert environment.run("pipelex", "init", cwd=tmp_path, **home).returncode == 0
    assert not is_on()


@pytest.mark.parametrize("with_folder", [False, True])
def test_a_missing_plugin_is_named_with_its_installation_first(
    openai: tuple[Environment, float], tmp_path: Path, *, with_folder: bool
) -> None:
    """Before a gateway that also has the model, in a call's error and in an explanation."""
    environment, _ = openai
    home = variables(tmp_path, OPENAI_API_KEY=KEY)
    if with_folder:
        environment.run("pipelex", "init", cwd=tmp_path, **home)
    for model in ("claude-4.5-sonnet", "claude-that-nobody-has", "mistral-large"):
        plugin = "pipelex-backend-mistral" if model.startswith("mistral") else "pipelex-backend-anthropic"
        done = environment.run("pipelex", "generate", "Hi", "-m", model, cwd=tmp_path, **home)
        assert done.returncode == 1
        assert f"pip install {plugin}" in done.stderr
        assert "BlackBox" not in done.stderr.partition("pip install")[0]
        assert "blackboxai" not in done.stderr.partition("pip install")[0]
    done = environment.run("pipelex", "explain", "claude-4.5-sonnet", cwd=tmp_path, **home)
    assert done.stdout.index("pip install pipelex-backend-anthropic") < done.stdout.index("blackboxai': set")


def test_the_page_of_a_code_is_in_the_wheel(openai: tuple[Environment, float], tmp_path: Path) -> None:
    """`explain CODE` prints it; a name that is neither a handle nor a code is the handle's error."""
    environment, _ = openai
    done = environment.run("pipelex", "explain", "missing-variable", cwd=tmp_path, **variables(tmp_path))
    assert done.returncode == 0
    assert "## What to do" in done.stdout
    done = environment.run("pipelex", "explain", "no-such-thing", cwd=tmp_path, **variables(tmp_path))
    assert done.returncode == 1
    assert "there is no LLM model, alias or preset 'no-such-thing'" in done.stderr


@pytest.mark.slow
def test_a_configuration_of_litellm_answers(built_wheels: dict[str, Path], tmp_path: Path, server: str) -> None:
    """Moving in: from `pip install` over `pipelex import` to the first answer, under the name that it had."""
    begun = time.perf_counter()
    environment = make_environment(tmp_path / "venv")
    environment.install(*with_command_line(built_wheels, "openai", "import"))
    installed = time.perf_counter()
    project = tmp_path / "project"
    project.mkdir()
    model = f"{{model: openai/gpt-4o-mini, api_key: {KEY}, api_base: '{server}'}}"
    config = f"model_list:\n  - model_name: fast\n    litellm_params: {model}\n"
    (project / "config.yaml").write_text(config, encoding="utf-8")
    home = variables(tmp_path)
    done = environment.run("pipelex", "import", "litellm", "config.yaml", cwd=project, **home)
    assert done.returncode == 0, done.stderr
    assert KEY not in (project / ".pipelex/inference/backends.toml").read_text(encoding="utf-8")
    done = environment.run("pipelex", "validate", "--json", cwd=project, **home)
    assert json.loads(done.stdout)["ok"] is True, done.stdout
    done = environment.run("pipelex", "generate", "Name three rivers.", "-m", "fast", cwd=project, **home)
    assert done.stdout.startswith("Rhine, Seine, Po."), done.stderr
    print(f"install {installed - begun:.1f} s, answer after {time.perf_counter() - begun:.1f} s")


def test_an_adapter_brings_no_command_line(built_wheels: dict[str, Path]) -> None:
    """What adapters need is core and what they share: whoever embeds them installs no command line."""
    import zipfile

    for name in ("adapters", "langchain", "pydantic-ai", "dspy", "llamaindex"):
        with zipfile.ZipFile(built_wheels[name]) as wheel:
            (file,) = [each for each in wheel.namelist() if each.endswith("METADATA")]
            metadata = wheel.read(file).decode()
        needed = {line.removeprefix("Requires-Dist: ") for line in metadata.splitlines() if "Requires-Dist" in line}
        assert any(line.startswith("pipelex-core") for line in needed)
        assert not any(line.startswith("pipelex-cli") for line in needed)

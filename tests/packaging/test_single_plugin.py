"""Each plugin's wheel beside core's and the command line's, alone in an environment: its models can be used, and nothing else is needed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
import tomli

from tests.documents.pdfs import lines, pdf
from tests.packaging.environments import (
    BACKENDS,
    COMMAND_LINE_NAMES,
    MIDDLEWARES,
    ROOT,
    beneath,
    make_environment,
    with_command_line,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", BACKENDS)
def test_a_plugin_alone_makes_its_models_usable(name: str, built_wheels: dict[str, Path], tmp_path: Path) -> None:
    """Found, in use, its models listed with its own specs as their source, and its backend can be made with its SDK."""
    environment = make_environment(tmp_path / "venv")
    environment.install(*with_command_line(built_wheels, name))
    project = tmp_path / "project"
    project.mkdir()

    def reported(*arguments: str) -> str:
        done = environment.run("pipelex", *arguments, cwd=project)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    rows = [row for row in json.loads(reported("plugins", "--json")) if row["distribution"] not in COMMAND_LINE_NAMES]
    found = {row["distribution"]: row for row in rows}
    assert set(found) == {f"pipelex-backend-{one}" for one in (name, *beneath(name)) if one in BACKENDS}
    plugin = found[f"pipelex-backend-{name}"]
    assert plugin["status"] == "ok"
    reported("init")
    backends = project / ".pipelex" / "inference" / "backends.toml"
    backends.write_text(backends.read_text().replace("enabled = false", "enabled = true"))
    keys = dict.fromkeys(_variables(name), "sk-none")
    done = environment.run("pipelex", "show", "models", "--json", cwd=project, **keys)
    assert done.returncode == 0, done.stdout + done.stderr
    models = json.loads(done.stdout)
    folders = [ROOT / "plugins" / one for one in (name, *beneath(name))]
    own = {file.stem for folder in folders for file in folder.glob("src/*/specs/*.toml")}
    assert {model["backend"] for model in models} <= own
    assert [model for model in models if model["available"]] != []
    program = (
        "from pipelex_core.plugins import discover; from pipelex_core.specs import BackendConfig, Secret\n"
        "factory, _ = discover().require('x', {sdk!r})\n"
        "print(type(factory(BackendConfig(name='x', endpoint='http://127.0.0.1:9', api_key=Secret('sk-none')))).__mro__)\n"
    )
    done = environment.run("python", "-W", "error", "-c", program.format(sdk=plugin["sdks"][0]), cwd=project)
    assert "pipelex_core.backend.Backend" in done.stdout, done.stderr


@pytest.mark.parametrize("name", MIDDLEWARES)
def test_a_middleware_beside_one_backend_changes_no_answer(
    name: str, built_wheels: dict[str, Path], tmp_path: Path
) -> None:
    """Found, in use, and a call goes through as before; with a backend that needs no network."""
    environment = make_environment(tmp_path / "venv")
    environment.install(*with_command_line(built_wheels, "internal", name))
    project = tmp_path / "project"
    project.mkdir()
    (project / "one.pdf").write_bytes(pdf(lines("First page")))
    done = environment.run("pipelex", "plugins", "--json", cwd=project)
    rows = [row for row in json.loads(done.stdout) if row["distribution"] not in COMMAND_LINE_NAMES]
    found = {row["distribution"]: row["status"] for row in rows}
    assert found == {"pipelex-backend-internal": "ok", f"pipelex-middleware-{name}": "ok"}
    assert environment.run("pipelex", "init", cwd=project).returncode == 0
    done = environment.run("pipelex", "extract", "one.pdf", "--json", cwd=project)
    assert [page["text"] for page in json.loads(done.stdout)["pages"]] == ["First page"], done.stderr


def _variables(name: str) -> set[str]:
    """The variables that the defaults of a plugin's backends name."""
    tables = [
        tomli.loads(file.read_text(encoding="utf-8")).get("backend", {})
        for file in (ROOT / "plugins" / name).glob("src/*/specs/*.toml")
    ]
    return set(re.findall(r"\$\{(?:\w+:)?(\w+)", json.dumps(tables)))

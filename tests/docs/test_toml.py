"""The TOML examples of the documentation: each is loaded, as the file it is, in a project with every plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import tomli
import tomlkit

from pipelex_core.config import check
from pipelex_core.plugins import discover
from tests.docs.project import BACKENDS, every_variable, write_project
from tools.docs.markdown import ROOT, blocks, documents

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pipelex_core.errors import Problem
    from tools.docs.markdown import Block

EXAMPLES = [block for page in documents() for block in blocks(page, "toml")]
INFERENCE = ".pipelex/inference"
_ROUTING = {"active", "profiles"}
_DECK = {"aliases", "llm", "extract", "img_gen", "embed", "llm_presets", "on_unsupported_setting"}
_SPEC = {"model_id", "sdk", "model_type", "costs", "inputs", "outputs", "max_tokens", "constraints"}


def file_of(block: Block, tables: dict[str, Any]) -> str:
    """The file an example belongs to: the one it names, else the one whose keys it has."""
    if block.named_file is not None:
        return block.named_file
    if "project" in tables:
        return "pyproject.toml"
    if tables.keys() & _ROUTING:
        return "routing_profiles.toml"
    if tables.keys() & _DECK:
        return "deck/example.toml"
    if any(not _SPEC.isdisjoint(table) for table in tables.values() if isinstance(table, dict)):
        return f"backends/{block.file.parent.name}.toml"
    return "backends.toml"


def place(folder: Path, name: str, text: str) -> Path:
    """Put an example where it belongs; tables of backends.toml replace those of their names."""
    file = folder / INFERENCE / name
    if name == "backends.toml":
        tables = {**tomli.loads((folder / BACKENDS).read_text(encoding="utf-8")), **tomli.loads(text)}
        for table in tables.values():
            if isinstance(table, dict):
                table.setdefault("enabled", True)
        text = tomlkit.dumps(tables)
    file.write_text(text, encoding="utf-8")
    return file


def faults(problems: Iterable[Problem], files: set[str]) -> list[str]:
    """All errors, and the warnings in these files."""
    return [str(problem) for problem in problems if problem.severity == "error" or problem.file in files]


@pytest.mark.parametrize(
    "page", sorted({block.file for block in EXAMPLES}), ids=lambda page: str(page.relative_to(ROOT))
)
def test_every_example_loads(page: Path, tmp_path: Path) -> None:
    """The examples of a page, together, are a configuration without a fault, and without a warning."""
    texts = [block for block in EXAMPLES if block.file == page]
    plugins = discover()
    everything = {table: {"enabled": True} for shipped in plugins.shipped_specs for table in [shipped.backend]}
    write_project(tmp_path, everything)
    placed: set[str] = set()
    specs: list[str] = []
    for block in texts:
        name = file_of(block, tomli.loads(block.text))
        if name == "pyproject.toml" or name.startswith(("acme_pipelex/", "src/")):
            continue  # of the plugins that test_provider.py and tests/third_party build
        if name.startswith("backends/"):
            specs.append(name.removeprefix("backends/").removesuffix(".toml"))
        text = block.text if name == "routing_profiles.toml" or name not in placed else _more(tmp_path, name, block)
        place(tmp_path, name, text)
        placed.add(name)
    _declare(tmp_path, specs)
    environ = every_variable(*(block.text for block in texts))
    loaded, problems = check(config=tmp_path / ".pipelex", environ=environ, plugins=plugins)
    files = {str(tmp_path / INFERENCE / name) for name in placed - {"backends.toml"}}
    assert faults(problems, files) == []
    assert loaded is not None


def _more(folder: Path, name: str, block: Block) -> str:
    """A second example of one file."""
    if name == "backends.toml":
        return block.text
    return (folder / INFERENCE / name).read_text(encoding="utf-8") + "\n" + block.text


def _declare(folder: Path, backends: Iterable[str]) -> None:
    """A table in backends.toml for each file of models that has none."""
    tables = tomli.loads((folder / BACKENDS).read_text(encoding="utf-8"))
    for name in backends:
        tables.setdefault(name, {"endpoint": "https://llm.example.org/v1", "api_key": "some-value"})
    (folder / BACKENDS).write_text(tomlkit.dumps(tables), encoding="utf-8")


@pytest.mark.parametrize(
    "block", [block for block in EXAMPLES if "entry-points" in block.text], ids=lambda block: block.place
)
def test_the_entry_points_group_is_the_one_that_is_searched(block: Block) -> None:
    """A plugin that is written as the documentation says is found."""
    from pipelex_core.hookspecs import ENTRY_POINT_GROUP

    assert list(tomli.loads(block.text)["project"]["entry-points"]) == [ENTRY_POINT_GROUP]


def test_an_example_with_a_fault_would_be_noticed(tmp_path: Path) -> None:
    """The check tells a wrong key in each kind of file."""
    for number, (name, text) in enumerate(
        {
            "backends.toml": '[openai]\nendpint = "x"\n',
            "backends/openai.toml": "[gpt-4o-mini]\nmax_token = 3\n",
            "deck/example.toml": '[aliases]\na = "no-such-model"\n',
            "routing_profiles.toml": 'active = "a"\n[profiles.a]\ndefault = "no-such-backend"\n',
        }.items()
    ):
        folder = tmp_path / str(number)
        write_project(folder, {"openai": {"enabled": True}})
        place(folder, name, text)
        _, problems = check(config=folder / ".pipelex", environ=every_variable(), plugins=discover())
        assert len(faults(problems, set())) == 1, name

"""The page of each distribution says what its code has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import tomli

from pipelex_core.plugins import discover
from tools.docs.markdown import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def is_plugin(folder: Path) -> bool:
    """Whether a distribution is a plugin; the rulebook is a library."""
    project = tomli.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return "pipelex_core.plugins" in project.get("entry-points", {})


FOLDERS = sorted(file.parent for file in ROOT.glob("plugins/*/pyproject.toml"))
PLUGINS_FOLDERS = [folder for folder in FOLDERS if is_plugin(folder)]
PLUGINS = discover()


def distribution(folder: Path) -> str:
    """The name of what a folder holds."""
    return str(tomli.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]["name"])


def requires(folder: Path, name: str) -> bool:
    """Whether a distribution brings another along."""
    project = tomli.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return any(re.match(rf"{re.escape(name)}(?![\w-])", each) for each in project["dependencies"])


def readme(folder: Path) -> str:
    """A distribution's README."""
    return (folder / "README.md").read_text(encoding="utf-8")


def says(text: str, word: str) -> bool:
    """Whether a word stands in code: alone, or in an example."""
    code = re.findall(r"```.*?```|`[^`\n]+`", text, flags=re.DOTALL)
    return any(re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", piece) for piece in code)


@pytest.mark.parametrize("folder", PLUGINS_FOLDERS, ids=lambda folder: folder.name)
def test_it_says_how_to_install_and_what_it_serves(folder: Path) -> None:
    """Its title is the distribution; pip, its backends and its sdks are named."""
    name = distribution(folder)
    text = readme(folder)
    assert text.startswith(f"# {name}\n")
    assert re.search(rf"pip install [^\n]*{name}", text)
    (record,) = [record for record in PLUGINS.records if record.distribution == name]
    backends = {shipped.backend for shipped in PLUGINS.shipped_specs if shipped.plugin == record}
    served = {sdk.rpartition(":")[2] for sdk in record.sdks}
    assert {word for word in backends | served if not says(text, word)} == set()


PROVIDERS = ["openai", "anthropic", "mistral", "google", "vertexai", "bedrock", "fal"]


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_providers_page_has_the_sections_that_are_looked_for(name: str) -> None:
    """How to install and to configure it, its options, its models and its limits, each once."""
    headings = re.findall(r"^##+ (.*)$", readme(ROOT / "plugins" / name), flags=re.MULTILINE)
    wanted = ["Install", "Configure", "Options", "Models", "Known limits"]
    assert {word: headings.count(word) for word in wanted} == dict.fromkeys(wanted, 1)


@pytest.mark.parametrize("folder", PLUGINS_FOLDERS, ids=lambda folder: folder.name)
def test_it_tells_every_option(folder: Path) -> None:
    """Each key that the plugin reads from backends.toml or from a model spec is explained, with the values it may have."""
    name = distribution(folder)
    text = readme(folder)
    (record,) = [record for record in PLUGINS.records if record.distribution == name]
    factories = [PLUGINS.require(sdk.rpartition(":")[0] or "any", sdk.rpartition(":")[2])[0] for sdk in record.sdks]
    options = {option for factory in factories for option in (*factory.options, *factory.model_options)}
    unsaid = {option.name for option in options if not says(text, option.name)}
    unsaid |= {f"{option.name}: {choice}" for option in options for choice in option.choices if not says(text, choice)}
    assert unsaid == set()


@pytest.mark.parametrize("folder", [ROOT / "core", *FOLDERS], ids=lambda folder: folder.name)
def test_its_changelog_begins_with_its_version(folder: Path) -> None:
    """The newest entry is the version that would be published, and says something."""
    version = tomli.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    text = (folder / "CHANGELOG.md").read_text(encoding="utf-8")
    head, _, body = text.partition(f"## {version}\n")
    assert head.strip() == "# Changelog"
    assert len(body.partition("\n## ")[0].strip()) > 30


def test_the_main_readme_lists_every_plugin() -> None:
    """Its tables have each distribution once."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for folder in FOLDERS:
        assert text.count(f"| `{distribution(folder)}` |") == 1, folder.name


def test_the_page_of_core_lists_every_extra() -> None:
    """Its tables have each distribution's extra, and no other; an extra is called like the distribution's folder.

    What others bring along needs none; nor has one what stays out of the workspace, whose resolution it would be part of.
    """
    workspace = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]["workspace"]
    out = {folder.name for folder in FOLDERS if f"plugins/{folder.name}" in workspace["exclude"]}
    brought = {folder.name for folder in FOLDERS if any(requires(other, distribution(folder)) for other in FOLDERS)}
    extras = tomli.loads((ROOT / "core" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = re.findall(r"^\| `([\w-]+)` \|", readme(ROOT / "core"), flags=re.MULTILINE)
    ours = {distribution(folder) for folder in FOLDERS}
    of_plugins = {name for name, what in extras["optional-dependencies"].items() if what[0] in ours}
    assert sorted(listed) == sorted(of_plugins)
    folders = {folder.name for folder in FOLDERS}
    assert folders - out - brought <= set(listed) <= folders - out

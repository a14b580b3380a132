"""Capabilities: what is asked of their records."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from pipelex_core.capabilities import BUILT_IN
from pipelex_core.capabilities.images import IMAGES
from pipelex_core.capabilities.registry import check
from pipelex_core.config import load
from pipelex_core.errors import ConfigError, HandleNotFoundError, PluginError
from pipelex_core.plugins import discover
from pipelex_core.specs import ModelType
from tests.support.projects import write_files
from tests.support.scripted import Script, ScriptedBackend, plugin

if TYPE_CHECKING:
    from pipelex_core.config import LoadedConfig

SECTIONS = '[embed]\nchoice_default = "p"\n[embed.presets]\np = { model = "m-embedding", purpose = "query" }'
MODELS = "\n".join(f'[m-{kind}]\nmodel_type = "{kind}"\ncosts = {{ input = 1 }}' for kind in ModelType)


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedConfig:
    """A project with a model of every type."""
    inference = tmp_path / ".pipelex" / "inference"
    files = {
        "backends.toml": "[b]\n",
        "backends/b.toml": f'[defaults]\nsdk = "s"\n{MODELS}\n',
        "routing_profiles.toml": 'active = "a"\n[profiles.a]\ndefault = "b"\n',
        "deck/deck.toml": f'[aliases]\nvoices = "m-speaker"\n{SECTIONS}\n',
    }
    write_files(inference, files)
    made = plugin({"s": lambda config: ScriptedBackend(config, Script())})
    return load(tmp_path, plugins=discover(entry_points=(), extra=[made]))


def test_every_model_type_of_the_format_loads_and_nobody_is_warned(loaded: LoadedConfig) -> None:
    """Each type belongs to a capability of this distribution, so that every model can be called."""
    assert loaded.warnings == ()
    available = {name for name, entry in loaded.deck.models.items() if entry.available}
    assert available == {f"m-{kind}" for kind in ModelType}


def test_a_model_for_something_else_says_what_it_is_for(loaded: LoadedConfig) -> None:
    """Named in a call for text."""
    with pytest.raises(HandleNotFoundError, match="which is for speech, not for text"):
        loaded.deck.resolve("voices", "llm")


def test_the_format_s_model_types_and_those_of_the_registry_are_the_same() -> None:
    """`ModelType` is for plugins that name one; the registry is what is asked."""
    assert set(BUILT_IN.model_types) == set(ModelType)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"name": "Shout"}, "name"),
        ({"name": "aliases"}, "name"),
        ({"name": "paint", "operations": ()}, "operation"),
        ({"name": "llm"}, "'llm'"),
        ({"name": "paint"}, "model type 'img_gen'"),
        ({"name": "paint", "model_types": ("painter",)}, "operation 'generate_image'"),
    ],
)
def test_a_capability_with_a_name_that_is_taken_or_cannot_be_one_is_refused(changes: dict[str, Any], word: str) -> None:
    """Its plugin is quarantined with this reason."""
    with pytest.raises(PluginError, match=word):
        check(evolve(IMAGES, **changes), BUILT_IN)


def test_an_unknown_model_type_is_a_fault_with_the_nearest_one(loaded: LoadedConfig) -> None:
    """As any misspelled word."""
    file = loaded.folder / "backends" / "b.toml"
    file.write_text('[defaults]\nsdk = "s"\n[m]\nmodel_type = "embeding"\n')
    with pytest.raises(ConfigError) as caught:
        load(config=loaded.folder, plugins=discover(entry_points=()))
    problem = next(problem for problem in caught.value.problems if problem.code == "bad-value")
    assert (problem.key, problem.suggestion) == ("m.model_type", "did you mean 'embedding'?")


_RERANK = re.compile(r"_?rerank", re.IGNORECASE)


def _is_about_reranking(file: Path) -> bool:
    """Whether the code of a file names it, comments and texts aside."""
    tokens = tokenize.generate_tokens(io.StringIO(file.read_text(encoding="utf-8")).readline)
    return any(
        (token.type == tokenize.NAME and _RERANK.match(token.string))
        or (token.type == tokenize.STRING and re.fullmatch(r"[\"']rerank\w*[\"']", token.string))
        for token in tokens
    )


def test_a_capability_of_the_project_s_own_is_in_few_files() -> None:
    """Reranking, with its values, methods of both clients, work and command, is in as many as docs/architecture.md says at most."""
    root = Path(__file__).parents[2]
    page = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    found_in = re.search(r"A capability of the project's own is in (\d+) files", page)
    assert found_in is not None
    sources = (root / "core" / "src", root / "plugins" / "cli" / "src", root / "plugins" / "operations" / "src")
    files = [file for source in sources for file in source.rglob("*.py*") if file.suffix in {".py", ".pyi"}]
    found = [str(file.relative_to(root)) for file in files if _is_about_reranking(file)]
    assert 3 < len(found) <= int(found_in[1]), found

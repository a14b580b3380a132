"""Capabilities: what is asked of their records, and those that the configuration names before they can be called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from pipelex_core.capabilities import BUILT_IN, Capabilities
from pipelex_core.capabilities.images import IMAGES
from pipelex_core.capabilities.registry import check
from pipelex_core.config import load
from pipelex_core.errors import ConfigError, HandleNotFoundError, PluginError, UnsupportedInputError
from pipelex_core.plugins import discover
from pipelex_core.specs import ModelType
from tests.support.scripted import Script, ScriptedBackend, plugin

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_core.config import LoadedConfig

SECTIONS = "\n".join(
    f'[{name}]\nchoice_default = "p"\n[{name}.presets]\np = {{ model = "{model}", purpose = "query" }}'
    for name, model in (("transcribe", "m-transcriber"), ("rerank", "m-reranker"), ("speak", "m-speaker"))
)
MODELS = "\n".join(f'[m-{kind}]\nmodel_type = "{kind}"\ncosts = {{ input = 1 }}' for kind in ModelType)


@pytest.fixture
def loaded(tmp_path: Path) -> LoadedConfig:
    """A project with a model of every type, and with sections of capabilities that are not here."""
    inference = tmp_path / ".pipelex" / "inference"
    files = {
        "backends.toml": "[b]\n",
        "backends/b.toml": f'[defaults]\nsdk = "s"\n{MODELS}\n',
        "routing_profiles.toml": 'active = "a"\n[profiles.a]\ndefault = "b"\n',
        "deck/deck.toml": f'[aliases]\nvoices = "m-speaker"\n{SECTIONS}\n',
    }
    for name, text in files.items():
        (inference / name).parent.mkdir(parents=True, exist_ok=True)
        (inference / name).write_text(text)
    made = plugin({"s": lambda config: ScriptedBackend(config, Script())})
    return load(tmp_path, plugins=discover(entry_points=(), extra=[made]))


def test_every_model_type_of_the_format_loads_and_nobody_is_warned(loaded: LoadedConfig) -> None:
    """A model whose capability is not here is unavailable, and the reason names its type."""
    assert loaded.warnings == ()
    available = {name for name, entry in loaded.deck.models.items() if entry.available}
    assert available == {"m-llm", "m-text_extractor", "m-img_gen", "m-embedding"}
    assert "model_type 'speaker'" in (loaded.deck.models["m-speaker"].reason or "")


def test_a_model_that_cannot_be_called_yet_says_what_it_is_for(loaded: LoadedConfig) -> None:
    """Named in a call for text; and a call of its capability says that nothing brings it."""
    with pytest.raises(HandleNotFoundError, match="which is for speech, not for text"):
        loaded.deck.resolve("voices", "llm")
    with pytest.raises(UnsupportedInputError, match="no installed distribution"):
        loaded.deck.capabilities.require("speak")


def test_the_format_s_model_types_and_those_of_the_registry_are_the_same() -> None:
    """`ModelType` is for plugins that name one; the registry is what is asked."""
    assert set(BUILT_IN.model_types) == set(ModelType)


def test_a_capability_that_was_planned_is_here_when_a_plugin_brings_it() -> None:
    """Its section and its model type are the plugin's then."""
    (operation,) = IMAGES.operations
    speak = evolve(IMAGES, name="speak", model_types=("speaker",), operations=(evolve(operation, name="speak"),))
    assert not BUILT_IN.can_call("speaker")
    made = BUILT_IN.adding([speak])
    assert isinstance(made, Capabilities)
    assert (made.can_call("speaker"), made.is_planned("speak"), made["speak"]) == (True, False, speak)
    assert sorted(made.sections) == sorted(BUILT_IN.sections)


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

"""A folder without `.pipelex`: the installed plugins and a key are enough, and every handle of a new project is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core import Client, ConfigError, LLMHandleNotFoundError, ModelDeckNotFoundError, ModelsManagerError
from pipelex_core.config.starter import starter_tables
from pipelex_core.plugins import discover
from tests.support.scripted import Script, ScriptedBackend, plugin

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pipelex_core.plugins import Plugins

SPECS = """
[backend]
api_key = "${ACME_KEY}"

[defaults]
sdk = "acme"
costs = { input = 1, output = 1 }

[gpt-6-luna]
model_id = "luna"

[acme-large]
model_id = "large"
"""


@pytest.fixture
def acme(tmp_path: Path) -> Plugins:
    """One plugin, which ships one backend with a model of the first deck, and one that nobody knows."""
    file = tmp_path / "acme.toml"
    file.write_text(SPECS)
    made = plugin(
        {"acme": lambda config: ScriptedBackend(config, Script(answers=["Hello."]))},
        pipelex_model_specs=lambda: {"acme": file},
    )
    return discover(entry_points=(), extra=[made])


def opened(folder: Path, plugins: Plugins, environ: Mapping[str, str], **options: Any) -> Client:
    """A client of a folder, whose home is empty."""
    (folder / "work").mkdir(exist_ok=True)
    home = {"HOME": str(folder / "nobody")}
    return Client.from_project(folder / "work", environ=home | dict(environ), plugins=plugins, **options)


def test_a_key_is_enough(acme: Plugins, tmp_path: Path) -> None:
    """By a model's name, by a preset, and by no name at all; the backend is the plugin's."""
    with opened(tmp_path, acme, {"ACME_KEY": "k-12345678"}) as client:
        for model in ("acme-large", "cheap_llm_for_text", None):
            answer = client.generate_text("Hi", model=model)
            assert (answer.text, answer.backend) == ("Hello.", "acme")
    assert not (tmp_path / "work" / ".pipelex").exists()


def test_the_env_file_of_the_folder_is_read(acme: Plugins, tmp_path: Path) -> None:
    """As beside a `.pipelex`."""
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / ".env").write_text("ACME_KEY=k-12345678\n")
    with opened(tmp_path, acme, {}) as client:
        assert client.generate_text("Hi", model="acme-large").text == "Hello."


def test_without_a_key_the_call_says_which(acme: Plugins, tmp_path: Path) -> None:
    """Loading is not an error; the call names the variable."""
    with (
        opened(tmp_path, acme, {}) as client,
        pytest.raises(ModelsManagerError, match=r"'acme'.* ACME_KEY, which is not set"),
    ):
        client.generate_text("Hi", model="acme-large")


def test_who_wants_a_folder_says_so(acme: Plugins, tmp_path: Path) -> None:
    """`require=True` raises, and so does a folder that was named and is not there."""
    with pytest.raises(ModelDeckNotFoundError):
        opened(tmp_path, acme, {}, require=True)
    with pytest.raises(ModelDeckNotFoundError):
        opened(tmp_path, acme, {}, config=tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="no routing profile 'mine': there is no"):
        opened(tmp_path, acme, {}, profile="mine")


def test_a_plugin_that_is_not_installed_is_named(
    acme: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything else: the maker's own plugin."""
    from importlib import metadata

    def version(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", version)
    with (
        opened(tmp_path, acme, {"ACME_KEY": "k-12345678"}) as client,
        pytest.raises(LLMHandleNotFoundError, match="run: pip install pipelex-backend-anthropic"),
    ):
        client.generate_text("Hi", model="claude-5.5-sonnet")


def test_no_chain_of_the_first_deck_has_a_model_of_this_machine() -> None:
    """A toy's answer never stands in for a provider's, whatever is installed."""

    class Everything(set[str]):
        """Knows every name."""

        def __contains__(self, name: object) -> bool:
            return True

    for chain in starter_tables(Everything())["aliases"].values():
        assert not {"smollm2", "qwen3"} & ({chain} if isinstance(chain, str) else {*chain})

"""The models that the plugin ships, and what declaring them costs."""

from __future__ import annotations

import re
import subprocess
import sys
from decimal import Decimal
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tomli
from attrs import fields

from pipelex_backend_openai import pipelex_backends, pipelex_model_specs
from pipelex_backend_openai._options import TRAIT_OPTIONS
from pipelex_backend_openai._traits import TRAITS, Traits
from pipelex_core.config.load import load
from pipelex_core.hookspecs import ENTRY_POINT_GROUP
from pipelex_core.plugins import discover
from pipelex_core.specs import ModelType

if TYPE_CHECKING:
    from pipelex_core.config.loaded import LoadedConfig

KIT = Path(__file__).resolve().parents[3] / "shared" / "kit" / "as_shipped" / "inference" / "backends"
BACKENDS = sorted(pipelex_model_specs())
ONLY_LISTED = {"perplexity": {"sonar-reasoning", "perplexity-deepseek-r1"}}
"""Names that the kit has in a file without a backend, and that are no longer served."""

WITHOUT_CONTEXT = {
    "blackboxai": {
        "deepseek-chat-free",
        "deepseek-r1-free",
        "gemini-flash-1.5-8b",
        "llama-3.2-11b-vision-instruct",
        "llama-3.3-70b-instruct-free",
        "mistral-large",
        "pixtral-large-2411",
        "qwen-2.5-72b-instruct",
        "qwen2.5-vl-72b-instruct",
    },
    "openrouter": {"openrouter-auto"},
    "openai": {
        "gpt-5.3-codex-spark-preview",
        "gpt-5.5-cyber",
        "gpt-5.5-cyber-preview",
        "gpt-rosalind-discovery",
        "gpt-rosalind-research",
    },
    "xai": {"grok-4-1-fast", "grok-4.1-fast", "grok-4.1-fast-non-reasoning", "xai/grok-4-fast"},
}
"""Language models whose context nobody documents. That of Ollama's is a setting of its server."""

VARIABLES = {
    "AZURE_API_BASE": "https://example.openai.azure.com",
    "AZURE_API_KEY": "key-of-a-test",
    "AZURE_API_VERSION": "2024-10-21",
    "BLACKBOX_API_KEY": "key-of-a-test",
    "DEEPSEEK_API_KEY": "key-of-a-test",
    "GROQ_API_KEY": "key-of-a-test",
    "OPENAI_API_KEY": "key-of-a-test",
    "OPENROUTER_API_KEY": "key-of-a-test",
    "PERPLEXITY_API_KEY": "key-of-a-test",
    "PIPELEX_INFERENCE_API_KEY": "key-of-a-test",
    "XAI_API_KEY": "key-of-a-test",
}


def loaded(backend: str, folder: Path, table: str = "enabled = true") -> LoadedConfig:
    """A project that enables one backend and says nothing of its models."""
    (folder / "backends.toml").write_text(f"[{backend}]\n{table}\n")
    (folder / "routing_profiles.toml").write_text(f'active = "all"\n[profiles.all]\ndefault = "{backend}"\n')
    (folder / "deck").mkdir()
    (folder / "deck" / "base.toml").write_text("[aliases]\n")
    points = [point for point in entry_points(group=ENTRY_POINT_GROUP) if point.name == "openai"]
    environ = {name: value for name, value in VARIABLES.items() if name in str(shipped(backend)["backend"])}
    return load(config=folder, environ=environ, plugins=discover(entry_points=points))


def shipped(backend: str) -> dict[str, Any]:
    """The tables of a shipped file."""
    return tomli.loads(pipelex_model_specs()[backend].read_text(encoding="utf-8"))


@pytest.mark.parametrize("backend", sorted(set(BACKENDS) - {"ollama"}))
def test_a_language_model_has_a_context_window(backend: str, tmp_path: Path) -> None:
    """By it, a prompt that is too long is told from other bad requests."""
    specs = [routed.spec for routed in loaded(backend, tmp_path).deck.models.values() if routed.spec is not None]
    models = {spec.name: spec.context_window for spec in specs if spec.model_type == ModelType.LLM}
    lacking = {name for name, window in models.items() if window is None}
    of_others = {
        name for name in lacking if backend == "perplexity" and "/" in name
    }  # models of others, in its Agent API
    assert lacking - of_others == WITHOUT_CONTEXT.get(backend, set())


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_backend_is_enabled_by_its_name(backend: str, tmp_path: Path) -> None:
    """Endpoint and key variable are shipped; every model loads without a warning, and the plugin serves its sdk."""
    config = loaded(backend, tmp_path)
    assert not config.warnings
    models = {name: routed.spec for name, routed in config.deck.models.items() if routed.spec is not None}
    assert set(models) == set(shipped(backend)) - {"backend", "defaults"}
    made = config.deck.backends[backend]
    assert (made.api_key is None) == (backend == "ollama")
    assert (made.endpoint is None) == (backend == "openai")
    for name, spec in models.items():
        assert spec.sdk in pipelex_backends()
        assert spec.inputs, name
        assert spec.outputs, name
        if spec.model_type == ModelType.LLM:
            assert spec.costs is None or (spec.costs.input is not None and spec.costs.output is not None), name
        assert ("image" in spec.outputs) == (spec.model_type == ModelType.IMG_GEN)
        assert spec.max_tokens is None or spec.context_window is None or spec.max_tokens <= spec.context_window


@pytest.mark.skipif(not KIT.is_dir(), reason=f"there is no kit in {KIT}")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_price_has_a_date(backend: str) -> None:
    """Prices that are not the documentation's say when they were true."""
    kit = tomli.loads((KIT / f"{backend}.toml").read_text()) if (KIT / f"{backend}.toml").is_file() else {}
    for name, table in shipped(backend).items():
        if "costs" in table and name not in kit and backend != "ollama":
            assert "as_of" in table, name


@pytest.mark.skipif(not KIT.is_dir(), reason=f"there is no kit in {KIT}")
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_names_of_the_documentation_stay(backend: str) -> None:
    """Names that the kit has for a backend keep their id and sdk; names it has only for others are not taken."""
    kit = {file.stem: tomli.loads(file.read_text()) for file in KIT.glob("*.toml")}
    ours = shipped(backend)
    for name, table in kit.get(backend, {}).items():
        if name not in {"defaults", *ONLY_LISTED.get(backend, ())}:
            assert ours[name]["model_id"] == table["model_id"]
            assert ours[name].get("sdk", ours["defaults"]["sdk"]) == table.get("sdk", kit[backend]["defaults"]["sdk"])
    elsewhere = {name for other, tables in kit.items() if other != backend for name in tables}
    own = set(kit.get(backend, {})) | {"backend", "defaults"}
    assert not (set(ours) - own) & elsewhere


def test_ollama_waits_to_be_turned_on(tmp_path: Path) -> None:
    """It needs a server of the user's: no variable can tell that there is one."""
    assert shipped("ollama")["backend"]["enabled"] is False
    assert "ollama" not in loaded("openai", tmp_path).deck.backends


def test_some_facts(tmp_path: Path) -> None:
    """Prices are per million tokens, and models that reason say what they refuse."""
    models = loaded("openai", tmp_path).deck.models
    small, reasoning = models["gpt-4o-mini"].spec, models["gpt-5"].spec
    assert small is not None
    assert small.costs is not None
    assert (small.costs.input, small.costs.output) == (Decimal("0.15"), Decimal("0.6"))
    assert reasoning is not None
    assert "temperature_must_be_1" in reasoning.constraints


def test_every_trait_is_an_option() -> None:
    """A trait can be set in backends.toml and in a spec, in the values its type has."""
    assert {option.name for option in TRAIT_OPTIONS} == {attribute.name for attribute in fields(Traits)}
    for name, traits in TRAITS.items():
        for option in TRAIT_OPTIONS:
            value = getattr(traits, option.name)
            assert not option.choices or value in (None, *option.choices), (name, option.name)


def test_an_option_reaches_the_backend(tmp_path: Path) -> None:
    """A value from backends.toml becomes a trait; an unknown one is refused with its choices."""
    table = 'structured_output = "tool"\nreturned_fields = ["a"]\nheaders = { X-Team = "b" }'
    made = loaded("openai", tmp_path, table).deck.backends["openai"]
    assert made.options["headers"] == {"X-Team": "b"}
    traits = Traits().overridden(made.options)
    assert (traits.structured_output, traits.returned_fields) == ("tool", ("a",))


def test_declaring_imports_no_sdk() -> None:
    """Hooks and specs are read without the SDK and without an HTTP client."""
    code = (
        "import sys\n"
        "from pipelex_core.plugins import discover\n"
        "import pipelex_backend_openai as plugin\n"
        "assert len(plugin.pipelex_backends()) == 6\n"
        "assert len(plugin.pipelex_model_specs()) >= 10\n"
        "assert discover(extra=[plugin], entry_points=()).records[0].status == 'ok'\n"
        "print([name for name in ('openai', 'httpx2', 'pydantic', 'aiohttp') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_models_of_gpt_5_4_and_later_use_the_responses_api_for_tools_and_effort() -> None:
    """Chat Completions refuses function tools beside an effort for them; those of sdk `openai_responses` have it anyway."""
    tables = tomli.loads(pipelex_model_specs()["openai"].read_text(encoding="utf-8"))
    defaults = tables["defaults"]
    for name, table in tables.items():
        model = defaults | table
        if re.match(r"gpt-(5\.[4-9]|[6-9])", name) and model["sdk"] == "openai" and "model_type" not in table:
            assert model.get("responses_for") == ["tools", "effort"], name

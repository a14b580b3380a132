"""LiteLLM's config.yaml comes over: what its documentation shows, in our words; keys, fallbacks, weights, limits, faults."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING, Any

import pytest
import tomli

from pipelex_cli.edits.files import write_all
from pipelex_core import Client, PipelexError
from pipelex_core.config import check
from pipelex_core.plugins import discover
from pipelex_import.catalogue import Known
from pipelex_import.litellm import read_litellm
from pipelex_import.writing import changes_of
from tests.support.processes import run_pipelex

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_core.deck import ModelDeck

PLUGINS = discover()
KNOWN = Known.of(PLUGINS)
ENVIRON = dict.fromkeys(
    [
        "ANTHROPIC_API_KEY",
        "AZURE_API_BASE",
        "AZURE_API_KEY",
        "AZURE_KEY_CA",
        "AWS_REGION",
        "GOOGLE_API_KEY",
        "GROQ_API_KEY",
        "MISTRAL_API_KEY",
        "OPENAI_API_KEY",
        "OPENROUTER_API_KEY",
        "TOGETHER_AI_API_KEY",
        "GCP_PROJECT_ID",
        "VLLM_KEY",
        "COHERE_API_KEY",
        "REDIS_PASSWORD",
    ],
    "https://one.example/k-0123456789",
)


def imported(text: str, folder: Path) -> tuple[ModelDeck, list[str]]:
    """The deck that a config.yaml becomes, without a fault, and what was listed."""
    file = folder / "config.yaml"
    file.write_text(text, encoding="utf-8")
    found = read_litellm(file, KNOWN)
    write_all(changes_of(found, folder, force=False))
    loaded, problems = check(folder, environ=ENVIRON | {"HOME": str(folder)}, plugins=PLUGINS)
    assert [problem for problem in problems if problem.severity == "error"] == []
    assert loaded is not None
    return loaded.deck, found.notes()


def chain(deck: ModelDeck, handle: str, capability: str = "llm") -> list[tuple[str, str]]:
    """The models and backends of a handle, all of which can be called."""
    members = deck.resolve(handle, capability).chain
    assert all(member.available for member in members), [member.entry.reason for member in members]
    return [(member.spec.model_id, member.spec.backend) for member in members if member.spec]


QUICK_START = """
model_list:
  - model_name: gpt-4o
    litellm_params: {model: azure/my-eu-deployment, api_base: "https://eu.example/", api_key: os.environ/AZURE_API_KEY, rpm: 6}
  - model_name: gpt-4o
    litellm_params: {model: azure/my-ca-deployment, api_base: "https://ca.example/", api_key: os.environ/AZURE_KEY_CA, rpm: 18}
  - model_name: talker
    litellm_params: {model: anthropic/claude-sonnet-4-5, temperature: 0.2}
  - model_name: house
    litellm_params: {model: hosted_vllm/some/model-7b, api_base: "http://127.0.0.1:8000/v1", api_key: os.environ/VLLM_KEY}
  - model_name: vectors
    litellm_params: {model: openai/text-embedding-3-small}
    model_info: {mode: embedding}
litellm_settings:
  drop_params: true
  num_retries: 3
  request_timeout: 20
  fallbacks: [{"gpt-4o": ["talker"]}, {"talker": ["gpt-4o"]}]
router_settings:
  model_group_alias: {"gpt-4": "gpt-4o"}
  allowed_fails: 3
  cooldown_time: 30
general_settings:
  master_key: sk-1234
"""


def test_a_configuration_means_what_it_meant(tmp_path: Path) -> None:
    """Groups, weights, fallbacks in both directions, settings, servers of OpenAI's protocol, aliases, retries."""
    deck, notes = imported(QUICK_START, tmp_path)
    own = [("my-eu-deployment", "azure_openai"), ("my-ca-deployment", "azure_openai_2")]
    talker = ("claude-sonnet-4-5", "anthropic")
    found = chain(deck, "gpt-4o")
    assert found[:2] == own
    assert found[2][1] == "anthropic"
    assert found[2][0].startswith(talker[0])
    members = deck.resolve("gpt-4o").chain
    assert [member.weight for member in members] == [6, 18, 1]
    assert [member.last_resort for member in members] == [False, False, True]
    assert chain(deck, "gpt-4") == found
    assert [backend for _, backend in chain(deck, "talker")] == ["anthropic", "azure_openai", "azure_openai_2"]
    assert deck.resolve("talker").settings["temperature"] == 0.2
    assert chain(deck, "house") == [("some/model-7b", "hosted_vllm")]
    assert deck.backends["hosted_vllm"].endpoint == "http://127.0.0.1:8000/v1"
    assert deck.models["my-eu-deployment"].spec
    assert deck.models["my-eu-deployment"].spec.limits
    assert deck.models["my-eu-deployment"].spec.limits.requests_per_minute == 6
    assert deck.backends["anthropic"].retry.retries == 3
    assert deck.backends["anthropic"].cooldown.failures == 3
    assert deck.on_unsupported_setting == "drop"
    assert any("deadline=" in note and "request_timeout" in note for note in notes)
    assert any("pipelex serve keys" in note and "master_key" in note for note in notes)
    assert "sk-1234" not in "".join(
        path.read_text() for path in tmp_path.rglob("*") if path.is_file() and path.name != "config.yaml"
    )


DOCUMENTED = {
    "two of one provider": """
model_list:
  - {model_name: fast, litellm_params: {model: gpt-4o-mini, tpm: 1000}}
  - {model_name: fast, litellm_params: {model: openai/gpt-4o, tpm: 9000, weight: 3}}
router_settings: {routing_strategy: least-busy, enable_pre_call_checks: true}
""",
    "every model": """
model_list:
  - {model_name: "*", litellm_params: {model: "*"}}
  - {model_name: "anthropic/*", litellm_params: {model: "anthropic/*", api_key: os.environ/ANTHROPIC_API_KEY}}
  - {model_name: "openai/*", litellm_params: {model: "openai/*", api_key: os.environ/OPENAI_API_KEY}}
""",
    "many providers": """
model_list:
  - {model_name: a, litellm_params: {model: bedrock/anthropic.claude-sonnet-4-20250514-v1:0, aws_region_name: os.environ/AWS_REGION}}
  - {model_name: b, litellm_params: {model: gemini/gemini-2.5-pro, api_key: os.environ/GOOGLE_API_KEY}}
  - {model_name: c, litellm_params: {model: vertex_ai/gemini-2.5-flash, vertex_project: os.environ/GCP_PROJECT_ID}}
  - {model_name: d, litellm_params: {model: groq/llama-3.3-70b-versatile}}
  - {model_name: e, litellm_params: {model: together_ai/meta-llama/Llama-3-70b, api_key: os.environ/TOGETHER_AI_API_KEY}}
  - {model_name: f, litellm_params: {model: mistral/mistral-large-latest, max_tokens: 100}}
  - {model_name: g, litellm_params: {model: ollama/llama3, api_base: "http://127.0.0.1:11434"}}
  - {model_name: h, litellm_params: {model: openrouter/qwen/qwen-max}}
  - {model_name: i, litellm_params: {model: cohere/command-r-plus}}
  - {model_name: j, litellm_params: {model: openai/dall-e-3}, model_info: {mode: image_generation}}
  - {model_name: k, litellm_params: {model: whisper-1}, model_info: {mode: audio_transcription}}
""",
    "prices and budgets": """
model_list:
  - model_name: own
    litellm_params: {model: openai/my-model, api_base: "https://own.example/v1", input_cost_per_token: 0.0000025, output_cost_per_token: 1.0e-5}
    model_info: {max_input_tokens: 32000, max_output_tokens: 4000, base_model: azure/gpt-4o}
litellm_settings: {max_budget: 100, budget_duration: 30d, cache: true, cache_params: {type: redis}, callbacks: [langfuse]}
router_settings: {provider_budget_config: {openai: {budget_limit: 1, time_period: 1d}}, redis_host: localhost, redis_password: os.environ/REDIS_PASSWORD}
""",
    "fallbacks for all": """
model_list:
  - {model_name: one, litellm_params: {model: openai/gpt-4o}}
  - {model_name: two, litellm_params: {model: anthropic/claude-opus-4-5}}
litellm_settings: {default_fallbacks: [two], context_window_fallbacks: [{one: [two]}], content_policy_fallbacks: [{one: [two]}]}
""",
    "nothing but settings": "litellm_settings: {drop_params: true}\ngeneral_settings: {database_url: os.environ/DATABASE_URL}\n",
}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_what_the_documentation_shows_comes_over_without_an_error(name: str, tmp_path: Path) -> None:
    """Nothing is lost in silence: each entry leads somewhere, or is listed."""
    deck, notes = imported(DOCUMENTED[name], tmp_path)
    for handle in "abcdefgh" if name == "many providers" else ():
        assert chain(deck, handle), handle
    if name == "many providers":
        assert "nothing here reaches the provider 'cohere': cohere/command-r-plus" in notes
    if name == "prices and budgets":
        spec = deck.models["my-model"].spec
        assert spec
        assert spec.costs
        assert (str(spec.costs.input), str(spec.costs.output)) == ("2.5", "10")
        assert (spec.context_window, spec.max_tokens) == (32000, 4000)
        assert any("budget_usd" in note and "max_budget" in note for note in notes)
    if name == "fallbacks for all":
        assert [backend for _, backend in chain(deck, "one")] == ["openai", "anthropic"]


def test_keys_that_are_written_out_move_to_the_env_file(tmp_path: Path) -> None:
    """Only the owner may read it, the message says so, two keys of a provider are two variables; no other file has one."""
    (tmp_path / "config.yaml").write_text(
        """
model_list:
  - {model_name: a, litellm_params: {model: openai/gpt-4o, api_key: sk-first-0123456789}}
  - {model_name: b, litellm_params: {model: openai/gpt-4o, api_key: sk-second-0123456789}}
environment_variables: {SOME_NAME: some-value-0123}
""",
        encoding="utf-8",
    )
    done = run_pipelex("import", "litellm", "config.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    env = tmp_path / ".env"
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    assert "OPENAI_API_KEY=sk-first-0123456789" in env.read_text()
    assert "OPENAI_API_KEY_2=sk-second-0123456789" in env.read_text()
    assert "SOME_NAME" in env.read_text()
    assert "written out are moved to .env" in done.stderr
    assert "sk-" not in done.stdout + done.stderr
    written = [path.read_text() for path in (tmp_path / ".pipelex").rglob("*.toml")]
    assert not any("sk-" in text for text in written)
    with Client.from_project(tmp_path, environ={"HOME": str(tmp_path)}) as client:
        assert {
            member.spec.backend for handle in "ab" for member in client.deck.resolve(handle).chain if member.spec
        } == {
            "openai",
            "openai_2",
        }


FAULTS = {
    "not YAML": ("model_list: [\n", "config.yaml:2:1: not valid YAML"),
    "a list": ("- a\n- b\n", "a table of settings is expected, and it holds a list"),
    "empty": ("", "it holds nothing"),
    "something else": ("services: {web: {image: nginx}}\n", "is not a configuration of LiteLLM"),
    "no model": ("model_list: [{model_name: a, litellm_params: {}}]\n", "entry 1 of model_list"),
    "no list": ("model_list: {a: b}\n", "model_list of"),
    "a circle of aliases": (
        "model_list: []\nrouter_settings: {model_group_alias: {a: b, b: a}}\n",
        "model_group_alias leads in a circle: a → b → a",
    ),
    "a circle of files": ("include: [config.yaml]\n", "files include each other in a circle"),
    "a fallback that is none": ("model_list: []\nlitellm_settings: {fallbacks: [a]}\n", "a fallback is a table"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_an_error_with_its_place(name: str, tmp_path: Path) -> None:
    """And nothing is written."""
    text, message = FAULTS[name]
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(PipelexError) as caught:
        read_litellm(tmp_path / "config.yaml", KNOWN)
    assert message in str(caught.value)
    done = run_pipelex("import", "litellm", "config.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".pipelex").exists()


def test_files_that_are_there_are_kept(tmp_path: Path) -> None:
    """A configuration, and another value of a variable, are errors; `--force` replaces both, `--dry-run` writes nothing."""
    (tmp_path / "config.yaml").write_text(
        "model_list: [{model_name: a, litellm_params: {model: gpt-4o, api_key: sk-new-0123456789}}]\n", encoding="utf-8"
    )
    done = run_pipelex("import", "litellm", "config.yaml", "--dry-run", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["dry_run"] is True
    assert not (tmp_path / ".pipelex").exists()
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-old-0123456789\n")
    done = run_pipelex("import", "litellm", "config.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert "another value of OPENAI_API_KEY" in done.stderr
    assert "sk-" not in done.stderr
    (tmp_path / ".env").unlink()
    inference = tmp_path / ".pipelex" / "inference"
    inference.mkdir(parents=True)
    (inference / "backends.toml").write_text("[mine]\n")
    done = run_pipelex("import", "litellm", "config.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert "there is a configuration already" in done.stderr
    assert run_pipelex("import", "litellm", "config.yaml", "--force", cwd=tmp_path).returncode == 0
    tables: dict[str, Any] = tomli.loads((inference / "backends.toml").read_text())
    assert list(tables) == ["openai"]

"""The models that Google's two plugins ship, and what declaring them costs."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import pytest

import pipelex_backend_google
import pipelex_backend_vertexai
from pipelex_core.config.load import load
from pipelex_core.hookspecs import ENTRY_POINT_GROUP
from pipelex_core.plugins import discover
from pipelex_core.specs import ModelType

if TYPE_CHECKING:
    from pathlib import Path

    from pipelex_core.config.loaded import LoadedConfig
    from pipelex_core.specs import ModelSpec

KIT = {
    "google": {
        "gemini-2.0-flash": ("google", "gemini-2.0-flash"),
        "gemini-2.5-pro": ("google", "gemini-2.5-pro"),
        "gemini-2.5-flash": ("google", "gemini-2.5-flash"),
        "gemini-2.5-flash-lite": ("google", "gemini-2.5-flash-lite"),
    },
    "vertexai": {
        "gemini-2.0-flash": ("openai", "google/gemini-2.0-flash"),
        "gemini-2.5-pro": ("openai", "google/gemini-2.5-pro"),
        "gemini-2.5-flash": ("openai", "google/gemini-2.5-flash"),
    },
}
"""Names, sdks and ids of the documentation: these stay."""

ELSEWHERE = {"google": {"nano-banana"}, "vertexai": {"nano-banana", "gemini-2.5-flash-lite"}}
"""Names that the documentation gives to other backends alone."""

ENVIRONMENT = {
    "google": {"GOOGLE_API_KEY": "AIza-test-key"},
    "vertexai": {"GCP_PROJECT_ID": "p", "GCP_LOCATION": "l", "GCP_CREDENTIALS_FILE_PATH": "/f.json"},
}


@pytest.fixture(params=["google", "vertexai"])
def backend(request: pytest.FixtureRequest) -> str:
    """The name of a backend."""
    return str(request.param)


def loaded(backend: str, folder: Path, table: str = "") -> LoadedConfig:
    """A project that enables one backend and says nothing of its models."""
    (folder / "backends.toml").write_text(f"[{backend}]\nenabled = true\n{table}\n")
    (folder / "routing_profiles.toml").write_text(f'active = "all"\n[profiles.all]\ndefault = "{backend}"\n')
    (folder / "deck").mkdir()
    (folder / "deck" / "base.toml").write_text("[aliases]\n")
    points = [point for point in entry_points(group=ENTRY_POINT_GROUP) if point.name == backend]
    return load(config=folder, environ=ENVIRONMENT[backend], plugins=discover(entry_points=points))


def specs(config: LoadedConfig, backend: str) -> dict[str, ModelSpec]:
    """Its models by name."""
    found = {name: routed.spec for name, routed in config.deck.models.items() if routed.spec is not None}
    assert {spec.backend for spec in found.values()} == {backend}
    return found


def test_a_backend_is_enabled_by_its_name(backend: str, tmp_path: Path) -> None:
    """Key or project, location and credentials come from the documented variables; no spec file is needed."""
    config = loaded(backend, tmp_path)
    assert not config.warnings
    made = config.deck.backends[backend]
    if backend == "google":
        assert made.api_key is not None
        assert made.api_key.reveal() == "AIza-test-key"
    else:
        wanted = {"gcp_project_id": "p", "gcp_location": "l", "gcp_credentials_file_path": "/f.json"}
        assert dict(made.options) == wanted


def test_application_default_credentials_are_asked_for_with_an_empty_path(tmp_path: Path) -> None:
    """The project's table wins over the variable that the plugin names."""
    config = loaded("vertexai", tmp_path, 'gcp_credentials_file_path = ""')
    assert config.deck.backends["vertexai"].options["gcp_credentials_file_path"] == ""


def test_the_project_is_all_that_vertex_ai_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without further variables: the global location, and application default credentials."""
    monkeypatch.setitem(ENVIRONMENT, "vertexai", {"GCP_PROJECT_ID": "p"})
    made = loaded("vertexai", tmp_path).deck.backends["vertexai"]
    wanted = {"gcp_project_id": "p", "gcp_location": "global", "gcp_credentials_file_path": ""}
    assert dict(made.options) == wanted


def test_the_documented_names_stay(backend: str, tmp_path: Path) -> None:
    """Each with the sdk and id it has there, and no name that belongs to another backend."""
    found = specs(loaded(backend, tmp_path), backend)
    kept = {name: (spec.sdk, spec.model_id) for name, spec in found.items() if name in KIT[backend]}
    assert kept == KIT[backend]
    assert not ELSEWHERE[backend] & set(found)


def test_every_model_is_complete(backend: str, tmp_path: Path) -> None:
    """Prices with their unit, limits, inputs and outputs; and every sdk is served by the plugin."""
    config = loaded(backend, tmp_path)
    plugin = {"google": pipelex_backend_google, "vertexai": pipelex_backend_vertexai}[backend]
    sdks = set(plugin.pipelex_backends())
    for name, spec in specs(config, backend).items():
        assert f"{backend}:{spec.sdk}" in sdks or spec.sdk in sdks, name
        assert spec.context_window, name
        assert spec.max_tokens, name
        if spec.model_type == ModelType.IMG_GEN:
            assert set(spec.outputs) == {"image"}
            assert spec.costs is None or spec.costs.output or spec.costs.image
        elif spec.model_type == ModelType.LLM and spec.costs is not None:
            assert spec.costs.unit == "million_tokens"
            assert spec.costs.input is not None
            assert spec.costs.output is not None
            if spec.sdk not in {"anthropic", "mistral"}:  # Gemini and open models take more than 1
                assert "temperature_up_to_2" in spec.constraints or "no_temperature" in spec.constraints, name
            cached = spec.costs.input_cached
            assert cached is None or cached <= spec.costs.input, name


def test_the_price_of_a_model_is_exact(tmp_path: Path) -> None:
    """A price is the decimal that was written."""
    costs = specs(loaded("google", tmp_path), "google")["gemini-2.5-flash"].costs
    assert costs is not None
    assert (costs.input, costs.input_cached, costs.output) == (Decimal("0.30"), Decimal("0.03"), Decimal("2.50"))


def test_declaring_imports_no_sdk(backend: str) -> None:
    """Hooks, factories and spec files are had without google-genai, google-auth or httpx2."""
    found = modules(
        f"import pipelex_backend_{backend} as p; p.pipelex_backends(); p.pipelex_model_specs()['{backend}'].read_text()"
    )
    assert not found & {"google.genai", "google.auth", "google.oauth2", "httpx2", "pydantic"}


def test_opening_imports_google_genai_and_nothing_heavier() -> None:
    """Neither the tree of google-cloud-aiplatform nor gRPC is touched, for Vertex AI either."""
    found = modules(
        "import asyncio, pipelex_backend_vertexai as p\n"
        "from pipelex_core.specs import BackendConfig\n"
        "from pipelex_core.execution.resources import LoopResources\n"
        "async def main():\n"
        "    resources = LoopResources()\n"
        "    options = {'gcp_project_id': 'p'}\n"
        "    backend = p.pipelex_backends()['vertexai'](\n"
        "        BackendConfig(name='vertexai', endpoint='http://127.0.0.1:1', options=options))\n"
        "    await backend.open(resources)\n"
        "    await backend.close()\n"
        "    await resources.close()\n"
        "asyncio.run(main())"
    )
    assert "google.genai" in found
    assert not {name for name in found if name.startswith(("google.cloud.", "vertexai", "grpc"))}


def modules(code: str) -> set[str]:
    """The modules that a fresh interpreter holds after some code."""
    reported = f"{code}\nimport sys, json; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", reported], capture_output=True, text=True, check=True)
    return set(json.loads(run.stdout))

"""A real project's shipped configuration loads unchanged, and every handle in it means what it means elsewhere.

The configuration is not a part of this project: `PIPELEX_KIT` names its folder, else it is looked for beside the
repository, and these tests are skipped where it is absent.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import frozen

from pipelex_cli.validation import Validation
from pipelex_core import config
from pipelex_core.plugins import Plugins, discover

if TYPE_CHECKING:
    from pipelex_core.config import LoadedConfig

KIT = Path(os.environ.get("PIPELEX_KIT") or Path(__file__).parents[2].parent / "shared" / "kit")
pytestmark = pytest.mark.skipif(not (KIT / "expected.json").is_file(), reason=f"there is no kit in {KIT}")


@cache
def expected() -> dict[str, Any]:
    return dict(json.loads((KIT / "expected.json").read_text()))


@cache
def variables() -> dict[str, str]:
    lines = (KIT / "dummy.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line.strip())


@cache
def plugins(which: str) -> Plugins:
    return discover(entry_points=()) if which == "no plugins" else discover()


def cases() -> list[tuple[str, str]]:
    if not (KIT / "expected.json").is_file():
        return []
    all_enabled = [("all_enabled", profile) for profile in expected()["all_enabled"]]
    variants = expected()["enabled_variants"]
    return all_enabled + [(variant, profile) for variant in variants for profile in variants[variant]["profiles"]]


@cache
def folder_of(variant: str, parent: Path) -> Path:
    """The kit with the backends of a variant enabled, and no others."""
    folder = parent / variant
    shutil.copytree(KIT / "all_enabled", folder)
    if variant != "all_enabled":
        enabled = set(expected()["enabled_variants"][variant]["enabled"])
        file = folder / "inference" / "backends.toml"
        name = ""
        lines = []
        for line in file.read_text().splitlines():
            header = re.match(r"\[(\w+)\]", line)
            name = header[1] if header else name
            lines.append(line.replace("true", str(name in enabled).lower()) if line.startswith("enabled") else line)
        file.write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kit")


def load(variant: str, profile: str, which: str, parent: Path) -> LoadedConfig:
    folder = folder_of(variant, parent)
    return config.load(config=folder, profile=profile, environ=variables(), plugins=plugins(which))


@cache
def parsed(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text())


@frozen
class Oracle:
    """The documented rules once more, in the plainest form, on the kit's files alone."""

    folder: Path
    profile: str

    def toml(self, name: str) -> dict[str, Any]:
        return dict(parsed(self.folder / "inference" / name))

    def offers(self) -> dict[str, dict[str, dict[str, Any]]]:
        offers = {}
        for backend, table in self.toml("backends.toml").items():
            if table.get("enabled", True):
                tables = self.toml(f"backends/{backend}.toml")
                defaults = tables.pop("defaults", {})
                offers[backend] = {name: {**defaults, **table} for name, table in tables.items()}
        return offers

    def model(self, name: str) -> dict[str, str] | None:
        profile = self.toml("routing_profiles.toml")["profiles"][self.profile]
        offers = self.offers()
        routes = profile.get("routes", {})
        matching = [pattern for pattern in routes if re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), name)]
        if name in routes:
            wanted = [routes[name]]
        elif matching:
            wanted = [routes[matching[0]]]
        elif "default" in profile:
            wanted = [profile["default"], *offers]
        else:
            wanted = []
        for backend in wanted:
            if name in offers.get(backend, {}):
                spec = offers[backend][name]
                return {
                    "backend": backend,
                    "model": name,
                    "model_id": spec.get("model_id", name),
                    "sdk": spec["sdk"],
                    "model_type": spec.get("model_type", "llm"),
                }
        return None

    def handle(self, name: str) -> dict[str, str] | None:
        """What an alias leads to, where it is one, else a model."""
        target = self.toml("deck/base_deck.toml")["aliases"].get(name, name)
        found = [self.model(one) for one in (target if isinstance(target, list) else [target])]
        return next((one for one in found if one is not None), None)

    def every_model(self) -> set[str]:
        return {name for models in self.offers().values() for name in models}

    def answer(self) -> dict[str, Any]:
        """The same form as one profile of expected.json."""
        deck = self.toml("deck/base_deck.toml")
        return {
            "models": {name: {"resolved": self.model(name)} for name in self.every_model()},
            "aliases": {name: {"resolved": self.handle(name)} for name in deck["aliases"]},
            "presets": {
                kind: {name: {"resolved": self.handle(table["model"])} for name, table in deck[kind]["presets"].items()}
                for kind in ("llm", "extract", "img_gen")
            },
        }


def resolved(loaded: LoadedConfig, handle: str, capability: Any) -> dict[str, str] | None:
    """What a handle leads to: its first member with a spec, in the form of expected.json."""
    chain = loaded.deck.resolve(handle, capability).chain
    spec = next((member.spec for member in chain if member.spec is not None), None)
    if spec is None:
        return None
    return {
        "backend": spec.backend,
        "model": spec.name,
        "model_id": spec.model_id,
        "sdk": spec.sdk,
        "model_type": str(spec.model_type),
    }


def wanted(entry: dict[str, Any]) -> dict[str, str] | None:
    """What a handle resolves to in the reference; None where it refuses the handle, in either of its ways."""
    answer = entry["resolved"]
    return None if answer is None or "error" in answer else answer


def model(loaded: LoadedConfig, name: str) -> dict[str, str] | None:
    spec = loaded.deck.models[name].spec
    return resolved(loaded, name, loaded.deck.capabilities.of_type(spec.model_type).name) if spec else None


def alias(loaded: LoadedConfig, name: str, answer: dict[str, str] | None) -> dict[str, str] | None:
    kinds = {"llm": "llm", "text_extractor": "extract", "img_gen": "img_gen"}
    return resolved(loaded, f"@{name}", kinds[answer["model_type"]] if answer else "llm")


@pytest.mark.parametrize("which", ["no plugins", "installed plugins"])
@pytest.mark.parametrize(("variant", "profile"), cases())
def test_every_handle_leads_where_it_does_in_the_reference(
    variant: str, profile: str, which: str, parent: Path
) -> None:
    """Models, aliases, presets and defaults resolve to the same backend, sdk and model id, in every variant."""
    loaded = load(variant, profile, which, parent)
    answers = expected()
    answer = answers["all_enabled"] if variant == "all_enabled" else answers["enabled_variants"][variant]["profiles"]
    answer = answer[profile]
    if answer["status"] == "error":  # the reference refuses to load: the documented rules say what we load
        answer = Oracle(folder_of(variant, parent), profile).answer()
    for name, entry in answer["models"].items():
        assert model(loaded, name) == wanted(entry), name
    for name, entry in answer["aliases"].items():
        assert alias(loaded, name, wanted(entry)) == wanted(entry), name
    for capability, presets in answer["presets"].items():
        for name, entry in presets.items():
            assert resolved(loaded, name, capability) == wanted(entry), name
    choices = loaded.deck.choices
    assert choices["llm.for_text"] == choices["llm.for_object"].replace("object", "text") == "cheap_llm_for_text"  # type: ignore[union-attr]  # strings in the kit
    assert (choices["extract"], choices["img_gen"]) == ("extract_text_from_visuals", "gen_image_basic")


@pytest.mark.parametrize(("variant", "profile"), cases())
def test_the_oracle_agrees_with_the_reference(variant: str, profile: str, parent: Path) -> None:
    """Where the reference loads, the rules as written here give what it gives: the oracle itself is checked."""
    answers = expected()
    answer = answers["all_enabled"] if variant == "all_enabled" else answers["enabled_variants"][variant]["profiles"]
    answer = answer[profile]
    oracle = Oracle(folder_of(variant, parent), profile)
    if answer["status"] == "error":
        assert oracle.every_model()
        return
    for name, entry in answer["models"].items():
        assert oracle.model(name) == wanted(entry), name
    for name, entry in answer["aliases"].items():
        assert oracle.handle(name) == wanted(entry), name


def test_the_kit_has_the_findings_it_really_has(parent: Path) -> None:
    """All enabled, nothing but missing plugins; as shipped, routes to three disabled backends and what they cost."""
    loaded = load("all_enabled", "pipelex_first", "no plugins", parent)
    assert {problem.code for problem in loaded.warnings} == {"plugin-missing", "orphan-file"}
    folder = folder_of("as_shipped", parent)
    validation = Validation(config=folder, profile="pipelex_first", environ=variables(), plugins=plugins("no plugins"))
    warnings = [problem for problem in validation.report().problems if problem.severity == "warning"]
    routes = [problem.key for problem in warnings if problem.code == "route-to-disabled-backend"]
    patterns = ['"*-sdxl"', "gpt-image-1", "mistral-ocr"]
    assert routes == [f"profiles.pipelex_first.routes.{pattern}" for pattern in patterns]
    assert not [problem for problem in warnings if problem.code == "no-available-model"]


def backends() -> list[str]:
    return list(expected()["backends"]) if (KIT / "expected.json").is_file() else []


@pytest.mark.parametrize("backend", backends())
def test_a_backend_and_its_specs_are_read_as_in_the_reference(backend: str, parent: Path) -> None:
    """Endpoint, key, options; and of each model its id, sdk, type, inputs, outputs, prices, limits, constraints."""
    folder = parent / f"only_{backend}"
    shutil.copytree(KIT / "all_enabled", folder)
    routing = f'active = "only"\n[profiles.only]\ndefault = "{backend}"\n'
    (folder / "inference" / "routing_profiles.toml").write_text(routing)
    loaded = config.load(config=folder, environ=variables(), plugins=plugins("no plugins"))
    reference, configured = expected()["backends"][backend], loaded.deck.backends[backend]
    if backend != "vertexai":  # the reference makes a token and an address of its options
        assert configured.endpoint == reference["endpoint"]
        assert (configured.api_key.reveal() if configured.api_key else None) == reference["api_key"]
    extra = {key: value for key, value in reference["extra_config"].items() if key != "display_name"}
    assert {key: configured.options.get(key) for key in extra} == extra
    for name, reported in reference["models"].items():
        spec = loaded.deck.models[name].spec
        assert spec is not None
        assert spec.backend == backend
        assert (spec.model_id, spec.sdk, str(spec.model_type)) == (
            reported["model_id"],
            reported["sdk"],
            reported["model_type"],
        )
        assert spec.inputs == {"images" if word == "image" else word for word in reported["inputs"]}
        assert spec.outputs == set(reported["outputs"])
        assert (spec.max_tokens, spec.max_prompt_images) == (reported["max_tokens"], reported["max_prompt_images"])
        assert spec.prompting_target == reported["prompting_target"]
        assert spec.constraints == set(reported["constraints"])
        assert spec.costs is not None
        assert {name: float(getattr(spec.costs, name)) for name in reported["costs"]} == reported["costs"]


@pytest.mark.parametrize("profile", sorted({profile for _, profile in cases()}))
def test_a_user_with_one_key_gets_that_backends_models(profile: str, parent: Path) -> None:
    """Every shipped profile loads with OpenAI alone; a model of it works unless a route forbids, and then says why."""
    folder = parent / "openai_only"
    if not folder.exists():
        shutil.copytree(folder_of("openai_anthropic", parent), folder)
        file = folder / "inference" / "backends.toml"
        file.write_text(re.sub(r"(\[anthropic\]\nenabled = )true", r"\1false", file.read_text()))
    loaded = config.load(
        config=folder, profile=profile, environ={"OPENAI_API_KEY": "dummy"}, plugins=plugins("no plugins")
    )
    assert list(loaded.deck.backends) == ["openai", "internal"]
    oracle = Oracle(folder, profile)
    for name in oracle.every_model():
        entry = loaded.deck.models[name]
        assert (entry.spec is not None) == (oracle.model(name) is not None)
        assert entry.available or entry.reason
        if entry.spec is None:
            assert profile in (entry.reason or "")

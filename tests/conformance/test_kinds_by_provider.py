"""Each kind of call at each provider that has it: a price, a class, a certificate, rules, and pages that say so.

What every kind has whoever answers (a command, a mock, a cache, budgets, clocks and the rest) is in
`tests/core/test_kinds_of_call.py`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import tomli
from attrs import frozen

from pipelex_core import backend as of_backend
from pipelex_core.plugins import discover
from pipelex_core.specs import BackendConfig, Secret
from pipelex_rules.routes import provider_of
from pipelex_rules.wires import speaks
from tools.docs.markdown import ROOT
from tools.docs.providers import certificates

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipelex_core.backend import Backend


@frozen
class Kind:
    """A kind of call.

    Attributes:
        model_type: What specs call its models.
        has: Whether a backend's class has it.
        apis: The rulebook's names of the APIs that it goes to.
        page: The page of the documentation about it.
        words: What the README of a plugin says of it, one of these.
    """

    model_type: str
    has: Callable[[Backend], bool]
    apis: tuple[str, ...]
    page: str
    words: str


def _is(kind: type[of_backend.Backend]) -> Callable[[Backend], bool]:
    return lambda backend: isinstance(backend, kind)


def _edits(backend: Backend) -> bool:
    return isinstance(backend, of_backend.ImageGenerator) and backend.edits_images


KINDS: Mapping[str, Kind] = {
    "embeddings": Kind(
        "embedding", _is(of_backend.Embedder), ("embeddings", "predict", "invoke"), "embeddings.md", "[Ee]mbedding"
    ),
    "rerank": Kind("reranker", _is(of_backend.Reranker), ("rerank", "rank", "invoke"), "judging.md", "[Rr]ank"),
    "moderation": Kind("moderator", _is(of_backend.Moderator), ("moderations",), "judging.md", "[Mm]oderat"),
    "transcription": Kind(
        "transcriber",
        _is(of_backend.Transcriber),
        ("audio/transcriptions", "stt", "generateContent", "queue"),
        "speech.md",
        "[Tt]ranscri|[Ss]peech",
    ),
    "speech": Kind(
        "speaker",
        _is(of_backend.Speaker),
        ("audio/speech", "tts", "generateContent", "queue"),
        "speech.md",
        "[Ss]peech",
    ),
    "image edits": Kind("img_gen", _edits, ("images/edits", "generateContent", "queue"), "library.md", "edit|change"),
    "OCR": Kind("text_extractor", _is(of_backend.DocumentExtractor), ("ocr",), "library.md", "[Ee]xtract|OCR|scan"),
}

OF_ALL_ENDPOINTS = "my_gateway"
"""Whose certificate proves the sdk `openai` at endpoints that speak OpenAI's API."""

AT: Mapping[str, tuple[tuple[str, str], ...]] = {
    "embeddings": (
        ("openai", "openai"),
        ("azure_openai", "azure_openai"),
        ("mistral", "mistral"),
        ("google", "google"),
        ("vertexai", "vertexai"),
        ("bedrock", "bedrock"),
        ("ollama", "openai"),
        (OF_ALL_ENDPOINTS, "openai"),
        ("llamacpp", "llamacpp"),
    ),
    "rerank": (
        ("bedrock", "bedrock"),
        ("vertexai", "vertexai"),
        (OF_ALL_ENDPOINTS, "openai"),
        ("llamacpp", "llamacpp"),
    ),
    "moderation": (("openai", "openai"), ("mistral", "mistral")),
    "transcription": (
        ("openai", "openai"),
        ("azure_openai", "azure_openai"),
        ("groq", "openai"),
        ("xai", "openai"),
        ("mistral", "mistral"),
        ("google", "google"),
        ("vertexai", "vertexai"),
        ("fal", "fal"),
        ("whisper", "whisper"),
    ),
    "speech": (
        ("openai", "openai"),
        ("azure_openai", "azure_openai"),
        ("groq", "openai"),
        ("xai", "openai"),
        ("mistral", "mistral"),
        ("google", "google"),
        ("vertexai", "vertexai"),
        ("fal", "fal"),
        ("kokoro", "kokoro"),
    ),
    "image edits": (
        ("openai", "openai"),
        ("azure_openai", "azure_openai"),
        ("google", "google"),
        ("vertexai", "vertexai"),
        ("xai", "openai"),
        ("fal", "fal"),
    ),
    "OCR": (("mistral", "mistral"), ("vertexai", "mistral"), ("internal", "pypdfium2"), ("rapidocr", "rapidocr")),
}
"""Kind -> backends and the sdk of each."""

LOCAL = frozenset({"llamacpp", "whisper", "kokoro", "internal", "rapidocr"})
UNPROVEN = {
    (
        "rerank",
        "vertexai",
    ): "the ranking API wants a project's credentials, and the kit has a key: test_further_providers.py",
    ("OCR", "vertexai"): "Mistral's models in a project, likewise: test_vertexai_publishers.py",
}
"""What no certificate proves, why, and the test that does."""
UNPRICED = {("transcription", "fal"): "fal's Whisper is billed by seconds of computing, which no answer tells"}

CELLS = [pytest.param(kind, *at, id=f"{kind}-{at[0]}") for kind, found in AT.items() for at in found]


def folder_of(backend: str) -> str:
    """The folder of the plugin that ships a backend's models."""
    found = sorted((ROOT / "plugins").glob(f"*/src/pipelex_backend_*/specs/{backend}.toml"))
    return found[0].relative_to(ROOT / "plugins").parts[0] if found else "openai"


def models_of(backend: str, kind: Kind) -> dict[str, dict[str, Any]]:
    """The models for a kind of call that are shipped for a backend, those that are over left out."""
    found = sorted((ROOT / "plugins").glob(f"*/src/pipelex_backend_*/specs/{backend}.toml"))
    table = tomli.loads(found[0].read_text(encoding="utf-8"))
    defaults = table.pop("defaults", {})
    return {
        name: merged
        for name, spec in table.items()
        if name != "backend"
        and (merged := {"model_type": "llm", **defaults, **spec})["model_type"] == kind.model_type
        and not _is_over(merged)
    }


def _is_over(model: Mapping[str, Any]) -> bool:
    """Whether it was retired by the day of its figures."""
    ends, known = model.get("retired_on"), model.get("as_of")
    return ends is not None and known is not None and str(ends) <= str(known)


@pytest.mark.parametrize(("kind", "backend", "sdk"), CELLS)
def test_the_class_has_it(kind: str, backend: str, sdk: str) -> None:
    """What the backend's class is, and not what a page says."""
    factory, _ = discover().require(backend, sdk)
    made = factory(BackendConfig(name=backend, api_key=Secret("k"), endpoint="http://127.0.0.1:9"))
    assert KINDS[kind].has(made)


@pytest.mark.parametrize(("kind", "backend", "sdk"), CELLS)
def test_a_model_is_shipped_with_its_price(kind: str, backend: str, sdk: str) -> None:
    """And not only one whose price nobody knows; an endpoint of one's own has the models that it has."""
    if backend in {OF_ALL_ENDPOINTS, "ollama"}:
        pytest.skip("its models are its user's")
    models = models_of(backend, KINDS[kind])
    if kind == "image edits" and backend == "fal":
        models = {name: model for name, model in models.items() if "images" in model.get("inputs", ())}
    assert models
    assert (kind, backend) in UNPRICED or any("costs" in model for model in models.values()), sorted(models)


@pytest.mark.parametrize(("kind", "backend", "sdk"), CELLS)
def test_a_certificate_proves_it(kind: str, backend: str, sdk: str) -> None:
    """Written by the kit; of compatible endpoints, one for all."""
    if (kind, backend) in UNPROVEN:
        test = UNPROVEN[kind, backend].rpartition(" ")[2]
        assert (ROOT / "tests" / "plugins" / test).exists()
        return
    whose = backend if (backend, sdk) in certificates() else OF_ALL_ENDPOINTS
    assert certificates()[whose, sdk]["capabilities"][kind]["proven"]


@pytest.mark.parametrize(("kind", "backend", "sdk"), [cell for cell in CELLS if cell.values[1] not in LOCAL])
def test_the_rulebook_knows_what_is_refused(kind: str, backend: str, sdk: str) -> None:
    """The dry run, and every loopback server, read requests by it."""
    provider = provider_of(sdk, backend)
    assert provider is not None
    of_openai = provider in {"compatible", "ollama"} and kind != "rerank"  # such endpoints take what they take
    assert of_openai or any(speaks(provider, api) for api in KINDS[kind].apis)


@pytest.mark.parametrize(("kind", "backend", "sdk"), CELLS)
def test_pages_say_so(kind: str, backend: str, sdk: str) -> None:
    """The plugin's README, and the page of the kind."""
    readme = (ROOT / "plugins" / folder_of(backend) / "README.md").read_text(encoding="utf-8")
    assert re.search(KINDS[kind].words, readme)
    assert (ROOT / "docs" / KINDS[kind].page).exists()

"""A model whose spec has an id and a sdk, and nothing else, can be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipelex_core.config import load
from pipelex_core.plugins import discover
from pipelex_core.specs import ModelType

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "sdk, kind, model_id",
    [
        ("anthropic", ModelType.LLM, "an-id"),
        ("azure_openai", ModelType.LLM, "an-id"),
        ("bedrock", ModelType.LLM, "an-id"),
        ("fal", ModelType.IMG_GEN, "an-id"),
        ("google", ModelType.LLM, "an-id"),
        ("mistral", ModelType.LLM, "an-id"),
        ("openai", ModelType.LLM, "an-id"),
        ("openai_alt_img_gen", ModelType.IMG_GEN, "an-id"),
        ("openai_img_gen", ModelType.IMG_GEN, "an-id"),
        ("openai_responses", ModelType.LLM, "an-id"),
        ("pypdfium2", ModelType.TEXT_EXTRACTOR, "an-id"),
        ("vertexai", ModelType.LLM, "an-id"),
        ("mistral", ModelType.TEXT_EXTRACTOR, "mistral-ocr-latest"),
        ("mistral", ModelType.TEXT_EXTRACTOR, "mistral-ocr-2512"),
    ],
)
def test_the_sdk_says_what_a_model_is_for(sdk: str, kind: ModelType, model_id: str, tmp_path: Path) -> None:
    """A model of an sdk that does one thing only is for that, one whose id the plugin knows for what it is; all else is a language model."""
    (tmp_path / "backends.toml").write_text(
        '[gateway]\nendpoint = "http://127.0.0.1:9"\napi_key = "key-of-a-test"\n'
        + ('aws_region = "us-east-1"\n' if sdk == "bedrock" else "")
    )
    (tmp_path / "backends").mkdir()
    (tmp_path / "backends" / "gateway.toml").write_text(f'[bare]\nmodel_id = "{model_id}"\nsdk = "{sdk}"\n')
    (tmp_path / "routing_profiles.toml").write_text('active = "all"\n[profiles.all]\ndefault = "gateway"\n')
    (tmp_path / "deck").mkdir()
    (tmp_path / "deck" / "base.toml").write_text('[aliases]\nb = "bare"\n')
    spec = load(config=tmp_path, environ={}, plugins=discover()).deck.models["bare"].spec
    assert spec is not None
    assert (spec.model_id, spec.sdk, spec.model_type) == (model_id, sdk, kind)


def test_pages_make_a_model_of_any_sdk_an_extractor(tmp_path: Path) -> None:
    """Outputs decide before the sdk does, and so a spec of another OCR model needs no model_type either."""
    (tmp_path / "backends.toml").write_text('[gateway]\nendpoint = "http://127.0.0.1:9"\napi_key = "key-of-a-test"\n')
    (tmp_path / "backends").mkdir()
    (tmp_path / "backends" / "gateway.toml").write_text('[scan]\nsdk = "mistral"\noutputs = ["pages"]\n')
    (tmp_path / "routing_profiles.toml").write_text('active = "all"\n[profiles.all]\ndefault = "gateway"\n')
    (tmp_path / "deck").mkdir()
    (tmp_path / "deck" / "base.toml").write_text('[aliases]\nb = "scan"\n')
    spec = load(config=tmp_path, environ={}, plugins=discover()).deck.models["scan"].spec
    assert spec is not None
    assert spec.model_type == ModelType.TEXT_EXTRACTOR

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
    "sdk, kind",
    [
        ("anthropic", ModelType.LLM),
        ("azure_openai", ModelType.LLM),
        ("bedrock", ModelType.LLM),
        ("fal", ModelType.IMG_GEN),
        ("google", ModelType.LLM),
        ("mistral", ModelType.LLM),
        ("openai", ModelType.LLM),
        ("openai_alt_img_gen", ModelType.IMG_GEN),
        ("openai_img_gen", ModelType.IMG_GEN),
        ("openai_responses", ModelType.LLM),
        ("pypdfium2", ModelType.TEXT_EXTRACTOR),
        ("vertexai", ModelType.LLM),
    ],
)
def test_the_sdk_says_what_a_model_is_for(sdk: str, kind: ModelType, tmp_path: Path) -> None:
    """A model of an sdk that does one thing only is for that; of any other, a language model."""
    (tmp_path / "backends.toml").write_text(
        '[gateway]\nendpoint = "http://127.0.0.1:9"\napi_key = "key-of-a-test"\n'
        + ('aws_region = "us-east-1"\n' if sdk == "bedrock" else "")
    )
    (tmp_path / "backends").mkdir()
    (tmp_path / "backends" / "gateway.toml").write_text(f'[bare]\nmodel_id = "an-id"\nsdk = "{sdk}"\n')
    (tmp_path / "routing_profiles.toml").write_text('active = "all"\n[profiles.all]\ndefault = "gateway"\n')
    (tmp_path / "deck").mkdir()
    (tmp_path / "deck" / "base.toml").write_text('[aliases]\nb = "bare"\n')
    spec = load(config=tmp_path, environ={}, plugins=discover()).deck.models["bare"].spec
    assert spec is not None
    assert (spec.model_id, spec.sdk, spec.model_type) == ("an-id", sdk, kind)

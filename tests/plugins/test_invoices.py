"""Golden invoices: what calls cost at each provider, by the prices that its plugin ships, to the last decimal."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from pipelex_core.config.load import load
from pipelex_core.costs import cost_of
from pipelex_core.plugins import discover
from pipelex_core.results import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelex_core.specs import ModelSpec

OFF_PEAK = datetime(2026, 12, 1, 5, 0, tzinfo=UTC)  # a Tuesday
PEAK = datetime(2026, 12, 1, 2, 0, tzinfo=UTC)
SUNDAY = datetime(2026, 12, 6, 2, 0, tzinfo=UTC)
NEXT_YEAR = datetime(2027, 1, 1, tzinfo=UTC)
BACKENDS = {
    "anthropic": 'api_key = "sk-ant-test"',
    "azure_openai": 'api_key = "azure-test"\nendpoint = "https://example.openai.azure.com"',
    "bedrock": 'aws_region = "us-east-1"',
    "deepseek": 'api_key = "deepseek-test"',
    "fal": 'api_key = "fal-test-key"',
    "google": 'api_key = "google-test"',
    "groq": 'api_key = "groq-test-key"',
    "mistral": 'api_key = "mistral-test"',
    "openai": 'api_key = "openai-test"',
    "vertexai": 'gcp_project_id = "p"',
    "xai": 'api_key = "xai-test-key"',
}


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[tuple[str, str], ModelSpec]:
    """Every model that plugins ship, by backend and name."""
    found: dict[tuple[str, str], ModelSpec] = {}
    for backend, table in BACKENDS.items():
        folder = tmp_path_factory.mktemp(backend)
        (folder / "backends.toml").write_text(f"[{backend}]\n{table}\n")
        (folder / "routing_profiles.toml").write_text(f'active = "one"\n[profiles.one]\ndefault = "{backend}"\n')
        (folder / "deck").mkdir()
        (folder / "deck" / "base.toml").write_text("[aliases]\n")
        models = load(config=folder, environ={}, plugins=discover()).deck.models
        found |= {(backend, name): entry.spec for name, entry in models.items() if entry.spec is not None}
    return found


def tokens(inputs: int, outputs: int, **more: Any) -> dict[str, Any]:
    return {"input_tokens": inputs, "output_tokens": outputs, **more}


@pytest.mark.parametrize(
    "backend, model, usage, at, amount",
    [
        ("openai", "gpt-5.5", tokens(300_000, 1000), OFF_PEAK, "3.045"),
        ("openai", "gpt-5.5", tokens(272_000, 1000), OFF_PEAK, "1.39"),
        ("openai", "gpt-5.5", tokens(300_000, 1000, cached_tokens=290_000), OFF_PEAK, "0.435"),
        ("openai", "gpt-5.6-sol", tokens(100_000, 0, cache_write_tokens=90_000), OFF_PEAK, "0.49"),
        ("openai", "gpt-5.6-luna", tokens(100_000, 0, cache_write_tokens=90_000), OFF_PEAK, "0.0245"),
        ("openai", "gpt-5.6-terra", tokens(1000, 100, service_tier="flex"), OFF_PEAK, "0.0016"),
        ("openai", "gpt-5.6-terra", tokens(1000, 100, service_tier="priority"), OFF_PEAK, "0.0064"),
        ("openai", "gpt-5.6-terra", tokens(1000, 100, service_tier="scale"), OFF_PEAK, None),
        ("openai", "gpt-6.1-sol", tokens(1000, 100, service_tier="batch"), OFF_PEAK, "0.0015"),
        ("openai", "text-embedding-3-large", {"input_tokens": 1_000_000}, OFF_PEAK, "0.13"),
        ("openai", "gpt-transcribe", {"seconds": 60.0}, OFF_PEAK, "0.0045"),
        ("azure_openai", "azure_openai/gpt-5.5", tokens(300_000, 1000), OFF_PEAK, "3.045"),
        ("anthropic", "claude-5.5-haiku", tokens(100_000, 1000), OFF_PEAK, "0.0105"),
        ("anthropic", "claude-5.5-haiku", tokens(100_001, 1000), OFF_PEAK, "0.0525005"),
        ("anthropic", "claude-5.5-sonnet", tokens(1000, 0, cache_write_tokens=1000), OFF_PEAK, "0.0025"),
        (
            "anthropic",
            "claude-5.5-sonnet",
            tokens(1000, 0, cache_write_tokens=1000, cache_write_1h_tokens=400),
            OFF_PEAK,
            "0.0031",
        ),
        ("anthropic", "claude-5.5-sonnet", tokens(1000, 100, service_tier="batch"), OFF_PEAK, "0.0015"),
        ("anthropic", "claude-5.5-sonnet", tokens(1000, 100, service_tier="us"), OFF_PEAK, None),
        ("bedrock", "claude-5.5-opus", tokens(1000, 100, cached_tokens=900), OFF_PEAK, "0.00258"),
        ("bedrock", "claude-5.5-haiku", tokens(100_001, 1000), OFF_PEAK, "0.0525005"),
        ("vertexai", "claude-5.5-haiku", tokens(100_001, 1000), OFF_PEAK, "0.0525005"),
        ("vertexai", "gemini-2.5-pro", tokens(200_001, 1000), OFF_PEAK, "0.5150025"),
        ("vertexai", "claude-5.5-opus", tokens(1000, 100, cached_tokens=900), OFF_PEAK, "0.00258"),
        ("vertexai", "claude-4.5-sonnet", tokens(200_001, 1000), OFF_PEAK, "1.222506"),
        ("vertexai", "mistral-medium-3", tokens(1_000_000, 1_000_000), OFF_PEAK, "2.4"),
        ("vertexai", "mistral-ocr-2505", {"pages": 10}, OFF_PEAK, "0.005"),
        ("vertexai", "gemini-3.1-pro-preview", tokens(200_001, 0), OFF_PEAK, "0.800004"),
        ("google", "gemini-2.5-pro", tokens(200_000, 1000), OFF_PEAK, "0.26"),
        ("google", "gemini-2.5-pro", tokens(200_001, 1000), OFF_PEAK, "0.5150025"),
        ("google", "gemini-3.8-flash", tokens(1_000_000, 0), OFF_PEAK, "0.75"),
        ("google", "gemini-3.8-flash", tokens(1_000_000, 0), NEXT_YEAR, "1.5"),
        ("google", "gemini-3.8-flash", tokens(1_000_000, 0, service_tier="flex"), NEXT_YEAR, None),
        ("google", "gemini-4-argon", tokens(1_000_000, 0), OFF_PEAK, "4"),
        ("xai", "grok-4.3", tokens(199_999, 0), OFF_PEAK, "0.24999875"),
        ("xai", "grok-4.3", tokens(200_000, 0), OFF_PEAK, "0.5"),
        ("deepseek", "deepseek-v4-pro", tokens(1_000_000, 1_000_000), OFF_PEAK, "2.64"),
        ("deepseek", "deepseek-v4-pro", tokens(1_000_000, 1_000_000), PEAK, "5.28"),
        ("deepseek", "deepseek-v4-pro", tokens(1_000_000, 1_000_000), SUNDAY, "2.64"),
        ("mistral", "mistral-large-4", tokens(1_000_000, 1_000_000), OFF_PEAK, "2.8"),
        ("mistral", "mistral-ocr-3", {"pages": 7}, OFF_PEAK, "0.014"),
        ("mistral", "mistral-ocr-3", {"pages": 7, "service_tier": "batch"}, OFF_PEAK, "0.007"),
        ("fal", "flux-dev", {"images": 2, "megapixels": Decimal(3)}, OFF_PEAK, "0.075"),
        ("fal", "flux-pro/v1.1", {"images": 2}, OFF_PEAK, "0.08"),
        ("groq", "whisper-large-v3-turbo", {"seconds": 3600.0}, OFF_PEAK, "0.039996"),
    ],
)
def test_an_invoice(
    *,
    specs: Mapping[tuple[str, str], ModelSpec],
    backend: str,
    model: str,
    usage: dict[str, Any],
    at: datetime,
    amount: str | None,
) -> None:
    """Usage in, price out: tiers, caches, services, hours, changes and units are those of the provider."""
    cost = cost_of(specs[backend, model].costs, Usage(**usage), at)
    assert (None if cost is None else cost.amount) == (None if amount is None else Decimal(amount))

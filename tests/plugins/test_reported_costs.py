"""What plugins read of an answer that its price depends on: caches, kinds of token, service tiers, and the cost itself."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from pipelex_backend_anthropic._answer import _usage as anthropic_usage
from pipelex_backend_bedrock._answer import read_usage
from pipelex_backend_google._answer import usage_of
from pipelex_core.results import TextAnswer
from tests.plugins.openai_calls import generated, streamed
from tests.servers.base import Reply
from tests.servers.openai_server import chunks, completion, message_item, response

TOKENS = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


@pytest.mark.parametrize(
    "usage, cost",
    [
        ({"cost": 0.0123}, "0.0123"),
        ({"cost": 0}, "0"),
        ({"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.002}}, "0.002"),
        ({"cost": 0.0001, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.002}}, "0.0021"),
        ({"cost": 0, "is_byok": True, "cost_details": {"upstream_inference_cost": None}}, None),
        ({"cost": {"input_tokens_cost": 0.00001, "request_cost": 0.005, "total_cost": 0.00503}}, "0.00503"),
        ({"cost_in_usd_ticks": 10_959_000}, "0.0010959"),
        ({"cost_in_usd_ticks": 0}, None),
        ({"cost": -1}, None),
        ({"cost": True}, None),
        ({"cost": "much"}, None),
        ({"cost": None}, None),
    ],
)
def test_what_an_answer_says_of_its_cost(usage: dict[str, Any], cost: str | None) -> None:
    """OpenRouter's number with what the user's own key was charged, Perplexity's total, xAI's ticks; all exact."""
    answer = generated(Reply.json(completion(usage={**TOKENS, **usage})))
    assert answer.usage.cost == (None if cost is None else Decimal(cost))


def test_the_service_tier_of_a_chat() -> None:
    """It stands beside the usage, in an answer and in the chunks of a stream."""
    whole = generated(Reply.json({**completion(), "service_tier": "flex"}))
    assert whole.usage.service_tier == "flex"
    first, *others = chunks(done=False)
    last = {**others[-1], "service_tier": "priority"}
    answer = streamed(Reply.sse({**first, "service_tier": "auto"}, *others[:-1], last, "[DONE]"))[-1]
    assert isinstance(answer, TextAnswer)
    assert answer.usage.service_tier == "priority"


def test_the_service_tier_and_searches_of_a_response() -> None:
    """A search is one of the items; a page that was opened is none."""
    searches = [
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}},
        {"type": "web_search_call", "id": "ws_2", "status": "completed", "action": {"type": "open_page", "url": "u"}},
    ]
    made = {**response(*searches, message_item()), "service_tier": "priority"}
    usage = generated(Reply.json(made), sdk="openai_responses").usage
    assert (usage.service_tier, usage.searches) == ("priority", 1)


def test_kinds_of_tokens_of_a_chat() -> None:
    """Audio, pictures, and predictions that came true or did not."""
    usage = {
        **TOKENS,
        "prompt_tokens_details": {"audio_tokens": 3, "cache_write_tokens": 4},
        "completion_tokens_details": {
            "audio_tokens": 2,
            "image_tokens": 1,
            "accepted_prediction_tokens": 1,
            "rejected_prediction_tokens": 2,
        },
    }
    got = generated(Reply.json(completion(usage=usage))).usage
    assert (got.input_audio_tokens, got.cache_write_tokens, got.output_audio_tokens) == (3, 4, 2)
    assert (got.output_image_tokens, got.accepted_prediction_tokens, got.rejected_prediction_tokens) == (1, 1, 2)


@pytest.mark.parametrize(
    "extra, tier",
    [
        ({"service_tier": "standard"}, "standard"),
        ({"service_tier": "priority"}, "priority"),
        ({"service_tier": "standard", "speed": "fast"}, "fast"),
        ({"service_tier": "standard", "inference_geo": "us"}, "us"),
        ({"service_tier": "standard", "inference_geo": "global"}, "standard"),
        ({}, None),
    ],
)
def test_anthropic_caches_searches_and_tiers(extra: dict[str, Any], tier: str | None) -> None:
    """What is written for an hour is a share of what is written; fast mode and US inference are priced as tiers."""
    usage = anthropic_usage(
        {
            "input_tokens": 10,
            "output_tokens": 1,
            "cache_read_input_tokens": 5,
            "cache_creation_input_tokens": 100,
            "cache_creation": {"ephemeral_5m_input_tokens": 60, "ephemeral_1h_input_tokens": 40},
            "server_tool_use": {"web_search_requests": 2},
            **extra,
        }
    )
    assert (usage.input_tokens, usage.cached_tokens) == (115, 5)
    assert (usage.cache_write_tokens, usage.cache_write_1h_tokens) == (100, 40)
    assert (usage.searches, usage.service_tier) == (2, tier)


def test_bedrock_caches_and_tiers() -> None:
    """Converse says how long each write is kept, and which tier answered."""
    details = [{"ttl": "5m", "inputTokens": 60}, {"ttl": "1h", "inputTokens": 40}]
    counts = {"inputTokens": 10, "outputTokens": 1, "cacheWriteInputTokens": 100, "cacheDetails": details}
    usage = read_usage(counts, {"type": "flex"})
    assert (usage.cache_write_tokens, usage.cache_write_1h_tokens, usage.service_tier) == (100, 40, "flex")
    assert read_usage({"inputTokens": 1, "outputTokens": 1}).service_tier is None


@pytest.mark.parametrize(
    "counts, tier",
    [
        ({"serviceTier": "flex"}, "flex"),
        ({"serviceTier": "standard"}, "standard"),
        ({"trafficType": "ON_DEMAND"}, "on_demand"),
        ({"trafficType": "ON_DEMAND_PRIORITY"}, "priority"),
        ({"trafficType": "PROVISIONED_THROUGHPUT"}, "provisioned_throughput"),
        ({}, None),
    ],
)
def test_google_kinds_of_tokens_and_tiers(counts: dict[str, Any], tier: str | None) -> None:
    """Modalities are told apart, and Vertex AI's traffic type is a tier."""
    usage = usage_of(
        {
            "promptTokenCount": 30,
            "candidatesTokenCount": 20,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 5},
                {"modality": "AUDIO", "tokenCount": 25},
            ],
            "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 20}],
            **counts,
        }
    )
    assert (usage.input_audio_tokens, usage.input_image_tokens, usage.output_image_tokens) == (25, None, 20)
    assert usage.service_tier == tier

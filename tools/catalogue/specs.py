"""A model's spec of a fact: what it is for, its limits, its price, its life; and how it is asked, after its nearest sibling."""

from __future__ import annotations

import re
from itertools import takewhile
from typing import Any

from pipelex_rules.families.claude import claude
from pipelex_rules.families.gemini import takes_minimal
from pipelex_rules.families.openai import efforts as openai_efforts
from tools.catalogue.prices import costs_of

TYPES: dict[str, str] = {
    "llm": "llm",
    "image": "img_gen",
    "image_edit": "img_gen",
    "embed": "embedding",
    "rerank": "reranker",
    "stt": "transcriber",
    "tts": "speaker",
    "moderation": "moderator",
    "ocr": "text_extractor",
}
"""Kind of a fact -> `model_type`; what is missing, such as video, no capability calls."""

OUTPUTS: dict[str, list[str]] = {
    "img_gen": ["image"],
    "embedding": ["vectors"],
    "reranker": ["ranking"],
    "transcriber": ["text"],
    "speaker": ["audio"],
    "moderator": ["scores"],
    "text_extractor": ["pages"],
}
_INPUTS = {"image": "images"}
_LIVES = ("deprecated_on", "retired_on", "successor")
_VECTORS = (
    "dimensions",
    "dimensions_allowed",
    "min_dimensions",
    "max_dimensions",
    "max_inputs",
    "max_request_tokens",
)
_OWN: dict[str, dict[str, Any]] = {"claude-3-sonnet-20240229": {"max_tokens": 4096}}
"""Facts that no source has, and that a model of the same family gets wrong: https://docs.claude.com/en/docs/about-claude/models."""

FACTS = ("max_tokens", "context_window", *_VECTORS, "costs", "as_of", *_LIVES)
"""The keys of a spec that facts decide; the others of a table that was written by hand stay."""

_OF_A_MODEL = {*FACTS, "model_id", "model_type", "inputs", "outputs", "enabled"}
_ALIKE = 4
_GEMINI_LEVELS = ("minimal", "low", "medium", "high")
_FIVE_EFFORTS = ["low", "medium", "high", "xhigh", "max"]


def facts_of(fact: dict[str, Any], model_type: str, day: str) -> dict[str, Any]:
    """The keys of a spec that the fact decides.

    Args:
        fact: One line of the facts.
        model_type: What the model is for.
        day: The day on which the facts were true.
    """
    window, most = fact.get("context_window"), fact.get("max_output")
    spec: dict[str, Any] = {}
    if most and model_type == "llm" and (window is None or most <= window):
        spec["max_tokens"] = most
    if window:
        spec["context_window"] = window
    if model_type == "embedding":
        spec |= _vectors(fact)
    costs = costs_of(fact["price"], model_type, border_is_inclusive=fact["provider"] == "xai")
    if costs is not None:
        spec |= {"costs": costs, "as_of": day}
    return spec | _life(fact, day)


_REQUESTS: dict[str, dict[str, int]] = {
    "google": {"max_inputs": 100},
    "mistral": {"max_inputs": 128, "max_request_tokens": 16_000},
    "vertexai": {"max_inputs": 250, "max_request_tokens": 20_000},
}
"""What a request of a provider holds, where the facts do not say.

Google: a batch has 100 requests at most (https://ai.google.dev/api/embeddings#method:-models.batchembedcontents).
Mistral: 16,384 tokens in a batch; it names no number of texts (https://docs.mistral.ai/capabilities/embeddings/).
Vertex AI: 250 texts and 20,000 tokens
(https://cloud.google.com/vertex-ai/generative-ai/docs/embeddings/get-text-embeddings#get_text_embeddings_for_a_snippet_of_text).
"""

_ONE_A_REQUEST = re.compile(r"vertexai/gemini-.*|bedrock/(amazon|twelvelabs)\..*")
"""Models that take one text a request, after their provider."""


def _vectors(fact: dict[str, Any]) -> dict[str, Any]:
    """What an embedding model gives, and takes in one request."""
    reported, spec = fact.get("embedding", {}), {}
    if default := reported.get("dimensions_default"):
        spec["dimensions"] = default
    written = reported.get("dimensions")
    if isinstance(written, list) and len(written) > 1:
        spec["dimensions_allowed"] = written
    elif isinstance(written, str):
        low, high = (int(number) for number in [*re.findall(r"\d+", written), "0"][:2])
        least, most = (1, low) if "up to" in written else (low, high)
        spec |= {"min_dimensions": least} if least > 1 else {}
        spec["max_dimensions"] = most
    elif fact["provider"] == "vertexai" and fact["id"].startswith("text-") and default:
        spec["max_dimensions"] = default  # `outputDimensionality` shortens the vectors of all of them
    limits = dict(_REQUESTS.get(fact["provider"], {}))
    if "max_batch" in reported:
        limits["max_inputs"] = reported["max_batch"]
    if "max_batch_tokens" in reported or fact["provider"] == "azure_openai":
        limits["max_request_tokens"] = reported.get("max_batch_tokens", 300_000)
    if fact["provider"] == "openai":
        limits.setdefault(
            "max_request_tokens", 300_000
        )  # https://platform.openai.com/docs/api-reference/embeddings/create
    if fact["id"].startswith("cohere."):
        if "v4" in fact["id"]:  # https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v4.html
            spec["dimensions_allowed"] = [256, 512, 1024, 1536]
        else:
            spec["dimensions"] = 1024
        limits["max_inputs"] = 96  # https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html
    one = _ONE_A_REQUEST.fullmatch(f"{fact['provider']}/{fact['id']}")
    return spec | ({"max_inputs": 1} if one else limits)


def _life(fact: dict[str, Any], day: str) -> dict[str, Any]:
    """When the model ends; where a table says that it has, and not since when, it has by the day of the facts."""
    end = fact.get("retired_on") or fact.get("retires_on")
    life: dict[str, Any] = {}
    if fact["status"] == "deprecated":
        life["deprecated_on"] = day
    if fact["status"] == "retired":
        end = end or day
    if end:
        life["retired_on"] = end
    if fact.get("successor") and life:
        life["successor"] = fact["successor"]
    return life


def new_table(
    fact: dict[str, Any], day: str, siblings: list[dict[str, Any]], defaults: dict[str, Any]
) -> dict[str, Any]:
    """The table of a model that no one wrote by hand.

    Args:
        fact: One line of the facts.
        day: The day on which the facts were true.
        siblings: The tables of the same file that were written by hand, with their names under `name`.
        defaults: The file's `[defaults]`.
    """
    model_type = TYPES[fact["kind"]]
    table: dict[str, Any] = {"model_id": fact["id"]}
    sibling = _sibling(fact, model_type, siblings, defaults)
    ways = {key: value for key, value in sibling.items() if key not in _OF_A_MODEL and key != "name"}
    if model_type != defaults.get("model_type", "llm"):
        table["model_type"] = model_type
    table |= _inputs(fact)
    table["outputs"] = OUTPUTS.get(model_type) or _outputs(sibling, defaults)
    ways.pop("prefill", None)
    if fact["provider"] in _BY_NAME:
        for own in ("effort_levels", "responses_for"):  # a sibling's are its own
            ways.pop(own, None)
    table |= {key: ways[key] for key in ways if key != "constraints"}
    if model_type == "llm":
        table |= _reasoning(fact, ways, defaults) | prefill_of(fact)
        constraints = _constraints(fact, table, ways.get("constraints", defaults.get("constraints", [])))
    else:
        constraints = ways.get("constraints", [])
    if constraints != defaults.get("constraints", []):
        table["constraints"] = constraints
    facts = facts_of(fact, model_type, day)
    facts = _OWN.get(fact["id"], {}) | facts
    if _is_messages(fact):  # the API wants a max_tokens
        for key in ("max_tokens", "context_window"):
            if key not in facts and key in sibling:
                facts = {key: sibling[key], **facts}
    if "costs" in facts and facts["as_of"] == defaults.get("as_of"):
        del facts["as_of"]
    return table | facts


def _inputs(fact: dict[str, Any]) -> dict[str, Any]:
    """What a model takes, and as what it is prompted where that is not as its backend's others."""
    inputs = [_INPUTS.get(word, word) for word in fact["inputs"]]
    if (
        fact["provider"] == "vertexai" and "/" in fact["id"] and not fact["id"].startswith("mistralai/")
    ):  # behind chat completions, which take no PDF there
        return {"inputs": [word for word in inputs if word in {"text", "images"}], "prompting_target": "openai"}
    return {"inputs": inputs}


def _outputs(sibling: dict[str, Any], defaults: dict[str, Any]) -> list[str]:
    outputs: list[str] = sibling.get("outputs", defaults.get("outputs", ["text", "structured"]))
    return outputs


def _sibling(
    fact: dict[str, Any], model_type: str, siblings: list[dict[str, Any]], defaults: dict[str, Any]
) -> dict[str, Any]:
    """The table of the same type whose id begins most alike, the newest of several; empty where none is alike."""

    def alike(table: dict[str, Any]) -> int:
        pairs = zip(_bare(fact["id"]), _bare(table["model_id"]), strict=False)
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

    same = [
        table
        for table in reversed(siblings)
        if table.get("model_type", defaults.get("model_type", "llm")) == model_type
    ]
    best: dict[str, Any] = max(
        same, key=lambda table: (alike(table), _bare(table["model_id"]) == _bare(fact["id"])), default={}
    )
    return best if best and (alike(best) >= _ALIKE or model_type != "llm") else {}


def _bare(model_id: str) -> str:
    for prefix in ("us.", "eu.", "global.", "google/"):
        model_id = model_id.removeprefix(prefix)
    return model_id.partition("@")[0]


def _reasoning(fact: dict[str, Any], ways: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """How a model is asked to reason, in the options of its plugin."""
    reasoning, provider = fact.get("reasoning", {}), fact["provider"]
    efforts = reasoning.get("efforts", [])
    levels = effort_levels(fact)
    reported = {"effort_levels": levels} if levels else {}
    if _is_messages(fact) and reasoning:
        return _of_claude(reasoning, efforts, ways)
    if provider in {"google", "vertexai"} and fact["id"].startswith("gemini") and "thinking" not in ways:
        known = [each for each in efforts or _GEMINI_LEVELS if each in _GEMINI_LEVELS]
        levels = [each for each in known if each != "minimal" or takes_minimal(fact["id"])]
        return {"thinking_levels": levels} if efforts or levels != known else {}
    if provider == "bedrock":
        return _at_bedrock(fact["id"], reasoning)
    if provider == "openai":
        sdk = "openai_responses" if _is_for_responses(fact["id"]) else "openai"
        found = {"sdk": sdk} if ways.get("sdk", defaults.get("sdk")) != sdk else {}
        return {**reported, **found, **responses_for(fact, sdk)}
    if provider == "azure_openai":
        return {**reported, **responses_for(fact, ways.get("sdk", defaults.get("sdk", "")))}
    return reported


def responses_for(fact: dict[str, Any], sdk: str) -> dict[str, Any]:
    """What a chat model of OpenAI needs the Responses API for, as keys of its table."""
    is_chat = sdk in {"openai", "azure_openai"} and fact["kind"] == "llm"
    return {"responses_for": ["tools", "effort"]} if is_chat and _NO_TOOLS_WITH_EFFORT.match(fact["id"]) else {}


def effort_levels(fact: dict[str, Any]) -> list[str]:
    """The efforts that a model takes at an endpoint to which each is sent by name; empty where that is not known.

    Tables of facts and the rulebook, which has what was tried at OpenAI, differ for some models: what both have is taken.
    """
    levels: list[str] = fact.get("reasoning", {}).get("efforts", [])
    if fact["provider"] not in _BY_NAME:
        return []
    if fact["provider"] in {"openai", "azure_openai"}:
        tried = openai_efforts(fact["id"]) or tuple(levels)
        levels = [level for level in levels if level in tried] or (list(tried) if levels else [])
    return levels


_BY_NAME = frozenset({"openai", "azure_openai", "xai", "mistral", "groq", "deepseek", "perplexity"})
"""Backends whose plugins send an effort by its name, and know `effort_levels`."""

_NO_TOOLS_WITH_EFFORT = re.compile(r"gpt-(5\.[4-9]|[6-9])")
"""Models that Chat Completions refuses function tools and an effort for."""


def prefill_of(fact: dict[str, Any]) -> dict[str, Any]:
    """Whether a Claude goes on with its own last message, as a key of its table; the plugin's default is that it does."""
    if not (_is_messages(fact) or fact["provider"] == "bedrock"):
        return {}
    return {"prefill": False} if fact.get("no_prefill") or claude(fact["id"]).refuses_prefill else {}


def _is_messages(fact: dict[str, Any]) -> bool:
    """Whether a model is asked through the Messages API: Claude, at Anthropic or on Vertex AI."""
    return fact["provider"] == "anthropic" or (fact["provider"] == "vertexai" and str(fact["id"]).startswith("claude-"))


def _at_bedrock(model_id: str, reasoning: dict[str, Any]) -> dict[str, Any]:
    if model_id.startswith("openai."):
        return {"reasoning": "openai"}
    if "anthropic" not in model_id:
        return {}
    if not reasoning:
        return {"sdk": "bedrock_anthropic"}
    unasked = reasoning.get("always_on") or reasoning.get("on_by_default")
    way = "effort" if unasked else reasoning.get("thinking", "budget")
    return {"sdk": "bedrock_anthropic", "reasoning": way, **({"structured_output": "offered_tool"} if unasked else {})}


def _of_claude(reasoning: dict[str, Any], efforts: list[str], ways: dict[str, Any]) -> dict[str, Any]:
    unasked = reasoning.get("always_on") or reasoning.get("on_by_default")
    way = "on" if unasked else reasoning.get("thinking", ways.get("thinking", "adaptive"))
    found: dict[str, Any] = {"thinking": way}
    if unasked:
        found["thinking_off"] = ways.get("thinking_off", "never" if reasoning.get("always_on") else "disabled")
    if efforts and efforts != _FIVE_EFFORTS and found["thinking"] != "budget":
        found["effort_levels"] = efforts
    return found


def _is_for_responses(model_id: str) -> bool:
    return any(word in model_id.split("-") for word in ("pro", "codex", "research", "computer"))


_SEARCHES = re.compile(r"^gpt-.*-search-(preview|api)")
"""Models that search by themselves, and refuse sampling settings: https://github.com/vercel/ai/issues/5609."""

_FIXED_EFFORT = re.compile(r"xai/grok-4\.20-.*reasoning(-latest)?|groq/qwen/qwen3.*")
"""Models that reason as they do: xAI's refuse an effort, and Groq's Qwen knows `none` and `default` alone.

https://github.com/chenyme/grok2api/issues/814, https://console.groq.com/docs/reasoning
"""


def _constraints(fact: dict[str, Any], table: dict[str, Any], provided: list[str]) -> list[str]:
    """What a model refuses: as its sibling, but for what the fact says."""
    found = list(provided)

    def add(*names: str) -> None:
        found.extend(name for name in names if name not in found)

    if fact.get("no_sampling_params"):
        add("no_temperature", "no_top_p")
        found[:] = [name for name in found if name not in {"temperature_or_top_p", "temperature_up_to_2"}]
    thinks_unasked = table.get("thinking") == "on" or table.get("reasoning") == "effort"
    if "claude" in fact["id"] and (thinks_unasked or fact.get("no_sampling_params")):
        add("no_temperature", "no_top_p", "no_reasoning_budget")
        found[:] = [name for name in found if name != "temperature_or_top_p"]
    if _SEARCHES.search(fact["id"]):
        add("no_temperature", "no_top_p")
        found[:] = [name for name in found if name != "temperature_up_to_2"]
    if _FIXED_EFFORT.fullmatch(f"{fact['provider']}/{fact['id']}"):
        add("no_reasoning_effort")
        return found
    if not fact.get("reasoning") and fact["provider"] != "openrouter":
        add("no_reasoning_effort", "no_reasoning_budget")
    elif fact.get("reasoning", {}).get("efforts"):
        found[:] = [name for name in found if name != "no_reasoning_effort"]
    return found

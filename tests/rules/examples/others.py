"""Rules of the endpoints that are like OpenAI's, and of fal."""

from __future__ import annotations

from pipelex_rules import Size
from tests.rules.examples.base import STRICT, Example, chat_format, user

OTHERS: list[Example] = [
    Example(
        rule="groq.chat.strict-without-streams",
        good=chat_format(STRICT),
        bad={**chat_format(STRICT), "stream": True},
        model="openai/gpt-oss-120b",
    ),
    Example(
        rule="xai.chat.top-logprobs-without-logprobs",
        good={"logprobs": True, "top_logprobs": 2},
        bad={"top_logprobs": 2},
    ),
    Example(
        rule="xai.stt.format-needs-a-language",
        good={"format": "true", "language": "en"},
        bad={"format": "true"},
    ),
    Example(rule="xai.stt.one-source-of-sound", good={"diarize": "true"}, bad={"file": Size(5)}),
    Example(
        rule="xai.stt.audio-bytes",
        good={"url": None, "file": Size(5)},
        bad={"url": None, "file": Size(501 * 1024 * 1024)},
    ),
    Example(
        rule="deepseek.chat.top-logprobs-without-logprobs",
        good={"logprobs": True, "top_logprobs": 2, "thinking": {"type": "disabled"}},
        bad={"top_logprobs": 2, "thinking": {"type": "disabled"}},
    ),
    Example(
        rule="deepseek.chat.probabilities-while-thinking",
        good={"thinking": {"type": "enabled"}},
        bad={"logprobs": True, "thinking": {"type": "enabled"}},
    ),
    Example(
        rule="deepseek.chat.images",
        bad={"messages": [user(*[{"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}] * 601)]},
    ),
    Example(rule="deepseek.chat.window", bad={"messages": [{"role": "user", "content": "word " * 1_200_000}]}),
    Example(
        rule="openrouter.chat.one-limit-of-reasoning",
        good={"reasoning": {"effort": "low"}},
        bad={"reasoning": {"effort": "low", "max_tokens": 2_000}},
        model="anthropic/claude-sonnet-4.5",
    ),
    Example(
        rule="vllm.chat.prompt-logprobs-are-not-streamed",
        good={"prompt_logprobs": 1},
        bad={"prompt_logprobs": 1, "stream": True},
    ),
    Example(rule="fal.queue.prompt-of-flux", bad={"prompt": None}),
    Example(rule="groq.audio/transcriptions.one-source-of-sound", bad={"file": Size(9)}),
    Example(
        rule="groq.audio/transcriptions.audio-bytes",
        good={"url": None, "file": Size(9)},
        bad={"url": None, "file": Size(101 * 1024 * 1024)},
    ),
    Example(
        rule="llamacpp.chat.parts-of-messages",
        good={"messages": [user({"type": "text", "text": "a"})]},
        bad={"messages": [user({"type": "file", "file": {}})]},
    ),
    Example(rule="compatible.rerank.documents-or-texts", bad={"documents": []}),
    Example(rule="compatible.rerank.document-count", bad={"documents": ["a"] * 1_001}),
    Example(rule="compatible.rerank.blank-query", bad={"query": " "}),
    Example(rule="compatible.rerank.one-limit-of-results", good={"top_n": 1}, bad={"top_n": 1, "top_k": 1}),
    Example(
        rule="compatible.rerank.texts-alone",
        good={"documents": None, "texts": ["a"]},
        bad={"texts": ["a"], "documents": ["a"]},
    ),
    Example(
        rule="xai.images/edits.edits-are-json", bad={}, headers={"content-type": "multipart/form-data; boundary=a"}
    ),
]

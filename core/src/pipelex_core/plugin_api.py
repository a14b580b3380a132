"""The public API for plugins, all of it: every name that a plugin may import from core, and where.

It is versioned by core's semantic version: its content changes in a minor version (while that begins with `0.`) or a
major one only, after a release that warns of it. Everything else in this package may change at any time. Between names that
are here, a method, an argument, a field or a class above is part of the API where it has no underscore in front.
"""

from __future__ import annotations

_NAMES = {
    "answers": "count embeds_all says_something token_logprobs",
    "audio": "sniff_audio with_bytes",
    "backend": (
        "Backend BackendFactory DocumentExtractor Embedder ImageGenerator ModelFetcher ModelLister Moderator "
        "ObjectGenerator ObjectStreamer Option Reranker Resources Speaker SpeechStreamer TextGenerator TextStreamer "
        "TokenCounter Transcriber"
    ),
    "batches": "MARK BatchLimits BatchLine BatchRunner BatchStatus",
    "calls": "Call FinishedCall",
    "capabilities": "Capabilities Capability Kind Operation",
    "checks": "CheckedConfig Finding",
    "command_line": "Context",
    "commands": "Command",
    "converter": "from_plain to_plain",
    "costs": "cost_of total",
    "deltas": "ReasoningDelta SideDelta ToolCallDelta",
    "dialects": "BOUNDS WHOLE Adapted Dialect SchemaLimits adapt",
    "documents": "as_text count_pages file_name is_text",
    "efforts": "EFFORTS nearest_effort",
    "errors": (
        "AuthenticationError BadRequestError CallError ContentFilterError ContextTooLongError "
        "DeadlineExceededError InvalidAnswerError NotFoundError OverloadedError PermissionDeniedError "
        "PipelexError PluginError ProviderConnectionError RateLimitError ServerError ToolFailedError "
        "UnsupportedInputError "
        "error_class_for_status"
    ),
    "headers": "check_key first_id retry_after",
    "histories": "HistoryForm fit turns",
    "hiding": "hide",
    "hookspecs": (
        "ENTRY_POINT_GROUP Check Middleware Proceed SecretReader ToolMiddleware hookimpl pipelex_backends "
        "pipelex_call_finished pipelex_capabilities pipelex_checks pipelex_commands pipelex_limiter "
        "pipelex_middleware pipelex_model_specs pipelex_orders pipelex_secrets pipelex_tool_middleware pipelex_tools pipelex_wrap_backend"
    ),
    "judging": "ModerationAnswer ModerationRequest Ranked RerankAnswer RerankRequest Verdict",
    "media": "PDF shown_url sniff",
    "orders": "Order Standing",
    "parts": "AudioPart Citation DocumentPart ImagePart Media Message Part ProviderPart TextPart Tool ToolCall ToolResult",
    "pictures": "check_mask kind_and_size",
    "requests": "EmbeddingRequest ExtractRequest ImageRequest ObjectRequest Request TextRequest",
    "results": (
        "NO_USAGE Answer Attempt Cost DocumentAnswer EmbeddingAnswer FinishReason Image ImageAnswer Page TextAnswer TokenLogprob "
        "Usage"
    ),
    "sending": "Sending SilenceClock answers sending silence",
    "shared_limits": "CAPS Entered Full LimitedRequest SharedLimits Unreachable",
    "sound": "Audio Recording Segment SpeechAnswer SpeechFormat SpeechRequest TranscriptAnswer TranscriptRequest",
    "vectors": "Vectors",
    "specs": "BackendConfig Costs Limits ModelSpec ModelType Secret",
    "tools": "RunnableTool ToolSource",
}

PLUGIN_API: dict[str, tuple[str, ...]] = {module: tuple(names.split()) for module, names in _NAMES.items()}
"""Module of `pipelex_core` -> its names that a plugin may import."""

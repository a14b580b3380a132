"""Documents of Gemini at AI Studio and Vertex AI: https://ai.google.dev/api/generate-content."""

from __future__ import annotations

from typing import Any

from pipelex_testing.replies import Reply

USAGE = {"promptTokenCount": 20, "candidatesTokenCount": 5, "thoughtsTokenCount": 7, "cachedContentTokenCount": 12}


def answer(*parts: dict[str, Any], finish: str | None = "STOP", usage: dict[str, int] | None = None) -> dict[str, Any]:
    """Build an answer, or a chunk of one, with one candidate."""
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    return {
        "candidates": [candidate],
        "usageMetadata": USAGE if usage is None else usage,
        "modelVersion": "gemini-test",
        "responseId": "response-1",
    }


def fault(status: int, rpc_status: str, message: str, *details: dict[str, Any]) -> dict[str, Any]:
    """Build the body of an error, or a chunk of a stream that is one."""
    error: dict[str, Any] = {"code": status, "message": message, "status": rpc_status}
    return {"error": {**error, "details": list(details)} if details else error}


def error(status: int, rpc_status: str, message: str, *details: dict[str, Any]) -> Reply:
    """Build an error as the answer to a request."""
    return Reply.json(fault(status, rpc_status, message, *details), status=status)

"""What real clients were recorded to send, sent again: each request is answered, in the form that its client needs.

The records are in the folder `$PIPELEX_CLIENTS`, or `../shared/clients/requests`.
"""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from pipelex_testing.samples import png
from tests.support.serving import Served, serving
from tests.support.sounds import wav

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = Path(
    os.environ.get("PIPELEX_CLIENTS") or Path(__file__).resolve().parents[3] / "shared" / "clients" / "requests"
)
RECORDS = sorted(FOLDER.glob("*.json"))

LACKING = {
    "/v1/files": 501,
    "/v1/audio/translations": 501,
    "/v1/batches": 501,
}
"""What this gateway does not do -> how it says so."""

HANDLES = {
    "/v1/embeddings": "vectors",
    "/v1/images/generations": "painter",
    "/v1/images/edits": "painter",
    "/v1/moderations": "guard",
    "/v1/audio/speech": "voice",
    "/v1/audio/transcriptions": "ear",
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("recorded")) as served:
        yield served


def requests_of(record: dict[str, Any]) -> list[dict[str, Any]]:
    return [record["request"], *record.get("following_requests", ())]


def mended(body: Any) -> Any:
    """A body without the marks of what the record leaves out."""
    if isinstance(body, dict):
        return {key: mended(value) for key, value in body.items() if key not in ("_more", "_left_out_of_this_file")}
    if isinstance(body, list):
        return [mended(item) for item in body if not (isinstance(item, dict) and "_left_out_of_this_file" in item)]
    return body


def form(parts: list[dict[str, Any]], content_type: str, model: str) -> bytes:
    """The body of a recorded form, with a recording, or a picture, in place of the few bytes that were sent."""
    mark = b"--" + content_type.rpartition("boundary=")[2].encode()
    written = []
    for part in parts:
        name = part["headers"]["content-disposition"]
        file = wav() if 'name="file"' in name else png()
        value = file if "filename=" in name else (model if name.endswith('"model"') else part["value"]).encode()
        heads = "".join(f"{key}: {each}\r\n" for key, each in part["headers"].items())
        written.append(mark + b"\r\n" + heads.encode() + b"\r\n" + value + b"\r\n")
    return b"".join([*written, mark, b"--\r\n"])


def refusal_of(request: dict[str, Any], body: Any) -> int | None:  # noqa: PLR0911 -- one line a reason
    """The status of a request that is refused, and rightly so."""
    path = request["path"].partition("?")[0]
    if path.startswith(
        ("/v1beta", "/v1/models/org", "/v1/messages/batches", "/v1/batches/", "/v1/responses/resp_", "/v1/files/")
    ):
        return 404
    if path in LACKING:
        return LACKING[path]
    if request["method"] == "OPTIONS":
        return 405
    if not isinstance(body, dict):
        return None
    if body.get("thread") or body.get("previous_response_id") or body.get("store"):
        return 400
    if "audio" in (body.get("modalities") or ()) or body.get("background"):
        return 400
    if "input_audio" in json.dumps(body.get("messages")):
        return 400
    if path == "/v1/embeddings" and not isinstance(body["input"], str) and not isinstance(body["input"][0], str):
        return 400
    return None


def check_answer(path: str, body: Any, answer: httpx2.Response) -> None:
    """An answer has what strict parsers want."""
    if path.endswith("/speech"):
        assert answer.headers["content-type"].startswith("audio/")
        assert len(answer.content) > 100
        return
    if path.endswith("/transcriptions"):
        assert "Mock answer" in answer.text
        return
    if isinstance(body, dict) and body.get("stream"):
        text = answer.text
        if path.endswith("/messages"):
            lines = [line.removeprefix("event: ") for line in text.split("\n") if line.startswith("event: ")]
            assert lines[0] == "message_start"
            assert lines[-2:] == ["message_delta", "message_stop"]
        elif path.endswith("/generations"):
            assert "event: image_generation.completed" in text
        elif path.endswith("/responses"):
            assert text.rstrip().split("\n")[-2] in ("event: response.completed", "event: response.incomplete")
            assert "response.output_item.done" in text
        else:
            events = [json.loads(line[6:]) for line in text.split("\n") if line.startswith("data: {")]
            assert text.endswith("data: [DONE]\n\n")
            assert any(event["choices"] and event["choices"][0]["finish_reason"] for event in events)
            wants_usage = (body.get("stream_options") or {}).get("include_usage")
            assert bool(wants_usage) == (events[-1]["choices"] == [] and events[-1].get("usage") is not None)
        return
    whole = answer.json()
    needed = {
        "/chat/completions": ("id", "object", "created", "model", "choices", "usage"),
        "/messages": ("id", "type", "role", "model", "content", "stop_reason", "usage"),
        "/responses": (
            "id",
            "object",
            "created_at",
            "model",
            "output",
            "usage",
            "status",
            "parallel_tool_calls",
            "tools",
        ),
        "/embeddings": ("object", "data", "model", "usage"),
        "/generations": ("created", "data"),
        "/moderations": ("id", "model", "results"),
        "/completions": ("id", "object", "created", "model", "choices", "usage"),
        "/count_tokens": ("input_tokens",),
        "/input_tokens": ("input_tokens", "object"),
    }
    for end, names in needed.items():
        if path.endswith(end):
            assert [name for name in names if whole.get(name) is None] == []
            return


@pytest.mark.skipif(not RECORDS, reason="the recorded requests are not here")
@pytest.mark.parametrize("file", RECORDS, ids=lambda file: file.stem)
def test_a_recorded_request_is_answered(served: Served, file: Path) -> None:
    """With its own headers and parameters; only the model is one of ours."""
    record = json.loads(file.read_text(encoding="utf-8"))
    for request in requests_of(record):
        body = mended(request.get("body"))
        path = request["path"]
        if isinstance(body, dict) and "model" in body:
            body["model"] = HANDLES.get(path.partition("?")[0], "m")
        skipped = {"host", "content-length", "transfer-encoding", "connection", "expect"}
        headers = {
            name: value.replace("…", "...")  # where the record cut it
            for name, value in request.get("headers", {}).items()
            if name.lower() not in skipped
        }
        content = json.dumps(body).encode() if body is not None else b""
        if headers.get("content-encoding") == "gzip":
            content = gzip.compress(content)
        if "multipart" in headers.get("content-type", ""):
            content = form(body["_multipart"], headers["content-type"], HANDLES.get(path, "m"))
        answer = httpx2.request(request["method"], served.url + path, headers=headers, content=content, timeout=30)
        expected = refusal_of(request, body)
        if expected is not None:
            assert answer.status_code == expected, answer.text
            assert "error" in answer.json()
            continue
        assert answer.status_code == 200, f"{path}: {answer.text[:500]}"
        if request["method"] == "POST":
            check_answer(path.partition("?")[0].rstrip("/"), body, answer)

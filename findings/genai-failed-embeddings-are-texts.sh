#!/usr/bin/env bash
# Where google-genai puts the outcomes of an embedding batch.
#
# Versions: google-genai 2.34.0 (httpx 0.28.1).
# Expected: the outcomes of a batch of embeddings in `dest.inlined_embed_content_responses`, however many of them failed.
# Seen: the SDK tells the kind of a batch by its answers, and looks for the first one with a vector in it. Where every request failed, the
#   same batch has its outcomes in `dest.inlined_responses`, and the list that one success would have filled is None: a program that
#   reads only the former takes a batch that failed as a whole for one without outcomes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'google-genai==2.34.0' 'httpx==0.28.1'
"$work/venv/bin/python" -W ignore - <<'PY'
import httpx
from google import genai
from google.genai import types

FAILED = {"metadata": {"key": "a"}, "error": {"code": 400, "message": "the text is empty"}}
ANSWERED = {"metadata": {"key": "b"}, "response": {"embedding": {"values": [0.5, 0.25]}, "tokenCount": "2"}}
OUTCOMES = {"some": [FAILED, ANSWERED], "none": [FAILED, FAILED]}


def answer(request: httpx.Request) -> httpx.Response:
    name = request.url.path.rpartition("/")[2]
    kind = "type.googleapis.com/google.ai.generativelanguage.v1main.EmbedContentBatch"
    output = {"inlinedResponses": {"inlinedResponses": OUTCOMES[name]}}
    metadata = {"@type": kind, "name": f"batches/{name}", "state": "BATCH_STATE_SUCCEEDED", "output": output}
    return httpx.Response(200, json={"name": f"batches/{name}", "metadata": metadata, "done": True})


client = genai.Client(
    api_key="none", http_options=types.HttpOptions(httpx_client=httpx.Client(transport=httpx.MockTransport(answer)))
)
for name in OUTCOMES:
    dest = client.batches.get(name=f"batches/{name}").dest
    vectors, texts = dest.inlined_embed_content_responses, dest.inlined_responses
    print(f"{name} answered: {len(vectors or ())} outcomes of embeddings, {len(texts or ())} of texts")
    assert (len(vectors or ()), len(texts or ())) == ((2, 0) if name == "some" else (0, 2))
PY

#!/usr/bin/env bash
# The alphabet in which google-genai sends the bytes of pictures.
#
# Versions: google-genai 2.34.0 (httpx 0.28.1).
# Expected: standard base64 in `inlineData.data`, as in Google's examples, and one naming convention in a JSON body.
# Seen: the URL-safe alphabet (`-` and `_` for `+` and `/`), so that a proxy, recorder or emulator with a standard decoder loses or
#   refuses the picture; and `inlineData` beside `mime_type` in the same object. Answers are read in either alphabet.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'google-genai==2.34.0' 'httpx==0.28.1'
"$work/venv/bin/python" -W ignore - <<'PY'
import base64
import binascii
import json

import httpx
from google import genai
from google.genai import types

PICTURE = b"\xff\xfe\xfd" * 3
sent = []


def answer(request: httpx.Request) -> httpx.Response:
    sent.append(json.loads(request.content))
    part = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(PICTURE).decode()}}
    return httpx.Response(200, json={"candidates": [{"content": {"role": "model", "parts": [part]}}]})


client = genai.Client(
    api_key="none", http_options=types.HttpOptions(httpx_client=httpx.Client(transport=httpx.MockTransport(answer)))
)
result = client.models.generate_content(
    model="gemini-3.8-flash", contents=[types.Part.from_bytes(data=PICTURE, mime_type="image/png")]
)
inline = sent[0]["contents"][0]["parts"][0]["inlineData"]
print("sent:", inline)
assert inline["data"] == base64.urlsafe_b64encode(PICTURE).decode() != base64.b64encode(PICTURE).decode()
assert "mime_type" in inline
try:
    base64.b64decode(inline["data"], validate=True)
except binascii.Error as error:
    print("a strict standard decoder:", error)
else:
    raise SystemExit("a strict standard decoder reads it")
read = result.candidates[0].content.parts[0].inline_data.data
assert read == PICTURE
print("an answer in the standard alphabet is read")
PY

#!/usr/bin/env bash
# What mistralai makes of a list of models whose cards are not all as Mistral's own.
#
# Versions: mistralai 3.7.0 (httpx 0.28.1).
# Expected: `type`, which a card of the SDK has as "base" where nothing is said, may be missing; a card that lacks something else is the fault.
# Seen: the reverse. A card of a kind that the SDK does not know, and one of a known kind that lacks a required field, become objects of
#   an unknown kind, which keep the raw card and fail nothing: a loop over the list meets objects without `id`. One card without `type`
#   fails the whole list, as it fails the call for that model alone. The lists of servers that speak OpenAI's protocol have no `type`.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'mistralai==3.7.0' 'httpx==0.28.1'
"$work/venv/bin/python" -W ignore - <<'PY'
import httpx
from mistralai.client import Mistral
from mistralai.client.errors import ResponseValidationError
from mistralai.client.models import BaseModelCard

CAN = {"completion_chat": True}
CARDS = {
    "of a kind to come": {"id": "m", "object": "model", "type": "preview", "capabilities": CAN},
    "of a known kind that lacks its capabilities": {"id": "m", "object": "model", "type": "base"},
    "without a kind": {"id": "m", "object": "model", "capabilities": CAN},
}


def answer(request: httpx.Request) -> httpx.Response:
    card = CARDS[request.headers["x-card"]]
    good = {"id": "n", "object": "model", "type": "base", "capabilities": CAN}
    return httpx.Response(200, json={"object": "list", "data": [good, card]} if request.url.path == "/v1/models" else card)


print("a card made by hand is of the kind", BaseModelCard(id="m", capabilities=CAN).type)
client = Mistral(api_key="none", client=httpx.Client(transport=httpx.MockTransport(answer)))
for name in CARDS:
    headers = {"x-card": name}
    try:
        models = client.models.list(http_headers=headers).data or []
        seen = [hasattr(model, "id") for model in models]
    except ResponseValidationError:
        seen = None
    try:
        alone = hasattr(client.models.retrieve(model_id="m", http_headers=headers), "id")
    except ResponseValidationError:
        alone = None
    print(f"{name}: {'the list fails' if seen is None else f'of the two, those with an id: {seen}'}")
    assert (seen, alone) == ((None, None) if name == "without a kind" else ([True, False], False))
assert BaseModelCard(id="m", capabilities=CAN).type == "base"
PY

#!/usr/bin/env bash
# A field that maps names to numbers, through the typed-object helpers of three SDKs.
#
# Versions: mistralai 3.7.0, anthropic 2.14.0, openai 3.57.0, pydantic 2.14.4.
# Expected: the helpers keep the type of the map's values, or refuse a type that they cannot express.
# Seen: Mistral's and Anthropic's helpers replace the values' type by `additionalProperties: false` without a warning, so that
#   the only answer that the schema admits is the empty map, and parsing succeeds. OpenAI's helper keeps the values' type in a
#   schema that it marks strict, and OpenAI's rules for strict schemas ask for `additionalProperties: false` on every object.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    'mistralai==3.7.0' 'anthropic==2.14.0' 'openai==3.57.0' 'pydantic==2.14.4'
"$work/venv/bin/python" -W ignore - <<'PY'
import anthropic
import openai
from mistralai.extra.utils.response_format import response_format_from_pydantic_model
from pydantic import BaseModel


class Stock(BaseModel):
    pieces: dict[str, int]


mistral = response_format_from_pydantic_model(Stock)["json_schema"]["schema"]["properties"]["pieces"]
claude = anthropic.transform_schema(Stock)["properties"]["pieces"]
gpt = openai.pydantic_function_tool(Stock)["function"]
print("mistralai:", mistral)
print("anthropic:", claude)
print("openai:   ", gpt["parameters"]["properties"]["pieces"], "strict:", gpt["strict"])
assert mistral["additionalProperties"] is False
assert claude["additionalProperties"] is False and claude["properties"] == {}
assert gpt["strict"] is True
assert gpt["parameters"]["properties"]["pieces"]["additionalProperties"] == {"type": "integer"}
PY

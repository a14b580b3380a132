#!/usr/bin/env bash
# What Anthropic's schema helper does with the rules that the API does not enforce.
#
# Versions: anthropic 2.14.0, pydantic 2.14.4.
# Expected: rules are kept, dropped or refused, and a document that the sent schema admits has the shape of the type.
# Seen: they move into the field's description, as Python prints them (`None`, single quotes): the model reads them, nothing enforces
#   them. `minItems` stays at 0 and 1 and becomes prose from 2 on. A tuple becomes an array of anything, and `oneOf` becomes
#   `anyOf`. A list of types, as `["string", "null"]`, ends in an AssertionError about unreachable
#   code, and a field of type Any in a ValueError.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'anthropic==2.14.0' 'pydantic==2.14.4'
"$work/venv/bin/python" -W ignore - <<'PY'
from typing import Any

from anthropic import transform_schema
from pydantic import BaseModel


class Range(BaseModel):
    ends: tuple[int, str]
    note: str | None = None


class Anything(BaseModel):
    value: Any


fields = transform_schema(Range)["properties"]
for name, schema in fields.items():
    print(f"{name}:", schema)
assert "items" not in fields["ends"] and "prefixItems" not in fields["ends"]
assert "prefixItems: [{'type': 'integer'}, {'type': 'string'}]" in fields["ends"]["description"]
assert fields["note"]["description"] == "{default: None}"
words = {"type": "array", "items": {"type": "string"}}
for least in (0, 1, 2):
    found = transform_schema({**words, "minItems": least})
    print(f"minItems {least}:", found)
    assert found == ({**words, "minItems": least} if least < 2 else {**words, "description": "{minItems: 2}"})
assert transform_schema({"oneOf": [{"type": "string"}, {"type": "null"}]}) == {"anyOf": [{"type": "string"}, {"type": "null"}]}
for schema, expected in (({"type": ["string", "null"]}, AssertionError), (Anything, ValueError)):
    try:
        transform_schema(schema)
    except (AssertionError, ValueError) as error:
        print(schema, "->", type(error).__name__, error)
        assert type(error) is expected
    else:
        raise SystemExit(f"{schema} passes")
PY

#!/usr/bin/env bash
# An integer that a model writes as `100.0`, `1e2` or `9007199254740993.0`, in two validators and two typed decoders.
#
# Versions: jsonschema 4.26.0, jsonschema-rs 0.61.2, msgspec 0.23.0, pydantic 2.14.4.
# Expected: a document that is valid under the schema which a decoder itself publishes for `int` can be decoded into an `int`.
# Seen: both validators take all of them for integers, as JSON Schema 2020-12 4.2.3 does. msgspec publishes {"type": "integer"} and
#   refuses each one that has a point or an exponent. pydantic decodes them, but through a binary float: 9007199254740993.0 becomes 9007199254740992 without an
#   error, and 1e30 is refused for its size although the plain digits of the same number are read.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    'jsonschema==4.26.0' 'jsonschema-rs==0.61.2' 'msgspec==0.23.0' 'pydantic==2.14.4'
"$work/venv/bin/python" - <<'PY'
import json

import jsonschema
import jsonschema_rs
import msgspec
import pydantic

SCHEMA = msgspec.json.schema(int)
integer = pydantic.TypeAdapter(int)
assert SCHEMA == integer.json_schema() == {"type": "integer"}


def decode(read: object, text: str) -> int | str:
    try:
        return read(text)
    except (msgspec.ValidationError, pydantic.ValidationError):
        return "refused"


for text, by_msgspec, by_pydantic in (
    ("100", 100, 100),
    ("100.0", "refused", 100),
    ("1e2", "refused", 100),
    ("9007199254740993.0", "refused", 9007199254740992),
    ("1e30", "refused", "refused"),
    ("1" + "0" * 30, 10**30, 10**30),
):
    value = json.loads(text)
    valid = jsonschema.Draft202012Validator(SCHEMA).is_valid(value), jsonschema_rs.is_valid(SCHEMA, value)
    found = decode(lambda raw: msgspec.json.decode(raw, type=int), text), decode(integer.validate_json, text)
    print(f"{text}: validators {valid}, msgspec {found[0]}, pydantic {found[1]}")
    assert valid == (True, True)
    assert found == (by_msgspec, by_pydantic)
PY

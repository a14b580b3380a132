#!/usr/bin/env bash
# Moments that a model may write under {"type": "string", "format": "date-time"}, in typed decoders and validators.
#
# Versions: pydantic 2.14.4, msgspec 0.23.0, jsonschema 4.26.0 with rfc3339-validator 0.1.4, jsonschema-rs 0.61.2; the
#   `fromisoformat` of Python 3.11 to 3.13 beside them.
# Expected: the validators agree about RFC 3339, and a valid moment is decoded to the same value by every decoder.
# Seen: a fraction of seven digits (as .NET and Go write it) is cut by pydantic and by Python and rounded by msgspec, so the same
#   answer differs by a microsecond. Second 60 is valid to jsonschema-rs at the end of any day, though no leap second was ever inserted
#   on it, and never to jsonschema's checker; no decoder reads it. The year 0000 divides them in the same way. msgspec publishes no format at all for
#   a datetime. pydantic takes "2026-12-01" for midnight without a zone and the text "1764583200" for seconds since 1970,
#   and neither is valid under the schema that it publishes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    'pydantic==2.14.4' 'msgspec==0.23.0' 'jsonschema==4.26.0' 'rfc3339-validator==0.1.4' 'jsonschema-rs==0.61.2'
"$work/venv/bin/python" - <<'PY'
import json
from datetime import datetime

import jsonschema
import jsonschema_rs
import msgspec
import pydantic

SCHEMA = {"type": "string", "format": "date-time"}
adapter = pydantic.TypeAdapter(datetime)
assert adapter.json_schema() == SCHEMA
assert msgspec.json.schema(datetime) == {"type": "string"}
python = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
rust = jsonschema_rs.Draft202012Validator(SCHEMA, validate_formats=True)


def read(decode, text):
    try:
        return decode(text).isoformat()
    except ValueError:  # both decoders' errors are ValueErrors
        return None


EXPECTED = {  # text: valid to jsonschema, to jsonschema-rs; read by pydantic, msgspec, fromisoformat
    "2026-12-01T10:00:00.1234567Z": (
        True,
        True,
        "2026-12-01T10:00:00.123456+00:00",
        "2026-12-01T10:00:00.123457+00:00",
        "2026-12-01T10:00:00.123456+00:00",
    ),
    "2026-12-01T23:59:60Z": (False, True, None, None, None),
    "0000-01-01T00:00:00Z": (False, True, None, None, None),
    "2026-12-01 10:00:00Z": (False, False, *["2026-12-01T10:00:00+00:00"] * 3),
    "2026-12-01T10:00Z": (False, False, "2026-12-01T10:00:00+00:00", None, "2026-12-01T10:00:00+00:00"),
    "2026-12-01t10:00:00z": (True, True, *["2026-12-01T10:00:00+00:00"] * 2, None),
    "2026-12-01": (False, False, "2026-12-01T00:00:00", None, "2026-12-01T00:00:00"),
    "1764583200": (False, False, "2025-12-01T10:00:00+00:00", None, None),
}
for text, expected in EXPECTED.items():
    seen = (
        python.is_valid(text),
        rust.is_valid(text),
        read(lambda value: adapter.validate_json(json.dumps(value)), text),
        read(lambda value: msgspec.json.decode(json.dumps(value), type=datetime), text),
        read(datetime.fromisoformat, text),
    )
    print(f"{text}: jsonschema {seen[0]}, jsonschema-rs {seen[1]}; pydantic {seen[2]}, msgspec {seen[3]}, Python {seen[4]}")
    assert seen == expected, (text, expected)
PY

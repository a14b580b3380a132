#!/usr/bin/env bash
# Durations that a model may write under {"type": "string", "format": "duration"}, in two typed decoders and two validators.
#
# Versions: pydantic 2.14.4, msgspec 0.23.0, jsonschema 4.26.0 with isoduration 20.11.0, jsonschema-rs 0.61.2.
# Expected: a duration that is valid under the schema which both decoders publish for `timedelta` is decoded, or is refused by all.
# Seen: "P1M" and "P1Y" pass both validators. pydantic makes exactly 30 and 365 days of them, and 428 of P1Y2M3D, without a word; msgspec refuses them, and
#   weeks too ("P1W"), which pydantic reads as 7 days. Fractions of hours, signs and weeks with hours ("PT1.5H", "-P1D", "P1WT1H") are
#   valid to jsonschema's checker and not to jsonschema-rs, which follows RFC 3339 appendix A; both decoders read the first two.
#   pydantic reads "3 days" too, which is valid nowhere, and msgspec "p1d".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    'pydantic==2.14.4' 'msgspec==0.23.0' 'jsonschema==4.26.0' 'isoduration==20.11.0' 'jsonschema-rs==0.61.2'
"$work/venv/bin/python" - <<'PY'
import json
from datetime import timedelta

import jsonschema
import jsonschema_rs
import msgspec
import pydantic

SCHEMA = {"type": "string", "format": "duration"}
adapter = pydantic.TypeAdapter(timedelta)
assert adapter.json_schema() == SCHEMA == msgspec.json.schema(timedelta)
python = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
rust = jsonschema_rs.Draft202012Validator(SCHEMA, validate_formats=True)


def read(decode, text):
    try:
        return decode(json.dumps(text)) / timedelta(days=1)
    except (pydantic.ValidationError, msgspec.ValidationError):
        return None


EXPECTED = {  # text: valid to jsonschema, to jsonschema-rs; days to pydantic, to msgspec
    "P1D": (True, True, 1, 1),
    "PT36H": (True, True, 1.5, 1.5),
    "P1W": (True, True, 7, None),
    "P1M": (True, True, 30, None),
    "P1Y": (True, True, 365, None),
    "P1Y2M3D": (True, True, 428, None),
    "PT1.5H": (True, False, 0.0625, 0.0625),
    "-P1D": (True, False, -1, -1),
    "P1WT12H": (True, False, 7.5, None),
    "PT": (False, False, None, None),
    "3 days": (False, False, 3, None),
    "p1d": (False, False, None, 1),
}
for text, expected in EXPECTED.items():
    seen = (
        python.is_valid(text),
        rust.is_valid(text),
        read(adapter.validate_json, text),
        read(lambda document: msgspec.json.decode(document, type=timedelta), text),
    )
    print(f"{text}: jsonschema {seen[0]}, jsonschema-rs {seen[1]}; days: pydantic {seen[2]}, msgspec {seen[3]}")
    assert seen == expected, (text, expected)
PY

#!/usr/bin/env bash
# Two validators of JSON schemas on amounts of money and on patterns.
#
# Versions: jsonschema 4.26.0, jsonschema-rs 0.61.2.
# Expected: both take 4.35 for a multiple of 0.01, as JSON Schema 2020-12 6.2.1 defines it on decimal numbers.
# Seen: jsonschema divides binary floats and refuses 4.35 (a typed answer already paid for), but takes 4.25; given Decimals on both
#   sides it takes both. jsonschema-rs computes on decimals. They differ on `$` before a line feed and on non-ASCII digits too,
#   where jsonschema follows Python's `re` and jsonschema-rs ECMA-262.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'jsonschema==4.26.0' 'jsonschema-rs==0.61.2'
"$work/venv/bin/python" - <<'PY'
from decimal import Decimal

import jsonschema
import jsonschema_rs


def both(schema: dict, value: object) -> tuple[bool, bool]:
    return jsonschema.Draft202012Validator(schema).is_valid(value), jsonschema_rs.is_valid(schema, value)


for schema, value, expected in (
    ({"multipleOf": 0.01}, 4.25, (True, True)),
    ({"multipleOf": 0.01}, 4.35, (False, True)),
    ({"pattern": "^a$"}, "a\n", (True, False)),
    ({"pattern": r"^\d$"}, "\u0663", (True, False)),
):
    found = both(schema, value)
    print(schema, ascii(value), "jsonschema:", found[0], "jsonschema-rs:", found[1])
    assert found == expected
exact = jsonschema.Draft202012Validator({"multipleOf": Decimal("0.01")}).is_valid(Decimal("4.35"))
print("jsonschema, Decimals on both sides:", exact)
assert exact
PY

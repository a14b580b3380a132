#!/usr/bin/env bash
# What readers of unfinished JSON show of a field while its value is still arriving, letter by letter.
#
# Versions: jiter 0.19.0 (the reader inside openai's, anthropic's and pydantic's streams), partial-json-parser 0.2.1.1.post7,
#   json-repair 0.64.6.
# Expected: a field that was shown once stays, and a value is shown when it is known or not at all.
# Seen: with jiter a number is shown from its first digit on (125 is 1, then 12), vanishes with its field at "12." and at "12.5e",
#   and comes back with the next digit; a string is shown only whole, or, with trailing strings, letter by letter. true and null
#   are shown when whole. partial-json-parser never takes a field back, and shows "t" as True and "n" as None before the provider
#   has decided. json-repair makes the strings "t", "tr" and "tru" of the same bytes, and of a string that ends in a line feed one
#   without it, even when its closing quote has come. So a total that is read from partial objects appears, disappears and comes
#   back, and the type of a field depends on the reader and the moment.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    'jiter==0.19.0' 'partial-json-parser==0.2.1.1.post7' 'json-repair==0.64.6'
"$work/venv/bin/python" - <<'PY'
import jiter
import json_repair
import partial_json_parser

READERS = {
    "jiter": lambda text: jiter.from_json(text.encode(), partial_mode=True),
    "jiter, trailing strings": lambda text: jiter.from_json(text.encode(), partial_mode="trailing-strings"),
    "partial-json-parser": partial_json_parser.loads,
    "json-repair": json_repair.loads,
}
GONE = "-"
VALUES = ["12.5e1", "true", "null", '"a\\n"']
EXPECTED = {
    ("jiter", "12.5e1"): [1, 12, GONE, 12.5, GONE, 125.0],
    ("jiter", "true"): [GONE, GONE, GONE, True],
    ("jiter", "null"): [GONE, GONE, GONE, None],
    ("jiter", '"a\\n"'): [GONE, GONE, GONE, GONE, "a\n"],
    ("jiter, trailing strings", "12.5e1"): [1, 12, GONE, 12.5, GONE, 125.0],
    ("jiter, trailing strings", "true"): [GONE, GONE, GONE, True],
    ("jiter, trailing strings", "null"): [GONE, GONE, GONE, None],
    ("jiter, trailing strings", '"a\\n"'): ["", "a", "a", "a\n", "a\n"],
    ("partial-json-parser", "12.5e1"): [1, 12, 12, 12.5, 12.5, 125.0],
    ("partial-json-parser", "true"): [True, True, True, True],
    ("partial-json-parser", "null"): [None, None, None, None],
    ("partial-json-parser", '"a\\n"'): ["", "a", "a", "a\n", "a\n"],
    ("json-repair", "12.5e1"): [1, 12, 12.0, 12.5, 12.5, 125.0],
    ("json-repair", "true"): ["t", "tr", "tru", True],
    ("json-repair", "null"): ["n", "nu", "nul", None],
    ("json-repair", '"a\\n"'): ["", "a", "a\\", "a", "a"],
}
for name, read in READERS.items():
    for value in VALUES:
        shown = [read('{"total": ' + value[:end]).get("total", GONE) for end in range(1, len(value) + 1)]
        print(f"{name}: {value}: {shown}")
        expected = EXPECTED[name, value]
        assert [*map(repr, shown)] == [*map(repr, expected)], (name, value, expected)
PY

#!/usr/bin/env bash
# What xllamacpp's `json_schema_to_grammar` returns.
#
# Versions: xllamacpp 2026.10.11549.
# Expected: llama.cpp's own grammar (GBNF, rules with `::=`), and an error for a schema that cannot become one.
# Seen: the schema itself, word for word, behind a line that hands it to LLGuidance: no rule is made and nothing is checked. A type that
#   does not exist and a pattern that is no regular expression both pass, so a wrong schema is noticed only when a model has been
#   loaded and asked, and code that joins the rules with others of its own in GBNF gets a text in another language.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'xllamacpp==2026.10.11549'
"$work/venv/bin/python" - <<'PY'
import json

from xllamacpp import json_schema_to_grammar

for schema in (
    {"type": "object", "properties": {"a": {"type": "integer", "multipleOf": 7}}, "required": ["a"]},
    {"type": "no such type"},
    {"type": "string", "pattern": "("},
):
    grammar = json_schema_to_grammar(schema)
    print(grammar, end="\n\n")
    assert "::=" not in grammar
    first, second = grammar.split("\n")
    assert first == "%llguidance {}"
    assert json.loads(second.removeprefix("start: %json ")) == schema
PY

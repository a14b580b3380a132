#!/usr/bin/env bash
# What LiteLLM makes of the providers' reasons for the end of an answer.
#
# Versions: litellm 1.110.2.
# Expected: "stop" only for finished answers, "length" only where the token limit cut one.
# Seen: Gemini's MALFORMED_FUNCTION_CALL, a tool call that could not be parsed, reads "stop" like a finished answer, and so does any
#   reason that the library does not know. Anthropic's pause_turn, which asks for the turn to be sent back unchanged, reads
#   "length" as if a higher limit would help.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'litellm==1.110.2'
LITELLM_LOCAL_MODEL_COST_MAP=True "$work/venv/bin/python" -W ignore - <<'PY'
from litellm.utils import map_finish_reason

for reason, expected in (
    ("end_turn", "stop"),
    ("MAX_TOKENS", "length"),
    ("MALFORMED_FUNCTION_CALL", "stop"),
    ("a_reason_of_tomorrow", "stop"),
    ("pause_turn", "length"),
    ("model_context_window_exceeded", "length"),
    ("refusal", "content_filter"),
):
    found = map_finish_reason(reason)
    print(f"{reason}: {found}")
    assert found == expected
PY

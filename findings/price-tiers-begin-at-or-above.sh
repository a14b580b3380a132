#!/usr/bin/env bash
# Where the second price tier of long prompts begins, by provider, in two price libraries.
#
# Versions: litellm 1.110.2 (its own price table, not the one fetched at run time), genai-prices 0.2.3.
# Expected: one rule, "above N tokens", for every provider with tiers.
# Seen: xAI's tier begins AT 200,000 input tokens, Google's (200,000) and OpenAI's (272,000) one token later. Both libraries agree,
#   and both reprice the whole request, output included, and count cached input towards the border.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'litellm==1.110.2' 'genai-prices==0.2.3'
LITELLM_LOCAL_MODEL_COST_MAP=True "$work/venv/bin/python" -W ignore - <<'PY'
from genai_prices import Usage, calc_price
from litellm import cost_per_token

MODELS = (("grok-4.3", "xai/", "x-ai", 200_000), ("gemini-2.5-pro", "gemini/", "google", 200_000), ("gpt-5.5", "", "openai", 272_000))


def both(name: str, prefix: str, provider: str, tokens: int) -> tuple[float, float]:
    one = sum(cost_per_token(model=prefix + name, prompt_tokens=tokens, completion_tokens=1_000))
    other = calc_price(Usage(input_tokens=tokens, output_tokens=1_000), model_ref=name, provider_id=provider)
    return round(one, 6), round(float(other.total_price), 6)


for name, prefix, provider, border in MODELS:
    below, at, above = (both(name, prefix, provider, border + step) for step in (-1, 0, 1))
    print(f"{name}: {border - 1}: {below}, {border}: {at}, {border + 1}: {above}")
    assert below[0] == below[1] and at[0] == at[1] and above[0] == above[1]
    begins_at = at[0] > 1.5 * below[0]
    assert begins_at == (name == "grok-4.3"), name
    assert above[0] > 1.5 * below[0]
cached = calc_price(
    Usage(input_tokens=300_000, cache_read_tokens=290_000, output_tokens=1_000), model_ref="gpt-5.5", provider_id="openai"
)
print("gpt-5.5 with 290,000 of 300,000 tokens from the cache:", cached.total_price)
assert round(float(cached.total_price), 6) == round(10_000 * 10e-6 + 290_000 * 1e-6 + 1_000 * 45e-6, 6)
PY

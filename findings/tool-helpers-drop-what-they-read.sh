#!/usr/bin/env bash
# One Python function, described for a model by six libraries: whose schema still has what the function says.
#
# Versions: openai-agents 0.24.0, langchain-core 1.8.3, pydantic-ai-slim 2.68.0, anthropic 2.14.0, google-genai 3.6.1 (all on
#   pydantic 2.14.4).
# Expected: they read the same annotations with the same library, so that what reaches the model is the same but for its form.
# Seen: the description of an argument (Google style docstring) is kept by openai-agents, anthropic and pydantic-ai, kept by
#   langchain's convert_to_openai_tool for a plain function, lost by the same converter once langchain's own @tool has wrapped it,
#   and lost by google-genai. A set keeps uniqueItems everywhere but at google-genai. An Enum is written out by openai-agents,
#   langchain and google-genai; at anthropic and pydantic-ai it is a $ref with a description beside it, which strict modes refuse.
#   Literal[True], which the others write as a const, makes google-genai raise. A tuple of two types it drops without a word where
#   another argument is there, so that the model never hears of a required argument; where the tuple is the only one,
#   parameters_json_schema holds it under its name, but outside of any object schema.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'openai-agents==0.24.0' 'langchain-core==1.8.3' \
    'pydantic-ai-slim==2.68.0' 'anthropic==2.14.0' 'google-genai==3.6.1' 'pydantic==2.14.4'
"$work/venv/bin/python" -W ignore - 2>/dev/null <<'PY'
from enum import Enum
from typing import Literal

from agents.function_schema import function_schema
from anthropic import beta_tool
from google.genai import types
from langchain_core.tools import tool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic_ai import Tool


class Unit(Enum):
    METRE = "m"
    FOOT = "ft"


def measure(names: set[str], unit: Unit) -> str:
    """Measure rivers.

    Args:
        names: Their names in English.
        unit: What to measure in.
    """
    return f"{names} {unit}"


def between(ends: tuple[int, str], unit: Unit) -> str:
    """Measure a part of a river.

    Args:
        ends: Kilometres from its source, and the town there.
        unit: What to measure in.
    """
    return f"{ends} {unit}"


def only(ends: tuple[int, str]) -> str:
    """Measure a part of a river."""
    return f"{ends}"


def confirm(sure: Literal[True]) -> str:
    """Confirm.

    Args:
        sure: Always true.
    """
    return f"{sure}"


def genai(function):
    made = types.FunctionDeclaration.from_callable_with_api_option(callable=function, api_option="GEMINI_API")
    return made.model_dump(mode="json", exclude_none=True)


def schema_of_genai(function):
    made = genai(function)
    return made.get("parameters") or made["parameters_json_schema"]


HELPERS = {
    "openai-agents": lambda function: function_schema(function).params_json_schema,
    "langchain, a function": lambda function: convert_to_openai_tool(function)["function"]["parameters"],
    "langchain, its @tool": lambda function: convert_to_openai_tool(tool(function))["function"]["parameters"],
    "pydantic-ai": lambda function: Tool(function).function_schema.json_schema,
    "anthropic": lambda function: beta_tool(function).to_dict()["input_schema"],
    "google-genai": schema_of_genai,
}
EXPECTED = {  # description kept, uniqueItems kept, the enum is a $ref with siblings, Literal[True]
    "openai-agents": (True, True, False, "const"),
    "langchain, a function": (True, True, False, "const"),
    "langchain, its @tool": (False, True, False, "const"),
    "pydantic-ai": (True, True, True, "const"),
    "anthropic": (True, True, True, "const"),
    "google-genai": (False, False, False, "ValueError"),
}


def literal(schema_of) -> str:
    try:
        return "const" if "const" in schema_of(confirm)["properties"]["sure"] else "no const"
    except Exception as error:
        return type(error).__name__


for name, schema_of in HELPERS.items():
    names, unit = (schema_of(measure)["properties"][key] for key in ("names", "unit"))
    found = ("description" in names, "uniqueItems" in names, "$ref" in unit and len(unit) > 1, literal(schema_of))
    print(f"{name}: description kept: {found[0]}, uniqueItems kept: {found[1]}, $ref with siblings: {found[2]}, Literal[True]: {found[3]}")
    assert found == EXPECTED[name], (name, EXPECTED[name])

pair = genai(between)["parameters"]
print(f"google-genai: a tuple beside another argument: {sorted(pair['properties'])}, required: {pair['required']}")
assert (sorted(pair["properties"]), pair["required"]) == (["unit"], ["unit"])
alone = genai(only)["parameters_json_schema"]
print(f"google-genai: a tuple alone: {alone}")
assert list(alone) == ["ends"] and "type" not in alone
PY

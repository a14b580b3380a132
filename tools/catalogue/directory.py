"""The directory of plugins: this project's, as their pyproject.toml describes them, and those of others in `listed.toml` beside this."""

from __future__ import annotations

import json
from pathlib import Path

import tomli

ROOT = Path(__file__).resolve().parents[2]
LISTED = Path(__file__).with_name("listed.toml")
_HEAD = "# Made by `poe docs`; plugins of others are listed in tools/catalogue/listed.toml.\n"


def directory() -> str:
    """The text of `plugins.toml`: a table a distribution, in the order of names.

    Raises:
        ValueError: Somebody lists a distribution of this project, or says not who makes one.
    """
    tables = {}
    for file in ROOT.glob("plugins/*/pyproject.toml"):
        project = tomli.loads(file.read_text(encoding="utf-8"))["project"]
        tables[project["name"]] = {"summary": project["description"]}
    for name, table in tomli.loads(LISTED.read_text(encoding="utf-8")).items():
        if name in tables or not table.get("by") or not table.get("summary"):
            msg = f"{LISTED.name}: [{name}] needs a name of its own, `summary` and `by`"
            raise ValueError(msg)
        tables[name] = {"summary": table["summary"], "by": table["by"]}
    lines = [_HEAD]
    for name, table in sorted(tables.items()):
        lines += [
            f"[{name}]",
            *(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()),
            "",
        ]
    return "\n".join(lines)

"""The public API for plugins and for their tests as data: what it is now, what it was, and which changes break a plugin.

Core's part is what `pipelex_core.plugin_api` lists, the kit's what `pipelex_testing.__all__` lists.

`python -m tests.packaging.api` writes that of the current sources as the snapshot of the version they have; to be done
once, with the release.
"""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import griffe

import pipelex_testing
from pipelex_core.plugin_api import PLUGIN_API
from tests.packaging.environments import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDER = ROOT / "tests" / "packaging" / "contract"
SOURCES = ROOT / "core" / "src"
KIT_SOURCES = ROOT / "plugins" / "testing" / "src"
KIT = "pipelex_testing"
"""Where the snapshot has the kit's names, beside the modules of core."""

_KEPT = {
    "kind", "name", "target_path", "bases", "decorators", "members", "labels", "value", "annotation", "parameters",
    "returns", "default", "cls",
}  # fmt: skip
"""What of griffe's data says what the API is; the rest is where it stands."""
_HARMLESS = {griffe.BreakageKind.ATTRIBUTE_CHANGED_VALUE, griffe.BreakageKind.PARAMETER_CHANGED_DEFAULT}
"""Another default is not a broken plugin; a default that is gone is found as such."""


def api_of(sources: Path) -> dict[str, Any]:
    """Module -> name -> what it is, for every public name for plugins."""
    package = griffe.load("pipelex_core", search_paths=[sources], allow_inspection=False)
    found: dict[str, Any] = {}
    for module, names in PLUGIN_API.items():
        there = package[module].members
        found[module] = {name: _stripped(_data(there[name])) | {"name": name} for name in names if name in there}
    kit = griffe.load(KIT, search_paths=[KIT_SOURCES, sources], allow_inspection=False)
    found[KIT] = {name: _stripped(_data(kit[name])) | {"name": name} for name in pipelex_testing.__all__}
    return found


def _data(member: griffe.Object | griffe.Alias) -> dict[str, Any]:
    target = member.final_target if isinstance(member, griffe.Alias) else member
    data: dict[str, Any] = json.loads(target.as_json(full=False))
    return data


def _stripped(data: Any) -> Any:
    """Without places, texts and private members; what is in an expression stays as it is."""
    if "cls" in data:
        return data
    kept = {key: value for key, value in data.items() if key in _KEPT}
    members = {
        name: _stripped(member)
        for name, member in kept.get("members", {}).items()
        if member["kind"] != "alias" and (name == "__init__" or not name.startswith("_"))
    }
    if "decorators" in kept:
        kept["decorators"] = [{**each, "lineno": None, "endlineno": None} for each in kept["decorators"]]
    if "parameters" in kept:
        kept["parameters"] = [{key: each[key] for key in each if key != "docstring"} for each in kept["parameters"]]
    return kept | {"lineno": 0} | ({"members": members} if "members" in kept else {})


def write(api: dict[str, Any], file: Path) -> None:
    """A snapshot, a name a line."""
    modules = [
        f"{json.dumps(module)}: {{\n"
        + ",\n".join(f"{json.dumps(n)}: {json.dumps(d)}" for n, d in names.items())
        + "\n}"
        for module, names in api.items()
    ]
    file.write_text("{\n" + ",\n".join(modules) + "\n}\n", encoding="utf-8")


def latest() -> tuple[str, dict[str, Any]]:
    """Version and API of the last release."""

    def numbers(file: Path) -> list[int]:
        return [int(number) for number in re.findall(r"\d+", file.stem)]

    file = max(FOLDER.glob("api-*.json"), key=numbers)
    return file.stem.removeprefix("api-"), json.loads(file.read_text(encoding="utf-8"))


def breaks(old: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
    """Path -> what a plugin made for the old API would stumble over in the new one."""
    before, after = _module(old), _module(new)
    found: dict[str, list[str]] = {}
    for breakage in griffe.find_breaking_changes(before, after):
        if breakage.kind not in _HARMLESS:
            path, text = _reported(breakage)
            found.setdefault(path, []).append(text)
    for path, text in _not_seen_by_griffe(old, new):
        found.setdefault(path, []).append(text)
    return {path: "; ".join(dict.fromkeys(texts)) for path, texts in found.items()}


def _reported(breakage: griffe.Breakage) -> tuple[str, str]:
    details = breakage.as_dict()
    path = str(details["object_path"])
    name = getattr(breakage.old_value, "name", None) if "parameter" in breakage.kind.name.lower() else None
    return (f"{path}({name})" if name else path), breakage.kind.value


def _module(api: dict[str, Any]) -> griffe.Module:
    package = griffe.Module("pipelex_core")
    for module, names in api.items():
        inner = griffe.Module(module)
        package.set_member(module, inner)
        for name, data in names.items():
            inner.set_member(name, json.loads(json.dumps(data), object_hook=griffe.json_decoder))
    return package


def _not_seen_by_griffe(old: dict[str, Any], new: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A field that has to be given, a method that has to be written, a base that is another one."""
    for module, names in new.items():
        for name, data in names.items():
            earlier = old.get(module, {}).get(name)
            if earlier is None or data["kind"] != "class":
                continue
            for member in sorted(_required(data) - _required(earlier)):
                yield f"pipelex_core.{module}.{name}.{member}", "Field must be given now"
            for member in sorted(_abstract(data) - _abstract(earlier)):
                yield f"pipelex_core.{module}.{name}.{member}", "Method must be written now"
            if {json.dumps(base) for base in earlier["bases"]} - {json.dumps(base) for base in data["bases"]}:
                yield f"pipelex_core.{module}.{name}", "Base class was removed"


def _required(data: dict[str, Any]) -> set[str]:
    """The fields of an attrs class that have no default."""
    attrs_made = [each for each in data.get("decorators", ()) if re.search(r"frozen|define", json.dumps(each["value"]))]
    if not attrs_made:
        return set()
    return {
        name
        for name, member in data["members"].items()
        if member["kind"] == "attribute"
        and "property" not in member.get("labels", ())
        and member.get("annotation") is not None
        and "ClassVar" not in json.dumps(member["annotation"])
        and (member.get("value") is None or not _has_default(json.dumps(member["value"])))
    }


def _has_default(value: str) -> bool:
    """Whether a field's value, as griffe's expression, is a default or holds one."""
    if '"field"' not in value:
        return True
    return bool(re.search(r'"name": "(default|factory)"', value))


def _abstract(data: dict[str, Any]) -> set[str]:
    return {
        name
        for name, member in data.get("members", {}).items()
        if "abstractmethod" in json.dumps(member.get("decorators", []))
    }


if __name__ == "__main__":
    target = FOLDER / f"api-{version('pipelex-core')}.json"
    FOLDER.mkdir(exist_ok=True)
    write(api_of(SOURCES), target)
    sys.stdout.write(f"{target.relative_to(ROOT)}\n")

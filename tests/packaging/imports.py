"""Who imports whom, read from the sources: imports for type checkers and inside functions included."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from tests.packaging.environments import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SOURCES = (ROOT / "core" / "src", *sorted(ROOT.glob("plugins/*/src")))


def modules() -> dict[str, Path]:
    """Name -> file, of every module of every distribution; templates of the scaffold are none."""
    found = {}
    for source in SOURCES:
        for file in source.rglob("*.py"):
            parts = file.relative_to(source).with_suffix("").parts
            if "templates" not in parts:
                found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imported_by(file: Path) -> Iterator[str]:
    """Every name that a module imports, a module or a name in one; imports are absolute here, as lint holds."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def graph(files: Mapping[str, Path]) -> dict[str, set[str]]:
    """Module -> the modules it imports."""
    return {name: {_module(target, files) for target in imported_by(file)} - {name, ""} for name, file in files.items()}


def circle(edges: Mapping[str, set[str]]) -> list[str]:
    """The modules of a circle, each imported by the one after it; empty where there is none."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def _module(name: str, files: Mapping[str, Path]) -> str:
    """The module that an imported name is, or is in; empty for one of another project."""
    if name in files:
        return name
    parent = name.rpartition(".")[0]
    return parent if parent in files else ""

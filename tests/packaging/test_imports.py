"""The floors: core knows nothing above it, and no module imports itself by a detour."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import tomli
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipelex_core.plugin_api import PLUGIN_API
from tests.packaging.environments import ROOT
from tests.packaging.imports import circle, graph, imported_by, modules
from tools import import_rules

if TYPE_CHECKING:
    from pathlib import Path

CORE = ROOT / "core" / "src" / "pipelex_core"
DATA = CORE / "first_party.py"
"""The one file of core that knows the names of distributions above it."""


def names_above() -> dict[str, str]:
    """Distribution or package above core -> the folder it is in."""
    packages = {file.parent.name for file in ROOT.glob("plugins/*/src/*/__init__.py")}
    return {name: package for package in packages for name in (package, package.replace("_", "-"))}


def test_no_module_imports_itself_by_a_detour() -> None:
    """No circle in any distribution, imports for type checkers and inside functions included."""
    edges = graph(modules())
    assert sum(map(len, edges.values())) > 1000  # the sources are found, and read
    assert circle(edges) == []


def test_a_circle_would_be_noticed(tmp_path: Path) -> None:
    """Also one that only a type checker sees, and one of three."""
    texts = {
        "a": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from b import B\n",
        "b": "def late():\n    import c\n",
        "c": "from a import A\n",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text)
    files = {name: tmp_path / f"{name}.py" for name in texts}
    assert set(circle(graph(files))) == {"a", "b", "c"}
    del files["c"]
    assert circle(graph(files)) == []


def test_the_page_of_the_architecture_lists_the_modules_of_core_from_the_ground_up() -> None:
    """Each of them once, in an order that import-linter's contract holds."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.partition("## Core, from the ground up")[2].partition("\n## ")[0]
    listed = [re.findall(r"`(\w+)`", row.split("|")[1]) for row in table.splitlines() if row.startswith("| `")]
    names = [name for row in listed for name in row]
    files = (each for each in CORE.iterdir() if not each.name.startswith("__"))
    assert sorted(names) == sorted(each.stem for each in files if each.suffix == ".py" or each.is_dir())
    project = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (layers,) = (each["layers"] for each in contracts if each["name"].startswith("core: arrows point up"))
    height = {name: number for number, layer in enumerate(reversed(layers)) for name in re.findall(r"\w+", layer)}
    for lower, upper in pairwise(listed):
        assert max(height[name] for name in lower) <= min(height[name] for name in upper), (lower, upper)


def test_core_names_no_distribution_above_it() -> None:
    """Neither in code nor in a text: only the data file of install names does."""
    words = re.compile(r"(?<![\w-])(" + "|".join(map(re.escape, names_above())) + r")(?![\w-])")
    found = {
        f"{file.relative_to(ROOT)}: {match[0]}"
        for file in CORE.rglob("*")
        if file.suffix in {".py", ".toml"} and file != DATA
        for match in words.finditer(file.read_text(encoding="utf-8"))
    }
    assert found == set()
    assert words.search(DATA.read_text(encoding="utf-8"))


def test_core_imports_its_own_by_statement() -> None:
    """An import by string is of a name made from the package's own, or of an optional library; never across floors."""
    libraries = {"keyring", "pydantic"}
    for file in CORE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or ast.unparse(node.func).rpartition(".")[2] != "import_module":
                continue
            (argument,) = node.args
            if isinstance(argument, ast.Constant):
                assert argument.value in libraries, f"{file}:{node.lineno}"
            else:
                assert file == CORE / "__init__.py", f"{file}:{node.lineno}"
                assert ast.unparse(argument).startswith("f'{__name__}."), f"{file}:{node.lineno}"


@pytest.mark.parametrize("plugin", import_rules.plugins())
def test_a_plugin_imports_no_other_and_nothing_private(plugin: str) -> None:
    """Of this project, what `pipelex_core.plugin_api` lists, itself, and what the plugin beneath it offers."""
    built_on = {name for module in import_rules.BUILT_ON.get(plugin, {}) for name in _names_of(plugin, module)}
    used: set[str] = set()
    for file in ROOT.glob(f"plugins/*/src/{plugin}/**/*.py"):
        ours = {target for target in imported_by(file) if target.startswith("pipelex_")}
        others = {target for target in ours if target.partition(".")[0] != plugin}
        assert others <= import_rules.allowed(plugin), file
        used |= others
    assert built_on <= used, "what no file imports is not to be allowed"


def _names_of(plugin: str, module: str) -> set[str]:
    return {f"{module}.{name}" for name in import_rules.BUILT_ON[plugin][module].split()}


def test_the_contracts_are_made_from_the_plugin_api() -> None:
    """Run: python -m tools.import_rules."""
    text = import_rules.PROJECT.read_text(encoding="utf-8")
    assert import_rules.with_made(text) == text


def test_a_name_that_leaves_the_plugin_api_is_forbidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """The contract follows: its module is hidden, and no plugin may import it."""
    assert "pipelex_core.headers" not in import_rules.hidden_modules()
    api = {module: names for module, names in PLUGIN_API.items() if module != "headers"}
    monkeypatch.setattr(import_rules, "PLUGIN_API", api)
    assert "pipelex_core.headers" in import_rules.hidden_modules()
    assert "pipelex_core.headers.retry_after" not in import_rules.allowed("pipelex_backend_openai")
    text = import_rules.PROJECT.read_text(encoding="utf-8")
    assert "pipelex_core.headers" not in text
    assert "pipelex_core.headers" in import_rules.with_made(text)


def test_the_layers_name_every_module_of_core() -> None:
    """`exhaustive` is on, and what it leaves out is named in layers of its own."""
    rules = tomli.loads(import_rules.PROJECT.read_text(encoding="utf-8"))["tool"]["importlinter"]
    (layers,) = (contract for contract in rules["contracts"] if contract["type"] == "layers")
    assert layers["exhaustive"] is True
    named = [name.strip() for layer in layers["layers"] for name in layer.split("|")]
    assert len(named) == len(set(named))
    for name in layers.get("exhaustive_ignores", []):
        inner = {path.stem for path in (CORE / name).glob("*.py")} - {"__init__"}
        assert {f"{name}.{each}" for each in inner} <= set(named)


@pytest.mark.parametrize(
    ("distribution", "optional"),
    [("core", {"httpx2", "keyring", "numpy", "pydantic"}), ("plugins/rules", set())],  # httpx2 for an annotation
)
def test_it_imports_its_own_dependencies_only(distribution: str, optional: set[str]) -> None:
    """No SDK, no library of another floor: the standard library, what its project file names, and optional libraries."""
    project = tomli.loads((ROOT / distribution / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {canonicalize_name(Requirement(line).name) for line in project.get("dependencies", [])}
    distributions = packages_distributions()
    found: dict[str, str] = {}
    for file in (ROOT / distribution / "src").rglob("*.py"):
        for target in imported_by(file):
            name = target.partition(".")[0]
            if name in sys.stdlib_module_names or name.startswith("pipelex_") or name in optional:
                continue
            if not {canonicalize_name(each) for each in distributions.get(name, [])} & needed:
                found[name] = str(file.relative_to(ROOT))
    assert found == {}

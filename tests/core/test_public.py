"""What the package promises: its names, its types, its import rules, and the packaging of every distribution."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import tomli

import pipelex_core

ROOT = Path(__file__).resolve().parents[2]
DISTRIBUTIONS = [
    ROOT / "core",
    *sorted(path for path in (ROOT / "plugins").iterdir() if (path / "pyproject.toml").is_file()),
]


def test_all_lists_every_public_name_sorted() -> None:
    """`__all__` is what one may import, and what type checkers know: nothing else is public."""
    typed = ast.parse(Path(pipelex_core.__file__).with_suffix(".pyi").read_text())
    imports = [node for node in typed.body if isinstance(node, ast.ImportFrom)]
    homes = {alias.name: node.module for node in imports for alias in node.names}
    (listed,) = (node.value for node in typed.body if isinstance(node, ast.Assign))
    assert list(pipelex_core.__all__) == sorted(homes) == ast.literal_eval(listed)
    for name, home in homes.items():
        assert getattr(pipelex_core, name) is getattr(importlib.import_module(str(home)), name)


def test_importing_the_package_imports_none_of_it() -> None:
    """A name's module is imported when it is asked for; a module that holds public names is there as one, too."""
    program = """
import sys
import pipelex_core
assert not [name for name in sys.modules if name.startswith("pipelex_core.")]
assert "Client" in dir(pipelex_core)
from pipelex_core import Usage
assert "pipelex_core.client.sync_client" not in sys.modules
assert issubclass(pipelex_core.errors.CallError, pipelex_core.PipelexError)
from pipelex_core import *
assert Client is pipelex_core.Client
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    """As for any module; `pickle`, `hasattr` and debuggers ask for many."""
    assert not hasattr(pipelex_core, "NoSuchName")
    with pytest.raises(ImportError, match="NoSuchName"):
        exec("from pipelex_core import NoSuchName")


def test_every_error_is_exported_and_drawn_in_the_tree() -> None:
    """The tree at the top of errors.py is the code."""
    from pipelex_core import errors

    classes = {
        name: value for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)
    }
    assert set(classes) <= set(pipelex_core.__all__)
    drawn = [line for line in (errors.__doc__ or "").splitlines() if "Error" in line]
    parents: list[str] = []
    for line in drawn:
        bare = line.replace("│", " ").replace("├", " ").replace("└", " ").replace("─", " ")
        depth, name = (len(bare) - len(bare.lstrip())) // 4, bare.split()[0]
        parents[depth:] = [name]
        if depth > 1:
            assert classes[name].__bases__[0].__name__ == parents[depth - 1]
    assert {line.replace("│", " ").strip(" ├└─").split()[0] for line in drawn} == set(classes)


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda path: path.name)
def test_every_distribution_stands_alone(folder: Path) -> None:
    """Each has its own metadata, README, changelog, licence and py.typed, and a plugin declares its core range."""
    project = tomli.loads((folder / "pyproject.toml").read_text())["project"]
    for name in ("README.md", "CHANGELOG.md", "LICENSE"):
        assert (folder / name).stat().st_size > 20, name
    assert project["version"] in (folder / "CHANGELOG.md").read_text()
    assert list(folder.glob("src/*/py.typed"))
    assert project["requires-python"] == ">=3.11"
    if folder.name != "core":
        kinds = ("pipelex-backend", "pipelex-middleware", "pipelex-limits", "pipelex-tools", "pipelex")
        assert project["name"] in [f"{kind}-{folder.name}" for kind in kinds]
        (package,) = (path.parent.name for path in folder.glob("src/*/__init__.py"))
        assert package == project["name"].replace("-", "_")
        core = [line for line in project["dependencies"] if line.startswith("pipelex-core")]
        assert len(core) == (folder.name not in {"rules", "catalogue"})  # these know providers, and not core
        assert all(">=" in line and "<" in line for line in core)
        assert len((folder / "README.md").read_text().splitlines()) > 20


def test_every_wheel_is_complete(built_wheels: dict[str, Path]) -> None:
    """Built without the workspace, each wheel has its package data, py.typed, licence and entry point."""
    assert set(built_wheels) == {path.name for path in DISTRIBUTIONS}
    for name, wheel in built_wheels.items():
        inside = zipfile.ZipFile(wheel).namelist()
        package = wheel.name.partition("-")[0]
        assert f"{package}/py.typed" in inside
        assert any(path.endswith("licenses/LICENSE") for path in inside)
        sources = {
            f"{package}/{file.relative_to(folder)}"
            for folder in (ROOT / ("core" if name == "core" else f"plugins/{name}") / "src" / package,)
            for file in folder.rglob("*")
            if file.is_file()
            and not any(part.startswith((".", "__pycache__")) for part in file.relative_to(folder).parts)
        }
        assert sources <= set(inside)


USER_PROGRAM = ROOT / "tests" / "typing" / "user_program.py"


def test_a_user_program_that_uses_every_call_is_typed(tmp_path: Path) -> None:
    """mypy, strict, sees every public call; what the library gives is no `Any`."""
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--cache-dir", str(tmp_path), str(USER_PROGRAM)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    text = USER_PROGRAM.read_text()
    for name in (
        "generate_text",
        "stream_text",
        "generate_object",
        "extract",
        "generate_image",
        "explain",
        "from_project",
    ):
        assert f".{name}(" in text

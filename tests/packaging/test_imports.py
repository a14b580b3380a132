"""The floors: core knows nothing above it, and no module imports itself by a detour."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from tests.packaging.environments import BACKENDS, MIDDLEWARES, ROOT
from tests.packaging.imports import circle, graph, imported_by, modules

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


SHARED = {
    "vertexai": {
        "pipelex_backend_google.gemini.GeminiBackend",
        "pipelex_backend_google.gemini.GeminiBatches",
        "pipelex_backend_google.gemini.call_error",
        "pipelex_backend_google.gemini.embedding_body",
        "pipelex_backend_google.gemini.http_options",
        "pipelex_backend_google.gemini.text_body",
        "pipelex_backend_google.options.MODEL_TYPES",
        "pipelex_backend_google.options.MODEL_OPTIONS",
        "pipelex_backend_anthropic.claude.ClaudeBackend",
        "pipelex_backend_anthropic.claude.MessagesClient",
        "pipelex_backend_anthropic.claude.translated_errors",
        "pipelex_backend_anthropic.options.MODEL_OPTIONS",
        "pipelex_backend_mistral.models.MistralClient",
        "pipelex_backend_mistral.models.MistralModels",
        "pipelex_backend_mistral.options.MODEL_OPTIONS",
    },
    **{
        name: {
            "pipelex_http.kept.KeptRequest",
            "pipelex_http.kept.copied",
        }
        for name in ("anthropic", "openai")
    },
    "llamacpp": {
        "pipelex_local.weights",
        "pipelex_local.weights.HubFile",
        "pipelex_local.weights.Progress",
        "pipelex_local.weights.SourceFile",
        "pipelex_local.weights.Stopped",
        "pipelex_local.weights.WheelFile",
        "pipelex_local.weights.bring",
    },
    **{
        name: {
            "pipelex_local.engines.Engine",
            "pipelex_local.engines.Engines",
            "pipelex_local.engines.threads_of",
            "pipelex_local.weights.Catalogue",
            "pipelex_local.weights.named",
        }
        for name in ("kokoro", "whisper")
    },
    "rapidocr": {
        "pipelex_backend_internal.pdf.Document",
        "pipelex_backend_internal.pdf.PdfFile",
        "pipelex_backend_internal.pdf.serve",
        "pipelex_backend_internal.reading.Readers",
        "pipelex_backend_internal.reading.ReadingBackend",
        "pipelex_backend_internal.reading.dpi_of",
    },
}
"""What a plugin may use of the one that it is built on."""


@pytest.mark.parametrize("name", [*BACKENDS, *MIDDLEWARES, "http", "local", "mock", "redis"])
def test_a_plugin_imports_no_other_and_nothing_private(name: str) -> None:
    """Of this project, what `pipelex_core.plugin_api` lists, itself, and what the plugin beneath it offers."""
    from pipelex_core.plugin_api import PLUGIN_API

    public = {f"pipelex_core.{module}.{word}" for module, words in PLUGIN_API.items() for word in words}
    public |= {f"pipelex_core.{module}" for module in PLUGIN_API}
    public |= SHARED.get(name, set())
    (own,) = (file.parent.name for file in ROOT.glob(f"plugins/{name}/src/*/__init__.py"))
    for file in ROOT.glob(f"plugins/{name}/src/**/*.py"):
        ours = {target for target in imported_by(file) if target.startswith("pipelex_")}
        assert {target for target in ours if target.partition(".")[0] != own} <= public, file

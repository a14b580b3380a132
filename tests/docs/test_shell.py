"""The commands of the documentation: each is one there is, with options it has."""

from __future__ import annotations

import re
import shlex
from contextlib import nullcontext, suppress
from itertools import groupby
from typing import TYPE_CHECKING

import pytest
import tomli
from cyclopts import CycloptsError, MissingArgumentError
from packaging.requirements import Requirement

from pipelex_cli.app import make_app
from pipelex_core.plugins import discover
from tools.docs.markdown import ROOT, blocks, code_spans, documents

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OTHERS = {"cd", "curl", "echo", "export", "python", "python3", "gcloud", "aws", "ollama"}
_PACKAGES_OF_OTHERS = {"opentelemetry-sdk"}
"""What a page has a reader install beside packages of this project."""
_GUIDE = ROOT / "docs" / "write-a-backend.md"
"""Its commands are run, in their order, by `tests/packaging/test_new_backend.py`."""
_VALUES = {"HANDLE": "smart_llm", "NAME": "smart_llm", "DIR": "folder", "FILE": "file"}


def commands(page: Path) -> Iterator[tuple[list[str], bool]]:
    """Every command of a page, in words, and whether it is whole.

    Lines of shell blocks are whole; code in the text that begins as a command may leave out what comes after.
    """
    for block in blocks(page, "bash", "sh", "shell", "console"):
        for line in block.text.splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            for is_joint, command in groupby(words, {"&&", "||", ";", "&"}.__contains__):
                if not is_joint:
                    yield list(command), True
    for span in code_spans(page):
        if re.match(r"(pipelex|pip install|poe|pytest|uv) ", span):
            yield shlex.split(span), False


COMMANDS = [
    (page, words, whole)
    for page in documents()
    for words, whole in commands(page)
    if page != _GUIDE or words[0] == "pipelex"
]


def bare(words: list[str]) -> list[str]:
    """A command without the folder it is in, and without what runs it."""
    words = [words[0].removeprefix(".venv/bin/"), *words[1:]]
    if words[:2] == ["uv", "run"]:
        return bare(words[2:])
    return words[2:] if words[:2] == ["python", "-m"] else words


@pytest.mark.parametrize(
    "page,words,whole", COMMANDS, ids=[f"{page.relative_to(ROOT)}:{' '.join(words)}" for page, words, _ in COMMANDS]
)
def test_every_command_is_one_there_is(page: Path, words: list[str], whole: bool) -> None:
    """Whoever types it is not told that there is no such command, option, distribution or extra."""
    words = bare(words)
    match words[0]:
        case "pipelex":
            with nullcontext() if whole else suppress(MissingArgumentError):
                check_pipelex(words[1:])
        case "pip":
            check_pip(words[1:])
        case "poe":
            tasks = tomli.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["poe"]["tasks"]
            assert words[1] in tasks
        case "pytest":
            assert words[1:] in ([], ["-m", "slow"])
        case other:
            assert other in _OTHERS, f"{page.name}: '{' '.join(words)}' is not checked"


def check_pipelex(words: list[str]) -> None:
    """Have the command line itself take the words in."""
    app = make_app(commands=discover().commands())
    words = [_VALUES.get(word, word) for word in words]
    command, bound, _ = app.meta.parse_args(words, exit_on_error=False, print_error=False)
    tokens = bound.args
    if tokens:
        app.parse_args(tokens, exit_on_error=False, print_error=False)
    else:
        assert command is not None


def check_pip(words: list[str]) -> None:
    """Distributions of this repository, with extras they have."""
    assert words[0] == "install"
    projects = [
        tomli.loads(file.read_text(encoding="utf-8"))["project"]
        for file in (ROOT / "core" / "pyproject.toml", *ROOT.glob("plugins/*/pyproject.toml"))
    ]
    extras = {project["name"]: set(project.get("optional-dependencies", ())) for project in projects}
    for word in words[1:]:
        if word.startswith("-") or word == "uv":
            continue
        requested = Requirement(word.replace("<provider>", "openai"))
        if requested.name in _PACKAGES_OF_OTHERS:
            continue
        assert requested.name in extras
        assert requested.extras <= extras[requested.name]


@pytest.mark.parametrize("wrong", ["nonsense", "generate Hi --nonsense", "show nonsense", "--nonsense"])
def test_a_command_there_is_not_would_be_noticed(wrong: str) -> None:
    """The check lets no wrong command or option pass."""
    with pytest.raises(CycloptsError):
        check_pipelex(wrong.split())

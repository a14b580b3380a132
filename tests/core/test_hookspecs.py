"""Every hook is documented, and its documentation runs."""

from __future__ import annotations

import doctest
import json
import re
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipelex_core import hookspecs
from pipelex_core.plugin_api import PLUGIN_API

if TYPE_CHECKING:
    from collections.abc import Callable

HOOKS = [value for name, value in vars(hookspecs).items() if name.startswith("pipelex_")]


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.__name__)
def test_the_example_of_every_hook_runs(hook: Callable[..., object], monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook without a runnable example fails."""
    monkeypatch.setitem(sys.modules, "acme_pipelex", types.ModuleType("acme_pipelex"))
    finder = doctest.DocTestFinder(recurse=False)
    (test,) = finder.find(hook, hook.__name__, globs={})
    assert test.examples
    assert doctest.DocTestRunner().run(test).failed == 0


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.__name__)
def test_a_specification_is_never_called(hook: Callable[..., object]) -> None:
    """It only says what a plugin's function looks like."""
    arguments = [None] * hook.__code__.co_argcount
    with pytest.raises(AssertionError):
        hook(*arguments)


def _implemented_in_tests() -> set[str]:
    """The hooks that some test implements: as a function, or as an argument of `tests.support.scripted.plugin`."""
    texts = (file.read_text(encoding="utf-8") for file in Path(__file__).parents[1].rglob("test_*.py"))
    return {name for text in texts for name in re.findall(r"\b(?:def )?(pipelex_\w+)(?:=|\(self|\(\)|\(\w+:)", text)}


def test_every_hook_has_a_test_a_page_and_a_place_in_the_api() -> None:
    """A hook that no test implements, docs/plugins.md does not name, or the API for plugins and its snapshot lack, fails."""
    names = {hook.__name__ for hook in HOOKS}
    page = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")
    assert names - _implemented_in_tests() == set()
    assert {name for name in names if f"`{name}`" not in page} == set()
    assert names - set(PLUGIN_API["hookspecs"]) == set()
    snapshot = Path(__file__).parents[1] / "packaging" / "contract" / "api-0.1.0.json"
    assert names - json.loads(snapshot.read_text(encoding="utf-8"))["hookspecs"].keys() == set()

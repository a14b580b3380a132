"""Every hook is documented, and its documentation runs."""

from __future__ import annotations

import doctest
import sys
import types
from typing import TYPE_CHECKING

import pytest

from pipelex_core import hookspecs

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

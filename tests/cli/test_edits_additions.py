"""What running `pipelex init` again adds to files that are there."""

from __future__ import annotations

from typing import Any

import pytest
import tomli
from hypothesis import given, settings

from pipelex_cli.edits.additions import additions
from pipelex_cli.edits.document import read
from pipelex_core import PipelexError
from tests.cli.test_edits_document import sound, texts
from tests.support.properties import PROPERTY


@pytest.mark.parametrize("name", ["deck/base_deck.toml", "backends.toml"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_additions_lose_not_a_line(name: str, newline: str) -> None:
    """What is there stays, comments, order and line ends included; what is missing is added, tables and keys."""
    old = '# mine\n[a]\nx = 1 # kept\n\n[a.b]\ny = "z"'.replace("\n", newline)
    new = "[a]\nx = 2\nw = 3\n\n[a.b]\ny = 5\n\n[c]\nz = 6\n[c.d.e]\nf = { g = 7 }\n"
    changed = additions(name, old, new)
    assert tomli.loads(changed) == {
        "a": {"x": 1, "w": 3, "b": {"y": "z"}},
        "c": {"z": 6, "d": {"e": {"f": {"g": 7}}}},
    }
    for line in old.split(newline):
        assert line in changed.split(newline)
    assert changed.count("\n") == changed.count(newline)
    assert additions(name, changed, new) == changed


def test_inline_tables_are_values() -> None:
    """A preset that is there is not filled up, and one that is not comes whole."""
    old, new = (
        '[llm.presets]\na = { model = "x" }\n',
        '[llm.presets]\na = { model = "y", seed = 1 }\nb = { model = "z", temperature = 0.10 }\n',
    )
    assert additions("deck/base_deck.toml", old, new) == old + new.splitlines(keepends=True)[2]


@pytest.mark.parametrize("name", ["inference/backends/acme.toml", "deck/overrides.toml"])
def test_files_that_are_the_users_own_are_left_alone(name: str) -> None:
    """Nothing is added to them."""
    assert additions(name, "[a]\n", "[b]\n") == "[a]\n"


def test_variables_are_added_to_the_example_of_the_environment() -> None:
    """Those it lacks, with their comments."""
    old, new = "# A: key\nA=1\n", "# head\n\n# A: key\nA=\n\n# B: key\nB=\n"
    assert additions(".env.example", old, new) == "# A: key\nA=1\n\n# B: key\nB=\n"
    assert additions(".env.example", new, new) == new


def test_made_files_are_made_anew() -> None:
    """A schema says what the plugins of today know."""
    assert additions(".pipelex/schemas/deck.json", "{}", "[]") == "[]"


def filled(there: Any, wanted: Any) -> Any:
    """A table with what only another one has; the first one's values win."""
    if not isinstance(there, dict) or not isinstance(wanted, dict):
        return there
    return {
        **wanted,
        **{name: filled(value, wanted[name]) if name in wanted else value for name, value in there.items()},
    }


@settings(PROPERTY, max_examples=80)
@given(texts().filter(sound), texts().filter(sound))
def test_any_file_keeps_every_line(old: str, new: str) -> None:
    """Whatever is added to whatever: no value changes, nothing is lost, and all there is comes from one of them."""
    try:
        changed = additions("backends.toml", old, new)
    except PipelexError:
        return
    there, wanted, stated = read(old), read(new), read(changed)
    assert filled(there, stated) == stated  # nothing that was there changed
    assert filled(stated, filled(there, wanted)).keys() == {**there, **wanted}.keys()
    remaining = changed.removeprefix("\ufeff").split("\n")
    for line in old.removeprefix("\ufeff").split("\n"):
        if line in remaining:  # in the order they had
            remaining = remaining[remaining.index(line) + 1 :]
        else:  # a line grows only where it holds an inline table, which gained a key, or where it was the last
            assert "{" in line or line.rstrip("\r") in changed
    assert read(additions("backends.toml", changed, new)) == stated

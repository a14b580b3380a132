"""Edits of TOML texts: what is asked for changes, and every other byte stays."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelex_cli.edits.document import append, put, read
from pipelex_cli.edits.syntax import scan
from pipelex_core import PipelexError
from tests.support.properties import PROPERTY

SAMPLE = """\
# head
title = "x" # kept
a.b = 1
inline = { x = 1, 'y z' = { w = [1, "]", '}'] } }

[openai] # the one
  enabled = false   # off
api_key = '''k"'''
list = [ # one
  "a", # ]
  { enabled = true },
]

["dotted.name".sub]
text = \"\"\"two ""
lines\\\"\"\" end\"\"\"

[[many]]
x = 1
[[many]]
x = 2
"""


def flat(tables: dict[str, Any], path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """The paths of every value that is not a table in a list."""
    found = set()
    for name, value in tables.items():
        found.add((*path, name))
        if isinstance(value, dict):
            found |= flat(value, (*path, name))
    return found


def test_every_value_is_found_where_it_stands() -> None:
    """The text between the ends of a pair is its value, in whatever way it is written."""
    tables = read(SAMPLE)
    syntax = scan(SAMPLE)
    for pair in syntax.pairs:
        if pair.path[0] == "many":
            continue
        value: Any = tables
        for part in pair.path:
            value = value[part]
        assert read(f"v = {SAMPLE[pair.start : pair.end]}\n")["v"] == value
    assert {pair.path for pair in syntax.pairs} >= {("inline", "y z", "w"), ("a", "b"), ("dotted.name", "sub", "text")}
    assert [head.path for head in syntax.heads] == [("openai",), ("dotted.name", "sub"), ("many",), ("many",)]


@pytest.mark.parametrize(
    "old,path,value,new",
    [
        ("[a]\nx = 1 # c\n", ("a", "x"), True, "[a]\nx = true # c\n"),
        ("[a]\r\nx = 1", ("a", "y"), True, "[a]\r\nx = 1\r\ny = true"),
        ("\ufeff[a]\r\n\r\n[b]\r\n", ("a", "y"), True, "\ufeff[a]\r\ny = true\r\n\r\n[b]\r\n"),
        ("[a] # c\n# d\n", ("a", "y"), False, "[a] # c\ny = false\n# d\n"),
        ("a = { x = 1 } # c\n", ("a", "y"), False, "a = { y = false, x = 1 } # c\n"),
        ("a = {}\n", ("a", "y"), False, "a = { y = false }\n"),
        ("  a.x = 1 # c\n[b]\n", ("a", "y"), False, "  a.x = 1 # c\n  a.y = false\n[b]\n"),
        ("a = {\n  x = 1, # TOML 1.1\n}\n", ("a", "y"), 2, "a = { y = 2,\n  x = 1, # TOML 1.1\n}\n"),
        ("# c\n[a.b]\nx = 1\n", ("a", "y"), 2, "# c\n[a]\ny = 2\n\n[a.b]\nx = 1\n"),
        ("# file\n\n# of a\n[a]\n", ("y",), "z", '# file\n\ny = "z"\n\n# of a\n[a]\n'),
        ("x = 1 # c\n[a]\n", ("y",), "z", 'x = 1 # c\ny = "z"\n[a]\n'),
        ("[a]", ("b", "y"), True, "[a]\n\n[b]\ny = true\n"),
        ("", ("y",), True, "y = true\n"),
        ("[a]\nx = true", ("a", "x"), True, "[a]\nx = true"),
        ("[a]\nx = 1\n", ("a", "x"), True, "[a]\nx = true\n"),
        ("['a.b']\nx = 1\n", ("a.b", "x"), "y", "['a.b']\nx = \"y\"\n"),
    ],
)
def test_a_value_is_put_where_it_belongs(old: str, path: tuple[str, ...], value: Any, new: str) -> None:
    """In place of the one there is; else where its table is written, in the form and the line ends of that."""
    assert put(old, path, value) == new


@pytest.mark.parametrize("old", ["a = 1\n", "[[a]]\nx = 1\n", "a = [1]\n"])
def test_what_cannot_be_done_is_refused(old: str) -> None:
    """Where there is no table to put it in, nothing is changed."""
    with pytest.raises(PipelexError, match="write it there yourself"):
        put(old, ("a", "y"), True)


def test_a_block_is_appended_in_the_line_ends_of_the_file() -> None:
    """After one empty line, also where the last line has no end."""
    assert append("[a]\r\nx = 1", "[b]\ny = 2\n") == "[a]\r\nx = 1\r\n\r\n[b]\r\ny = 2\r\n"
    assert append("", "[b]\n") == "[b]\n"
    assert append("[a]\n\n", "[b]\n") == "[a]\n\n[b]\n"


NAMES = st.sampled_from(["a", "b", "c-1", "x.y", "é", 'q"', "", "enabled"])
SCALARS = st.one_of(
    st.booleans().map(lambda value: str(value).lower()),
    st.integers(-9, 99).map(str),
    st.sampled_from(["1.50", "inf", "1979-05-27 07:32:00", '"#"', "'[x]'", '"""a\n"b" # c"""', "'''\n{'''", '"\\""']),
    st.sampled_from(
        ["[]", "[ 1, 2 ]", '[ "]", # c\n  "}" ]', "[[1], ['[']]", "{}", "{ k = 1 }", "{ 'k' = { l = 2 } }"]
    ),
)


def quoted(name: str) -> str:
    """A key in quotes."""
    return '"' + name.replace('"', '\\"') + '"'


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A sound TOML text with comments, odd blanks, dotted keys, inline tables, any line ends."""
    lines: list[str] = []
    for table in [None, *draw(st.lists(st.lists(NAMES, min_size=1, max_size=2), max_size=4, unique_by=tuple))]:
        if table is not None:
            lines.append(f"[{' . '.join(map(quoted, table))}]{draw(st.sampled_from(['', ' # of it', '  ']))}")
        for names in draw(st.lists(st.lists(NAMES, min_size=1, max_size=2), max_size=3, unique_by=tuple)):
            blank = draw(st.sampled_from(["", "  ", "\t"]))
            tail = draw(st.sampled_from(["", " # kept", "\n", "\n# alone"]))
            lines.append(f"{blank}{'.'.join(map(quoted, names))}{blank}= {draw(SCALARS)}{tail}")
    text = "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n# end"]))
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return draw(st.sampled_from(["", "\ufeff"])) + text


def sound(text: str) -> bool:
    """Whether it is TOML at all: generated tables may contradict each other."""
    try:
        read(text)
    except tomli.TOMLDecodeError:
        return False
    return True


@settings(PROPERTY, max_examples=150)
@given(texts().filter(sound), st.lists(NAMES, min_size=1, max_size=3).map(tuple), st.sampled_from([True, "new", 7]))
def test_an_edit_keeps_all_other_bytes(text: str, path: tuple[str, ...], value: Any) -> None:
    """Whatever is edited: one value is as asked, all others are as they were, and what is not replaced still stands."""
    before = read(text)
    spans = [(pair.start, pair.end) for pair in scan(text).pairs if pair.path == path]
    try:
        after = put(text, path, value)
    except PipelexError:
        return
    wanted: Any = copy.deepcopy(before)
    table = wanted
    for part in path[:-1]:
        table = table.setdefault(part, {})
    table[path[-1]] = value
    assert read(after) == wanted
    if after == text:
        return
    if spans:
        ((start, end),) = spans
        assert after.startswith(text[:start])
        assert after.endswith(text[end:])
    else:
        common = next((at for at in range(len(text)) if at >= len(after) or text[at] != after[at]), len(text))
        assert after.endswith(text[common:])


@settings(PROPERTY, max_examples=150)
@given(texts().filter(sound))
def test_every_pair_of_any_text_is_found(text: str) -> None:
    """The search finds the values that tomli reads, and each where it stands."""
    tables = read(text)
    found = {pair.path for pair in scan(text).pairs}
    heads = {head.path[:length] for head in scan(text).heads for length in range(1, len(head.path) + 1)}
    inner = {path[:length] for path in found for length in range(1, len(path) + 1)}
    assert inner | heads == flat(tables)

"""TOML documents: what tomli reads is found where it is written, in time that grows with the text."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelex_cli.edits.syntax import scan
from pipelex_core.toml import Places, TomlError, parse
from tests.support.properties import PROPERTY

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = st.one_of(
    st.sampled_from(["a", "b", "c-1", "x.y", "é", 'q"', "", "0", "1", "\\", "#", "[", "模型", " ", "'"]),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=4),
)
STRINGS = st.sampled_from(
    ['"#"', "'[x]'", '"""a\n"b" # c"""', "'''\n{'''", '"\\""', '""""q""""', "''", '""', "'''''a'''''", '"\\e\\x41"']
)
NUMBERS = st.sampled_from(
    ["1", "-3", "1.50", "inf", "0x1F", "1979-05-27 07:32:00", "1979-05-27T07:32", "07:32", "true"]
)
GAPS = st.sampled_from(["", " ", "\t", "\n", " # ] } c\n", "\n\n  "])


@st.composite
def keys(draw: st.DrawFn) -> str:
    """A key of one to three parts, bare or in either kind of quotes, with blanks around the dots."""
    parts = []
    for name in draw(st.lists(NAMES, min_size=1, max_size=3)):
        bare = name.isascii() and name.replace("-", "a").replace("_", "a").isalnum()
        literal = f"'{name}'" if "'" not in name else json.dumps(name)
        parts.append(draw(st.sampled_from([name, json.dumps(name), literal] if bare else [json.dumps(name), literal])))
    return draw(st.sampled_from([".", " . ", "\t."])).join(parts)


def containers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Lists and inline tables of values, with line ends, comments and last commas as TOML 1.1 has them."""

    @st.composite
    def list_of(draw: st.DrawFn) -> str:
        items = [f"{draw(GAPS)}{item}{draw(GAPS)}" for item in draw(st.lists(inner, max_size=3))]
        last = draw(st.sampled_from(["", ","])) if items else ""
        return f"[{','.join(items)}{last}{draw(GAPS)}]"

    @st.composite
    def table_of(draw: st.DrawFn) -> str:
        pairs = [f"{draw(GAPS)}{draw(keys())} = {item}{draw(GAPS)}" for item in draw(st.lists(inner, max_size=3))]
        last = draw(st.sampled_from(["", ","])) if pairs else ""
        return f"{{{','.join(pairs)}{last}{draw(GAPS)}}}"

    return st.one_of(list_of(), table_of())


VALUES = st.recursive(st.one_of(STRINGS, NUMBERS), containers, max_leaves=6)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A document that may contradict itself: headers, arrays of tables, dotted keys, any line ends, a byte-order mark."""
    lines = []
    for header in [None, *draw(st.lists(keys(), max_size=4))]:
        if header is not None:
            form = draw(st.sampled_from(["[{}]", "[[{}]]", "[ {} ] # c"]))
            lines.append(form.format(header))
        for key in draw(st.lists(keys(), max_size=3)):
            blank = draw(st.sampled_from(["", "  ", "\t"]))
            lines.append(f"{blank}{key}{blank}={blank}{draw(VALUES)}{draw(st.sampled_from(['', ' # kept', chr(10)]))}")
    text = "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n# end"]))
    return draw(st.sampled_from(["", "\ufeff"])) + (text.replace("\n", "\r\n") if draw(st.booleans()) else text)


def tables_of(text: str) -> Any:
    """What tomli reads, or None where the text is not TOML."""
    try:
        return tomli.loads(text.removeprefix("\ufeff"))
    except tomli.TOMLDecodeError:
        return None


def leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every path of a document, and what is there."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, str(key)), item
        yield from leaves(item, (*path, str(key)))


@settings(PROPERTY, max_examples=120)
@given(documents().filter(lambda text: tables_of(text) is not None))
def test_every_value_that_tomli_reads_is_found_where_it_is_written(text: str) -> None:
    """The text at the place of a value begins that very value; the text at the place of its key, that key."""
    tables = tables_of(text)
    places = parse(text.encode()).places
    lines = text.removeprefix("\ufeff").split("\n")
    for path, value in leaves(tables):
        if isinstance(value, (dict, list)) and not _is_written_as_one(value, path, text):
            assert places.find(path) is not None, path
            continue
        found = places.find(path, value=True)
        assert found is not None, path
        rest = "\n".join([lines[found[0] - 1][found[1] - 1 :], *lines[found[0] :]])
        assert _first_value(rest) == repr(value), (path, rest)


def _is_written_as_one(value: Any, path: tuple[str, ...], text: str) -> bool:
    """Whether a table or list is one value, not several headers or dotted keys."""
    return any(pair.path == path for pair in scan(text).pairs)


def _first_value(text: str) -> str:
    """The value that a text begins with: the shortest beginning that tomli reads, but for a number's or date's."""
    best = ""
    for end in range(1, len(text) + 1):
        if text[0] not in "\"'[{" and end < len(text) and text[end] not in ",]}#\r\n":
            continue
        try:
            best = repr(tomli.loads(f"v = {text[:end]}\n")["v"])
        except tomli.TOMLDecodeError:
            continue
        if text[0] in "\"'" and end < len(text) and text[end] == text[0]:
            continue  # the quotes that end it may be more
        return best
    return best


@settings(PROPERTY, max_examples=80)
@given(documents().filter(lambda text: tables_of(text) is not None))
def test_every_pair_has_the_path_that_tomli_gives_it(text: str) -> None:
    """Headers and pairs together name every key that tomli reads outside lists, and no other."""
    syntax = scan(text)
    named = {head.path[:length] for head in syntax.heads for length in range(1, len(head.path) + 1)}
    named |= {pair.path[:length] for pair in syntax.pairs for length in range(1, len(pair.path) + 1)}
    lists = {pair.path for pair in syntax.pairs if text[pair.start] == "["}
    assert named == set(_outside_lists(tables_of(text), lists))


def _outside_lists(value: Any, lists: set[tuple[str, ...]], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every path but those inside the lists that are one value; arrays of tables have no numbers."""
    for table in value if isinstance(value, list) else [value]:
        for key, item in table.items() if isinstance(table, dict) else ():
            yield (*path, key)
            if (*path, key) not in lists:
                yield from _outside_lists(item, lists, (*path, key))


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("x = 1\na = " + "[" * 3000 + "]" * 3000, 2, 55),
        ("a = " + "{a=" * 900 + "1" + "}" * 900, 1, 155),
        ("x = 1\n" + ".".join(["k"] * 900) + " = 1", 2, 100),
        ("[" + ".".join(["k"] * 100_000) + "]", 1, 101),
        ("\n".join(f"{'.'.join(['k'] * 900)}{n} = 1" for n in range(500)), 1, 100),
        ("\n".join(f"[{'.'.join(['a'] * 40)}]\n{'.'.join(['b'] * 40)} = 1" for _ in "x"), 2, 1),
        ("a = " + "[" * 200_000, 1, 55),
    ],
)
def test_what_is_nested_too_deeply_is_one_fault_with_its_place(text: str, line: int, column: int) -> None:
    """Lists, inline tables, dotted keys and headers beyond the bound are refused; no RecursionError, no MemoryError."""
    with pytest.raises(TomlError, match="nested too deeply") as caught:
        parse(text.encode())
    assert (caught.value.line, caught.value.column) == (line, column)


def test_what_is_too_large_is_refused_before_it_is_parsed() -> None:
    """A file has at most 16 MB."""
    with pytest.raises(TomlError, match="larger than 16 MB"):
        parse(b"#" * 16_000_001)


def test_long_strings_are_no_long_keys() -> None:
    """Dots in strings and comments do not count as parts of a key, numbers in a list neither."""
    dots = ".".join(["x"] * 500)
    numbers = ", ".join(["1.5"] * 500)
    text = f"a = \"{dots}\" # {dots}\nb = '''\n{dots}'''\nc = [{numbers}]\n"
    assert parse(text.encode()).tables["a"] == dots


def test_the_scanner_passes_over_a_text_once() -> None:
    """The steps that finding all places of a document takes grow with its text, not with the square of it."""

    def steps(count: int) -> int:
        items = ", ".join(f'{{ n = {n}, w = ["v{n}"] }}' for n in range(count))
        text = f"list = [{items}]\n" + "".join(f'[t{n}]\na.b{n} = """x""y"""\n' for n in range(count))
        places = Places(text)
        taken = 0

        def count_calls(_frame: object, _event: str, _argument: object) -> None:
            nonlocal taken
            taken += 1

        sys.setprofile(count_calls)
        try:
            for n in range(count):
                assert places.find((f"t{n}", "a", f"b{n}"), value=True) is not None
                assert places.find(("list", str(n), "w", "0"), value=True) is not None
        finally:
            sys.setprofile(None)
        return taken

    assert steps(800) < 9 * steps(100)


def test_a_text_that_is_not_toml_has_no_places() -> None:
    """A file that changed since it was parsed may be anything: nothing is found, and nothing is raised."""
    for text in ("= 1", "a", "a = [1", "[", "a = {b = ", '"', "a.", "x = '''", "a = 1 }"):
        assert Places(text).find(("nothing", "at", "all")) is None

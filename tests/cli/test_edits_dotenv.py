"""Keys in `.env`: python-dotenv reads the very key again, and every other line stays."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from dotenv import dotenv_values
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipelex_cli.edits.dotenv import quoted, value_of, with_variable
from pipelex_core import PipelexError
from pipelex_core.config.environment import read_environment
from pipelex_core.config.problems import Faults
from tests.support.properties import PROPERTY

KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
TRICKY = st.text(st.sampled_from("'\"\\#$ {}:-=\n\r\t\u2028\x85aé"), min_size=1, max_size=12)


@settings(PROPERTY, max_examples=200)
@given(KEYS | TRICKY)
@example("${HOME}")
@example("a'\\")
@example("\\${A:-b}\r\n#'")
def test_any_key_comes_back(key: str) -> None:
    """What is written is what this project, and python-dotenv itself, read: quotes, `#`, `${…}`, line ends and all."""
    text = with_variable("A=1 # first\r\n", "K", key)
    assert value_of(text, "K") == key
    assert dotenv_values(stream=StringIO(text)) == {"A": "1", "K": key}
    with TemporaryDirectory() as folder:
        file = Path(folder, ".env")
        file.write_bytes(text.encode())
        assert read_environment({"HOME": "/home"}, file, Faults()).variable("K") == key


LINES = st.lists(
    st.sampled_from(
        [
            "# comment",
            "",
            "A=1",
            "export B = 'two # words' # kept",
            'C="x\\ny"',
            'D="two\nlines"',
            "no value",
            "E",
            "F=${A} and more",
            "  G =  plain # kept",
            "H= # empty",
            "=broken",
            "I='never closed",
        ]
    ),
    max_size=6,
)


def common(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    return next((at for at in range(len(one)) if one[at] != other[at : at + 1]), len(one))


@settings(PROPERTY, max_examples=200)
@given(LINES, st.sampled_from(["", "\n"]), st.sampled_from(["\n", "\r\n"]), st.sampled_from("ABDEGHZ"), KEYS | TRICKY)
def test_every_other_line_stays(lines: list[str], end: str, newline: str, name: str, key: str) -> None:
    """Only the line of the variable changes, the last of several; a new one comes at the end."""
    text = (newline.join(lines) + end).replace("\n", newline) if newline == "\r\n" else "\n".join(lines) + end
    try:
        new = with_variable(text, name, key)
    except PipelexError:
        assert "I='never closed" in lines  # a quote in the new value would close it
        return
    if new.startswith(text) and new[len(text) :].strip("\r\n") == f"{name}={quoted(key)}":
        return
    before = common(text, new)
    after = common(text[before:][::-1], new[before:][::-1])
    assert new[before : len(new) - after] in f"={quoted(key)}"


@pytest.mark.parametrize(
    "old,new",
    [
        ("K=old\n", "K=n-1\n"),
        ("export K = 'old' # mine\nB=2", "export K = n-1 # mine\nB=2"),
        ("K=1\nB=2\nK=2 # last\n", "K=1\nB=2\nK=n-1 # last\n"),
        ("K= # none\n", "K=n-1 # none\n"),
        ("K\n", "K=n-1\n"),
        ('K="two\nlines"\n', "K=n-1\n"),
        ("B=2", "B=2\nK=n-1\n"),
        ("B=2\r\n", "B=2\r\nK=n-1\r\n"),
        ("\ufeffK=old\r\n", "\ufeffK=n-1\r\n"),
        ("", "K=n-1\n"),
    ],
)
def test_a_variable_is_replaced_where_it_stands(old: str, new: str) -> None:
    """Its `export`, the blanks and the comment of its line stay."""
    assert with_variable(old, "K", "n-1") == new
    assert with_variable(new, "K", "n-1") == new


def test_keys_of_plain_characters_have_no_quotes() -> None:
    """Most keys look as people write them."""
    assert quoted("sk-proj_A1.b/c+d=") == "'sk-proj_A1.b/c+d='"
    assert quoted("sk-proj_A1.b/c+d") == "sk-proj_A1.b/c+d"

"""Commands of plugins whose name has two words, and command lines whose arguments are named like commands."""

from __future__ import annotations

import pytest

from pipelex_cli.app import _command_of, make_app
from pipelex_core.commands import Command

COMMANDS = {
    "shout": Command("tests.cli.test_command_groups:shout", help="Shout."),
    "choir begin": Command("tests.cli.test_command_groups:begin", help="Begin."),
    "choir end": Command("tests.cli.test_command_groups:end", help="End."),
}


def shout() -> int:
    return 3


def begin(name: str) -> int:
    assert name == "report"
    return 4


def end() -> int:
    return 5


@pytest.mark.parametrize(
    "words,code", [(["shout"], 3), (["choir", "begin", "report"], 4), (["--profile", "show", "choir", "end"], 5)]
)
def test_a_command_of_two_words_is_one_of_a_group(words: list[str], code: int) -> None:
    """Its first word names the group, which several commands share."""
    assert make_app(commands=COMMANDS).meta(words, exit_on_error=False, result_action="return_value") == code


@pytest.mark.parametrize(
    "words,command",
    [
        (["batch", "results", "report"], "batch"),
        (["--profile", "show", "cache"], "cache"),
        (["--debug", "--config=x", "generate", "batch"], "generate"),
        (["--help"], None),
        ([], None),
    ],
)
def test_the_command_of_a_command_line_is_its_first_word(words: list[str], command: str | None) -> None:
    """An argument that is named like a command is an argument; the value of a global option is not a command."""
    assert _command_of(words) == command

"""What a command of a plugin consists of."""

from __future__ import annotations

from attrs import field, frozen


@frozen
class Command:
    """A command of the command line: a function, and one sentence about it.

    The function's parameters become arguments and options, by their annotations; its docstring becomes the help page. A
    keyword-only parameter `context` gets a `pipelex_core.command_line.Context`. It returns the exit code.

    Attributes:
        function: Where it is: `package.module:function`. It is imported when the command runs.
        help: One sentence for the list of commands.
    """

    function: str
    help: str = field(kw_only=True)

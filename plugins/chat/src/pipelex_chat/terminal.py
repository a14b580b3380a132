"""The conversation on the terminal: lines that are messages, and commands, which begin with `/`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pipelex_cli.output import note, write
from pipelex_core.errors import PipelexError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelex_chat.session import Session

_HELP = """\
/model HANDLE     go on with another model        /system TEXT      another system prompt
/attach FILE      attach an image or a document   /tool MOD:FUNC    let the model call a function
/cost             what it has cost                /undo             take the last exchange back
/list             the saved conversations         /open NUMBER      go on with one
/new              begin another one               /help, /quit
A line that ends with \\ goes on in the next one. Ctrl-C ends an answer, Ctrl-D the conversation."""


def converse(session: Session) -> int:
    """Read lines to their end; the exit code."""
    interactive = sys.stdin is not None and sys.stdin.isatty()
    if interactive:
        _use_history()
        note("/help shows what can be typed; Ctrl-D ends the conversation")
    failed = False
    while (line := _read(interactive=interactive)) is not None:
        if not line.strip():
            continue
        try:
            if line.startswith("/"):
                if _command(session, line):
                    break
            else:
                _say(session, line)
        except PipelexError as error:
            failed = True
            note(f"{type(error).__name__}: {error}")
        except KeyboardInterrupt:
            note("\n(the answer was ended; nothing of it is kept)")
    return 1 if failed and not interactive else 0


def _read(*, interactive: bool) -> str | None:
    """The next line, and those that it goes on in; None at the end."""
    lines: list[str] = []
    while True:
        try:
            line = input("… " if lines else "> ") if interactive else _next_line()
        except EOFError:
            return "\n".join(lines) if lines else None
        except KeyboardInterrupt:
            note("")
            return ""
        lines.append(line.removesuffix("\\"))
        if not line.endswith("\\"):
            return "\n".join(lines)


def _next_line() -> str:
    line = sys.stdin.readline() if sys.stdin is not None else ""
    if not line:
        raise EOFError
    return line.rstrip("\n")


def _use_history() -> None:
    """Have earlier lines with the arrow keys, where Python has readline."""
    try:
        import readline  # noqa: F401 -- importing it is enough
    except ImportError:
        return


def _say(session: Session, line: str) -> None:
    def show(piece: str) -> None:
        write(piece)
        sys.stdout.flush()

    result = session.say(line, show)
    write("\n")
    if sys.stderr.isatty():
        cost = f"{result.cost.amount:f} {result.cost.currency}" if result.cost else "of unknown cost"
        note(f"({result.model} of {result.backend}, {cost})")


def _command(session: Session, line: str) -> bool:
    """Do what a line with `/` says; whether the conversation is over."""
    name, _, rest = line[1:].partition(" ")
    rest = rest.strip()
    if name in {"quit", "exit", "q"}:
        return True
    commands: dict[str, Callable[[], object]] = {
        "help": lambda: note(_HELP),
        "model": lambda: session.choose(rest) if rest else note(session.model or "the deck's default"),
        "attach": lambda: session.attach(rest),
        "tool": lambda: session.add_tool(rest),
        "cost": lambda: note(f"{session.cost:f} US$ so far, as far as it is known"),
        "undo": lambda: note("taken back" if session.undo() else "there is nothing to take back"),
        "new": session.begin,
        "list": lambda: _list(session),
        "system": lambda: _system(session, rest),
        "open": lambda: session.load(int(rest)) if rest.isdigit() else note("name its number: /open 7"),
    }
    command = commands.get(name)
    if command is None:
        note(f"there is no /{name}; /help shows what there is")
    else:
        command()
    return False


def _system(session: Session, text: str) -> None:
    session.system = text or None
    session.save()


def _list(session: Session) -> None:
    for number, updated, title in session.store.conversations() if session.store else ():
        note(f"{number:4}  {updated[:16]}  {title}")

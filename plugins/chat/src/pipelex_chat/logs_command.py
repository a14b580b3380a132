"""`pipelex logs`."""

from __future__ import annotations

import json as json_module
import sys
from typing import Annotated, Literal

from cyclopts import Parameter

from pipelex_chat.places import database, switch
from pipelex_chat.recorder import settings
from pipelex_chat.session import Session
from pipelex_chat.store import Store
from pipelex_chat.terminal import converse
from pipelex_cli.output import print_table, write
from pipelex_core.command_line import Context
from pipelex_core.errors import PipelexError


def logs(
    action: Literal["list", "search", "show", "continue", "on", "off", "status", "forget"] = "list",
    what: str | None = None,
    *,
    resume: Annotated[bool, Parameter(name=("--continue", "-c"))] = False,
    contents: bool = False,
    most: Annotated[int, Parameter(name=("--most", "-n"))] = 20,
    json: bool = False,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Show, search and switch the log of calls: handle, model, tokens, cost and time of each; never a key.

    It is off until `pipelex logs on`. Prompts and answers are kept only where `--contents` asks for them.

    Args:
        action: What to do; `search` takes words, `show` and `continue` the number of a call.
        what: The words, or the number.
        resume: Go on with the conversation of a call, as in `pipelex chat`: the one that `show` names, else the latest.
        contents: With `on`: keep prompts and answers too.
        most: Calls to show.
        json: Print one JSON document.
    """
    store = Store(database())
    if action in {"on", "off", "status"}:
        return _switch(action, context, contents=contents, json=json)
    if action == "forget":
        context.note(f"{store.forget()} calls forgotten")
        return 0
    if action == "show" and not (what or "").isdigit():
        msg = "name the number of a call: pipelex logs show 7"
        raise PipelexError(msg)
    if resume or action == "continue":
        return _continue(store, what, context)
    if action == "show":
        rows = [store.call(int(what or 0))]
    else:
        if action == "search" and not what:
            msg = "name what to look for: pipelex logs search WORDS"
            raise PipelexError(msg)
        rows = store.calls(what if action == "search" else None, most=most)
    if json:
        context.print_json(rows)
    elif action == "show":
        write("".join(f"{name:14} {value}\n" for name, value in rows[0].items() if value is not None))
    else:
        columns = ("id", "at", "handle", "model", "backend", "cost", "seconds", "outcome")
        cells = [[None if row[name] is None else str(row[name]) for name in columns] for row in rows]
        print_table(columns, cells, empty="no call is logged; switch the log on: pipelex logs on")
    sys.stdout.flush()
    return 0


def _continue(store: Store, what: str | None, context: Context) -> int:
    """Continue the conversation of a call: a conversation of its own, saved beside the log."""
    if what is not None and not what.isdigit():
        msg = "name the number of a call: pipelex logs continue 7"
        raise PipelexError(msg)
    stated = store.stated_in(None if what is None else int(what))
    with context.client() as client:
        session = Session(client=client, store=store)
        session.open(stated)
        context.note(f"going on after: {' '.join(session.messages[-2].text.split())[:70]}")
        return converse(session)


def _switch(action: str, context: Context, *, contents: bool, json: bool) -> int:
    file = switch()
    if action == "on":
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.write_text(json_module.dumps({"contents": contents}), encoding="utf-8")
    elif action == "off":
        file.unlink(missing_ok=True)
    is_on = file.is_file()
    state = {"on": is_on, "contents": bool(settings().get("contents")), "file": str(database())}
    if json:
        context.print_json(state)
    else:
        kept = "with prompts and answers" if state["contents"] else "without prompts and answers"
        context.note(f"calls are logged to {state['file']}, {kept}" if is_on else "calls are not logged")
    return 0

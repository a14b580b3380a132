"""`pipelex chat`."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from pipelex_chat.places import database
from pipelex_chat.session import Session
from pipelex_chat.store import Store
from pipelex_chat.terminal import converse
from pipelex_cli.completion import handles
from pipelex_core.command_line import Context


def chat(
    *,
    model: Annotated[str | None, Parameter(name=("--model", "-m"), completer=handles)] = None,
    system: str | None = None,
    attach: list[str] | None = None,
    tools: list[str] | None = None,
    resume: Annotated[bool, Parameter(name=("--continue", "-c"))] = False,
    conversation: Annotated[int | None, Parameter(name=("--conversation", "--id"))] = None,
    save: Annotated[bool, Parameter(negative="--no-save")] = True,
    context: Annotated[Context, Parameter(parse=False)],
) -> int:
    """Have a conversation with a model. `/help` shows what can be typed besides; it is saved, and `-c` goes on with it.

    Args:
        model: A preset, alias or model; the deck's default where it is left out.
        system: System prompt.
        attach: An image or a document for the first message. May be given several times.
        tools: A function that the model may call, `module:function`, or a server of tools. May be given several times.
        resume: Go on with the latest conversation.
        conversation: Go on with the conversation of this number.
        save: Save the conversation on this machine.
    """
    store = Store(database())
    with context.client() as client:
        session = Session(client=client, store=store if save else None, model=model, system=system)
        if resume or conversation is not None:
            session.open(store.conversation(conversation), model=model, system=system)
        for file in attach or []:
            session.attach(file)
        for name in tools or []:
            session.add_tool(name)
        return converse(session)

"""A conversation: its messages, model, attachments and tools, what it costs; and how it is saved."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field

from pipelex_core import Message, TextPart
from pipelex_core.errors import PipelexError, UnsupportedInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipelex_chat.store import Store
    from pipelex_core import Client, TextResult

_IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp")


@define
class Session:
    """One conversation.

    Attributes:
        client: Who asks.
        store: Where it is saved; None for nowhere.
        model: The handle, or None for the deck's default.
        system: System prompt, or None.
        messages: So far.
        cost: What is known of what it cost, in US$.
        number: Its number in the store; None before it is saved.
        attachments: For the next message.
        tools: What the model may call.
    """

    client: Client
    store: Store | None = None
    model: str | None = None
    system: str | None = None
    messages: list[Message] = field(factory=list)
    cost: Decimal = Decimal(0)
    number: int | None = None
    attachments: list[str] = field(factory=list)
    tools: list[Any] = field(factory=list)

    def open(self, saved: Mapping[str, Any], *, model: str | None = None, system: str | None = None) -> None:
        """Go on with a saved conversation, with another model or system prompt where they are named."""
        self.messages = [Message.from_dict(each) for each in saved["messages"]]
        self.model, self.system = model or saved["model"], system or saved["system"]
        self.cost, self.number = Decimal(saved["cost"] or 0), saved["id"]

    def begin(self) -> None:
        """Begin another conversation, with the same model, system prompt and tools."""
        self.messages, self.cost, self.number, self.attachments = [], Decimal(0), None, []

    def choose(self, model: str) -> None:
        """Go on with another model.

        Raises:
            ConfigError: The handle exists nowhere.
        """
        self.client.deck.resolve(model)
        self.model = model

    def attach(self, file: str) -> None:
        """Attach a file or an address to the next message.

        Raises:
            UnsupportedInputError: There is no such file.
        """
        if "://" not in file and not Path(file).expanduser().is_file():
            msg = f"there is no file '{file}'"
            raise UnsupportedInputError(msg)
        self.attachments.append(file if "://" in file else str(Path(file).expanduser()))

    def add_tool(self, name: str) -> None:
        """Let the model call a function, `module:function`, or a server that a plugin knows, such as `mcp:…`.

        Raises:
            UnsupportedInputError: There is no such function.
        """
        module, _, function = name.partition(":")
        if module == "mcp" or "://" in name:
            self.tools.append(name)
            return
        try:
            self.tools.append(getattr(import_module(module), function))
        except (ImportError, AttributeError, ValueError) as error:
            msg = f"the tool '{name}' cannot be imported: {error}"
            raise UnsupportedInputError(msg) from error

    def say(self, text: str, show: Callable[[str], None]) -> TextResult:
        """Say something; the answer is shown as it comes, and kept.

        Args:
            text: The user's message.
            show: Takes pieces of the answer.

        Raises:
            PipelexError: The call failed; the conversation is as it was before.
        """
        images = [each for each in self.attachments if each.lower().endswith(_IMAGES)]
        documents = [each for each in self.attachments if each not in images]
        stated: Any = [*self.messages, {"role": "user", "content": text}]
        provided: dict[str, Any] = {
            "model": self.model,
            "system": self.system,
            "images": images,
            "documents": documents,
        }
        if self.tools:
            result: TextResult = self.client.run(stated, tools=self.tools, **provided)
            show(result.text)
        else:
            with self.client.stream_text(stated, **provided) as stream:
                for delta in stream:
                    show(delta)
            result = stream.result
        noted = "".join(f"\n[attached: {each}]" for each in self.attachments)
        self.messages += [Message(role="user", parts=(TextPart(text + noted),)), result.message]
        self.attachments = []
        if result.cost is not None:
            self.cost += result.cost.amount
        self.save()
        return result

    def undo(self) -> bool:
        """Take the last question and its answer back; whether there was one."""
        if not self.messages:
            return False
        del self.messages[-2:]
        self.save()
        return True

    def save(self) -> None:
        """Save it as it is now."""
        if self.store is None:
            return
        first = next((message.text for message in self.messages if message.role == "user"), "")
        saved = {
            "updated": datetime.now(UTC).isoformat(timespec="microseconds"),
            "title": first.split("\n")[0][:80],
            "model": self.model,
            "system": self.system,
            "messages": [message.to_dict() for message in self.messages],
            "cost": f"{self.cost:f}",
        }
        self.number = self.store.save(saved, self.number)

    def load(self, number: int) -> None:
        """Go on with another saved conversation.

        Raises:
            PipelexError: Nothing is saved, or there is none of that number.
        """
        if self.store is None:
            msg = "conversations are not saved here: --no-save"
            raise PipelexError(msg)
        self.open(self.store.conversation(number))

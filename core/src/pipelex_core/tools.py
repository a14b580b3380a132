"""What `client.run` runs: a tool, and a source that brings several."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from attrs import frozen

from pipelex_core.errors import ToolFailedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from pipelex_core.parts import Tool

__all__ = ["RunnableTool", "ToolFailedError", "ToolSource"]


@frozen(kw_only=True)
class RunnableTool:
    """A tool, and what runs it.

    Attributes:
        tool: What the model reads of it.
        call: Runs it with the arguments that the model wrote, which are not checked yet, and returns a text, or a value
            that JSON can hold. It raises `ToolFailedError` with what the model is to read; of any other exception the
            model reads the class and the message. Several calls may run at the same time, and each may be cancelled.
    """

    tool: Tool
    call: Callable[[Mapping[str, Any]], Awaitable[Any]]


class ToolSource(ABC):
    """Brings tools for as long as a run takes, such as those of a server that is started for it."""

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[Sequence[RunnableTool]]:
        """The tools for one run, mostly written with `@asynccontextmanager`; several runs may have it open at the same time.

        It is entered when the run begins, in the run's event loop, and left when the run has ended, in whatever way, maybe from
        another task.

        Raises:
            PipelexError: It cannot be started, and why. The run ends with it before a model is asked.
        """

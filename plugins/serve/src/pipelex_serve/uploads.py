"""Forms with a file, as `multipart/form-data`: read piece by piece, and a large file kept on the disk, not in memory."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import aclosing, asynccontextmanager
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from attrs import evolve

from pipelex_serve.problems import refuse

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.datastructures import FormData, UploadFile

    from pipelex_core.sound import Recording
    from pipelex_serve.exchange import Exchange

_IN_MEMORY = 1024 * 1024
_MOST_FIELDS = 100


@asynccontextmanager
async def form_of(
    exchange: Exchange, most_files: int = 1, what: str = "the recording as its 'file'"
) -> AsyncGenerator[FormData, None]:
    """The form of a request, for the block; its files are gone after it.

    Raises:
        RefusedError: 400 where it is not a form; 413 and 408 as of `read_body`.
    """
    from starlette.datastructures import Headers
    from starlette.formparsers import MultiPartException, MultiPartParser

    headers = Headers(raw=exchange.scope["headers"])
    if not headers.get("content-type", "").lower().startswith("multipart/form-data"):
        msg = f"the request must be a form, as multipart/form-data, with {what}"
        raise refuse(400, msg, code="invalid_form")
    async with aclosing(exchange.body_pieces()) as pieces:
        try:
            form = await MultiPartParser(headers, pieces, max_files=most_files, max_fields=_MOST_FIELDS).parse()
        except MultiPartException as error:
            msg = f"the form cannot be read: {error.message}"
            raise refuse(400, msg, code="invalid_form") from None
    try:
        yield form
    finally:
        await form.close()


async def pictures_of(form: FormData) -> tuple[list[bytes], bytes | None]:
    """The pictures of a form, `image` or `image[]`, and its `mask`.

    Raises:
        RefusedError: 400: there is no picture.
    """
    from starlette.datastructures import UploadFile

    uploads = [(name.removesuffix("[]"), each) for name, each in form.multi_items() if isinstance(each, UploadFile)]
    pictures = [await each.read() for name, each in uploads if name == "image"]
    if not pictures:
        msg = "'image' is missing: it is the picture to edit, as a file of the form"
        raise refuse(400, msg, code="missing_required_parameter", param="image")
    masks = [await each.read() for name, each in uploads if name == "mask"]
    return pictures, masks[0] if masks else None


@asynccontextmanager
async def recording_of(form: FormData, name: str) -> AsyncGenerator[Recording, None]:
    """The recording in a form, for the block.

    Raises:
        RefusedError: 400: it is missing, empty, or not sound.
    """
    from starlette.datastructures import UploadFile

    from pipelex_operations.audio import NAMES, read_recording, sniff_audio

    upload: Any = form.get(name)
    if not isinstance(upload, UploadFile):
        msg = f"'{name}' is missing: it is the recording, as a file of the form"
        raise refuse(400, msg, code="missing_required_parameter", param=name)
    head = await upload.read(4096)
    await upload.seek(0)
    if sniff_audio(head) is None:
        why = f"is not sound that is known ({NAMES})" if head else "is empty"
        raise refuse(400, f"'{name}' {why}", code="invalid_value", param=name)
    if (upload.size or 0) <= _IN_MEMORY:
        yield _named(read_recording(await upload.read()), upload)
        return
    with TemporaryDirectory(prefix="pipelex-serve-") as folder:
        path = Path(folder) / "recording"
        await asyncio.to_thread(_write, upload, path)
        yield _named(await asyncio.to_thread(read_recording, path), upload)


def _write(upload: UploadFile, path: Path) -> None:
    with path.open("xb") as file:
        shutil.copyfileobj(upload.file, file)


def _named(recording: Recording, upload: UploadFile) -> Recording:
    """The recording under the client's name for it, with the suffix of its type."""
    stem = PurePath(upload.filename or "").stem[:100]
    return evolve(recording, name=stem + PurePath(recording.name).suffix) if stem else recording

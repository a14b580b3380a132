"""Images and documents of a request: bytes in base64, or a URL on the web; never a file of this machine."""

from __future__ import annotations

import binascii
from base64 import b64decode

from pipelex_core.audio import read_audio
from pipelex_core.media import read_document, read_image
from pipelex_core.parts import AudioPart, DocumentPart, ImagePart, Media
from pipelex_serve.problems import refuse


def image_of_url(url: object) -> ImagePart:
    """The image at a data URL or on the web.

    Raises:
        RefusedError: It is another kind of address.
        UnsupportedInputError: It is not an image.
    """
    return ImagePart(read_image(_address(url, "an image")))


def document_of_url(url: object, name: object = None) -> DocumentPart:
    """The document at a data URL or on the web; errors as of `image_of_url`."""
    media = read_document(_address(url, "a document"))
    if isinstance(name, str) and name:
        media = Media(data=media.data, url=media.url, media_type=media.media_type, name=name)
    return DocumentPart(media)


def image_of_base64(data: object, media_type: object) -> ImagePart:
    """An image in base64, of a type that its bytes show."""
    bare = read_image(_bytes(data, "an image"))
    if isinstance(media_type, str) and media_type != bare.media_type:
        return ImagePart(Media(data=bare.data, media_type=bare.media_type))
    return ImagePart(bare)


def document_of_base64(data: object, media_type: object, name: object = None) -> DocumentPart:
    """A document in base64."""
    content = _bytes(data, "a document")
    kind = media_type if isinstance(media_type, str) and media_type else "application/pdf"
    media = Media(data=content, media_type=kind, name=name if isinstance(name, str) and name else None)
    return DocumentPart(read_document(media))


def audio_of_base64(data: object) -> AudioPart:
    """A recording in base64, of the kind that its bytes show.

    Raises:
        RefusedError: It is not base64.
        UnsupportedInputError: It is not sound.
    """
    return AudioPart(read_audio(_bytes(data, "a recording")))


def document_of_text(text: object, name: object = None) -> DocumentPart:
    """A document that is plain text."""
    if not isinstance(text, str) or not text:
        msg = "a document's text is a string that is not empty"
        raise refuse(400, msg, code="invalid_value")
    title = name if isinstance(name, str) and name else None
    return DocumentPart(Media(data=text.encode("utf-8"), media_type="text/plain", name=title))


def _address(url: object, what: str) -> str:
    if isinstance(url, str) and url[:8].lower().startswith(("data:", "http://", "https://")):
        return url
    msg = f"the address of {what} is a data URL, or begins with http:// or https://"
    raise refuse(400, msg, code="invalid_image_url" if what == "an image" else "invalid_value")


def _bytes(data: object, what: str) -> bytes:
    if not isinstance(data, str):
        msg = f"the data of {what} is a string in base64"
        raise refuse(400, msg, code="invalid_value")
    if data[:5].lower() == "data:":
        data = data.partition(",")[2]
    try:
        return b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        msg = f"the data of {what} is not valid base64: {error}"
        raise refuse(400, msg, code="invalid_base64") from None

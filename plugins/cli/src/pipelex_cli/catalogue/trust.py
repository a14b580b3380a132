"""Whether a catalogue's file is the one that was meant: by a hash that is known, or by a signature of a pinned key."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode

from pipelex_cli.catalogue.archive import digest_of
from pipelex_core.errors import PipelexError

_HASH = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_KEY = re.compile(r"ed25519:([A-Za-z0-9+/]{43}=)")
_SIGNATURE_LENGTH = 64


def read_hash(text: str) -> str:
    """The digits of a hash such as `sha256:9f86…`.

    Raises:
        PipelexError: It is malformed.
    """
    match = _HASH.fullmatch(text.strip().lower())
    if match is None:
        msg = f"'{text:.80}' is not a hash such as sha256: and 64 hexadecimal digits"
        raise PipelexError(msg)
    return match[1]


def check_hash(data: bytes, digest: str) -> None:
    """Refuse a file of another hash.

    Raises:
        PipelexError: The file has another one.
    """
    found = digest_of(data)
    if found != digest:
        msg = f"the file is not the catalogue that was asked for: its hash is sha256:{found}, not sha256:{digest}; nothing was changed"
        raise PipelexError(msg)


def read_key(text: str) -> bytes:
    """The 32 bytes of a public key such as `ed25519:` and 44 characters of Base64.

    Raises:
        PipelexError: It is malformed.
    """
    match = _KEY.fullmatch(text.strip())
    if match is None:
        msg = f"'{text:.80}' is not a public key such as ed25519: and its 32 bytes in Base64"
        raise PipelexError(msg)
    return b64decode(match[1])


def check_signature(data: bytes, signature: bytes, key: bytes) -> None:
    """Refuse a file that the owner of a key did not sign.

    Args:
        data: The file.
        signature: Ed25519 over all of it: 64 bytes, or these in Base64.
        key: The public key, 32 bytes.

    Raises:
        PipelexError: The signature is another's, of another file, or none; or `cryptography` is not installed.
    """
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError as error:
        msg = "signatures need the package cryptography; run: pip install 'pipelex-cli[signatures]'"
        raise PipelexError(msg) from error
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(_signature_bytes(signature), data)
    except (InvalidSignature, ValueError) as error:
        msg = "the signature is not that of the pinned key for this file; nothing was changed"
        raise PipelexError(msg) from error


def _signature_bytes(signature: bytes) -> bytes:
    if len(signature) == _SIGNATURE_LENGTH:
        return signature
    try:
        return b64decode(signature.strip(), validate=True)
    except binascii.Error as error:
        msg = "it is neither 64 bytes nor Base64"
        raise ValueError(msg) from error

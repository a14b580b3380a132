#!/usr/bin/env bash
# Bytes in a JSON answer, in the two alphabets of base64 that providers use, read into typed fields.
#
# Versions: pydantic 2.14.4, msgspec 0.23.0.
# Expected: bytes in the other alphabet are read or refused.
# Seen: pydantic's `Base64Bytes` skips every character that is not of its alphabet: "-__-", three bytes in the URL-safe alphabet that
#   google-genai writes, is read as no bytes, without an error; where two of four characters remain, "AP-_", the
#   error is about padding. `Base64UrlBytes` reads both alphabets. A `bytes` field with `val_json_bytes="base64"` reads both too, and unpadded text, but refuses a line feed at
#   the end, which the two others skip. msgspec refuses the URL-safe alphabet, missing padding and line feeds.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'pydantic==2.14.4' 'msgspec==0.23.0'
"$work/venv/bin/python" - <<'PY'
import json

import msgspec
import pydantic


class Standard(pydantic.BaseModel):
    data: pydantic.Base64Bytes


class UrlSafe(pydantic.BaseModel):
    data: pydantic.Base64UrlBytes


class Configured(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(val_json_bytes="base64")
    data: bytes


class Struct(msgspec.Struct):
    data: bytes


READERS = {
    "Base64Bytes": Standard.model_validate_json,
    "Base64UrlBytes": UrlSafe.model_validate_json,
    "val_json_bytes": Configured.model_validate_json,
    "msgspec": lambda document: msgspec.json.decode(document, type=Struct),
}
THREE = b"\xfb\xff\xfe"
EXPECTED = {
    "+//+": (THREE, THREE, THREE, THREE),
    "-__-": (b"", THREE, THREE, None),
    "AP-_": (None, b"\x00\xff\xbf", b"\x00\xff\xbf", None),
    "aGk": (None, None, b"hi", None),
    "aGk=\n": (b"hi", b"hi", None, None),
}
for text, expected in EXPECTED.items():
    seen = []
    for read in READERS.values():
        try:
            seen.append(read(json.dumps({"data": text})).data)
        except ValueError:
            seen.append(None)
    print(f"{text!r}:", "; ".join(f"{name} {value}" for name, value in zip(READERS, seen)))
    assert tuple(seen) == expected, (text, seen)
PY

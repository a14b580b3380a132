"""Wheels with data in them, as pip takes them."""

from __future__ import annotations

import hashlib
import zipfile
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write_wheel(folder: Path, name: str, content: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """A wheel of version 1.0 that holds these files, and requires what is never asked for."""
    module = name.replace("-", "_")
    info = f"{module}-1.0.dist-info"
    files = {
        **content,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: never-asked-for\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    for member, data in files.items():
        digest = urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append(f"{member},sha256={digest},{len(data)}")
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{module}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", compression) as archive:
        for member, data in files.items():
            archive.writestr(member, data)
    return wheel

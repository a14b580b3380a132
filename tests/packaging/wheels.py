"""Small wheels, written by hand: what an installer gets to see, with faults that no build tool would let through."""

from __future__ import annotations

import hashlib
import textwrap
import zipfile
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

GROUP = "pipelex_core.plugins"


def wheel(
    folder: Path,
    name: str,
    files: Mapping[str, str],
    *,
    version: str = "1.0",
    requires: tuple[str, ...] = ("pipelex-core>=0.1,<0.2",),
    points: str | None = None,
) -> Path:
    """A wheel of a distribution, the same bytes for the same arguments.

    Args:
        folder: Where to put it.
        name: The distribution, such as `acme-good`; its module is then `acme_good`.
        files: Path -> text.
        version: Its version.
        requires: What it requires.
        points: The lines of its entry points; None for `good = acme_good`.
    """
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    lines = f"{name.partition('-')[2] or name} = {module}" if points is None else points
    contents = {path: textwrap.dedent(text) for path, text in files.items()} | {
        f"{info}/METADATA": "".join(
            [
                f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
                *(f"Requires-Dist: {line}\n" for line in requires),
            ]
        ),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[{GROUP}]\n{lines}\n",
    }
    record = "".join(f"{path},sha256={_digest(text)},{len(text.encode())}\n" for path, text in contents.items())
    contents[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    target = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for path, text in contents.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return target


def _digest(text: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


HEALTHY = """
from importlib.resources import files

from pipelex_core.hookspecs import hookimpl


def create(config):
    from acme_healthy._backend import AcmeBackend

    return AcmeBackend(config)


@hookimpl
def pipelex_backends():
    return {"acme": create}


@hookimpl
def pipelex_model_specs():
    return {"acme": files(__name__) / "acme.toml"}
"""

HEALTHY_BACKEND = """
from pipelex_core.backend import TextGenerator
from pipelex_core.results import TextAnswer, Usage


class AcmeBackend(TextGenerator):
    async def generate_text(self, request):
        key = self.config.api_key.reveal() if self.config.api_key else "no key"
        text = f"acme says hello with {key}"
        return TextAnswer(text=text, usage=Usage(input_tokens=1, output_tokens=3), finish_reason="stop")
"""

HEALTHY_SPECS = """
[backend]
display_name = "Acme"
api_key = "${ACME_API_KEY:-no key}"

[acme-one]
model_type = "llm"
sdk = "acme"
inputs = ["text"]
outputs = ["text"]
"""


def healthy_wheel(folder: Path, *, version: str = "1.0", specs: str = HEALTHY_SPECS) -> Path:
    """A plugin whose one model needs neither network nor key."""
    files = {
        "acme_healthy/__init__.py": HEALTHY,
        "acme_healthy/_backend.py": HEALTHY_BACKEND,
        "acme_healthy/acme.toml": specs,
    }
    return wheel(folder, "acme-healthy", files, version=version)
